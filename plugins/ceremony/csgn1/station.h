/*
 * The station's half of CSGN/1 without a session: bytes in, bytes or a refusal code
 * out.  No I/O, no clock, no randomness, no allocation; every random value is an
 * input, so the vectors are reproduced byte for byte.
 *
 * Checks return 0, the refusal code of protocol.md section 6 (positive), or a
 * negative CSN_E_... when the fault is ours.  Builders return CSN_OK or CSN_E_...
 */
#ifndef CSN_CEREMONY_CSGN1_STATION_H
#define CSN_CEREMONY_CSGN1_STATION_H

#include <countersign/types.h>

#include <stdbool.h>

#include "lib/body.h"
#include "lib/crypto.h"
#include "lib/csgn1.h"
#include "lib/offer.h"

enum {
	STATION_CHAIN   = CSN_CHAIN_MAX,
	STATION_SIG_MAX = CSN_CHAIN_MAX * (CSN_CERT_MAX + 4) + 96,
	STATION_TO_SIGN = CSN_L_MAX + CSN_COSE_OVERHEAD,
	STATION_ROW_MAX = 512, /* a row of the store is shorter                */
};

/* One line about a refusal: what was found, what was wanted. */
struct station_note {
	char text[112];
};

/* A manufacturer this station believes, by the key alone. */
struct station_maker {
	uint32_t         suite;
	struct csn_bytes spki;
};

/* What checks are made against. */
struct station_trust {
	const struct csn_crypto    *crypto;
	const struct station_maker *makers;
	size_t                      maker_count;
	uint32_t                    suites; /* bit 1 << suite for each one served */
	uint32_t                    now;    /* our clock, as a stamp           */
	struct station_note        *note;   /* may be NULL                     */
};

/* What a manifest, a record or a hello said about one device. */
struct station_device {
	uint32_t suite, cost;
	uint8_t  did[16];
	char     class_name[256];
	size_t   pk_len; /* identity key, raw; 0: the device has none          */
	uint8_t  pk[CSN_PK_MAX];
	uint8_t  maker[32]; /* SHA-256 of the anchor that vouched               */
	uint32_t first;     /* rung of the first key, or of the record's seed  */
	size_t   key_count;
	struct csn_bytes keys[CSN_KEYS_MAX];
	uint8_t          seed[32]; /* record only; secret                        */
};

/* Two way: what the hello adds to the device.  Borrows from M0b. */
struct station_hello {
	struct csn_m0b m0b;
	uint8_t        challenge[32]; /* what evidence is bound to              */
};

/* What the station remembers of a device's ladder: store space "rung". */
struct station_rungs {
	bool     offered;        /* has any rung been offered?                    */
	uint32_t highest;        /* the highest one offered                       */
	uint32_t confirmed_next; /* lowest rung the device still takes, proven    */
	uint32_t said_next;      /* the same by an operator's word, unproven      */
};

/* All secrets and transcripts of one session.  Wipe it whole. */
struct station {
	/* Set by the caller before station_open. */
	const struct csn_crypto *crypto;
	uint32_t                 suite, mode, cost, idx, not_after, ts;
	bool                     has_idx, has_not_after;
	uint8_t                  sid[16], did[16], nu[16];
	size_t                   pk_len; /* device's identity key; 0: it has none */
	uint8_t                  pk[CSN_PK_MAX];

	uint8_t skid[16], leaf_hash[32];
	size_t  leaf_pk_len, enc_len, hdr_len, inner_len, sig_len;
	uint8_t leaf_pk[CSN_PK_MAX], enc[CSN_PK_MAX], hdr[CSN_HDR_MAX];
	uint8_t hh[32], pin_part[32], k0[CSN_AEAD_KEY_MAX], com[32], t1[32], m5h[32];
	bool    has_m5;
	/* Read from the row of an earlier offer, in place of what they are made of. */
	bool    restored;
	uint8_t want_t2[2][32], want_kc[2][32]; /* by result                       */
	struct csn_offer_keys keys;
	uint8_t               w0[32], w1[32], pake_x[32];
	uint8_t               share_p[CSN_POINT_LEN], share_v[CSN_POINT_LEN], confirm_p[32];
	uint8_t               sig[STATION_SIG_MAX];
	uint8_t               inner[CSN_CT_MAX], plain[CSN_CT_MAX], ct[CSN_CT_MAX];
};

/*
 * Manifest, in the order of section 6.2 up to MANIFEST_DID.  @ret_device borrows
 * from @manifest.
 */
int station_manifest(const struct station_trust *trust, struct csn_bytes manifest,
                     struct station_device *ret_device);
/* The key of rung @idx: 0, or NO_RUNG. */
int station_rung_key(const struct station_trust *trust, const struct station_device *device,
                     uint32_t idx, struct csn_bytes *ret_key);
/* A psk-record: 0, MANIFEST_SYNTAX or MANIFEST_SUITE.  The result is secret. */
int station_record(const struct station_trust *trust, struct csn_bytes record,
                   struct station_device *ret_device);
/* Is @subject shaped like a psk-record (and so no manifest)? */
bool station_is_record(struct csn_bytes subject);

