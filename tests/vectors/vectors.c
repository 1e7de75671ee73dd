/*
 * csn-vectors DIR: runs every file under DIR that a runner knows.  Deviations go to
 * stderr, one line a file to stdout, and the last line is "vectors DIR: N of M".
 * Exit 0 when N = M and M > 0.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include "vectors/vectors.h"

#include <fnmatch.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/pem.h>

#include "lib/pubkey.h"
#include "vectors/runners.h"

/* First match wins; what matches nothing is counted as unknown and fails the run. */
static const struct vec_runner runners[] = {
	{ .pattern = "*manifest.json", .skip = "" },
	{ .pattern = "*README.md", .skip = "" },
	{ .pattern = "*index.json", .skip = "" },
	{ .pattern = "*rfc5869.json", .run = run_rfc5869 },
	{ .pattern = "*rfc9180.json", .run = run_rfc9180 },
	{ .pattern = "*rfc9180-*.json", .run = run_rfc9180_text },
	{ .pattern = "*rfc9383.json", .run = run_rfc9383 },
	{ .pattern = "*oneway-*.json", .run = run_trace },
	{ .pattern = "*psk-*.json", .run = run_trace },
	{ .pattern = "*twoway-*.json", .run = run_trace },
	{ .pattern = "*frames.json", .run = run_rows },
	{ .pattern = "*attachments.json", .run = run_rows },
	{ .pattern = "*negative.json", .run = run_rows },
	{ .pattern = "*accept.json", .run = run_rows },
	{ .pattern = "*appendix_a.json", .run = run_cbor_appendix },
	{ .pattern = "*not_well_formed.json", .run = run_cbor_bad },
	{ .pattern = "*dcbor.json", .run = run_cbor_dcbor },
	{ .pattern = "*cose-wg/*.json", .run = run_cose_wg },
	{ .pattern = "*gluecose/*.json", .run = run_gluecose },
	{ .pattern = "*wycheproof/hkdf_sha256_test.json", .run = run_hkdf },
	{ .pattern = "*wycheproof/hmac_sha256_test.json", .run = run_hmac },
	{ .pattern = "*wycheproof/aes_gcm_test.json", .run = run_aead },
	{ .pattern = "*wycheproof/chacha20_poly1305_test.json", .run = run_aead },
	{ .pattern = "*wycheproof/x25519_test.json", .run = run_x25519 },
	{ .pattern = "*wycheproof/ecdh_secp256r1_ecpoint_test.json", .run = run_ecdh },
	{ .pattern = "*wycheproof/ed25519_test.json", .run = run_ed25519 },
	{ .pattern = "*wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", .run = run_ecdsa },
	{ .pattern = "*limbo*.json", .run = run_x509_limbo },
	{ .pattern = "*matter/*.json", .run = run_matter },
	{ .pattern = "*matter-roots/*", .skip = "" },
	{ .pattern = "*pkits*.json", .run = run_pkits },
	{ .pattern = "*ocsp/cases.json", .run = run_ocsp },
	{ .pattern = "*ocsp/*.ors", .skip = "" },
	{ .pattern = "*ocsp/*.pem", .skip = "" },
	{ .pattern = "*hwtrust/*.chain", .run = run_dice_chain, .raw = true },
	{ .pattern = "*hwtrust/csr/*", .run = run_dice_csr, .raw = true },
	{ .pattern = "*hwtrust/factory_csr/*", .run = run_dice_factory, .raw = true },
	{ .pattern = "*open-dice/Cdi*.bin", .skip = "a derived secret, no certificate" },
	{ .pattern = "*open-dice/*.der", .run = run_dice_single, .raw = true },
	{ .pattern = "*open-dice/*.cbor", .run = run_dice_single, .raw = true },
	{ .pattern = "*veraison-open/*.cert", .run = run_dice_link, .raw = true },
	{ .pattern = "*veraison-tcg/*.der", .run = run_dice_riot, .raw = true },
	{ .pattern = "*libspdm/*.der", .run = run_dice_spdm, .raw = true },
	{ .pattern = "*spdm-utils/*.der", .run = run_dice_spdm, .raw = true },
	{ .pattern = "*caliptra/*.der", .run = run_dice_caliptra, .raw = true },
	{ .pattern = "*corim/*.cbor", .run = run_corim, .raw = true },
	{ .pattern = "*corim/*.json", .run = run_comid_json, .raw = true },
	{ .pattern = "*JSONTestSuite/*", .run = run_json_suite, .raw = true },
	{ .pattern = "*wycheproof/*", .skip = "a function the protocol does not use" },
	{ .pattern = "*psa-token/json/*.json", .run = run_eat_json },
	{ .pattern = "*psa-token/cbor/*.diag", .run = run_eat_diag, .raw = true },
	{ .pattern = "*psa-token/*.pem", .skip = "" },
	{ .pattern = "*psa-token/*", .run = run_eat_token, .raw = true },
	{ .pattern = "*cca-token/*/json/*.json", .run = run_eat_json },
	{ .pattern = "*cca-token/*/cbor/*.diag", .run = run_eat_diag, .raw = true },
	{ .pattern = "*cca-token/*.cbor", .run = run_eat_token, .raw = true },
	{ .pattern = "*ear/?key.json", .skip = "" },
	{ .pattern = "*ear/*.json", .run = run_ear },
	{ .pattern = "*arm-cca/*evidence/*.cbor", .run = run_eat_token, .raw = true },
	{ .pattern = "*parsec-cca/*evidence/*.cbor", .run = run_eat_token, .raw = true },
	{ .pattern = "*psa-iot/*token.cbor", .run = run_eat_token, .raw = true },
	{ .pattern = "*psa-iot/*psa-token.json", .run = run_eat_json },
	{ .pattern = "*psa-iot/*token/*.json", .run = run_eat_json },
	{ .pattern = "*psa-iot/*.json", .skip = "a form of that service, no evidence" },
	{ .pattern = "*evidence/src/*.jwk", .skip = "" },
	{ .pattern = "*psa-iot/*.pem", .skip = "" },
	{ .pattern = "*go-attestation/*.json", .run = run_tpm_quote },
	{ .pattern = "*go-attestation/*", .run = run_tpm_log, .raw = true },
	{ .pattern = "*parsec-tpm/*evidence/*.cbor", .run = run_tpm_parsec, .raw = true },
	{ .pattern = "*tpm-enacttrust/*evidence/*.json", .skip = "claims whose quote is not with them" },
	{ .pattern = "*spdm-emu/*", .skip = "SPDM measurements: no channel of ours carries them" },
	{ .pattern = "*riot/*evidence/*.pem", .run = run_dice_riot_chain, .raw = true },
};

