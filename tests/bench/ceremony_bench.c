/*
 * Whole one-way ceremonies in memory, both halves, real crypto: how many a second on
 * one core, how long the device takes from the bind message to its verdict, and how
 * much memory each half needs.  ceremony_bench SUITE SECONDS
 */
#include "core/cli/pki.h"
#include "device/device.h"
#include "lib/crypto-openssl.h"
#include "lib/ladder.h"
#include "plugins/ceremony/csgn1/station.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES   100000

static unsigned suite;
static uint32_t now_stamp; /* certificates are made now, so it is now  */

/* A key pair with its certificate. */
struct party {
	EVP_PKEY *key;
	uint8_t   raw[32], *spki, *cert;
	int       spki_len, cert_len;
};

static struct party maker, signer, owner, station_key, identity;
static uint8_t      manifest[12288], record[] = { 0xa0 };
static size_t       manifest_len;

static struct csn_device_state born;
static struct csn_device       device;
static struct station          st;
static uint8_t                 device_buf[CSN_M1_MAX], m1[CSN_M1_MAX], m2[CSN_M2_LEN];

/* A bench has nothing to clean up: it says what went wrong and ends. */
static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "ceremony_bench: %s failed (%s)\n", what, pki_reason());
	exit(1);
}

static struct csn_bytes
bytes(const uint8_t *ptr, int len)
{
	return (struct csn_bytes){ ptr, (size_t)len };
}

static void
make_party(struct party *p, enum pki_role role, const struct party *issuer, const char *name)
{
	p->key = pki_key_new((int)suite);
	must(p->key != NULL && pki_private_raw(p->key, p->raw) == 0, "a key");
	p->spki_len = pki_spki(p->key, &p->spki);
	if (issuer != NULL)
		p->cert_len = pki_certify(p->key, "Leaf", role, issuer->key, name, 0, &p->cert);
	must(p->spki_len > 0 && p->cert_len >= 0, "a certificate");
}

static void
make_device(uint8_t seed[32])
{
	struct csn_device_birth birth = {
		.suite         = (uint8_t)suite,
		.cost          = 8,
		.modes         = 1,
		.floor         = now_stamp - 86400,
		.seed          = { seed, 32 },
		.model         = { (const uint8_t *)"bench", 5 },
		.maker_spki    = bytes(maker.spki, maker.spki_len),
		.owner_spki    = bytes(owner.spki, owner.spki_len),
		.identity_key  = { identity.raw, 32 },
		.certs         = { bytes(identity.cert, identity.cert_len) },
		.cert_count    = 1,
	};
	must(csn_device_state_init(csn_crypto_openssl(), &birth, &born) == CSN_OK, "a device");
}

static void
make_manifest(const uint8_t seed[32])
{
	static uint8_t       payload[8192], keys[32][CSN_PK_MAX];
	uint8_t              rung[32], sk[32], sig[CSN_SIG_LEN];
	struct csn_bytes     body, done, chain = bytes(signer.cert, signer.cert_len);
	struct csn_dcbor_out out;
	struct csn_manifest  m = { .suite      = suite,
		                   .spki       = bytes(identity.spki, identity.spki_len),
		                   .keys_len   = 32,
		                   .class_name = { (const uint8_t *)"bench", 5 },
		                   .cost       = 8,
		                   .issued     = now_stamp };

	memcpy(m.did, born.did, sizeof m.did);
	memcpy(rung, seed, sizeof rung);
	for (int i = 0; i < 32; i++) {
		must(csn_ladder_keys(csn_crypto_openssl(), suite, rung, sk, keys[i]) == CSN_OK &&
		             csn_ladder_forward(csn_crypto_openssl(), rung, 1, rung) == CSN_OK,
		     "the ladder");
		m.keys[i] = (struct csn_bytes){ keys[i], suite == 1 ? 32 : 65 };
	}
	csn_dcbor_out_init(&out, payload, sizeof payload);
	csn_manifest_put(&out, &m);
	must(csn_dcbor_out_end(&out, &body) == CSN_OK &&
	             csn_cose_sign(csn_crypto_openssl(), suite, signer.raw, body, sig) == CSN_OK,
	     "the manifest");
	csn_dcbor_out_init(&out, manifest, sizeof manifest);
	csn_cose_put(&out, suite, &chain, 1, body, sig);
	must(csn_dcbor_out_end(&out, &done) == CSN_OK, "the manifest");
	manifest_len = done.len;
}

