/* ceremony/csgn1 over a scripted session: what it does, when, and what it never does. */
#include "kit/tap.h"
#include "unit/csgn1-fake.h"

#include "lib/cose.h"
#include "lib/offer.h"

#define DEADLINE 120000
#define REPEAT   5000

static bool
is(struct csn_bytes got, struct csn_bytes want)
{
	return want.len > 0 && got.len == want.len && memcmp(got.ptr, want.ptr, want.len) == 0;
}

static void
ends(const struct fake *fake, uint32_t outcome, uint32_t code, const char *what)
{
	if (!tap_ok(fake->finished && fake->outcome == outcome && fake->code == code, "%s", what))
		tap_note("finished %d outcome %u code %u: %s", fake->finished, fake->outcome,
		         fake->code, fake->text);
}

/* A fresh fake for a file; the caller starts it. */
static void
fresh(struct fake *fake, const char *name)
{
	static bool used;

	if (used)
		fake_done(fake);
	used = true;
	fake_init(fake, name);
}

static struct fake fake;

/* The rung row of the device: [highest, confirmed, said]. */
static bool
rungs_are(uint32_t highest, uint32_t confirmed, uint32_t said)
{
	struct station_rungs   rungs;
	const struct fake_row *row = fake_row(&fake, "rung", fake.run->st.did, false);

	return row != NULL &&
	       station_rungs_read((struct csn_bytes){ row->value, row->len }, &rungs) == CSN_OK &&
	       rungs.offered && rungs.highest == highest &&
	       rungs.confirmed_next == confirmed && rungs.said_next == said;
}

/* The order every run keeps, however it ends. */
static bool
order_is_kept(void)
{
	bool two_way = (json_integer_value(json_object_get(fake.file, "mode")) & 1) != 0;
	long m1 = fake_find(&fake, FAKE_SEND, CSN_ROLE_OFFER, two_way ? 1 : 0);
	long m2 = fake_find(&fake, FAKE_SEND, CSN_ROLE_BIND, 0);
	long commit = fake_find(&fake, FAKE_COMMIT, 0, 0);
	long payload = fake_find(&fake, FAKE_PAYLOAD, 0, 0);
	long authorised = fake_find(&fake, FAKE_DECIDE, CSN_STAGE_AUTHORISED, 0);

	if (m1 >= 0 && (commit < 0 || commit > m1))
		return false;
	if (m2 >= 0 && (m1 < 0 || m1 > m2))
		return false;
	return payload < 0 || (authorised >= 0 && authorised < payload);
}

static void
test_vectors_one_way(void)
{
	static const char *const files[] = { "oneway-s1", "oneway-s2", "oneway-pin-s1",
		                             "oneway-pin-s2", "psk-s1", "psk-s2",
		                             "psk-pin-s1", "psk-pin-s2" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		fresh(&fake, files[i]);
		fake_start(&fake);
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 0), fake_trace(&fake, "M1")) &&
		               is(fake_sent(&fake, CSN_ROLE_BIND, 0), fake_trace(&fake, "M2")),
		       "%s: a whole run shows the vector's M1 and plays its M2", files[i]);
		tap_ok(order_is_kept(), "%s: on record before it left, in order", files[i]);
		tap_ok((strstr(fake.facts, "tier=basic;") != NULL) ==
		               (strncmp(files[i], "psk", 3) == 0),
		       "%s: the tier is called by its name", files[i]);
		tap_ok(rungs_are(0, 0, 0), "%s: rung 0 is offered, nothing is confirmed",
		       files[i]);
		fake_message(&fake, fake_trace(&fake, "M3"));
		ends(&fake, CSN_OUTCOME_ENROLLED, 0, "an M3 that comes home enrols");
		tap_ok(rungs_are(0, 1, 0), "%s: and confirms the rung", files[i]);
	}
}

