/* SPDX-License-Identifier: Apache-2.0 */
/* Frame, CRC, turbo code and where each code bit travels. */
#include <math.h>
#include <string.h>

#include "modem/internal.h"

/* ---- frame ---- */

uint32_t
modem_crc32(const uint8_t *data, size_t len, uint32_t crc)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
	}
	return ~crc;
}

/* The profile is under the CRC, so one profile's frame never passes as another's. */
static uint32_t
frame_crc(const uint8_t *frame, size_t bytes, enum csn_modem_profile profile)
{
	uint8_t domain[] = { 'c', 's', 'n', (uint8_t)profile };

	return modem_crc32(frame, bytes, modem_crc32(domain, sizeof domain, 0));
}

void
modem_frame_seal(uint8_t *frame, size_t bytes, enum csn_modem_profile profile)
{
	uint32_t crc = frame_crc(frame, bytes - 4, profile);

	for (size_t i = 0; i < 4; i++)
		frame[bytes - 4 + i] = (uint8_t)(crc >> (8 * i));
}

size_t
modem_frame_pack(uint8_t *frame, enum csn_modem_profile profile,
                 const uint8_t *message, size_t len)
{
	size_t bytes = modem_frame_bytes(modem_class_of(len));

	memset(frame, 0, bytes);
	frame[0] = (uint8_t)len;
	memcpy(frame + 1, message, len);
	modem_frame_seal(frame, bytes, profile);
	return bytes;
}

bool
modem_frame_check(const uint8_t *frame, size_t bytes, enum csn_modem_profile profile)
{
	uint32_t crc = frame_crc(frame, bytes - 4, profile);

	for (size_t i = 0; i < 4; i++) {
		if (frame[bytes - 4 + i] != (uint8_t)(crc >> (8 * i)))
			return false;
	}
	return true;
}

/* ---- constituent code: eight states, feedback 1+D2+D3, forward 1+D+D3 ---- */

struct step {
	uint8_t next, parity;
};

static struct step
trellis(unsigned state, unsigned bit)
{
	unsigned s1 = state & 1, s2 = (state >> 1) & 1, s3 = (state >> 2) & 1;
	unsigned a = bit ^ s2 ^ s3;

	return (struct step){ (uint8_t)(((state << 1) & 7u) | a), (uint8_t)(a ^ s1 ^ s3) };
}

/* The bit that drives the register towards zero. */
static unsigned
closing_bit(unsigned state)
{
	return ((state >> 1) ^ (state >> 2)) & 1u;
}

static uint32_t
common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* The number nearest above @want that shares no divisor with n. */
static uint32_t
coprime_from(uint32_t want, uint32_t n)
{
	while (common_divisor(want, n) != 1)
		want++;
	return want;
}

/* An almost regular permutation; info is a multiple of sixteen. */
static uint32_t
interleave_step(uint32_t info)
{
	return coprime_from((uint32_t)(sqrtf(2.0f * (float)info)) | 1u, info);
}

static uint32_t
interleaved(uint32_t i, uint32_t info, uint32_t step)
{
	static const uint8_t dither[8] = { 0, 5, 2, 11, 7, 14, 3, 9 };

	return (i * step + 8u * dither[i & 7u]) % info;
}

static unsigned
frame_bit(const uint8_t *frame, size_t i)
{
	return (frame[i >> 3] >> (7 - (i & 7))) & 1u;
}

static unsigned
encode_half(const uint8_t *frame, size_t info, uint32_t step, uint8_t *parity)
{
	unsigned state = 0;

	for (uint32_t i = 0; i < info; i++) {
		uint32_t at = step == 0 ? i : interleaved(i, (uint32_t)info, step);
		struct step s = trellis(state, frame_bit(frame, at));

		parity[i] = s.parity;
		state = s.next;
	}
	return state;
}

static void
encode_tail(unsigned state, uint8_t *tail)
{
	for (size_t i = 0; i < 3; i++) {
		unsigned bit = closing_bit(state);
		struct step s = trellis(state, bit);

		tail[2 * i] = (uint8_t)bit;
		tail[2 * i + 1] = s.parity;
		state = s.next;
	}
}

