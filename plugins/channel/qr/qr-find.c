#include "qr-find.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMOOTH_WIDE = 2, /* squares each way that a threshold averages */
	SMOOTH_NEAR = 1,
	RUNS        = 5, /* dark light dark light dark */
	KEPT_MAX    = 24, /* of the half picture's */
	CROSSES_MAX = 6000, /* crossings examined in one picture */
};

void
qr_find_done(struct qr_finder_search *search)
{
	qr_dark_done(&search->dark);
}

/* Do five runs look like 1:1:3:1:1? */
static bool
like_finder(const float run[RUNS])
{
	float total = 0;

	for (int i = 0; i < RUNS; i++)
		total += run[i];
	float unit = total / 7;

	if (unit < 1 || run[2] < 1.8f * unit || run[2] > 4.4f * unit)
		return false;
	for (int i = 0; i < RUNS; i++)
		if (i != 2 && (run[i] < 0.35f * unit || run[i] > 1.9f * unit))
			return false;
	/* The outer rings are alike on both sides, whatever blur has done to them. */
	return fabsf(run[0] + run[1] - run[3] - run[4]) < 1.4f * unit;
}

/* Ends of the three runs from the middle outwards on both ways, in pixels from it. */
static bool
measure_runs(float edge[2][3], float run[RUNS], float *ret_middle)
{
	run[0] = edge[0][2] - edge[0][1];
	run[1] = edge[0][1] - edge[0][0];
	run[2] = edge[0][0] + edge[1][0];
	run[3] = edge[1][1] - edge[1][0];
	run[4] = edge[1][2] - edge[1][1];
	*ret_middle = (edge[1][0] - edge[0][0] + edge[1][1] - edge[0][1] + edge[1][2] -
	               edge[0][2]) / 6;
	return like_finder(run);
}

/*
 * Measures the five runs through (x, y) along a unit step, no further than @limit
 * pixels each way.  The middle of the centre run is returned as a distance from (x, y).
 */
static bool
cross(const struct qr_finder_search *search, const struct qr_picture *picture, float x, float y,
      float dx, float dy, float limit, float run[RUNS], float *ret_middle)
{
	const float step = 0.5f;
	float edge[2][3];

	for (int way = 0; way < 2; way++) {
		float sx = way == 0 ? -dx : dx, sy = way == 0 ? -dy : dy, far = 0;

		for (int part = 0; part < 3; part++) {
			bool want = part != 1;

			for (;; far += step) {
				float px = x + sx * far, py = y + sy * far;

				if (far > limit)
					return false;
				if (!(px >= 0 && py >= 0 && px < (float)picture->width &&
				      py < (float)picture->height)) {
					if (part == 2)
						break;
					return false;
				}
				if ((qr_dark_row(&search->dark, (uint32_t)py)[(uint32_t)px] != 0) != want)
					break;
			}
			edge[way][part] = far;
		}
	}
	return measure_runs(edge, run, ret_middle);
}

/*
 * The same along a row or a column, pixel by pixel: @at is the pixel of the place, @before
 * and @after how many there are on either side, @part how far into its pixel the place is.
 */
static bool
cross_straight(const uint8_t *at, ptrdiff_t step, int before, int after, float part, float limit,
               float run[RUNS], float *ret_middle)
{
	float edge[2][3];

	for (int way = 0; way < 2; way++) {
		int far = 0, left = way == 0 ? before : after;
		int most = limit < (float)left ? (int)limit : left;
		ptrdiff_t forward = way == 0 ? -step : step;
		float off = way == 0 ? part : 1 - part;

		for (int k = 0; k < 3; k++) {
			uint8_t want = k != 1 ? UINT8_MAX : 0;

			while (far <= most && at[far * forward] == want)
				far++;
			if (far > most && (k < 2 || most < left))
				return false;
			edge[way][k] = (float)far - 1 + off;
		}
	}
	return measure_runs(edge, run, ret_middle);
}

static bool
cross_row(const struct qr_finder_search *search, const struct qr_picture *picture, float x,
          float y, float limit, float run[RUNS], float *ret_middle)
{
	int ix = (int)x, iy = (int)y;

	if (!(x >= 0 && y >= 0) || ix >= (int)picture->width || iy >= (int)picture->height)
		return false;
	return cross_straight(qr_dark_row(&search->dark, (uint32_t)iy) + ix, 1, ix,
	                      (int)picture->width - 1 - ix, x - (float)ix, limit, run, ret_middle);
}