static void
test_voucher(void)
{
	struct csn_plain plain;

	fresh(&fake, "oneway-voucher-s1");
	csn_plain_parse(fake_trace(&fake, "plain"), 0, &plain);
	struct csn_bytes did = fake_unhex(json_string_value(json_object_get(
		json_object_get(json_object_get(fake.file, "parties"), "device"), "did")));
	struct fake_row *row = fake_row(&fake, "voucher", did.ptr, true);
	memcpy(row->value, plain.voucher.ptr, plain.voucher.len);
	row->len = plain.voucher.len;
	fake_start(&fake);
	tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 0), fake_trace(&fake, "M1")),
	       "a voucher in the store goes along");
}

static void
test_two_way(void)
{
	static const char *const files[] = { "twoway-s1", "twoway-s2" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		fresh(&fake, files[i]);
		fake_start(&fake);
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 0), fake_trace(&fake, "M0a")),
		       "%s: the greeting is the vector's M0a", files[i]);
		tap_ok(fake_count(&fake, FAKE_COMMIT, 0) == 0 &&
		               fake_count(&fake, FAKE_PAYLOAD, 0) == 0,
		       "%s: nothing is built before a hello", files[i]);
		fake_message(&fake, fake_trace(&fake, "M0b"));
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 1), fake_trace(&fake, "M1")) &&
		               is(fake_sent(&fake, CSN_ROLE_BIND, 0), fake_trace(&fake, "M2")),
		       "%s: then the vector's M1 and M2", files[i]);
		tap_ok(order_is_kept(), "%s: on record before it left, in order", files[i]);
		fake_message(&fake, fake_trace(&fake, "M0b"));
		tap_ok(!fake.finished, "%s: a hello said twice changes nothing", files[i]);
		fake_message(&fake, fake_trace(&fake, "M3"));
		ends(&fake, CSN_OUTCOME_ENROLLED, 0, "the device's M3 enrols");
	}
}

static void
test_two_way_pin(void)
{
	static const char *const files[] = { "twoway-pin-s1", "twoway-pin-s2" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		fresh(&fake, files[i]);
		fake_start(&fake);
		fake_message(&fake, fake_trace(&fake, "M0b"));
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 1), fake_trace(&fake, "M1")),
		       "%s: M1 holds the vector's share", files[i]);
		tap_ok(fake_count(&fake, FAKE_PAYLOAD, 0) == 0,
		       "%s: the payload stays where it is until the PIN is proved", files[i]);
		fake_message(&fake, fake_trace(&fake, "M4"));
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 2), fake_trace(&fake, "M5")),
		       "%s: M4 brings the vector's M5", files[i]);
		tap_ok(fake_find(&fake, FAKE_COMMIT, 0, 1) >= 0 &&
		               fake_find(&fake, FAKE_COMMIT, 0, 1) <
		                       fake_find(&fake, FAKE_SEND, CSN_ROLE_OFFER, 2),
		       "%s: on record before it left", files[i]);
		fake_message(&fake, fake_trace(&fake, "M4"));
		tap_ok(!fake.finished, "%s: an M4 said twice changes nothing", files[i]);
		fake_message(&fake, fake_trace(&fake, "M3"));
		ends(&fake, CSN_OUTCOME_ENROLLED, 0, "the device's M3 enrols");
	}
}

/* An M3 by the device itself, made without the PIN: pin_part zeros and no M5. */
static struct csn_bytes
early_m3(unsigned result)
{
	static uint8_t             buf[256];
	uint8_t                    kc[32], t2[32], tag3[16], sig[64], payload_buf[CSN_L_MAX];
	uint8_t                    item_buf[128];
	const struct station      *st = &fake.run->st;
	const struct csn_crypto   *c = st->crypto;
	const struct csn_offer_bind bind = { st->suite, st->hh, { st->enc, st->enc_len }, st->nu };
	struct csn_dcbor_out       out;
	struct csn_bytes           payload, item, m3;
	struct csn_bytes sk = fake_unhex(json_string_value(json_object_get(
		json_object_get(json_object_get(fake.file, "parties"), "device_identity"),
		"private_raw")));

	csn_offer_kc(c, &bind, st->keys.xc, NULL, kc);
	csn_offer_t2(c, st->t1, st->nu, st->ts, (struct csn_bytes){ st->sig, st->sig_len }, NULL,
	             t2);
	csn_offer_tag3(c, kc, t2, result, tag3);
	csn_dcbor_out_init(&out, payload_buf, sizeof payload_buf);
	csn_offer_put_receipt(&out, t2, st->did, result, CSN_BYTES_NONE);
	csn_dcbor_out_end(&out, &payload);
	csn_cose_sign(c, st->suite, sk.ptr, payload, sig);
	csn_dcbor_out_init(&out, item_buf, sizeof item_buf);
	csn_cose_put(&out, st->suite, NULL, 0, CSN_BYTES_NONE, sig);
	csn_dcbor_out_end(&out, &item);
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_m3_put(&out, st->sid, result, tag3, item);
	csn_dcbor_out_end(&out, &m3);
	return m3;
}

