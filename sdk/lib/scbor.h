/*
 * CBOR that others wrote: certificates, tokens, reference values.
 *
 * Signed data of the field is not dCBOR: keys stand in any order and tags occur.  What
 * stays strict: definite lengths, shortest heads, UTF-8, no key twice in a map, keys that
 * are integers or text, no floats, no simple values but false, true and null, a bounded
 * depth, size and count, and nothing after the item.
 *
 * csn_scbor_check() judges an item once; a csn_dcbor_in cursor then walks it, with
 * csn_scbor_tag() and csn_scbor_item() where tags may stand.  Pure; all are [any].
 */
#ifndef CSN_LIB_SCBOR_H
#define CSN_LIB_SCBOR_H

#include "lib/dcbor.h"

#define CSN_SCBOR_DEPTH_MAX 16
#define CSN_SCBOR_ITEMS_MAX 8192
#define CSN_SCBOR_PAIRS_MAX 128 /* in one map                                  */
#define CSN_SCBOR_BYTES_MAX ((size_t)1 << 20)

/* CSN_OK when @item is exactly one such item, else CSN_E_PROTOCOL. */
int csn_scbor_check(struct csn_bytes item);

/* Is a tag next, and which?  It is taken; anything else is left alone. */
bool csn_scbor_tag(struct csn_dcbor_in *in, uint64_t *ret_tag);
/* Takes a tag that must be @tag; the cursor is bad when it is another or none. */
void csn_scbor_expect_tag(struct csn_dcbor_in *in, uint64_t tag);
/* Takes the next item whole, tags and all: its encoding. */
struct csn_bytes csn_scbor_item(struct csn_dcbor_in *in);

/*
 * The value under an integer or a text key of the checked map @map: its encoding, or
 * empty when the key is not there or @map is no map.
 */
struct csn_bytes csn_scbor_find(struct csn_bytes map, int64_t label);
struct csn_bytes csn_scbor_find_text(struct csn_bytes map, const char *label);
/* Pairs of a checked map; 0 when it is none. */
size_t csn_scbor_pairs(struct csn_bytes map);

/*
 * What one encoded item holds, when it holds exactly that; false and nothing written
 * otherwise.  Empty bytes are no item.
 */
bool csn_scbor_as_int(struct csn_bytes item, int64_t *ret_value);
bool csn_scbor_as_bytes(struct csn_bytes item, struct csn_bytes *ret_bytes);
bool csn_scbor_as_text(struct csn_bytes item, struct csn_bytes *ret_text);
bool csn_scbor_is_text(struct csn_bytes item, const char *text);

#endif
