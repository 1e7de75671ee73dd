/* The equaliser of qr-grid.h. */
#include "qr-grid.h"

enum {
	TRAIN_MAX = 1500, /* modules that it learns from, beside the patterns */
	REACH     = 2,    /* half modules, each way */
	EVENS     = REACH + 1,
	ODDS      = REACH,
	ROW_TAPS  = EVENS + ODDS,
	N         = QR_TAPS + 1, /* and a constant */
	N_WIDE    = 28,          /* in fours */
};

/*
 * What the equaliser sees of a module: samples round it, less its threshold, scaled; of
 * each row the even ones, then the odd ones.
 */
static void
taps_of(const struct qr_grid *grid, unsigned row, unsigned column, float ret_tap[N_WIDE])
{
	unsigned at = row * grid->side + column, n = 0;
	float middle = grid->middle_at[at], inverse = grid->inverse_at[at];

	for (unsigned j = 0; j <= 2 * REACH; j++) {
		const float *even = qr_grid_even(grid, 2 * row + j) + column;
		const float *odd = qr_grid_odd(grid, 2 * row + j) + column;

		for (unsigned i = 0; i < EVENS; i++)
			ret_tap[n++] = (middle - even[i]) * inverse;
		for (unsigned i = 0; i < ODDS; i++)
			ret_tap[n++] = (middle - odd[i]) * inverse;
	}
	ret_tap[n++] = 1;
	while (n < N_WIDE)
		ret_tap[n++] = 0;
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

struct lessons { /* sums over what was learnt from */
	qr_f4    square[N][N_WIDE / QR_LANES]; /* tap by tap, up to the diagonal */
	qr_f4    right[N_WIDE / QR_LANES];     /* tap by what should be */
	unsigned count;
};

static void
add_lesson(struct lessons *lessons, const float tap[N_WIDE], float want)
{
	for (unsigned i = 0; i < N; i++) {
		qr_f4 scale = qr_splat(tap[i]);

		for (unsigned j = 0; j <= i / QR_LANES; j++)
			lessons->square[i][j] += scale * qr_load(tap + QR_LANES * j);
	}
	for (unsigned j = 0; j < N_WIDE / QR_LANES; j++)
		lessons->right[j] += want * qr_load(tap + QR_LANES * j);
	lessons->count++;
}

/* Patterns are always known; of the rest an even share will do. */
static void
take_lessons(const struct qr_grid *grid, const struct qr_layout *layout, const float *guess,
             struct lessons *lessons)
{
	unsigned modules = grid->side * grid->side, step = modules / TRAIN_MAX + 1, skip = 0;
	float tap[N_WIDE];

	for (unsigned at = 0; at < modules; at++) {
		if (layout->kind[at] < QR_MODULE_LIGHT && ++skip < step)
			continue;
		float want = lesson(layout, guess, at);

		if (want == 0)
			continue;
		if (layout->kind[at] < QR_MODULE_LIGHT)
			skip = 0;
		taps_of(grid, at / grid->side, at % grid->side, tap);
		add_lesson(lessons, tap, want);
	}
}

static bool
learn(struct qr_grid *grid, const struct qr_layout *layout, const float *guess)
{
	struct lessons lessons = { .count = 0 };
	double matrix[N * N], answer[N];

	take_lessons(grid, layout, guess, &lessons);
	unsigned n = lessons.count;
	if (n < 4 * N)
		return false;
	for (unsigned i = 0; i < N; i++) {
		for (unsigned j = 0; j <= i; j++)
			matrix[i * N + j] = lessons.square[i][j / QR_LANES][j % QR_LANES];
		matrix[i * N + i] += 0.01 * n;
		answer[i] = lessons.right[i / QR_LANES][i % QR_LANES];
	}
	if (!qr_solve(matrix, answer, N))
		return false;
	double explained = 0;
	for (unsigned i = 0; i < N; i++) {
		grid->tap[i] = (float)answer[i];
		explained += answer[i] * lessons.right[i / QR_LANES][i % QR_LANES];
	}
	grid->misfit = qr_clamp(1 - (float)explained / (float)n, 0.01f, 1);
	return true;
}

/* Each tap times its sample, less that of the threshold under it, along one row. */
static void
filter_row(struct qr_grid *grid, unsigned row, float threshold_tap)
{
	const float *middle = grid->middle_at + row * grid->side;
	const float *inverse = grid->inverse_at + row * grid->side;
	float *soft = grid->soft + row * grid->side;

	/* Rows are written in order: what runs over is overwritten or padding. */
	for (unsigned c = 0; c < grid->side; c += QR_LANES) {
		const float *tap = grid->tap;
		qr_f4 sum = qr_load(middle + c) * threshold_tap;

		for (unsigned j = 0; j <= 2 * REACH; j++, tap += ROW_TAPS) {
			const float *even = qr_grid_even(grid, 2 * row + j) + c;
			const float *odd = qr_grid_odd(grid, 2 * row + j) + c;

			sum -= tap[0] * qr_load(even) + tap[1] * qr_load(even + 1) +
			       tap[2] * qr_load(even + 2) + tap[3] * qr_load(odd) +
			       tap[4] * qr_load(odd + 1);
		}
		qr_store(soft + c, sum * qr_load(inverse + c) + grid->tap[QR_TAPS]);
	}
}

bool
qr_grid_equalise(struct qr_grid *grid, const struct qr_layout *layout, const float *guess)
{
	float threshold_tap = 0;

	if (!learn(grid, layout, guess == NULL ? grid->soft : guess))
		return false;
	for (unsigned i = 0; i < QR_TAPS; i++)
		threshold_tap += grid->tap[i];
	for (unsigned row = 0; row < grid->side; row++)
		filter_row(grid, row, threshold_tap);
	return true;
}
