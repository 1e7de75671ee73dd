#include "qr-warp.h"
#include "qr-vec.h"

#include <math.h>
#include <string.h>

enum { PLANE_TERMS = 8 };

bool
qr_solve(double *a, double *b, unsigned n)
{
	/* Cholesky: the systems here are sums of squares, so positive or useless. */
	for (unsigned j = 0; j < n; j++) {
		for (unsigned i = j; i < n; i++) {
			double sum = a[i * n + j];

			for (unsigned k = 0; k < j; k++)
				sum -= a[i * n + k] * a[j * n + k];
			if (i == j) {
				if (!(sum > 1e-12))
					return false;
				a[j * n + j] = sqrt(sum);
			} else {
				a[i * n + j] = sum / a[j * n + j];
			}
		}
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++)
			b[i] -= a[i * n + k] * b[k];
		b[i] /= a[i * n + i];
	}
	for (unsigned i = n; i-- > 0;) {
		for (unsigned k = i + 1; k < n; k++)
			b[i] -= a[k * n + i] * b[k];
		b[i] /= a[i * n + i];
	}
	return true;
}

static void
bend_terms(float a, float b, float ret_term[QR_BEND_TERMS])
{
	const float term[QR_BEND_TERMS] = { 1,         a,         b,         a * a,     a * b,
		                            b * b,     a * a * a, a * a * b, a * b * b, b * b * b };

	memcpy(ret_term, term, sizeof term);
}

struct qr_point
qr_warp_at(const struct qr_warp *warp, float u, float v)
{
	const float *p = warp->plane;
	float a = 2 * u / warp->side - 1, b = 2 * v / warp->side - 1;

	if (warp->bent) {
		float term[QR_BEND_TERMS], da = 0, db = 0;

		bend_terms(a, b, term);
		for (unsigned i = 0; i < QR_BEND_TERMS; i++) {
			da += warp->bend[0][i] * term[i];
			db += warp->bend[1][i] * term[i];
		}
		a += da;
		b += db;
	}
	float w = 1 / (p[6] * a + p[7] * b + p[8]);
	return (struct qr_point){ (p[0] * a + p[1] * b + p[2]) * w,
		                  (p[3] * a + p[4] * b + p[5]) * w };
}

void
qr_warp_row(const struct qr_warp *warp, float u, float v, unsigned count, float *ret_x,
            float *ret_y)
{
	const float *p = warp->plane, *cu = warp->bend[0], *cv = warp->bend[1];
	float b = 2 * v / warp->side - 1, bb = b * b;
	float step = 1 / warp->side, first = 2 * u / warp->side - 1;
	/* The bend along this row, by powers of the other coordinate. */
	float u0 = cu[0] + cu[2] * b + cu[5] * bb + cu[9] * bb * b;
	float v0 = cv[0] + cv[2] * b + cv[5] * bb + cv[9] * bb * b + b;
	float u1 = cu[1] + cu[4] * b + cu[8] * bb, u2 = cu[3] + cu[7] * b;
	float v1 = cv[1] + cv[4] * b + cv[8] * bb, v2 = cv[3] + cv[7] * b;
	const qr_f4 lanes = { 0, 1, 2, 3 };

	for (unsigned i = 0; i < count; i += QR_LANES) {
		qr_f4 a = first + ((float)i + lanes) * step;
		qr_f4 s = a + u0 + a * (u1 + a * (u2 + a * cu[6]));
		qr_f4 t = v0 + a * (v1 + a * (v2 + a * cv[6]));
		qr_f4 w = 1 / (p[6] * s + p[7] * t + p[8]);

		qr_store(ret_x + i, (p[0] * s + p[1] * t + p[2]) * w);
		qr_store(ret_y + i, (p[3] * s + p[4] * t + p[5]) * w);
	}
}

