/*
 * Plugins in a worker: messages and verdicts come through, and what becomes of one that
 * crashes, hangs or breaks the rules of the wire; nobody else notices.
 */
#include "unit/isolate_kit.h"

#include <dirent.h>

/* ---- messages ----------------------------------------------------------------- */

static void
test_messages(void)
{
	struct csn_isolation    how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate         *iso = make(&how);
	struct csn_channel_caps caps = { .size = sizeof caps };
	struct answer           got;
	struct csn_op          *op;

	tap_ok(isolate_channel_ops.caps(iso, &caps) == CSN_OK && caps.max_message == 4096 &&
	               caps.medium == CSN_MEDIUM_NONE && strcmp(caps.medium_name, "bars") == 0 &&
	               caps.direction == (CSN_SEND | CSN_RECEIVE | CSN_DUPLEX) &&
	               caps.traits == CSN_TRAIT_PROXIMITY && caps.bytes_per_second == 7 &&
	               caps.latency_ms == 9,
	       "what it carries is the channel's own");
	tap_is(tell(iso, "nothing")->result, CSN_OK, "a message is sent");
	op = op_for(iso, &got, isolate_channel_ops.cancel);
	tap_is(isolate_channel_ops.receive(iso, op), CSN_OK, "a receive begins");
	struct answer second;
	struct csn_op *other = op_for(iso, &second, isolate_channel_ops.cancel);
	tap_is(isolate_channel_ops.receive(iso, other), CSN_E_BUSY, "a second one does not");
	csn_op_drop(other);
	uint64_t before = csn_loop_now(loop);
	tap_is(tell(iso, "say hello")->result, CSN_OK, "it says something");
	run(&got);
	tap_ok(got.result == CSN_OK && strcmp(got.bytes, "hello") == 0, "which is received");
	tap_ok(isolate_received_ns(iso) >= before && isolate_received_ns(iso) <= csn_loop_now(loop),
	       "with the time it came");
	op = op_for(iso, &got, isolate_channel_ops.cancel);
	isolate_channel_ops.receive(iso, op);
	csn_op_cancel(op);
	run(&got);
	tap_is(got.result, CSN_E_CANCELLED, "a receive is withdrawn");
	char big[4098];
	memset(big, 'x', 4097);
	big[4097] = '\0';
	is_answer(tell(iso, big), CSN_E_TOO_BIG, "message is 4097 bytes, the channel carries 4096",
	          "a message over the bound does not go out");
	tap_is(isolate_ended(iso), 0, "nothing of this took it down");
	isolate_destroy(iso);
}

/* Messages that go beside one another come to the channel in there as one call. */
static void
test_beside(void)
{
	struct csn_isolation   how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate        *iso = make(&how);
	const struct csn_bytes words[] = { bytes_of("one"), bytes_of("two"), bytes_of("three"),
		                           bytes_of("four") };
	struct answer          a;
	struct csn_op         *op = op_for(iso, &a, isolate_channel_ops.cancel);

	tap_is(isolate_channel_ops.send_many(iso, op, words, 4), CSN_E_INVALID,
	       "more than the channel carries at once are refused outside");
	csn_op_drop(op);
	for (size_t count = 3; count > 1; count--) {
		op = op_for(iso, &a, isolate_channel_ops.cancel);
		if (tap_is(isolate_channel_ops.send_many(iso, op, words, count), CSN_OK, "several go"))
			run(&a);
		is_answer(&a, CSN_E_REFUSED, count == 3 ? "[one][two][three]" : "[one][two]",
		          "and all of them come, in one call");
	}
	is_answer(tell(iso, "fds"), CSN_E_REFUSED, "fds", "one alone comes alone");
	isolate_destroy(iso);
}

static void
test_refused(void)
{
	struct csn_isolation    how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct csn_error        err = { 0 };
	struct isolate         *iso = NULL;

	how.config = options("mark = \"refuse\";");
	tap_ok(isolate_create(&how, &iso, &err) == CSN_E_MISSING &&
	               strcmp(err.text, "not today") == 0 && iso == NULL,
	       "what create says against it is said here");
	how.config = NULL;
	how.worker = TEST_BUILDDIR "/no-worker";
	tap_ok(isolate_create(&how, &iso, &err) == CSN_E_MISSING &&
	               strstr(err.text, "no-worker cannot be started: No such file") != NULL,
	       "a worker that is not there");
	how.worker = "/bin/false";
	tap_ok(isolate_create(&how, &iso, &err) == CSN_E_IO &&
	               strstr(err.text, "its worker ended (exit 1)") != NULL,
	       "a program that is no worker");
}

