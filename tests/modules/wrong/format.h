/* One format, the record behind a letter and a dot after it; each file beside it is lax in one way. */
#ifndef CSN_TESTS_MODULES_WRONG_FORMAT_H
#define CSN_TESTS_MODULES_WRONG_FORMAT_H

#include <countersign/format.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdlib.h>

#ifndef IS_SOUND
#define IS_SOUND(in) ((in).len > 2 && (in).ptr[0] == 'r' && (in).ptr[(in).len - 1] == '.')
#endif
#ifndef WIPE
#define WIPE(ptr, len) csn_wipe(ptr, len)
#endif
#ifndef FLAGS
#define FLAGS CSN_BUF_SECRET
#endif
#ifndef LENGTH
#define LENGTH(in) ((in).len - 2)
#endif

static int
encode(void *self, struct csn_bytes record, struct csn_buf **ret_bytes, struct csn_error *err)
{
	const struct csn_host *host = *(const struct csn_host **)self;
	uint8_t               *text = malloc(record.len + 2);

	if (text == NULL || record.len == 0) {
		free(text);
		return host->fail(err, CSN_E_INVALID, "no record or no memory");
	}
	text[0] = 'r';
	memcpy(text + 1, record.ptr, record.len);
	text[record.len + 1] = '.';
	struct csn_buf *buf = host->buf_new(text, record.len + 2, FLAGS);
	WIPE(text, record.len + 2);
	free(text);
	if (buf == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	*ret_bytes = buf;
	return CSN_OK;
}

static int
decode(void *self, struct csn_bytes in, struct csn_buf **ret_record, struct csn_error *err)
{
	const struct csn_host *host = *(const struct csn_host **)self;

	if (!IS_SOUND(in))
		return host->fail(err, CSN_E_PROTOCOL, "not a record");
	struct csn_buf *buf = host->buf_new(in.ptr + 1, LENGTH(in), CSN_BUF_SECRET);
	if (buf == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	*ret_record = buf;
	return CSN_OK;
}

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	const struct csn_host **me = malloc(sizeof *me);

	(void)config;
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory");
	*me       = host;
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	free(self);
}

static const struct csn_format_ops ops = { .size = sizeof ops, .encode = encode, .decode = decode };

static const struct csn_component component = {
	.size = sizeof component, .kind = CSN_KIND_FORMAT, .name = "wrong",
	.summary = "is lax in one way", .create = create, .destroy = destroy, .ops.format = &ops,
};

CSN_PLUGIN(format_wrong, .abi_minor = 9, .version = "1", .license = "Apache-2.0",
           .components = CSN_LIST(&component));

#endif
