/* Charts as SVG: a page, a frame with axes, and what is drawn in it. */
#ifndef CSN_CLI_SVG_H
#define CSN_CLI_SVG_H

#include <stdbool.h>
#include <stddef.h>

struct svg;

/* A white page; NULL and errno when the file cannot be made. */
struct svg *svg_create(const char *path, unsigned width, unsigned height, const char *title);
/* 0, or -1 when anything could not be written; NULL is fine. */
int svg_close(struct svg *svg);

/* @anchor: "start", "middle" or "end"; @text is escaped. */
void svg_text(struct svg *svg, double x, double y, const char *anchor, const char *text);
void svg_line(struct svg *svg, double x1, double y1, double x2, double y2, const char *color);
void svg_rect(struct svg *svg, double x, double y, double w, double h, const char *color);
/* A closed line through @count places of the page. */
void svg_outline(struct svg *svg, const double (*xy)[2], size_t count, const char *color);
/* A picture of grey pixels, rows @width apart, one unit a pixel. */
void svg_picture(struct svg *svg, double x, double y, const unsigned char *grey, unsigned width,
                 unsigned height);
void svg_dot(struct svg *svg, double x, double y, double radius, const char *color);

/* Values become places: x0..x1 from left to right, y0..y1 from bottom to top. */
struct svg_frame {
	struct svg *svg;
	double left, top, width, height; /* on the page                       */
	double x0, x1, y0, y1;           /* values at its edges               */
};

double svg_x(const struct svg_frame *frame, double value);
double svg_y(const struct svg_frame *frame, double value);
/* Ticks at round numbers and both labels. */
void svg_axes(const struct svg_frame *frame, const char *x_label, const char *y_label);
/* A line through values, or with @fill the area that they enclose. */
void svg_curve(const struct svg_frame *frame, const double (*xy)[2], size_t count,
               const char *color, bool fill);

#endif
