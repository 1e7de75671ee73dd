/*
 * Attachments as a device takes them: chunk by chunk in any order, one chunk in RAM.
 * Nothing may be used before csn_bulk_end() said 0.
 */
#ifndef CSN_DEVICE_BULK_H
#define CSN_DEVICE_BULK_H

#include "lib/attachment.h"
#include "lib/body.h"

/* 191 when a stream of @stream_len bytes cannot be this attachment, else 0. */
int csn_bulk_length(const struct csn_attachment_row *row, uint64_t stream_len);

/*
 * Opens chunk @index into @ret_plain (CSN_ATT_CHUNK bytes); 0, 191 or 192.  The caller
 * stores it at @index times CSN_ATT_CHUNK.
 */
int csn_bulk_chunk(const struct csn_crypto *crypto, unsigned suite,
                   const struct csn_attachment_row *row, uint32_t index,
                   struct csn_bytes sealed, uint8_t *ret_plain, size_t *ret_len);

/* 0, or 193 when the plaintext @parts, one after the other, are not what the body said. */
int csn_bulk_end(const struct csn_crypto *crypto, const struct csn_attachment_row *row,
                 const struct csn_bytes *parts, size_t count);

#endif
