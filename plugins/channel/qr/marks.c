/* Where a code's parts are in the picture: its outline, then its patterns, four corners each. */
#include "diag.h"
#include "qr-spec.h"

#include <math.h>

struct plane { /* modules to pixels, in perspective */
	double a, b, c, d, e, f, g, h;
};

/* The square of a code's side onto its four corners in the picture. */
static bool
plane_of(const struct qr_point corner[4], double side, struct plane *ret)
{
	const double x0 = (double)corner[0].x, x1 = (double)corner[1].x, x2 = (double)corner[2].x,
	             x3 = (double)corner[3].x;
	const double y0 = (double)corner[0].y, y1 = (double)corner[1].y, y2 = (double)corner[2].y,
	             y3 = (double)corner[3].y;
	const double dx1 = x1 - x2, dx2 = x3 - x2, sx = x0 - x1 + x2 - x3;
	const double dy1 = y1 - y2, dy2 = y3 - y2, sy = y0 - y1 + y2 - y3;
	const double area = dx1 * dy2 - dx2 * dy1;

	if (!(fabs(area) > 1e-6)) /* also a NaN */
		return false;
	const double g = (sx * dy2 - dx2 * sy) / area, h = (dx1 * sy - sx * dy1) / area;
	*ret = (struct plane){ (x1 - x0 + g * x1) / side, (x3 - x0 + h * x3) / side, x0,
		               (y1 - y0 + g * y1) / side, (y3 - y0 + h * y3) / side, y0,
		               g / side, h / side };
	return true;
}

struct marks {
	const struct plane *plane;
	float             (*xy)[2];
	size_t              room, count;
};

/* A square of modules from (@x, @y) on. */
static void
add_square(struct marks *m, double x, double y, double side)
{
	const double at[4][2] = { { x, y }, { x + side, y }, { x + side, y + side }, { x, y + side } };
	const struct plane *p = m->plane;

	if (m->count + 4 > m->room)
		return;
	for (int i = 0; i < 4; i++, m->count++) {
		const double u = at[i][0], v = at[i][1], w = p->g * u + p->h * v + 1;

		m->xy[m->count][0] = (float)((p->a * u + p->b * v + p->c) / w);
		m->xy[m->count][1] = (float)((p->d * u + p->e * v + p->f) / w);
	}
}

size_t
qr_marks(const struct qr_report *report, float (*xy)[2], size_t room)
{
	const unsigned finder = 7, alignment = 5, side = qr_side(report->version);
	unsigned centre[QR_ALIGN_MAX];
	struct plane plane;
	struct marks marks = { &plane, xy, room, 0 };

	if (report->codes_seen == 0 || side == 0 || !plane_of(report->corner, side, &plane))
		return 0;
	add_square(&marks, 0, 0, side);
	add_square(&marks, 0, 0, finder);
	add_square(&marks, side - finder, 0, finder);
	add_square(&marks, 0, side - finder, finder);
	const unsigned n = qr_alignments(report->version, centre);
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < n; j++)
			if (qr_has_alignment(n, i, j))
				add_square(&marks, centre[j] - alignment / 2,
				           centre[i] - alignment / 2, alignment);
	return marks.count;
}
