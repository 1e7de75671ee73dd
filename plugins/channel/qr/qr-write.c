#include "qr-write.h"
#include "qr-spec.h"

#include <qrencode.h>
#include <string.h>

static const QRecLevel levels[] = {
	[QR_LEVEL_L] = QR_ECLEVEL_L,
	[QR_LEVEL_M] = QR_ECLEVEL_M,
	[QR_LEVEL_Q] = QR_ECLEVEL_Q,
	[QR_LEVEL_H] = QR_ECLEVEL_H,
};

enum { VERSION_DEFAULT = 25, DARK = 0x00, LIGHT = 0xff };

size_t
qr_capacity(unsigned version, enum qr_level level)
{
	struct qr_blocks blocks;

	if (!qr_blocks(version, level, &blocks))
		return 0;
	/* Four bits of mode and eight or sixteen of count leave whole bytes but one half. */
	return blocks.data * blocks.count + blocks.long_count - (version < 10 ? 2 : 3);
}

static unsigned
smallest_version(size_t len, enum qr_level level, unsigned limit)
{
	for (unsigned version = 1; version <= limit; version++)
		if (qr_capacity(version, level) >= len)
			return version;
	return 0;
}

int
qr_plan(size_t len, const struct qr_plan_options *options, struct qr_plan *ret_plan)
{
	struct qr_plan plan = {
		.level = options->level,
		.columns = options->columns == 0 ? 1 : options->columns,
		.rows = options->rows == 0 ? 1 : options->rows,
		.version = options->version,
	};
	unsigned limit = options->version_max == 0 ? VERSION_DEFAULT : options->version_max;

	if ((unsigned)plan.level > QR_LEVEL_H || plan.columns > QR_COLUMNS_MAX ||
	    plan.rows > QR_ROWS_MAX || plan.version > QR_VERSION_MAX || limit > QR_VERSION_MAX)
		return QR_E_INVALID;
	if (plan.version == 0)
		plan.version = smallest_version(len, plan.level, limit);
	plan.capacity = qr_capacity(plan.version, plan.level);
	if (plan.capacity < len || plan.version == 0)
		return QR_E_TOO_BIG;

	plan.modules = qr_side(plan.version);
	uint32_t cell = plan.modules + 2 * QR_QUIET_MODULES;
	uint32_t across = options->width / (cell * plan.columns);
	uint32_t down = options->height / (cell * plan.rows);
	uint32_t largest = across < down ? across : down;

	plan.module_px = options->module_px == 0 ? largest : options->module_px;
	if (largest == 0 || plan.module_px > largest)
		return QR_E_TOO_BIG;
	plan.width = cell * plan.columns * plan.module_px;
	plan.height = cell * plan.rows * plan.module_px;
	*ret_plan = plan;
	return QR_OK;
}

double
qr_display_fps(double wanted_fps, double camera_fps)
{
	const double unknown_fps = 20;
	double limit = (camera_fps > 0 ? camera_fps : unknown_fps) / 2;

	return wanted_fps > 0 && wanted_fps < limit ? wanted_fps : limit;
}

static int
encode(const struct qr_plan *plan, struct qr_bytes bytes, QRcode **ret_code)
{
	QRinput *input = QRinput_new2((int)plan->version, levels[plan->level]);
	QRcode *code = NULL;
	int r = QR_E_NOMEM;

	if (input == NULL)
		return QR_E_NOMEM;
	if (QRinput_append(input, QR_MODE_8, (int)bytes.len, bytes.ptr) < 0)
		goto done;
	code = QRcode_encodeInput(input);
	if (code == NULL)
		goto done;
	/* The library takes a larger version rather than fail; we promised this one. */
	if (code->width != (int)plan->modules) {
		QRcode_free(code);
		r = QR_E_TOO_BIG;
		goto done;
	}
	*ret_code = code;
	r = QR_OK;
done:
	QRinput_free(input);
	return r;
}

static void
paint(const QRcode *code, unsigned module_px, uint8_t *frame, size_t stride)
{
	for (int y = 0; y < code->width; y++) {
		uint8_t *row = frame + (size_t)y * module_px * stride;

		for (int x = 0; x < code->width; x++)
			memset(row + (size_t)x * module_px,
			       code->data[y * code->width + x] & 1 ? DARK : LIGHT, module_px);
		for (unsigned i = 1; i < module_px; i++)
			memcpy(row + i * stride, row, (size_t)code->width * module_px);
	}
}

int
qr_draw(const struct qr_plan *plan, const struct qr_bytes *codes, size_t count,
        uint8_t *frame, uint32_t width, uint32_t height, size_t stride)
{
	if (stride < width || width < plan->width || height < plan->height ||
	    plan->module_px == 0 || count > (size_t)plan->columns * plan->rows)
		return QR_E_INVALID;
	for (size_t i = 0; i < count; i++) {
		if (codes[i].len == 0)
			return QR_E_INVALID;
		if (codes[i].len > plan->capacity)
			return QR_E_TOO_BIG;
	}

	for (uint32_t y = 0; y < height; y++)
		memset(frame + y * stride, LIGHT, width);

	size_t cell = (plan->modules + 2 * QR_QUIET_MODULES) * (size_t)plan->module_px;
	size_t quiet = (size_t)QR_QUIET_MODULES * plan->module_px;
	size_t left = (width - plan->width) / 2 + quiet;
	size_t top = (height - plan->height) / 2 + quiet;

	for (size_t i = 0; i < count; i++) {
		size_t x = left + i % plan->columns * cell, y = top + i / plan->columns * cell;
		QRcode *code;

		int r = encode(plan, codes[i], &code);
		if (r < 0)
			return r;
		paint(code, plan->module_px, frame + y * stride + x, stride);
		QRcode_free(code);
	}
	return QR_OK;
}