static void
test_answers(void)
{
	struct csn_bytes m3;
	uint8_t          bad[512];

	fresh(&fake, "twoway-pin-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_message(&fake, early_m3(0));
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_DONE_TAG,
	     "a device that never proved the PIN cannot say that it committed");

	fresh(&fake, "twoway-pin-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_message(&fake, early_m3(1));
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_DEVICE_REFUSED,
	     "it can say that it refused");

	fresh(&fake, "twoway-pin-s2");
	fake.pin[0] = fake.pin[0] == '9' ? '8' : '9';
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_message(&fake, fake_trace(&fake, "M4"));
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_PIN_REFUSED, "another PIN is refused at M4");
	tap_ok(fake_count(&fake, FAKE_PAYLOAD, 0) == 0, "and no payload was touched");

	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	m3 = fake_trace(&fake, "M3");
	memcpy(bad, m3.ptr, m3.len);
	bad[22] ^= 1;
	fake_message(&fake, (struct csn_bytes){ bad, m3.len });
	ends(&fake, CSN_OUTCOME_UNKNOWN, CSN_CODE_DONE_TAG,
	     "an M3 with one wrong bit of the tag tells nothing of the device");
	tap_ok(fake_row(&fake, "result", fake.run->st.sid, false) != NULL,
	       "whatever the result is, it is on record");

	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	fake_message(&fake, CSN_BYTES_NONE);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_HELLO_SYNTAX, "an empty hello");
	tap_ok(fake_count(&fake, FAKE_COMMIT, 0) == 0, "leaves nothing on record");

	fresh(&fake, "twoway-s1");
	fake_hold(&fake, FAKE_SEND, CSN_ROLE_BIND);
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_message(&fake, fake_trace(&fake, "M3"));
	tap_ok(!fake.finished, "an M3 that overtakes the end of the burst waits");
	fake_hold(&fake, 0, 0);
	fake_pump(&fake);
	ends(&fake, CSN_OUTCOME_ENROLLED, 0, "and is judged once the burst is over");
}

/* The sessions of a batch hear one another's answers on the one return channel. */
static void
test_shared_return(void)
{
	struct csn_bytes m3;
	uint8_t          other[512];

	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	m3 = fake_trace(&fake, "M3");
	memcpy(other, m3.ptr, m3.len);
	other[3] ^= 1;
	fake_message(&fake, (struct csn_bytes){ other, m3.len });
	tap_ok(!fake.finished, "the answer to another session is left to that one");
	other[1] = CSN_M4;
	fake_message(&fake, (struct csn_bytes){ other, 19 });
	tap_ok(!fake.finished, "and so is what looks like its PIN reply");
	fake_message(&fake, m3);
	ends(&fake, CSN_OUTCOME_ENROLLED, 0, "and the own one is judged");

	/* What lies on the channel before the hello comes. */
	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	struct csn_bytes hello = fake_trace(&fake, "M0b");
	static uint8_t   strange[4096];
	memcpy(strange, hello.ptr, hello.len);
	strange[6] ^= 1;
	fake_message(&fake, m3.len > 0 ? (struct csn_bytes){ other, 19 } : CSN_BYTES_NONE);
	tap_ok(!fake.finished, "an old answer is no hello");
	fake_message(&fake, (struct csn_bytes){ strange, hello.len });
	tap_ok(!fake.finished && fake_count(&fake, FAKE_COMMIT, 0) == 0,
	       "the hello to another session is left to that one");
	fake_message(&fake, hello);
	fake_message(&fake, fake_trace(&fake, "M3"));
	ends(&fake, CSN_OUTCOME_ENROLLED, 0, "and the own one is answered");
	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	strange[6] ^= 1;
	strange[hello.len - 1] ^= 1;
	fake_message(&fake, (struct csn_bytes){ strange, hello.len });
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_HELLO_SIG,
	     "a hello that names this session is judged as before");
}

