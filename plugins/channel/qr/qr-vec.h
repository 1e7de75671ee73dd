/* Four numbers at once, in the vectors that gcc and clang share. */
#ifndef CHANNEL_QR_VEC_H
#define CHANNEL_QR_VEC_H

#include <stdint.h>
#include <string.h>

typedef float   qr_f4 __attribute__((vector_size(16)));
typedef int32_t qr_i4 __attribute__((vector_size(16)));

enum { QR_LANES = 4 };

static inline qr_f4
qr_load(const float *from)
{
	qr_f4 value;

	memcpy(&value, from, sizeof value);
	return value;
}

static inline void
qr_store(float *to, qr_f4 value)
{
	memcpy(to, &value, sizeof value);
}

static inline qr_f4
qr_splat(float value)
{
	return (qr_f4){ value, value, value, value };
}

/* Lane by lane @yes where @mask is all ones, @no where it is 0. */
static inline qr_f4
qr_pick(qr_i4 mask, qr_f4 yes, qr_f4 no)
{
	return (qr_f4)(((qr_i4)yes & mask) | ((qr_i4)no & ~mask));
}

static inline qr_f4
qr_max4(qr_f4 a, qr_f4 b)
{
	return qr_pick(a > b, a, b);
}

static inline qr_f4
qr_min4(qr_f4 a, qr_f4 b)
{
	return qr_pick(a < b, a, b);
}

/* In this order a NaN becomes @low. */
static inline qr_f4
qr_clamp4(qr_f4 value, float low, float high)
{
	return qr_min4(qr_max4(value, qr_splat(low)), qr_splat(high));
}

static inline qr_f4
qr_abs4(qr_f4 value)
{
	return (qr_f4)((qr_i4)value & INT32_MAX);
}

static inline float
qr_sum4(qr_f4 value)
{
	return (value[0] + value[1]) + (value[2] + value[3]);
}

static inline float
qr_min(float a, float b)
{
	return a < b ? a : b;
}

static inline float
qr_max(float a, float b)
{
	return a > b ? a : b;
}

#endif
