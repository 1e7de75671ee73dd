#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/attest/dice/dice.h"
#include "lib/cose-any.h"
#include "lib/der.h"
#include "vectors/runners.h"

/*
 * DICE chains of others.  The suites have no anchors of ours, so each chain is judged from
 * the root it brings, at a time when all its certificates are valid; everything else is
 * the policy a station would use.
 */

#define POOL_MAX 256

static const struct dice_policy strict = {
	.any_root = true,
	.android = true,
	.no_measurement = DICE_ALLOW,
	.no_flags = DICE_ALLOW,
};

static struct dice_chain *
chain_new(void)
{
	return vec_alloc(sizeof(struct dice_chain));
}

/* Accepted?  The reason when not. */
static bool
judge_cbor(struct csn_bytes item, const struct dice_policy *policy, char why[48])
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_chain *chain = chain_new();
	int r = dice_read_cbor(item, policy->android, chain, &verdict);

	if (r == CSN_OK)
		r = dice_chain_judge(chain, policy, &verdict);
	dice_chain_done(chain);
	snprintf(why, 48, "%s", r == CSN_OK ? "" : verdict.reason);
	return r == CSN_OK;
}

/*
 * A chain whose verdict hangs on policy is judged twice: refused by default for exactly
 * the reason, taken with the policy that says so.
 */
static void
judge_twice(struct vec *v, struct csn_bytes item, const struct dice_policy *relaxed,
            const char *reason)
{
	char why[48];
	bool plain = judge_cbor(item, &strict, why);

	vec_verdict(v, "by default: ", false, plain, why);
	vec_row(v, plain || strcmp(why, reason) == 0, "refused for %s, not for %s", why, reason);
	bool relaxed_good = judge_cbor(item, relaxed, why);
	vec_verdict(v, "as policy allows: ", true, relaxed_good, why);
}

void
run_dice_chain(struct vec *v, const json_t *root)
{
	struct dice_policy policy = strict;
	const char        *expect = vec_expect(v);
	char               why[48];

	(void)root;
	if (strstr(expect == NULL ? v->path : expect, "degenerate") != NULL) {
		policy.degenerate = true;
		judge_twice(v, vec_file(v), &policy, "dice.degenerate");
	} else if (expect != NULL && strstr(expect, "non-normal modes") != NULL) {
		policy.modes = 0xf;
		judge_twice(v, vec_file(v), &policy, "dice.mode");
	} else {
		bool good = judge_cbor(vec_file(v), &policy, why);
		vec_verdict(v, "", !vec_wants_reject(v), good, why);
	}
}

/* ---- Android's certificate requests ------------------------------------------ */

/* The whole X.509 path of one signer, root first, ends in the key the chain begins with. */
static bool
uds_path_good(struct csn_dcbor_in *in, const struct csn_pubkey *uds, char why[48])
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_chain *chain = chain_new();
	struct dice_policy policy = strict;
	struct csn_bytes   certs[DICE_LAYERS_MAX];
	size_t             n = csn_dcbor_array(in, 2, DICE_LAYERS_MAX);

	for (size_t i = 0; i < n && !in->bad; i++)
		certs[i] = csn_dcbor_bytes(in, 1, DICE_CERT_MAX);
	policy.leaf_certifies = true;
	snprintf(why, 48, "uds certificates");
	int r = in->bad ? CSN_E_PROTOCOL : dice_read_x509(certs, n, chain, &verdict);
	for (size_t i = 0; r == CSN_OK && i < n; i++)
		if (chain->layers[i].not_before > policy.unix_s)
			policy.unix_s = chain->layers[i].not_before;
	if (r == CSN_OK)
		r = dice_chain_judge(chain, &policy, &verdict);
	bool good = r == CSN_OK && csn_pubkey_same(dice_leaf_key(chain), uds);
	if (r == CSN_E_REFUSED)
		snprintf(why, 48, "%s", verdict.reason);
	dice_chain_done(chain);
	return good;
}

