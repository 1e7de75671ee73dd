#include "json.h"

#include "lib/hex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

size_t
json_enter(struct json_place *place, const char *fmt, ...)
{
	size_t  before = place->len, room = sizeof place->path - before;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(place->path + before, room, fmt, args);
	va_end(args);
	if (n > 0)
		place->len += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

void
json_leave(struct json_place *place, size_t before)
{
	place->len          = before;
	place->path[before] = '\0';
}

bool
json_complain(struct json_place *place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(place->text, sizeof place->text, fmt, args);
	va_end(args);
	return false;
}

/* The word at the start of a string that says how its bytes are written. */
enum prefix { PLAIN, HEX, BASE64, TEXT };

static const char *const prefixes[] = { [HEX]    = "hex:",
	                                [BASE64] = "base64:",
	                                [TEXT]   = "text:" };

static enum prefix
prefix_of(const char *s, size_t len, size_t *ret_skip)
{
	for (enum prefix p = HEX; p <= TEXT; p++) {
		size_t n = strlen(prefixes[p]);
		if (len >= n && memcmp(s, prefixes[p], n) == 0) {
			*ret_skip = n;
			return p;
		}
	}
	*ret_skip = 0;
	return PLAIN;
}

static bool
parse_hex(const char *s, size_t len, uint8_t *buf, size_t cap, size_t *ret_len)
{
	if (len / 2 > cap || !csn_hex_read((struct csn_bytes){ (const uint8_t *)s, len },
	                                   CSN_HEX_ANY, buf, len / 2))
		return false;
	*ret_len = len / 2;
	return true;
}

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648 section 4: padded, and no bit set that stands for nothing. */
static bool
parse_base64(const char *s, size_t len, uint8_t *buf, size_t cap, size_t *ret_len)
{
	size_t pad = len >= 1 && s[len - 1] == '=' ? len >= 2 && s[len - 2] == '=' ? 2 : 1 : 0;
	size_t want = len / 4 * 3 - pad, at = 0;
	uint32_t bits = 0;

	if (len % 4 != 0 || want > cap)
		return false;
	for (size_t i = 0; i < len - pad; i++) {
		const char *p = s[i] == '\0' ? NULL : strchr(alphabet, s[i]);
		if (p == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(p - alphabet);
		if (i % 4 != 0)
			buf[at++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	if (pad > 0 && (bits & (pad == 1 ? 0x3u : 0xfu)) != 0)
		return false;
	*ret_len = want;
	return at == want;
}

bool
json_bytes_parse(const char *s, size_t len, uint8_t *buf, size_t cap, size_t *ret_len,
                 bool *ret_is_text)
{
	size_t      skip;
	enum prefix p = prefix_of(s, len, &skip);

	s += skip;
	len -= skip;
	*ret_is_text = p == PLAIN || p == TEXT;
	if (p == HEX)
		return parse_hex(s, len, buf, cap, ret_len);
	if (p == BASE64)
		return parse_base64(s, len, buf, cap, ret_len);
	if (len > cap)
		return false;
	memcpy(buf, s, len);
	*ret_len = len;
	return true;
}

/* A JSON string of a prefix and @body, wiped after. */
static json_t *
prefixed(enum prefix p, const char *body, size_t len)
{
	const char *prefix = p == PLAIN ? "" : prefixes[p];
	size_t      n      = strlen(prefix);
	char       *s      = malloc(n + len + 1);

	if (s == NULL)
		return NULL;
	memcpy(s, prefix, n);
	if (len > 0)
		memcpy(s + n, body, len);
	json_t *made = json_stringn(s, n + len);
	csn_wipe(s, n + len);
	free(s);
	return made;
}

json_t *
json_text_make(struct csn_bytes text)
{
	size_t      skip;
	const char *s = (const char *)text.ptr;

	return prefixed(prefix_of(s, text.len, &skip) == PLAIN ? PLAIN : TEXT, s, text.len);
}

static bool
is_printable(struct csn_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.ptr[i] < 0x20 || bytes.ptr[i] > 0x7e)
			return false;
	return true;
}

static void
write_base64(struct csn_bytes bytes, char *out)
{
	for (size_t i = 0; i < bytes.len; i += 3, out += 4) {
		size_t   n    = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = (uint32_t)bytes.ptr[i] << 16;
		bits |= n > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0;
		bits |= n > 2 ? bytes.ptr[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			out[k] = k <= n ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
	}
}

json_t *
json_bytes_make(struct csn_bytes bytes)
{
	bool   hex = bytes.len <= 64;
	size_t len = hex ? 2 * bytes.len : (bytes.len + 2) / 3 * 4;

	if (bytes.len > 0 && is_printable(bytes))
		return json_text_make(bytes);
	char *s = calloc(1, len + 1);
	if (s == NULL)
		return NULL;
	if (hex)
		csn_hex_write(bytes.ptr, bytes.len, s);
	else
		write_base64(bytes, s);
	json_t *made = prefixed(hex ? HEX : BASE64, s, len);
	csn_wipe(s, len);
	free(s);
	return made;
}

json_t *
json_time_make(uint32_t stamp)
{
	char      text[32];
	time_t    at = (time_t)stamp + CSN_STAMP_EPOCH;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return NULL;
	return json_string(text);
}

bool
json_time_parse(const char *s, uint32_t *ret_stamp)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm         tm      = { 0 };
	char              again[32];

	if (strlen(s) != sizeof shape - 1)
		return false;
	for (size_t i = 0; i < sizeof shape - 1; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	tm.tm_year = atoi(s) - 1900;
	tm.tm_mon  = atoi(s + 5) - 1;
	tm.tm_mday = atoi(s + 8);
	tm.tm_hour = atoi(s + 11);
	tm.tm_min  = atoi(s + 14);
	tm.tm_sec  = atoi(s + 17);
	time_t at  = timegm(&tm);
	/* timegm moves the 31st of June on; a date that is one comes back the same. */
	if (strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
	    strcmp(again, s) != 0 || at < CSN_STAMP_EPOCH ||
	    at - CSN_STAMP_EPOCH > (time_t)UINT32_MAX)
		return false;
	*ret_stamp = (uint32_t)(at - CSN_STAMP_EPOCH);
	return true;
}

json_t *
json_read(struct csn_bytes in, struct json_place *place)
{
	json_error_t error;

	if (in.len > JSON_INPUT_MAX) {
		json_complain(place, "%zu bytes, needs at most %d", in.len, JSON_INPUT_MAX);
		return NULL;
	}
	json_t *root = json_loadb((const char *)in.ptr, in.len, JSON_REJECT_DUPLICATES,
	                          &error);
	/* The text of the error may quote the file; secrets stay out of it. */
	if (root == NULL) {
		static const struct {
			enum json_error_code code;
			const char          *text;
		} texts[] = {
			{ json_error_duplicate_key, "a key is there twice" },
			{ json_error_end_of_input_expected, "something follows the object" },
			{ json_error_invalid_utf8, "is not UTF-8" },
			{ json_error_null_byte_in_key, "a key has a NUL in it" },
			{ json_error_null_character, "a NUL character" },
			{ json_error_numeric_overflow, "a number out of range" },
			{ json_error_premature_end_of_input, "ends too early" },
		};
		const char *text = "is not JSON";
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			if (texts[i].code == json_error_code(&error))
				text = texts[i].text;
		json_complain(place, "line %d, column %d: %s", error.line, error.column, text);
		return NULL;
	}
	if (!json_is_object(root)) {
		json_complain(place, "needs to be an object");
		json_decref(root);
		return NULL;
	}
	return root;
}

static void
wipe_strings(json_t *value)
{
	const char *key;
	json_t     *member;
	size_t      i;

	if (json_is_string(value))
		csn_wipe((void *)(uintptr_t)json_string_value(value),
		         json_string_length(value));
	json_array_foreach(value, i, member)
		wipe_strings(member);
	json_object_foreach(value, key, member)
		wipe_strings(member);
}

void
json_wipe(json_t *root)
{
	if (root != NULL)
		wipe_strings(root);
	json_decref(root);
}
