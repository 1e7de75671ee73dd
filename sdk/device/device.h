/*
 * The device half of CSGN/1 as a sans-I/O machine: an event goes in, one action comes
 * out.  No allocation, no clock, no file; crypto comes through struct csn_crypto.
 *
 * The host sends action.send (if any) on action.role, sleeps until action.wake_ns,
 * and does what action.type says.  After COMMIT and ASK_PIN it answers with one
 * COMMITTED or PIN event; messages that arrive meanwhile are ignored.
 */
#ifndef CSN_DEVICE_DEVICE_H
#define CSN_DEVICE_DEVICE_H

#include <countersign/ceremony.h>
#include <countersign/types.h>
#include "device/state.h"
#include "lib/crypto.h"
#include "lib/csgn1.h"

enum {
	CSN_DEVICE_MEDIUM_MAX   = 32,
	CSN_DEVICE_BINDS        = 4,    /* M2s kept before their M1           */
	CSN_DEVICE_BIND_LATE_MS = 30000,
	CSN_DEVICE_GREETING_MS  = 120000,
	CSN_DEVICE_PIN_MS       = 120000,
	CSN_DEVICE_PAKE_MS      = 120000,
	CSN_DEVICE_PROVERS_MAX  = 4,
	/* A work buffer of this size takes every message there may be. */
	CSN_DEVICE_BUF_MAX      = CSN_M5_MAX + CSN_DEVICE_CHAIN_MAX + 128,
	CSN_DEVICE_RESEND_MS    = 2000, /* a camera sees one offer many times */
};

enum csn_device_input {
	CSN_DEVICE_MESSAGE   = 1, /* role, medium, at_ns, bytes               */
	CSN_DEVICE_PIN       = 2, /* bytes: the digits; none: nobody answered */
	CSN_DEVICE_COMMITTED = 3, /* result                                   */
	CSN_DEVICE_TIMER     = 4,
};

/* Borrowed for the length of csn_device_event(). */
struct csn_device_event {
	uint32_t         type; /* enum csn_device_input                       */
	uint32_t         role; /* CSN_ROLE_OFFER or CSN_ROLE_BIND             */
	int32_t          result;
	const char      *medium;
	uint64_t         at_ns;   /* when the last byte came                  */
	uint64_t         now_ns;  /* boot-time clock                          */
	uint64_t         unix_s;  /* wall clock                               */
	uint32_t         clock_trusted;
	struct csn_bytes bytes;
};

enum csn_device_verb {
	CSN_DEVICE_WAIT     = 0, /* nothing to do                             */
	CSN_DEVICE_IGNORED  = 1, /* not for us or not now; code says why or is 0 */
	CSN_DEVICE_ASK_PIN  = 2, /* 6 to 12 digits; answer with PIN           */
	CSN_DEVICE_COMMIT   = 3, /* commit what stands in .commit; answer COMMITTED */
	CSN_DEVICE_ACCEPTED = 4, /* committed and active                      */
	CSN_DEVICE_REFUSED  = 5, /* code for the audit log, never for outside */
	CSN_DEVICE_RELEASED = 6, /* quarantine has ended                      */
	CSN_DEVICE_RESENT   = 7, /* the stored M3 goes out again              */
};

enum csn_device_commit {
	CSN_DEVICE_TRY      = 1, /* state                                     */
	CSN_DEVICE_ACCEPT   = 2, /* state, body, M3, audit entry              */
	CSN_DEVICE_ACTIVATE = 3, /* state                                     */
	CSN_DEVICE_REFUSE   = 4, /* state, audit entry                        */
	CSN_DEVICE_RELEASE  = 5, /* state, audit entry                        */
};

/* One audit entry; never holds a secret.  A zero sid, skid or t1 was not known. */
struct csn_device_audit {
	uint16_t code;     /* 0: accepted or released                         */
	uint8_t  what;     /* enum csn_device_commit                          */
	uint8_t  mode;
	uint32_t repeats;  /* how often the entry before this one came again  */
	uint8_t  sid[16], did[16], skid[16], t1[32];
};

/* Bytes in it stay valid until the next event. */
struct csn_device_action {
	uint32_t         type;    /* enum csn_device_verb                     */
	uint32_t         code;    /* enum csn_code                            */
	uint32_t         role;    /* where @send goes                         */
	struct csn_bytes send;
	uint64_t         wake_ns; /* send TIMER then; 0: never                */
	struct {
		uint32_t                       kind; /* enum csn_device_commit */
		const struct csn_device_state *state;
		const struct csn_device_audit *audit; /* NULL: none           */
		struct csn_bytes               body;  /* secret               */
		struct csn_bytes               m3;
	} commit;
};

/*
 * A key beside the identity's that answers challenges: an item of @type, a COSE_Sign1 over
 * ["csgn1/evid-TYPE", chal] with @chain, as idevid, dice and others are.
 */
struct csn_device_prover {
	const char             *type;  /* 20 characters at most                */
	uint32_t                suite; /* whose signature algorithm @key has   */
	const uint8_t          *key;   /* secret, 32 bytes                     */
	const struct csn_bytes *chain; /* leaf first                           */
	size_t                  chain_len; /* 1 to 3                           */
};