static bool
uds_good(struct csn_bytes map, const struct csn_pubkey *uds, char why[48])
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	size_t signers = csn_dcbor_map(&in, 0, 8);
	for (size_t i = 0; i < signers && !in.bad; i++) {
		csn_dcbor_text(&in, 1, 256);
		if (!uds_path_good(&in, uds, why))
			return false;
	}
	return csn_dcbor_in_end(&in) == CSN_OK;
}

/* [challenge, bytes of [3, type, device info, keys to sign]] under the leaf's key. */
static bool
signed_data_good(struct csn_bytes item, const struct csn_pubkey *leaf, char why[48])
{
	struct csn_cose_any cose;
	struct csn_dcbor_in in;
	const char         *reason = "signed data";

	if (csn_cose_any_parse(item, CSN_COSE_SIGN1, &cose, &reason) < 0 ||
	    csn_cose_any_verify(&cose, leaf, CSN_BYTES_NONE, CSN_BYTES_NONE, &reason) < 0 ||
	    csn_scbor_check(cose.payload) < 0)
		goto bad;
	csn_dcbor_in_init(&in, cose.payload);
	csn_dcbor_array(&in, 2, 2);
	csn_dcbor_bytes(&in, 0, 64);
	struct csn_bytes payload = csn_dcbor_bytes(&in, 1, 65536);
	if (csn_dcbor_in_end(&in) < 0 || csn_scbor_check(payload) < 0)
		goto bad;
	csn_dcbor_in_init(&in, payload);
	csn_dcbor_array(&in, 4, 4);
	bool version = csn_dcbor_uint(&in, 3) == 3;
	csn_dcbor_text(&in, 1, 64);
	bool info = csn_scbor_pairs(csn_scbor_item(&in)) > 0;
	csn_scbor_item(&in);
	if (version && info && csn_dcbor_in_end(&in) == CSN_OK)
		return true;
	reason = "request payload";
bad:
	snprintf(why, 48, "%s", reason);
	return false;
}

