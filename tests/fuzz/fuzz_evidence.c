/*
 * Everything that reads evidence others wrote, under any bytes; the suites of the shared
 * data and built-in seeds are what it begins with (drive.c).
 */
#include <string.h>

#include "fuzz/readers.h"

#include "../plugins/attest/dice/verifier.h"
#include "../plugins/attest/eat/verifier.h"
#include "../plugins/attest/tpm2/verifier.h"
#include "lib/crypto-openssl.h"
#include "lib/verdict.h"

#define NOW 1795000000

/* A reader says yes, or no with a reason; a no is a rejection and never the other way. */
static void
agree(int r, const struct csn_verdict *verdict)
{
	demand(r <= 0);
	if (r == CSN_E_REFUSED)
		demand(verdict->judgement == CSN_REJECTED && verdict->reason[0] != '\0');
	if (r == CSN_OK)
		demand(verdict->judgement != CSN_REJECTED);
	demand(verdict->reason_count <= CSN_VERDICT_REASONS);
}

/* What a verifier may say of a fuzzer's bytes: never that they are good. */
static void
never(int r, const struct csn_verdict *verdict)
{
	demand(r <= 0 && verdict->judgement != CSN_ACCEPTED);
	demand(r < 0 || verdict->judgement == CSN_REJECTED);
}

static void
dice_x509(struct csn_bytes in)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };

	agree(dice_layer_x509(in, 0, &layer, &verdict), &verdict);
	dice_layer_done(&layer);
}

static void
dice_cdi(struct csn_bytes in)
{
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_layer  layer = { 0 };

	agree(dice_layer_cbor(in, true, 0, &layer, &verdict), &verdict);
	dice_layer_done(&layer);
}

static void
dice_chain(struct csn_bytes in)
{
	static struct dice_chain chain;
	struct csn_verdict verdict = { .size = sizeof verdict };
	struct dice_policy policy = { .any_root = true, .unix_s = NOW, .modes = 0xf,
		                      .degenerate = true };

	memset(&chain, 0, sizeof chain);
	int r = dice_read_cbor(in, false, &chain, &verdict);
	if (r == CSN_OK)
		r = dice_chain_judge(&chain, &policy, &verdict);
	agree(r, &verdict);
	dice_chain_done(&chain);
}

static void
dice_extensions(struct csn_bytes in)
{
	static struct dice_layer layer;
	struct dice_tcb          tcb;
	struct csn_bytes         ueid;

	memset(&layer, 0, sizeof layer);
	if (dice_read_tcb(in, &tcb))
		demand(tcb.fwid_count <= DICE_FWIDS_MAX);
	dice_read_multi(in, &layer);
	demand(layer.tcb_count <= DICE_TCB_MAX);
	dice_read_ueid(in, &ueid);
	dice_read_input(in, &layer);
	dice_read_riot(in, &layer);
}

static void
dice_item(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct dice          dice = { .crypto = csn_crypto_openssl(), .leaf_is_device = 1 };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "dice", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };

	never(dice_judge(&dice, &evidence, &verdict), &verdict);
}

static void
corim(struct csn_bytes in)
{
	struct csn_corim_policy policy = { .unsigned_ok = true, .any_time = true };
	struct csn_corim        read = { 0 };
	static struct dice_ref  refs[64];
	const char             *why = NULL;
	size_t                  count = 0;
	bool                    known;

	int r = csn_corim_read(in, &policy, &read, &why);
	demand(r == CSN_OK || why != NULL || r == CSN_E_NOMEM);
	if (r == CSN_OK) {
		csn_corim_profile(&read, &known, &why);
		dice_refs_read(&read, refs, 64, &count, &why);
		demand(count <= 64 && read.count <= CSN_CORIM_TRIPLES_MAX);
	}
	csn_corim_done(&read);
}

static void
comid(struct csn_bytes in)
{
	struct csn_corim read = { 0 };
	const char      *why = NULL;

	demand(csn_comid_read(in, &read, &why) == CSN_OK || why != NULL);
	csn_corim_done(&read);
}

static void
claims(struct csn_bytes in)
{
	struct eat_claims read;
	const char       *why = NULL;

	for (int realm = 0; realm < 2; realm++)
		if (eat_read_claims(in, realm, &read, &why) == CSN_OK)
			demand(read.component_count <= EAT_COMPONENTS_MAX);
		else
			demand(why != NULL);
}

static void
token(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct eat           eat = { .crypto = csn_crypto_openssl() };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "cwt", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };

	never(eat_verdict(&eat, &evidence, &verdict), &verdict);
}

static void
quote(struct csn_bytes in)
{
	static const uint8_t chal[32];
	struct csn_verdict   verdict = { .size = sizeof verdict };
	struct tpm2          tpm2 = { .crypto = csn_crypto_openssl() };
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "tpm2", .value = in,
		                          .challenge = CSN_BYTES_OF(chal), .unix_s = NOW };
	TPMS_ATTEST     attest;
	struct tpm2_key key = { 0 };
	const char     *why;

	never(tpm2_verdict(&tpm2, &evidence, &verdict), &verdict);
	tpm2_quote_read(in, &attest, &why);
	tpm2_certify_read(in, &attest, &why);
	tpm2_key_read(in, &key, &why);
	tpm2_key_done(&key);
}

