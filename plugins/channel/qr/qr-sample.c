/* The samples of qr-grid.h, what they say of modules, and where the warp was off. */
#include "qr-grid.h"

#include <math.h>
#include <stdlib.h>

enum {
	TILES  = 6, /* along a side, for the bend */
	SHIFTS = 5, /* none, left, right, up, down */
	ROW    = QR_HALF_MAX + QR_PAD,
};

static const float contrast_least = 0.004f;
static const float swing_part = 0.2f; /* of the contrast, in areas that have less */

/*
 * Four places at once, between four pixels each.  Light is the square of a grey level:
 * cameras and screens share a curve of about 2.
 */
qr_f4
qr_light4(const struct qr_picture *picture, qr_f4 x, qr_f4 y)
{
	x = qr_clamp4(x - 0.5f, 0, (float)picture->width - 1.01f);
	y = qr_clamp4(y - 0.5f, 0, (float)picture->height - 1.01f);
	qr_i4 ix = __builtin_convertvector(x, qr_i4), iy = __builtin_convertvector(y, qr_i4);
	qr_i4 corner[4];

	for (unsigned i = 0; i < QR_LANES; i++) {
		const uint8_t *at = picture->grey + (size_t)iy[i] * picture->stride + ix[i];

		corner[0][i] = at[0];
		corner[1][i] = at[1];
		at += picture->stride;
		corner[2][i] = at[0];
		corner[3][i] = at[1];
	}
	qr_f4 a = __builtin_convertvector(corner[0], qr_f4);
	qr_f4 b = __builtin_convertvector(corner[1], qr_f4);
	qr_f4 c = __builtin_convertvector(corner[2], qr_f4);
	qr_f4 d = __builtin_convertvector(corner[3], qr_f4);
	qr_f4 fx = x - __builtin_convertvector(ix, qr_f4);
	qr_f4 fy = y - __builtin_convertvector(iy, qr_f4);
	qr_f4 top = a * a + fx * (b * b - a * a), low = c * c + fx * (d * d - c * c);

	return (top + fy * (low - top)) * (1.0f / (255 * 255));
}

float
qr_light(const struct qr_picture *picture, float x, float y)
{
	return qr_light4(picture, qr_splat(x), qr_splat(y))[0];
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
	float x[ROW], y[ROW], light[ROW];

	for (unsigned j = 0; j < grid->wide; j++) {
		float *even = grid->half + (size_t)j * grid->wide, *odd = even + grid->side + 2;

		qr_warp_row(&grid->warp, -0.5f, (float)j / 2 - 0.5f, grid->wide, x, y);
		for (unsigned i = 0; i < grid->wide; i += QR_LANES)
			qr_store(light + i, qr_light4(picture, qr_load(x + i), qr_load(y + i)));
		for (unsigned i = 0; i < grid->side + 1; i++) {
			even[i] = light[2 * i];
			odd[i] = light[2 * i + 1];
		}
		even[grid->side + 1] = light[2 * grid->side + 2];
	}
}

/* A module's light is that of its middle and of what lies half a module round it. */
static void
weigh_light(struct qr_grid *grid)
{
	for (unsigned row = 0; row < grid->side; row++) {
		const float *even[3], *odd[3];
		float *out = grid->light + row * grid->side;
		float line[ROW];

		for (unsigned k = 0; k < 3; k++) {
			even[k] = qr_grid_even(grid, 2 * row + 1 + k);
			odd[k] = qr_grid_odd(grid, 2 * row + 1 + k);
		}
		for (unsigned c = 0; c < grid->side; c += QR_LANES) {
			qr_f4 beside = qr_load(odd[1] + c) + qr_load(odd[1] + c + 1);
			qr_f4 above = qr_load(even[0] + c + 1) + qr_load(even[2] + c + 1);
			qr_f4 corner = qr_load(odd[0] + c) + qr_load(odd[0] + c + 1) +
			               qr_load(odd[2] + c) + qr_load(odd[2] + c + 1);

			qr_store(line + c, 0.36f * qr_load(even[1] + c + 1) +
			                           0.12f * (beside + above) + 0.04f * corner);
		}
		memcpy(out, line, grid->side * sizeof *out);
	}
}

