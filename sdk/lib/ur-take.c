/*
 * The receiver: parts are equations over GF(2), kept in echelon form, so that a message is
 * known as soon as enough independent parts are there, whichever.
 */
#include "lib/ur-int.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 64, TEXT_MAX = 16384 };

struct csn_ur_receiver {
	size_t                message_max;
	char                  type[CSN_UR_TYPE_MAX + 1];
	uint32_t              count, crc, have; /* count 0: nothing came yet */
	size_t                len, piece, words;
	uint64_t             *rows; /* count rows of words; row i begins with piece i */
	uint8_t              *sums; /* what each of them sums to */
	bool                 *held;
	uint8_t              *one; /* a message of one part */
	bool                  complete;
	uint64_t              row[CSN_UR_PARTS_MAX / WORD];
	uint8_t               bytes[TEXT_MAX / 2];
	uint8_t               data[TEXT_MAX / 2];
	struct csn_ur_weights weights;
};

struct csn_ur_receiver *
csn_ur_receiver_new(size_t message_max)
{
	struct csn_ur_receiver *receiver = calloc(1, sizeof *receiver);

	if (receiver != NULL)
		receiver->message_max = message_max < CSN_UR_MESSAGE_MAX ? message_max
		                                                         : CSN_UR_MESSAGE_MAX;
	return receiver;
}

void
csn_ur_receiver_reset(struct csn_ur_receiver *receiver)
{
	free(receiver->rows);
	free(receiver->sums);
	free(receiver->held);
	free(receiver->one);
	receiver->rows = NULL;
	receiver->sums = receiver->one = NULL;
	receiver->held = NULL;
	receiver->count = receiver->have = 0;
	receiver->complete = false;
}

void
csn_ur_receiver_free(struct csn_ur_receiver *receiver)
{
	if (receiver != NULL)
		csn_ur_receiver_reset(receiver);
	free(receiver);
}

/* Parsing ---------------------------------------------------------------- */

static bool
same_letters(const uint8_t *text, const char *want, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]) != want[i])
			return false;
	return true;
}

/* The type up to a slash, in small letters; 0: none. */
static size_t
read_type(struct csn_bytes text, char ret_type[CSN_UR_TYPE_MAX + 1])
{
	size_t n = 0;

	for (; n < text.len && n <= CSN_UR_TYPE_MAX; n++) {
		uint8_t c = text.ptr[n];

		if (c == '/') {
			ret_type[n] = '\0';
			return n;
		}
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		if (n == CSN_UR_TYPE_MAX ||
		    !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return 0;
		ret_type[n] = (char)c;
	}
	return 0;
}

/* A number before @end; moves on behind it. */
static bool
read_number(struct csn_bytes *text, char end, uint32_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text->len && i <= 10; i++) {
		if (i > 0 && text->ptr[i] == (uint8_t)end) {
			*text = (struct csn_bytes){ text->ptr + i + 1, text->len - i - 1 };
			*ret_value = (uint32_t)value;
			return value > 0 && value <= UINT32_MAX;
		}
		if (text->ptr[i] < '0' || text->ptr[i] > '9')
			return false;
		value = 10 * value + text->ptr[i] - '0';
	}
	return false;
}

static bool
read_head(struct csn_bytes *in, unsigned major, uint32_t *ret_value)
{
	unsigned more = 0;

	if (in->len == 0 || in->ptr[0] >> 5 != major)
		return false;
	unsigned low = in->ptr[0] & 31;
	uint32_t value = low;
	if (low >= 24) {
		if (low > 26)
			return false;
		more = 1u << (low - 24);
		value = 0;
	}
	if (in->len <= more)
		return false;
	for (unsigned i = 1; i <= more; i++)
		value = value << 8 | in->ptr[i];
	*in = (struct csn_bytes){ in->ptr + 1 + more, in->len - 1 - more };
	*ret_value = value;
	return true;
}