/* An authenticated request of version 3: [1, uds, chain, signed data, ? unverified]. */
static bool
csr_good(struct csn_bytes csr, const struct dice_policy *policy, char why[48])
{
	struct csn_verdict  verdict = { .size = sizeof verdict };
	struct dice_chain  *chain = chain_new();
	struct csn_dcbor_in in;
	bool                good = false;

	snprintf(why, 48, "request syntax");
	if (csn_scbor_check(csr) < 0)
		return false;
	csn_dcbor_in_init(&in, csr);
	size_t n = csn_dcbor_array(&in, 4, 5);
	bool   one = csn_dcbor_uint(&in, 1) == 1;
	struct csn_bytes uds = csn_scbor_item(&in), item = csn_scbor_item(&in);
	struct csn_bytes data = csn_scbor_item(&in);
	if (n == 5)
		csn_scbor_item(&in);
	if (!one || csn_dcbor_in_end(&in) < 0)
		return false;
	int r = dice_read_cbor(item, policy->android, chain, &verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(chain, policy, &verdict);
	if (r == CSN_OK)
		good = uds_good(uds, &chain->root, why) &&
		       signed_data_good(data, dice_leaf_key(chain), why);
	else
		snprintf(why, 48, "%s", verdict.reason);
	dice_chain_done(chain);
	return good;
}

/* Version 2 begins with the device's own array and hides its chain. */
static bool
is_version_2(struct csn_bytes csr)
{
	return csr.len > 1 && csr.ptr[0] == 0x84 && csr.ptr[1] == 0x82;
}

void
run_dice_csr(struct vec *v, const json_t *root)
{
	struct dice_policy policy = strict;
	struct csn_bytes   csr = vec_file(v);
	size_t             len = strlen(v->path);
	char               why[48];
	bool               reject = vec_wants_reject(v);

	(void)root;
	if (len > 7 && strcmp(v->path + len - 7, ".base64") == 0)
		csr = vec_unbase64((const char *)csr.ptr, csr.len);
	policy.degenerate = strstr(v->path, "degenerate") != NULL;
	if (strstr(v->path, "avf") != NULL)
		policy.modes = 0xf;
	if (is_version_2(csr) && !reject) {
		vec_skip(v, "a version 2 request: its chain is encrypted to Google's key");
		return;
	}
	bool good = csr_good(csr, &policy, why);
	vec_verdict(v, "", !reject, good, why);
}

/* One request a line; a file holds when every line does. */
void
run_dice_factory(struct vec *v, const json_t *root)
{
	struct csn_bytes file = vec_file(v);
	char            *text = vec_alloc(file.len), *save = NULL, why[48] = "";
	unsigned         judged = 0, hidden = 0;
	bool             good = true;

	(void)root;
	memcpy(text, file.ptr, file.len);
	for (char *line = strtok_r(text, "\n", &save); line != NULL && good;
	     line = strtok_r(NULL, "\n", &save)) {
		struct dice_policy policy = strict;
		json_t            *row = json_loads(line, 0, NULL);
		const char        *base64 = vec_str(row, "csr", "");
		struct csn_bytes   csr = vec_unbase64(base64, strlen(base64));
		json_decref(row);
		policy.degenerate = strstr(v->path, "degenerate") != NULL;
		if (strstr(v->path, "avf") != NULL)
			policy.modes = 0xf; /* virtual machines: upstream takes any mode */
		if (is_version_2(csr)) {
			hidden++;
			continue;
		}
		judged++;
		good = csr_good(csr, &policy, why);
	}
	if (hidden > 0 && good && (judged == 0 || vec_wants_reject(v)))
		vec_skip(v, "version 2 requests: their chains are encrypted to Google's key");
	else
		vec_verdict(v, "", !vec_wants_reject(v), good, why);
}

/* ---- single certificates and links ------------------------------------------- */

/* A known answer whose issuer is not with it: everything but the signature. */
void
run_dice_single(struct vec *v, const json_t *root)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };
	bool               cbor = strstr(v->path, ".cbor") != NULL;

	(void)root;
	/* Upstream's descriptors are no CBOR, also in its Android profile. */
	int r = cbor ? dice_layer_cbor(vec_file(v), false, 0, &layer, &verdict) :
	               dice_layer_x509(vec_file(v), 0, &layer, &verdict);
	bool good = r == CSN_OK && layer.has_input && layer.has_mode &&
	            layer.code_hash.len > 0 &&
	            (cbor || (layer.ca && layer.key_usage == 1u << 5));
	dice_layer_done(&layer);
	vec_verdict(v, "", !vec_wants_reject(v), good, verdict.reason);
}

static int
layer_of(struct csn_bytes file, bool x509, unsigned at, struct dice_layer *layer,
         struct csn_verdict *verdict)
{
	return x509 ? dice_layer_x509(file, at, layer, verdict) :
	              dice_layer_cbor(file, false, at, layer, verdict);
}

/* Link N of a chain that began with uds_cert: signed by the one before it. */
void
run_dice_link(struct vec *v, const json_t *root)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 }, under = { 0 };
	bool               x509 = strstr(v->path, "X509") != NULL;
	char               path[700], *at;
	int                number;

	(void)root;
	snprintf(path, sizeof path, "%s", vec_full(v));
	at = strstr(path, "cert_full_cert_chain_");
	if (at == NULL || sscanf(at, "cert_full_cert_chain_%d", &number) != 1)
		number = -1;
	else if (number == 0)
		snprintf(at, (size_t)(path + sizeof path - at), "uds_cert.cert");
	else
		snprintf(at, (size_t)(path + sizeof path - at), "cert_full_cert_chain_%d.cert",
		         number - 1);
	int r = layer_of(vec_file(v), x509, 1, &layer, &verdict);
	if (r == CSN_OK)
		r = layer_of(vec_read(path), x509, 0, &under, &verdict);
	if (r == CSN_OK)
		r = dice_layer_signed(&layer, 1, &under.key, &verdict);
	bool linked = r == CSN_OK && layer.issuer.len == under.subject.len &&
	              memcmp(layer.issuer.ptr, under.subject.ptr, layer.issuer.len) == 0;
	dice_layer_done(&layer);
	dice_layer_done(&under);
	vec_verdict(v, "", !vec_wants_reject(v), linked, verdict.reason);
}

