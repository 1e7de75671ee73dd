/* Counted bytes in one allocation. */
#include "core/base/buf.h"

#include <stdatomic.h>
#include <stdlib.h>

struct csn_buf {
	atomic_uint refs;
	uint32_t    flags;
	size_t      len;
	uint8_t     bytes[];
};

struct csn_buf *
csn_buf_new(const void *bytes, size_t len, uint32_t flags)
{
	struct csn_buf *buf;

	if ((bytes == NULL && len > 0) || len > SIZE_MAX - sizeof *buf)
		return NULL;
	buf = malloc(sizeof *buf + len);
	if (buf == NULL)
		return NULL;
	atomic_init(&buf->refs, 1);
	buf->flags = flags;
	buf->len = len;
	if (len > 0)
		memcpy(buf->bytes, bytes, len);
	return buf;
}

struct csn_buf *
csn_buf_ref(struct csn_buf *buf)
{
	if (buf != NULL)
		atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
	return buf;
}

void
csn_buf_unref(struct csn_buf *buf)
{
	if (buf == NULL ||
	    atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (buf->flags & CSN_BUF_SECRET)
		csn_wipe(buf->bytes, buf->len);
	free(buf);
}

struct csn_bytes
csn_buf_bytes(const struct csn_buf *buf)
{
	if (buf == NULL)
		return CSN_BYTES_NONE;
	return (struct csn_bytes){ buf->bytes, buf->len };
}
