/* sdk/lib/frag and attachment: any order of arrival, every cap, both ends of a size. */
#include "kit/tap.h"
#include "lib/attachment.h"
#include "lib/crypto-openssl.h"
#include "lib/csgn1.h"
#include "lib/frag.h"

static const uint8_t        sid4[4] = { 1, 2, 3, 4 };
static struct csn_frag_join join;
static uint8_t              room[CSN_M0B_MAX];

static struct csn_bytes
message(size_t len)
{
	static uint8_t bytes[CSN_M0B_MAX + 1];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	return (struct csn_bytes){ bytes, len };
}

/* Makes and adds fragment @index; the code of whichever refused first. */
static int
add(struct csn_bytes m, unsigned msg, size_t size, size_t index, bool *ret_done)
{
	static uint8_t  buf[CSN_M0B_MAX + CSN_FRAG_OVERHEAD];
	struct csn_frag frag;
	size_t          len;

	int r = csn_frag_make(m, sid4, msg, size, index, buf, sizeof buf, &len);
	if (r == 0)
		r = csn_frag_parse((struct csn_bytes){ buf, len }, &frag);
	return r != 0 ? r : csn_frag_join_add(&join, &frag, ret_done);
}

static bool
joined(struct csn_bytes m)
{
	struct csn_bytes got = csn_frag_join_message(&join);

	return got.len == m.len && memcmp(got.ptr, m.ptr, m.len) == 0;
}

static void
test_sizes(void)
{
	static const struct {
		size_t len, size, count;
	} cases[] = {
		{ 1, 1, 1 },       { 1, 200, 1 },     { 200, 200, 1 }, { 201, 200, 2 },
		{ 1024, 1, 1024 }, { 40960, 40, 1024 }, { 65535, 1000, 66 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_bytes m    = message(cases[i].len);
		size_t           n    = cases[i].count;
		unsigned         msg  = cases[i].len > CSN_M1_MAX ? CSN_M0B : CSN_M1;
		bool             good = csn_frag_count(m.len, cases[i].size) == n, done = false;
		csn_frag_join_init(&join, room, sizeof room);
		/* Backwards, so the last one waits longest; each twice. */
		for (size_t k = 0; k < n; k++)
			for (int twice = 0; twice < 2; twice++)
				good = good &&
				       add(m, msg, cases[i].size, n - 1 - k, &done) == 0 &&
				       done == (k + 1 == n);
		tap_ok(good && joined(m), "%zu bytes in %zu fragments, backwards, each twice",
		       cases[i].len, n);
	}
	tap_is((long long)csn_frag_count(1025, 1), 0, "1025 fragments are too many");
	tap_is((long long)csn_frag_count(0, 1), 0, "nothing is no fragment");
}

static void
test_refused(void)
{
	struct csn_bytes m    = message(50), other = message(60);
	bool             done = false;

	csn_frag_join_init(&join, room, sizeof room);
	add(m, CSN_M1, 20, 0, &done);
	tap_is(add(other, CSN_M1, 15, 1, &done), CSN_CODE_FRAME_MIX, "another total: 304");
	tap_is(add(message(41), CSN_M1, 19, 1, &done), CSN_CODE_FRAME_MIX, "another size: 304");
	tap_is(add(m, CSN_M4, 20, 1, &done), CSN_E_MISSING, "another message is not this one's");
	tap_is(add(m, CSN_M1, 20, 2, &done), 0, "the last is taken");
	tap_is(add(message(49), CSN_M1, 20, 2, &done), CSN_CODE_FRAME_MIX,
	       "a last one of another length: 304");
	csn_frag_join_reset(&join);
	tap_is(add(message(39), CSN_M1, 20, 1, &done), 0, "after a reset another message begins");
	tap_is(add(message(36), CSN_M1, 18, 0, &done), CSN_CODE_FRAME_MIX,
	       "a last one longer than the others: 304");

	csn_frag_join_init(&join, room, 30);
	tap_is(add(m, CSN_M1, 20, 0, &done), CSN_CODE_FRAME_CAP,
	       "the caller's room is a cap, too: 303");
	csn_frag_join_init(&join, room, sizeof room);
	tap_is(add(message(2049), CSN_M3, 2048, 0, &done), CSN_CODE_FRAME_CAP,
	       "a full first of 2049 bytes of M3 is over its cap: 303");
	tap_is(add(message(42), CSN_M2, 41, 0, &done), CSN_CODE_FRAME_CAP,
	       "and so is M2 of 42 bytes: 303");
	csn_frag_join_init(&join, room, sizeof room);
	tap_is(add(message(2050), CSN_M3, 1025, 1, &done), 0, "half of 2050 bytes may wait");
	tap_is(add(message(2050), CSN_M3, 1025, 0, &done), CSN_CODE_FRAME_CAP,
	       "the other half is over the cap, whichever came first: 303");
	tap_is(add(message(41), CSN_M2, 41, 0, &done), CSN_E_MISSING,
	       "M2 is another message, judged by itself");
}

static void
test_attachment(void)
{
	static const uint8_t     key[32] = { 5 };
	const struct csn_crypto *c       = csn_crypto_openssl();
	struct csn_att  att = { CSN_SUITE_P256, { (const uint8_t *)"fw", 2 }, 16385, key };
	static uint8_t  sealed[CSN_ATT_SEALED], plain[CSN_ATT_CHUNK];
	struct csn_bytes first = { message(CSN_ATT_CHUNK).ptr, CSN_ATT_CHUNK };

	tap_ok(csn_att_chunks(1) == 1 && csn_att_chunks(16384) == 1 &&
	               csn_att_chunks(16385) == 2 && csn_att_chunks(UINT32_MAX) == 262144,
	       "chunks of the smallest, a full, one more and the largest attachment");
	tap_ok(csn_att_stream_len(1048576) == 1049600, "the stream of 1 MiB is as section 14 says");
	tap_ok(csn_att_chunk_len(16385, 1) == 1 && csn_att_chunk_len(16385, 2) == 0 &&
	               csn_att_chunk_len(UINT32_MAX, 262143) == 16383,
	       "lengths of last chunks");
	tap_is(csn_att_seal(c, &att, 0, first, sealed), CSN_OK, "the first chunk is sealed");
	tap_is(csn_att_open(c, &att, 0, CSN_BYTES_OF(sealed), plain), 0, "and opens");
	tap_is(csn_att_open(c, &att, 1, CSN_BYTES_OF(sealed), plain), CSN_CODE_ATT_LENGTH,
	       "not in the place of the short one: 191");
	att.length = 32768;
	tap_is(csn_att_open(c, &att, 0, CSN_BYTES_OF(sealed), plain), CSN_CODE_ATT_CHUNK,
	       "nor for an attachment of another length: 192");
	tap_is(csn_att_seal(c, &att, 0, (struct csn_bytes){ first.ptr, 5 }, sealed),
	       CSN_E_INVALID, "a chunk of the wrong length is not sealed");
}

int
main(void)
{
	test_sizes();
	test_refused();
	test_attachment();
	return tap_done();
}
