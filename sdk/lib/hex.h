/* Bytes as hexadecimal digits and back: which digits go is said here once. [any] */
#ifndef CSN_LIB_HEX_H
#define CSN_LIB_HEX_H

#include <stdbool.h>

#include <countersign/types.h>

enum csn_hex {
	CSN_HEX_LOWER, /* as programs write them: one way to write each byte    */
	CSN_HEX_ANY,   /* as people type them: A to F as well                    */
};

/* Is @text the digits of @len bytes and nothing else?  Untouched when it is not. */
bool csn_hex_read(struct csn_bytes text, enum csn_hex digits, uint8_t *ret_bytes, size_t len);
/* 2 * @len digits, lower case, and a zero. */
void csn_hex_write(const uint8_t *bytes, size_t len, char *ret_text);

#endif
