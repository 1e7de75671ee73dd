/* A recording by time and frequency. */
#include "core/cli/lab.h"
#include "core/cli/svg.h"
#include "core/cli/wav.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1024, COLUMNS_MAX = 400, ROWS = 160, LEVELS = 24 };

#define RANGE_DB 72.0f

struct grid {
	size_t columns;
	float  low_hz, high_hz, loudest_db;
	float  db[COLUMNS_MAX][ROWS];
};

/* In place, decimation in time. */
static void
transform(float *re, float *im)
{
	for (size_t i = 1, j = 0; i < N; i++) {
		size_t bit = N / 2;

		for (; j & bit; bit /= 2)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			float t = re[i];

			re[i] = re[j];
			re[j] = t;
		}
	}
	for (size_t span = 1; span < N; span *= 2) {
		for (size_t k = 0; k < span; k++) {
			float c = cosf((float)M_PI * (float)k / (float)span);
			float s = -sinf((float)M_PI * (float)k / (float)span);

			for (size_t i = k; i < N; i += 2 * span) {
				float r = re[i + span] * c - im[i + span] * s;
				float m = re[i + span] * s + im[i + span] * c;

				re[i + span] = re[i] - r;
				im[i + span] = im[i] - m;
				re[i] += r;
				im[i] += m;
			}
		}
	}
}

/* Adds one window to a column: the loudest of each row stays. */
static void
add_window(struct grid *grid, size_t column, const float *samples, float rate_hz)
{
	static float re[N], im[N];

	memset(im, 0, sizeof im);
	for (size_t i = 0; i < N; i++)
		re[i] = samples[i] * (0.5f - 0.5f * cosf(2 * (float)M_PI * (float)i / N));
	transform(re, im);
	for (size_t bin = 0; bin < N / 2; bin++) {
		float hz  = (float)bin * rate_hz / N;
		float row = (hz - grid->low_hz) / (grid->high_hz - grid->low_hz) * ROWS;
		float db  = 10 * log10f((re[bin] * re[bin] + im[bin] * im[bin]) / (N * N / 16.0f) +
		                        1e-14f);

		if (row < 0 || row >= ROWS)
			continue;
		if (db > grid->db[column][(size_t)row])
			grid->db[column][(size_t)row] = db;
		if (db > grid->loudest_db)
			grid->loudest_db = db;
	}
}

/* Rows finer than a bin take what lies under them. */
static void
fill_rows(struct grid *grid)
{
	for (size_t c = 0; c < grid->columns; c++)
		for (size_t r = 1; r < ROWS; r++)
			if (grid->db[c][r] < -180)
				grid->db[c][r] = grid->db[c][r - 1];
}

static void
measure(struct grid *grid, const float *samples, size_t count, float rate_hz)
{
	size_t hop = N / 4, windows = (count - N) / hop + 1;

	grid->columns    = windows < COLUMNS_MAX ? windows : COLUMNS_MAX;
	grid->loudest_db = -200;
	for (size_t c = 0; c < COLUMNS_MAX; c++)
		for (size_t r = 0; r < ROWS; r++)
			grid->db[c][r] = -200;
	for (size_t w = 0; w < windows; w++)
		add_window(grid, w * grid->columns / windows, samples + w * hop, rate_hz);
	fill_rows(grid);
}

/* Dark blue, green, yellow: brightness rises with the level, also without colour. */
static void
color_of(int level, char text[16])
{
	static const int stops[4][3] = { { 12, 10, 48 }, { 38, 90, 140 }, { 60, 180, 110 },
		                         { 250, 235, 60 } };
	double at = 3.0 * level / (LEVELS - 1);
	int    from = at >= 3 ? 2 : (int)at, rgb[3];

	for (int i = 0; i < 3; i++)
		rgb[i] = (int)(stops[from][i] + (at - from) * (stops[from + 1][i] - stops[from][i]));
	snprintf(text, 16, "#%02x%02x%02x", rgb[0] & 255, rgb[1] & 255, rgb[2] & 255);
}