/* The bare extension: [0] { OID, CompositeDeviceID } in a SEQUENCE of names. */
void
run_dice_riot(struct vec *v, const json_t *root)
{
	struct dice_layer layer = { 0 };
	struct csn_der    at;

	(void)root;
	csn_der_init(&at, vec_file(v));
	struct csn_der   list = csn_der_open(&at, CSN_DER_SEQUENCE);
	struct csn_der   name = csn_der_open(&list, 0xa0);
	csn_der_take(&name, CSN_DER_OID);
	bool good = !name.bad &&
	            dice_read_riot((struct csn_bytes){ name.pos, (size_t)(name.end - name.pos) },
	                           &layer);
	vec_verdict(v, "", !vec_wants_reject(v), good, "dice.riot");
}

static bool judge_x509(const struct csn_bytes *certs, size_t n, const struct dice_policy *base,
                       char why[48]);

/* PEM blocks, alias first: the device id signed it, and is the one it names. */
void
run_dice_riot_chain(struct vec *v, const json_t *root)
{
	struct csn_bytes   file = vec_file(v), certs[DICE_LAYERS_MAX], path[DICE_LAYERS_MAX];
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  alias = { 0 };
	size_t             n = 0;
	char               why[48] = "no composite device id";
	static const char  begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END";
	char              *text = vec_alloc(file.len);

	(void)root;
	memcpy(text, file.ptr, file.len);
	for (char *at = text; n < DICE_LAYERS_MAX && (at = strstr(at, begin)) != NULL;) {
		char  *stop = strstr(at, end), *from = at + sizeof begin - 1;
		size_t len = 0;
		if (stop == NULL)
			break;
		for (char *p = from; p < stop; p++)
			if (*p != '\n' && *p != '\r')
				from[len++] = *p;
		certs[n++] = vec_unbase64(from, len);
		at = stop;
	}
	for (size_t i = 0; i < n; i++)
		path[n - 1 - i] = certs[i];
	bool good = n > 1 && judge_x509(path, n, &strict, why) &&
	            dice_layer_x509(certs[0], 1, &alias, &verdict) == CSN_OK &&
	            alias.riot_device.len > 0;
	dice_layer_done(&alias);
	vec_verdict(v, "", !vec_wants_reject(v), good, why);
}

/* ---- files of certificates ---------------------------------------------------- */

/* Cuts a file of DER elements; 0 when it is none. */
static size_t
split(struct csn_bytes file, struct csn_bytes *parts, size_t room)
{
	struct csn_der at;
	size_t         n = 0;

	csn_der_init(&at, file);
	while (csn_der_more(&at) && n < room)
		parts[n++] = csn_der_take_raw(&at, CSN_DER_SEQUENCE);
	return csn_der_end(&at) == CSN_OK ? n : 0;
}

/* A certificate begins with a SEQUENCE in its SEQUENCE; keys begin with other things. */
static bool
looks_like_cert(struct csn_bytes der)
{
	struct csn_der at;

	csn_der_init(&at, der);
	struct csn_der outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	csn_der_take(&outer, CSN_DER_SEQUENCE);
	csn_der_take(&outer, CSN_DER_SEQUENCE);
	csn_der_take(&outer, CSN_DER_BIT_STRING);
	return csn_der_end(&outer) == CSN_OK;
}

/* Every certificate in the folders around the file. */
static size_t
pool_of(const struct vec *v, struct csn_bytes *pool)
{
	static const char *const around[] = { "%s/*.der", "%s/../*.der", "%s/../../slot0/*.der",
		                              "%s/../../../slot0/*.der", "%s/../*/*.der" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
		char   pattern[800];
		glob_t found = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(pattern, sizeof pattern, around[i], vec_folder(v));
#pragma GCC diagnostic pop
		if (glob(pattern, 0, NULL, &found) != 0)
			found.gl_pathc = 0;
		for (size_t k = 0; k < found.gl_pathc && n < POOL_MAX; k++)
			n += split(vec_read(found.gl_pathv[k]), pool + n, POOL_MAX - n);
		globfree(&found);
	}
	return n;
}