/* A two-way run to the point where its answer is lost. */
static void
lose_answer(const char *name)
{
	fresh(&fake, name);
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	if (strncmp(name, "twoway-pin", 10) == 0)
		fake_message(&fake, fake_trace(&fake, "M4"));
	fake_fire(&fake, DEADLINE);
	if (!fake.finished || fake.outcome != CSN_OUTCOME_UNKNOWN)
		tap_ok(false, "%s: the answer could not be lost", name);
}

static bool
m1_is_kept(void)
{
	return fake_row(&fake, "m1", fake.run->st.sid, false) != NULL;
}

static void
test_resume(void)
{
	static const char *const files[] = { "twoway-s1", "twoway-s2", "twoway-pin-s1",
		                             "twoway-pin-s2" };
	uint8_t bad[512];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		lose_answer(files[i]);
		size_t sent = fake_count(&fake, FAKE_SEND, CSN_ROLE_OFFER);
		size_t bound = fake_count(&fake, FAKE_SEND, CSN_ROLE_BIND);
		size_t payloads = fake_count(&fake, FAKE_PAYLOAD, 0);
		fake_resume(&fake);
		tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, sent), fake_trace(&fake, "M1")) &&
		               fake_count(&fake, FAKE_SEND, CSN_ROLE_OFFER) == sent + 1,
		       "%s: settling shows the same M1 once more", files[i]);
		tap_ok(fake_count(&fake, FAKE_SEND, CSN_ROLE_BIND) == bound &&
		               fake_count(&fake, FAKE_PAYLOAD, 0) == payloads,
		       "%s: and plays no M2, takes no payload", files[i]);
		fake_fire(&fake, DEADLINE);
		ends(&fake, CSN_OUTCOME_UNKNOWN, CSN_CODE_TIMEOUT, "silence settles nothing");
		tap_ok(m1_is_kept(), "%s: so that it can be asked again", files[i]);
		fake_resume(&fake);
		struct csn_bytes m3 = fake_trace(&fake, "M3");
		memcpy(bad, m3.ptr, m3.len);
		bad[22] ^= 1;
		fake_message(&fake, (struct csn_bytes){ bad, m3.len });
		ends(&fake, CSN_OUTCOME_UNKNOWN, CSN_CODE_DONE_TAG,
		     "an answer with a wrong tag settles nothing");
		fake_resume(&fake);
		fake_message(&fake, fake_trace(&fake, "M0b"));
		tap_ok(!fake.finished, "%s: a late hello changes nothing", files[i]);
		fake_message(&fake, m3);
		ends(&fake, CSN_OUTCOME_ENROLLED, 0, "the stored M3 enrols");
		tap_ok(!m1_is_kept(), "%s: and the offer is not kept any longer", files[i]);

		lose_answer(files[i]);
		m3 = early_m3(1);
		fake_resume(&fake);
		fake_message(&fake, m3);
		ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_DEVICE_REFUSED,
		     "a late word that the device refused settles it as refused");
	}
}

static void
test_resume_one_way(void)
{
	fresh(&fake, "oneway-s1");
	fake_start(&fake);
	fake_fire(&fake, DEADLINE);
	ends(&fake, CSN_OUTCOME_OFFERED, 0, "one way, nothing came back");
	size_t sent = fake_count(&fake, FAKE_SEND, CSN_ROLE_OFFER);
	fake_resume(&fake);
	tap_ok(fake_count(&fake, FAKE_SEND, CSN_ROLE_OFFER) == sent,
	       "a device that was served one way cannot be asked: nothing is shown");
	fake_message(&fake, fake_trace(&fake, "M3"));
	ends(&fake, CSN_OUTCOME_ENROLLED, 0, "but an M3 that comes home late enrols");
	tap_ok(rungs_are(0, 1, 0), "and confirms the rung");
}

