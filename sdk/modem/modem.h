/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CSN_MODEM_H
#define CSN_MODEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A near-ultrasonic modem as pure code: samples in, messages out.  Nothing
 * here allocates, waits or touches a device; all state lives in memory the
 * caller hands over, so the same code serves a station and a small device.
 *
 * Threads: an object belongs to one thread at a time; different objects are
 * independent.  Nothing is shared and nothing is global but constants.
 */

enum {
	CSN_MODEM_RATE_HZ     = 48000, /* the only sample rate; resample before */
	CSN_MODEM_MESSAGE_MAX = 120,   /* bytes; the shortest message is one byte */
};

/* How a burst is sent.  A receiver listens for all of them at once. */
enum csn_modem_profile {
	CSN_MODEM_FAST,   /* desk and room: shortest airtime */
	CSN_MODEM_LONG,   /* far, factory, fixed placement: long echoes */
	CSN_MODEM_MOTION, /* hand-held, drop-outs, strong noise */
	CSN_MODEM_PROFILES
};

/* Negative results of the functions below. */
enum csn_modem_error {
	CSN_MODEM_OK        = 0,
	CSN_MODEM_E_MEMORY  = -1, /* the caller's memory is too small or unaligned */
	CSN_MODEM_E_BAND    = -2, /* band outside 15..22 kHz, or not 2000..4000 Hz wide */
	CSN_MODEM_E_LEVEL   = -3, /* peak level not within -60..0 dBFS */
	CSN_MODEM_E_RATE    = -4, /* sample rate is not 48000 Hz */
	CSN_MODEM_E_PROFILE = -5, /* no such profile */
	CSN_MODEM_E_LENGTH  = -6, /* message empty or over CSN_MODEM_MESSAGE_MAX */
};

struct csn_modem_config {
	float    band_low_hz;    /* default 17250 */
	float    band_high_hz;   /* default 20000 */
	float    peak_dbfs;      /* no sample sent is louder; default -1; receivers ignore it */
	uint32_t sample_rate_hz; /* 48000 */
};

/* Sender and receiver must agree on the band and on nothing else. */
void
csn_modem_config_default(struct csn_modem_config *ret_config);

/* CSN_MODEM_OK, or which member is out of bounds. */
int
csn_modem_config_check(const struct csn_modem_config *config);

/* A sentence for an enum csn_modem_error, a short word for the others; never NULL. */
const char *
csn_modem_error_text(int error);
const char *
csn_modem_profile_name(enum csn_modem_profile profile);

/* ---- sending ---------------------------------------------------------- */

struct csn_modem_tx;

/* Bytes of memory one sender needs, aligned as malloc aligns. */
size_t
csn_modem_tx_size(void);

/*
 * Prepares one burst in the caller's memory.  The message is copied.  The
 * caller appends at least 0.3 s of silence to what is rendered, because sound
 * systems fade or cut the end.
 */
int
csn_modem_tx_init(void *memory, size_t size, const struct csn_modem_config *config,
                  enum csn_modem_profile profile, const uint8_t *message, size_t len,
                  struct csn_modem_tx **ret_tx);

/* Writes the next samples of the burst, mono; returns how many, 0 at its end. */
size_t
csn_modem_tx_render(struct csn_modem_tx *tx, float *samples, size_t n);

/* Samples of the whole burst, from the first to the last that is not zero. */
size_t
csn_modem_tx_length(const struct csn_modem_tx *tx);

/* The same before there is a sender; 0 when an argument is out of bounds. */
size_t
csn_modem_burst_length(const struct csn_modem_config *config,
                       enum csn_modem_profile profile, size_t len);

/* ---- receiving -------------------------------------------------------- */

struct csn_modem_rx;

/* How far an attempt came. */
enum csn_modem_stage {
	CSN_MODEM_STAGE_PREAMBLE, /* looked like a preamble, the pair did not confirm */
	CSN_MODEM_STAGE_TRUNCATED,/* the sound stopped or was overtaken before the end */
	CSN_MODEM_STAGE_DECODE,   /* heard whole, the error correction did not converge */
	CSN_MODEM_STAGE_FRAME,    /* CRC right, but the frame makes no sense */
	CSN_MODEM_STAGE_DONE,     /* a message */
};

