/*
 * Entity attestation tokens: PSA (two generations of claims and RFC 9783's profile) and
 * Arm CCA (a platform token and a realm token bound to it), as COSE_Sign1 or, for PSA,
 * COSE_Mac0.
 *
 * eat_read_claims() judges a set of claims against its profile; eat_judge() adds the
 * signature, freshness and policy.  Pure: no clock, no files; bytes are borrowed.
 */
#ifndef CSN_ATTEST_EAT_EAT_H
#define CSN_ATTEST_EAT_EAT_H

#include <stdbool.h>

#include <countersign/attest.h>

#include "lib/cose-any.h"
#include "lib/corim.h"

#define EAT_COMPONENTS_MAX 32
#define EAT_TOKEN_MAX      16384
#define EAT_KEY_MAX        128

enum eat_profile {
	EAT_NONE = 0,
	EAT_PSA_1,    /* PSA_IOT_PROFILE_1, also by absence                        */
	EAT_PSA_2,    /* http://arm.com/psa/2.0.0                                  */
	EAT_PSA_TFM,  /* tag:psacertified.org,2023:psa#tfm                         */
	EAT_PLATFORM, /* CCA platform, old and new names                           */
	EAT_REALM,    /* CCA realm, also by absence                                */
	EAT_PROFILES
};

/* The state a lifecycle value lies in: its high byte's high digit. */
enum eat_lifecycle {
	EAT_UNKNOWN = 0, EAT_ASSEMBLY, EAT_PROVISIONING, EAT_SECURED, EAT_NON_PSA_DEBUG,
	EAT_RECOVERABLE_DEBUG, EAT_DECOMMISSIONED
};

struct eat_component {
	struct csn_bytes type, value, version, signer;
};

struct eat_claims {
	enum eat_profile profile;
	struct csn_bytes nonce, impl_id, instance_id, boot_seed, reference, indicator;
	struct csn_bytes config, hash_alg;                 /* platform              */
	struct csn_bytes rpv, rim, rem[4], rak, rak_hash;  /* realm                 */
	int64_t          client;
	unsigned         lifecycle;
	bool             has_client, has_lifecycle, no_measurements;
	struct eat_component components[EAT_COMPONENTS_MAX];
	size_t           component_count;
};

/* A symmetric key of one device. */
struct eat_mac_key {
	uint8_t instance[33], key[EAT_KEY_MAX];
	size_t  len;
};

struct eat_policy {
	unsigned profiles;   /* set of 1 << enum eat_profile; 0: all but none           */
	unsigned lifecycles; /* set of 1 << enum eat_lifecycle; 0: secured alone        */
	const struct csn_corim *corims; /* keys and reference values                     */
	size_t                  corim_count;
	const struct eat_mac_key *mac_keys;
	size_t                    mac_key_count;
	bool     components_needed; /* each must match a reference                      */
	int64_t  unix_s;
};

/*
 * The claims in @map, checked against their profile.  CSN_OK, or CSN_E_REFUSED with a
 * constant in *ret_why: "eat.cbor", "eat.profile", "eat.missing", "eat.claim", ...
 * @realm: absence of a profile means the realm's, not PSA's first.
 */
int eat_read_claims(struct csn_bytes map, bool realm, struct eat_claims *ret_claims,
                    const char **ret_why);

/* The public key of a realm: a COSE_Key, or the raw point of the older form. */
int eat_realm_key(const struct eat_claims *realm, struct csn_pubkey *ret_key,
                  const char **ret_why);
/* A collection (tag 399) taken apart into its two tokens; false when it is none. */
bool eat_split_cca(struct csn_bytes item, struct csn_bytes *ret_platform,
                   struct csn_bytes *ret_realm);
/* The platform's nonce is the hash of the realm's key. */
bool eat_realm_bound(const struct eat_claims *platform, const struct eat_claims *realm);

/*
 * Judges a token whose nonce must be @nonce (32 bytes; a realm's is SHA-512 of it).
 * CSN_OK with the vector filled and nothing decided, CSN_E_REFUSED with the verdict
 * REJECTED, or a fault.
 */
int eat_judge(const struct eat_policy *policy, struct csn_bytes token,
              struct csn_bytes nonce, struct csn_verdict *verdict);

enum eat_lifecycle eat_lifecycle(unsigned value);

#endif
