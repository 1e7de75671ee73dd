/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CSN_MODEM_INTERNAL_H
#define CSN_MODEM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/modem.h"

/*
 * Everything happens at a complex 6 kHz around the middle of the band: one
 * filter each way, and every transform is an eighth of what 48 kHz would ask.
 */
enum {
	DECIMATE      = 8,
	BASE_RATE_HZ  = CSN_MODEM_RATE_HZ / DECIMATE,
	RAMP          = 12,   /* overlapped symbol edge: 2 ms */
	FFT_MAX       = 1024, /* largest transform, at 6 kHz */
	BITS_MAX      = 1080,  /* most code bits in a symbol */
	CARRIERS_MAX  = 683,  /* 4000 Hz at the spacing of the long profile */
	CLASSES       = 32,   /* frame lengths a preamble can tell apart */
	FRAME_MAX     = 126,  /* length byte, message of the largest class, CRC */
	INFO_MAX      = FRAME_MAX * 8,
	TAIL_BITS     = 12,
	CODE_MAX      = 3 * INFO_MAX + TAIL_BITS,
	SLOTS_MAX     = 8192, /* code bits in the longest burst */
	SYMBOLS_MAX   = 192,
	TX_TAPS       = 80,   /* interpolator */
	RX_TAPS       = 128,  /* decimator */
};

#define MODEM_PI 3.14159265358979f

struct cpx {
	float re, im;
};

