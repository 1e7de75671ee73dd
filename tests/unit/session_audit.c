/*
 * The audit log's pure half.  Roots are those RFC 6962 gives for its own test tree and
 * the key and signature below were made by another program; none comes from here.
 */
#include "core/audit/audit.h"
#include "kit/tap.h"

#include <countersign/ceremony.h>

/* The eight leaves and the roots of the certificate transparency reference tests. */
static const struct {
	const char *hex;
	const char *root;
} leaves[] = {
	{ "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ "40414243",
	  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ "5051525354555657",
	  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ "606162636465666768696a6b6c6d6e6f",
	  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static void
test_tree(void)
{
	static struct audit_tree tree;
	uint8_t leaf[16], want[32], got[32];

	unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want);
	tap_ok(audit_tree_root(&tree, got) == CSN_OK && memcmp(got, want, 32) == 0,
	       "the root of the empty tree");
	for (size_t i = 0; i < 8; i++) {
		struct csn_bytes bytes = { leaf, unhex(leaves[i].hex, leaf) };

		audit_tree_add(&tree, bytes);
		unhex(leaves[i].root, want);
		tap_ok(audit_tree_root(&tree, got) == CSN_OK &&
			       memcmp(got, want, 32) == 0,
		       "the root of %zu leaves of the reference tree", i + 1);
	}
}

static struct audit_entry
an_entry(void)
{
	struct audit_entry e = { .unix_s = 1767225600,
				 .boot_ns = 5000000000,
				 .side = CSN_SIDE_STATION,
				 .what = AUDIT_END,
				 .stage = CSN_STAGE_AUTHORISED,
				 .outcome = CSN_OUTCOME_REFUSED,
				 .code = 126,
				 .reason = "policy" };

	e.has[AUDIT_DID] = true;
	memset(e.field[AUDIT_DID], 0xd1, 16);
	return e;
}

static void
test_entries(void)
{
	uint8_t buf[AUDIT_ENTRY_MAX], bad[AUDIT_ENTRY_MAX];
	struct csn_bytes bytes;
	struct audit_entry e = an_entry(), back;
	char text[512];
	static const char json[] =
		"{\"schema\":1,\"index\":7,\"unix_s\":1767225600,\"clock_trusted\":"
		"false,"
		"\"boot_ns\":5000000000,\"side\":\"station\",\"what\":\"end\","
		"\"stage\":\"authorised\","
		"\"outcome\":\"refused\",\"code\":126,\"reason\":\"policy\","
		"\"device\":\"d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1\"}";
	/* Written by hand from the key list in audit.c and RFC 8949. */
	static const char want[] =
		"ab0101 021a6955b900 03f4 041b000000012a05f200 0501 0603 0707 0903"
		"0a187e 0b66706f6c696379 0d50d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
	char hex[256] = "";
	size_t n = 0;

	for (const char *at = want; *at != '\0'; at++)
		if (*at != ' ')
			hex[n++] = *at;
	uint8_t expected[128];
	size_t expected_len = unhex(hex, expected);

	int r = audit_encode(&e, buf, &bytes);
	tap_ok(r == CSN_OK && bytes.len == expected_len &&
		       memcmp(bytes.ptr, expected, bytes.len) == 0,
	       "an entry is these bytes");
	tap_ok(audit_decode(bytes, &back) == CSN_OK && back.code == 126 &&
		       back.has[AUDIT_DID] && strcmp(back.reason, "policy") == 0,
	       "and reads back");
	tap_ok(audit_json(&e, 7, text, sizeof text) == CSN_OK &&
		       strcmp(text, json) == 0,
	       "as JSON");
	tap_ok(audit_text(&e, 7, text, sizeof text) == CSN_OK &&
		       strcmp(text, "7  1767225600?  station  end authorised refused "
				    "code 126 (policy)"
				    "  device d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1") == 0,
	       "as a line");
	tap_is(audit_json(&e, 7, text, 40), CSN_E_TOO_BIG,
	       "JSON that does not fit is said to");

	size_t accepted = 0;
	for (size_t cut = 0; cut < bytes.len; cut++)
		accepted += audit_decode((struct csn_bytes){ bytes.ptr, cut }, &back) ==
			    CSN_OK;
	tap_is((long long)accepted, 0, "no entry cut short is read");
	memcpy(bad, bytes.ptr, bytes.len);
	bad[bytes.len] = 0;
	tap_is(audit_decode((struct csn_bytes){ bad, bytes.len + 1 }, &back),
	       CSN_E_PROTOCOL, "a byte behind an entry is refused");
	bad[2] = 2;
	tap_is(audit_decode((struct csn_bytes){ bad, bytes.len }, &back),
	       CSN_E_PROTOCOL, "another version is refused");
	strcpy(e.reason, "Free Text!");
	tap_is(audit_encode(&e, buf, &bytes), CSN_E_INVALID, "free text is no reason");
	e = an_entry();
	e.side = 0;
	tap_is(audit_encode(&e, buf, &bytes), CSN_E_INVALID,
	       "an entry of no side is refused");
}

/* Made with an independent program; see the comment at the top. */
#include "session_note.inc"

static void
test_notes(void)
{
	struct audit_head head = { .size = 4 }, back = { .size = 0 };
	uint8_t key[32], sig[64], other[32];
	char body[AUDIT_NOTE_MAX], note[AUDIT_NOTE_MAX], bad[AUDIT_NOTE_MAX];

	unhex(NOTE_ROOT, head.root);
	unhex(NOTE_KEY, key);
	unhex(NOTE_SIG, sig);
	memcpy(other, key, 32);
	other[0] ^= 1;
	tap_ok(audit_note_body("line-a-3", &head, body, sizeof body) == CSN_OK &&
		       strcmp(body, NOTE_BODY) == 0,
	       "the text that is signed");
	tap_ok(audit_note_seal(body, "line-a-3", key, sig, note, sizeof note) ==
			       CSN_OK &&
		       strcmp(note, NOTE_WHOLE) == 0,
	       "the whole note");
	tap_ok(audit_note_open(NOTE_WHOLE, "line-a-3", key, &back) == CSN_OK &&
		       back.size == 4 && memcmp(back.root, head.root, 32) == 0,
	       "another program's note opens");
	tap_is(audit_note_open(NOTE_WHOLE, "line-a-3", other, &back), CSN_E_REFUSED,
	       "under another key it does not");
	tap_is(audit_note_open(NOTE_WHOLE, "line-a-4", key, &back), CSN_E_PROTOCOL,
	       "the note of another log is refused");
	tap_is(audit_note_open(NOTE_BODY, "line-a-3", key, &back), CSN_E_PROTOCOL,
	       "a text without a signature is refused");
	tap_is(audit_note_open(NOTE_BODY "\n", "line-a-3", key, &back), CSN_E_REFUSED,
	       "an empty list of signatures is refused");
	size_t passed = 0, len = strlen(NOTE_WHOLE);
	for (size_t bit = 0; bit < len * 8; bit++) {
		memcpy(bad, NOTE_WHOLE, len + 1);
		bad[bit / 8] = (char)(bad[bit / 8] ^ (1 << bit % 8));
		passed += audit_note_open(bad, "line-a-3", key, &back) == CSN_OK;
	}
	tap_is((long long)passed, 0, "no single bit of a note may change");
}

static void
test_check(void)
{
	static struct audit_check check;
	uint8_t buf[AUDIT_ENTRY_MAX];
	struct csn_bytes bytes;
	struct audit_head head, first = { .size = 0 };
	struct audit_entry e = an_entry();

	for (uint32_t i = 0; i < 5; i++) {
		e.code = i;
		audit_encode(&e, buf, &bytes);
		audit_check_add(&check, bytes);
		if (i == 2)
			audit_check_end(&check, &first);
	}
	tap_ok(audit_check_end(&check, &head) == CSN_OK && head.size == 5 &&
		       first.size == 3,
	       "a log without an anchor is read to its end");
	memset(&check, 0, sizeof check);
	check.from = first;
	for (uint32_t i = 0; i < 2; i++) {
		e.code = i;
		audit_encode(&e, buf, &bytes);
		audit_check_add(&check, bytes);
	}
	tap_is(audit_check_end(&check, &head), CSN_E_REFUSED,
	       "a log cut below its anchor is refused");
	e.code = 99;
	audit_encode(&e, buf, &bytes);
	tap_is(audit_check_add(&check, bytes), CSN_E_REFUSED,
	       "a log that differs at its anchor is refused");
	tap_is(audit_check_add(&check,
			       (struct csn_bytes){ (const uint8_t *)"\x5f", 1 }),
	       CSN_E_PROTOCOL, "an entry that is not dCBOR is refused");
}

int
main(void)
{
	test_tree();
	test_entries();
	test_notes();
	test_check();
	return tap_done();
}
