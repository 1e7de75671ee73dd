/*
 * Fragments of protocol.md section 12, for channels without framing of their own.
 * Refusals are the positive codes 301 to 304.
 */
#ifndef CSN_LIB_FRAG_H
#define CSN_LIB_FRAG_H

#include <stdbool.h>

#include <countersign/types.h>

#define CSN_FRAG_OVERHEAD  13
#define CSN_FRAG_TOTAL_MAX 1024

/* CRC-32C (Castagnoli) as in RFC 3720: "123456789" gives e3069283. */
uint32_t csn_crc32c(struct csn_bytes bytes);

/* How many fragments of @data_size bytes carry @len bytes; 0 when not 1 to 1024. */
size_t csn_frag_count(size_t len, size_t data_size);
/*
 * Writes fragment @index of @message, its data cut into @data_size bytes.  CSN_OK and
 * the length, CSN_E_INVALID for an index or number out of range, CSN_E_TOO_BIG for a
 * buffer that is too small.
 */
int csn_frag_make(struct csn_bytes message, const uint8_t sid4[4], unsigned msg,
                  size_t data_size, size_t index, uint8_t *buf, size_t cap,
                  size_t *ret_len);

/* One fragment as it came; @data is borrowed. */
struct csn_frag {
	uint8_t          sid4[4];
	uint8_t          msg; /* 1 to 8                                        */
	uint16_t         index, total;
	struct csn_bytes data;
};

/* 0, or 301, 302, or 303 for what a single fragment shows. */
int csn_frag_parse(struct csn_bytes bytes, struct csn_frag *ret_frag);

/*
 * One message under assembly, in the caller's memory.  @buf of @cap bytes bounds the
 * message beside section 11; cap by csn_msg_max() of csgn1.h takes any.
 */
struct csn_frag_join {
	uint8_t *buf;
	size_t   cap;
	bool     used;
	uint8_t  sid4[4], msg;
	uint16_t total, held;
	size_t   size;     /* data bytes of all but the last; 0: not seen yet   */
	size_t   last_len; /* data bytes of the last; 0: not seen yet           */
	uint8_t  seen[CSN_FRAG_TOTAL_MAX / 8];
};

void csn_frag_join_init(struct csn_frag_join *join, uint8_t *buf, size_t cap);
/* Forgets the message, wipes its bytes, keeps the buffer. */
void csn_frag_join_reset(struct csn_frag_join *join);
/* Does @frag belong to the message under assembly?  True for an empty join. */
bool csn_frag_join_is(const struct csn_frag_join *join, const struct csn_frag *frag);
/*
 * Adds a fragment.  0 when it was taken (or held already), 303 or 304 when refused,
 * CSN_E_MISSING when it belongs to another message.  *ret_done says if all is there.
 */
int csn_frag_join_add(struct csn_frag_join *join, const struct csn_frag *frag,
                      bool *ret_done);
/* The whole message, or empty bytes while fragments are missing. */
struct csn_bytes csn_frag_join_message(const struct csn_frag_join *join);

#endif