static bool
read_part(struct csn_bytes in, struct ur_part *ret_part)
{
	struct ur_part part;
	uint32_t fields, len;

	if (!read_head(&in, 4, &fields) || fields != 5 || !read_head(&in, 0, &part.number) ||
	    !read_head(&in, 0, &part.count) || !read_head(&in, 0, &part.length) ||
	    !read_head(&in, 0, &part.crc) || !read_head(&in, 2, &len) || len != in.len)
		return false;
	part.data = in;
	*ret_part = part;
	return true;
}

/* Equations -------------------------------------------------------------- */

/* Bounds before memory: does the part belong to a message that we take? */
static bool
fits(const struct csn_ur_receiver *receiver, const char *type, const struct ur_part *part)
{
	size_t piece = part->data.len;

	if (part->number == 0 || part->count == 0 || part->count > CSN_UR_PARTS_MAX || piece == 0 ||
	    part->length == 0 || part->length > receiver->message_max ||
	    (part->length + piece - 1) / piece != part->count)
		return false;
	return receiver->count == 0 ||
	       (strcmp(receiver->type, type) == 0 && receiver->count == part->count &&
	        receiver->crc == part->crc && receiver->len == part->length &&
	        receiver->piece == piece);
}

static int
begin(struct csn_ur_receiver *receiver, const char *type, const struct ur_part *part)
{
	size_t words = (part->count + WORD - 1) / WORD;

	receiver->rows = calloc(part->count, words * sizeof *receiver->rows);
	receiver->sums = malloc((size_t)part->count * part->data.len);
	receiver->held = calloc(part->count, sizeof *receiver->held);
	if (receiver->rows == NULL || receiver->sums == NULL || receiver->held == NULL) {
		csn_ur_receiver_reset(receiver);
		return CSN_E_NOMEM;
	}
	memcpy(receiver->type, type, sizeof receiver->type);
	receiver->count = part->count;
	receiver->crc = part->crc;
	receiver->len = part->length;
	receiver->piece = part->data.len;
	receiver->words = words;
	ur_weigh(&receiver->weights, part->count);
	return CSN_OK;
}

/* First piece from @from on that the row holds, or the count. */
static uint32_t
first_piece(const struct csn_ur_receiver *receiver, const uint64_t *row, uint32_t from)
{
	for (size_t i = from / WORD; i < receiver->words; i++) {
		uint64_t bits = row[i];

		if (i == from / WORD)
			bits &= UINT64_MAX << from % WORD;
		if (bits != 0)
			return (uint32_t)(i * WORD) + (uint32_t)__builtin_ctzll(bits);
	}
	return receiver->count;
}

static void
add_row(const struct csn_ur_receiver *receiver, uint64_t *row, uint8_t *sum, uint32_t at)
{
	for (size_t i = at / WORD; i < receiver->words; i++)
		row[i] ^= receiver->rows[at * receiver->words + i];
	ur_add(sum, receiver->sums + at * receiver->piece, receiver->piece);
}

/* true: the part told something new. */
static bool
take_equation(struct csn_ur_receiver *receiver, const struct ur_part *part)
{
	uint16_t pieces[CSN_UR_PARTS_MAX];
	uint32_t n = ur_choose(&receiver->weights, part->number, part->crc, pieces), at = 0;
	uint64_t *row = receiver->row;

	memset(row, 0, sizeof receiver->row);
	for (uint32_t i = 0; i < n; i++)
		row[pieces[i] / WORD] |= UINT64_C(1) << pieces[i] % WORD;
	memcpy(receiver->data, part->data.ptr, part->data.len);
	while ((at = first_piece(receiver, row, at)) < receiver->count && receiver->held[at])
		add_row(receiver, row, receiver->data, at);
	if (at == receiver->count)
		return false;
	memcpy(receiver->rows + at * receiver->words, row, receiver->words * sizeof *row);
	memcpy(receiver->sums + at * receiver->piece, receiver->data, receiver->piece);
	receiver->held[at] = true;
	receiver->have++;
	return true;
}

