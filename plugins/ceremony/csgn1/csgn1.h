/* The station's run of CSGN/1 over the session service.  Module-internal. */
#ifndef CSN_CEREMONY_CSGN1_CSGN1_H
#define CSN_CEREMONY_CSGN1_CSGN1_H

#include <countersign/ceremony.h>
#include <countersign/host.h>

#include "lib/anchors.h"
#include "station.h"

enum {
	CSGN1_SUITES  = 2,
	CSGN1_SUBJECT = 65536, /* the largest manifest or record taken           */
	CSGN1_VOUCHER = 8192,
	CSGN1_RETRIES = 4,     /* for a result row that lost a race              */
};

/* One configured station.  Options first; host->bind fills them. */
struct csgn1 {
	const struct csn_host *host;
	char    *key_1, *key_2, *makers;
	char    *require_evidence, *operator_name;
	uint32_t repeat, repeat_ms, deadline_ms;
	uint32_t early_s, window_s, session_s, lifetime_s;
	uint32_t pin_generate, pin_digits, ask_success;

	const struct csn_crypto *crypto;
	struct csn_anchor        anchors[CSN_ANCHORS_MAX];
	struct station_maker     trusted[CSN_ANCHORS_MAX]; /* borrow from anchors  */
	size_t                   trusted_count;
};

enum csgn1_phase {
	PHASE_IDLE,     /* nothing asked for yet, or nothing ever again           */
	PHASE_ANNOUNCE, /* M0a goes out                                           */
	PHASE_HELLO,    /* waiting for M0b                                        */
	PHASE_BLOCKED,  /* is the device in quarantine?                           */
	PHASE_RUNG,
	PHASE_EVIDENCE,
	PHASE_DECIDE, /* the stages up to AUTHORISED, one after the other       */
	PHASE_PIN,
	PHASE_VOUCHER,
	PHASE_PAYLOAD,
	PHASE_SIGN,
	PHASE_COMMIT, /* nothing has left before this one is over               */
	PHASE_RESUME_ROW, /* instead of all that: an earlier session is settled  */
	PHASE_OFFER,
	PHASE_RESUME_M1,
	PHASE_REOFFER,
	PHASE_BIND,
	PHASE_DELIVERED,
	PHASE_SHOWN,      /* M2 is repeated; M4 and M3 may come                     */
	PHASE_RESUMED,    /* M3 may come                                            */
	PHASE_BODY,       /* mode 3: the payload, after the PIN was proved          */
	PHASE_SIGN_INNER,
	PHASE_COMMIT_INNER,
	PHASE_OFFER_INNER,
	PHASE_REACHED,
	PHASE_ACKED,
	PHASE_ENROLLED,
	PHASE_RELOAD, /* the rung row again, to change it                       */
	PHASE_RESULT,
	PHASE_COUNT
};

struct csgn1_run {
	struct csgn1       *self;
	struct csn_session *session;
	uint32_t            phase, call, last_call;
	uint32_t            deadline_call, repeat_call, word_call, repeats;
	bool                two_way, pin, record; /* what the session is about      */
	bool                recorded;              /* an offer is on record          */
	bool                blocked, paked, over;
	bool                resumed;               /* settles an earlier session      */

	uint64_t not_after_unix_s;
	uint32_t stage, item, retries;

	struct station_trust  trust;
	struct station_note   note;
	struct station_device device;
	struct station_hello  hello;
	struct station_rungs  rungs;
	struct csn_bytes      chain[CSGN1_SUITES][STATION_CHAIN];
	size_t                chain_len[CSGN1_SUITES];
	uint8_t               skid[CSGN1_SUITES][16];
	char                  item_type[256];
	bool                  item_needed;

	/* How it ends, while the result row is on its way. */
	uint32_t outcome, code;
	bool     said;
	char     text[240];
	uint8_t  t2[32], receipt[128];
	bool     has_t2;
	size_t   receipt_len;