static void
add_square(double *matrix, double *right, const double *row, double value, double weight,
           unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double scaled = weight * row[i];

		if (scaled == 0)
			continue;
		for (unsigned j = 0; j <= i; j++)
			matrix[i * n + j] += scaled * row[j];
		right[i] += scaled * value;
	}
}

bool
qr_warp_fit(struct qr_warp *warp, float side, const struct qr_pin *pins, unsigned count)
{
	double matrix[PLANE_TERMS * PLANE_TERMS] = { 0 }, right[PLANE_TERMS] = { 0 };
	double cx = 0, cy = 0, spread = 0;

	if (count < 4)
		return false;
	for (unsigned i = 0; i < count; i++) {
		cx += pins[i].x / (double)count;
		cy += pins[i].y / (double)count;
	}
	for (unsigned i = 0; i < count; i++)
		spread += hypot(pins[i].x - cx, pins[i].y - cy) / count;
	if (!(spread > 1 && spread < 1e5))
		return false;

	for (unsigned i = 0; i < count; i++) {
		double a = 2 * pins[i].u / side - 1, b = 2 * pins[i].v / side - 1;
		double x = (pins[i].x - cx) / spread, y = (pins[i].y - cy) / spread;
		const double row_x[PLANE_TERMS] = { a, b, 1, 0, 0, 0, -a * x, -b * x };
		const double row_y[PLANE_TERMS] = { 0, 0, 0, a, b, 1, -a * y, -b * y };

		add_square(matrix, right, row_x, x, pins[i].weight, PLANE_TERMS);
		add_square(matrix, right, row_y, y, pins[i].weight, PLANE_TERMS);
	}
	for (unsigned i = 0; i < PLANE_TERMS; i++)
		matrix[i * PLANE_TERMS + i] += 1e-9;
	if (!qr_solve(matrix, right, PLANE_TERMS))
		return false;

	/* A horizon that cuts the code is no picture of a code. */
	if (!(fabs(right[6]) + fabs(right[7]) < 0.8))
		return false;
	memset(warp, 0, sizeof *warp);
	warp->side = side;
	for (unsigned i = 0; i < 3; i++) {
		double low = i < 2 ? right[6 + i] : 1;

		warp->plane[i] = (float)(right[i] * spread + cx * low);
		warp->plane[3 + i] = (float)(right[3 + i] * spread + cy * low);
		warp->plane[6 + i] = (float)low;
	}
	return true;
}

bool
qr_warp_bend(struct qr_warp *warp, const struct qr_pin *pins, unsigned count)
{
	static const double hold[QR_BEND_TERMS] = { 0,  .01, .01, .02, .02,
		                                    .02, .05, .05, .05, .05 };
	enum { N = QR_BEND_TERMS };
	double matrix[2][N * N] = { { 0 } }, right[2][N] = { { 0 } }, total = 1e-9;

	for (unsigned i = 0; i < count; i++) {
		float a = 2 * pins[i].u / warp->side - 1, b = 2 * pins[i].v / warp->side - 1;
		float term[N];
		double row[N];

		bend_terms(a, b, term);
		for (unsigned k = 0; k < N; k++)
			row[k] = term[k];
		add_square(matrix[0], right[0], row, 2 * pins[i].x / warp->side,
		           pins[i].weight, N);
		add_square(matrix[1], right[1], row, 2 * pins[i].y / warp->side,
		           pins[i].weight, N);
		total += pins[i].weight;
	}
	for (unsigned d = 0; d < 2; d++) {
		for (unsigned k = 0; k < N; k++)
			matrix[d][k * N + k] += total * (hold[k] + 1e-6);
		if (!qr_solve(matrix[d], right[d], N))
			return false;
	}
	for (unsigned d = 0; d < 2; d++)
		for (unsigned k = 0; k < N; k++)
			warp->bend[d][k] += (float)right[d][k];
	warp->bent = true;
	return true;
}

void
qr_warp_scale(struct qr_warp *warp, float scale)
{
	for (unsigned i = 0; i < 6; i++)
		warp->plane[i] *= scale;
}
