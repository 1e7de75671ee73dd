/*
 * Draws QR codes into a grey picture: exact version and level, byte mode, whole pixels
 * a module, a quiet zone of four modules round every code.
 */
#ifndef CHANNEL_QR_WRITE_H
#define CHANNEL_QR_WRITE_H

#include "qr.h"

enum {
	QR_QUIET_MODULES = 4,
	QR_COLUMNS_MAX   = 3,
	QR_ROWS_MAX      = 2,
	QR_PLACES_MAX    = QR_COLUMNS_MAX * QR_ROWS_MAX,
};

struct qr_plan_options {
	unsigned      version;     /* exact, 1 to 40; 0: the smallest that fits */
	unsigned      version_max; /* bound while @version is 0; 0: 25 */
	enum qr_level level;
	unsigned      columns;     /* codes side by side, 1 to 3; 0: 1 */
	unsigned      rows;        /* codes above one another, 1 or 2; 0: 1 */
	unsigned      module_px;   /* 0: the largest that fits width and height */
	uint32_t      width;       /* of the frame that will be drawn into, pixels */
	uint32_t      height;
};

struct qr_plan {
	unsigned      version;
	enum qr_level level;
	unsigned      columns;
	unsigned      rows;
	unsigned      modules;   /* a side, without the quiet zone */
	unsigned      module_px;
	uint32_t      width;     /* pixels the whole grid needs, quiet zones included */
	uint32_t      height;
	size_t        capacity;  /* bytes that one code carries */
};

/* Bytes that fit one code in byte mode; 0 when there is no such version or level. */
size_t qr_capacity(unsigned version, enum qr_level level);

/*
 * Plans codes for payloads of up to @len bytes each.
 * QR_E_TOO_BIG: no allowed version carries @len, or the grid does not fit the frame
 * at one pixel a module.  QR_E_INVALID: an option is out of range.
 */
int qr_plan(size_t len, const struct qr_plan_options *options, struct qr_plan *ret_plan);

/*
 * Highest rate at which codes may change for a camera of @camera_fps: half of it,
 * so that every code gets one camera frame that no change tears.  0 means unknown
 * and is taken for a 20 fps camera.
 */
double qr_display_fps(double wanted_fps, double camera_fps);

/*
 * Draws @count codes (at most columns x rows, row by row; places left over stay white)
 * into a frame of GRAY8 pixels, the grid in its middle and white around it.  The
 * frame must be at least as large as the plan says and @stride at least @width.
 * On failure the frame's content is undefined.  [any thread]
 */
int qr_draw(const struct qr_plan *plan, const struct qr_bytes *codes, size_t count,
            uint8_t *frame, uint32_t width, uint32_t height, size_t stride);

#endif