	uint8_t rung_row[STATION_ROW_MAX], offer_row[STATION_ROW_MAX];
	uint8_t new_rung_row[STATION_ROW_MAX], result_row[STATION_ROW_MAX];
	size_t  rung_row_len, new_rung_row_len;
	uint8_t m2[CSN_M2_LEN], to_sign[STATION_TO_SIGN];
	size_t  to_sign_len;
	char    pin_text[CSN_PIN_MAX + 1]; /* secret                           */

	size_t  subject_len, m0b_len, held_len, voucher_len, m1_len, m5_len, body_len;
	uint8_t held[CSN_MSG_MAX], voucher[CSGN1_VOUCHER];
	uint8_t subject[CSGN1_SUBJECT], m0b[CSN_M0B_MAX];
	uint8_t m1[CSN_M1_MAX], m5[CSN_M5_MAX], body[CSN_CT_MAX];

	struct station st;
};

/*
 * One phase: enter starts a call under run->call, leave reads its answer.  Both may go
 * on to another phase, and both return a negative code only for a fault of ours.
 */
struct csgn1_step {
	uint32_t awaits; /* enum csn_event_type; 0: no call of its own             */
	int (*enter)(struct csgn1_run *run, const struct csn_event *event);
	int (*leave)(struct csgn1_run *run, const struct csn_event *event);
};
const struct csgn1_step *csgn1_prepare_step(uint32_t phase); /* up to PIN   */
const struct csgn1_step *csgn1_offer_step(uint32_t phase);   /* to BIND     */
const struct csgn1_step *csgn1_resume_step(uint32_t phase);  /* settling    */
const struct csgn1_step *csgn1_answer_step(uint32_t phase);  /* the rest    */

/* csgn1.c: what every phase uses. */
int csgn1_go(struct csgn1_run *run, enum csgn1_phase phase, const struct csn_event *event);
/* Ends the run with a refusal code (positive), or by a fault of ours (negative). */
int csgn1_refuse(struct csgn1_run *run, int code, const struct csn_event *event);
/* Ends the run; stores the result first when an offer is on record. */
__attribute__((format(printf, 4, 5))) int
csgn1_end(struct csgn1_run *run, const struct csn_event *event, uint32_t outcome,
          const char *fmt, ...);
/* Says goodbye now: run->outcome, code and text. */
/* From now on an answer has deadline_ms; a later call starts anew. */
int csgn1_deadline(struct csgn1_run *run);
int csgn1_finish(struct csgn1_run *run);
/* What a call that gave @result is called to a person. */
const char *csgn1_why(int result);
struct csn_bytes csgn1_bytes(const uint8_t *ptr, size_t len);
const char *csgn1_key(const struct csgn1_run *run, uint32_t suite);

/* csgn1-prepare.c */
int csgn1_start(struct csgn1_run *run, const struct csn_event *event);
int csgn1_on_hello(struct csgn1_run *run, const struct csn_event *event);
void csgn1_say_hex(struct csgn1_run *run, const char *name, const uint8_t *bytes,
                   size_t len);
/* csgn1-offer.c: the ladder moves, if nobody moved it meanwhile; how many items. */
size_t csgn1_rung_items(const struct csgn1_run *run, struct csn_store_item items[2]);
/* csgn1-resume.c: ends a run that settled nothing. */
int csgn1_unsettled(struct csgn1_run *run, const struct csn_event *event, const char *why);
/* csgn1-answer.c */
bool csgn1_for_another(const struct csgn1_run *run, struct csn_bytes message);
int csgn1_on_return(struct csgn1_run *run, const struct csn_event *event);
int csgn1_on_timer(struct csgn1_run *run, const struct csn_event *event);
int csgn1_on_stop(struct csgn1_run *run, const struct csn_event *event);
int csgn1_on_repeated(struct csgn1_run *run, const struct csn_event *event);
int csgn1_on_word(struct csgn1_run *run, const struct csn_event *event);

extern const struct csn_ceremony_ops csgn1_ops;

#endif