static int
by_value(const void *left, const void *right)
{
	float a = *(const float *)left, b = *(const float *)right;

	return a < b ? -1 : a > b;
}

/* Threshold and half contrast of one area from the means above and below its mean. */
static void
measure_area(const float *light, size_t wide, float *ret_middle, float *ret_swing)
{
	enum { N = QR_AREA * QR_AREA };
	qr_f4 value[N / QR_LANES], all = { 0 };
	float mean, above = 0, below = 0, high = 0;

	for (unsigned i = 0; i < N / QR_LANES; i++) {
		value[i] = qr_load(light + i / 2 * wide + i % 2 * QR_LANES);
		all += value[i];
	}
	mean = qr_sum4(all) / N;
	for (unsigned round = 0; round < 2; round++) {
		qr_f4 over = { 0 }, count = { 0 };

		for (unsigned i = 0; i < N / QR_LANES; i++) {
			qr_i4 mask = value[i] > mean;

			over += qr_pick(mask, value[i], (qr_f4){ 0 });
			count += qr_pick(mask, qr_splat(1), (qr_f4){ 0 });
		}
		high = qr_sum4(count);
		if (!(high > 0.5f && high < N - 0.5f))
			break;
		above = qr_sum4(over) / high;
		below = (qr_sum4(all) - qr_sum4(over)) / (N - high);
		mean = (above + below) / 2;
	}
	*ret_middle = mean;
	*ret_swing = high > 0.5f && high < N - 0.5f ? (above - below) / 2 : 0;
}

static bool
measure_areas(struct qr_grid *grid)
{
	unsigned areas = qr_grid_areas(grid);
	float sorted[QR_AREAS_MAX * QR_AREAS_MAX];

	for (unsigned j = 0; j < areas; j++)
		for (unsigned i = 0; i < areas; i++)
			measure_area(grid->light +
			                     (size_t)qr_grid_area_start(grid, j) * grid->side +
			                     qr_grid_area_start(grid, i),
			             grid->side, &grid->middle[j * areas + i],
			             &grid->swing[j * areas + i]);
	memcpy(sorted, grid->swing, sizeof *sorted * areas * areas);
	qsort(sorted, (size_t)areas * areas, sizeof *sorted, by_value);
	grid->contrast = 2 * sorted[areas * areas / 2];
	return grid->contrast > contrast_least;
}

/* Each module of a row between the middles of the areas beside it, @n areas' values. */
static void
spread_row(const float *value, unsigned n, float *ret_row)
{
	const qr_f4 left = (qr_f4){ 0.5f, 1.5f, 2.5f, 3.5f } / QR_AREA, right = left + 0.5f;

	qr_store(ret_row, qr_splat(value[0]));
	for (unsigned i = 0; i < n; i++) {
		float from = value[i], step = value[i + 1 < n ? i + 1 : i] - from;

		qr_store(ret_row + QR_AREA * i + QR_AREA / 2, from + left * step);
		qr_store(ret_row + QR_AREA * i + QR_AREA, from + right * step);
	}
}

/* Between two rows of areas. */
static void
blend_areas(const float *area, unsigned areas, unsigned row, float *ret_value)
{
	float y = qr_clamp(((float)row + 0.5f) / QR_AREA - 0.5f, 0, (float)(areas - 1));
	unsigned top = (unsigned)y, low = top + 1 < areas ? top + 1 : top;
	float part = y - (float)top;

	for (unsigned i = 0; i < areas; i++)
		ret_value[i] = area[top * areas + i] +
		               part * (area[low * areas + i] - area[top * areas + i]);
}

