/* Between messages and codes: names, cutting, and what a stranger's fragments do. */
#include "kit/tap.h"
#include "plugins/channel/qr/message.h"

#define SECOND UINT64_C(1000000000)

static uint8_t bytes[MESSAGE_MAX];

static struct csn_bytes
hex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned value;

	for (; sscanf(text, "%2x", &value) == 1; text += text[2] == ' ' ? 3 : 2) {
		out[n++] = (uint8_t)value;
		if (text[2] == '\0')
			break;
	}
	return (struct csn_bytes){ out, n };
}

static void
test_names(void)
{
	static const struct {
		const char *what, *message;
		unsigned    msg;
		const char *sid4;
	} cases[] = {
		{ "an offer", "84 01 88 01 02 00 50 a1a2a3a405060708090a0b0c0d0e0f10 40", 1,
		  "a1a2a3a4" },
		{ "a receipt", "85 03 50 b1b2b3b405060708090a0b0c0d0e0f10 00 40 f6", 3,
		  "b1b2b3b4" },
		{ "a question", "84 04 01 50 c1c2c3c405060708090a0b0c0d0e0f10 a0", 4, "c1c2c3c4" },
		{ "a hello", "84 05 89 01 01 50 d1d2d3d405060708090a0b0c0d0e0f10 40", 5,
		  "d1d2d3d4" },
		{ "a bind message",
		  "02 e1e2e3e4 000102030405060708090a0b0c0d0e0f 00000000 "
		  "000102030405060708090a0b0c0d0e0f",
		  2, "e1e2e3e4" },
		/* CRC-32C of "123456789" is a published value. */
		{ "anything else", "313233343536373839", 1, "e3069283" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t m[64], sid4[4];
		struct message_name name = { 0 };
		message_name(hex(cases[i].message, m), &name);
		hex(cases[i].sid4, sid4);
		tap_ok(name.msg == cases[i].msg && memcmp(name.sid4, sid4, 4) == 0,
		       "%s is named by its own bytes", cases[i].what);
	}
}

static void
test_cut(void)
{
	static const struct {
		const char *what;
		size_t      len, room, codes, data;
	} cases[] = {
		{ "what fits is not cut", 1000, 1000, 1, 0 },
		{ "one byte more is two alike", 1001, 1000, 2, 501 },
		{ "the largest message", 40960, 1000, 42, 976 },
		{ "the smallest room", 40960, 54, 1000, 41 },
	};
	struct message_cut cut;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int r = message_cut((struct csn_bytes){ bytes, cases[i].len },
		                          cases[i].room, &cut);
		tap_ok(r == CSN_OK && cut.codes == cases[i].codes && cut.data == cases[i].data &&
		               cut.payload <= cases[i].room,
		       "%s (%zu codes of %zu)", cases[i].what, cut.codes, cut.data);
	}
	tap_is(message_cut((struct csn_bytes){ bytes, 40960 }, 52, &cut), CSN_E_TOO_BIG,
	       "more than 1024 fragments are refused");
}

/* A message that is itself a good fragment must not be taken for one. */
static void
test_lookalike(void)
{
	static const uint8_t sid4[4] = { 1, 2, 3, 4 };
	uint8_t fragment[64], wrapped[128];
	size_t len, wrapped_len;
	struct message_cut cut = { 0 };
	struct message_name name;
	struct inbox inbox = { 0 };
	struct csn_bytes got;

	csn_frag_make((struct csn_bytes){ bytes, 20 }, sid4, 1, 20, 0, fragment, sizeof fragment,
	              &len);
	const struct csn_bytes message = { fragment, len };
	tap_ok(message_cut(message, 1000, &cut) == CSN_OK && cut.codes == 1 && cut.data == len,
	       "a message that looks like a fragment is sent as one");
	message_name(message, &name);
	csn_frag_make(message, name.sid4, name.msg, cut.data, 0, wrapped, sizeof wrapped,
	              &wrapped_len);
	inbox_take(&inbox, (struct csn_bytes){ wrapped, wrapped_len }, SECOND, &got);
	tap_ok(got.len == len && memcmp(got.ptr, fragment, len) == 0, "and comes out as it was");
	inbox_done(&inbox);
}

