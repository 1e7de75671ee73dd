/*
 * X.509 for exactly the profile of protocol.md section 2, and the chain check.
 *
 * A parser of its own: the profile is small, and two programs must agree on every
 * byte of what is refused.  Bytes are borrowed from the certificate.
 */
#ifndef CSN_LIB_CERT_H
#define CSN_LIB_CERT_H

#include "lib/cose.h"
#include "lib/crypto.h"
#include "lib/der.h"

/* Roles of a leaf, as bits of a set: role .N of the arc is bit N. */
enum csn_cert_role {
	CSN_ROLE_STATION  = 1 << 1,
	CSN_ROLE_DEVICE   = 1 << 2,
	CSN_ROLE_MANIFEST = 1 << 3,
	CSN_ROLE_VOUCHER  = 1 << 4,
	CSN_ROLE_FIRMWARE = 1 << 5,
	CSN_ROLE_RELEASE  = 1 << 6,
};

#define CSN_KU_DIGITAL_SIGNATURE (1u << 0)
#define CSN_KU_KEY_CERT_SIGN     (1u << 5)

struct csn_cert {
	struct csn_bytes der, tbs, issuer, subject, spki;
	struct csn_bytes pk; /* raw public key: 32 or 65 bytes in spki         */
	uint8_t  sig[CSN_SIG_LEN]; /* Ed25519, or r || s                       */
	int64_t  not_before, not_after; /* seconds since 2020, may be negative */
	bool     ca, has_path_len;
	uint32_t path_len;
	unsigned key_usage; /* bit N is bit N of the extension; 0: none        */
	unsigned roles;     /* set of enum csn_cert_role                            */
};

/* One certificate, chain check (a).  CSN_OK or CSN_E_PROTOCOL. */
int csn_cert_parse(struct csn_bytes der, unsigned suite, struct csn_cert *ret_cert);

/* Which part of the chain check failed first, each over the whole chain. */
enum csn_chain_part {
	CSN_CHAIN_SYNTAX = 1, /* (a) each certificate parses and fits          */
	CSN_CHAIN_PATH   = 2, /* (b) names, CA flags, path lengths, signatures */
	CSN_CHAIN_USAGE  = 3, /* (c) leaf usage and role                       */
	CSN_CHAIN_TIME   = 4, /* (d) at lies within every validity             */
};

/*
 * CSN_OK, a part that failed (positive), or a negative code of the crypto table.
 * @roles: a set, one of them is enough.  @anchor: DER SPKI.  *ret_leaf is filled
 * whenever the result is not CSN_CHAIN_SYNTAX and not negative.
 */
int csn_chain_check(const struct csn_crypto *c, unsigned suite,
                    const struct csn_bytes *chain, size_t chain_len,
                    struct csn_bytes anchor, unsigned roles, uint32_t at,
                    struct csn_cert *ret_leaf);
/* The parts one by one, for a caller whose codes lie between other checks. */
int csn_chain_parse(unsigned suite, const struct csn_bytes *chain, size_t chain_len,
                    struct csn_cert ret_certs[CSN_CHAIN_MAX]);
int csn_chain_path(const struct csn_crypto *c, unsigned suite,
                   const struct csn_cert *certs, size_t chain_len,
                   struct csn_bytes anchor);
int csn_chain_usage(const struct csn_cert *leaf, unsigned roles);
int csn_chain_time(const struct csn_cert *certs, size_t chain_len, uint32_t at);

/*
 * Parts of any certificate, for readers of other profiles; a bad one makes the cursor bad.
 * Times are UTCTime or GeneralizedTime in seconds since 2020, names are their encoding.
 */
struct csn_cert_ext {
	struct csn_bytes oid, value;
	bool             critical;
};
int64_t             csn_cert_take_time(struct csn_der *in);
struct csn_bytes    csn_cert_take_name(struct csn_der *in);
struct csn_cert_ext csn_cert_take_ext(struct csn_der *list);
/* Did an extension of @list before @end have this OID? */
bool csn_cert_ext_before(struct csn_der list, const uint8_t *end, struct csn_bytes oid);
/* The content of basicConstraints and keyUsage; fills ca, path_len and key_usage. */
void csn_cert_take_basic(struct csn_der *in, struct csn_cert *cert);
void csn_cert_take_usage(struct csn_der *in, struct csn_cert *cert);

/* The raw public key of a DER SPKI of the suite.  CSN_OK or CSN_E_PROTOCOL. */
int csn_spki_parse(struct csn_bytes spki, unsigned suite, struct csn_bytes *ret_pk);
/* The DER SPKI of a raw public key: 44 or 91 bytes. */
#define CSN_SPKI_MAX 91
int csn_spki_make(unsigned suite, struct csn_bytes pk, uint8_t ret_spki[CSN_SPKI_MAX],
                  size_t *ret_len);
/* did or skid: the first 16 bytes of SHA-256. */
int csn_short_id(const struct csn_crypto *c, struct csn_bytes der, uint8_t ret_id[16]);

#endif