static void
test_resume_unproven(void)
{
	lose_answer("twoway-s1");
	fake_row(&fake, "offer", fake.run->st.sid, false)->len--;
	fake_resume(&fake);
	ends(&fake, CSN_OUTCOME_UNKNOWN, 0, "a damaged record settles nothing");

	/* Mode 3, the PIN was never proved: nothing could be committed. */
	fresh(&fake, "twoway-pin-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_fire(&fake, DEADLINE);
	struct csn_bytes m3 = early_m3(0);
	fake_resume(&fake);
	fake_message(&fake, fake_trace(&fake, "M4"));
	tap_ok(!fake.finished, "a PIN reply that comes late proves nothing");
	fake_message(&fake, m3);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_DONE_TAG,
	     "a device that was never given a body cannot say that it has it");
}

static void
test_time(void)
{
	fresh(&fake, "oneway-s1");
	fake_start(&fake);
	size_t fired = 0;
	while (fired < 20 && fake_fire(&fake, REPEAT))
		fired++;
	tap_is((long long)fake_count(&fake, FAKE_SEND, CSN_ROLE_BIND), 11,
	       "M2 goes out once and is repeated ten times");
	tap_ok(is(fake_sent(&fake, CSN_ROLE_BIND, 10), fake_trace(&fake, "M2")),
	       "the same 41 bytes each time");
	fake_fire(&fake, DEADLINE);
	ends(&fake, CSN_OUTCOME_OFFERED, 0, "one way, silence leaves the offer standing");
	tap_ok(rungs_are(0, 0, 0), "and confirms nothing");

	fresh(&fake, "oneway-s1");
	fake_start(&fake);
	fake_event(&fake, CSN_EVENT_STOP);
	ends(&fake, CSN_OUTCOME_OFFERED, 0, "one way, the operator ends it");
	tap_ok(fake_row(&fake, "result", fake.run->st.sid, false) != NULL, "on record");

	fresh(&fake, "oneway-s1");
	fake.self.ask_success = 1;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_OFFERED, 0, "an operator's word is no proof");
	tap_ok(rungs_are(0, 0, 1), "but moves the rung of later offers");

	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	fake_fire(&fake, DEADLINE);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_TIMEOUT, "two way, no hello in time");

	fresh(&fake, "twoway-s1");
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	fake_fire(&fake, DEADLINE);
	ends(&fake, CSN_OUTCOME_UNKNOWN, CSN_CODE_TIMEOUT,
	     "two way, no answer in time is not a failure and not a success");
}

