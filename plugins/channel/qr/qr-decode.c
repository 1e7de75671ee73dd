#include "qr-decode.h"
#include "qr-rs.h"

#include <math.h>
#include <string.h>

enum {
	FORMATS      = 4 * QR_MASKS,
	FORMAT_TRIES = 2,
	SPARE        = 2, /* check bytes never spent once bytes are erased */
	ERASE_STEP   = 2,
};

float
qr_pattern_match(const struct qr_layout *layout, const float *soft)
{
	unsigned modules = layout->side * layout->side, known = 0, right = 0;

	for (unsigned i = 0; i < modules; i++) {
		if (layout->kind[i] < QR_MODULE_LIGHT)
			continue;
		known++;
		right += (soft[i] > 0) == (layout->kind[i] == QR_MODULE_DARK);
	}
	return (float)right / (float)known;
}

static float
clip(float value)
{
	return value > 1 ? 1 : value < -1 ? -1 : value;
}

/* Formats in the order of their likeness to what both copies show. */
static void
rank_formats(const struct qr_layout *layout, const float *soft, unsigned ret_best[FORMAT_TRIES])
{
	float bit[QR_FORMAT_BITS], best[FORMAT_TRIES] = { -1e9f, -1e9f };

	for (unsigned i = 0; i < QR_FORMAT_BITS; i++)
		bit[i] = clip(soft[qr_format_place(layout->side, 0, i)]) +
		         clip(soft[qr_format_place(layout->side, 1, i)]);
	for (unsigned format = 0; format < FORMATS; format++) {
		uint32_t word = qr_format_word((enum qr_level)(format / QR_MASKS),
		                               format % QR_MASKS);
		float score = 0;

		for (unsigned i = 0; i < QR_FORMAT_BITS; i++)
			score += word >> i & 1 ? bit[i] : -bit[i];
		if (score > best[0]) {
			best[1] = best[0];
			ret_best[1] = ret_best[0];
			best[0] = score;
			ret_best[0] = format;
		} else if (score > best[1]) {
			best[1] = score;
			ret_best[1] = format;
		}
	}
}

static void
collect_words(struct qr_decoder *decoder, const struct qr_layout *layout, const float *soft,
              unsigned mask, unsigned total)
{
	for (unsigned i = 0; i < total; i++) {
		unsigned value = 0;
		float doubt = 0;

		for (unsigned j = 0; j < 8; j++) {
			unsigned at = layout->order[8 * i + j];
			float sure = fabsf(soft[at]);
			float open = sure < 1 ? 1 - sure : 0;

			doubt += open * open * open;
			value = value << 1 |
			        ((soft[at] > 0) ^ (layout->masks[8 * i + j] >> mask & 1u));
		}
		decoder->word[i] = (uint8_t)value;
		decoder->doubt[i] = doubt;
	}
}

/* Where byte @i of block @block stands among all code words. */
static unsigned
place_of(const struct qr_blocks *blocks, unsigned block, unsigned i, unsigned data)
{
	if (i < blocks->data)
		return i * blocks->count + block;
	if (i < data)
		return blocks->data * blocks->count + block -
		       (blocks->count - blocks->long_count);
	return blocks->data * blocks->count + blocks->long_count + (i - data) * blocks->count +
	       block;
}

/* The @n least trusted bytes of a block, least first. */
static unsigned
doubtful(const float *doubt, unsigned len, unsigned n, uint8_t *ret_places)
{
	unsigned count = 0;

	for (unsigned i = 0; i < len; i++) {
		unsigned at = count < n ? count++ : n;

		while (at > 0 && doubt[ret_places[at - 1]] < doubt[i]) {
			if (at < n)
				ret_places[at] = ret_places[at - 1];
			at--;
		}
		if (at < n)
			ret_places[at] = (uint8_t)i;
	}
	return count;
}

/* Errors alone that a block may hold: small codes keep some checks for detection. */
static unsigned
errors_max(unsigned version, enum qr_level level, unsigned ecc)
{
	static const uint8_t kept[3][4] = { { 3, 2, 1, 1 }, { 2, 0, 0, 0 }, { 1, 0, 0, 0 } };

	return (ecc - (version <= 3 ? kept[version - 1][level] : 0)) / 2;
}