static void
event_log(struct csn_bytes in)
{
	struct tpm2_pcrs pcrs;
	unsigned         events = 0;
	const char      *why = NULL;

	if (tpm2_log_replay(in, &pcrs, &events, &why) == CSN_OK)
		demand(events > 0 && events <= TPM2_EVENTS_MAX && pcrs.count <= TPM2_BANKS);
}

static void
key(struct csn_bytes in)
{
	struct csn_pubkey read = { 0 };

	csn_pubkey_from_spki(in, &read, NULL);
	csn_pubkey_done(&read);
	if (csn_scbor_check(in) == CSN_OK) {
		csn_pubkey_from_cose(in, &read, NULL);
		csn_pubkey_done(&read);
	}
}

static void
cose(struct csn_bytes in)
{
	struct csn_cose_any read;
	const char         *why = NULL;

	for (int form = CSN_COSE_MAC0; form <= CSN_COSE_SIGN1; form++)
		if (csn_cose_any_parse(in, (enum csn_cose_form)form, &read, &why) == CSN_OK)
			demand(read.sig.len > 0);
		else
			demand(why != NULL);
}

const struct fuzz_reader fuzz_readers[] = {
	{ "dice-x509", dice_x509, { "open-dice/X509", "caliptra/", ".cert.der", "_X509_" }, false },
	{ "dice-cdi", dice_cdi, { "open-dice/Cbor", "_CBOR_" }, false },
	{ "dice-chain", dice_chain, { ".chain" }, false },
	{ "dice-extensions", dice_extensions, { "riot-ext.der" }, false },
	{ "dice-item", dice_item, { "gluecose", "sign1" }, false },
	{ "corim", corim, { "corim/corim", "good-corim", "unsigned-corim" }, false },
	{ "comid", comid, { "corim/comid", "corim/ce-" }, false },
	{ "claims", claims, { NULL }, false },
	{ "token", token, { "mac0.bin", "token.cbor", "cca-good.cbor", "evidence.cbor" }, false },
	{ "quote", quote, { NULL }, false },
	{ "event-log", event_log, { "eventlog" }, false },
	{ "key", key, { NULL }, false },
	{ "cose", cose, { "signed-good-corim", "mac0.bin", "token.cbor" }, false },
	{ NULL, NULL, { NULL }, false },
};

const char *const fuzz_folders[] = { "dice", "crypto/psa-token", "crypto/cca-token", "tpm",
	                             "cose/gluecose", NULL };

/* Short ones for the readers no file is a seed of, and for a tree without the data. */
static const struct {
	const char *reader, *hex;
} builtin[] = {
	{ "dice-extensions", "301a800441434d458103485731830105840100850100870500000000" "01" },
	{ "dice-extensions", "301304110100000000000000000000000000000000" },
	{ "corim", "d901f5a2006269640181d901fa5821a201a10062696404a1008182a100a1016441434d45"
	     "81a101a10105" },
	{ "comid", "a201a10062696404a1008182a100a1016441434d4581a101a10105" },
	{ "claims", "a70a5820070000000000000000000000000000000000000000000000000000000000000019010058"
	     "21012222222222222222222222222222222222222222222222222222222222222222190109781868"
	     "7474703a2f2f61726d2e636f6d2f7073612f322e302e3019095a0119095b19300019095c58201111"
	     "11111111111111111111111111111111111111111111111111111111111119095f80" },
	{ "quote", "ff54434780180004000b000000000000000000000000000000010000000200000003010102030405"
	     "06070800000001000b038100000000" },
	{ "quote", "0023000b00050072000000100018000b000300100020"
	     "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2960020"
	     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5" },
	{ "quote", "a40141000241000341000481820ba100410" "0" },
	{ "key", "a4010103272006215820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707"
	      "511a" },
	{ "key", "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68"
	      "f707511a" },
	{ "cose", "8443a10127a0426869410a" },
};

static size_t
unhex(const char *hex, uint8_t *ret, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	size_t            len = 0;

	for (; hex[0] != '\0' && len < room; hex += 2)
		ret[len++] = (uint8_t)((strchr(digits, hex[0]) - digits) << 4 |
		                       (strchr(digits, hex[1]) - digits));
	return len;
}

void
fuzz_prepare(fuzz_add *add)
{
	uint8_t bytes[256];

	csn_pubkey_ready(); /* before keys are faked                               */
	for (size_t i = 0; add != NULL && i < sizeof builtin / sizeof *builtin; i++)
		add(builtin[i].reader,
		    (struct csn_bytes){ bytes, unhex(builtin[i].hex, bytes, sizeof bytes) });
}
