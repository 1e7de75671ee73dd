/* Looks for the finder patterns of QR codes in one picture, and for threes that belong together. */
#ifndef CHANNEL_QR_FIND_H
#define CHANNEL_QR_FIND_H

#include "qr-dark.h"

enum {
	QR_FINDERS_MAX = 128, /* in one picture */
	QR_TRIED_MAX   = 36,  /* of these, that are combined */
	QR_TRIPLES_MAX = 160, /* that are tried */
};

struct qr_finder {
	struct qr_point centre;
	float           unit; /* pixels a module, roughly */
	unsigned        hits; /* rows that crossed it */
};

struct qr_triple {
	struct qr_finder top_left;
	struct qr_finder top_right;
	struct qr_finder bottom_left;
	float            across; /* modules between the centres, measured each way */
	float            down;
	float            lean_across; /* perspective: scale at the near end over the far end, */
	float            lean_down;   /* its root less 1, along the top and along the left */
	float            penalty;     /* how unlike a square it is; small is good */
	float            rank;        /* left to the caller */
};

enum qr_focus { /* how far a threshold looks round itself */
	QR_FOCUS_WIDE,
	QR_FOCUS_NEAR, /* finds blurred patterns that the wide one takes for one blot */
};

struct qr_finder_search { /* scratch memory and results */
	struct qr_dark   dark;
	uint16_t         runs[QR_PICTURE_MAX + 8];
	unsigned         crossed; /* times that a row met a finder pattern */
	struct qr_finder finder[QR_FINDERS_MAX];
	unsigned         finders;
	float            unit[QR_TRIED_MAX][QR_TRIED_MAX]; /* a module of one, towards another */
	struct qr_triple triple[QR_TRIPLES_MAX];
	unsigned         triples;
};

void qr_find_done(struct qr_finder_search *search);

/*
 * Fills in finder and triple, best first.  With @from_half the finders already there came
 * from the same picture at half its size and take part, as noise is less there.
 * QR_OK, with or without any; or QR_E_NOMEM.
 */
int qr_find(struct qr_finder_search *search, const struct qr_picture *picture,
            enum qr_focus focus, bool from_half);

#endif
