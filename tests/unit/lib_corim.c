/*
 * CoRIM: which envelope is believed, and what in a CoMID refuses the whole.
 */
#include "kit/tap.h"

#include "kit/dice-forge.h"
#include "lib/corim.h"

#define NOW 1795000000

/* {1: {0: "id"}, 4: {0: [[{0: {1: "ACME"}}, [{1: MVAL}]]]}} around a measurement. */
#define COMID(mval) "a2 01a100626964 04a100 81 82a100a1016441434d45 81a101" mval
#define DIGESTS "a102 81 8201 5820a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static const struct {
	const char *what, *hex, *why; /* a CoMID; why NULL: good                     */
} comids[] = {
	{ "a digest", COMID(DIGESTS), NULL },
	{ "a least SVN", COMID("a101d9022905"), NULL },
	{ "a bare SVN", COMID("a10105"), NULL },
	{ "no identity", "a1 04a100 81 82a100a1016441434d45 81a101" DIGESTS, "corim.identity" },
	{ "no triples", "a1 01a100626964", "corim.triples" },
	{ "an unknown kind of triple", "a2 01a100626964 04a10b 81 80", "corim.triples" },
	{ "an unknown member of the CoMID", "a3 01a100626964 04a100 81 82a100a1016441434d45 81a101"
	  DIGESTS " 0900", "corim.comid" },
	{ "an empty environment", "a2 01a100626964 04a100 81 82a0 81a101" DIGESTS,
	  "corim.environment" },
	{ "an unknown member of the environment", "a2 01a100626964 04a100 81 82a10741aa 81a101" DIGESTS,
	  "corim.environment" },
	{ "a class of nothing", "a2 01a100626964 04a100 81 82a100a0 81a101" DIGESTS,
	  "corim.environment" },
	{ "a vendor of bytes", "a2 01a100626964 04a100 81 82a100a10141aa 81a101" DIGESTS,
	  "corim.environment" },
	{ "a UUID of 15 bytes", "a2 01a100626964 04a100 81 82a101d8254f"
	  "000102030405060708090a0b0c0d0e 81a101" DIGESTS, "corim.environment" },
	{ "no measurement", "a2 01a100626964 04a100 81 82a100a1016441434d45 80", "corim.triples" },
	{ "an empty value", COMID("a0"), "corim.measurement" },
	{ "a value nobody knows", COMID("a1 1818 00"), "corim.measurement" },
	{ "no digest in the list", COMID("a10280"), "corim.measurement" },
	{ "SHA-256 of 31 bytes", COMID("a102 81 8201 581f"
	  "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"), "corim.measurement" },
	{ "an SVN under a tag of another thing", COMID("a101d9023005"), "corim.measurement" },
	{ "a negative SVN", COMID("a10120"), "corim.measurement" },
	{ "a flag that is no truth value", COMID("a103a10001"), "corim.measurement" },
	{ "a raw value that is text", COMID("a1046161"), "corim.measurement" },
	{ "a key twice", COMID("a2 0105 0106"), "corim.cbor" },
	{ "a byte behind it", COMID(DIGESTS) " 00", "corim.cbor" },
};

static void
test_comids(void)
{
	uint8_t buf[512];

	for (size_t i = 0; i < sizeof comids / sizeof *comids; i++) {
		struct csn_corim corim = { 0 };
		const char      *why = "";
		struct csn_bytes bytes = { buf, forge_unhex(comids[i].hex, buf, sizeof buf) };
		int  r = csn_comid_read(bytes, &corim, &why);
		bool good = comids[i].why == NULL ? r == CSN_OK && corim.count == 1 :
		                                    r < 0 && strcmp(why, comids[i].why) == 0;
		if (!tap_ok(good, "CoMID: %s", comids[i].what))
			tap_note("got %d %s", r, why);
		csn_corim_done(&corim);
	}
}

/* {1: alg, 3: type, 8: meta}: meta is {0: {0: "ACME"}, 1: validity}. */
#define TYPE "0374 6170706c69636174696f6e2f72696d2b63626f72"

