#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../plugins/attest/x509/matter.h"
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

static bool
judge(const struct vec *v, X509 *dac, X509 *pai, long pid, struct x509_refusal *why)
{
	struct x509_path_rules rules = {
		.unix_s = AT_UNIX_S,
		.max_intermediates = X509_PATH_NO_LIMIT,
	};
	glob_t roots = { 0 };
	bool   good = false;

	*why = (struct x509_refusal){ "no root of that name", 2 };
	find_roots(v, &roots);
	for (size_t i = 0; !good && i < roots.gl_pathc; i++) {
		X509 *paa = load_file(roots.gl_pathv[i]);
		if (paa != NULL && X509_NAME_cmp(X509_get_subject_name(paa),
		                                 X509_get_issuer_name(pai)) == 0) {
			X509 *path[] = { dac, pai, paa };
			good = x509_matter_check(path, &rules, pid, why);
		}
		X509_free(paa);
	}
	globfree(&roots);
	return good;
}

/* The DAC and PAI cases; what only the certification declaration decides is left out. */
void
run_matter(struct vec *v, const json_t *root)
{
	struct x509_refusal why = { "x509.parse", 0 };

	if (strstr(v->path, "struct_cd_") != NULL) {
		vec_skip(v, "a certification declaration, whose signer's key is not with it");
		return;
	}
	bool  want = strcmp(vec_str(root, "is_success_case", ""), "true") == 0;
	X509 *dac = x509_cert_load(vec_hex(root, "dac_cert"));
	X509 *pai = x509_cert_load(vec_hex(root, "pai_cert"));
	bool  good = dac != NULL && pai != NULL &&
	            judge(v, dac, pai, (long)vec_int(root, "basic_info_pid", X509_MATTER_NONE),
	                  &why);
	X509_free(dac);
	X509_free(pai);
	if (getenv("CSN_VECTORS_REASONS") != NULL)
		printf("# %s: %s at %u\n", v->path, good ? "accepted" : why.reason, why.at);
	vec_row(v, good == want, "%s%s", good ? "false accept" : "false reject: ",
	        good ? "" : why.reason);
}