static inline struct cpx
cpx_mul(struct cpx a, struct cpx b)
{
	return (struct cpx){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

/* a times the conjugate of b */
static inline struct cpx
cpx_mulc(struct cpx a, struct cpx b)
{
	return (struct cpx){ a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im };
}

static inline struct cpx
cpx_add(struct cpx a, struct cpx b)
{
	return (struct cpx){ a.re + b.re, a.im + b.im };
}

static inline struct cpx
cpx_sub(struct cpx a, struct cpx b)
{
	return (struct cpx){ a.re - b.re, a.im - b.im };
}

static inline struct cpx
cpx_scale(struct cpx a, float s)
{
	return (struct cpx){ a.re * s, a.im * s };
}

static inline float
cpx_norm(struct cpx a)
{
	return a.re * a.re + a.im * a.im;
}

/* exp(j angle), the angle taken modulo a turn first */
struct cpx
modem_turn(double turns);

/* ---- fft.c: mixed radix 2, 3, 4, 5; forward e^-j, nothing scaled ---- */

struct fft {
	uint16_t n;
	uint16_t step; /* between this transform's twiddles in the table */
	uint8_t  factors;
	uint8_t  factor[10];
	const struct cpx *twiddle;
};

/* The twiddles of a transform of n points. */
void
modem_fft_table(struct cpx *twiddle, size_t n);

/* False when n has a prime factor above five. */
bool
modem_fft_plan(struct fft *fft, size_t n, const struct cpx *twiddle, size_t table_n);

/* Out of place.  The inverse is not divided by n. */
void
modem_fft(const struct fft *fft, const struct cpx *in, struct cpx *out);
void
modem_ifft(const struct fft *fft, const struct cpx *in, struct cpx *out);

/* ---- profile.c: what a profile becomes in a given band ---- */

struct geometry {
	enum csn_modem_profile profile;
	uint16_t n;         /* points of a data symbol, without prefix */
	uint16_t prefix;    /* before every data symbol and before the preamble */
	uint16_t np;        /* points of each half of the preamble */
	int16_t  k;         /* data carriers -k..k */
	int16_t  kp;        /* preamble carriers -kp..kp */
	uint16_t bits;      /* code bits in a data symbol */
	uint16_t shift;     /* preamble shift in points for each class */
	float    alpha;     /* roll-off of the offset-QPSK spectrum */
	uint8_t  pilot;     /* every pilot-th bit of a symbol is known, 0 = none */
	float    load;      /* most information bits for each bit sent */
	uint8_t  least;     /* symbols of the shortest burst */
};

void
modem_geometry(struct geometry *geo, const struct csn_modem_config *config,
               enum csn_modem_profile profile);

/* Spectral window of data carrier f. */
float
modem_window(const struct geometry *geo, int f);

/* Preamble carrier f, |f| <= kp, of modulus one. */
struct cpx
modem_preamble_carrier(const struct geometry *geo, int f);

size_t
modem_class_of(size_t len);
size_t
modem_frame_bytes(size_t class);
size_t
modem_symbols(const struct geometry *geo, size_t class);

/* Points of the preamble with prefix and the ramp between its halves. */
size_t
modem_preamble_points(const struct geometry *geo);
size_t
modem_burst_points(const struct geometry *geo, size_t class);

/* A low-pass for rate changes by DECIMATE: sum of taps is one. */
void
modem_lowpass(float *taps, size_t n);

/* ---- code.c: frame, CRC, turbo code, slots ---- */

uint32_t
modem_crc32(const uint8_t *data, size_t len, uint32_t crc);

/* Length byte, message, zeros up to the class, CRC over all and the profile. */
size_t
modem_frame_pack(uint8_t *frame, enum csn_modem_profile profile,
                 const uint8_t *message, size_t len);

/* Puts the CRC of what stands before it in a frame's last four bytes. */
void
modem_frame_seal(uint8_t *frame, size_t bytes, enum csn_modem_profile profile);

/* True when the CRC holds. */
bool
modem_frame_check(const uint8_t *frame, size_t bytes, enum csn_modem_profile profile);

/* 3 * info + TAIL_BITS bits, one a byte. */
void
modem_encode(const uint8_t *frame, size_t info, uint8_t *code);

/*
 * Which code bit travels in slot j of total, and where slot j lies in the
 * burst (symbol * bits + position).
 */
struct slots {
	uint32_t info, code, total;
	uint32_t parity_step, place_step;
};

void
modem_slots(struct slots *slots, size_t info, size_t total);
uint32_t
modem_slot_code(const struct slots *slots, uint32_t j);
uint32_t
modem_slot_place(const struct geometry *geo, const struct slots *slots, uint32_t j);

/* Code bits in a symbol, and whether a place in the burst is none of them. */
size_t
modem_code_bits(const struct geometry *geo);
bool
modem_is_pilot(const struct geometry *geo, size_t place);

/* Pseudo-random sign of a place in the burst: 0 or 1. */
uint8_t
modem_scramble(uint32_t place);

struct decoder {
	float    alpha[INFO_MAX + 4][8];
	float    prior[INFO_MAX + 3];
	float    sys[INFO_MAX + 3], par[INFO_MAX + 3];
	float    app_sys[INFO_MAX + 3], app_par[INFO_MAX + 3];
	float    extrinsic[INFO_MAX];
	uint16_t order[INFO_MAX];
	uint8_t  frame[FRAME_MAX];
};

/*
 * Soft bits (positive = 0) of a code word in, what the decoder believes about
 * each code bit out; the decision is in dec->frame.  True as soon as the CRC
 * holds.
 */
bool
modem_decode(struct decoder *dec, const float *code, size_t info,
             enum csn_modem_profile profile, size_t iterations, float *ret_belief);

/* ---- demod.c: one burst out of the ring ---- */

enum {
	RING          = 40960, /* points at 6 kHz: the longest burst and some more */
	SPECTRA_MAX   = 9216,  /* carriers of all symbols of a burst */
	CHANNEL_MAX   = CARRIERS_MAX,
	SINC_TAPS     = 16,
	SINC_PHASES   = 256,
};

/* Sound as it came, at 6 kHz around the carrier; point i lies at i % RING. */
struct ring {
	uint64_t   count;
	double     carrier; /* turns a point: middle of the band over 6 kHz */
	struct cpx point[RING];
	float      sinc[SINC_PHASES + 1][SINC_TAPS];
};

/* A preamble found. */
struct sighting {
	enum csn_modem_profile profile;
	uint64_t at;      /* first point of the first half, by the strongest path */
	uint64_t end;     /* last point needed */
	float    score;   /* matched filter, 0..1 */
	float    pair;    /* likeness of the halves, 0..1 */
	size_t   class;
};

/* Delay, rate and acceleration of a symbol in turns of the carrier. */
struct track {
	double x[3];
	float  p[3][3];
};

/* Soft bits of failed bursts, for the next of the same kind. */
struct memory {
	size_t   class;
	uint32_t bursts;
	uint64_t at;      /* ring position of the last */
	float    slot[SLOTS_MAX];
};

struct demod {
	/* fixed after init */
	struct geometry geo[CSN_MODEM_PROFILES];
	struct fft      bit_fft[CSN_MODEM_PROFILES];
	struct cpx      twiddle[FFT_MAX];
	struct cpx      bit_twiddle[CSN_MODEM_PROFILES][BITS_MAX];
	struct cpx      preamble[CSN_MODEM_PROFILES][CARRIERS_MAX];
	struct memory   memory[CSN_MODEM_PROFILES];

	/* of the burst at hand */
	const struct geometry *g;
	const struct ring *ring;
	struct slots slots;
	size_t   symbols;
	float    limit;              /* louder points are impulses */
	double   origin;             /* ring position of the first preamble window */
	double   rate;               /* stretch of the preamble, minus one */
	double   gap_at, gap_length; /* points that never came, by their place in the burst */
	float    echo;               /* points until 90 % of the energy is in */
	float    window_sum;         /* of squares */
	float    noise[CHANNEL_MAX]; /* by carrier, from the preamble */
	struct cpx first[CHANNEL_MAX];   /* channel by carrier from the preamble */
	struct cpx channel[CHANNEL_MAX]; /* the same, with what symbols taught */
	struct cpx gain[SYMBOLS_MAX];    /* what a symbol adds to the channel */
	struct track track[SYMBOLS_MAX];
	double   read_at[SYMBOLS_MAX];   /* delay where the spectrum was read, in turns */
	float    trouble[SYMBOLS_MAX];   /* its noise over that of the preamble */
	struct cpx spectra[SPECTRA_MAX]; /* received, carrier by carrier */
	struct cpx time[FFT_MAX], work[FFT_MAX], freq[FFT_MAX];
	float    slot[SLOTS_MAX];    /* soft bits, positive = 0 */
	float    fresh[SLOTS_MAX];   /* the same before anything was believed */
	float    raw[SLOTS_MAX];     /* as received: +-1 and noise */
	float    mean[SLOTS_MAX];    /* what the decoder makes of each, by place */
	float    code[CODE_MAX], belief[CODE_MAX];
	struct decoder decoder;
};

bool
modem_demod_init(struct demod *d, const struct csn_modem_config *config);
void
modem_ring_init(struct ring *ring, const struct csn_modem_config *config);

/* Takes impulses down to a bound over the mean of the rest. */
void
modem_limit(struct cpx *point, size_t n);

/* Compares both halves of a preamble: fills pair, class and end. */
void
modem_confirm(struct demod *d, const struct ring *ring, struct sighting *sight);

/* Reads the burst whose preamble was sighted; the event says how far it got. */
void
modem_receive(struct demod *d, const struct ring *ring, const struct sighting *sight,
              struct csn_modem_event *ret_event);

/* Takes the message out of a frame whose CRC holds, when its length makes sense. */
void
modem_finish(const struct demod *d, struct csn_modem_event *event);

#endif
