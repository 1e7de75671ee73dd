/*
 * CSGN/1: constants, refusal codes and the syntax of every message.
 *
 * Parsers judge syntax only and return 0 or the refusal code named beside each; the
 * bytes in their results are borrowed from the input.  Encoders write to a dcbor writer
 * whose overflow the caller asks for at the end.
 */
#ifndef CSN_LIB_CSGN1_H
#define CSN_LIB_CSGN1_H

#include "lib/cose.h"
#include "lib/crypto.h"
#include "lib/dcbor.h"

#define CSN_VERSION     1
#define CSN_ID_LEN      16 /* sid, did, skid                               */
#define CSN_SID4_LEN    4
#define CSN_NU_LEN      16
#define CSN_M2_LEN      41
#define CSN_STAMP_EPOCH 1577836800 /* stamp 0 as Unix time                 */
#define CSN_CT_MAX      32768
#define CSN_INNER_MIN   17
#define CSN_M1_MAX      40960
#define CSN_M0B_MAX     65535
#define CSN_M5_MAX      40960
#define CSN_MSG_MAX     2048 /* all others                                  */
#define CSN_RUNG_WINDOW 8
#define CSN_KEYS_MAX    64
#define CSN_EVIDENCE_MAX       8
#define CSN_EVIDENCE_VALUE_MAX 8192
#define CSN_TRIES_MAX   5
#define CSN_PIN_MIN     6
#define CSN_PIN_MAX     12
#define CSN_COST_MIN    8
#define CSN_COST_MAX    17
#define CSN_BIND_LATE_S    30
#define CSN_CLOCK_SKEW_S   120
#define CSN_SESSION_S      120
#define CSN_FLOOR_STEP_S   34560000
#define CSN_REVOKED_MAX    64
#define CSN_HDR_MAX        96  /* an encoded hdr is shorter                  */
#define CSN_HELLO_MAX      288 /* an encoded hello is shorter                */
#define CSN_L_MAX          512 /* every L() of section 4 and 5 is shorter    */

enum csn_msg {
	CSN_M1  = 1,
	CSN_M2  = 2,
	CSN_M3  = 3,
	CSN_M0A = 4,
	CSN_M0B = 5,
	CSN_M4  = 6,
	CSN_M5  = 7,
	CSN_M8  = 8,
};

enum csn_mode {
	CSN_MODE_TWO_WAY = 1,
	CSN_MODE_PIN     = 2,
	CSN_MODE_PSK     = 4,
	CSN_MODE_PAKE    = 3, /* two way with PIN                            */
	CSN_MODE_PSK_PIN = 6,
};

/* Every refusal code once: X(number, NAME). */
#define CSN_CODES(X)                                                              \
	X(101, OFFER_SYNTAX) X(102, VERSION) X(103, SUITE) X(104, MODE)           \
	X(105, MODE_POLICY) X(106, NOT_MINE) X(107, RUNG_USED) X(108, RUNG_FAR)   \
	X(109, NO_SESSION) X(110, QUARANTINED) X(111, RELEASE)                    \
	X(112, RATE_LIMITED)                                                      \
	X(120, BIND_SYNTAX) X(121, BIND_SID) X(122, BIND_LATE) X(123, BIND_TWICE) \
	X(124, BIND_MEDIA) X(125, DECAP) X(126, BIND_TAG)                         \
	X(130, OPEN) X(131, PLAIN_SYNTAX) X(132, COSE) X(133, SKID)               \
	X(134, CERT_SYNTAX) X(135, CHAIN) X(136, CERT_USAGE) X(137, CERT_TIME)    \
	X(138, REVOKED) X(139, NO_OWNER) X(140, VOUCHER) X(141, VOUCHER_DID)      \
	X(142, VOUCHER_SEQ) X(145, SIGNATURE)                                     \
	X(150, CLOCK) X(151, FLOOR) X(152, EXPIRED)                               \
	X(160, PIN_MISSING) X(161, PIN_WRONG) X(162, PIN_LOCKED)                  \
	X(163, PAKE_SHARE) X(164, PAKE_SYNTAX) X(165, PAKE_SIG)                   \
	X(170, COMMITMENT) X(171, INNER) X(172, BODY_SYNTAX) X(173, BODY_DEVICE)  \
	X(174, BODY_WINDOW) X(175, BODY_MAKER) X(176, BODY_SESSION)               \
	X(177, BODY_CRITICAL) X(178, FW_ROLLBACK) X(179, FW_SIG) X(180, POLICY)   \
	X(181, BODY_REF) X(182, FW_CLASS)                                         \
	X(190, STORE) X(191, ATT_LENGTH) X(192, ATT_CHUNK) X(193, ATT_DIGEST)     \
	X(201, MANIFEST_SYNTAX) X(202, MANIFEST_SIG) X(203, MANIFEST_CHAIN)       \
	X(204, MANIFEST_USAGE) X(205, MANIFEST_DID) X(206, NO_RUNG)               \
	X(207, MANIFEST_SUITE) X(208, DEVICE_BLOCKED) X(209, MANIFEST_COSE)       \
	X(210, HELLO_SYNTAX) X(211, HELLO_SUITE) X(212, HELLO_SID)                \
	X(213, HELLO_SKID) X(214, HELLO_COSE) X(215, HELLO_CHAIN)                 \
	X(216, HELLO_USAGE) X(217, HELLO_DID) X(218, HELLO_SIG)                   \
	X(219, HELLO_EVIDENCE) X(220, HELLO_KEY) X(222, EVIDENCE)                 \
	X(230, PAKE_REPLY_SYNTAX) X(231, PAKE_REPLY_SHARE) X(232, PIN_REFUSED)    \
	X(240, DONE_SYNTAX) X(241, DONE_SID) X(242, DONE_TAG) X(243, RECEIPT)     \
	X(245, DEVICE_REFUSED) X(246, TIMEOUT)                                    \
	X(301, FRAME_SYNTAX) X(302, FRAME_CRC) X(303, FRAME_CAP) X(304, FRAME_MIX)

