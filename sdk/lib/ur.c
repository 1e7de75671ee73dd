/* Bytewords, and messages cut into parts. */
#include "lib/ur-int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CRC          = 4,
	HEAD_MAX     = 1 + 4 * 5 + 5, /* of a part: its array, four numbers, the data's head */
	LETTERS      = 26,
	PREFIX_MAX   = 3 + CSN_UR_TYPE_MAX + 1 + 10 + 1 + 4 + 1,
};

/* First and last letters of the 256 words of BCR-2020-012, in their order. */
static const char letters[] =
	"aeadaoaxaaahamatayasbkbdbnbtbabsbebybgbwbbbzcmchcscfcycwcecackct"
	"cxclcpcndkdadsdidedtdrdndwdpdmdldyeheyeoeeecenemetesftfrfnfsfmfh"
	"fzfpfwfxfyfefgflfdgagegrgsgtglgwgdgygmgughgohfhghdhkhthphhhlhyhe"
	"hnhsidiaieihiyioisinimjejzjnjtjljojsjpjkjykpkoktkskkknkgkekikblb"
	"lalylflslrlplnltloldlelulklgmnmymhmemomumwmdmtmsmknlnyndnsntnnne"
	"nboyoeotoxonolospdptpkpypspmplpepfpaprqdqzrerprlrorhrdrkrfryrnrs"
	"rtsesasrssskswstspsosgsbsfsntotktitttdtetytltbtstptatnuyuoutueur"
	"vtvyvovlvevwvavdvswlwdwmwpwewywswtwnwzwfwkykynylyaytzszoztzczezm";

static int16_t value_of[LETTERS][LETTERS]; /* 0: no such word, else one more than its byte */

__attribute__((constructor)) static void
make_values(void)
{
	for (int i = 0; i < 256; i++)
		value_of[letters[2 * i] - 'a'][letters[2 * i + 1] - 'a'] = (int16_t)(i + 1);
}

static char *
put_words(char *to, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*to++ = letters[2 * bytes[i]];
		*to++ = letters[2 * bytes[i] + 1];
	}
	return to;
}

void
csn_bytewords_put(struct csn_bytes bytes, char *ret_text)
{
	uint32_t crc = csn_ur_crc32(bytes);
	const uint8_t tail[CRC] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
		                    (uint8_t)(crc >> 8), (uint8_t)crc };

	put_words(put_words(ret_text, bytes.ptr, bytes.len), tail, CRC);
}

static int
letter(char c)
{
	/* Not by isalpha(): a locale must not add letters. */
	return c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? c - 'A' : -1;
}

