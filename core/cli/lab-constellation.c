/* What a channel made of what came in: the bits of every attempt as points. */
#include "core/cli/lab.h"
#include "core/cli/svg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 4096, SHOWN = 6, SIDE = 250, ACROSS = 3 };

struct panel {
	struct csn_channel_report report;
	size_t count;
	float  xy[POINTS][2];
};

static struct panel panels[SHOWN];
static size_t       panel_count;

static void
on_frame(void *arg, const struct csn_frame *frame)
{
	struct link              *link = arg;
	struct csn_channel_report report;

	(void)frame;
	while (panel_count < SHOWN && link_attempt(link, &report) == CSN_OK) {
		struct panel *panel = &panels[panel_count];

		panel->report = report;
		if (link_points(link, panel->xy, POINTS, &panel->count) == CSN_OK)
			panel_count++;
	}
}

static double
figure(const struct csn_channel_report *report, const char *name)
{
	for (uint32_t i = 0; i < report->figures; i++)
		if (strcmp(report->figure[i].name, name) == 0)
			return report->figure[i].value;
	return 0;
}

static void
draw(struct svg *svg, size_t i)
{
	const struct panel *panel = &panels[i];
	struct svg_frame f = { svg, 60 + (double)(i % ACROSS) * (SIDE + 70),
		               60 + (double)(i / ACROSS) * (SIDE + 90), SIDE, SIDE, -3, 3, -3, 3 };
	char text[120];

	svg_axes(&f, "even bits", i % ACROSS == 0 ? "odd bits" : "");
	svg_line(svg, svg_x(&f, 0), f.top, svg_x(&f, 0), f.top + SIDE, "#ccc");
	svg_line(svg, f.left, svg_y(&f, 0), f.left + SIDE, svg_y(&f, 0), "#ccc");
	for (size_t k = 0; k < panel->count; k++) {
		double x = (double)panel->xy[k][0], y = (double)panel->xy[k][1];

		if (x > -3 && x < 3 && y > -3 && y < 3)
			svg_dot(svg, svg_x(&f, x), svg_y(&f, y), 1.4,
			        panel->report.arrived ? "#1b7837" : "#b2182b");
	}
	snprintf(text, sizeof text, "%.2f s: %s, %s, %.1f dB", (double)panel->report.at_ms / 1000,
	         panel->report.mode, panel->report.stage, figure(&panel->report, "snr"));
	svg_text(svg, f.left + SIDE / 2.0, f.top - 8, "middle", text);
}

static int
plot(struct cli *cli, const struct lab_options *o, const char *channel)
{
	unsigned    across = panel_count < ACROSS ? (unsigned)panel_count : ACROSS;
	unsigned    rows   = (unsigned)(panel_count + ACROSS - 1) / ACROSS;
	struct svg *svg    = svg_create(o->out, 60 + across * (SIDE + 70), 40 + rows * (SIDE + 90),
	                                channel);

	if (svg == NULL)
		return lab_cannot_write(cli, o);
	for (size_t i = 0; i < panel_count; i++)
		draw(svg, i);
	if (svg_close(svg) < 0)
		return lab_cannot_write(cli, o);
	json_object_set_new(cli->doc, "attempts", json_integer((json_int_t)panel_count));
	cli_line(cli, "%s: %zu attempts", o->out, panel_count);
	return CLI_OK;
}

static bool
has_enough(void)
{
	return panel_count >= SHOWN;
}

static bool
has_nothing(void)
{
	return panel_count == 0;
}

int
lab_constellation(struct cli *cli, const struct lab_options *o, const char *channel)
{
	const struct lab_watch watch = { on_frame, has_enough, has_nothing,
		                         "made no attempt whose bits could be shown", plot };

	return lab_watch(cli, o, channel, &watch);
}
