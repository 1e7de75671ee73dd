/*
 * One code's modules out of a picture, on a warp that is made here: from three finder
 * patterns, then alignment patterns, then from how well the modules themselves stand out.
 */
#ifndef CHANNEL_QR_GRID_H
#define CHANNEL_QR_GRID_H

#include "qr-find.h"
#include "qr-spec.h"
#include "qr-warp.h"

enum {
	/* Two samples a module, both edges, and one sample more all round. */
	QR_HALF_MAX  = 2 * QR_SIDE_MAX + 3,
	QR_AREAS_MAX = (QR_SIDE_MAX + 7) / 8, /* of eight modules, along a side */
	QR_TAPS      = 25,
};

struct qr_grid {
	struct qr_warp warp;
	unsigned       side;
	unsigned       wide;       /* samples in a row of @half */
	float          module_px;
	float          contrast;   /* of linear light, median of the areas */
	float          middle[QR_AREAS_MAX * QR_AREAS_MAX];
	float          swing[QR_AREAS_MAX * QR_AREAS_MAX];
	float          half[QR_HALF_MAX * QR_HALF_MAX];
	float          middle_at[QR_MODULES_MAX];  /* threshold of each module */
	float          inverse_at[QR_MODULES_MAX]; /* one over half the local contrast */
	float          soft[QR_MODULES_MAX];
	float          tap[QR_TAPS + 1];
	float          misfit; /* of the equaliser on what it was trained with: 0 good, 1 none */
};

static inline float
qr_clamp(float value, float low, float high)
{
	/* In this order a NaN becomes @low. */
	return value > low ? value < high ? value : high : low;
}

/* Index in @half of the middle of a module. */
static inline size_t
qr_grid_middle(const struct qr_grid *grid, unsigned row, unsigned column)
{
	return (size_t)(2 * row + 2) * grid->wide + 2 * column + 2;
}

/* A module's light, from its middle, @at in half, and what lies half a module round it. */
float qr_grid_light(const struct qr_grid *grid, size_t at);

/* Between the values at the middles of areas, linearly; in areas. */
float qr_grid_between(const float *area, unsigned areas, float x, float y);

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

/* Searches for alignment patterns and fits the warp to them. */
void qr_grid_align(struct qr_grid *grid, const struct qr_picture *picture,
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
