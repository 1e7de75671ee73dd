#include "device.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "device-profile.h"
#include "lib/cose-any.h"
#include "lib/verdict.h"
#include "path-checks.h"

/* What a device sent, taken apart. */
struct sent {
	struct csn_cose_any cose;
	struct csn_bytes    ocsp[X509_DEVICE_OCSP];
	size_t              ocsp_count;
	struct csn_bytes    ders[X509_DEVICE_CHAIN]; /* leaf first                  */
	unsigned            count;
	X509               *certs[X509_DEVICE_CHAIN]; /* read when they are needed  */
	uint8_t             hashes[X509_DEVICE_CHAIN][32]; /* of the public keys     */
	EVP_PKEY           *leaf_key;
	char                serial[65];
};

static int
reject(struct csn_verdict *verdict, const char *code, unsigned at, const char *found,
       const char *wanted)
{
	static const char *const places[] = { "leaf", "issuer 1", "issuer 2", "issuer 3",
		                              "issuer 4", "issuer 5", "issuer 6" };
	struct csn_reason        why = { .layer = (int32_t)at, .claim = CSN_TRUST_INSTANCE };
	int32_t                  weight = CSN_CODE_UNRECOGNISED;

	if (strcmp(code, "x509.signature") == 0 || strcmp(code, "x509.proof") == 0)
		weight = CSN_CODE_FORGED;
	else if (strcmp(code, "x509.revoked") == 0 || strcmp(code, "x509.ocsp.revoked") == 0 ||
	         strcmp(code, "x509.deny") == 0)
		weight = CSN_CODE_CONTRAINDICATED;
	snprintf(why.code, sizeof why.code, "%s", code);
	snprintf(why.found, sizeof why.found, "%s", found);
	snprintf(why.wanted, sizeof why.wanted, "%s", wanted);
	return csn_verdict_reject(verdict, weight, &why,
	                          at < sizeof places / sizeof *places ? places[at] : "chain");
}

/* ---- reading ------------------------------------------------------------------ */

static void
sent_done(struct sent *sent)
{
	for (unsigned i = 0; i < sent->count; i++)
		X509_free(sent->certs[i]);
	EVP_PKEY_free(sent->leaf_key);
	sent->count = 0;
}

/* One byte string, or an array of 2 to @room of them; the number, 0 for another shape. */
static size_t
read_list(struct csn_bytes item, struct csn_bytes *list, size_t room)
{
	struct csn_dcbor_in in;
	size_t              count;

	if (csn_scbor_as_bytes(item, &list[0]))
		return list[0].len > 0 ? 1 : 0;
	csn_dcbor_in_init(&in, item);
	count = csn_dcbor_array(&in, 2, room);
	for (size_t i = 0; i < count && !in.bad; i++)
		list[i] = csn_dcbor_bytes(&in, 1, X509_DEVICE_OF);
	return csn_dcbor_in_end(&in) == CSN_OK ? count : 0;
}

static bool
has_twice(const struct csn_bytes *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (list[i].len == list[k].len &&
			    memcmp(list[i].ptr, list[k].ptr, list[i].len) == 0)
				return true;
	return false;
}

/* NULL, or the reason. */
static const char *
read_sent(struct csn_bytes value, struct sent *sent)
{
	struct csn_bytes header;
	const char      *why = NULL;

	if (value.len > X509_DEVICE_OF)
		return "x509.size";
	if (csn_cose_any_parse(value, CSN_COSE_SIGN1, &sent->cose, &why) < 0)
		return "x509.cose";
	if (!sent->cose.detached)
		return "x509.cose";
	size_t count = read_list(csn_cose_any_header(&sent->cose, X509_HEADER_CHAIN), sent->ders,
	                         X509_DEVICE_CHAIN);
	if (count == 0)
		return "x509.chain.form";
	header = csn_cose_any_header(&sent->cose, X509_HEADER_OCSP);
	if (header.len > 0) {
		sent->ocsp_count = read_list(header, sent->ocsp, X509_DEVICE_OCSP);
		if (sent->ocsp_count == 0)
			return "x509.ocsp.form";
	}
	if (has_twice(sent->ders, count))
		return "x509.chain.twice";
	sent->count = (unsigned)count;
	return NULL;
}

/* ---- keys --------------------------------------------------------------------- */

