#include "core/cli/svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct svg {
	FILE *file;
};

/* ---- page -------------------------------------------------------------------------- */

static void
escaped(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '>' || *text == '&')
			fprintf(file, "&#%d;", *text);
		else
			putc((unsigned char)*text < ' ' ? ' ' : *text, file);
	}
}

struct svg *
svg_create(const char *path, unsigned width, unsigned height, const char *title)
{
	struct svg *svg = calloc(1, sizeof *svg);

	if (svg == NULL || (svg->file = fopen(path, "we")) == NULL) {
		free(svg);
		return NULL;
	}
	fprintf(svg->file,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
	        "viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" font-size=\"13\">\n<title>",
	        width, height, width, height);
	escaped(svg->file, title);
	fprintf(svg->file, "</title>\n<rect width=\"%u\" height=\"%u\" fill=\"white\"/>\n", width,
	        height);
	svg_text(svg, width / 2.0, 20, "middle", title);
	return svg;
}

int
svg_close(struct svg *svg)
{
	if (svg == NULL)
		return 0;
	fputs("</svg>\n", svg->file);
	int r = ferror(svg->file) != 0 ? -1 : 0;

	if (fclose(svg->file) != 0)
		r = -1;
	free(svg);
	return r;
}

void
svg_text(struct svg *svg, double x, double y, const char *anchor, const char *text)
{
	fprintf(svg->file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	escaped(svg->file, text);
	fputs("</text>\n", svg->file);
}

void
svg_line(struct svg *svg, double x1, double y1, double x2, double y2, const char *color)
{
	fprintf(svg->file,
	        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1,
	        x2, y2, color);
}

void
svg_rect(struct svg *svg, double x, double y, double w, double h, const char *color)
{
	fprintf(svg->file,
	        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" "
	        "shape-rendering=\"crispEdges\"/>\n",
	        x, y, w, h, color);
}

void
svg_dot(struct svg *svg, double x, double y, double radius, const char *color)
{
	fprintf(svg->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n", x, y,
	        radius, color);
}

void
svg_outline(struct svg *svg, const double (*xy)[2], size_t count, const char *color)
{
	fputs("<polygon fill=\"none\" stroke-width=\"2\" points=\"", svg->file);
	for (size_t i = 0; i < count; i++)
		fprintf(svg->file, "%s%.1f,%.1f", i > 0 ? " " : "", xy[i][0], xy[i][1]);
	fprintf(svg->file, "\" stroke=\"%s\"/>\n", color);
}

struct base64 {
	FILE    *file;
	unsigned bits, held;
};

static void
put_byte(struct base64 *out, unsigned char byte)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	out->bits = out->bits << 8 | byte;
	if (++out->held < 3)
		return;
	for (int shift = 18; shift >= 0; shift -= 6)
		putc(letters[out->bits >> shift & 63], out->file);
	out->bits = out->held = 0;
}

static void
put_number(struct base64 *out, unsigned long value, unsigned bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		put_byte(out, (unsigned char)value);
}

/* As BMP, which needs no library: rows from below, each of a multiple of four bytes. */
void
svg_picture(struct svg *svg, double x, double y, const unsigned char *grey, unsigned width,
            unsigned height)
{
	const unsigned head = 14 + 40, colors = 256, row = (width + 3) / 4 * 4;
	struct base64 out = { .file = svg->file };

	fprintf(svg->file,
	        "<image x=\"%.1f\" y=\"%.1f\" width=\"%u\" height=\"%u\" href=\"data:image/bmp;base64,",
	        x, y, width, height);
	put_number(&out, 'B' | 'M' << 8, 2);
	put_number(&out, head + 4 * colors + (unsigned long)row * height, 4);
	put_number(&out, 0, 4);
	put_number(&out, head + 4 * colors, 4);
	put_number(&out, 40, 4);
	put_number(&out, width, 4);
	put_number(&out, height, 4);
	put_number(&out, 1 | 8 << 16, 4); /* one plane of 8 bits */
	put_number(&out, 0, 4);
	put_number(&out, (unsigned long)row * height, 4);
	put_number(&out, 2835, 4); /* pixels a metre */
	put_number(&out, 2835, 4);
	put_number(&out, colors, 4);
	put_number(&out, 0, 4);
	for (unsigned long i = 0; i < colors; i++)
		put_number(&out, i * 0x010101, 4);
	for (unsigned v = height; v-- > 0;)
		for (unsigned u = 0; u < row; u++)
			put_byte(&out, u < width ? grey[(size_t)v * width + u] : 0);
	while (out.held != 0) /* readers go by the length that the head says */
		put_byte(&out, 0);
	fputs("\"/>\n", svg->file);
}

