#include "qr-grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	AREA        = 8, /* modules a side of the areas that have a threshold of their own */
	TILES       = 6, /* along a side, for the bend */
	ALIGN_SIDE  = 5,
};

/* What a grey level means in light: cameras and screens share a curve of about 2. */
static float light[256];

__attribute__((constructor)) static void
make_light(void)
{
	for (unsigned i = 0; i < 256; i++)
		light[i] = powf((float)i / 255, 2.0f);
}

static inline float
sample(const struct qr_picture *picture, float x, float y)
{
	x = qr_clamp(x - 0.5f, 0, (float)picture->width - 1.01f);
	y = qr_clamp(y - 0.5f, 0, (float)picture->height - 1.01f);
	int ix = (int)x, iy = (int)y;
	float fx = x - (float)ix, fy = y - (float)iy;
	const uint8_t *at = picture->grey + (size_t)iy * picture->stride + ix;
	float top = light[at[0]] + fx * (light[at[1]] - light[at[0]]);

	at += picture->stride;
	float low = light[at[0]] + fx * (light[at[1]] - light[at[0]]);
	return top + fy * (low - top);
}

/* In s and t from 0 to 1 between finders: (O + s X + t Y) / (1 + g s + h t). */
static bool
begin_warp(struct qr_warp *warp, const struct qr_triple *triple, float side)
{
	float g = qr_clamp(triple->lean_across, -0.4f, 0.6f);
	float h = qr_clamp(triple->lean_down, -0.4f, 0.6f);
	struct qr_point o = triple->top_left.centre, a = triple->top_right.centre;
	struct qr_point b = triple->bottom_left.centre;
	float w = 1 + g + h, n = side;

	if (!(w > 0.2f))
		return false;
	const struct qr_pin pins[4] = {
		{ 3.5f, 3.5f, o.x, o.y, 1 },
		{ n - 3.5f, 3.5f, a.x, a.y, 1 },
		{ 3.5f, n - 3.5f, b.x, b.y, 1 },
		{ n - 3.5f, n - 3.5f, (a.x * (1 + g) + b.x * (1 + h) - o.x) / w,
		  (a.y * (1 + g) + b.y * (1 + h) - o.y) / w, 1 },
	};
	return qr_warp_fit(warp, n, pins, 4);
}

bool
qr_grid_begin(struct qr_grid *grid, const struct qr_triple *triple, unsigned side)
{
	grid->side = side;
	grid->wide = 2 * side + 3;
	return begin_warp(&grid->warp, triple, (float)side);
}

/* The warp near one place, as good as flat for a few modules round it. */
struct flat {
	struct qr_point at;
	struct qr_point u; /* pixels a module to the right */
	struct qr_point v; /* and down */
};

static struct flat
flatten(const struct qr_warp *warp, float u, float v)
{
	struct qr_point left = qr_warp_at(warp, u - 2, v), right = qr_warp_at(warp, u + 2, v);
	struct qr_point over = qr_warp_at(warp, u, v - 2), under = qr_warp_at(warp, u, v + 2);

	return (struct flat){
		qr_warp_at(warp, u, v),
		{ (right.x - left.x) / 4, (right.y - left.y) / 4 },
		{ (under.x - over.x) / 4, (under.y - over.y) / 4 },
	};
}

/*
 * Likeness of nested squares to the picture, -1 to 1, @du and @dv modules off the flat's
 * place.  @reach is 2 for an alignment pattern, 3 for a finder; the light ring is the
 * outermost but one.
 */
static float
likeness(const struct qr_picture *picture, const struct flat *flat, int reach, float du, float dv)
{
	float sum = 0, squares = 0, dark = 0, n = (float)((2 * reach + 1) * (2 * reach + 1));
	float lights = 8 * ((float)reach - 1), darks = n - lights;

	for (int dy = -reach; dy <= reach; dy++) {
		for (int dx = -reach; dx <= reach; dx++) {
			int ring = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
			float u = du + (float)dx, v = dv + (float)dy;
			float value = sample(picture, flat->at.x + u * flat->u.x + v * flat->v.x,
			                     flat->at.y + u * flat->u.y + v * flat->v.y);

			sum += value;
			squares += value * value;
			if (ring != reach - 1)
				dark += value;
		}
	}
	float spread = squares - sum * sum / n;

	if (!(spread > 1e-6f))
		return 0;
	return (sum * darks / n - dark) / sqrtf(spread * darks * lights / n);
}

