/* SPDX-License-Identifier: Apache-2.0 */
/* Mixed-radix transforms over twiddles the caller keeps. */
#include <math.h>

#include "modem/internal.h"

struct cpx
modem_turn(double turns)
{
	float angle = (float)(2.0 * 3.14159265358979323846 * (turns - floor(turns)));

	return (struct cpx){ cosf(angle), sinf(angle) };
}

void
modem_fft_table(struct cpx *twiddle, size_t n)
{
	for (size_t i = 0; i < n; i++)
		twiddle[i] = modem_turn(-(double)i / (double)n);
}

bool
modem_fft_plan(struct fft *fft, size_t n, const struct cpx *twiddle, size_t table_n)
{
	static const uint8_t radices[] = { 4, 2, 3, 5 };

	fft->n = (uint16_t)n;
	fft->step = (uint16_t)(table_n / n);
	fft->twiddle = twiddle;
	fft->factors = 0;
	for (size_t i = 0; i < sizeof radices; i++) {
		while (n % radices[i] == 0 && fft->factors < sizeof fft->factor) {
			fft->factor[fft->factors++] = radices[i];
			n /= radices[i];
		}
	}
	return n == 1;
}

static void
butterfly2(struct cpx *out, size_t m, const struct cpx *tw, size_t step)
{
	for (size_t k = 0; k < m; k++) {
		struct cpx b = cpx_mul(out[m + k], tw[k * step]);

		out[m + k] = cpx_sub(out[k], b);
		out[k] = cpx_add(out[k], b);
	}
}

static void
butterfly4(struct cpx *out, size_t m, const struct cpx *tw, size_t step)
{
	for (size_t k = 0; k < m; k++) {
		struct cpx a = out[k];
		struct cpx b = cpx_mul(out[m + k], tw[k * step]);
		struct cpx c = cpx_mul(out[2 * m + k], tw[2 * k * step]);
		struct cpx d = cpx_mul(out[3 * m + k], tw[3 * k * step]);
		struct cpx ac = cpx_add(a, c), amc = cpx_sub(a, c);
		struct cpx bd = cpx_add(b, d), bmd = cpx_sub(b, d);

		out[k] = cpx_add(ac, bd);
		out[2 * m + k] = cpx_sub(ac, bd);
		out[m + k] = (struct cpx){ amc.re + bmd.im, amc.im - bmd.re };
		out[3 * m + k] = (struct cpx){ amc.re - bmd.im, amc.im + bmd.re };
	}
}

/* Radix three and five: the small transform written out as its definition. */
static void
butterfly_odd(struct cpx *out, size_t r, size_t m, const struct cpx *tw, size_t step)
{
	for (size_t k = 0; k < m; k++) {
		struct cpx t[5];

		for (size_t q = 0; q < r; q++)
			t[q] = cpx_mul(out[q * m + k], tw[q * k * step]);
		for (size_t p = 0; p < r; p++) {
			struct cpx sum = t[0];

			for (size_t q = 1; q < r; q++)
				sum = cpx_add(sum, cpx_mul(t[q], tw[(q * p % r) * m * step]));
			out[p * m + k] = sum;
		}
	}
}

static void
transform(const struct fft *fft, size_t level, size_t n, size_t stride,
          const struct cpx *in, struct cpx *out)
{
	size_t r = fft->factor[level];
	size_t m = n / r;
	size_t step = stride * fft->step;

	for (size_t q = 0; q < r; q++) {
		if (m == 1)
			out[q] = in[q * stride];
		else
			transform(fft, level + 1, m, stride * r, in + q * stride, out + q * m);
	}
	if (r == 4)
		butterfly4(out, m, fft->twiddle, step);
	else if (r == 2)
		butterfly2(out, m, fft->twiddle, step);
	else
		butterfly_odd(out, r, m, fft->twiddle, step);
}

void
modem_fft(const struct fft *fft, const struct cpx *in, struct cpx *out)
{
	transform(fft, 0, fft->n, 1, in, out);
}

void
modem_ifft(const struct fft *fft, const struct cpx *in, struct cpx *out)
{
	modem_fft(fft, in, out);
	for (size_t i = 1, j = fft->n - 1u; i < j; i++, j--) {
		struct cpx t = out[i];

		out[i] = out[j];
		out[j] = t;
	}
}
