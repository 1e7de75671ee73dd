/* Counted, immutable bytes; the last reference wipes them if they are secret. [any] */
#ifndef CSN_CORE_BUF_H
#define CSN_CORE_BUF_H

#include <countersign/host.h>

struct csn_buf *csn_buf_new(const void *bytes, size_t len, uint32_t flags);
struct csn_buf *csn_buf_ref(struct csn_buf *buf);
void csn_buf_unref(struct csn_buf *buf);                   /* NULL is fine */
struct csn_bytes csn_buf_bytes(const struct csn_buf *buf); /* NULL: none   */

#endif