/* Climbs to the best place within @reach modules of (u, v) in steps that shrink. */
static float
search_pattern(const struct qr_picture *picture, const struct qr_warp *warp, int rings,
               float reach, float *u, float *v)
{
	static const int8_t around[8][2] = { { -1, -1 }, { 0, -1 }, { 1, -1 }, { -1, 0 },
		                             { 1, 0 },   { -1, 1 }, { 0, 1 },  { 1, 1 } };
	const struct flat flat = flatten(warp, *u, *v);
	float best = -1, best_u = 0, best_v = 0;
	int n = (int)ceilf(reach / 0.5f);

	for (int j = -n; j <= n; j++) {
		for (int i = -n; i <= n; i++) {
			float du = (float)i * 0.5f, dv = (float)j * 0.5f;
			/* Near is likelier than far. */
			float far = (float)(i * i + j * j) / (float)(n * n + 1);
			float score = likeness(picture, &flat, rings, du, dv) - 0.1f * far;

			if (score > best) {
				best = score;
				best_u = du;
				best_v = dv;
			}
		}
	}
	best = likeness(picture, &flat, rings, best_u, best_v);
	for (float step = 0.25f; step > 0.1f; step /= 2) {
		float mu = best_u, mv = best_v;

		for (unsigned k = 0; k < 8; k++) {
			float du = mu + (float)around[k][0] * step;
			float dv = mv + (float)around[k][1] * step;
			float score = likeness(picture, &flat, rings, du, dv);

			if (score > best) {
				best = score;
				best_u = du;
				best_v = dv;
			}
		}
	}
	*u += best_u;
	*v += best_v;
	return best;
}

void
qr_grid_follow(struct qr_grid *grid, const struct qr_picture *picture)
{
	const float end = grid->warp.side - 3.5f, reach = 3;
	const float place[3][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end } };
	struct qr_pin pins[3];
	unsigned found = 0;

	for (unsigned i = 0; i < 3; i++) {
		float u = place[i][0], v = place[i][1];

		if (search_pattern(picture, &grid->warp, 3, reach, &u, &v) > 0.5f)
			pins[found++] = (struct qr_pin){ place[i][0], place[i][1],
				                         u - place[i][0], v - place[i][1], 1 };
	}
	if (found > 0)
		qr_warp_bend(&grid->warp, pins, found);
}

struct spot { /* an alignment pattern to look for */
	float u, v;
	float far; /* modules to the nearest finder */
};

static int
by_distance(const void *left, const void *right)
{
	const struct spot *a = left, *b = right;

	return a->far < b->far ? -1 : a->far > b->far;
}

static unsigned
list_spots(const struct qr_layout *layout, struct spot *ret_spots)
{
	unsigned centre[QR_ALIGN_MAX], n = qr_alignments(layout->version, centre), count = 0;
	float end = (float)layout->side - 3.5f;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			if (!qr_has_alignment(n, i, j))
				continue;
			float u = (float)centre[j] + 0.5f, v = (float)centre[i] + 0.5f;
			float far = hypotf(u - 3.5f, v - 3.5f);

			far = fminf(far, hypotf(u - end, v - 3.5f));
			far = fminf(far, hypotf(u - 3.5f, v - end));
			ret_spots[count++] = (struct spot){ u, v, far };
		}
	}
	qsort(ret_spots, count, sizeof *ret_spots, by_distance);
	return count;
}

