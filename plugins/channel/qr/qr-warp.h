/*
 * Where the modules of a code lie in a picture: a plane in perspective, and a smooth
 * bend on top of it for lenses and uneven screens.
 */
#ifndef CHANNEL_QR_WARP_H
#define CHANNEL_QR_WARP_H

#include "qr.h"

enum {
	QR_BEND_TERMS  = 10, /* all products of two coordinates up to the third degree */
	QR_POINTS_MAX  = 64,
};

/*
 * Module coordinates run from 0 to @side along each edge; inside they are scaled to
 * -1 to 1.  Pixels = plane(module + bend(module)).
 */
struct qr_warp {
	float    side;
	float    plane[9];
	float    bend[2][QR_BEND_TERMS]; /* of u and of v, in scaled units */
	bool     bent;
};

struct qr_pin { /* a place known both ways, or a shift seen there */
	float u; /* modules */
	float v;
	float x; /* pixels; for qr_warp_bend the shift in modules */
	float y;
	float weight;
};

/* Solves the symmetric n x n system a x = b in place, @a row by row; false: singular. */
bool qr_solve(double *a, double *b, unsigned n);

struct qr_point qr_warp_at(const struct qr_warp *warp, float u, float v);

/*
 * As qr_warp_at for @count places along a row, from @u on in steps of half a module.  The
 * arrays have room for a count rounded up to a multiple of four.
 */
void qr_warp_row(const struct qr_warp *warp, float u, float v, unsigned count, float *ret_x,
                 float *ret_y);

/* The plane that fits the pins best; at least four of them.  Clears the bend. */
bool qr_warp_fit(struct qr_warp *warp, float side, const struct qr_pin *pins, unsigned count);

/* Adds a smooth bend that fits the shifts at the pins. */
bool qr_warp_bend(struct qr_warp *warp, const struct qr_pin *pins, unsigned count);

/* The same warp in a picture of @scale times the pixels. */
void qr_warp_scale(struct qr_warp *warp, float scale);

#endif