static bool
cross_column(const struct qr_finder_search *search, const struct qr_picture *picture, float x,
             float y, float limit, float run[RUNS], float *ret_middle)
{
	int ix = (int)x, iy = (int)y;

	if (!(x >= 0 && y >= 0) || ix >= (int)picture->width || iy >= (int)picture->height)
		return false;
	return cross_straight(qr_dark_row(&search->dark, (uint32_t)iy) + ix,
	                      (ptrdiff_t)search->dark.stride, iy, (int)picture->height - 1 - iy,
	                      y - (float)iy, limit, run, ret_middle);
}

static float
length(const float run[RUNS])
{
	return run[0] + run[1] + run[2] + run[3] + run[4];
}

/* Is the middle darker than its surroundings by a fair part of the picture's range? */
static bool
stands_out(const struct qr_finder_search *search, const struct qr_picture *picture, float x, float y)
{
	const unsigned part = 16;
	int ix = (int)x, iy = (int)y;
	unsigned sum = 0;

	if (ix < 1 || iy < 1 || ix + 1 >= (int)picture->width || iy + 1 >= (int)picture->height)
		return false;
	for (int j = iy - 1; j <= iy + 1; j++)
		for (int i = ix - 1; i <= ix + 1; i++)
			sum += picture->grey[(size_t)j * picture->stride + (size_t)i];
	unsigned around = search->dark.threshold[(uint32_t)iy / QR_TILE * search->dark.tiles_x +
	                                         (uint32_t)ix / QR_TILE];
	return around * 9 > sum + 9 * search->dark.range / part;
}

/* Crosses a candidate down, across and down again; its centre and size if it holds. */
static bool
confirm(const struct qr_finder_search *search, const struct qr_picture *picture, float x,
        float y, float total, struct qr_finder *ret_finder)
{
	float run[RUNS], middle;

	if (!cross_column(search, picture, x, y, total * 1.5f, run, &middle))
		return false;
	float high = length(run);
	if (high > 2.2f * total || total > 2.2f * high)
		return false;
	y += middle;
	if (!cross_row(search, picture, x, y, total * 1.5f, run, &middle))
		return false;
	x += middle;
	float wide = length(run);
	if (!cross_column(search, picture, x, y, total * 1.5f, run, &middle))
		return false;
	y += middle;
	if (!stands_out(search, picture, x, y))
		return false;
	*ret_finder = (struct qr_finder){ { x, y }, (wide + length(run)) / 14, 1 };
	return true;
}

/* Makes room: rows beyond @y cannot confirm what one row crossed well above it. */
static void
drop_passing(struct qr_finder_search *search, float y)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < search->finders; i++) {
		const struct qr_finder *finder = &search->finder[i];

		if (finder->hits > 1 || finder->centre.y + 3 * finder->unit > y)
			search->finder[kept++] = *finder;
	}
	search->finders = kept;
}

static void
add_finder(struct qr_finder_search *search, struct qr_finder add)
{
	for (unsigned i = 0; i < search->finders; i++) {
		struct qr_finder *old = &search->finder[i];

		if (fabsf(old->centre.x - add.centre.x) > 2.5f * old->unit ||
		    fabsf(old->centre.y - add.centre.y) > 2.5f * old->unit)
			continue;
		float n = (float)old->hits, part = 1 / (n + 1);
		old->centre.x = (old->centre.x * n + add.centre.x) * part;
		old->centre.y = (old->centre.y * n + add.centre.y) * part;
		old->unit = (old->unit * n + add.unit) * part;
		old->hits++;
		return;
	}
	if (search->finders == QR_FINDERS_MAX)
		drop_passing(search, add.centre.y);
	if (search->finders < QR_FINDERS_MAX)
		search->finder[search->finders++] = add;
}