/* The station's half: from the manifest to M1 and M2. */
static size_t
offer(void)
{
	static uint8_t              body[4096], to_sign[STATION_TO_SIGN];
	static struct station_device dev;
	const struct station_maker  makers[] = { { suite, bytes(maker.spki, maker.spki_len) } };
	struct station_trust        trust    = { .crypto      = csn_crypto_openssl(),
		                                 .makers      = makers,
		                                 .maker_count = 1,
		                                 .suites      = 1u << suite,
		                                 .now         = now_stamp };
	struct station_frame        frame    = { .maker = dev.maker, .window_s = 3600,
		                                 .session_s = 600 };
	struct csn_bytes            key, chain = bytes(station_key.cert, station_key.cert_len);
	uint8_t                     ikm[32], sig[CSN_SIG_LEN];
	size_t                      body_len, to_sign_len, m1_len;

	must(station_manifest(&trust, bytes(manifest, (int)manifest_len), &dev) == 0 &&
	             station_rung_key(&trust, &dev, 0, &key) == 0,
	     "the manifest's check");
	st = (struct station){ .crypto = csn_crypto_openssl(), .suite = suite,
		               .has_idx = true, .ts = now_stamp, .pk_len = dev.pk_len };
	memcpy(st.did, dev.did, sizeof st.did);
	memcpy(st.pk, dev.pk, sizeof st.pk);
	must(RAND_bytes(st.sid, 16) == 1 && RAND_bytes(st.nu, 16) == 1 && RAND_bytes(ikm, 32) == 1,
	     "randomness");
	must(station_own(&st, chain) == CSN_OK &&
	             station_open(&st, key, CSN_BYTES_NONE, ikm) == CSN_OK &&
	             station_body(&st, &frame, CSN_BYTES_OF(record), body, sizeof body, &body_len,
	                          NULL) == 0,
	     "the body");
	must(station_offer_statement(&st, (struct csn_bytes){ body, body_len }, to_sign,
	                             sizeof to_sign, &to_sign_len) == CSN_OK,
	     "the statement");
	const struct csn_crypto *c       = csn_crypto_openssl();
	const struct csn_bytes   part    = { to_sign, to_sign_len };
	must(c->sign(c->self, suite, station_key.raw, &part, 1, sig) == CSN_OK,
	     "the signature");
	must(station_offer(&st, sig, &chain, 1, CSN_BYTES_NONE, m1, sizeof m1, &m1_len, m2) == CSN_OK,
	     "the offer");
	return m1_len;
}

static struct csn_device_action
message(uint32_t role, const char *medium, struct csn_bytes what)
{
	const struct csn_device_event event = { .type   = CSN_DEVICE_MESSAGE,
		                                .role   = role,
		                                .medium = medium,
		                                .at_ns  = 1000000000,
		                                .now_ns = 1000000000,
		                                .bytes  = what };

	return csn_device_event(&device, &event);
}

/* CPU time, as openssl speed counts: what else the machine does is no part of either. */
static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One ceremony; returns the seconds from the bind message to the device's verdict. */
static double
ceremony(void)
{
	static uint8_t                m3[CSN_DEVICE_M3_MAX];
	const struct csn_device_event committed = { .type   = CSN_DEVICE_COMMITTED,
		                                    .now_ns = 1000000000 };
	struct csn_bytes              receipt;
	uint8_t                       t2[32];
	size_t                        m3_len = 0, m1_len = offer();

	csn_device_load(&device, &born, 0);
	message(CSN_ROLE_OFFER, "qr", (struct csn_bytes){ m1, m1_len });
	double                   start  = cpu_s();
	struct csn_device_action action = message(CSN_ROLE_BIND, "ultrasonic", CSN_BYTES_OF(m2));
	double                   took   = cpu_s() - start;

	must(action.type == CSN_DEVICE_COMMIT && action.commit.kind == CSN_DEVICE_ACCEPT,
	     "the device's check");
	m3_len = action.commit.m3.len;
	memcpy(m3, action.commit.m3.ptr, m3_len);
	while (action.type == CSN_DEVICE_COMMIT)
		action = csn_device_event(&device, &committed);
	must(action.type == CSN_DEVICE_ACCEPTED, "the device's commit");
	must(station_done(&st, (struct csn_bytes){ m3, m3_len }, CSN_BYTES_NONE, &receipt, t2) == 0,
	     "the receipt's check");
	return took;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	static double samples[SAMPLES];
	uint8_t       seed[32];
	size_t        count = 0;

	suite          = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	now_stamp = (uint32_t)(time(NULL) - CSN_STAMP_EPOCH);
	must(suite == 1 || suite == 2, "suite 1 or 2");
	must(RAND_bytes(seed, sizeof seed) == 1, "randomness");
	make_party(&maker, 0, NULL, "");
	make_party(&owner, 0, NULL, "");
	make_party(&signer, PKI_MANIFEST, &maker, "Maker");
	make_party(&station_key, PKI_STATION, &owner, "Owner");
	make_party(&identity, PKI_DEVICE, &maker, "Maker");
	make_device(seed);
	make_manifest(seed);
	csn_device_init(&device, csn_crypto_openssl(), NULL, device_buf, sizeof device_buf);
	double start = cpu_s();
	while (count < SAMPLES && cpu_s() - start < seconds)
		samples[count++] = ceremony();
	double took = cpu_s() - start;
	qsort(samples, count, sizeof *samples, by_value);
	printf("suite %u ceremonies %zu seconds %.3f rate %.1f verdict_ms %.3f "
	       "device_bytes %zu buffer_bytes %zu station_bytes %zu\n",
	       suite, count, took, (double)count / took, samples[count / 2] * 1e3, sizeof device,
	       sizeof device_buf, sizeof st);
	return 0;
}