/* From the last piece back; then the checksum says whether all of it was honest. */
static bool
solve(struct csn_ur_receiver *receiver)
{
	for (uint32_t i = receiver->count; i-- > 0;) {
		uint64_t *row = receiver->rows + i * receiver->words;

		for (uint32_t at = first_piece(receiver, row, i + 1); at < receiver->count;
		     at = first_piece(receiver, row, at + 1))
			ur_add(receiver->sums + i * receiver->piece,
			       receiver->sums + at * receiver->piece, receiver->piece);
	}
	return csn_ur_crc32((struct csn_bytes){ receiver->sums, receiver->len }) == receiver->crc;
}

static int
take_part(struct csn_ur_receiver *receiver, const char *type, const struct ur_part *part,
          enum csn_ur_was *ret_was)
{
	*ret_was = CSN_UR_BOUND;
	if (!fits(receiver, type, part))
		return CSN_OK;
	*ret_was = CSN_UR_KNOWN;
	if (receiver->complete)
		return CSN_OK;
	int r = receiver->count == 0 ? begin(receiver, type, part) : CSN_OK;
	if (r < 0 || !take_equation(receiver, part))
		return r;
	*ret_was = CSN_UR_NEW;
	if (receiver->have < receiver->count)
		return CSN_OK;
	receiver->complete = solve(receiver);
	if (!receiver->complete) {
		csn_ur_receiver_reset(receiver);
		*ret_was = CSN_UR_BROKEN;
	}
	return CSN_OK;
}

static int
take_one(struct csn_ur_receiver *receiver, const char *type, size_t len, enum csn_ur_was *ret_was)
{
	*ret_was = CSN_UR_BOUND;
	if (len > receiver->message_max || receiver->count > 1)
		return CSN_OK;
	*ret_was = CSN_UR_KNOWN;
	if (receiver->complete && receiver->len == len &&
	    memcmp(receiver->one, receiver->bytes, len) == 0)
		return CSN_OK;
	uint8_t *copy = malloc(len);
	if (copy == NULL)
		return CSN_E_NOMEM;
	memcpy(copy, receiver->bytes, len);
	csn_ur_receiver_reset(receiver);
	memcpy(receiver->type, type, sizeof receiver->type);
	receiver->one = copy;
	receiver->len = len;
	receiver->count = receiver->have = 1;
	receiver->complete = true;
	*ret_was = CSN_UR_NEW;
	return CSN_OK;
}

int
csn_ur_receiver_take(struct csn_ur_receiver *receiver, struct csn_bytes text, enum csn_ur_was *ret_was)
{
	char type[CSN_UR_TYPE_MAX + 1] = "";
	uint32_t number = 0, count = 0;
	struct ur_part part;
	size_t len, n;

	*ret_was = CSN_UR_SYNTAX;
	if (text.len < 3 || text.len > TEXT_MAX || !same_letters(text.ptr, "ur:", 3))
		return CSN_OK;
	text = (struct csn_bytes){ text.ptr + 3, text.len - 3 };
	n = read_type(text, type);
	if (n == 0)
		return CSN_OK;
	text = (struct csn_bytes){ text.ptr + n + 1, text.len - n - 1 };
	bool many = memchr(text.ptr, '/', text.len) != NULL;
	if (many && (!read_number(&text, '-', &number) || !read_number(&text, '/', &count)))
		return CSN_OK;
	if (csn_bytewords_take((const char *)text.ptr, text.len, receiver->bytes, &len) < 0)
		return CSN_OK;
	if (!many)
		return take_one(receiver, type, len, ret_was);
	if (!read_part((struct csn_bytes){ receiver->bytes, len }, &part) || part.number != number ||
	    part.count != count)
		return CSN_OK;
	return take_part(receiver, type, &part, ret_was);
}

void
csn_ur_receiver_progress(const struct csn_ur_receiver *receiver, uint32_t *ret_have, uint32_t *ret_count)
{
	*ret_have = receiver->have;
	*ret_count = receiver->count;
}

struct csn_bytes
csn_ur_receiver_message(const struct csn_ur_receiver *receiver, const char **ret_type)
{
	if (!receiver->complete)
		return (struct csn_bytes){ NULL, 0 };
	*ret_type = receiver->type;
	return (struct csn_bytes){ receiver->one != NULL ? receiver->one : receiver->sums,
		                   receiver->len };
}