void
qr_grid_align(struct qr_grid *grid, const struct qr_picture *picture,
              const struct qr_layout *layout, float reach)
{
	struct spot spots[QR_ALIGN_MAX * QR_ALIGN_MAX];
	struct qr_pin pins[QR_POINTS_MAX];
	unsigned spot_count = list_spots(layout, spots), count = 0;
	float end = grid->warp.side - 3.5f;
	const float known[4][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end }, { end, end } };

	/* The far corner is only a guess until a pattern near it is found. */
	for (unsigned i = 0; i < 4; i++) {
		struct qr_point p = qr_warp_at(&grid->warp, known[i][0], known[i][1]);

		pins[count++] = (struct qr_pin){ known[i][0], known[i][1], p.x, p.y,
			                         i < 3 ? 4 : 0.003f };
	}
	for (unsigned i = 0; i < spot_count && count < QR_POINTS_MAX; i++) {
		float u = spots[i].u, v = spots[i].v, far = spots[i].far;

		for (unsigned k = 4; k < count; k++)
			far = fminf(far, hypotf(pins[k].u - u, pins[k].v - v));
		float score = search_pattern(picture, &grid->warp, 2,
		                             fminf(reach + 0.05f * far, 3.5f), &u, &v);
		if (score < 0.55f)
			continue;
		struct qr_point p = qr_warp_at(&grid->warp, u, v);
		struct qr_warp better;

		pins[count++] = (struct qr_pin){ spots[i].u, spots[i].v, p.x, p.y,
			                         score * score };
		if (qr_warp_fit(&better, grid->warp.side, pins, count))
			grid->warp = better;
	}
}

/* The version words' modules as numbers above 0 for dark, spread 1; false: flat. */
static bool
read_version_bits(const struct qr_picture *picture, const struct qr_warp *warp, unsigned side,
                  float ret_bit[2 * QR_VERSION_BITS])
{
	for (unsigned copy = 0; copy < 2; copy++) {
		float *bit = ret_bit + copy * QR_VERSION_BITS, low = 1, high = 0;

		for (unsigned i = 0; i < QR_VERSION_BITS; i++) {
			unsigned at = qr_version_place(side, copy, i);
			struct qr_point p = qr_warp_at(warp, (float)(at % side) + 0.5f,
			                               (float)(at / side) + 0.5f);

			bit[i] = sample(picture, p.x, p.y);
			low = fminf(low, bit[i]);
			high = fmaxf(high, bit[i]);
		}
		if (!(high - low > 0.01f))
			return false;
		for (unsigned i = 0; i < QR_VERSION_BITS; i++)
			bit[i] = 1 - 2 * (bit[i] - low) / (high - low);
	}
	return true;
}

float
qr_grid_likeness(const struct qr_picture *picture, const struct qr_triple *triple)
{
	float side = (triple->across + triple->down) / 2 + 7, end = side - 3.5f;
	const float place[3][2] = { { 3.5f, 3.5f }, { end, 3.5f }, { 3.5f, end } };
	struct qr_warp warp;
	float least = 1;

	if (!begin_warp(&warp, triple, side))
		return -1;
	for (unsigned i = 0; i < 3; i++) {
		const struct flat flat = flatten(&warp, place[i][0], place[i][1]);

		least = fminf(least, likeness(picture, &flat, 3, 0, 0));
	}
	return least;
}

unsigned
qr_grid_versions(const struct qr_picture *picture, const struct qr_triple *triple,
                 unsigned ret_versions[2], float *ret_said)
{
	const int reach = 4, worded = 7;
	float exact = ((triple->across + triple->down) / 2 + 7 - 17) / 4;
	int near = (int)lroundf(qr_clamp(exact, 1, QR_VERSION_MAX));
	int other = exact > (float)near ? near + 1 : near - 1, best = 0;
	float bit[2 * QR_VERSION_BITS], best_score = 0.3f * 2 * QR_VERSION_BITS;
	struct qr_warp warp;
	unsigned side = qr_side((unsigned)near);

	if (near >= worded - 1 && begin_warp(&warp, triple, (float)side) &&
	    read_version_bits(picture, &warp, side, bit)) {
		for (int v = near - reach; v <= near + reach; v++) {
			float score = 0;

			if (v < worded || v > QR_VERSION_MAX)
				continue;
			for (unsigned i = 0; i < 2 * QR_VERSION_BITS; i++)
				score += qr_version_word((unsigned)v) >> i % QR_VERSION_BITS & 1
				                 ? bit[i] : -bit[i];
			if (score > best_score) {
				best_score = score;
				best = v;
			}
		}
	}
	*ret_said = best == 0 ? 0 : best_score / (2 * QR_VERSION_BITS);
	if (best != 0) {
		ret_versions[0] = (unsigned)best;
		return 1;
	}
	ret_versions[0] = (unsigned)near;
	ret_versions[1] = (unsigned)other;
	return other >= 1 && other <= QR_VERSION_MAX ? 2 : 1;
}