void
qr_grid_threshold(struct qr_grid *grid, const float *middle, const float *swing, float swing_least)
{
	unsigned areas = qr_grid_areas(grid), side = grid->side;
	float value[QR_AREAS_MAX], middles[ROW], swings[ROW];

	for (unsigned row = 0; row < side; row++) {
		float *middle_at = grid->middle_at + row * side, *soft = grid->soft + row * side;
		float *inverse_at = grid->inverse_at + row * side;

		blend_areas(middle, areas, row, value);
		spread_row(value, areas, middles);
		blend_areas(swing, areas, row, value);
		spread_row(value, areas, swings);
		/* Rows are written in order: what runs over is overwritten or padding. */
		for (unsigned c = 0; c < side; c += QR_LANES) {
			qr_f4 threshold = qr_load(middles + c);
			qr_f4 inverse = 1 / qr_max4(qr_load(swings + c), qr_splat(swing_least));

			qr_store(middle_at + c, threshold);
			qr_store(inverse_at + c, inverse);
			qr_store(soft + c,
			         (threshold - qr_load(grid->light + row * side + c)) * inverse);
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
	weigh_light(grid);
	if (!measure_areas(grid))
		return false;
	qr_grid_threshold(grid, grid->middle, grid->swing, swing_part * grid->contrast);
	return true;
}

/* How far modules of a part of a row stand out from the threshold, at five shifts. */
static void
add_standing_out(const struct qr_grid *grid, unsigned row, unsigned from, unsigned to,
                 float sum[SHIFTS])
{
	const float *even = qr_grid_even(grid, 2 * row + 2), *odd = qr_grid_odd(grid, 2 * row + 2);
	const float *over = qr_grid_even(grid, 2 * row + 1), *under = qr_grid_even(grid, 2 * row + 3);
	const float *shifted[SHIFTS] = { even + 1, odd, odd + 1, over + 1, under + 1 };
	const float *middle = grid->middle_at + row * grid->side;
	const float *inverse = grid->inverse_at + row * grid->side;
	const qr_i4 lanes = { 0, 1, 2, 3 };

	for (unsigned k = 0; k < SHIFTS; k++) {
		qr_f4 all = { 0 };

		for (unsigned c = from; c < to; c += QR_LANES) {
			qr_f4 out = qr_abs4(qr_load(shifted[k] + c) - qr_load(middle + c)) *
			            qr_load(inverse + c);

			all += qr_pick(lanes < (int32_t)(to - c), out, (qr_f4){ 0 });
		}
		sum[k] += qr_sum4(all);
	}
}

/* Top of the parabola through three values half a module apart, in modules. */
static float
peak(float before, float at, float after, float *ret_sharp)
{
	float curve = before + after - 2 * at;

	*ret_sharp = qr_max(-curve / (at + 1e-6f), 0);
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
			float sum[SHIFTS] = { 0 }, sharp_u, sharp_v;

			for (unsigned row = from[1]; row < to[1]; row++)
				add_standing_out(grid, row, from[0], to[0], sum);
			float du = peak(sum[1], sum[0], sum[2], &sharp_u);
			float dv = peak(sum[3], sum[0], sum[4], &sharp_v);

			pins[count++] = (struct qr_pin){
				(float)(from[0] + to[0]) / 2, (float)(from[1] + to[1]) / 2, du, dv,
				0.02f + qr_min(sharp_u, sharp_v),
			};
			largest = qr_max(largest, qr_max(fabsf(du), fabsf(dv)));
		}
	}
	qr_warp_bend(&grid->warp, pins, count);
	return largest;
}

void
qr_ends(float *value, unsigned n, unsigned rank, float *ret_low, float *ret_high)
{
	unsigned want[2] = { rank, n - 1 - rank };
	float found[2];

	for (unsigned k = 0; k < 2; k++) {
		int first = 0, last = (int)n - 1, at = (int)want[k];

		while (first < last) {
			float split = value[at];
			int i = first, j = last;

			while (i <= j) {
				while (value[i] < split)
					i++;
				while (value[j] > split)
					j--;
				if (i <= j) {
					float kept = value[i];

					value[i++] = value[j];
					value[j--] = kept;
				}
			}
			if (j < at)
				first = i;
			if (i > at)
				last = j;
		}
		found[k] = value[at];
	}
	*ret_low = found[0];
	*ret_high = found[1];
}