/* The device answered, then it went: a channel that waits for it does not wait for ever. */
static void
test_gone(void)
{
	static const struct {
		const char *what;
		uint32_t role, outcome;
		bool pin;
	} cases[] = {
		{ "an offer that nobody takes is refused in time", CSN_ROLE_OFFER,
		  CSN_OUTCOME_REFUSED, false },
		{ "a bind that nobody takes: what became of it is not known", CSN_ROLE_BIND,
		  CSN_OUTCOME_UNKNOWN, false },
		{ "an M5 that nobody takes: nor is that", CSN_ROLE_OFFER, CSN_OUTCOME_UNKNOWN,
		  true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fresh(&fake, cases[i].pin ? "twoway-pin-s1" : "twoway-s1");
		fake_start(&fake);
		if (cases[i].pin) {
			fake_message(&fake, fake_trace(&fake, "M0b"));
			fake_hold(&fake, FAKE_SEND, cases[i].role);
			fake_message(&fake, fake_trace(&fake, "M4"));
		} else {
			fake_hold(&fake, FAKE_SEND, cases[i].role);
			fake_message(&fake, fake_trace(&fake, "M0b"));
		}
		tap_ok(!fake.finished && fake_fire(&fake, DEADLINE), "it waits for that");
		fake_hold(&fake, 0, 0); /* what was held comes late, and changes nothing  */
		fake_pump(&fake);
		ends(&fake, cases[i].outcome, CSN_CODE_TIMEOUT, cases[i].what);
	}
}

static void
nothing_left(const char *what)
{
	bool two_way = (json_integer_value(json_object_get(fake.file, "mode")) & 1) != 0;

	tap_ok(fake_count(&fake, FAKE_SEND, CSN_ROLE_OFFER) == two_way &&
	               fake_count(&fake, FAKE_SEND, CSN_ROLE_BIND) == 0,
	       "%s: no offer left", what);
}

static void
test_refusals(void)
{
	fresh(&fake, "oneway-s1");
	struct csn_bytes did = fake_unhex(json_string_value(json_object_get(
		json_object_get(json_object_get(fake.file, "parties"), "device"), "did")));
	fake_row(&fake, "quarantine", did.ptr, true)->len = 1;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_DEVICE_BLOCKED, "a device in quarantine");
	nothing_left("quarantine");

	fresh(&fake, "oneway-s1");
	fake.subject[fake.subject_len - 1] ^= 1;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_MANIFEST_SIG, "one bit of the manifest");
	tap_is((long long)fake.log_len, 0, "ends before anything was asked for");

	for (uint32_t v = CSN_UNDECIDED; v <= CSN_REJECTED; v++) {
		fresh(&fake, "oneway-s1");
		fake.verdict = v;
		fake_start(&fake);
		ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_EVIDENCE,
		     v == CSN_UNDECIDED ? "a verifier that does not decide" :
		                          "a verifier that rejects");
		tap_ok(fake_count(&fake, FAKE_DECIDE, CSN_STAGE_SEEN) == 0, "no stage was asked for");
	}

	fresh(&fake, "twoway-s1");
	fake.self.require_evidence = (char *)"dice,psk";
	fake_start(&fake);
	fake_message(&fake, fake_trace(&fake, "M0b"));
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_EVIDENCE, "required evidence that is missing");
	nothing_left("evidence");

	for (uint32_t stage = CSN_STAGE_SEEN; stage <= CSN_STAGE_AUTHORISED; stage++) {
		if (stage == CSN_STAGE_OOB_CONFIRMED)
			continue;
		fresh(&fake, "oneway-s1");
		fake.refuse_stage = stage;
		fake_start(&fake);
		ends(&fake, CSN_OUTCOME_REFUSED, 0, "policy says no at a stage");
		tap_ok(fake_count(&fake, FAKE_PAYLOAD, 0) == 0 &&
		               fake_count(&fake, FAKE_SIGN, 0) == 0,
		       "stage %u: no payload, no signature", stage);
		nothing_left("policy");
	}

	fresh(&fake, "oneway-s1");
	fake.spoil_signature = true;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "a signature our own certificate does not verify");
	tap_ok(fake_count(&fake, FAKE_COMMIT, 0) == 0, "is not even put on record");
	nothing_left("signature");

	fresh(&fake, "oneway-pin-s1");
	fake.pin_len = 5;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "a PIN of five digits");
	nothing_left("PIN");

	fresh(&fake, "oneway-s1");
	fake.unix_s = CSN_STAMP_EPOCH - 1;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "a clock before 2020");

	fresh(&fake, "oneway-s1");
	fake.random_fails = true;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "no randomness");
	nothing_left("randomness");

	fresh(&fake, "oneway-s1");
	memcpy(fake.record, "\xa1\x06\xa0", 3);
	fake.record_len = 3;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_BODY_SYNTAX,
	     "a payload that brings a session of its own");
	nothing_left("payload");
}

static void
test_race(void)
{
	fresh(&fake, "oneway-s1");
	fake_hold(&fake, FAKE_SIGN, 0);
	fake_start(&fake);
	struct station_rungs rungs = { .offered = true, .highest = 5 };
	struct fake_row     *row = fake_row(&fake, "rung", fake.run->st.did, true);
	station_rungs_write(&rungs, row->value, &row->len);
	fake_hold(&fake, 0, 0);
	fake_pump(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "another offer to the device came in between");
	nothing_left("race");
}