/* Ends of runs of one row: the first run is light, perhaps empty. */
static unsigned
split_row(struct qr_finder_search *search, const struct qr_picture *picture, uint32_t y)
{
	const uint8_t *dark = qr_dark_row(&search->dark, y);
	uint16_t *runs = search->runs;
	uint8_t before = 0;
	uint32_t x = 0;
	unsigned n = 0;

	for (; x + sizeof(uint64_t) <= picture->width; x += sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, dark + x, sizeof eight);
		if (eight == (before ? UINT64_MAX : 0))
			continue;
		for (unsigned i = 0; i < sizeof eight; i++) { /* no branch: noise foretells none */
			runs[n] = (uint16_t)(x + i);
			n += (unsigned)(dark[x + i] ^ before) & 1;
			before = dark[x + i];
		}
	}
	for (; x < picture->width; x++) {
		runs[n] = (uint16_t)x;
		n += (unsigned)(dark[x] ^ before) & 1;
		before = dark[x];
	}
	runs[n++] = (uint16_t)picture->width;
	return n;
}

static void
scan_rows(struct qr_finder_search *search, const struct qr_picture *picture)
{
	uint32_t step = picture->height >= 400 ? 3 : 2;
	unsigned tried = 0;

	search->crossed = 0;
	for (uint32_t y = step / 2; y < picture->height; y += step) {
		unsigned n = split_row(search, picture, y);

		for (unsigned i = 0; i + RUNS < n && tried < CROSSES_MAX; i += 2) {
			const uint16_t *end = search->runs + i;
			float run[RUNS];
			struct qr_finder found;

			for (int k = 0; k < RUNS; k++)
				run[k] = (float)(end[k + 1] - end[k]);
			if (!like_finder(run))
				continue;
			tried++;
			if (confirm(search, picture, (float)(end[2] + end[3]) / 2,
			            (float)y + 0.5f, length(run), &found)) {
				search->crossed++;
				add_finder(search, found);
			}
		}
	}
}

static int
by_hits(const void *left, const void *right)
{
	const struct qr_finder *a = left, *b = right;

	if (a->hits != b->hits)
		return a->hits < b->hits ? 1 : -1;
	return a->unit < b->unit ? 1 : a->unit > b->unit ? -1 : 0;
}

static int
by_penalty(const void *left, const void *right)
{
	const struct qr_triple *a = left, *b = right;

	return a->penalty < b->penalty ? -1 : a->penalty > b->penalty;
}

static float
distance(struct qr_point a, struct qr_point b)
{
	return hypotf(a.x - b.x, a.y - b.y);
}

/* Pixels a module of a finder along the direction to another one. */
static float
measure_unit(const struct qr_finder_search *search, const struct qr_picture *picture,
             const struct qr_finder *finder, struct qr_point to)
{
	float far = distance(finder->centre, to), run[RUNS], middle;

	if (far > 1 && cross(search, picture, finder->centre.x, finder->centre.y,
	                     (to.x - finder->centre.x) / far, (to.y - finder->centre.y) / far,
	                     finder->unit * 10, run, &middle))
		return length(run) / 7;
	return finder->unit;
}

/* The same by index, measured once in a picture: every three asks for the same pairs. */
static float
unit_towards(struct qr_finder_search *search, const struct qr_picture *picture, unsigned from,
             unsigned to)
{
	float *unit = &search->unit[from][to];

	if (*unit == 0)
		*unit = measure_unit(search, picture, &search->finder[from],
		                     search->finder[to].centre);
	return *unit;
}

/*
 * Measures the way from one finder to another.  Along a line in perspective the true
 * length is the seen one over the geometric mean of the scales at its ends.
 */
static float
modules_between(struct qr_finder_search *search, const struct qr_picture *picture, unsigned from,
                unsigned to, float *ret_lean)
{
	float near = unit_towards(search, picture, from, to);
	float far = unit_towards(search, picture, to, from);

	*ret_lean = sqrtf(near / far) - 1;
	return distance(search->finder[from].centre, search->finder[to].centre) /
	       sqrtf(near * far);
}