enum csn_code {
#define CSN_CODE_ENUM(number, name) CSN_CODE_##name = number,
	CSN_CODES(CSN_CODE_ENUM)
#undef CSN_CODE_ENUM
};

/* "OFFER_SYNTAX" and so on; "?" for a number that is no code. */
const char *csn_code_name(int code);

/* The longest message number @msg may be (section 11); 0 for no message. */
size_t csn_msg_max(unsigned msg);
/* One of the six valid modes? */
bool csn_mode_valid(uint64_t mode);
/* 6 to 12 ASCII digits? */
bool csn_pin_valid(struct csn_bytes pin);

struct csn_hdr {
	uint64_t suite, mode; /* any number: 103, 104 are checked later        */
	uint8_t  sid[16], did[16], skid[16];
	bool     has_idx, has_not_after;
	uint16_t idx;
	uint32_t not_after;
};

struct csn_m1 {
	struct csn_hdr   hdr;
	struct csn_bytes hdr_raw;
	struct csn_bytes enc; /* 0, 32 or 65 bytes                             */
	struct csn_bytes ct;
};

struct csn_m2 {
	uint8_t  sid4[4], nu[16];
	uint32_t ts;
	uint8_t  tag[16];
};

struct csn_m0a {
	uint8_t sid[16];
	bool    has_suite[3]; /* by suite number                               */
	uint8_t skid[3][16];
};

struct csn_hello {
	uint64_t         suite; /* 1 or 2                                        */
	uint8_t          sid[16], skid[16], did[16];
	struct csn_bytes e_d; /* Npk bytes                                      */
	uint8_t          nd[16];
	uint8_t          cost;
	uint8_t          evh[32];
};

struct csn_evid {
	struct csn_bytes type, value;
};

struct csn_m0b {
	struct csn_hello    hello;
	struct csn_bytes    hello_raw, evidence_raw;
	struct csn_evid evidence[CSN_EVIDENCE_MAX];
	size_t              evidence_len;
	struct csn_cose     sig; /* shape only                                  */
};

struct csn_m3 {
	uint8_t          sid[16];
	unsigned         result;
	uint8_t          tag3[16];
	bool             has_receipt;
	struct csn_cose  receipt; /* shape only                                */
};

struct csn_m4 {
	uint8_t sid[16], share_v[65], confirm_v[32];
};

struct csn_m5 {
	uint8_t          sid[16], confirm_p[32], com[32];
	struct csn_bytes inner;
	struct csn_cose  sig; /* shape only: its headers are part of 165        */
};

struct csn_plain {
	struct csn_bytes inner;
	bool             has_com;
	uint8_t          com[32];
	bool             has_voucher;
	struct csn_bytes voucher; /* empty when null                           */
	struct csn_cose  sig;     /* shape only                                */
};

struct csn_manifest {
	uint64_t         suite;
	uint8_t          did[16];
	bool             has_spki;
	struct csn_bytes spki; /* empty when null                              */
	uint16_t         first;
	struct csn_bytes keys[CSN_KEYS_MAX]; /* any length                     */
	size_t           keys_len;
	struct csn_bytes class_name;
	uint8_t          cost;
	uint32_t         issued;
};

