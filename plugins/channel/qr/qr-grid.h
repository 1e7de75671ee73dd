/*
 * One code's modules out of a picture, on a warp that is made here: from three finder
 * patterns, then alignment patterns, then from how well the modules themselves stand out.
 */
#ifndef CHANNEL_QR_GRID_H
#define CHANNEL_QR_GRID_H

#include "qr-find.h"
#include "qr-spec.h"
#include "qr-vec.h"
#include "qr-warp.h"

enum {
	/* Two samples a module, both edges, and one sample more all round. */
	QR_HALF_MAX  = 2 * QR_SIDE_MAX + 3,
	QR_AREAS_MAX = (QR_SIDE_MAX + 7) / 8, /* of eight modules, along a side */
	QR_AREA      = 8, /* modules a side of the areas that have a threshold of their own */
	QR_TAPS      = 25,
	QR_PAD       = 8, /* numbers that fours and eights may run over the end of an array */
};

struct qr_grid {
	struct qr_warp warp;
	unsigned       side;
	unsigned       wide;       /* samples in a row of @half: even ones, then odd ones */
	float          module_px;
	float          contrast;   /* of linear light, median of the areas */
	float          middle[QR_AREAS_MAX * QR_AREAS_MAX];
	float          swing[QR_AREAS_MAX * QR_AREAS_MAX];
	float          half[QR_HALF_MAX * QR_HALF_MAX + 2 * QR_PAD];
	float          light[QR_MODULES_MAX + QR_PAD]; /* of each module */
	float          middle_at[QR_MODULES_MAX + QR_PAD];  /* threshold of each module */
	float          inverse_at[QR_MODULES_MAX + QR_PAD]; /* one over half the local contrast */
	float          soft[QR_MODULES_MAX + QR_PAD];
	float          tap[QR_TAPS + 1];
	float          misfit; /* of the equaliser on what it was trained with: 0 good, 1 none */
};

static inline float
qr_clamp(float value, float low, float high)
{
	/* In this order a NaN becomes @low. */
	return value > low ? value < high ? value : high : low;
}

/* A row of samples: module c's middle is even[c + 1], its edges are odd[c] and odd[c + 1]. */
static inline const float *
qr_grid_even(const struct qr_grid *grid, unsigned row)
{
	return grid->half + (size_t)row * grid->wide;
}

static inline const float *
qr_grid_odd(const struct qr_grid *grid, unsigned row)
{
	return grid->half + (size_t)row * grid->wide + grid->side + 2;
}

static inline unsigned
qr_grid_areas(const struct qr_grid *grid)
{
	return (grid->side + QR_AREA - 1) / QR_AREA;
}

/* First row or column of the area's modules; the last one reaches back, so that all are whole. */
static inline unsigned
qr_grid_area_start(const struct qr_grid *grid, unsigned area)
{
	return area + 1 < qr_grid_areas(grid) ? area * QR_AREA : grid->side - QR_AREA;
}

/* Thresholds of all modules, linearly between those of the areas; then soft modules. */
void qr_grid_threshold(struct qr_grid *grid, const float *middle, const float *swing,
                       float swing_least);

/* The @rank-th least and the @rank-th greatest of the values, which are put in another order. */
void qr_ends(float *value, unsigned n, unsigned rank, float *ret_low, float *ret_high);

/* Light at a place in a picture, and at four. */
float qr_light(const struct qr_picture *picture, float x, float y);
qr_f4 qr_light4(const struct qr_picture *picture, qr_f4 x, qr_f4 y);

/*
 * Versions to try, likeliest first, one or two: what the picture says near what distances
 * say.  @ret_said is how clearly the picture says it, 0 to 1; small versions do not.
 */
unsigned qr_grid_versions(const struct qr_picture *picture, const struct qr_triple *triple,
                          unsigned ret_versions[2], float *ret_said);

/* How much the three look like finder patterns as a whole: the worst, -1 to 1. */
float qr_grid_likeness(const struct qr_picture *picture, const struct qr_triple *triple);

/* A warp from three finder patterns and the version alone. */
bool qr_grid_begin(struct qr_grid *grid, const struct qr_triple *triple, unsigned side);

/* Moves a warp of the last picture to where the finder patterns are now, if they are seen. */
void qr_grid_follow(struct qr_grid *grid, const struct qr_picture *picture);

/* Searches for alignment patterns and fits the warp to them; how many samples that took. */
unsigned qr_grid_align(struct qr_grid *grid, const struct qr_picture *picture,
                           const struct qr_layout *layout, float reach);

/* Samples the picture; then thresholds and plain soft modules.  false: nothing there. */
bool qr_grid_sample(struct qr_grid *grid, const struct qr_picture *picture);

/* Bends the warp to where modules stand out most; the largest shift, in modules. */
float qr_grid_refine(struct qr_grid *grid);

/*
 * Undoes blur: learns a filter that turns samples into modules from the known ones and
 * from @guess (soft modules of the same code; NULL: the grid's own), and applies it to soft.
 */
bool qr_grid_equalise(struct qr_grid *grid, const struct qr_layout *layout, const float *guess);

#endif
