#include "cbor.h"

#include "lib/body.h"

/* One way or the other the bytes are the same; only what is good passes. */
static int
pass(void *self, struct csn_bytes bytes, struct csn_buf **ret_buf, struct csn_error *err)
{
	const struct csn_host *host  = ((struct cbor_format *)self)->host;
	struct csn_body_place  place = { 0 };

	if (bytes.len > CSN_CT_MAX)
		return host->fail(err, CSN_E_TOO_BIG, "record is %zu bytes, needs at most %d",
		                  bytes.len, CSN_CT_MAX);
	int code = csn_body_record_check(bytes, 0, &place);
	if (code != 0)
		return host->fail(err, CSN_E_PROTOCOL, "%s: %s (%s)",
		                  place.path[0] == '\0' ? "record" : place.path, place.text,
		                  csn_code_name(code));
	struct csn_buf *buf = host->buf_new(bytes.ptr, bytes.len, CSN_BUF_SECRET);
	if (buf == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a record of %zu bytes",
		                  bytes.len);
	*ret_buf = buf;
	return CSN_OK;
}

const struct csn_format_ops cbor_format_ops = {
	.size   = sizeof cbor_format_ops,
	.encode = pass,
	.decode = pass,
};
