#include "qr-measure.h"

#include <math.h>
#include <string.h>

enum { QUIET = 4, SIDE_POINTS = 24 };

/*
 * A module between two unlike ones loses contrast to blur, one between two like ones
 * does not.  For a Gaussian of s modules the finest stripes keep exp(-(pi s)^2 / 2).
 */
static void
measure_blur(const struct qr_grid *grid, struct qr_report *report)
{
	float alone = 0, among = 0, square = 0;
	unsigned alone_count = 0, among_count = 0, side = grid->side;

	for (unsigned row = 1; row + 1 < side; row++) {
		for (unsigned column = 1; column + 1 < side; column++) {
			const float *s = grid->soft + row * side + column;
			bool dark = s[0] > 0;
			bool beside = (s[-1] > 0) == dark && (s[1] > 0) == dark;
			bool above = (s[-(int)side] > 0) == dark && (s[side] > 0) == dark;
			bool off_beside = (s[-1] > 0) != dark && (s[1] > 0) != dark;
			bool off_above = (s[-(int)side] > 0) != dark && (s[side] > 0) != dark;

			if (beside && above) {
				among += fabsf(s[0]);
				square += s[0] * s[0];
				among_count++;
			} else if (off_beside || off_above) {
				alone += fabsf(s[0]);
				alone_count++;
			}
		}
	}
	if (alone_count < 4 || among_count < 4)
		return;
	float full = among / (float)among_count, kept = alone / (float)alone_count / full;
	float spread = square / (float)among_count - full * full;

	kept = qr_clamp(kept, 0.02f, 1);
	report->blur_modules = 2.56f * sqrtf(-2 * logf(kept)) / 3.1416f;
	report->noise = qr_clamp(sqrtf(qr_max(spread, 0)) / full / 2, 0, 1);
}

/*
 * Where two codes are mixed, half of a row's modules are neither as dark nor as light as
 * the others.  Thresholds follow the mixture, so each row is its own measure.
 */
static float
measure_torn(const struct qr_grid *grid)
{
	unsigned side = grid->side, torn = 0;

	for (unsigned row = 0; row < side; row++) {
		float value[QR_SIDE_MAX], low, high;
		unsigned between = 0;

		memcpy(value, grid->soft + row * side, side * sizeof *value);
		qr_ends(value, side, side / 10, &low, &high);
		for (unsigned i = 0; i < side; i++)
			between += fabsf(value[i] - (low + high) / 2) < 0.2f * (high - low) / 2;
		torn += between * 10 > side * 3;
	}
	return (float)torn / (float)side;
}

static void
measure_light(const struct qr_grid *grid, struct qr_report *report)
{
	unsigned side = grid->side, lights = 0, full = 0;
	float sum = 0;

	for (unsigned row = 0; row < side; row++) {
		for (unsigned column = 0; column < side; column++) {
			float light = qr_grid_even(grid, 2 * row + 2)[column + 1];

			if (grid->soft[row * side + column] > 0)
				continue;
			sum += light;
			full += light > 0.98f;
			lights++;
		}
	}
	if (lights == 0)
		return;
	report->light = sqrtf(sum / (float)lights); /* back on the picture's own scale */
	report->clipped = (float)full / (float)lights;
}

static bool
inside(const struct qr_picture *picture, struct qr_point p)
{
	return p.x >= 0 && p.y >= 0 && p.x < (float)picture->width && p.y < (float)picture->height;
}

/* Is a line along one side, @out modules outside the code, light all along? */
static bool
light_line(const struct qr_grid *grid, const struct qr_picture *picture, unsigned edge, float out)
{
	float side = grid->warp.side, least = 0;
	unsigned dark = 0;

	for (unsigned i = 0; i < SIDE_POINTS; i++) {
		float along = ((float)i + 0.5f) * side / SIDE_POINTS;
		float u = edge == 0 || edge == 2 ? along : edge == 1 ? side + out : -out;
		float v = edge == 1 || edge == 3 ? along : edge == 2 ? side + out : -out;
		unsigned row = (unsigned)qr_clamp(v, 0, side - 1);
		unsigned column = (unsigned)qr_clamp(u, 0, side - 1);
		struct qr_point p = qr_warp_at(&grid->warp, u, v);

		if (!inside(picture, p))
			return false;
		float grey = picture->grey[(size_t)p.y * picture->stride + (size_t)p.x] / 255.0f;
		least = grid->middle_at[row * grid->side + column];
		dark += grey * grey < least;
	}
	return dark <= SIDE_POINTS / 6;
}

static float
measure_quiet(const struct qr_grid *grid, const struct qr_picture *picture)
{
	unsigned least = QUIET;

	for (unsigned edge = 0; edge < 4; edge++) {
		unsigned n = 0;

		while (n < least && light_line(grid, picture, edge, (float)n + 0.5f))
			n++;
		least = n;
	}
	return (float)least;
}

void
qr_measure(const struct qr_grid *grid, const struct qr_picture *picture,
           const struct qr_layout *layout, struct qr_report *report)
{
	float side = grid->warp.side;

	report->version = layout->version;
	report->module_px = grid->module_px;
	report->contrast = grid->contrast;
	report->corner[0] = qr_warp_at(&grid->warp, 0, 0);
	report->corner[1] = qr_warp_at(&grid->warp, side, 0);
	report->corner[2] = qr_warp_at(&grid->warp, side, side);
	report->corner[3] = qr_warp_at(&grid->warp, 0, side);
	report->torn = measure_torn(grid);
	report->quiet_modules = measure_quiet(grid, picture);
	measure_light(grid, report);
	measure_blur(grid, report);
}
