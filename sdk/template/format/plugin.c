/* A format of hexadecimal digits: two for each byte of the record. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/format.h>

#include <stdlib.h>

struct instance {
	const struct csn_host *host;
	uint32_t               limit;
};

static const struct csn_option options[] = {
	CSN_OPTION_U32(struct instance, limit, 65536, 1, 1048576, "largest record, in bytes"),
	CSN_OPTION_END
};

static const char digits[] = "0123456789abcdef";

/* Hands @room over as a secret buffer and leaves no copy behind. */
static int
finish(const struct instance *me, uint8_t *room, size_t len, struct csn_buf **ret_buf,
       struct csn_error *err)
{
	struct csn_buf *buf = me->host->buf_new(room, len, CSN_BUF_SECRET);

	csn_wipe(room, len);
	free(room);
	if (buf == NULL)
		return me->host->fail(err, CSN_E_NOMEM, "no memory for a record");
	*ret_buf = buf;
	return CSN_OK;
}

static int
encode(void *self, struct csn_bytes record, struct csn_buf **ret_bytes, struct csn_error *err)
{
	const struct instance *me = self;

	if (record.len == 0 || record.len > me->limit)
		return me->host->fail(err, CSN_E_TOO_BIG, "record is %zu bytes, 1 to %u fit",
		                      record.len, (unsigned)me->limit);
	uint8_t *text = malloc(2 * record.len);
	if (text == NULL)
		return me->host->fail(err, CSN_E_NOMEM, "no memory for a text");
	for (size_t i = 0; i < record.len; i++) {
		text[2 * i]     = (uint8_t)digits[record.ptr[i] >> 4];
		text[2 * i + 1] = (uint8_t)digits[record.ptr[i] & 15];
	}
	return finish(me, text, 2 * record.len, ret_bytes, err);
}

static int
digit(uint8_t c)
{
	const char *at = c != 0 ? memchr(digits, c, 16) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

static int
decode(void *self, struct csn_bytes in, struct csn_buf **ret_record, struct csn_error *err)
{
	const struct instance *me = self;

	if (in.len == 0 || in.len % 2 != 0 || in.len / 2 > me->limit)
		return me->host->fail(err, CSN_E_PROTOCOL,
		                      "%zu characters: wanted an even number, 2 to %zu", in.len,
		                      (size_t)me->limit * 2);
	uint8_t *record = malloc(in.len / 2);
	if (record == NULL)
		return me->host->fail(err, CSN_E_NOMEM, "no memory for a record");
	for (size_t i = 0; i < in.len / 2; i++) {
		int high = digit(in.ptr[2 * i]), low = digit(in.ptr[2 * i + 1]);

		if (high < 0 || low < 0) {
			csn_wipe(record, i);
			free(record);
			return me->host->fail(err, CSN_E_PROTOCOL,
			                      "character %zu or the next is no digit 0-9 a-f",
			                      2 * i + 1);
		}
		record[i] = (uint8_t)(high << 4 | low);
	}
	return finish(me, record, in.len / 2, ret_record, err);
}

static const struct csn_format_ops ops = {
	.size   = sizeof ops,
	.encode = encode,
	.decode = decode,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_FORMAT,
	.name    = "@NAME@",
	.summary = "writes a record as hexadecimal digits",
	.options = options,
	.create  = create,
	.destroy = destroy,
	.ops.format = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for @KIND@ @NAME@");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
	if (r < 0) {
		destroy(me);
		return r;
	}
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct instance *me = self;

	if (me == NULL)
		return;
	free(me);
}

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