static bool
issued_by(struct csn_bytes cert, struct csn_bytes issuer)
{
	struct csn_verdict scratch = { .size = sizeof scratch };
	struct dice_layer  layer = { 0 }, under = { 0 };
	bool good = dice_layer_x509(cert, 1, &layer, &scratch) == CSN_OK &&
	            dice_layer_x509(issuer, 0, &under, &scratch) == CSN_OK &&
	            layer.issuer.len == under.subject.len &&
	            memcmp(layer.issuer.ptr, under.subject.ptr, layer.issuer.len) == 0 &&
	            dice_layer_signed(&layer, 1, &under.key, &scratch) == CSN_OK;

	dice_layer_done(&layer);
	dice_layer_done(&under);
	return good;
}

/* The path of @cert through the pool, root first; 0 when there is none to a root. */
static size_t
path_of(struct csn_bytes cert, const struct csn_bytes *pool, size_t pool_len,
        struct csn_bytes *path)
{
	struct csn_bytes upward[DICE_LAYERS_MAX];
	size_t           n = 0;

	upward[n++] = cert;
	while (n < DICE_LAYERS_MAX && !issued_by(upward[n - 1], upward[n - 1])) {
		size_t i = 0;
		while (i < pool_len && !issued_by(upward[n - 1], pool[i]))
			i++;
		if (i == pool_len)
			return 0;
		upward[n++] = pool[i];
	}
	for (size_t i = 0; i < n; i++)
		path[i] = upward[n - 1 - i];
	return n;
}

static bool
judge_x509(const struct csn_bytes *certs, size_t n, const struct dice_policy *base,
           char why[48])
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_chain *chain = chain_new();
	struct dice_policy policy = *base;
	int                r = dice_read_x509(certs, n, chain, &verdict);

	for (size_t i = 0; r == CSN_OK && i < n; i++)
		if (chain->layers[i].not_before > policy.unix_s)
			policy.unix_s = chain->layers[i].not_before;
	if (r == CSN_OK)
		r = dice_chain_judge(chain, &policy, &verdict);
	dice_chain_done(chain);
	snprintf(why, 48, "%s", r == CSN_OK ? "" : verdict.reason);
	return r == CSN_OK;
}

static void
judge_roles(struct vec *v, const struct csn_bytes *path, size_t n, const char *expect)
{
	struct dice_policy policy = strict;
	char               why[48];
	bool both = strstr(expect, "both roles") != NULL;
	bool requester = strstr(expect, "requester only") != NULL;

	policy.spdm_role = DICE_SPDM_REQUESTER;
	bool good = judge_x509(path, n, &policy, why);
	vec_verdict(v, "as requester: ", both || requester, good, why);
	policy.spdm_role = DICE_SPDM_RESPONDER;
	good = judge_x509(path, n, &policy, why);
	vec_verdict(v, "as responder: ", both || !requester, good, why);
}

void
run_dice_spdm(struct vec *v, const json_t *root)
{
	static struct csn_bytes pool[POOL_MAX];
	struct csn_bytes        parts[DICE_LAYERS_MAX], path[DICE_LAYERS_MAX];
	size_t                  n = split(vec_file(v), parts, DICE_LAYERS_MAX);
	const char             *expect = vec_expect(v);
	char                    why[48] = "no certificates";
	bool                    good = false;

	(void)root;
	for (size_t i = 0; i < n; i++)
		if (!looks_like_cert(parts[i])) {
			vec_skip(v, "a key, alone or behind a certificate: no evidence");
			return;
		}
	if (n == 1) {
		n = path_of(parts[0], pool, pool_of(v, pool), path);
		snprintf(why, sizeof why, "no issuer in these folders");
	} else {
		memcpy(path, parts, sizeof path);
	}
	if (n > 0 && expect != NULL && strncmp(expect, "EKU", 3) == 0) {
		judge_roles(v, path, n, expect);
		return;
	}
	if (n > 0)
		good = judge_x509(path, n, &strict, why);
	vec_verdict(v, "", !vec_wants_reject(v), good, why);
}