/* The host's own say.  Borrowed for the life of the device. */
struct csn_device_policy {
	const struct csn_bytes *refuse_roles; /* body access roles that give 180 */
	size_t                  refuse_role_count;
	struct csn_bytes        evidence_psk;  /* 32 bytes or more: add a psk item */
	uint32_t                psk_derive;    /* 1: it is a psk-kdf item     */
	uint32_t                evidence_x509; /* 1: add an x509 item         */
	const struct csn_device_prover *provers;
	size_t                  prover_count; /* CSN_DEVICE_PROVERS_MAX at most; they want
	                                       * the full CSN_DEVICE_BUF_MAX */
};

struct csn_device_rate {
	uint64_t refused_ms[5]; /* newest last                                */
	uint32_t count;
	uint32_t last_code;     /* of the newest audit entry                  */
	uint32_t repeats;       /* equal refusals since that entry            */
	uint8_t  dead[32];      /* hash of the message refused last           */
	uint8_t  has_dead;
	uint64_t resend_ms;     /* no M0b or M3 is repeated before            */
};

struct csn_device_greeting {
	uint8_t  live;
	uint8_t  sid[16], skid[16];
	uint8_t  e_sk[32], e_pk[65];
	uint8_t  hello[256];    /* dCBOR                                      */
	uint16_t hello_len;
	uint64_t until_ns;
};

struct csn_device_bind {
	uint8_t  used, twice;
	uint8_t  m2[41];
	char     medium[CSN_DEVICE_MEDIUM_MAX];
	uint64_t at_ns;
};

enum csn_device_phase {
	CSN_DEVICE_IDLE = 0,
	CSN_DEVICE_OFFERED,   /* M1 is good so far, M2 is missing             */
	CSN_DEVICE_ASKING,    /* a person is typing                           */
	CSN_DEVICE_TRYING,    /* the try is being counted                     */
	CSN_DEVICE_PAKING,    /* M4 is out, M5 is missing                     */
	CSN_DEVICE_STAGED,    /* the commit is out                            */
	CSN_DEVICE_ACTIVATING,
	CSN_DEVICE_REFUSING,
	CSN_DEVICE_RELEASING,
};

/* One offer on its way to a verdict; lives in RAM and is wiped on every way out. */
struct csn_device_session {
	uint8_t          phase;     /* enum csn_device_phase                  */
	uint8_t          mode;
	uint8_t          told;      /* check 145 passed: a refusal may be told */
	uint8_t          new_owner; /* owner below came by voucher            */
	uint16_t         code;      /* why it is being refused                */
	uint8_t          durable;   /* the refusal changes the state          */
	uint8_t          sid[16], skid[16];
	uint32_t         idx, ts, not_after;
	uint8_t          has_not_after;
	uint8_t          hash[32];  /* of the message being judged            */
	char             offer_medium[CSN_DEVICE_MEDIUM_MAX];
	uint64_t         offer_at_ns, until_ns;
	struct csn_bytes hdr, ct;   /* into the work buffer                   */
	struct csn_bytes inner, sig;
	size_t           enc_len;
	uint8_t          enc[65];
	uint8_t          nu[16], hh[32], t1[32], sig_hash[32];
	uint8_t          x[32], xc[32], ku[32], pin_part[32];
	uint8_t          inner_com[32]; /* com of M1, or of M5 in mode 3      */
	uint8_t          m5_hash[32], has_m5;
	uint8_t          share_p[65], share_v[65], confirm_p[32];
	size_t           leaf_len;
	uint8_t          leaf_key[65];  /* S's public key, proved             */
	uint8_t          seed_after[32];
	uint64_t         voucher_seq;
	struct csn_device_spki owner;
	struct csn_bytes body;
	struct csn_device_m3   m3;
};

/* Public only so that it can be a static object: use the calls below. */
struct csn_device {
	const struct csn_crypto        *crypto;
	const struct csn_device_policy *policy;
	uint8_t                        *buf; /* holds one message; wiped after use */
	size_t                          buf_cap;
	struct csn_device_state         state;   /* as durable                */
	struct csn_device_state         pending; /* as being committed        */
	struct csn_device_rate          rate;
	struct csn_device_greeting      greeting;
	struct csn_device_bind          binds[CSN_DEVICE_BINDS];
	struct csn_device_session       s;
	struct csn_device_audit         audit;
	struct csn_device_m3            out;     /* M3 and M4 on their way    */
};

/*
 * Makes a device from its durable state; @buf (up to CSN_DEVICE_BUF_MAX; less on
 * small devices, then larger offers are refused) and @policy (NULL: no say) stay borrowed.
 */
void csn_device_init(struct csn_device *dev, const struct csn_crypto *crypto,
                     const struct csn_device_policy *policy, uint8_t *buf, size_t buf_cap);

/*
 * Takes over @state and forgets any session; the rate counters in RAM are kept.
 * Returns what is left to do from before: WAIT, or COMMIT to activate.
 */
struct csn_device_action csn_device_load(struct csn_device *dev,
                                         const struct csn_device_state *state,
                                         uint64_t now_ns);

/* Feeds one event; never blocks. */
struct csn_device_action csn_device_event(struct csn_device *dev,
                                          const struct csn_device_event *event);

/* Wipes all but the rate counters; load() wakes it again. */
void csn_device_rest(struct csn_device *dev);

/* Wipes everything in RAM. */
void csn_device_done(struct csn_device *dev);

/* Writes the audit entry as dCBOR; *ret_len bytes of at most 256. */
int csn_device_audit_encode(const struct csn_device_audit *audit, uint8_t *out, size_t cap,
                            size_t *ret_len);

#endif
