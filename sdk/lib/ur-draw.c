/* Which pieces a part is the sum of: the same hash, draws and weights for everybody. */
#include "lib/ur.h"

#include <openssl/evp.h>
#include <string.h>

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

bool
csn_ur_draw_seed(struct csn_ur_draw *draw, struct csn_bytes seed)
{
	uint8_t digest[32];
	unsigned len = 0;

	if (EVP_Digest(seed.ptr, seed.len, digest, &len, EVP_sha256(), NULL) != 1 ||
	    len != sizeof digest)
		return false;
	memset(draw, 0, sizeof *draw);
	for (unsigned i = 0; i < sizeof digest; i++)
		draw->s[i / 8] = draw->s[i / 8] << 8 | digest[i];
	return true;
}

uint64_t
csn_ur_draw_next(struct csn_ur_draw *draw)
{
	uint64_t *s = draw->s, next = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return next;
}

static double
draw_share(struct csn_ur_draw *draw)
{
	return (double)csn_ur_draw_next(draw) / 18446744073709551616.0;
}

uint64_t
csn_ur_draw_int(struct csn_ur_draw *draw, uint64_t low, uint64_t high)
{
	return (uint64_t)(draw_share(draw) * (double)(high - low + 1)) + low;
}

void
csn_ur_weights_make(struct csn_ur_weights *weights, const double *weight, uint32_t n)
{
	double sum = 0, share[CSN_UR_PARTS_MAX];
	uint16_t poor[CSN_UR_PARTS_MAX], rich[CSN_UR_PARTS_MAX];
	uint32_t poors = 0, riches = 0;

	weights->n = n;
	for (uint32_t i = 0; i < n; i++)
		sum += weight[i];
	for (uint32_t i = 0; i < n; i++)
		share[i] = weight[i] * n / sum;
	for (uint32_t i = n; i-- > 0;) {
		if (share[i] < 1)
			poor[poors++] = (uint16_t)i;
		else
			rich[riches++] = (uint16_t)i;
	}
	while (poors > 0 && riches > 0) {
		uint16_t a = poor[--poors], g = rich[--riches];

		weights->chance[a] = share[a];
		weights->alias[a] = g;
		share[g] += share[a] - 1;
		if (share[g] < 1)
			poor[poors++] = g;
		else
			rich[riches++] = g;
	}
	while (riches > 0)
		weights->chance[rich[--riches]] = 1;
	while (poors > 0)
		weights->chance[poor[--poors]] = 1;
}

uint32_t
csn_ur_weights_draw(const struct csn_ur_weights *weights, struct csn_ur_draw *draw)
{
	double place = draw_share(draw), chance = draw_share(draw);
	uint32_t at = (uint32_t)(place * weights->n);

	return chance < weights->chance[at] ? at : weights->alias[at];
}

void
csn_ur_shuffle(struct csn_ur_draw *draw, uint32_t n, uint32_t want, uint16_t *ret_order)
{
	uint16_t left[CSN_UR_PARTS_MAX];

	for (uint32_t i = 0; i < n; i++)
		left[i] = (uint16_t)i;
	for (uint32_t i = 0; i < want; i++) {
		uint32_t at = (uint32_t)csn_ur_draw_int(draw, 0, n - i - 1);

		ret_order[i] = left[at];
		memmove(left + at, left + at + 1, (n - i - 1 - at) * sizeof *left);
	}
}

uint32_t
csn_ur_crc32(struct csn_bytes bytes)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= bytes.ptr[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

size_t
csn_ur_piece_len(size_t message_len, size_t least, size_t most)
{
	size_t len = message_len;

	for (size_t count = 1; count <= message_len / least && len > most; count++)
		len = (message_len + count - 1) / count;
	return len;
}