/* Calls fail one after the other, at once or by their answer. */
static void
sweep(const char *name, bool at_start)
{
	const char *how = at_start ? "at once" : "by its answer";
	bool        ordered = true, ended = true, honest = true;
	size_t      calls = 0;

	for (size_t n = 1; n < FAKE_LOG_MAX; n++) {
		fresh(&fake, name);
		fake.fail_result = CSN_E_IO;
		if (strcmp(name, "twoway-s1") == 0)
			fake.self.require_evidence = (char *)"psk";
		*(at_start ? &fake.fail_start : &fake.fail_answer) = n;
		fake_start(&fake);
		if (fake.subject_len == 0 && !fake.finished)
			fake_message(&fake, fake_trace(&fake, "M0b"));
		if (strstr(name, "twoway-pin") != NULL && !fake.finished)
			fake_message(&fake, fake_trace(&fake, "M4"));
		if (!fake.finished)
			fake_message(&fake, fake_trace(&fake, "M3"));
		bool reached = at_start ? fake.fail_start == 0 : fake.log_len >= n;
		if (!reached)
			break;
		bool timer = !at_start && fake.log[n - 1].kind == FAKE_TIMER;
		ordered = ordered && order_is_kept();
		ended = ended && fake.finished;
		/* Only a timer that could not be had, or fires late, may go unnoticed. */
		if (fake.finished && fake.outcome == CSN_OUTCOME_ENROLLED && !timer && !at_start) {
			honest = false;
			tap_note("call %zu kind %u: enrolled all the same", n, fake.log[n - 1].kind);
		}
		calls = n;
	}
	tap_ok(calls > 15, "%s: %zu calls failed %s, one a run", name, calls, how);
	tap_ok(ordered, "%s: nothing left before its record, whatever failed", name);
	tap_ok(ended, "%s: every run ended", name);
	tap_ok(honest, "%s: none ended as enrolled", name);
}

/* A stop while call n is unanswered, for every n. */
static void
test_stop(void)
{
	static const char *const files[] = { "oneway-pin-s1", "twoway-s1", "twoway-pin-s1" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		bool   good = true, claims = false;
		size_t n = 1;
		for (; n < FAKE_LOG_MAX; n++) {
			fresh(&fake, files[i]);
			fake.limit = n;
			fake_start(&fake);
			if (fake.subject_len == 0)
				fake_message(&fake, fake_trace(&fake, "M0b"));
			if (fake.answered < n || fake.answered == fake.log_len)
				break;
			fake_event(&fake, CSN_EVENT_STOP);
			fake.limit = 0;
			fake_pump(&fake);
			good = good && fake.finished && order_is_kept();
			claims = claims || fake.outcome == CSN_OUTCOME_ENROLLED ||
			         (fake.outcome == CSN_OUTCOME_OFFERED &&
			          fake_count(&fake, FAKE_SEND, CSN_ROLE_BIND) == 0);
		}
		tap_ok(good && n > 12, "%s: a stop at any of %zu calls ends the run", files[i], n);
		tap_ok(!claims, "%s: and none claims what did not happen", files[i]);
	}
}

static void
test_begin(void)
{
	fresh(&fake, "oneway-s1");
	tap_is(fake_begin(&fake, CSN_SIDE_DEVICE, NULL), CSN_E_UNSUPPORTED,
	       "the device's side is not this plugin's");
	fresh(&fake, "oneway-s1");
	fake.subject_len = 0;
	tap_is(fake_begin(&fake, CSN_SIDE_STATION, NULL), CSN_E_MISSING,
	       "one way needs a manifest");
	fresh(&fake, "oneway-s1");
	fake.self.pin_generate = 1;
	tap_is(fake_begin(&fake, CSN_SIDE_STATION, NULL), CSN_OK, "and with one it begins");
}