void
modem_encode(const uint8_t *frame, size_t info, uint8_t *code)
{
	unsigned first, second;

	for (size_t i = 0; i < info; i++)
		code[i] = (uint8_t)frame_bit(frame, i);
	first = encode_half(frame, info, 0, code + info);
	second = encode_half(frame, info, interleave_step((uint32_t)info), code + 2 * info);
	encode_tail(first, code + 3 * info);
	encode_tail(second, code + 3 * info + 6);
}

/* ---- slots ---- */

void
modem_slots(struct slots *slots, size_t info, size_t total)
{
	slots->info = (uint32_t)info;
	slots->code = (uint32_t)(3 * info + TAIL_BITS);
	slots->total = (uint32_t)total;
	slots->parity_step = coprime_from((uint32_t)(0.618f * (float)info) | 1u,
	                                  (uint32_t)info);
	slots->place_step = coprime_from((uint32_t)(0.382f * (float)total) | 1u,
	                                 (uint32_t)total);
}

/* Systematic bits, tails, then both parities in turn, spread so that any cut is even. */
uint32_t
modem_slot_code(const struct slots *slots, uint32_t j)
{
	uint32_t info = slots->info;

	j %= slots->code;
	if (j < info)
		return j;
	j -= info;
	if (j < TAIL_BITS)
		return 3 * info + j;
	j -= TAIL_BITS;
	return info + (j & 1u) * info + (j >> 1) * slots->parity_step % info;
}

size_t
modem_code_bits(const struct geometry *geo)
{
	size_t pilots = 0;

	if (geo->pilot != 0)
		pilots = (geo->bits - geo->pilot / 2u + geo->pilot - 1) / geo->pilot;
	return geo->bits - pilots;
}

bool
modem_is_pilot(const struct geometry *geo, size_t place)
{
	return geo->pilot != 0 && place % geo->bits % geo->pilot == geo->pilot / 2u;
}

uint32_t
modem_slot_place(const struct geometry *geo, const struct slots *slots, uint32_t j)
{
	uint32_t at = (uint32_t)((uint64_t)j * slots->place_step % slots->total);
	uint32_t code_bits = (uint32_t)modem_code_bits(geo);
	uint32_t symbol = at / code_bits, run = geo->pilot - 1u;

	at %= code_bits;
	if (geo->pilot != 0) /* step over the pilots before this place */
		at += (at / run) + (at % run >= geo->pilot / 2u);
	return symbol * geo->bits + at;
}

uint8_t
modem_scramble(uint32_t place)
{
	uint32_t x = place * 0x9e3779b1u + 0x7f4a7c15u;

	x ^= x >> 15;
	x *= 0x2c1b3c6du;
	x ^= x >> 12;
	return (uint8_t)((x >> 7) & 1u);
}

/* ---- decoder: max-log, both halves in turn ---- */

static float
max8(const float *v)
{
	float best = v[0];

	for (size_t i = 1; i < 8; i++)
		best = v[i] > best ? v[i] : best;
	return best;
}

static void
forward(struct decoder *dec, size_t n)
{
	for (size_t s = 0; s < 8; s++)
		dec->alpha[0][s] = s == 0 ? 0.0f : -1e9f;
	for (size_t t = 0; t < n; t++) {
		float *next = dec->alpha[t + 1];
		float best;

		for (size_t s = 0; s < 8; s++)
			next[s] = -2e9f;
		for (unsigned s = 0; s < 8; s++) {
			for (unsigned bit = 0; bit < 2; bit++) {
				struct step step = trellis(s, bit);
				float m = dec->alpha[t][s] +
					(bit ? -0.5f : 0.5f) * dec->sys[t] +
					(step.parity ? -0.5f : 0.5f) * dec->par[t];

				next[step.next] = m > next[step.next] ? m : next[step.next];
			}
		}
		best = max8(next);
		for (size_t s = 0; s < 8; s++)
			next[s] -= best;
	}
}

