/* format/cbor: a good record passes unchanged both ways, others not at all. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/format.h>

#define WIFI_OPEN 0xa1, 0x03, 0xa1, 0x01, 0x81, 0xa2, 0x01, 0x41, 'x', 0x02

static const struct {
	const char   *what, *because; /* NULL: passes                           */
	const uint8_t bytes[24];
	size_t        len;
} cases[] = {
	{ "an empty record", NULL, { 0xa0 }, 1 },
	{ "one open network", NULL, { WIFI_OPEN, 0x00 }, 11 },
	{ "an unknown unsigned member", NULL, { 0xa1, 0x09, 0x01 }, 3 },
	{ "a network without its passphrase",
	  "config.wifi[0]: needs a passphrase for this auth (BODY_SYNTAX)",
	  { WIFI_OPEN, 0x01 }, 11 },
	{ "an unknown negative member",
	  "record: an unknown critical (negative) key (BODY_CRITICAL)", { 0xa1, 0x20, 0x01 }, 3 },
	{ "a reference to nothing",
	  "firmware.attachment: names an id that is not in attachments (BODY_REF)",
	  { 0xa1, 0x04, 0xa2, 0x01, 0x40, 0x02, 0x41, 'a' }, 8 },
	{ "a byte after the record", "record: is not deterministic CBOR (BODY_SYNTAX)",
	  { 0xa0, 0x00 }, 2 },
	{ "a long head", "record: is not deterministic CBOR (BODY_SYNTAX)",
	  { 0xb8, 0x00 }, 2 },
	{ "nothing", "record: is not deterministic CBOR (BODY_SYNTAX)", { 0 }, 0 },
	{ "an array", "record: needs to be a map (BODY_SYNTAX)", { 0x80 }, 1 },
};

int
main(void)
{
	struct fakehost            *fake      = fakehost_new(false);
	const struct csn_host      *host      = fakehost_host(fake);
	const struct csn_component *component = fakehost_load("format/cbor");
	const struct csn_format_ops *ops      = component->ops.format;
	struct csn_error            err       = { 0 };
	void                       *self      = NULL;
	static uint8_t              big[32769];

	tap_is(fakehost_create(fake, component, NULL, &self, &err), CSN_OK, "it is made");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int way = 0; way < 2; way++) {
			struct csn_bytes in   = { cases[i].bytes, cases[i].len }, out;
			struct csn_buf  *made = NULL;
			bool             good = cases[i].because == NULL;
			err.text[0]           = '\0';
			int r = (way == 0 ? ops->decode : ops->encode)(self, in, &made, &err);
			out   = made == NULL ? CSN_BYTES_NONE : host->buf_bytes(made);
			tap_ok(good ? r == CSN_OK && out.len == in.len &&
			                              memcmp(out.ptr, in.ptr, in.len) == 0
			            : r == CSN_E_PROTOCOL && made == NULL &&
			                              strcmp(err.text, cases[i].because) == 0,
			       "%s %s, %s", cases[i].what, good ? "passes" : "is refused",
			       way == 0 ? "in" : "out");
			host->buf_unref(made);
		}
	struct csn_buf *made = NULL;
	tap_is(ops->decode(self, CSN_BYTES_OF(big), &made, &err), CSN_E_TOO_BIG,
	       "a record of 32769 bytes is over the bound");
	component->destroy(self);
	fakehost_free(fake);
	return tap_done();
}