static void
test_drawn_pin(void)
{
	fresh(&fake, "oneway-pin-s1");
	fake.self.pin_generate = 1;
	/* sid, then six digits from bytes below 250, then nu and ikmE. */
	uint8_t rest[64];
	size_t  rest_len = fake.random_len - 16;
	memcpy(rest, fake.random + 16, rest_len);
	static const uint8_t digits[] = { 4, 255, 19, 3, 250, 240, 2, 7 };
	memcpy(fake.random + 16, digits, sizeof digits);
	memcpy(fake.random + 16 + sizeof digits, rest, rest_len);
	fake.random_len += sizeof digits;
	fake_start(&fake);
	long at = fake_find(&fake, FAKE_ASK, CSN_TELL, 0);
	tap_ok(at >= 0 && fake.log[at].len == 6 && memcmp(fake.log[at].bytes, "493027", 6) == 0,
	       "a drawn PIN is told, without bias: bytes of 250 and more are thrown away");
	tap_ok(is(fake_sent(&fake, CSN_ROLE_OFFER, 0), fake_trace(&fake, "M1")),
	       "and is the one in the offer");
}

/* Section 4, "Rungs at the station". */
static const struct {
	const char          *what;
	struct station_rungs rungs;
	uint32_t             first, want;
} rung_cases[] = {
	{ "nothing known: the first rung", { false, 0, 0, 0 }, 0, 0 },
	{ "a manifest that begins later", { false, 0, 0, 0 }, 4, 4 },
	{ "one above the highest offered", { true, 3, 0, 0 }, 0, 4 },
	{ "eight above what is confirmed is the end", { true, 8, 0, 0 }, 0, 8 },
	{ "and one stays there", { true, 9, 0, 0 }, 0, 8 },
	{ "a confirmation moves the end", { true, 8, 1, 0 }, 0, 9 },
	{ "never below what is confirmed", { true, 2, 7, 0 }, 0, 7 },
	{ "an operator's word moves the end as well", { true, 8, 0, 6 }, 0, 9 },
	{ "the larger of the two counts", { true, 12, 5, 3 }, 0, 13 },
};

static void
test_rungs(void)
{
	for (size_t i = 0; i < sizeof rung_cases / sizeof rung_cases[0]; i++)
		tap_is(station_rung(&rung_cases[i].rungs, rung_cases[i].first), rung_cases[i].want,
		       rung_cases[i].what);

	fresh(&fake, "oneway-s1");
	struct csn_bytes did = fake_unhex(json_string_value(json_object_get(
		json_object_get(json_object_get(fake.file, "parties"), "device"), "did")));
	struct fake_row *row = fake_row(&fake, "rung", did.ptr, true);
	row->len = 2;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "a rung row that cannot be read");
	nothing_left("rung row");

	fresh(&fake, "oneway-s1");
	struct station_rungs past = { .offered = true, .highest = 70, .confirmed_next = 70 };
	row = fake_row(&fake, "rung", did.ptr, true);
	station_rungs_write(&past, row->value, &row->len);
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, CSN_CODE_NO_RUNG, "a manifest that is used up");
	nothing_left("no rung");
}

static void
test_not_after(void)
{
	struct csn_m1 m1;

	fresh(&fake, "oneway-s1");
	fake.not_after_unix_s = fake.unix_s + 60;
	fake_start(&fake);
	tap_ok(csn_m1_parse(fake_sent(&fake, CSN_ROLE_OFFER, 0), &m1) == 0 &&
	               m1.hdr.has_not_after &&
	               m1.hdr.not_after == fake.unix_s + 60 - CSN_STAMP_EPOCH,
	       "the offer's end stands in its header");

	fresh(&fake, "oneway-s1");
	fake.not_after_unix_s = fake.unix_s - 1;
	fake_start(&fake);
	ends(&fake, CSN_OUTCOME_REFUSED, 0, "an offer that is over before it is shown");
	nothing_left("over");
}

int
main(void)
{
	static const char *const sweeps[] = { "oneway-pin-s1", "psk-s1", "twoway-s1",
		                              "twoway-pin-s1" };

	test_rungs();
	test_not_after();
	test_begin();
	test_vectors_one_way();
	test_voucher();
	test_two_way();
	test_two_way_pin();
	test_answers();
	test_shared_return();
	test_resume();
	test_resume_one_way();
	test_resume_unproven();
	test_time();
	test_gone();
	test_refusals();
	test_race();
	test_drawn_pin();
	test_stop();
	for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++) {
		sweep(sweeps[i], false);
		sweep(sweeps[i], true);
	}
	fake_done(&fake);
	return tap_done();
}
