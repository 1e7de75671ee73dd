#include "json.h"

#include <stdlib.h>

#define INDENT 2

static int
refuse(const struct csn_host *host, const struct json_place *place, struct csn_error *err)
{
	return host->fail(err, CSN_E_PROTOCOL, "%s: %s",
	                  place->len == 0 ? "record" : place->path, place->text);
}

/* The whole schema, as a device will judge it. */
static int
check_record(const struct csn_host *host, struct csn_bytes record, struct csn_error *err)
{
	struct csn_body_place place = { 0 };

	int code = csn_body_record_check(record, 0, &place);
	if (code == 0)
		return CSN_OK;
	return host->fail(err, CSN_E_PROTOCOL, "%s: %s",
	                  place.path[0] == '\0' ? "record" : place.path, place.text);
}

static int
give(const struct csn_host *host, const void *bytes, size_t len,
     struct csn_buf **ret_buf, struct csn_error *err)
{
	struct csn_buf *buf = host->buf_new(bytes, len, CSN_BUF_SECRET);

	if (buf == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for %zu bytes", len);
	*ret_buf = buf;
	return CSN_OK;
}

static int
decode(void *self, struct csn_bytes in, struct csn_buf **ret_record,
       struct csn_error *err)
{
	const struct csn_host *host  = ((struct json_format *)self)->host;
	struct json_place      place = { 0 };
	struct csn_dcbor_out   out;
	struct csn_bytes       record;
	uint8_t               *buf  = malloc(CSN_CT_MAX);
	json_t                *root = NULL;
	int                    r;

	if (buf == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a record");
	csn_dcbor_out_init(&out, buf, CSN_CT_MAX);
	root = json_read(in, &place);
	if (root == NULL || !json_to_record(root, &out, &place)) {
		r = refuse(host, &place, err);
		goto out;
	}
	if (csn_dcbor_out_end(&out, &record) < 0) {
		r = host->fail(err, CSN_E_TOO_BIG, "record is %zu bytes, needs at most %d",
		               out.len, CSN_CT_MAX);
		goto out;
	}
	r = check_record(host, record, err);
	if (r == CSN_OK)
		r = give(host, record.ptr, record.len, ret_record, err);
out:
	json_wipe(root);
	csn_wipe(buf, CSN_CT_MAX);
	free(buf);
	return r;
}

static int
encode(void *self, struct csn_bytes record, struct csn_buf **ret_bytes,
       struct csn_error *err)
{
	const struct csn_host *host  = ((struct json_format *)self)->host;
	struct json_place      place = { 0 };
	const size_t           flags = JSON_INDENT(INDENT);

	int r = check_record(host, record, err);
	if (r < 0)
		return r;
	json_t *root = json_from_record(record, &place);
	if (root == NULL)
		return refuse(host, &place, err);

	size_t len  = json_dumpb(root, NULL, 0, flags);
	char  *text = malloc(len + 1);
	if (text == NULL || json_dumpb(root, text, len, flags) != len) {
		r = host->fail(err, CSN_E_NOMEM, "no memory for %zu bytes of JSON", len);
		goto out;
	}
	text[len] = '\n';
	r         = give(host, text, len + 1, ret_bytes, err);
out:
	json_wipe(root);
	if (text != NULL)
		csn_wipe(text, len + 1);
	free(text);
	return r;
}

const struct csn_format_ops json_format_ops = {
	.size   = sizeof json_format_ops,
	.encode = encode,
	.decode = decode,
};
