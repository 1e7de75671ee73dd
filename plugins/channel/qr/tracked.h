/*
 * Our own reader: finds codes, keeps their place from picture to picture, and puts
 * several pictures of one code together when none of them is enough.
 */
#ifndef CHANNEL_QR_TRACKED_H
#define CHANNEL_QR_TRACKED_H

#include "qr-decode.h"
#include "qr-read.h"

struct qr_eye;

enum qr_way { /* how a code came to be read */
	QR_WAY_SEARCHED,
	QR_WAY_TRACKED,
	QR_WAY_MERGED,
	QR_WAY_PARTED, /* from a picture that mixes two codes */
};

struct qr_sight { /* one code read from the last picture; borrowed until the next look */
	const struct qr_symbol *symbol;
	enum qr_way             way;
	bool                    fresh; /* its payload is not the one last read there */
};

/* NULL: no memory. */
struct qr_eye *qr_eye_new(unsigned max_codes, bool merge);
void qr_eye_free(struct qr_eye *eye);
void qr_eye_forget(struct qr_eye *eye);

/* Returns how many codes were read, or QR_E_NOMEM. */
int qr_eye_look(struct qr_eye *eye, const struct qr_picture *picture);

/* @index below what qr_eye_look returned. */
struct qr_sight qr_eye_sight(const struct qr_eye *eye, unsigned index);

/*
 * The last picture, perhaps at half its size, if it was searched and has few enough finder
 * patterns for other readers to bear; else NULL.  Some of those try every three of all
 * there are, which takes minutes for a picture full of them.
 */
const struct qr_picture *qr_eye_harmless(struct qr_eye *eye);

/* Finder patterns, at most, that one search of the last picture met. */
unsigned qr_eye_crowd(const struct qr_eye *eye);

/* What was seen in the last picture; the cause is left to qr_diagnose. */
const struct qr_report *qr_eye_report(const struct qr_eye *eye);

#endif