/* Pixels a module in the middle of the code. */
static float
scale_of(const struct qr_warp *warp)
{
	float m = warp->side / 2;
	struct qr_point p = qr_warp_at(warp, m - 1, m), q = qr_warp_at(warp, m + 1, m);
	struct qr_point r = qr_warp_at(warp, m, m - 1), s = qr_warp_at(warp, m, m + 1);

	return (hypotf(p.x - q.x, p.y - q.y) + hypotf(r.x - s.x, r.y - s.y)) / 4;
}

static void
sample_half(struct qr_grid *grid, const struct qr_picture *picture)
{
	struct qr_point points[QR_HALF_MAX];
	float *out = grid->half;

	for (unsigned j = 0; j < grid->wide; j++) {
		qr_warp_row(&grid->warp, -0.5f, (float)j / 2 - 0.5f, grid->wide, points);
		for (unsigned i = 0; i < grid->wide; i++)
			*out++ = sample(picture, points[i].x, points[i].y);
	}
}

float
qr_grid_light(const struct qr_grid *grid, size_t at)
{
	const float *h = grid->half + at;
	ptrdiff_t w = (ptrdiff_t)grid->wide;

	return 0.36f * h[0] + 0.12f * (h[-1] + h[1] + h[-w] + h[w]) +
	       0.04f * (h[-w - 1] + h[-w + 1] + h[w - 1] + h[w + 1]);
}

static int
by_value(const void *left, const void *right)
{
	float a = *(const float *)left, b = *(const float *)right;

	return a < b ? -1 : a > b;
}

/* Threshold and half contrast of one area from the means above and below its mean. */
static void
measure_area(const float *value, unsigned n, float *ret_middle, float *ret_swing)
{
	float mean = 0, above = 0, below = 0;
	unsigned high = 0;

	for (unsigned i = 0; i < n; i++)
		mean += value[i] / (float)n;
	for (unsigned round = 0; round < 2; round++) {
		above = below = 0;
		high = 0;
		for (unsigned i = 0; i < n; i++) {
			if (value[i] > mean) {
				above += value[i];
				high++;
			} else {
				below += value[i];
			}
		}
		if (high == 0 || high == n)
			break;
		above /= (float)high;
		below /= (float)(n - high);
		mean = (above + below) / 2;
	}
	*ret_middle = mean;
	*ret_swing = high == 0 || high == n ? 0 : (above - below) / 2;
}

static bool
measure_areas(struct qr_grid *grid)
{
	unsigned areas = (grid->side + AREA - 1) / AREA;
	float sorted[QR_AREAS_MAX * QR_AREAS_MAX];

	for (unsigned j = 0; j < areas; j++) {
		for (unsigned i = 0; i < areas; i++) {
			float value[AREA * AREA];
			unsigned n = 0, at = j * areas + i;
			/* The last areas reach back, so that all are whole. */
			unsigned row = j + 1 < areas ? j * AREA : grid->side - AREA;
			unsigned column = i + 1 < areas ? i * AREA : grid->side - AREA;

			for (unsigned y = 0; y < AREA; y++)
				for (unsigned x = 0; x < AREA; x++)
					value[n++] = qr_grid_light(
						grid, qr_grid_middle(grid, row + y, column + x));
			measure_area(value, n, &grid->middle[at], &grid->swing[at]);
			sorted[at] = grid->swing[at];
		}
	}
	qsort(sorted, (size_t)areas * areas, sizeof *sorted, by_value);
	grid->contrast = 2 * sorted[areas * areas / 2];
	return grid->contrast > 0.004f;
}