/* Hello checks up to HELLO_KEY.  @skids is indexed by suite - 1, as in M0a. */
int station_hello(const struct station_trust *trust, const uint8_t sid[16],
                  const uint8_t *const skids[2], struct csn_bytes m0b,
                  struct station_device *ret_device, struct station_hello *ret_hello);

/* Our own leaf certificate: fills skid, leaf hash and key. */
int station_own(struct station *s, struct csn_bytes leaf);
/* psk of rung @idx from a record. */
int station_psk(const struct csn_crypto *crypto, const struct station_device *device,
                uint32_t idx, uint8_t ret_psk[32]);
/*
 * Starts an offer, after station_own.  @secret is the 32 bytes ikmE, or psk_idx in the
 * PSK tier (then @r is empty).  @hello is the raw hello, empty unless two way.
 * CSN_E_REFUSED when @r is a point that gives no secret.
 */
int station_open(struct station *s, struct csn_bytes r, struct csn_bytes hello,
                 const uint8_t secret[32]);
/* pin_part of modes 2 and 6.  Heavy: 2^cost KiB of memory. */
int station_pin(struct station *s, struct csn_bytes pin);
/* Mode 3: w0, w1 and our share from the PIN and @scalar in 1..n-1.  Heavy as well. */
int station_pake_start(struct station *s, struct csn_bytes pin, const uint8_t scalar[32]);

/* What the station adds to a neutral record to make it the body of this session. */
struct station_frame {
	const uint8_t   *maker; /* SHA-256 of the device's manufacturer's SPKI     */
	uint32_t         early_s, window_s; /* device window, before and after ts  */
	uint32_t         session_s;         /* session window, either way of ts    */
	uint32_t         lifetime_s;          /* 0: not said                       */
	struct csn_bytes checkpoint;          /* dCBOR; empty: none                */
	const char      *operator_name;       /* NULL: not said                    */
};
/* 0, a code 172 to 181 when @record makes no valid body, or CSN_E_... */
int station_body(const struct station *s, const struct station_frame *frame,
                 struct csn_bytes record, uint8_t *out, size_t room, size_t *ret_len,
                 struct csn_body_place *ret_place);

/*
 * Seals @body (in mode 3 there is none yet and our share stands in) and writes the
 * bytes to sign.
 */
int station_offer_statement(struct station *s, struct csn_bytes body, uint8_t *out,
                            size_t room, size_t *ret_len);
/* M1 and M2 from the signature.  CSN_E_REFUSED when our own leaf does not verify it. */
int station_offer(struct station *s, const uint8_t sig[CSN_SIG_LEN],
                  const struct csn_bytes *chain, size_t chain_len, struct csn_bytes voucher,
                  uint8_t *m1, size_t room, size_t *ret_m1_len, uint8_t m2[CSN_M2_LEN]);

/* M4: PIN checks 230 to 232; pin_part is the shared key afterwards. */
int station_pake_reply(struct station *s, struct csn_bytes m4);
/* Mode 3, after that: seals @body and writes the bytes to sign. */
int station_inner_statement(struct station *s, struct csn_bytes body, uint8_t *out,
                            size_t room, size_t *ret_len);
int station_inner(struct station *s, const uint8_t sig[CSN_SIG_LEN], uint8_t *m5, size_t room,
                  size_t *ret_len);

/* t2, and the key kc its tag is made under, for an M3 with @result. */
int station_expect(const struct station *s, unsigned result, uint8_t ret_t2[32],
                   uint8_t ret_kc[32]);
/*
 * Done checks 240 to 245.  @checkpoint is the dCBOR that went into the body, or empty.
 * Once the tag was good, @ret_receipt (borrowed, or empty) and @ret_t2 are filled.
 */
int station_done(const struct station *s, struct csn_bytes m3, struct csn_bytes checkpoint,
                 struct csn_bytes *ret_receipt, uint8_t ret_t2[32]);

/* Rows of the store, all dCBOR.  rung, by did: [highest or null, confirmed, said]. */
int station_rungs_read(struct csn_bytes row, struct station_rungs *ret_rungs);
int station_rungs_write(const struct station_rungs *rungs, uint8_t out[STATION_ROW_MAX],
                        size_t *ret_len);
/* The rung of the next offer; @first as in the manifest or record. */
uint32_t station_rung(const struct station_rungs *rungs, uint32_t first);
/*
 * offer, by sid: [did, idx or null, sid, SHA(M1), mode, suite, t1, t2, kc, pk or null,
 * t2, kc], the last two for a refusal; those for a commit are null in mode 3 until M5.
 */
int station_offer_row(const struct station *s, struct csn_bytes m1,
                      uint8_t out[STATION_ROW_MAX], size_t *ret_len);
/* Restores what station_done needs; sid and crypto are the caller's, and sid must fit. */
int station_offer_read(struct csn_bytes row, struct station *s);
/* result, by sid: [outcome, code, did, idx or null, receipt, t2, checkpoint], three or null. */
struct station_result {
	uint32_t         outcome, code;
	struct csn_bytes receipt, checkpoint; /* dCBOR; empty: none            */
	const uint8_t   *t2;                  /* NULL: none                     */
};
int station_result_row(const struct station *s, const struct station_result *result,
                       uint8_t out[STATION_ROW_MAX], size_t *ret_len);

/* What an operator reads for @code; "" for a code that has no text. */
const char *station_text(int code);

#endif