static struct csn_bytes
fragment_of(struct csn_bytes message, const struct message_name *name, size_t index,
            uint8_t out[256])
{
	size_t len = 0;

	csn_frag_make(message, name->sid4, name->msg, 100, index, out, 256, &len);
	return (struct csn_bytes){ out, len };
}

static void
test_strangers(void)
{
	struct csn_bytes message = { bytes, 300 }, got;
	struct message_name name, wrong = { { 9, 9, 9, 9 }, 1 };
	struct inbox inbox = { 0 };
	uint8_t buf[256];

	for (size_t i = 0; i < 300; i++)
		bytes[i] = (uint8_t)(i * 7);
	message_name(message, &name);
	for (size_t i = 0; i < 3; i++)
		inbox_take(&inbox, fragment_of(message, &wrong, i, buf), SECOND, &got);
	tap_ok(got.len == 0 && inbox.code == 304, "a message under another's name is dropped");

	inbox_take(&inbox, fragment_of(message, &name, 0, buf), SECOND, &got);
	struct csn_bytes torn = fragment_of(message, &name, 1, buf);
	buf[20] ^= 1;
	inbox_take(&inbox, torn, SECOND, &got);
	tap_ok(got.len == torn.len && memcmp(got.ptr, torn.ptr, got.len) == 0,
	       "a payload with a wrong CRC is no fragment but a message, for its owner to judge");
	for (unsigned i = 0; i < 3; i++) {
		struct message_name other = { { 7, 7, 7, (uint8_t)i }, 1 };
		inbox_take(&inbox, fragment_of(message, &other, 0, buf), 2 * SECOND, &got);
	}
	inbox_take(&inbox, fragment_of(message, &name, 1, buf), 3 * SECOND, &got);
	inbox_take(&inbox, fragment_of(message, &name, 2, buf), 3 * SECOND, &got);
	tap_ok(got.len == 300 && memcmp(got.ptr, bytes, 300) == 0,
	       "three strangers' messages do not push ours out");
	inbox_take(&inbox, fragment_of(message, &name, 2, buf), 7 * SECOND, &got);
	inbox_take(&inbox, fragment_of(message, &name, 0, buf), 11 * SECOND, &got);
	inbox_take(&inbox, fragment_of(message, &name, 1, buf), 15 * SECOND, &got);
	tap_is((long long)got.len, 0, "while its codes go on, however slowly, it is not delivered again");
	for (size_t i = 0; i < 3; i++)
		inbox_take(&inbox, fragment_of(message, &name, i, buf), 30 * SECOND, &got);
	tap_is((long long)got.len, 300, "gone for some time it is new");
	inbox_done(&inbox);
}

static void
test_stale(void)
{
	struct csn_bytes message = { bytes, 300 }, got;
	struct message_name name;
	struct inbox inbox = { 0 };
	uint8_t buf[256];

	message_name(message, &name);
	inbox_take(&inbox, fragment_of(message, &name, 0, buf), SECOND, &got);
	inbox_take(&inbox, fragment_of(message, &name, 1, buf), 100 * SECOND, &got);
	inbox_take(&inbox, fragment_of(message, &name, 2, buf), 101 * SECOND, &got);
	tap_ok(got.len == 0 && inbox.held == 2, "an assembly without news for a minute is given up");
	inbox_take(&inbox, fragment_of(message, &name, 0, buf), 102 * SECOND, &got);
	tap_is((long long)got.len, 300, "what came since is kept");
	inbox_take(&inbox, (struct csn_bytes){ bytes, 0 }, 103 * SECOND, &got);
	tap_is((long long)got.len, 0, "an empty payload is nothing");
	inbox_done(&inbox);
}

int
main(void)
{
	test_names();
	test_cut();
	test_lookalike();
	test_strangers();
	test_stale();
	return tap_done();
}