/* @corner between @a and @b: is that a code's corner?  Adds it to the list if so. */
static void
judge(struct qr_finder_search *search, const struct qr_picture *picture, unsigned at,
      unsigned at_a, unsigned at_b)
{
	const struct qr_finder *corner = &search->finder[at];
	const struct qr_finder *a = &search->finder[at_a], *b = &search->finder[at_b];
	float ax = a->centre.x - corner->centre.x, ay = a->centre.y - corner->centre.y;
	float bx = b->centre.x - corner->centre.x, by = b->centre.y - corner->centre.y;
	float la = hypotf(ax, ay), lb = hypotf(bx, by), turn = ax * by - ay * bx;

	if (la > 2.2f * lb || lb > 2.2f * la || fabsf(ax * bx + ay * by) > 0.55f * la * lb)
		return;

	struct qr_triple triple = {
		.top_left = *corner,
		.top_right = turn > 0 ? *a : *b,
		.bottom_left = turn > 0 ? *b : *a,
	};
	triple.across = modules_between(search, picture, at, turn > 0 ? at_a : at_b,
	                                &triple.lean_across);
	triple.down = modules_between(search, picture, at, turn > 0 ? at_b : at_a,
	                              &triple.lean_down);
	float mean = (triple.across + triple.down) / 2;
	float uneven = fabsf(triple.across - triple.down) / mean;

	if (mean < 11 || mean > QR_SIDE_MAX + 8 || uneven > 0.35f)
		return;
	float hits = (float)(corner->hits < a->hits ? corner->hits : a->hits);
	hits = hits < (float)b->hits ? hits : (float)b->hits;
	triple.penalty = uneven + fabsf(triple.lean_across) * 0.3f +
	                 fabsf(triple.lean_down) * 0.3f +
	                 0.3f * fabsf(ax * bx + ay * by) / (la * lb) + 0.3f / hits;

	if (search->triples < QR_TRIPLES_MAX) {
		search->triple[search->triples++] = triple;
		return;
	}
	unsigned worst = 0;
	for (unsigned i = 1; i < QR_TRIPLES_MAX; i++)
		if (search->triple[i].penalty > search->triple[worst].penalty)
			worst = i;
	if (search->triple[worst].penalty > triple.penalty)
		search->triple[worst] = triple;
}

static void
combine(struct qr_finder_search *search, const struct qr_picture *picture)
{
	const struct qr_finder *f = search->finder;
	unsigned n = search->finders < QR_TRIED_MAX ? search->finders : QR_TRIED_MAX;

	search->triples = 0;
	memset(search->unit, 0, sizeof search->unit);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = i + 1; j < n; j++) {
			if (f[i].unit > 1.9f * f[j].unit || f[j].unit > 1.9f * f[i].unit)
				continue;
			for (unsigned k = j + 1; k < n; k++) {
				if (f[k].unit > 1.9f * f[j].unit || f[j].unit > 1.9f * f[k].unit ||
				    f[k].unit > 1.9f * f[i].unit || f[i].unit > 1.9f * f[k].unit)
					continue;
				float ij = distance(f[i].centre, f[j].centre);
				float jk = distance(f[j].centre, f[k].centre);
				float ik = distance(f[i].centre, f[k].centre);

				if (jk >= ij && jk >= ik)
					judge(search, picture, i, j, k);
				else if (ik >= ij)
					judge(search, picture, j, i, k);
				else
					judge(search, picture, k, i, j);
			}
		}
	}
	qsort(search->triple, search->triples, sizeof search->triple[0], by_penalty);
}

/* Keeps the small finders of the picture's half, in pixels of the whole. */
static void
enlarge(struct qr_finder_search *search)
{
	const float largest = 3.5f; /* those above were tried there */
	unsigned kept = 0;

	for (unsigned i = 0; i < search->finders && kept < KEPT_MAX; i++) {
		struct qr_finder finder = search->finder[i];

		if (finder.unit > largest)
			continue;
		finder.centre.x *= 2;
		finder.centre.y *= 2;
		finder.unit *= 2;
		search->finder[kept++] = finder;
	}
	search->finders = kept;
}

int
qr_find(struct qr_finder_search *search, const struct qr_picture *picture,
        enum qr_focus focus, bool from_half)
{
	int r = qr_dark_make(&search->dark, picture,
	                     focus == QR_FOCUS_NEAR ? SMOOTH_NEAR : SMOOTH_WIDE);
	if (r < 0)
		return r;
	if (from_half)
		enlarge(search);
	else
		search->finders = 0;
	scan_rows(search, picture);
	qsort(search->finder, search->finders, sizeof search->finder[0], by_hits);
	combine(search, picture);
	return QR_OK;
}