int
csn_bytewords_take(const char *text, size_t len, uint8_t *ret, size_t *ret_len)
{
	size_t bytes = len / 2;

	if (len % 2 != 0 || bytes <= CRC)
		return CSN_E_PROTOCOL;
	for (size_t i = 0; i < bytes; i++) {
		int first = letter(text[2 * i]), last = letter(text[2 * i + 1]);

		if (first < 0 || last < 0 || value_of[first][last] == 0)
			return CSN_E_PROTOCOL;
		ret[i] = (uint8_t)(value_of[first][last] - 1);
	}
	const uint8_t *tail = ret + bytes - CRC;
	uint32_t crc = (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 |
	               tail[3];
	if (csn_ur_crc32((struct csn_bytes){ ret, bytes - CRC }) != crc)
		return CSN_E_PROTOCOL;
	*ret_len = bytes - CRC;
	return CSN_OK;
}

/* What both sides draw ------------------------------------------------------------- */

void
ur_weigh(struct csn_ur_weights *weights, uint32_t count)
{
	double weight[CSN_UR_PARTS_MAX];

	for (uint32_t i = 0; i < count; i++)
		weight[i] = 1.0 / (i + 1);
	csn_ur_weights_make(weights, weight, count);
}

uint32_t
ur_choose(const struct csn_ur_weights *weights, uint32_t number, uint32_t crc, uint16_t *ret_pieces)
{
	const uint8_t seed[8] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
		                  (uint8_t)(number >> 8), (uint8_t)number,
		                  (uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
		                  (uint8_t)(crc >> 8), (uint8_t)crc };
	struct csn_ur_draw draw;

	if (number <= weights->n) {
		ret_pieces[0] = (uint16_t)(number - 1);
		return 1;
	}
	if (!csn_ur_draw_seed(&draw, (struct csn_bytes){ seed, sizeof seed }))
		return 0;
	uint32_t want = csn_ur_weights_draw(weights, &draw) + 1;
	csn_ur_shuffle(&draw, weights->n, want, ret_pieces);
	return want;
}

/* Sender ------------------------------------------------------------------ */

struct csn_ur_sender {
	char                  type[CSN_UR_TYPE_MAX + 1];
	size_t                len;
	size_t                piece;
	uint32_t              count;
	uint32_t              crc;
	uint8_t              *message; /* whole pieces, zeros at the end */
	uint8_t              *part;    /* CBOR */
	struct csn_ur_weights weights;
};

void
csn_ur_sender_free(struct csn_ur_sender *sender)
{
	if (sender == NULL)
		return;
	free(sender->message);
	free(sender->part);
	free(sender);
}

static bool
good_type(const char *type)
{
	size_t len = strlen(type);

	for (size_t i = 0; i < len; i++)
		if (!(type[i] >= 'a' && type[i] <= 'z') && !(type[i] >= '0' && type[i] <= '9') &&
		    type[i] != '-')
			return false;
	return len > 0 && len <= CSN_UR_TYPE_MAX;
}

int
csn_ur_sender_pieces(const char *type, struct csn_bytes message, size_t piece_max,
                     struct csn_ur_sender **ret_sender)
{
	if (!good_type(type) || message.len == 0 || piece_max < CSN_UR_PIECE_MIN)
		return CSN_E_INVALID;
	size_t piece = csn_ur_piece_len(message.len, CSN_UR_PIECE_MIN, piece_max);
	size_t count = (message.len + piece - 1) / piece;

	if (message.len > CSN_UR_MESSAGE_MAX || count > CSN_UR_PARTS_MAX)
		return CSN_E_TOO_BIG;
	struct csn_ur_sender *sender = calloc(1, sizeof *sender);
	if (sender == NULL)
		return CSN_E_NOMEM;
	memcpy(sender->type, type, strlen(type));
	sender->len = message.len;
	sender->piece = piece;
	sender->count = (uint32_t)count;
	sender->crc = csn_ur_crc32(message);
	sender->message = calloc(count, piece);
	sender->part = malloc(HEAD_MAX + piece);
	if (sender->message == NULL || sender->part == NULL) {
		csn_ur_sender_free(sender);
		return CSN_E_NOMEM;
	}
	memcpy(sender->message, message.ptr, message.len);
	ur_weigh(&sender->weights, sender->count);
	*ret_sender = sender;
	return CSN_OK;
}

int
csn_ur_sender_new(const char *type, struct csn_bytes message, size_t text_max,
                  struct csn_ur_sender **ret_sender)
{
	size_t one = 3 + strlen(type) + 1 + 2 * (message.len + CRC);
	size_t rest = PREFIX_MAX + 2 * (HEAD_MAX + CRC);

	if (one <= text_max)
		return csn_ur_sender_pieces(type, message, message.len + CSN_UR_PIECE_MIN, ret_sender);
	if (text_max < rest + 2 * CSN_UR_PIECE_MIN)
		return CSN_E_INVALID;
	/* At least two, or a part would be longer than asked for. */
	size_t most = (text_max - rest) / 2, half = (message.len + 1) / 2;
	return csn_ur_sender_pieces(type, message, most < half ? most : half, ret_sender);
}

uint32_t
csn_ur_sender_count(const struct csn_ur_sender *sender)
{
	return sender->count;
}

size_t
csn_ur_sender_room(const struct csn_ur_sender *sender)
{
	return PREFIX_MAX + 2 * (HEAD_MAX + sender->piece + CRC) + 1;
}

/* A CBOR head in its shortest form. */
static uint8_t *
put_head(uint8_t *to, unsigned major, uint32_t value)
{
	unsigned more = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : 4;

	*to++ = (uint8_t)(major << 5 | (more == 0 ? value : more == 1 ? 24 : more == 2 ? 25 : 26));
	for (unsigned i = more; i-- > 0;)
		*to++ = (uint8_t)(value >> 8 * i);
	return to;
}

size_t
csn_ur_sender_part(struct csn_ur_sender *sender, uint32_t number, char *ret_text)
{
	uint16_t pieces[CSN_UR_PARTS_MAX];
	struct csn_bytes part = { sender->message, sender->len };
	int n = sprintf(ret_text, "ur:%s/", sender->type);

	if (sender->count > 1) {
		uint32_t chosen = ur_choose(&sender->weights, number, sender->crc, pieces);
		uint8_t *at = put_head(sender->part, 4, 5);

		at = put_head(at, 0, number);
		at = put_head(at, 0, sender->count);
		at = put_head(at, 0, (uint32_t)sender->len);
		at = put_head(at, 0, sender->crc);
		at = put_head(at, 2, (uint32_t)sender->piece);
		memset(at, 0, sender->piece);
		for (uint32_t i = 0; i < chosen; i++)
			ur_add(at, sender->message + pieces[i] * sender->piece, sender->piece);
		part = (struct csn_bytes){ sender->part, (size_t)(at - sender->part) + sender->piece };
		n += sprintf(ret_text + n, "%u-%u/", number, sender->count);
	}
	csn_bytewords_put(part, ret_text + n);
	n += (int)(2 * (part.len + CRC));
	ret_text[n] = '\0';
	return (size_t)n;
}
