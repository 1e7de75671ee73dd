#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/attest/x509/matter-cd.h"
#include "vectors/runners.h"

/* The files name no time: every certificate meant to be good is good at this one. */
#define AT_UNIX_S 1735689600 /* 2025-01-01 */

static X509 *
load_file(const char *path)
{
	static uint8_t buf[X509_CERT_MAX];
	FILE          *file = fopen(path, "rb");

	if (file == NULL)
		return NULL;
	size_t len = fread(buf, 1, sizeof buf, file);
	fclose(file);
	return x509_cert_load((struct csn_bytes){ buf, len });
}

/* The PAAs are in the folder "matter-roots" beside the one of the file. */
static void
find_roots(const struct vec *v, glob_t *ret_found)
{
	char pattern[700];

	snprintf(pattern, sizeof pattern, "%s/%s", v->dir, v->path);
	*strrchr(pattern, '/') = '\0';
	size_t len = strlen(pattern);
	snprintf(pattern + len, sizeof pattern - len, "/../matter-roots/*.der");
	if (glob(pattern, 0, NULL, ret_found) != 0)
		ret_found->gl_pathc = 0;
}

/* The key the suite's declarations are signed with; public, as its private half is. */
static const uint8_t cd_key[65] = {
	0x04, 0x3c, 0x39, 0x89, 0x22, 0x45, 0x2b, 0x55, 0xca, 0xf3, 0x89, 0xc2, 0x5b,
	0xd1, 0xbc, 0xa4, 0x65, 0x69, 0x52, 0xcc, 0xb9, 0x0e, 0x88, 0x69, 0x24, 0x9a,
	0xd8, 0x47, 0x46, 0x53, 0x01, 0x4c, 0xbf, 0x95, 0xd6, 0x87, 0x96, 0x5e, 0x03,
	0x6b, 0x52, 0x1c, 0x51, 0x03, 0x7e, 0x6b, 0x8c, 0xed, 0xef, 0xca, 0x1e, 0xb4,
	0x40, 0x46, 0x69, 0x4f, 0xa0, 0x88, 0x82, 0xee, 0xd6, 0x51, 0x9d, 0xec, 0xba,
};

static EVP_PKEY *
key_of(const uint8_t point[65])
{
	/* The head of a P-256 SubjectPublicKeyInfo. */
	static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
		                        0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
		                        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
	uint8_t              spki[sizeof head + 65];
	const unsigned char *p = spki;

	memcpy(spki, head, sizeof head);
	memcpy(spki + sizeof head, point, 65);
	return d2i_PUBKEY(NULL, &p, sizeof spki);
}

/*
 * The declaration, where there is one.  The suite's register of products is not a file of
 * it: its generator writes these three values into every declaration meant to be good.
 */
static const char *
judge_cd(const json_t *root, X509 *const path[X509_MATTER_PATH])
{
	struct x509_cd_signer signer = {
		.id = { 0x62, 0xfa, 0x82, 0x33, 0x59, 0xac, 0xfa, 0xa9, 0x96, 0x3e,
		        0x1c, 0xfa, 0x14, 0x0a, 0xdd, 0xf5, 0x04, 0xf3, 0x71, 0x60 },
		.key = key_of(cd_key),
	};
	struct x509_cd_wanted wanted = {
		.vendor_id = 0xfff1,
		.product_id = (long)vec_int(root, "basic_info_pid", X509_MATTER_NONE),
		.path = path,
		.signers = &signer,
		.signer_count = 1,
		.record = { "ZIG20141ZB330001-24", 0x9876, 0x1234 },
	};
	const char *why = x509_cd_check(vec_hex(root, "certification_declaration"), &wanted);

	EVP_PKEY_free(signer.key);
	return why;
}

static bool
judge(const struct vec *v, const json_t *root, X509 *dac, X509 *pai, struct x509_refusal *why)
{
	struct x509_path_rules rules = {
		.unix_s = AT_UNIX_S,
		.max_intermediates = X509_PATH_NO_LIMIT,
	};
	bool   declared = json_object_get(root, "certification_declaration") != NULL;
	long   pid = (long)vec_int(root, "basic_info_pid", X509_MATTER_NONE);
	glob_t roots = { 0 };
	bool   good = false;

	*why = (struct x509_refusal){ "no root of that name", 2 };
	find_roots(v, &roots);
	for (size_t i = 0; !good && i < roots.gl_pathc; i++) {
		X509 *paa = load_file(roots.gl_pathv[i]);
		if (paa != NULL && X509_NAME_cmp(X509_get_subject_name(paa),
		                                 X509_get_issuer_name(pai)) == 0) {
			X509 *path[] = { dac, pai, paa };
			/* A declaration may be about another product than the certificates. */
			good = x509_matter_check(path, &rules, declared ? X509_MATTER_NONE : pid,
			                         why);
			if (good && declared) {
				*why = (struct x509_refusal){ judge_cd(root, path), 0 };
				good = why->reason == NULL;
			}
		}
		X509_free(paa);
	}
	globfree(&roots);
	return good;
}

void
run_matter(struct vec *v, const json_t *root)
{
	struct x509_refusal why = { "x509.parse", 0 };

	bool  want = strcmp(vec_str(root, "is_success_case", ""), "true") == 0;
	X509 *dac = x509_cert_load(vec_hex(root, "dac_cert"));
	X509 *pai = x509_cert_load(vec_hex(root, "pai_cert"));
	bool  good = dac != NULL && pai != NULL && judge(v, root, dac, pai, &why);
	X509_free(dac);
	X509_free(pai);
	if (getenv("CSN_VECTORS_REASONS") != NULL)
		printf("# %s: %s at %u\n", v->path, good ? "accepted" : why.reason, why.at);
	vec_row(v, good == want, "%s%s", good ? "false accept" : "false reject: ",
	        good ? "" : why.reason);
}
