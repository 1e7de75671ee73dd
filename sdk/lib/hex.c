#include "lib/hex.h"

static int
value_of(uint8_t c, enum csn_hex digits)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (digits == CSN_HEX_ANY && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
csn_hex_read(struct csn_bytes text, enum csn_hex digits, uint8_t *ret_bytes, size_t len)
{
	if (len > SIZE_MAX / 2 || text.len != 2 * len)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (value_of(text.ptr[i], digits) < 0)
			return false;
	for (size_t i = 0; i < len; i++)
		ret_bytes[i] = (uint8_t)(value_of(text.ptr[2 * i], digits) << 4 |
		                         value_of(text.ptr[2 * i + 1], digits));
	return true;
}

void
csn_hex_write(const uint8_t *bytes, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[bytes[i] >> 4];
		ret_text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
}
