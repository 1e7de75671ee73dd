/*
 * Reads QR codes from a run of grey pictures.  Every picture is hostile until a code's
 * checks pass; the work on one picture is bounded by count, not by a clock.
 * One reader belongs to one thread at a time.
 */
#ifndef CHANNEL_QR_READ_H
#define CHANNEL_QR_READ_H

#include "qr.h"

struct qr_reader;

struct qr_reader_options {
	unsigned max_codes;   /* in one picture, 1 to QR_CODES_MAX; 0: 1 */
	bool     own_only;    /* ask neither zxing nor zbar */
	bool     no_merge;    /* never combine several pictures of one code */
	bool     repeats;     /* also yield a payload equal to the place's last one */
};

enum qr_cause { /* the one likely reason why nothing was read; most severe first */
	QR_CAUSE_NONE,     /* the picture was read */
	QR_CAUSE_NO_CODE,  /* nothing that looks like a QR code */
	QR_CAUSE_CUT,      /* a part of the code lies outside the picture */
	QR_CAUSE_SMALL,    /* too few pixels a module */
	QR_CAUSE_DARK,     /* hardly any light */
	QR_CAUSE_BRIGHT,   /* clipped white, thin modules vanish */
	QR_CAUSE_CONTRAST, /* dark and light too close together */
	QR_CAUSE_BLUR,     /* out of focus or moving */
	QR_CAUSE_TORN,     /* two shown codes in one picture */
	QR_CAUSE_COVERED,  /* a part of the code is hidden or glares */
	QR_CAUSE_NOISE,    /* none of the others: noise */
	QR_CAUSE_COUNT
};

struct qr_report { /* about the last picture fed, its best code */
	enum qr_cause   cause;
	unsigned        codes_seen;    /* found in the picture */
	unsigned        codes_read;    /* of these, decoded */
	unsigned        version;       /* 0: not known */
	struct qr_point corner[4];     /* top left, top right, bottom right, bottom left */
	float           module_px;     /* pixels a module; 0: not known */
	float           blur_modules;  /* width of an edge, in modules */
	float           contrast;      /* 0 to 1: light less dark, of the full range */
	float           light;         /* 0 to 1: median light module */
	float           clipped;       /* 0 to 1: share of light modules at full white */
	float           quiet_modules; /* least quiet zone, in modules, up to 4 */
	float           torn;          /* 0 to 1: share of rows that look blended */
	float           noise;         /* 0 to 1: spread within a class, of the contrast */
	float           corrected;     /* 0 to 1: share of the code words repaired */
	unsigned        merged;        /* pictures that took part in the reading */
	uint64_t        time_ns;       /* as fed */
};

/* Totals since the reader was made. */
struct qr_reader_counts {
	uint64_t pictures;
	uint64_t tracked;  /* codes read from a known place, without a search */
	uint64_t searched; /* codes read after our own search */
	uint64_t merged;   /* codes read from several pictures together */
	uint64_t parted;   /* codes read from pictures that mix two */
	uint64_t zxing;    /* codes that only zxing read */
	uint64_t zbar;     /* codes that only zbar read */
};

/* NULL: no memory.  @options may be NULL; they are copied. */
struct qr_reader *qr_reader_new(const struct qr_reader_options *options);

void qr_reader_free(struct qr_reader *reader);

/*
 * Looks at one picture; payloads of an earlier one that were not fetched are dropped.
 * Returns the number of payloads that qr_reader_next will yield, or QR_E_INVALID for a
 * picture without pixels, a stride below the width or a side above QR_PICTURE_MAX.
 * @time_ns only grows; equal or smaller times forget what was tracked.
 */
int qr_reader_feed(struct qr_reader *reader, const uint8_t *grey, uint32_t width,
                   uint32_t height, size_t stride, uint64_t time_ns);

/* The next payload: true and the bytes, borrowed until the next feed; or false. */
bool qr_reader_next(struct qr_reader *reader, struct qr_bytes *ret_bytes);

/* Forgets what is tracked and merged, as if the reader were new. */
void qr_reader_reset(struct qr_reader *reader);

void qr_reader_report(const struct qr_reader *reader, struct qr_report *ret_report);
void qr_reader_counts(const struct qr_reader *reader, struct qr_reader_counts *ret_counts);

#endif