static int
level_of(const struct grid *grid, size_t column, size_t row)
{
	float share = (grid->db[column][row] - grid->loudest_db + RANGE_DB) / RANGE_DB;

	return share <= 0 ? 0 : share >= 1 ? LEVELS - 1 : (int)(share * (LEVELS - 1) + 0.5f);
}

/* Neighbours of one level are one rectangle. */
static void
draw(const struct svg_frame *f, const struct grid *grid)
{
	double w = f->width / (double)grid->columns, h = f->height / ROWS;

	for (size_t r = 0; r < ROWS; r++) {
		for (size_t c = 0, next; c < grid->columns; c = next) {
			int  level = level_of(grid, c, r);
			char color[16];

			for (next = c + 1; next < grid->columns && level_of(grid, next, r) == level;)
				next++;
			color_of(level, color);
			svg_rect(f->svg, f->left + (double)c * w, f->top + (double)(ROWS - 1 - r) * h,
			         (double)(next - c) * w + 0.1, h + 0.1, color);
		}
	}
}

static void
draw_scale(struct svg *svg, const struct grid *grid, double x, double top, double height)
{
	char color[16], text[32];

	for (int i = 0; i < LEVELS; i++) {
		color_of(i, color);
		svg_rect(svg, x, top + height * (LEVELS - 1 - i) / LEVELS, 14, height / LEVELS + 0.2,
		         color);
	}
	snprintf(text, sizeof text, "%.0f dB", (double)grid->loudest_db);
	svg_text(svg, x + 20, top + 10, "start", text);
	snprintf(text, sizeof text, "%.0f dB", (double)(grid->loudest_db - RANGE_DB));
	svg_text(svg, x + 20, top + height, "start", text);
}

static int
plot(struct cli *cli, const struct lab_options *o, const char *path, const float *samples,
     size_t count, uint32_t rate_hz)
{
	static struct grid grid;
	struct svg *svg = svg_create(o->out, 860, 460, path);

	if (svg == NULL)
		return lab_cannot_write(cli, o);
	double to_khz = o->to_khz < rate_hz / 2000.0 ? o->to_khz : rate_hz / 2000.0;
	struct svg_frame f = { svg, 70, 36, 690, 360, 0, (double)count / rate_hz, o->from_khz, to_khz };

	grid.low_hz  = (float)(o->from_khz * 1000);
	grid.high_hz = (float)(to_khz * 1000);
	measure(&grid, samples, count, (float)rate_hz);
	draw(&f, &grid);
	svg_axes(&f, "time, s", "frequency, kHz");
	draw_scale(svg, &grid, 776, 36, 360);
	if (svg_close(svg) < 0)
		return lab_cannot_write(cli, o);
	json_object_set_new(cli->doc, "seconds", json_real((double)count / rate_hz));
	json_object_set_new(cli->doc, "loudest_db", json_real((double)grid.loudest_db));
	cli_line(cli, "%s: %.2f s at %u Hz", o->out, (double)count / rate_hz, rate_hz);
	return CLI_OK;
}

int
lab_spectrogram(struct cli *cli, const struct lab_options *o, const char *path)
{
	float   *samples = NULL;
	size_t   count   = 0;
	uint32_t rate_hz = 0;

	if (!(o->from_khz >= 0 && o->to_khz <= 200 && o->to_khz - o->from_khz >= 0.5))
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-002",
		                                       .wanted = "0 or more, and 0.5 kHz apart" },
		                "--from %g --to %g is out of bounds", o->from_khz, o->to_khz);
	int r = wav_load(path, &samples, &count, &rate_hz);
	if (r < 0)
		return cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-LAB-002", .found = path,
		                                       .wanted = "mono WAV, 16-bit or float, a minute "
		                                                 "or ten" },
		                "the recording cannot be read%s%s", errno != 0 ? ": " : "",
		                errno != 0 ? strerror(errno) : "");
	int code = count < N || o->from_khz * 2000 >= rate_hz
	                   ? cli_fail(cli, CLI_TIMEOUT,
	                              &(struct cli_failure){ .code = "CSN-LAB-003" },
	                              "the recording has nothing to show there")
	                   : plot(cli, o, path, samples, count, rate_hz);
	free(samples);
	return code;
}