/* ---- crashes, hangs and lies -------------------------------------------------- */

static void
test_hang(void)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate      *iso;

	how.hang_ms = 200;
	iso = make(&how);
	is_answer(tell(iso, "hang"), CSN_E_TIMEOUT, "its worker hung: no answer within 200 ms",
	          "a worker that hangs is killed, and what it worked on is dropped");
	tap_is(tell_again(iso, "nothing")->result, CSN_OK, "the next message goes to a new one");
	isolate_destroy(iso);
}

static void
test_back_off(void)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate      *iso;

	how.again_ms = 300;
	how.again_max_ms = 1000;
	iso = make(&how);
	is_answer(tell(iso, "crash"), CSN_E_IO, "its worker crashed (signal",
	          "a crash is told to whoever waits");
	is_answer(tell(iso, "nothing"), CSN_E_IO, "it starts again within 300 ms",
	          "meanwhile a message is refused with the reason and the time");
	tap_is(tell_again(iso, "nothing")->result, CSN_OK, "then it goes out");
	is_answer(tell(iso, "exit 3"), CSN_E_IO, "its worker ended (exit 3)", "an exit is told");
	is_answer(tell(iso, "nothing"), CSN_E_IO, "it starts again within 600 ms",
	          "each end in a row doubles the time");
	tap_is(tell_again(iso, "nothing")->result, CSN_OK, "then it goes out, too");
	isolate_destroy(iso);
}

/*
 * CSN_CRASHES, 1000 in the audit: a neighbour's worker lives through all of them with a
 * message between any two.
 */
static void
test_crashes(void)
{
	const char          *asked = getenv("CSN_CRASHES");
	int                  count = asked != NULL ? atoi(asked) : 100, told = 0, heard = 0;
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate      *bad = make(&how), *good = make(&how);
	pid_t                pid = isolate_pid(good);
	size_t               pending = csn_ops_pending(ops);

	for (int i = 0; i < count; i++) {
		const struct answer *a = tell_again(bad, i % 2 != 0 ? "abort" : "crash");

		told += a->result == CSN_E_IO && strstr(a->text, "crashed (signal") != NULL;
		heard += tell(good, "nothing")->result == CSN_OK;
	}
	tap_is(told, count, "each crash is told");
	tap_is(heard, count, "its neighbour carries a message after each");
	tap_ok(isolate_pid(good) == pid && isolate_ended(good) == 0, "by the one worker it had");
	tap_is(isolate_ended(bad), count, "every crash was counted");
	tap_is((long long)csn_ops_pending(ops), (long long)pending, "no operation is left");
	tap_is(tell_again(bad, "nothing")->result, CSN_OK, "and it works again");
	isolate_destroy(bad);
	isolate_destroy(good);
}

/* What a worker that was taken over may write, and the name of what it is refused for. */
static const struct {
	const char *what, *word, *fault;
} lies[] = {
	{ "a frame of no bytes", "raw 00000000", "wire.empty" },
	{ "a frame over the bound", "raw 00104001", "wire.oversized" },
	{ "a frame of four gigabytes", "raw ffffffff", "wire.oversized" },
	{ "a frame that is cut off", "cut 0000000a8211", "wire.truncated" },
	{ "a length that is cut off", "cut 0000", "wire.truncated" },
	{ "bytes that are no CBOR", "raw 00000002ffff", "wire.malformed" },
	{ "an array that is none", "raw 0000000100", "wire.malformed" },
	{ "a number in two bytes that fits one", "raw 00000004821800f5", "wire.malformed" },
	{ "a member too few", "raw 000000028113", "wire.malformed" },
	{ "a member too many", "raw 0000000483134000", "wire.malformed" },
	{ "a member of another type", "raw 00000003821300", "wire.malformed" },
	{ "bytes behind the frame's item", "raw 0000000482134000", "wire.malformed" },
	{ "a type nobody knows", "raw 0000000482186340", "wire.unknown" },
	{ "a frame of the core's", "raw 0000000482041801", "wire.malformed" },
	{ "a frame of the core's, well made", "raw 00000003820401", "wire.unexpected" },
	{ "a verdict of a channel", "raw 0000000a871401" "0040f600f6", "wire.malformed" },
	{ "ready for a second time", "raw 0000000c8b1001004040000000000000",
	  "wire.unexpected" },
	{ "a pong nobody asked for", "raw 00000003821501", "wire.unasked" },
	{ "an answer to what was never sent", "raw 0000000584111820" "0040", "wire.malformed" },
	{ "an answer to a later send", "raw 00000006841118200040", "wire.unasked" },
	{ "an empty message", "raw 0000000483120140", "wire.bound" },
	{ "more messages than were allowed", "flood 000000058312014178", "wire.flood" },
	{ "more troubles than a person reads", "flood 00000003821640", "wire.flood" },
	{ "more diagnoses than a person reads", "flood 0000000382134" "0", "wire.flood" },
};