static int
correct_block(uint8_t *block, const float *doubt, unsigned len, unsigned ecc, unsigned limit)
{
	uint8_t places[QR_RS_ECC_MAX];

	int changed = qr_rs_correct(block, len, ecc, places, 0, limit);
	if (changed >= 0)
		return changed;

	unsigned most = ecc > SPARE + 2 ? ecc - SPARE - 2 : 0;
	most = doubtful(doubt, len, most, places);
	for (unsigned n = ERASE_STEP; n <= most; n += ERASE_STEP) {
		changed = qr_rs_correct(block, len, ecc, places, n, (ecc - n - SPARE) / 2);
		if (changed >= 0)
			return changed;
	}
	return -1;
}

static bool
correct_all(struct qr_decoder *decoder, const struct qr_layout *layout,
            const struct qr_blocks *blocks, struct qr_symbol *symbol)
{
	float doubt[256];
	unsigned used = 0;

	symbol->corrected = 0;
	for (unsigned b = 0; b < blocks->count; b++) {
		unsigned data = blocks->data + (b >= blocks->count - blocks->long_count);
		unsigned len = data + blocks->ecc;

		for (unsigned i = 0; i < len; i++) {
			unsigned at = place_of(blocks, b, i, data);

			decoder->block[i] = decoder->word[at];
			doubt[i] = decoder->doubt[at];
		}
		int changed = correct_block(
			decoder->block, doubt, len, blocks->ecc,
			errors_max(layout->version, symbol->level, blocks->ecc));
		if (changed < 0)
			return false;
		symbol->corrected += (unsigned)changed;
		for (unsigned i = 0; i < len; i++)
			decoder->word[place_of(blocks, b, i, data)] = decoder->block[i];
		memcpy(decoder->data + used, decoder->block, data);
		used += data;
	}
	return true;
}

static void
draw_truth(struct qr_decoder *decoder, const struct qr_layout *layout,
           const struct qr_symbol *symbol)
{
	unsigned modules = layout->side * layout->side;
	uint32_t format = qr_format_word(symbol->level, symbol->mask);

	for (unsigned i = 0; i < modules; i++)
		decoder->truth[i] = layout->kind[i] == QR_MODULE_DARK;
	for (unsigned i = 0; i < layout->bits; i++) {
		unsigned at = layout->order[i];
		unsigned bit = (unsigned)decoder->word[i / 8] >> (7 - i % 8) & 1;

		decoder->truth[at] =
			(uint8_t)(bit ^ ((unsigned)layout->masks[i] >> symbol->mask & 1));
	}
	for (unsigned i = 0; i < 2 * QR_FORMAT_BITS; i++)
		decoder->truth[qr_format_place(layout->side, i & 1, i / 2)] =
			format >> (i / 2) & 1;
}

static bool
decode_as(struct qr_decoder *decoder, const struct qr_layout *layout, const float *soft,
          unsigned format, struct qr_symbol *symbol)
{
	struct qr_blocks blocks;

	symbol->level = (enum qr_level)(format / QR_MASKS);
	symbol->mask = format % QR_MASKS;
	if (!qr_blocks(layout->version, symbol->level, &blocks))
		return false;
	symbol->total = blocks.total;
	collect_words(decoder, layout, soft, symbol->mask, blocks.total);
	if (!correct_all(decoder, layout, &blocks, symbol))
		return false;
	return qr_bits_read(decoder->data, blocks.data * blocks.count + blocks.long_count,
	                    layout->version, symbol->payload, sizeof symbol->payload,
	                    &symbol->text) == QR_OK;
}

bool
qr_decode(struct qr_decoder *decoder, const struct qr_layout *layout, const float *soft,
          struct qr_symbol *ret_symbol)
{
	unsigned best[FORMAT_TRIES] = { 0 };

	rank_formats(layout, soft, best);
	for (unsigned i = 0; i < FORMAT_TRIES; i++) {
		if (!decode_as(decoder, layout, soft, best[i], ret_symbol))
			continue;
		draw_truth(decoder, layout, ret_symbol);
		return true;
	}
	return false;
}
