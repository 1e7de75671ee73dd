/*
 * A bounded cursor over DER: short and one or two byte lengths, shortest form only,
 * which is enough for a certificate of 2048 bytes.  Errors stick, as in dcbor.h.
 */
#ifndef CSN_LIB_DER_H
#define CSN_LIB_DER_H

#include <stdbool.h>

#include <countersign/types.h>

enum csn_der_tag {
	CSN_DER_BOOLEAN      = 0x01,
	CSN_DER_INTEGER      = 0x02,
	CSN_DER_BIT_STRING   = 0x03,
	CSN_DER_OCTET_STRING = 0x04,
	CSN_DER_OID          = 0x06,
	CSN_DER_UTC_TIME     = 0x17,
	CSN_DER_TIME         = 0x18,
	CSN_DER_SEQUENCE     = 0x30,
	CSN_DER_SET          = 0x31,
	CSN_DER_VERSION      = 0xa0, /* [0] of a certificate                    */
	CSN_DER_EXTENSIONS   = 0xa3, /* [3] of a certificate                    */
};

struct csn_der {
	const uint8_t *pos, *end;
	bool           bad;
};

void csn_der_init(struct csn_der *in, struct csn_bytes bytes);
/* Is the next element of @tag? */
bool csn_der_next(const struct csn_der *in, uint8_t tag);
/* Is anything left, and nothing wrong? */
bool csn_der_more(const struct csn_der *in);
/* Takes the next element, which must be of @tag: its content, or the whole of it. */
struct csn_bytes csn_der_take(struct csn_der *in, uint8_t tag);
struct csn_bytes csn_der_take_raw(struct csn_der *in, uint8_t tag);
/* Takes the next element, whatever it is. */
void csn_der_skip(struct csn_der *in);
/* Opens a constructed element as a cursor of its own; a bad one is empty and bad. */
struct csn_der csn_der_open(struct csn_der *in, uint8_t tag);
/* Takes an element that must be @want to the byte. */
void csn_der_expect(struct csn_der *in, struct csn_bytes want);
/* Takes an INTEGER >= 0: its magnitude without leading zeros, empty for 0. */
struct csn_bytes csn_der_unsigned(struct csn_der *in);
/* Takes a BOOLEAN that differs from its default: TRUE. */
void csn_der_true(struct csn_der *in);
/* CSN_OK when nothing went wrong and nothing is left. */
int csn_der_end(const struct csn_der *in);

#endif