/* Over the key as the certificate encodes it, which DER leaves no choice about. */
static bool
hash_key(X509 *cert, uint8_t ret_hash[32])
{
	unsigned char *der = NULL;
	int            len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool good = len > 0 && EVP_Digest(der, (size_t)len, ret_hash, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return good;
}

static int
by_hash(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static bool
has_key(const struct x509_keys *keys, const uint8_t hash[32])
{
	return keys->count > 0 && bsearch(hash, keys->hashes, keys->count, 32, by_hash) != NULL;
}

/* A blocked key anywhere in what was sent; its place, or -1. */
static int
denied_at(const struct x509_devices *devices, const struct sent *sent)
{
	for (unsigned i = 0; i < sent->count; i++)
		if (has_key(&devices->deny, sent->hashes[i]))
			return (int)i;
	return -1;
}

/* Everything the long way needs of the certificates; NULL, or why they are none. */
static const char *
load_certs(struct sent *sent, unsigned *ret_at)
{
	for (unsigned i = 0; i < sent->count; i++) {
		*ret_at = i;
		sent->certs[i] = x509_cert_load(sent->ders[i]);
		if (sent->certs[i] == NULL)
			return "x509.parse";
		if (!hash_key(sent->certs[i], sent->hashes[i]))
			return "x509.key.malformed";
	}
	if (x509_device_serial(sent->certs[0], sent->serial) != NULL)
		sent->serial[0] = '\0';
	sent->leaf_key = X509_get_pubkey(sent->certs[0]);
	*ret_at = 0;
	return sent->leaf_key == NULL ? "x509.key.malformed" : NULL;
}

/* ---- the path ----------------------------------------------------------------- */

/* One way to judge: a maker, its anchor, and what came of it. */
struct way {
	const struct x509_devices *devices;
	const struct sent         *sent;
	int64_t                    unix_s;
	const struct x509_maker   *maker;
	uint32_t                   relaxed;
	struct x509_refusal        why;
	unsigned                   why_len;
};

static struct x509_path_rules
rules_of(struct way *way, const struct x509_maker *maker)
{
	const struct x509_devices *devices = way->devices;

	way->relaxed = 0;
	return (struct x509_path_rules){
		.unix_s = way->unix_s,
		.max_intermediates = X509_PATH_NO_LIMIT,
		.relax = maker != NULL ? maker->relax : 0,
		.relaxed = &way->relaxed,
		.revocation = (enum x509_revocation)devices->revocation,
		.ocsp = way->sent->ocsp,
		.ocsp_count = way->sent->ocsp_count,
		.ocsp_max_age_s = devices->ocsp_max_age_h * 3600,
		.crls = maker != NULL ? maker->crls : NULL,
		.crl_signers = maker != NULL ? maker->anchors : NULL,
		.crl_grace_s = devices->crl_grace_h * 3600,
	};
}

/*
 * The chain as it was sent, in its order, up to @anchor.  A device may send the anchor
 * itself: then it is the pinned one that counts.
 */
static bool
try_anchor(struct way *way, const struct x509_maker *maker, X509 *anchor)
{
	const struct sent     *sent = way->sent;
	struct x509_path_rules rules = rules_of(way, maker);
	struct x509_refusal    why = { NULL, 0 };
	X509                  *path[X509_DEVICE_CHAIN + 1];
	unsigned               count = sent->count;

	memcpy(path, sent->certs, count * sizeof *path);
	if (X509_cmp(path[count - 1], anchor) != 0) {
		if (X509_NAME_cmp(X509_get_issuer_name(path[count - 1]),
		                  X509_get_subject_name(anchor)) != 0)
			return false;
		count++;
	}
	path[count - 1] = anchor;
	if (x509_profile_check(way->devices->profile, path, count, &rules, &why)) {
		way->maker = maker;
		return true;
	}
	if (way->why.reason == NULL || why.at >= way->why.at)
		way->why = why;
	return false;
}

static bool
find_maker(struct way *way)
{
	way->why = (struct x509_refusal){ NULL, 0 };
	for (size_t i = 0; i < way->devices->maker_count; i++) {
		const struct x509_maker *maker = &way->devices->makers[i];
		for (int k = 0; k < sk_X509_num(maker->anchors); k++)
			if (try_anchor(way, maker, sk_X509_value(maker->anchors, k)))
				return true;
	}
	if (way->why.reason == NULL)
		way->why = (struct x509_refusal){ "x509.anchor", way->sent->count };
	return false;
}

/* The quick way, where nothing is asked that only the long one knows. */
static bool
find_quickly(struct way *way, struct sent *sent)
{
	const struct x509_devices *devices = way->devices;
	struct x509_quick_rules    rules = {
		.unix_s = way->unix_s,
		.devid = devices->profile != X509_PROFILE_RFC5280,
		.ends = devices->profile == X509_PROFILE_LDEVID,
		.forms = &devices->forms,
	};
	struct x509_quick          quick = { .leaf_key = NULL };

	if (devices->profile == X509_PROFILE_MATTER || sent->ocsp_count > 0 ||
	    devices->revocation != X509_REVOCATION_KNOWN)
		return false;
	for (size_t i = 0; i < devices->maker_count; i++) {
		const struct x509_maker *maker = &devices->makers[i];
		for (int k = 0; maker->quick != NULL && maker->crls == NULL &&
		                k < sk_X509_num(maker->anchors);
		     k++) {
			if (!x509_quick_path(sent->ders, sent->count, &maker->quick[k], &rules, &quick))
				continue;
			way->maker = maker;
			sent->leaf_key = quick.leaf_key;
			memcpy(sent->hashes, quick.hashes, sizeof sent->hashes);
			memcpy(sent->serial, quick.serial, sizeof sent->serial);
			return true;
		}
	}
	return false;
}

/* A key on the allow-list may stand alone: then the certificate is a form for it. */
static bool
stands_alone(struct way *way, bool allowed)
{
	struct x509_path_rules rules = rules_of(way, NULL);
	const char            *why;

	if (!allowed || !way->devices->allow_alone)
		return false;
	why = x509_check_cert(way->sent->certs[0], X509_LEAF, &rules);
	way->why = (struct x509_refusal){ why, 0 };
	return why == NULL;
}

/* ---- proof, identity, verdict --------------------------------------------------- */

/* The leaf's key as the COSE library takes it; borrowed. */
static bool
proof_key(EVP_PKEY *pkey, struct csn_pubkey *ret_key)
{
	static const struct {
		int               id, bits;
		enum csn_key_kind kind;
	} kinds[] = {
		{ EVP_PKEY_EC, 256, CSN_KEY_P256 },      { EVP_PKEY_EC, 384, CSN_KEY_P384 },
		{ EVP_PKEY_EC, 521, CSN_KEY_P521 },      { EVP_PKEY_RSA, 0, CSN_KEY_RSA },
		{ EVP_PKEY_ED25519, 0, CSN_KEY_ED25519 },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (EVP_PKEY_get_base_id(pkey) == kinds[i].id &&
		    (kinds[i].bits == 0 || EVP_PKEY_get_bits(pkey) == kinds[i].bits)) {
			*ret_key = (struct csn_pubkey){ .kind = kinds[i].kind, .pkey = pkey };
			return true;
		}
	return false;
}

static int
check_proof(const struct x509_devices *devices, const struct csn_evidence *evidence,
            const struct sent *sent, struct csn_verdict *verdict)
{
	struct csn_pubkey    key = { .kind = CSN_KEY_NONE };
	struct csn_dcbor_out out;
	struct csn_bytes     payload, none = CSN_BYTES_NONE;
	uint8_t              buf[96];
	char                 label[48];
	const char          *why = "";

	snprintf(label, sizeof label, "csgn1/evid-%s", x509_profile_name(devices->profile));
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_label(&out, label, 1);
	csn_dcbor_put_bytes(&out, evidence->challenge);
	int r = csn_dcbor_out_end(&out, &payload);
	if (r < 0)
		return r;
	if (!proof_key(sent->leaf_key, &key))
		return reject(verdict, "x509.key.algorithm", 0, "", "a key that can sign here");
	r = csn_cose_any_verify(&sent->cose, &key, none, payload, &why);
	if (r == CSN_E_REFUSED)
		return reject(verdict, "x509.proof", 0, why,
		              "a signature over this session's challenge");
	return r;
}

static int
check_identity(const struct x509_devices *devices, const struct csn_evidence *evidence,
               const struct way *way, const char *serial, struct csn_verdict *verdict)
{
	const char *maker = way->maker != NULL ? way->maker->name : "allow-list";

	if (!devices->has_identities)
		return CSN_OK;
	for (size_t i = 0; i < devices->identity_count; i++) {
		const struct x509_identity *who = &devices->identities[i];
		if (evidence->did.len != sizeof who->did ||
		    memcmp(evidence->did.ptr, who->did, sizeof who->did) != 0)
			continue;
		if (strcmp(who->maker, maker) == 0 && strcmp(who->serial, serial) == 0)
			return CSN_OK;
		return reject(verdict, "x509.identity", 0, serial, who->serial);
	}
	return reject(verdict, "x509.identity", 0, "a device that is not on the list",
	              "one of the list of identities");
}

/* Relaxations that were needed stand beside what was affirmed. */
static void
note_relaxed(uint32_t relaxed, struct csn_verdict *verdict)
{
	for (uint32_t bit = 1; bit < 1u << X509_RELAX_COUNT; bit <<= 1) {
		struct csn_reason why = { .layer = CSN_NO_LAYER, .claim = CSN_TRUST_INSTANCE };

		if ((relaxed & bit) == 0)
			continue;
		snprintf(why.code, sizeof why.code, "x509.relaxed.%s", x509_relax_name(bit));
		csn_verdict_note(verdict, CSN_CODE_AFFIRMED, &why);
	}
}

static int
accept(const struct x509_devices *devices, const struct sent *sent, const struct way *way,
       struct csn_verdict *verdict)
{
	csn_verdict_fact(verdict, "identity.profile", x509_profile_name(devices->profile));
	csn_verdict_fact(verdict, "identity.maker",
	                 way->maker != NULL ? way->maker->name : "allow-list");
	if (sent->serial[0] != '\0')
		csn_verdict_fact(verdict, "identity.serial", sent->serial);
	memcpy(verdict->key_hash, sent->hashes[0], sizeof verdict->key_hash);
	verdict->has_key = 1;
	csn_verdict_fact_hex(verdict, "identity.key", sent->hashes[0], 32);
	csn_verdict_fact(verdict, "identity.path", way->maker != NULL ? "anchored" : "allowed");
	note_relaxed(way->relaxed, verdict);
	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	return csn_verdict_accept(verdict);
}

static int
judge_sent(struct way *way, struct sent *sent, const struct csn_evidence *evidence,
           struct csn_verdict *verdict)
{
	const struct x509_devices *devices = way->devices;
	bool                       found = find_quickly(way, sent);
	unsigned                   at = 0;
	const char                *why = found ? NULL : load_certs(sent, &at);

	if (why != NULL)
		return reject(verdict, why, at, "", "certificates");
	bool allowed = has_key(&devices->allow, sent->hashes[0]);
	int  denied = denied_at(devices, sent);
	if (denied >= 0)
		return reject(verdict, "x509.deny", (unsigned)denied, "a blocked key", "another");
	if (devices->has_allow && !allowed)
		return reject(verdict, "x509.allow", 0, "a key not on the list",
		              "a key of the allow-list");
	if (!found && !stands_alone(way, allowed) && !find_maker(way))
		return reject(verdict, way->why.reason, way->why.at, "",
		              "a path to a pinned anchor, by the profile");
	int r = check_proof(devices, evidence, sent, verdict);
	if (r == CSN_OK && verdict->judgement == CSN_UNDECIDED)
		r = check_identity(devices, evidence, way, sent->serial, verdict);
	if (r == CSN_OK && verdict->judgement == CSN_UNDECIDED)
		r = accept(devices, sent, way, verdict);
	return r;
}

int
x509_devices_judge(const struct x509_devices *devices, const struct csn_evidence *evidence,
                   struct csn_verdict *verdict, uint32_t *ret_relaxed,
                   const struct x509_maker **ret_maker)
{
	struct sent sent = { .count = 0 };
	struct way  way = { .devices = devices, .sent = &sent,
		            .unix_s = (int64_t)evidence->unix_s };

	*ret_relaxed = 0;
	*ret_maker = NULL;
	csn_verdict_hash(verdict, CSN_HASH_POLICY, devices->policy_hash);
	csn_verdict_hash(verdict, CSN_HASH_REFERENCE, devices->reference_hash);
	if (evidence->challenge.len != 32)
		return reject(verdict, "x509.challenge", 0, "", "a challenge of 32 bytes");
	const char *why = read_sent(evidence->value, &sent);
	int         r = why != NULL ?
	                        reject(verdict, why, 0, "", "a detached COSE_Sign1 with x5chain") :
	                        judge_sent(&way, &sent, evidence, verdict);
	if (verdict->judgement == CSN_ACCEPTED) {
		*ret_relaxed = way.relaxed;
		*ret_maker = way.maker;
	}
	sent_done(&sent);
	ERR_clear_error();
	return r;
}

/* ---- what it all rests on --------------------------------------------------------- */

void
x509_devices_done(struct x509_devices *devices)
{
	for (size_t i = 0; i < devices->maker_count; i++) {
		int anchors = sk_X509_num(devices->makers[i].anchors);
		for (int k = 0; devices->makers[i].quick != NULL && k < anchors; k++)
			x509_quick_anchor_done(&devices->makers[i].quick[k]);
		free(devices->makers[i].quick);
		sk_X509_pop_free(devices->makers[i].anchors, X509_free);
		sk_X509_CRL_pop_free(devices->makers[i].crls, X509_CRL_free);
	}
	free(devices->allow.hashes);
	free(devices->deny.hashes);
	free(devices->identities);
	x509_quick_forms_done(&devices->forms);
	*devices = (struct x509_devices){ .profile = devices->profile };
}

/* Each part with its length before it, so that no two sets read alike. */
static bool
feed(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
	uint8_t head[8];

	for (unsigned i = 0; i < 8; i++)
		head[i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	return EVP_DigestUpdate(ctx, head, sizeof head) == 1 &&
	       (len == 0 || EVP_DigestUpdate(ctx, bytes, len) == 1);
}

static bool
feed_maker(EVP_MD_CTX *ctx, const struct x509_maker *maker)
{
	uint8_t hash[32];
	bool    good = feed(ctx, maker->name, strlen(maker->name));

	for (int i = 0; good && i < sk_X509_num(maker->anchors); i++)
		good = X509_digest(sk_X509_value(maker->anchors, i), EVP_sha256(), hash, NULL) == 1 &&
		       feed(ctx, hash, sizeof hash);
	for (int i = 0; good && i < sk_X509_CRL_num(maker->crls); i++)
		good = X509_CRL_digest(sk_X509_CRL_value(maker->crls, i), EVP_sha256(), hash,
		                       NULL) == 1 &&
		       feed(ctx, hash, sizeof hash);
	return good;
}

static bool
hash_reference(EVP_MD_CTX *ctx, struct x509_devices *devices)
{
	bool good = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < devices->maker_count; i++)
		good = feed_maker(ctx, &devices->makers[i]);
	good = good && feed(ctx, devices->allow.hashes, 32 * devices->allow.count) &&
	       feed(ctx, devices->deny.hashes, 32 * devices->deny.count) &&
	       feed(ctx, devices->identities,
	            devices->identity_count * sizeof *devices->identities);
	return good && EVP_DigestFinal_ex(ctx, devices->reference_hash, NULL) == 1;
}

static bool
hash_policy(EVP_MD_CTX *ctx, struct x509_devices *devices)
{
	const uint32_t asked[] = { devices->profile,        devices->revocation,
		                   devices->crl_grace_h,    devices->ocsp_max_age_h,
		                   devices->allow_alone,    devices->has_allow,
		                   devices->has_identities };
	char           text[16];
	bool           good = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < sizeof asked / sizeof *asked; i++)
		good = feed(ctx, text, (size_t)snprintf(text, sizeof text, "%u", asked[i]));
	for (size_t i = 0; good && i < devices->maker_count; i++)
		good = feed(ctx, devices->makers[i].name, strlen(devices->makers[i].name)) &&
		       feed(ctx, text,
		            (size_t)snprintf(text, sizeof text, "%u", devices->makers[i].relax));
	return good && EVP_DigestFinal_ex(ctx, devices->policy_hash, NULL) == 1;
}

static bool
prepare_maker(struct x509_maker *maker, const struct x509_quick_forms *forms)
{
	int count = sk_X509_num(maker->anchors);

	maker->quick = calloc((size_t)count + 1, sizeof *maker->quick);
	for (int i = 0; maker->quick != NULL && i < count; i++)
		(void)x509_quick_anchor(sk_X509_value(maker->anchors, i), forms, &maker->quick[i]);
	return maker->quick != NULL;
}

int
x509_devices_prepare(struct x509_devices *devices)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && hash_reference(ctx, devices) && hash_policy(ctx, devices) &&
	            x509_quick_forms_make(&devices->forms);

	for (size_t i = 0; good && i < devices->maker_count; i++)
		good = prepare_maker(&devices->makers[i], &devices->forms);
	EVP_MD_CTX_free(ctx);
	return good ? CSN_OK : CSN_E_INTERNAL;
}
