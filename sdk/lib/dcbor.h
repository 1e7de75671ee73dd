/*
 * Deterministic CBOR as protocol.md section 2 narrows it.
 *
 * Reading is two steps: csn_dcbor_check() judges the whole item once, then a cursor
 * walks it.  The cursor never reads outside its bytes, even over an item that was not
 * checked, but only a checked item is known to be deterministic.  Errors stick: read
 * everything, then ask csn_dcbor_in_end() once.
 *
 * Pure functions, no allocation; all are [any].  Bytes handed out are borrowed from
 * the input.
 */
#ifndef CSN_LIB_DCBOR_H
#define CSN_LIB_DCBOR_H

#include <stdbool.h>

#include <countersign/types.h>

#define CSN_DCBOR_DEPTH_MAX 8
#define CSN_DCBOR_ITEMS_MAX 4096

enum csn_dcbor_type {
	CSN_DCBOR_END   = 0, /* no byte left, or the cursor is bad            */
	CSN_DCBOR_UINT  = 1,
	CSN_DCBOR_NINT  = 2, /* the integer -1 - argument                     */
	CSN_DCBOR_BYTES = 3,
	CSN_DCBOR_TEXT  = 4,
	CSN_DCBOR_ARRAY = 5,
	CSN_DCBOR_MAP   = 6,
	CSN_DCBOR_FALSE = 7,
	CSN_DCBOR_TRUE  = 8,
	CSN_DCBOR_NULL  = 9,
};

/* CSN_OK when @item is exactly one dCBOR item by every rule, else CSN_E_PROTOCOL. */
int csn_dcbor_check(struct csn_bytes item);

/* A cursor over the bytes of one item, or of a run of items. */
struct csn_dcbor_in {
	const uint8_t *pos, *end;
	bool           bad; /* sticky: something was not as asked for         */
};

void csn_dcbor_in_init(struct csn_dcbor_in *in, struct csn_bytes bytes);

/* The type of the next item; nothing is consumed. */
enum csn_dcbor_type csn_dcbor_peek(const struct csn_dcbor_in *in);

/*
 * Each takes the next item when it has the type and lies in the bounds named (both
 * ends included), else makes the cursor bad and returns 0, an empty value or false.
 */
uint64_t         csn_dcbor_uint(struct csn_dcbor_in *in, uint64_t max);
int64_t          csn_dcbor_int(struct csn_dcbor_in *in);
struct csn_bytes csn_dcbor_bytes(struct csn_dcbor_in *in, size_t min, size_t max);
struct csn_bytes csn_dcbor_text(struct csn_dcbor_in *in, size_t min, size_t max);
bool             csn_dcbor_bool(struct csn_dcbor_in *in);

/* Takes a byte string of exactly @len bytes and copies it to @ret. */
void csn_dcbor_copy(struct csn_dcbor_in *in, uint8_t *ret, size_t len);

/* Opens an array or map of min..max members or pairs; the count is returned. */
size_t csn_dcbor_array(struct csn_dcbor_in *in, size_t min, size_t max);
size_t csn_dcbor_map(struct csn_dcbor_in *in, size_t min, size_t max);

/* Takes a null when one is next and says so; anything else is left alone. */
bool csn_dcbor_null(struct csn_dcbor_in *in);

/* Takes the next item whole, whatever it is: its encoding. */
struct csn_bytes csn_dcbor_item(struct csn_dcbor_in *in);

/* Makes the cursor bad. */
void csn_dcbor_fail(struct csn_dcbor_in *in);

/* CSN_OK when nothing went wrong and no byte is left, else CSN_E_PROTOCOL. */
int csn_dcbor_in_end(const struct csn_dcbor_in *in);

/*
 * A writer to a fixed buffer.  Overflow sticks, @len keeps counting what would have
 * been written: with buf NULL and cap 0 it measures.  The writer makes shortest heads;
 * the order of map keys is the caller's.
 */
struct csn_dcbor_out {
	uint8_t *buf;
	size_t   cap, len;
};

void csn_dcbor_out_init(struct csn_dcbor_out *out, uint8_t *buf, size_t cap);
void csn_dcbor_put_uint(struct csn_dcbor_out *out, uint64_t value);
void csn_dcbor_put_int(struct csn_dcbor_out *out, int64_t value);
void csn_dcbor_put_bytes(struct csn_dcbor_out *out, struct csn_bytes bytes);
void csn_dcbor_put_text(struct csn_dcbor_out *out, const char *text);
void csn_dcbor_put_text_n(struct csn_dcbor_out *out, struct csn_bytes text);
void csn_dcbor_put_array(struct csn_dcbor_out *out, size_t members);
void csn_dcbor_put_map(struct csn_dcbor_out *out, size_t pairs);
void csn_dcbor_put_bool(struct csn_dcbor_out *out, bool value);
void csn_dcbor_put_null(struct csn_dcbor_out *out);

/* An item already encoded; empty bytes write null. */
void csn_dcbor_put_item(struct csn_dcbor_out *out, struct csn_bytes item);

/* The head of a byte string of @len bytes that the caller keeps elsewhere. */
void csn_dcbor_put_bytes_head(struct csn_dcbor_out *out, size_t len);
/* Bytes as they are, also none. */
void csn_dcbor_put_raw(struct csn_dcbor_out *out, struct csn_bytes bytes);

/* A byte string of @len bytes at @ptr; NULL writes null. */
void csn_dcbor_put_hash(struct csn_dcbor_out *out, const uint8_t *ptr, size_t len);

/* Begins L(label, ...) with @members more items to follow. */
void csn_dcbor_put_label(struct csn_dcbor_out *out, const char *label, size_t members);

/* CSN_OK and the bytes written, or CSN_E_TOO_BIG when they did not fit. */
int csn_dcbor_out_end(const struct csn_dcbor_out *out, struct csn_bytes *ret_bytes);

#endif
