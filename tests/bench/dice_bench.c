#define _DEFAULT_SOURCE

/*
 * dice_bench N: what attest/dice costs over the signature checks it cannot do without, for
 * a chain of X.509 layers, one of CDI certificates, and hostile ones.  CPU time of this
 * process, both in the same run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>

#include "kit/cdi-forge.h"
#include "kit/dice-forge.h"
#include "plugins/attest/dice/dice.h"

#define NOW 1795000000

static double
cpu_s(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static struct dice_chain chain;

static int
judge(const struct csn_bytes *certs, size_t count, struct csn_bytes cdi,
      const struct dice_policy *policy)
{
	struct csn_verdict verdict = { .size = sizeof verdict };

	memset(&chain, 0, sizeof chain);
	int r = certs != NULL ? dice_read_x509(certs, count, &chain, &verdict) :
	                        dice_read_cbor(cdi, policy->android, &chain, &verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(&chain, policy, &verdict);
	dice_chain_done(&chain);
	return r;
}

/* Seconds of one signature check under @key, decoded once. */
static double
check_s(EVP_PKEY *pkey, int n)
{
	static const uint8_t message[600];
	struct csn_pubkey    key = { 0 };
	uint8_t              spki[200], sig[160];

	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(pkey, spki) }, &key, NULL);
	size_t len = forge_sign(pkey, CSN_BYTES_OF(message), false, sig);
	enum csn_sig_alg alg = key.kind == CSN_KEY_ED25519 ? CSN_SIG_EDDSA : CSN_SIG_ECDSA_SHA256;
	double start = cpu_s();
	for (int i = 0; i < n; i++)
		if (csn_pubkey_verify(&key, alg, false, CSN_BYTES_OF(message),
		                      (struct csn_bytes){ sig, len }) != CSN_OK)
			abort();
	double s = (cpu_s() - start) / n;
	csn_pubkey_done(&key);
	return s;
}

static void
tell(const char *what, double one_s, double checks_s, double limit)
{
	printf("%-34s %7.1f us, its signature checks %7.1f us: %.2f times (limit %.1f) %s\n", what,
	       1e6 * one_s, 1e6 * checks_s, one_s / checks_s, limit,
	       one_s <= limit * checks_s ? "ok" : "OVER");
}

static void
x509_chain(int n)
{
	static struct forge_chain forged;
	struct csn_pubkey         anchor = { 0 };
	uint8_t                   spki[200];

	forge_keys(&forged);
	forge_describe(&forged);
	forge_build(&forged);
	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(forged.keys[0], spki) }, &anchor,
	                     NULL);
	struct dice_policy policy = { .anchors = &anchor, .anchor_count = 1, .unix_s = NOW };
	/* Below the pinned maker: device, first code, runtime, application. */
	double check = check_s(forged.keys[1], n), start = cpu_s();
	for (int i = 0; i < n; i++)
		if (judge(forged.der + 1, forged.count - 1, CSN_BYTES_NONE, &policy) != CSN_OK)
			abort();
	tell("X.509, four layers, P-256", (cpu_s() - start) / n, 4 * check, 1.5);
	csn_pubkey_done(&anchor);
	forge_done(&forged);
}

static void
cdi_chain(int n)
{
	EVP_PKEY            *keys[CDIS + 2];
	struct cdi           cdis[CDIS];
	const char          *configs[CDIS];
	uint8_t              buf[4096], x[32];
	size_t               len = sizeof x;
	struct csn_dcbor_out out;
	struct csn_pubkey    anchor = { 0 };

	for (size_t i = 0; i < CDIS + 2; i++)
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	cdi_describe(cdis, configs);
	csn_dcbor_out_init(&out, buf, sizeof buf);
	cdi_put_chain(&out, cdis, configs, keys, CDIS);
	EVP_PKEY_get_raw_public_key(keys[0], x, &len);
	csn_pubkey_from_raw(CSN_KEY_ED25519, CSN_BYTES_OF(x), &anchor, NULL);
	struct dice_policy policy = { .anchors = &anchor, .anchor_count = 1, .android = true };
	double check = check_s(keys[0], n), start = cpu_s();
	for (int i = 0; i < n; i++)
		if (judge(NULL, 0, (struct csn_bytes){ buf, out.len }, &policy) != CSN_OK)
			abort();
	tell("CBOR, three layers, Ed25519", (cpu_s() - start) / n, CDIS * check, 2.0);
	csn_pubkey_done(&anchor);
	for (size_t i = 0; i < CDIS + 2; i++)
		EVP_PKEY_free(keys[i]);
}

/* The longest chain there can be, below none of as many anchors as there can be. */
static void
hostile(void)
{
	static struct forge_chain forged;
	static struct csn_pubkey  anchors[32];
	struct csn_bytes          certs[DICE_LAYERS_MAX];
	double                    worst = 0;

	forge_keys(&forged);
	forge_describe(&forged);
	forge_build(&forged);
	for (size_t i = 0; i < 32; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		uint8_t   spki[200];
		csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(key, spki) }, &anchors[i],
		                     NULL);
		EVP_PKEY_free(key);
	}
	for (size_t i = 0; i < DICE_LAYERS_MAX; i++)
		certs[i] = forged.der[1 + i % 4];
	struct dice_policy policy = { .anchors = anchors, .anchor_count = 32, .unix_s = NOW };
	for (int i = 0; i < 20; i++) {
		double start = cpu_s();
		judge(certs, DICE_LAYERS_MAX, CSN_BYTES_NONE, &policy);
		worst = cpu_s() - start > worst ? cpu_s() - start : worst;
	}
	printf("%-34s %7.2f ms (limit 50 ms) %s\n", "16 certificates, 32 wrong anchors", 1e3 * worst,
	       worst <= 0.05 ? "ok" : "OVER");
	for (size_t i = 0; i < 32; i++)
		csn_pubkey_done(&anchors[i]);
	forge_done(&forged);
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2000;

	x509_chain(n);
	cdi_chain(n);
	hostile();
	return 0;
}