struct csn_psk_record {
	unsigned         suite;
	uint8_t          did[16];
	struct csn_bytes class_name;
	uint8_t          cost;
	uint16_t         idx;
	uint8_t          seed[32]; /* secret: wipe the struct                  */
};

struct csn_voucher {
	uint64_t         suite;
	uint8_t          did[16];
	struct csn_bytes owner; /* SPKI                                        */
	uint64_t         seq;
	uint32_t         issued;
};

struct csn_release {
	uint8_t  did[16];
	uint64_t counter;
	uint32_t issued;
};

struct csn_fw_payload {
	struct csn_bytes class_name, version;
	uint32_t         counter, length;
	uint8_t          digest[32];
	uint32_t         issued;
};

int csn_m1_parse(struct csn_bytes bytes, struct csn_m1 *ret_m1);    /* 101, 102   */
int csn_m2_parse(struct csn_bytes bytes, struct csn_m2 *ret_m2);    /* 120        */
int csn_m0a_parse(struct csn_bytes bytes, struct csn_m0a *ret_m0a); /* 101, 102   */
int csn_m0b_parse(struct csn_bytes bytes, struct csn_m0b *ret_m0b); /* 210        */
int csn_m3_parse(struct csn_bytes bytes, struct csn_m3 *ret_m3);    /* 240        */
int csn_m4_parse(struct csn_bytes bytes, struct csn_m4 *ret_m4);    /* 230        */
int csn_m5_parse(struct csn_bytes bytes, struct csn_m5 *ret_m5);    /* 164        */
/* M8 and its attached object, shape only. */
int csn_m8_parse(struct csn_bytes bytes, struct csn_cose *ret_object); /* 111     */
int csn_plain_parse(struct csn_bytes bytes, uint64_t mode,
                    struct csn_plain *ret_plain); /* 131                            */

/* Payloads of attached objects. */
int csn_manifest_parse(struct csn_bytes payload, struct csn_manifest *ret); /* 201 */
/* The second 201: every key has Npk bytes of the manifest's (served) suite. */
int csn_manifest_keys_check(const struct csn_manifest *manifest);
int csn_voucher_parse(struct csn_bytes payload, struct csn_voucher *ret);   /* 140 */
int csn_release_parse(struct csn_bytes payload, struct csn_release *ret);   /* 111 */
int csn_fw_payload_parse(struct csn_bytes payload, struct csn_fw_payload *ret); /* 179 */
/* CSN_OK or CSN_E_PROTOCOL. */
int csn_psk_record_parse(struct csn_bytes bytes, struct csn_psk_record *ret);

void csn_hdr_put(struct csn_dcbor_out *out, const struct csn_hdr *hdr);
void csn_m1_put(struct csn_dcbor_out *out, struct csn_bytes hdr_raw,
                struct csn_bytes enc, struct csn_bytes ct);
void csn_m2_make(const struct csn_m2 *m2, uint8_t ret_m2[CSN_M2_LEN]);
void csn_m0a_put(struct csn_dcbor_out *out, const struct csn_m0a *m0a);
void csn_hello_put(struct csn_dcbor_out *out, const struct csn_hello *hello);
void csn_evidence_put(struct csn_dcbor_out *out, const struct csn_evid *items,
                      size_t n);
/* @sig, @receipt: encoded COSE_Sign1 items; an empty receipt writes null. */
void csn_m0b_put(struct csn_dcbor_out *out, struct csn_bytes hello_raw,
                 struct csn_bytes evidence_raw, struct csn_bytes sig);
void csn_m3_put(struct csn_dcbor_out *out, const uint8_t sid[16], unsigned result,
                const uint8_t tag3[16], struct csn_bytes receipt);
void csn_m4_put(struct csn_dcbor_out *out, const struct csn_m4 *m4);
void csn_m5_put(struct csn_dcbor_out *out, const uint8_t sid[16],
                const uint8_t confirm_p[32], struct csn_bytes inner,
                const uint8_t com[32], struct csn_bytes sig);
void csn_m8_put(struct csn_dcbor_out *out, struct csn_bytes object);
/* @com NULL and an empty @voucher write null. */
void csn_plain_put(struct csn_dcbor_out *out, struct csn_bytes inner,
                   const uint8_t *com, struct csn_bytes voucher, struct csn_bytes sig);
void csn_manifest_put(struct csn_dcbor_out *out, const struct csn_manifest *manifest);
void csn_release_put(struct csn_dcbor_out *out, const struct csn_release *release);
void csn_psk_record_put(struct csn_dcbor_out *out, const struct csn_psk_record *rec);

#endif
