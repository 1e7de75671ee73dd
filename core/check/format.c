/* Formats: there and back, and nothing but what was meant. */
#include "core/check/check.h"

#include <countersign/format.h>

#include <stdio.h>
#include <stdlib.h>

/* { 3: { 1: [ { 1: "net", 2: 0 } ] } }: one open network. */
static const uint8_t record[] = { 0xa1, 0x03, 0xa1, 0x01, 0x81, 0xa2, 0x01, 0x43,
	                          'n',  'e',  't',  0x02, 0x00 };

static int
decode(struct csn_bytes in, struct csn_buf **ret_buf)
{
	struct csn_error err = { 0 };

	enter("decode");
	int r = bench.component->ops.format->decode(bench.self, in, ret_buf, &err);
	leave();
	return r;
}

static void
check_strange(const char *what, struct csn_bytes in)
{
	struct csn_buf *buf = NULL;

	check_doing("decoding %s", what);
	int r = decode(in, &buf);
	check_ok(r < 0 && buf == NULL, "%s is refused", what);
	csn_buf_unref(buf);
}

/* What encode wrote, and the same with something behind it. */
static void
check_back(struct csn_bytes text)
{
	struct csn_buf *back   = NULL;
	uint8_t        *longer = malloc(text.len + 1);

	int r = decode(text, &back);
	check_ok(r == CSN_OK && csn_buf_bytes(back).len == sizeof record &&
	                 memcmp(csn_buf_bytes(back).ptr, record, sizeof record) == 0,
	         "a record comes back as it went in");
	csn_buf_unref(back);
	if (longer == NULL)
		return;
	memcpy(longer, text.ptr, text.len);
	longer[text.len] = 0;
	check_strange("a byte behind the end", (struct csn_bytes){ longer, text.len + 1 });
	check_strange("half a text", (struct csn_bytes){ longer, text.len / 2 });
	free(longer);
}

void
check_format(void)
{
	const struct csn_format_ops *ops = bench.component->ops.format;
	struct csn_buf              *text = NULL;
	struct csn_error             err = { 0 };

	check_strange("nothing", CSN_BYTES_NONE);
	check_strange("noise", (struct csn_bytes){ (const uint8_t *)"\xff\xfe\x00\x9f!", 5 });
	if (!CSN_HAS(ops, encode)) {
		check_skip("there and back: there is no encode");
		return;
	}
	check_doing("encoding a record");
	enter("encode");
	int r = ops->encode(bench.self, (struct csn_bytes){ record, sizeof record }, &text, &err);
	leave();
	if (check_ok(r == CSN_OK && csn_buf_bytes(text).len > 0, "a record is encoded%s%s",
	             r < 0 ? ": " : "", r < 0 ? csn_error_text(&err) : ""))
		check_back(csn_buf_bytes(text));
	csn_buf_unref(text);
}
