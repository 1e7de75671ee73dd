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
	X509               *certs[X509_DEVICE_CHAIN]; /* leaf first                 */
	unsigned            count;
	uint8_t             leaf_hash[32]; /* of its SubjectPublicKeyInfo           */
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

static const char *
read_certs(struct sent *sent, const struct csn_bytes *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++)
			if (list[i].len == list[k].len &&
			    memcmp(list[i].ptr, list[k].ptr, list[i].len) == 0)
				return "x509.chain.twice";
		sent->certs[sent->count] = x509_cert_load(list[i]);
		if (sent->certs[sent->count] == NULL)
			return "x509.parse";
		sent->count++;
	}
	return NULL;
}

/* NULL, or the reason; @sent wants sent_done() either way. */
static const char *
read_sent(struct csn_bytes value, struct sent *sent)
{
	struct csn_bytes chain[X509_DEVICE_CHAIN], header;
	const char      *why = NULL;

	if (value.len > X509_DEVICE_OF)
		return "x509.size";
	if (csn_cose_any_parse(value, CSN_COSE_SIGN1, &sent->cose, &why) < 0)
		return "x509.cose";
	if (!sent->cose.detached)
		return "x509.cose";
	size_t count = read_list(csn_cose_any_header(&sent->cose, X509_HEADER_CHAIN), chain,
	                         X509_DEVICE_CHAIN);
	if (count == 0)
		return "x509.chain.form";
	header = csn_cose_any_header(&sent->cose, X509_HEADER_OCSP);
	if (header.len > 0) {
		sent->ocsp_count = read_list(header, sent->ocsp, X509_DEVICE_OCSP);
		if (sent->ocsp_count == 0)
			return "x509.ocsp.form";
	}
	return read_certs(sent, chain, count);
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
	uint8_t hash[32];

	for (unsigned i = 0; i < sent->count; i++)
		if (!hash_key(sent->certs[i], hash) || has_key(&devices->deny, hash))
			return (int)i;
	return -1;
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

static int
check_proof(const struct x509_devices *devices, const struct csn_evidence *evidence,
            const struct sent *sent, struct csn_verdict *verdict)
{
	struct csn_pubkey    key = { .kind = CSN_KEY_NONE };
	struct csn_dcbor_out out;
	struct csn_bytes     payload, none = CSN_BYTES_NONE;
	unsigned char       *der = NULL;
	uint8_t              buf[96];
	char                 label[48];
	const char          *why = "";
	int                  len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sent->certs[0]), &der);

	snprintf(label, sizeof label, "csgn1/evid-%s", x509_profile_name(devices->profile));
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_dcbor_put_label(&out, label, 1);
	csn_dcbor_put_bytes(&out, evidence->challenge);
	int r = csn_dcbor_out_end(&out, &payload);
	if (r == CSN_OK)
		r = len > 0 ? csn_pubkey_from_spki((struct csn_bytes){ der, (size_t)len }, &key, &why) :
		              CSN_E_INTERNAL;
	OPENSSL_free(der);
	if (r == CSN_E_PROTOCOL)
		return reject(verdict, "x509.key.algorithm", 0, why, "a key that can sign here");
	if (r == CSN_OK)
		r = csn_cose_any_verify(&sent->cose, &key, none, payload, &why);
	csn_pubkey_done(&key);
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
       const char *serial, struct csn_verdict *verdict)
{
	char name[40];

	snprintf(name, sizeof name, "%s", x509_profile_name(devices->profile));
	csn_verdict_fact(verdict, "identity.profile", name);
	csn_verdict_fact(verdict, "identity.maker",
	                 way->maker != NULL ? way->maker->name : "allow-list");
	if (serial[0] != '\0')
		csn_verdict_fact(verdict, "identity.serial", serial);
	memcpy(verdict->key_hash, sent->leaf_hash, sizeof verdict->key_hash);
	verdict->has_key = 1;
	csn_verdict_fact_hex(verdict, "identity.key", sent->leaf_hash, 32);
	csn_verdict_fact(verdict, "identity.path", way->maker != NULL ? "anchored" : "allowed");
	note_relaxed(way->relaxed, verdict);
	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	return csn_verdict_accept(verdict);
}

static int
judge_sent(struct way *way, const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	const struct x509_devices *devices = way->devices;
	const struct sent         *sent = way->sent;
	char                       serial[65] = "";
	bool                       allowed = has_key(&devices->allow, sent->leaf_hash);
	int                        denied = denied_at(devices, sent);

	if (denied >= 0)
		return reject(verdict, "x509.deny", (unsigned)denied, "a blocked key", "another");
	if (devices->has_allow && !allowed)
		return reject(verdict, "x509.allow", 0, "a key not on the list",
		              "a key of the allow-list");
	if (!stands_alone(way, allowed) && !find_maker(way))
		return reject(verdict, way->why.reason, way->why.at, "",
		              "a path to a pinned anchor, by the profile");
	if (x509_device_serial(sent->certs[0], serial) != NULL)
		serial[0] = '\0';
	int r = check_proof(devices, evidence, sent, verdict);
	if (r == CSN_OK && verdict->judgement == CSN_UNDECIDED)
		r = check_identity(devices, evidence, way, serial, verdict);
	if (r == CSN_OK && verdict->judgement == CSN_UNDECIDED)
		r = accept(devices, sent, way, serial, verdict);
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
	int         r;

	*ret_relaxed = 0;
	*ret_maker = NULL;
	csn_verdict_hash(verdict, CSN_HASH_POLICY, devices->policy_hash);
	csn_verdict_hash(verdict, CSN_HASH_REFERENCE, devices->reference_hash);
	if (evidence->challenge.len != 32)
		return reject(verdict, "x509.challenge", 0, "", "a challenge of 32 bytes");
	const char *why = read_sent(evidence->value, &sent);
	if (why != NULL)
		r = reject(verdict, why, sent.count, "", "a detached COSE_Sign1 with x5chain");
	else if (!hash_key(sent.certs[0], sent.leaf_hash))
		r = reject(verdict, "x509.key.malformed", 0, "", "a key");
	else
		r = judge_sent(&way, evidence, verdict);
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
		sk_X509_pop_free(devices->makers[i].anchors, X509_free);
		sk_X509_CRL_pop_free(devices->makers[i].crls, X509_CRL_free);
	}
	free(devices->allow.hashes);
	free(devices->deny.hashes);
	free(devices->identities);
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

int
x509_devices_hash(struct x509_devices *devices)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && hash_reference(ctx, devices) && hash_policy(ctx, devices);

	EVP_MD_CTX_free(ctx);
	return good ? CSN_OK : CSN_E_INTERNAL;
}
