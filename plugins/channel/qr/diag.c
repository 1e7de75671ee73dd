#include "diag.h"

#include <math.h>

static const struct {
	const char *name;
	const char *advice;
} causes[QR_CAUSE_COUNT] = {
	[QR_CAUSE_NONE]     = { "none", "The code was read." },
	[QR_CAUSE_NO_CODE]  = { "no-code", "Point the camera at the code on the screen." },
	[QR_CAUSE_CUT]      = { "cut", "Move so that the whole code and its white frame are in the picture." },
	[QR_CAUSE_SMALL]    = { "small", "Go closer, or show a larger or coarser code." },
	[QR_CAUSE_DARK]     = { "dark", "Make the screen brighter or the exposure longer." },
	[QR_CAUSE_BRIGHT]   = { "bright", "Make the screen darker or the exposure shorter." },
	[QR_CAUSE_CONTRAST] = { "contrast", "Keep light from falling on the screen; look at it head-on." },
	[QR_CAUSE_BLUR]     = { "blur", "Hold still and let the camera focus." },
	[QR_CAUSE_TORN]     = { "torn", "Show the codes more slowly: at most at half the camera's rate." },
	[QR_CAUSE_COVERED]  = { "covered", "Uncover the code and turn it away from reflections." },
	[QR_CAUSE_NOISE]    = { "noise", "Add light; the picture is too noisy." },
};

const char *
qr_cause_name(enum qr_cause cause)
{
	return (unsigned)cause < QR_CAUSE_COUNT ? causes[cause].name : "unknown";
}

const char *
qr_cause_advice(enum qr_cause cause)
{
	return (unsigned)cause < QR_CAUSE_COUNT ? causes[cause].advice : "";
}

static enum qr_cause
without_code(const struct qr_report *report)
{
	const float dark = 0.12f;

	return report->light < dark ? QR_CAUSE_DARK : QR_CAUSE_NO_CODE;
}

void
qr_diagnose(struct qr_report *r)
{
	/* In the order in which one hides the next; each figure at which reading gets rare. */
	if (r->codes_read > 0)
		r->cause = QR_CAUSE_NONE;
	else if (r->codes_seen == 0)
		r->cause = without_code(r);
	else if (r->quiet_modules < 1)
		r->cause = QR_CAUSE_CUT;
	else if (r->module_px < 2.2f)
		r->cause = QR_CAUSE_SMALL;
	else if (r->light < 0.2f)
		r->cause = QR_CAUSE_DARK;
	else if (r->clipped > 0.6f)
		r->cause = QR_CAUSE_BRIGHT;
	else if (r->contrast < 0.05f)
		r->cause = QR_CAUSE_CONTRAST;
	else if (r->torn > 0.15f)
		r->cause = QR_CAUSE_TORN;
	else if (r->blur_modules > 0.8f)
		r->cause = QR_CAUSE_BLUR;
	else if (r->noise > 0.25f)
		r->cause = QR_CAUSE_NOISE;
	else
		r->cause = QR_CAUSE_COVERED;
}

struct canvas {
	uint8_t *grey;
	uint32_t width;
	uint32_t height;
	size_t   stride;
};

static void
dot(const struct canvas *canvas, float x, float y)
{
	/* Comparisons that a NaN fails. */
	if (!(x >= 1 && y >= 1 && x < (float)canvas->width - 1 && y < (float)canvas->height - 1))
		return;
	uint8_t *at = canvas->grey + (size_t)y * canvas->stride + (size_t)x;
	uint8_t value = *at < 128 ? 255 : 0;

	at[0] = value;
	at[1] = value;
}

static void
line(const struct canvas *canvas, struct qr_point from, struct qr_point to)
{
	const float longest = 2 * QR_PICTURE_MAX;
	float far = fmaxf(fabsf(to.x - from.x), fabsf(to.y - from.y));

	if (!(far < longest))
		return;
	unsigned steps = (unsigned)far + 1;
	for (unsigned i = 0; i <= steps; i++) {
		float t = (float)i / (float)steps;

		dot(canvas, from.x + t * (to.x - from.x), from.y + t * (to.y - from.y));
	}
}

/* A framed bar in the lower left corner; @value from 0 to 1. */
static void
bar(const struct canvas *canvas, unsigned index, float value)
{
	const uint32_t high = 4, gap = 2, left = 4;
	uint32_t width = canvas->width / 4, top = canvas->height - (index + 1) * (high + gap) - 2;
	float filled = value > 0 ? fminf(value, 1) * (float)width : 0;

	for (uint32_t y = top; y < top + high; y++)
		for (uint32_t x = left; x < left + width; x++)
			canvas->grey[y * canvas->stride + x] = (float)(x - left) < filled ? 255 : 0;
}

void
qr_overlay(const struct qr_report *report, uint8_t *grey, uint32_t width, uint32_t height,
           size_t stride)
{
	const uint32_t smallest = 64;
	const struct canvas canvas = { grey, width, height, stride };
	/* From below: size, sharpness, contrast, light, quiet zone, untorn, freedom from noise. */
	const float value[] = { report->module_px / 8,     1 - report->blur_modules / 2,
		                report->contrast,          report->light,
		                report->quiet_modules / 4, 1 - report->torn,
		                1 - report->noise };

	if (width < smallest || height < smallest || stride < width)
		return;
	if (report->codes_seen > 0)
		for (unsigned i = 0; i < 4; i++)
			line(&canvas, report->corner[i], report->corner[(i + 1) % 4]);
	for (unsigned i = 0; i < sizeof value / sizeof *value; i++)
		bar(&canvas, i, value[i]);
}
