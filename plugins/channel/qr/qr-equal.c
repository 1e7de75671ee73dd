/* The equaliser of qr-grid.h. */
#include "qr-grid.h"

enum { TRAIN_MAX = 3000 }; /* modules that it learns from, beside the patterns */

/* What the equaliser sees of a module: samples round it, less its threshold, scaled. */
static void
taps_of(const struct qr_grid *grid, unsigned row, unsigned column, float ret_tap[QR_TAPS + 1])
{
	unsigned at = row * grid->side + column, n = 0;
	const float *h = grid->half + qr_grid_middle(grid, row, column);
	float middle = grid->middle_at[at], inverse = grid->inverse_at[at];

	for (int dy = -2; dy <= 2; dy++)
		for (int dx = -2; dx <= 2; dx++)
			ret_tap[n++] = (middle - h[dy * (int)grid->wide + dx]) * inverse;
	ret_tap[n] = 1;
}

/* What a module should be, or 0 when nobody knows. */
static float
lesson(const struct qr_layout *layout, const float *guess, unsigned at)
{
	const float sure = 0.25f;

	if (layout->kind[at] == QR_MODULE_DARK)
		return 1;
	if (layout->kind[at] == QR_MODULE_LIGHT)
		return -1;
	if (guess[at] < sure && guess[at] > -sure)
		return 0;
	return guess[at] > 0 ? 1 : -1;
}

static bool
learn(struct qr_grid *grid, const struct qr_layout *layout, const float *guess)
{
	enum { N = QR_TAPS + 1 };
	float square[N * N] = { 0 }, right[N] = { 0 }, tap[N], want_square = 0;
	unsigned modules = grid->side * grid->side, step = modules / TRAIN_MAX + 1, n = 0;
	double matrix[N * N], answer[N];

	for (unsigned at = 0; at < modules; at++) {
		float want = lesson(layout, guess, at);

		/* Patterns are always known; of the rest an even share will do. */
		if (want == 0 || (layout->kind[at] < QR_MODULE_LIGHT && at % step != 0))
			continue;
		taps_of(grid, at / grid->side, at % grid->side, tap);
		for (unsigned i = 0; i < N; i++) {
			for (unsigned j = 0; j <= i; j++)
				square[i * N + j] += tap[i] * tap[j];
			right[i] += tap[i] * want;
		}
		want_square += 1;
		n++;
	}
	if (n < 4 * N)
		return false;
	for (unsigned i = 0; i < N; i++) {
		for (unsigned j = 0; j < N; j++)
			matrix[i * N + j] = square[i * N + j];
		matrix[i * N + i] += 0.01 * n;
		answer[i] = right[i];
	}
	if (!qr_solve(matrix, answer, N))
		return false;
	double explained = 0;
	for (unsigned i = 0; i < N; i++) {
		grid->tap[i] = (float)answer[i];
		explained += answer[i] * right[i];
	}
	grid->misfit = qr_clamp(1 - (float)explained / want_square, 0.01f, 1);
	return true;
}

bool
qr_grid_equalise(struct qr_grid *grid, const struct qr_layout *layout, const float *guess)
{
	float tap[QR_TAPS + 1];

	if (!learn(grid, layout, guess == NULL ? grid->soft : guess))
		return false;
	for (unsigned row = 0; row < grid->side; row++) {
		for (unsigned column = 0; column < grid->side; column++) {
			float sum = 0;

			taps_of(grid, row, column, tap);
			for (unsigned i = 0; i <= QR_TAPS; i++)
				sum += tap[i] * grid->tap[i];
			grid->soft[row * grid->side + column] = sum;
		}
	}
	return true;
}