/* ---- frame ------------------------------------------------------------------------- */

double
svg_x(const struct svg_frame *frame, double value)
{
	return frame->left + (value - frame->x0) / (frame->x1 - frame->x0) * frame->width;
}

double
svg_y(const struct svg_frame *frame, double value)
{
	return frame->top + frame->height -
	       (value - frame->y0) / (frame->y1 - frame->y0) * frame->height;
}

/* 1, 2 or 5 times a power of ten: about six of them between the edges. */
static double
tick_step(double span)
{
	double base = pow(10, floor(log10(span / 6)));
	double times = span / 6 / base;

	return base * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static void
one_tick(const struct svg_frame *f, double value, bool x)
{
	char text[32];

	snprintf(text, sizeof text, "%.6g", fabs(value) < 1e-9 ? 0.0 : value);
	if (x) {
		svg_line(f->svg, svg_x(f, value), f->top + f->height, svg_x(f, value),
		         f->top + f->height + 5, "#444");
		svg_text(f->svg, svg_x(f, value), f->top + f->height + 19, "middle", text);
	} else {
		svg_line(f->svg, f->left - 5, svg_y(f, value), f->left, svg_y(f, value), "#444");
		svg_text(f->svg, f->left - 9, svg_y(f, value) + 4, "end", text);
	}
}

void
svg_axes(const struct svg_frame *f, const char *x_label, const char *y_label)
{
	double right = f->left + f->width, bottom = f->top + f->height;
	double x_step = tick_step(f->x1 - f->x0), y_step = tick_step(f->y1 - f->y0);

	for (double v = ceil(f->x0 / x_step - 1e-9) * x_step; v <= f->x1 + x_step / 1e6; v += x_step)
		one_tick(f, v, true);
	for (double v = ceil(f->y0 / y_step - 1e-9) * y_step; v <= f->y1 + y_step / 1e6; v += y_step)
		one_tick(f, v, false);
	svg_line(f->svg, f->left, bottom, right, bottom, "#444");
	svg_line(f->svg, f->left, f->top, right, f->top, "#444");
	svg_line(f->svg, f->left, f->top, f->left, bottom, "#444");
	svg_line(f->svg, right, f->top, right, bottom, "#444");
	svg_text(f->svg, f->left + f->width / 2, bottom + 40, "middle", x_label);
	fprintf(f->svg->file, "<g transform=\"rotate(-90 18 %.1f)\">", f->top + f->height / 2);
	svg_text(f->svg, 18, f->top + f->height / 2, "middle", y_label);
	fputs("</g>\n", f->svg->file);
}

void
svg_curve(const struct svg_frame *f, const double (*xy)[2], size_t count, const char *color,
          bool fill)
{
	fprintf(f->svg->file, "<%s points=\"", fill ? "polygon" : "polyline");
	for (size_t i = 0; i < count; i++)
		fprintf(f->svg->file, "%.1f,%.1f ", svg_x(f, xy[i][0]), svg_y(f, xy[i][1]));
	if (fill)
		fprintf(f->svg->file, "\" fill=\"%s\"/>\n", color);
	else
		fprintf(f->svg->file, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", color);
}