static void
test_lies(void)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "prisoner", NULL);
	struct isolate      *bad = make(&how), *good = make(&how);

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const struct answer *a = tell_again(bad, lies[i].word);
		char                 text[96];

		/* A lie that came with the answer's frame in one piece may follow it. */
		if (a->result == CSN_OK)
			a = tell(bad, "hang");
		snprintf(text, sizeof text, "broke the rules of the wire (%s)", lies[i].fault);
		is_answer(a, CSN_E_PROTOCOL, text, lies[i].what);
	}
	tap_is(tell(good, "nothing")->result, CSN_OK, "a neighbour notices none of it");
	tap_is(tell_again(bad, "nothing")->result, CSN_OK, "the next worker is heard again");
	isolate_destroy(bad);
	isolate_destroy(good);
}

/* ---- real channels ------------------------------------------------------------ */

static struct isolate *
make_qr(const char *media, const struct csn_config *config)
{
	struct csn_isolation how = how_to(CSN_KIND_CHANNEL, "qr", media);

	how.media_config = config;
	return make(&how);
}

static size_t
count_files(const char *folder)
{
	DIR   *dir = opendir(folder);
	size_t count = 0;

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		count += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void
empty(const char *folder)
{
	DIR *dir = opendir(folder);

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(folder);
}

/* One worker draws codes and writes pictures; another opens them, one by one, and reads. */
static void
test_pictures(void)
{
	static const char    message[] = "out of one sandbox, into another";
	char                 folder[] = "/tmp/csn-pictures-XXXXXX";
	struct answer        got;
	const struct answer *sent;

	if (mkdtemp(folder) == NULL)
		exit(99);
	struct isolate *out = make_qr("file", options("direction = \"send\"; path = \"%s\"; "
	                                              "width = 400; height = 400;", folder));
	sent = tell(out, message);
	is_answer(sent, CSN_OK, "", "a message is drawn in a sandbox");
	isolate_channel_ops.rest(out);
	isolate_destroy(out);
	tap_ok(count_files(folder) > 0, "and its pictures are on the disk");

	struct isolate *in = make_qr("file", options("path = \"%s\"; frame_ms = 20;", folder));
	struct csn_op  *op = op_for(in, &got, isolate_channel_ops.cancel);
	isolate_channel_ops.receive(in, op);
	run(&got);
	if (!tap_ok(got.result == CSN_OK && strcmp(got.bytes, message) == 0,
	            "another worker opens and reads them"))
		tap_note("%d %s", got.result, got.text);
	isolate_destroy(in);
	empty(folder);
}

/* GStreamer's threads and all: what it needs was opened before the door was closed. */
static void
test_gstreamer(void)
{
	char           text[128] = "";
	struct answer  got;
	uint64_t       until = csn_loop_now(loop) + SOON;

	if (access(PLUGIN("media/gst/.libs/media_gst"), R_OK) != 0) {
		tap_skip("pictures of GStreamer in a sandbox", "built without media/gst");
		return;
	}
	load(PLUGIN("media/gst/.libs/media_gst"));
	struct isolate *in = make_qr("gst", options("through = \"test\"; width = 320; height = 240;"));
	struct csn_op  *op = op_for(in, &got, isolate_channel_ops.cancel);
	isolate_channel_ops.receive(in, op);
	while (strstr(text, "code") == NULL && csn_loop_now(loop) < until) {
		csn_loop_run_until(loop, csn_loop_now(loop) + 10 * CSN_MS);
		isolate_channel_ops.diagnose(in, text, sizeof text);
	}
	if (!tap_ok(strstr(text, "code") != NULL && isolate_ended(in) == 0,
	            "the reader says what it sees in GStreamer's test picture"))
		tap_note("%s", text);
	csn_op_cancel(op);
	run(&got);
	tap_is(got.result, CSN_E_CANCELLED, "it stops listening");
	while (isolate_pid(in) != 0 && csn_loop_now(loop) < until)
		csn_loop_run_until(loop, csn_loop_now(loop) + CSN_MS);
	tap_ok(isolate_pid(in) == 0 && isolate_ended(in) == 0,
	       "and closes its device: the worker ends, which is no crash");
	isolate_destroy(in);
}

/* ---- a verifier --------------------------------------------------------------- */

static struct csn_verdict verdicts[4];

static void
judge(struct isolate *iso, const char *value, const char *class, struct answer *a, size_t at)
{
	struct csn_evidence evidence = { .size = sizeof evidence,
		                         .type = "bars",
		                         .value = bytes_of(value),
		                         .did = bytes_of("did-0123"),
		                         .device_class = class };
	struct csn_op      *op = op_for(iso, a, isolate_attest_ops.cancel);

	verdicts[at] = (struct csn_verdict){ .size = sizeof verdicts[at] };
	if (isolate_attest_ops.verify(iso, op, &evidence, &verdicts[at]) < 0)
		exit(99);
}

static void
test_verifier(void)
{
	struct csn_isolation how = how_to(CSN_KIND_ATTEST, "prisoner", NULL);
	struct isolate      *iso = make(&how);
	struct csn_verdict  *v = verdicts;
	struct answer        a, b, c;

	tap_ok(strcmp(isolate_attest_ops.type(iso), "bars") == 0, "a verifier names its evidence");
	judge(iso, "accept", NULL, &a, 0);
	run(&a);
	tap_ok(a.result == CSN_OK && v->judgement == CSN_ACCEPTED && v->has_key == 1 &&
	               v->key_hash[31] == 0x5a && v->trust[CSN_TRUST_HARDWARE] == -1 && v->not_after == 77 &&
	               v->reason_count == 1 && v->reasons[0].layer == -1 &&
	               strcmp(v->reasons[0].code, "bars.accept") == 0 &&
	               strcmp(v->reason, "bars.accept") == 0 && v->fact_count == 1 &&
	               strcmp(v->facts[0].name, "identity.did") == 0 &&
	               strcmp(v->facts[0].value, "did-0123") == 0,
	       "its verdict comes whole");
	tap_ok(isolate_attest_ops.appraise(iso, NULL, v) == CSN_OK && v->judgement == CSN_ACCEPTED,
	       "and is appraised");
	tap_is(isolate_attest_ops.appraise(iso, NULL, v), CSN_E_INTERNAL,
	       "a verdict it did not give is not");
	judge(iso, "accept", "low", &a, 0);
	run(&a);
	tap_ok(isolate_attest_ops.appraise(iso, NULL, v) == CSN_OK && v->judgement == CSN_REJECTED,
	       "appraisal may lower it");
	judge(iso, "accept", "none", &a, 0);
	run(&a);
	tap_ok(isolate_attest_ops.appraise(iso, NULL, v) == CSN_E_UNSUPPORTED,
	       "appraisal may fail");
	judge(iso, "reject", NULL, &a, 0);
	run(&a);
	tap_ok(a.result == CSN_OK && v->judgement == CSN_REJECTED, "a rejection is a verdict");
	judge(iso, "open", NULL, &a, 0);
	run(&a);
	tap_ok(a.result == CSN_E_REFUSED && strcmp(a.text, "open 1") == 0 &&
	               v->judgement == CSN_UNDECIDED,
	       "a verifier opens no file; an error leaves it undecided");

	judge(iso, "accept", NULL, &a, 0);
	judge(iso, "crash", NULL, &b, 1);
	judge(iso, "accept", NULL, &c, 2);
	run(&a);
	run(&b);
	run(&c);
	tap_ok(a.result == CSN_OK && c.result == CSN_OK && verdicts[0].judgement == CSN_ACCEPTED &&
	               verdicts[2].judgement == CSN_ACCEPTED,
	       "evidence that crashes it costs those before and behind it nothing");
	tap_ok(b.result == CSN_E_IO && strstr(b.text, "crashed") != NULL &&
	               verdicts[1].judgement == CSN_UNDECIDED,
	       "its own session gets the reason, and no verdict");
	judge(iso, "raw 0000000a8714011840400000f600f6", NULL, &b, 1);
	run(&b);
	tap_ok(b.result < 0 && verdicts[1].judgement == CSN_UNDECIDED,
	       "a verdict that is none decides nothing");
	tap_note("%s", b.text);
	isolate_destroy(iso);
}

/* What a verifier is asked besides: a nonce, and whom evidence says it is from. */
static void
test_questions(void)
{
	struct csn_isolation how = how_to(CSN_KIND_ATTEST, "prisoner", NULL);
	struct isolate      *iso = make(&how);
	struct csn_evidence  evidence = { .size = sizeof evidence, .type = "bars",
		                          .value = bytes_of("inmate 7") };
	struct csn_fact      facts[4] = { 0 };
	size_t               count = 0;
	struct answer        a, b;

	struct csn_op *op = op_for(iso, &a, isolate_attest_ops.cancel);
	tap_is(isolate_attest_ops.challenge(iso, op), CSN_OK, "a verifier is asked for a nonce");
	struct csn_op *other = op_for(iso, &b, isolate_attest_ops.cancel);
	tap_is(isolate_attest_ops.challenge(iso, other), CSN_E_BUSY, "for one at a time");
	csn_op_drop(other);
	run(&a);
	tap_ok(a.result == CSN_OK && strcmp(a.bytes, "a nonce") == 0, "and gives its own");
	op = op_for(iso, &a, isolate_attest_ops.cancel);
	isolate_attest_ops.challenge(iso, op);
	csn_op_cancel(op);
	run(&a);
	tap_is(a.result, CSN_E_CANCELLED, "a question is withdrawn");
	tap_is(isolate_attest_ops.identify(iso, &evidence, facts, 4, &count), CSN_OK,
	       "it says whom evidence is from");
	tap_ok(count == 2 && strcmp(facts[0].name, "identity.name") == 0 &&
	               strcmp(facts[0].value, "inmate 7") == 0 &&
	               strcmp(facts[1].value, "bars") == 0,
	       "as its facts say, all of them");
	tap_ok(isolate_attest_ops.identify(iso, &evidence, facts, 1, &count) == CSN_OK && count == 1,
	       "as many as there is room for");
	evidence.value = CSN_BYTES_NONE;
	tap_is(isolate_attest_ops.identify(iso, &evidence, facts, 4, &count), CSN_E_PROTOCOL,
	       "or why it cannot");
	judge(iso, "accept", NULL, &a, 0);
	run(&a);
	tap_ok(a.result == CSN_OK && isolate_ended(iso) == 0, "and judges as before");
	evidence.value = bytes_of("hang");
	tap_is(isolate_attest_ops.identify(iso, &evidence, facts, 4, &count), CSN_E_IO,
	       "who hangs over the question is killed");
	judge(iso, "accept", NULL, &a, 0);
	run(&a);
	tap_is(a.result, CSN_OK, "the next worker judges");
	judge(iso, "raw 00000006841717004161", NULL, &b, 1);
	run(&b);
	tap_ok(b.result == CSN_E_PROTOCOL && strstr(b.text, "wire.") != NULL,
	       "a nonce nobody asked for breaks the rules");
	isolate_destroy(iso);

	how.config = options("mark = \"no nonce\";");
	iso = make(&how);
	op = op_for(iso, &a, isolate_attest_ops.cancel);
	isolate_attest_ops.challenge(iso, op);
	run(&a);
	is_answer(&a, CSN_E_REFUSED, "no nonce today", "why there is no nonce is told");
	isolate_destroy(iso);
}

int
main(void)
{
	begin();
	test_messages();
	test_beside();
	test_refused();
	test_hang();
	test_back_off();
	test_crashes();
	test_lies();
	test_verifier();
	test_questions();
	load(PLUGIN("channel/qr/.libs/channel_qr"));
	load(PLUGIN("media/file/.libs/media_file"));
	test_pictures();
	test_gstreamer();
	return end();
}