/* The most likely reason why nothing (or nothing good) arrives. */
enum csn_modem_cause {
	CSN_MODEM_CAUSE_NONE,
	CSN_MODEM_CAUSE_MUTED,    /* digital silence, or next to it */
	CSN_MODEM_CAUSE_RATE,     /* 44.1 kHz sound declared as 48 kHz */
	CSN_MODEM_CAUSE_CLIPPED,  /* the converter is driven to full scale */
	CSN_MODEM_CAUSE_VOICE,    /* sound, but near-ultrasound is filtered away */
	CSN_MODEM_CAUSE_FAR,      /* too little signal over the noise */
	CSN_MODEM_CAUSE_ECHO,     /* signal enough, but its echo is too long */
	CSN_MODEM_CAUSE_PROFILE,  /* it moves or echoes: another profile would do */
	CSN_MODEM_CAUSE_NOISE,    /* noise or drop-outs within the burst */
	CSN_MODEM_CAUSE_LOST,     /* samples are missing, the rest moved up */
};

const char *
csn_modem_stage_name(enum csn_modem_stage stage);
const char *
csn_modem_cause_name(enum csn_modem_cause cause); /* one word that stays: "far" */
const char *
csn_modem_cause_text(enum csn_modem_cause cause);

/* Preamble score and in-band ratio below which a profile is not expected to work. */
float
csn_modem_least_score(enum csn_modem_profile profile);
float
csn_modem_least_snr_db(enum csn_modem_profile profile);

/* What one attempt looked like.  Figures not reached yet are zero. */
struct csn_modem_report {
	enum csn_modem_profile profile;
	enum csn_modem_stage   stage;
	enum csn_modem_cause   cause;
	float    level_dbfs;   /* rms of the burst within the band */
	float    snr_db;       /* within the band, noise and echo residue together */
	float    score;        /* of the preamble, 0..1 */
	float    clock_ppm;    /* clock offset and Doppler: positive = burst arrives stretched */
	float    echo_ms;      /* after the first sound, until 90 % of the energy is in */
	uint32_t combined;     /* bursts whose soft bits were added, 1 = this one alone */
	uint64_t start_sample; /* since init */
	uint64_t end_sample;   /* one after the burst's last sample */
};

/* One attempt: a message when report.stage is CSN_MODEM_STAGE_DONE, else len is 0. */
struct csn_modem_event {
	struct csn_modem_report report;
	size_t  len;
	uint8_t message[CSN_MODEM_MESSAGE_MAX];
};

/* A running picture for a live meter; about the last 0.1 s unless said otherwise. */
struct csn_modem_meter {
	float    level_dbfs;   /* everything the microphone hears */
	float    band_dbfs;    /* within the band */
	float    floor_dbfs;   /* quietest band level of the last seconds */
	float    score;        /* best preamble score since the last call */
	float    clipped;      /* share of samples at full scale */
	enum csn_modem_cause cause; /* of silence; NONE while the input looks healthy */
	uint64_t samples;      /* fed since init */
	uint64_t bad_samples;  /* of them NaN, infinite or absurd, taken as zero */
	uint64_t false_starts; /* preamble-like sounds that were not confirmed */
};

/* Bytes of memory one receiver needs, aligned as malloc aligns; at most 1 MiB. */
size_t
csn_modem_rx_size(void);

int
csn_modem_rx_init(void *memory, size_t size, const struct csn_modem_config *config,
                  struct csn_modem_rx **ret_rx);

/*
 * Takes any number of samples, any values.  Decoding happens inside this call
 * when the last sample of a burst has come.  Events wait in a short queue
 * (8): poll after each call; the oldest failed attempt, then the oldest, is
 * given up when it overflows.
 */
void
csn_modem_rx_feed(struct csn_modem_rx *rx, const float *samples, size_t n);

/* 1 and one event, oldest first, or 0 when none waits. */
int
csn_modem_rx_next(struct csn_modem_rx *rx, struct csn_modem_event *ret_event);

void
csn_modem_rx_meter(struct csn_modem_rx *rx, struct csn_modem_meter *ret_meter);

/*
 * The constellation of the attempt made last: two bits a point, equalised before any
 * correction, where +-1 was sent.  Returns how many of at most @room.
 */
size_t
csn_modem_rx_points(const struct csn_modem_rx *rx, float (*xy)[2], size_t room);

/* Forgets sound heard, soft bits kept and events queued; the band stays. */
void
csn_modem_rx_reset(struct csn_modem_rx *rx);

#ifdef __cplusplus
}
#endif

#endif