static const struct envelope {
	const char *what, *why;
	const char *protect; /* hex of the protected map                             */
	bool        stranger, spoil, bare, unsigned_ok;
} envelopes[] = {
	{ .what = "signed by a known key",
	  .protect = "a3 0126" TYPE "0849 a100a1006441434d45" },
	{ .what = "signed, and valid until later",
	  .protect = "a3 0126" TYPE "0852 a200a1006441434d45 01a101c11a70000000" },
	{ .what = "its time has ended", .why = "corim.time",
	  .protect = "a3 0126" TYPE "0852 a200a1006441434d45 01a101c11a60000000" },
	{ .what = "its time has not begun", .why = "corim.time",
	  .protect = "a3 0126" TYPE "0858 19 a200a1006441434d45 01a200c11a6fffffff01c11a70000000" },
	{ .what = "signed by a stranger", .why = "corim.signature", .stranger = true,
	  .protect = "a3 0126" TYPE "0849 a100a1006441434d45" },
	{ .what = "one bit of the signature", .why = "corim.signature", .spoil = true,
	  .protect = "a3 0126" TYPE "0849 a100a1006441434d45" },
	{ .what = "without a word on who signed", .why = "corim.meta",
	  .protect = "a2 0126" TYPE },
	{ .what = "a signer without a name", .why = "corim.meta",
	  .protect = "a3 0126" TYPE "0843 a100a0" },
	{ .what = "of another type", .why = "corim.type",
	  .protect = "a3 0126 036161 0849 a100a1006441434d45" },
	{ .what = "without a type", .why = "corim.type",
	  .protect = "a2 0126 0849 a100a1006441434d45" },
	{ .what = "an algorithm of another key", .why = "corim.signature",
	  .protect = "a3 0127" TYPE "0849 a100a1006441434d45" },
	{ .what = "a critical header", .why = "cose.crit",
	  .protect = "a4 0126 028103" TYPE "0849 a100a1006441434d45" },
	{ .what = "unsigned", .why = "corim.unsigned", .bare = true },
	{ .what = "unsigned where policy takes it", .bare = true, .unsigned_ok = true },
};

static struct csn_bytes
rim(uint8_t *buf, size_t room)
{
	uint8_t              comid[256];
	struct csn_dcbor_out out;
	size_t               len = forge_unhex(COMID(DIGESTS), comid, sizeof comid);

	/* 501({0: "id", 1: [506(bytes)]}) */
	csn_dcbor_out_init(&out, buf, room);
	csn_dcbor_put_raw(&out, (struct csn_bytes){ (const uint8_t *)"\xd9\x01\xf5", 3 });
	csn_dcbor_put_map(&out, 2);
	csn_dcbor_put_uint(&out, 0);
	csn_dcbor_put_text(&out, "id");
	csn_dcbor_put_uint(&out, 1);
	csn_dcbor_put_array(&out, 1);
	csn_dcbor_put_raw(&out, (struct csn_bytes){ (const uint8_t *)"\xd9\x01\xfa", 3 });
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ comid, len });
	return (struct csn_bytes){ buf, out.len };
}

static struct csn_bytes
seal(const struct envelope *e, EVP_PKEY *key, uint8_t *buf, size_t room)
{
	uint8_t              inner[512], protect[256], tbs_buf[1024], sig[160];
	struct csn_bytes     payload = rim(inner, sizeof inner);
	struct csn_bytes     head = { protect, forge_unhex(e->protect, protect, sizeof protect) };
	struct csn_dcbor_out tbs, out;

	csn_dcbor_out_init(&tbs, tbs_buf, sizeof tbs_buf);
	csn_dcbor_put_array(&tbs, 4);
	csn_dcbor_put_text(&tbs, "Signature1");
	csn_dcbor_put_bytes(&tbs, head);
	csn_dcbor_put_bytes(&tbs, CSN_BYTES_NONE);
	csn_dcbor_put_bytes(&tbs, payload);
	size_t len = forge_sign(key, (struct csn_bytes){ tbs_buf, tbs.len }, true, sig);
	sig[0] ^= e->spoil;
	csn_dcbor_out_init(&out, buf, room);
	csn_dcbor_put_raw(&out, (struct csn_bytes){ (const uint8_t *)"\xd2\x84", 2 });
	csn_dcbor_put_bytes(&out, head);
	csn_dcbor_put_map(&out, 0);
	csn_dcbor_put_bytes(&out, payload);
	csn_dcbor_put_bytes(&out, (struct csn_bytes){ sig, len });
	return (struct csn_bytes){ buf, out.len };
}

static void
test_envelopes(void)
{
	EVP_PKEY         *keys[2] = { EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
		                      EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") };
	struct csn_pubkey known = { 0 };
	uint8_t           spki[200], buf[2048];

	csn_pubkey_from_spki((struct csn_bytes){ spki, forge_spki(keys[0], spki) }, &known, NULL);
	for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
		const struct envelope  *e = &envelopes[i];
		struct csn_corim_policy policy = { .keys = &known, .key_count = 1,
			                           .unsigned_ok = e->unsigned_ok, .unix_s = NOW };
		struct csn_corim corim = { 0 };
		const char      *why = "";
		struct csn_bytes bytes = e->bare ? rim(buf, sizeof buf) :
		                                   seal(e, keys[e->stranger], buf, sizeof buf);
		int  r = csn_corim_read(bytes, &policy, &corim, &why);
		bool good = e->why == NULL ? r == CSN_OK && corim.count == 1 &&
		                                     corim.is_signed == !e->bare :
		                             r < 0 && strcmp(why, e->why) == 0;
		if (!tap_ok(good, "CoRIM: %s", e->what))
			tap_note("got %d %s", r, why);
		csn_corim_done(&corim);
	}
	csn_pubkey_done(&known);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

int
main(void)
{
	test_comids();
	test_envelopes();
	return tap_done();
}