/* Both directions meet: what is believed about each bit and each parity. */
static void
backward(struct decoder *dec, size_t n)
{
	float beta[8] = { 0, -1e9f, -1e9f, -1e9f, -1e9f, -1e9f, -1e9f, -1e9f };

	for (size_t t = n; t-- > 0;) {
		float prev[8], bit_best[2] = { -2e9f, -2e9f }, par_best[2] = { -2e9f, -2e9f };
		float best;

		for (unsigned s = 0; s < 8; s++) {
			prev[s] = -2e9f;
			for (unsigned bit = 0; bit < 2; bit++) {
				struct step step = trellis(s, bit);
				float g = (bit ? -0.5f : 0.5f) * dec->sys[t] +
					(step.parity ? -0.5f : 0.5f) * dec->par[t] +
					beta[step.next];
				float m = dec->alpha[t][s] + g;

				prev[s] = g > prev[s] ? g : prev[s];
				bit_best[bit] = m > bit_best[bit] ? m : bit_best[bit];
				if (m > par_best[step.parity])
					par_best[step.parity] = m;
			}
		}
		best = max8(prev);
		for (size_t s = 0; s < 8; s++)
			beta[s] = prev[s] - best;
		dec->app_sys[t] = bit_best[0] - bit_best[1];
		dec->app_par[t] = par_best[0] - par_best[1];
	}
}

static void
load_tail(struct decoder *dec, const float *tail, size_t info)
{
	for (size_t i = 0; i < 3; i++) {
		dec->sys[info + i] = tail[2 * i];
		dec->par[info + i] = tail[2 * i + 1];
	}
}

static void
keep_tail(const struct decoder *dec, float *belief, size_t info)
{
	for (size_t i = 0; i < 3; i++) {
		belief[2 * i] = dec->app_sys[info + i];
		belief[2 * i + 1] = dec->app_par[info + i];
	}
}

/* The second half listens in interleaved order; extrinsic goes back in plain order. */
static void
half_iteration(struct decoder *dec, const float *code, size_t info, bool second,
               float *belief)
{
	const float *parity = code + info + (second ? info : 0);
	const float *tail = code + 3 * info + (second ? 6 : 0);

	for (size_t i = 0; i < info; i++) {
		size_t at = second ? dec->order[i] : i;

		dec->sys[i] = code[at] + dec->extrinsic[at];
		dec->par[i] = parity[i];
	}
	load_tail(dec, tail, info);
	forward(dec, info + 3);
	backward(dec, info + 3);
	for (size_t i = 0; i < info; i++) {
		size_t at = second ? dec->order[i] : i;

		dec->extrinsic[at] = 0.75f * (dec->app_sys[i] - dec->sys[i]);
		belief[at] = dec->app_sys[i];
		belief[(second ? 2 : 1) * info + i] = dec->app_par[i];
	}
	keep_tail(dec, belief + 3 * info + (second ? 6 : 0), info);
}

static void
decide(struct decoder *dec, const float *belief, size_t info)
{
	memset(dec->frame, 0, sizeof dec->frame);
	for (size_t i = 0; i < info; i++)
		dec->frame[i >> 3] |= (uint8_t)((belief[i] < 0) << (7 - (i & 7)));
}

/* A frame of zeros has a CRC that is not zero, so silence never passes. */
bool
modem_decode(struct decoder *dec, const float *code, size_t info,
             enum csn_modem_profile profile, size_t iterations, float *ret_belief)
{
	uint32_t step = interleave_step((uint32_t)info);

	for (uint32_t i = 0; i < info; i++) {
		dec->order[i] = (uint16_t)interleaved(i, (uint32_t)info, step);
		dec->extrinsic[i] = 0;
	}
	for (size_t it = 0; it < 2 * iterations; it++) {
		half_iteration(dec, code, info, (it & 1) != 0, ret_belief);
		decide(dec, ret_belief, info);
		if (modem_frame_check(dec->frame, info / 8, profile))
			return true;
	}
	return false;
}