static struct {
	char  **items;
	size_t  len;
} files, pool;

static const char *root_dir;

static void *
keep(void *ptr)
{
	void **more = realloc(pool.items, (pool.len + 1) * sizeof *more);

	if (ptr == NULL || more == NULL) {
		fputs("vectors: no memory\n", stderr);
		exit(2);
	}
	pool.items            = (char **)more;
	pool.items[pool.len++] = ptr;
	return ptr;
}

void *
vec_alloc(size_t len)
{
	return keep(calloc(1, len + 1));
}

bool
vec_row(struct vec *v, bool pass, const char *fmt, ...)
{
	va_list args;

	v->total++;
	v->passed += pass;
	if (pass)
		return true;
	fprintf(stderr, "%s: deviates: ", v->path);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

bool
vec_verdict(struct vec *v, const char *name, bool want, bool accepted, const char *reason)
{
	v->false_accepts += accepted && !want;
	if (getenv("CSN_VECTORS_REASONS") != NULL)
		printf("# %s: %s%s%s\n", v->path, name, accepted ? "accepted" : "refused: ",
		       accepted ? "" : reason);
	return vec_row(v, want == accepted, "%s%s%s", name,
	               accepted ? "false accept" : "false reject: ", accepted ? "" : reason);
}

void
vec_skip(struct vec *v, const char *fmt, ...)
{
	static char last[400];
	char        text[300], line[400];
	va_list     args;

	v->skipped++;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	/* Once a file and reason is enough. */
	snprintf(line, sizeof line, "%.90s: left out: %.290s", v->path, text);
	if (strcmp(line, last) != 0)
		fprintf(stderr, "%s\n", line);
	memcpy(last, line, sizeof last);
}

static int
digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

struct csn_bytes
vec_unhex(const char *hex)
{
	size_t   len   = hex == NULL ? 0 : strlen(hex) / 2;
	uint8_t *bytes = vec_alloc(len);

	for (size_t i = 0; i < len; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return CSN_BYTES_NONE;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return (struct csn_bytes){ bytes, len };
}

struct csn_bytes
vec_hex(const json_t *object, const char *key)
{
	return vec_unhex(json_string_value(json_object_get(object, key)));
}

const char *
vec_str(const json_t *object, const char *key, const char *fallback)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value == NULL ? fallback : value;
}

long long
vec_int(const json_t *object, const char *key, long long fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool
vec_same(struct csn_bytes a, struct csn_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char *
full_path(const char *path)
{
	size_t len  = strlen(root_dir) + strlen(path) + 2;
	char  *full = vec_alloc(len);

	snprintf(full, len, "%s/%s", root_dir, path);
	return full;
}

struct csn_bytes
vec_read(const char *path)
{
	FILE *file = fopen(path, "rb");
	long  len  = -1;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		len = ftell(file);
	if (len < 0)
		goto fail;
	rewind(file);
	uint8_t *bytes = vec_alloc((size_t)len);
	if (fread(bytes, 1, (size_t)len, file) != (size_t)len)
		goto fail;
	fclose(file);
	return (struct csn_bytes){ bytes, (size_t)len };

fail:
	if (file != NULL)
		fclose(file);
	return CSN_BYTES_NONE;
}

struct csn_bytes
vec_file(const struct vec *v)
{
	return vec_read(full_path(v->path));
}

const char *
vec_full(const struct vec *v)
{
	return full_path(v->path);
}

const char *
vec_folder(const struct vec *v)
{
	char *full = full_path(v->path);

	*strrchr(full, '/') = '\0';
	return full;
}

struct csn_bytes
vec_unbase64(const char *text, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *out = vec_alloc(len);
	unsigned bits = 0, held = 0;
	size_t   at = 0;

	while (len > 0 && (text[len - 1] == '=' || text[len - 1] == '\n'))
		len--;
	for (size_t i = 0; i < len; i++) {
		char        c = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
		const char *p = c == '\0' ? NULL : strchr(alphabet, c);
		if (p == NULL)
			return CSN_BYTES_NONE;
		bits = bits << 6 | (unsigned)(p - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[at++] = (uint8_t)(bits >> held);
		}
	}
	return (struct csn_bytes){ out, at };
}

/* The point of a JSON web key. */
static bool
jwk_key(const json_t *root, struct csn_pubkey *ret_key)
{
	const char *crv = vec_str(root, "crv", ""), *x = vec_str(root, "x", "");
	const char *y = vec_str(root, "y", "");
	uint8_t     point[133] = { 4 };
	struct csn_bytes xs = vec_unbase64(x, strlen(x)), ys = vec_unbase64(y, strlen(y));
	enum csn_key_kind kind = strcmp(crv, "P-256") == 0 ? CSN_KEY_P256 :
	                         strcmp(crv, "P-384") == 0 ? CSN_KEY_P384 :
	                         strcmp(crv, "P-521") == 0 ? CSN_KEY_P521 :
	                                                     CSN_KEY_NONE;

	if (kind == CSN_KEY_NONE || xs.len + ys.len + 1 > sizeof point)
		return false;
	memcpy(point + 1, xs.ptr, xs.len);
	memcpy(point + 1 + xs.len, ys.ptr, ys.len);
	return csn_pubkey_from_raw(kind, (struct csn_bytes){ point, 1 + xs.len + ys.len }, ret_key,
	                           NULL) == CSN_OK;
}

bool
vec_public_key(const char *path, struct csn_pubkey *ret_key)
{
	struct csn_bytes file = vec_read(path);
	json_t          *root = json_loadb((const char *)file.ptr, file.len, 0, NULL);
	bool             good = root != NULL && jwk_key(root, ret_key);

	json_decref(root);
	if (good || csn_pubkey_from_pem(file, ret_key, NULL) == CSN_OK)
		return true;
	BIO      *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	uint8_t  *der = NULL;
	int       len = key == NULL ? 0 : i2d_PUBKEY(key, &der);
	good = len > 0 && csn_pubkey_from_spki((struct csn_bytes){ der, (size_t)len }, ret_key,
	                                       NULL) == CSN_OK;
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

/* The manifest of @folder, read once; the array of its files, or NULL. */
static const json_t *
manifest_of(const char *folder)
{
	static json_t *root;
	static char    last[600];
	char           path[700];

	if (strcmp(folder, last) != 0) {
		snprintf(last, sizeof last, "%s", folder);
		snprintf(path, sizeof path, "%s/manifest.json", folder);
		json_decref(root);
		root = json_load_file(path, 0, NULL);
	}
	return json_object_get(root, "files");
}

/* Is @name what the end of @full says, at the border of a folder? */
static bool
names_file(const char *name, const char *full)
{
	size_t n = strlen(name), f = strlen(full);

	return n == f ? strcmp(name, full) == 0 :
	                n < f && full[f - n - 1] == '/' && strcmp(full + f - n, name) == 0;
}

const char *
vec_expect(const struct vec *v)
{
	char *full = realpath(vec_full(v), NULL), folder[600];
	const char *found = NULL;

	if (full == NULL)
		return NULL;
	snprintf(folder, sizeof folder, "%s", full);
	for (char *slash; found == NULL && (slash = strrchr(folder, '/')) != NULL;) {
		const json_t *listed, *item;
		size_t        i;
		*slash = '\0';
		if (folder[0] == '\0')
			break;
		listed = manifest_of(folder);
		json_array_foreach(listed, i, item)
			if (names_file(vec_str(item, "file", "?"), full))
				found = vec_str(item, "expect", "");
		if (listed != NULL)
			break;
	}
	free(full);
	return found;
}

bool
vec_wants_reject(const struct vec *v)
{
	static const char *const words[] = { "bad", "invalid", "corrupt", "redacted", "missing",
		                             "mismatch", "wrong", "-ko" };
	const char *expect = vec_expect(v);
	const char *name = strrchr(v->path, '/') == NULL ? v->path : strrchr(v->path, '/');

	if (expect != NULL && *expect != '\0')
		return strncmp(expect, "reject", 6) == 0 || strstr(expect, "must fail") != NULL;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

static int
collect(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	char **more = realloc(files.items, (files.len + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	files.items              = more;
	files.items[files.len++] = keep(strdup(path + strlen(root_dir) + 1));
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const struct vec_runner *
runner_for(const char *path)
{
	char slashed[600];

	/* A pattern may begin with a folder, also when DIR is that folder. */
	snprintf(slashed, sizeof slashed, "%s/%s", root_dir, path);
	for (size_t i = 0; i < sizeof runners / sizeof *runners; i++)
		if (fnmatch(runners[i].pattern, slashed, 0) == 0)
			return &runners[i];
	return NULL;
}

static void
run_file(struct vec *v, const struct vec_runner *runner)
{
	json_error_t error;
	json_t      *root = NULL;

	if (!runner->raw) {
		root = json_load_file(full_path(v->path), JSON_ALLOW_NUL, &error);
		if (!vec_row(v, root != NULL, "is not JSON: %s", error.text))
			return;
		v->passed--;
		v->total--;
	}
	runner->run(v, root);
	json_decref(root);
}

static bool
run_all(unsigned *ret_passed, unsigned *ret_total, unsigned *ret_false)
{
	bool known = true;

	for (size_t i = 0; i < files.len; i++) {
		const struct vec_runner *runner = runner_for(files.items[i]);
		struct vec v = { .dir = root_dir, .path = files.items[i] };
		if (runner == NULL) {
			fprintf(stderr, "%s: no runner knows this file\n", v.path);
			known = false;
			continue;
		}
		if (runner->skip != NULL) {
			if (*runner->skip != '\0')
				fprintf(stderr, "%s: left out: %s\n", v.path, runner->skip);
			continue;
		}
		run_file(&v, runner);
		if (v.total > 0)
			printf("%s: %u of %u, %u left out\n", v.path, v.passed, v.total,
			       v.skipped);
		*ret_passed += v.passed;
		*ret_total += v.total;
		*ret_false += v.false_accepts;
	}
	return known;
}

static void
release(void)
{
	for (size_t i = 0; i < pool.len; i++)
		free(pool.items[i]);
	free(pool.items);
	free(files.items);
}

int
main(int argc, char **argv)
{
	unsigned passed = 0, total = 0, false_accepts = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	root_dir = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (nftw(root_dir, collect, 16, FTW_PHYS) != 0) {
		fprintf(stderr, "%s: cannot be read\n", root_dir);
		return 2;
	}
	if (files.len > 0)
		qsort(files.items, files.len, sizeof *files.items, by_name);
	bool known = run_all(&passed, &total, &false_accepts);
	if (false_accepts > 0)
		printf("%u false accepts\n", false_accepts);
	printf("vectors %s: %u of %u\n", root_dir, passed, total);
	release();
	return known && passed == total && total > 0 ? 0 : 1;
}