/* ---- Caliptra ----------------------------------------------------------------- */

/* A PKCS #10 request signed by its own key; the last part of its form is not judged. */
static bool
request_good(struct csn_bytes der)
{
	static const uint8_t version_1[] = { 0x02, 0x01, 0x00 };
	struct csn_pubkey key = { 0 };
	struct csn_der    at, in;

	csn_der_init(&at, der);
	struct csn_der   outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	struct csn_bytes tbs = csn_der_take_raw(&outer, CSN_DER_SEQUENCE);
	csn_der_take(&outer, CSN_DER_SEQUENCE);
	struct csn_bytes bits = csn_der_take(&outer, CSN_DER_BIT_STRING);
	csn_der_init(&in, tbs);
	struct csn_der body = csn_der_open(&in, CSN_DER_SEQUENCE);
	csn_der_expect(&body, CSN_BYTES_OF(version_1));
	csn_der_take(&body, CSN_DER_SEQUENCE);
	struct csn_bytes spki = csn_der_take_raw(&body, CSN_DER_SEQUENCE);
	if (csn_der_end(&outer) < 0 || csn_der_end(&at) < 0 || body.bad || bits.len < 2 ||
	    csn_pubkey_from_spki(spki, &key, NULL) < 0)
		return false;
	bool good = csn_pubkey_verify(&key, CSN_SIG_ECDSA_SHA384, false, tbs,
	                              (struct csn_bytes){ bits.ptr + 1, bits.len - 1 }) == CSN_OK;
	csn_pubkey_done(&key);
	return good;
}

/*
 * The files come from two versions of the ROM whose names differ, and the root is a
 * request: a certificate is signed by the key of the request or certificate beside it.
 */
static bool
signed_in_folder(const struct vec *v, struct csn_bytes cert, char why[48])
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };
	glob_t             found = { 0 };
	char               pattern[800];
	bool               good = false;

	snprintf(pattern, sizeof pattern, "%s/*.der", vec_folder(v));
	int r = dice_layer_x509(cert, 1, &layer, &verdict);
	snprintf(why, 48, "%s", r == CSN_OK ? "no issuer in the folder" : verdict.reason);
	if (r < 0 || glob(pattern, 0, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t i = 0; !good && i < found.gl_pathc; i++) {
		struct csn_bytes  other = vec_read(found.gl_pathv[i]);
		struct dice_layer under = { 0 };
		struct csn_der    at;
		csn_der_init(&at, other);
		struct csn_der outer = csn_der_open(&at, CSN_DER_SEQUENCE);
		struct csn_der tbs = csn_der_open(&outer, CSN_DER_SEQUENCE);
		csn_der_take(&tbs, CSN_DER_INTEGER);
		csn_der_take(&tbs, CSN_DER_SEQUENCE);
		struct csn_bytes spki = csn_der_take_raw(&tbs, CSN_DER_SEQUENCE);
		if (tbs.bad || csn_pubkey_from_spki(spki, &under.key, NULL) < 0) {
			dice_layer_done(&under);
			if (dice_layer_x509(other, 0, &under, &verdict) < 0)
				continue;
		}
		good = dice_layer_signed(&layer, 1, &under.key, &verdict) == CSN_OK;
		dice_layer_done(&under);
	}
	globfree(&found);
	dice_layer_done(&layer);
	return good;
}

void
run_dice_caliptra(struct vec *v, const json_t *root)
{
	struct csn_bytes file = vec_file(v);
	char             why[48] = "signature of a request";
	bool             request = strstr(v->path, "csr") != NULL;
	bool good = request ? request_good(file) : signed_in_folder(v, file, why);

	(void)root;
	vec_verdict(v, "", !vec_wants_reject(v), good, why);
}
