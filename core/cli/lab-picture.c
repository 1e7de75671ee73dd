/* What a channel found in a picture: the picture, outlines of what was found, figures, the cause. */
#include "core/cli/lab.h"
#include "core/cli/svg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS = 4 * 64, LINE = 18, BAR = 160, LEFT = 10, TOP = 34 };

struct shot { /* the picture that is drawn */
	bool     told; /* the channel made an attempt of it                       */
	uint8_t *grey;
	size_t   room;
	uint32_t width, height;
	size_t   marks;
	float    xy[MARKS][2];
	struct csn_channel_report report;
};

static struct shot shot;

/* Keeps the first picture that an attempt was made of; until then the last one. */
static void
on_frame(void *arg, const struct csn_frame *frame)
{
	struct link *link = arg;
	const size_t size = (size_t)frame->width * frame->height;

	if (shot.told || frame->medium != CSN_MEDIUM_VIDEO)
		return;
	shot.told = link_attempt(link, &shot.report) == CSN_OK;
	if (!shot.told && link_meter(link, &shot.report) < 0)
		return;
	if (size > shot.room) {
		free(shot.grey);
		shot.grey = malloc(size);
		shot.room = shot.grey != NULL ? size : 0;
	}
	if (shot.grey == NULL)
		return;
	shot.width = frame->width;
	shot.height = frame->height;
	for (size_t y = 0; y < frame->height; y++)
		memcpy(shot.grey + y * frame->width, frame->grey + y * frame->stride, frame->width);
	if (link_marks(link, shot.xy, MARKS, &shot.marks) < 0)
		shot.marks = 0;
}

static void
draw_marks(struct svg *svg)
{
	for (size_t i = 0; i + 4 <= shot.marks; i += 4) {
		double xy[4][2];

		for (size_t k = 0; k < 4; k++) {
			xy[k][0] = LEFT + (double)shot.xy[i + k][0];
			xy[k][1] = TOP + (double)shot.xy[i + k][1];
		}
		svg_outline(svg, (const double (*)[2])xy, 4, i == 0 ? "#d7301f" : "#2171b5");
	}
}

/* A bar from nothing to twice what it takes, or to one; green where it is enough. */
static void
draw_figure(struct svg *svg, const struct csn_figure *figure, double x, double y)
{
	const bool   bound = !isnan(figure->least);
	const double full = bound && figure->least > 0 ? 2 * figure->least : 1;
	const double share = figure->value < 0 ? 0 : figure->value > full ? 1 : figure->value / full;
	char         text[80];

	snprintf(text, sizeof text, "%s %.2f %s", figure->name, figure->value, figure->unit);
	svg_text(svg, x, y, "start", text);
	svg_rect(svg, x, y + 4, BAR, 4, "#dddddd");
	svg_rect(svg, x, y + 4, share * BAR, 4,
	         !bound ? "#777777" : figure->value >= figure->least ? "#1b7837" : "#b2182b");
}

static int
plot(struct cli *cli, const struct lab_options *o, const char *channel)
{
	const struct csn_channel_report *r = &shot.report;
	const unsigned across = LEFT + shot.width + 20 + BAR + 20;
	const unsigned rows = TOP + 3 * LINE + 2 * LINE * r->figures;
	const unsigned down = TOP + shot.height + 10 > rows ? TOP + shot.height + 10 : rows;
	const double   x = LEFT + (double)shot.width + 20;
	struct svg    *svg = svg_create(o->out, across, down, channel);
	char           text[64];

	if (svg == NULL)
		return lab_cannot_write(cli, o);
	svg_picture(svg, LEFT, TOP, shot.grey, shot.width, shot.height);
	draw_marks(svg);
	snprintf(text, sizeof text, "%.15s %.15s", r->mode, r->stage);
	svg_text(svg, x, TOP + LINE, "start", text);
	snprintf(text, sizeof text, "cause: %.15s", r->cause[0] != '\0' ? r->cause : "none");
	svg_text(svg, x, TOP + 2.0 * LINE, "start", text);
	for (uint32_t i = 0; i < r->figures; i++)
		draw_figure(svg, &r->figure[i], x, TOP + (3.5 + 2.0 * i) * LINE);
	if (svg_close(svg) < 0)
		return lab_cannot_write(cli, o);
	json_object_set_new(cli->doc, "arrived", json_boolean(r->arrived));
	json_object_set_new(cli->doc, "cause", json_string(r->cause));
	json_object_set_new(cli->doc, "marks", json_integer((json_int_t)(shot.marks / 4)));
	cli_line(cli, "%s: %s%s%s", o->out, r->stage, r->cause[0] != '\0' ? ", " : "", r->cause);
	return CLI_OK;
}

static bool
has_enough(void)
{
	return shot.told;
}

static bool
has_nothing(void)
{
	return shot.grey == NULL;
}

int
lab_picture(struct cli *cli, const struct lab_options *o, const char *channel)
{
	const struct lab_watch watch = { on_frame, has_enough, has_nothing, "saw no picture", plot };
	int code = lab_watch(cli, o, channel, &watch);

	free(shot.grey);
	return code;
}