float
qr_grid_between(const float *area, unsigned areas, float x, float y)
{
	x = qr_clamp(x, 0, (float)(areas - 1));
	y = qr_clamp(y, 0, (float)(areas - 1));
	unsigned ix = (unsigned)x, iy = (unsigned)y;
	unsigned jx = ix + 1 < areas ? ix + 1 : ix, jy = iy + 1 < areas ? iy + 1 : iy;
	float fx = x - (float)ix, fy = y - (float)iy;
	float top = area[iy * areas + ix] * (1 - fx) + area[iy * areas + jx] * fx;
	float low = area[jy * areas + ix] * (1 - fx) + area[jy * areas + jx] * fx;

	return top * (1 - fy) + low * fy;
}

static void
threshold(struct qr_grid *grid)
{
	unsigned areas = (grid->side + AREA - 1) / AREA;
	float least = 0.2f * grid->contrast;

	for (unsigned row = 0; row < grid->side; row++) {
		for (unsigned column = 0; column < grid->side; column++) {
			unsigned at = row * grid->side + column;
			float x = ((float)column + 0.5f) / AREA - 0.5f;
			float y = ((float)row + 0.5f) / AREA - 0.5f;
			float middle = qr_grid_between(grid->middle, areas, x, y);
			float inverse = 1 / fmaxf(qr_grid_between(grid->swing, areas, x, y), least);

			grid->middle_at[at] = middle;
			grid->inverse_at[at] = inverse;
			grid->soft[at] = (middle - qr_grid_light(grid, qr_grid_middle(grid, row, column))) *
			                 inverse;
		}
	}
}

bool
qr_grid_sample(struct qr_grid *grid, const struct qr_picture *picture)
{
	grid->module_px = scale_of(&grid->warp);
	if (!(grid->module_px > 0.8f && grid->module_px < 400) || picture->width < 8 ||
	    picture->height < 8)
		return false;
	sample_half(grid, picture);
	if (!measure_areas(grid))
		return false;
	threshold(grid);
	return true;
}

/* How far modules stand out from the threshold in one tile, at five shifts. */
static void
standing_out(const struct qr_grid *grid, const unsigned from[2], const unsigned to[2],
             float ret_sum[5])
{
	const ptrdiff_t w = (ptrdiff_t)grid->wide;
	const ptrdiff_t shift[5] = { 0, -1, 1, -w, w };

	memset(ret_sum, 0, 5 * sizeof *ret_sum);
	for (unsigned row = from[1]; row < to[1]; row++) {
		for (unsigned column = from[0]; column < to[0]; column++) {
			unsigned at = row * grid->side + column;
			const float *h = grid->half + qr_grid_middle(grid, row, column);

			for (unsigned k = 0; k < 5; k++)
				ret_sum[k] += fabsf(h[shift[k]] - grid->middle_at[at]) *
				              grid->inverse_at[at];
		}
	}
}

/* Top of the parabola through three values half a module apart, in modules. */
static float
peak(float before, float at, float after, float *ret_sharp)
{
	float curve = before + after - 2 * at;

	*ret_sharp = fmaxf(-curve / (at + 1e-6f), 0);
	if (curve > -0.01f * at)
		return after > before ? 0.2f : after < before ? -0.2f : 0;
	return qr_clamp(0.25f * (before - after) / curve, -0.4f, 0.4f);
}

float
qr_grid_refine(struct qr_grid *grid)
{
	struct qr_pin pins[TILES * TILES];
	unsigned tiles = grid->side < 40 ? 3 : TILES, count = 0;
	float largest = 0;

	for (unsigned j = 0; j < tiles; j++) {
		for (unsigned i = 0; i < tiles; i++) {
			const unsigned from[2] = { i * grid->side / tiles, j * grid->side / tiles };
			const unsigned to[2] = { (i + 1) * grid->side / tiles,
				                 (j + 1) * grid->side / tiles };
			float sum[5], sharp_u, sharp_v;

			standing_out(grid, from, to, sum);
			float du = peak(sum[1], sum[0], sum[2], &sharp_u);
			float dv = peak(sum[3], sum[0], sum[4], &sharp_v);

			pins[count++] = (struct qr_pin){
				(float)(from[0] + to[0]) / 2, (float)(from[1] + to[1]) / 2, du, dv,
				0.02f + fminf(sharp_u, sharp_v),
			};
			largest = fmaxf(largest, fmaxf(fabsf(du), fabsf(dv)));
		}
	}
	qr_warp_bend(&grid->warp, pins, count);
	return largest;
}
