#include "qr-mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMOOTH_ROWS = 6 };

/* What is dark or light in both codes: the ends of the values of one area. */
static void
measure_ends(const struct qr_grid *grid, unsigned row, unsigned column, float *ret_middle,
             float *ret_swing)
{
	enum { N = QR_AREA * QR_AREA };
	float value[N], low, high;

	for (unsigned y = 0; y < QR_AREA; y++)
		memcpy(value + QR_AREA * y, grid->light + (row + y) * grid->side + column,
		       QR_AREA * sizeof *value);
	/* A quarter of the modules is dark in both codes, a quarter light: their medians. */
	qr_ends(value, N, N / 8, &low, &high);
	*ret_middle = (low + high) / 2;
	*ret_swing = (high - low) / 2;
}

void
qr_mix_measure(struct qr_mix *mix, struct qr_grid *grid, const struct qr_layout *layout)
{
	float middle[QR_AREAS_MAX * QR_AREAS_MAX], swing[QR_AREAS_MAX * QR_AREAS_MAX];
	unsigned side = grid->side, areas = qr_grid_areas(grid);

	mix->side = side;
	for (unsigned j = 0; j < areas; j++)
		for (unsigned i = 0; i < areas; i++)
			measure_ends(grid, qr_grid_area_start(grid, j), qr_grid_area_start(grid, i),
			             &middle[j * areas + i], &swing[j * areas + i]);
	qr_grid_threshold(grid, middle, swing, 1e-4f);
	/* Only the patterns are the same in both codes: the filter learns from nothing else. */
	memset(mix->level, 0, side * side * sizeof *mix->level);
	qr_grid_equalise(grid, layout, mix->level);
	for (unsigned at = 0; at < side * side; at++)
		mix->level[at] = qr_clamp(grid->soft[at], -1.2f, 1.2f);
}

/*
 * Neighbouring rows have nearly the same share.  @sum and @count are of the data modules
 * of each row: patterns are in both codes and say nothing.
 */
static void
smooth_rows(const float *sum, const unsigned *count, unsigned side, float *ret_smooth)
{
	for (unsigned row = 0; row < side; row++) {
		unsigned first = row < SMOOTH_ROWS ? 0 : row - SMOOTH_ROWS;
		unsigned last = row + SMOOTH_ROWS < side ? row + SMOOTH_ROWS : side - 1, n = 0;
		float all = 0;

		for (unsigned i = first; i <= last; i++) {
			all += sum[i];
			n += count[i];
		}
		ret_smooth[row] = n == 0 ? 0 : all / (float)n;
	}
}

void
qr_mix_guess(struct qr_mix *mix, const struct qr_layout *layout, unsigned guess)
{
	const float floor_off = 0.18f; /* what noise makes of equal shares */
	float sum[QR_SIDE_MAX] = { 0 }, smooth[QR_SIDE_MAX] = { 0 };
	unsigned count[QR_SIDE_MAX] = { 0 }, side = mix->side, least = 0;

	for (unsigned i = 0; i < layout->bits; i++) {
		unsigned row = layout->order[i] / side;

		sum[row] += fabsf(mix->level[layout->order[i]]);
		count[row]++;
	}
	smooth_rows(sum, count, side, smooth);
	for (unsigned row = 1; row < side; row++)
		if (smooth[row] < smooth[least])
			least = row;
	/*
	 * Half of the modules are alike in both codes and at 1, the others at |2 share - 1|,
	 * to which noise adds as squares do.
	 */
	for (unsigned row = 0; row < side; row++) {
		float seen = qr_clamp(2 * smooth[row] - 1, 0, 1);
		float off = sqrtf(qr_max(seen * seen - floor_off * floor_off, 0));
		bool below = guess == 1 || (guess == 2 && row > least) || (guess == 3 && row < least);

		mix->share[row] = (1 + (below ? -off : off)) / 2;
	}
}

float
qr_mix_known(struct qr_mix *mix, const struct qr_layout *layout, const uint8_t *truth)
{
	float sum[QR_SIDE_MAX] = { 0 }, mean = 0;
	unsigned count[QR_SIDE_MAX] = { 0 }, side = mix->side;

	for (unsigned i = 0; i < layout->bits; i++) {
		unsigned at = layout->order[i], row = at / side;

		sum[row] += truth[at] ? mix->level[at] : -mix->level[at];
		count[row]++;
	}
	smooth_rows(sum, count, side, mix->share);
	for (unsigned row = 0; row < side; row++) {
		mix->share[row] = qr_clamp(mix->share[row], 0, 1);
		mean += mix->share[row] / (float)side;
	}
	return mean;
}

void
qr_mix_first(const struct qr_mix *mix, float *ret_soft)
{
	unsigned side = mix->side;

	for (unsigned row = 0; row < side; row++) {
		float other = 2 * mix->share[row] - 1; /* dark in the first code alone */

		for (unsigned column = 0; column < side; column++) {
			float level = mix->level[row * side + column];
			float dark = qr_min(fabsf(level - 1), fabsf(level - other));
			float light = qr_min(fabsf(level + 1), fabsf(level + other));

			/* Squares of distances; an unmixed module comes out as its level. */
			ret_soft[row * side + column] = (light * light - dark * dark) / 4;
		}
	}
}

void
qr_mix_believed(const struct qr_mix *mix, const float *first, float *ret_soft)
{
	unsigned side = mix->side;

	for (unsigned row = 0; row < side; row++) {
		float other = 1 - 2 * mix->share[row]; /* dark in the second code alone */

		for (unsigned column = 0; column < side; column++) {
			unsigned at = row * side + column;
			float level = mix->level[at], prior = 4 * first[at];
			float both = (level - 1) * (level - 1) - prior;
			float none = (level + 1) * (level + 1) + prior;
			float second = (level - other) * (level - other) + prior;
			float alone = (level + other) * (level + other) - prior;

			ret_soft[at] = (qr_min(none, alone) - qr_min(both, second)) / 4;
		}
	}
}
