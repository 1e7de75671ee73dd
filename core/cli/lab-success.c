/* How often a message arrived, by signal over noise: a table with a row for each trial. */
#include "core/cli/lab.h"
#include "core/cli/svg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 200, FIELDS = 64 };

struct bin {
	double   x;
	unsigned tried, good;
};

struct table {
	size_t     ok, x; /* fields                                               */
	struct bin bin[BINS];
	size_t     bins;
};

/* Cuts @line at its commas; how many fields. */
static size_t
split(char *line, char *field[FIELDS])
{
	size_t count = 0;

	for (char *at = line; count < FIELDS; at++) {
		field[count++] = at;
		at += strcspn(at, ",\r\n");
		if (*at != ',')
			*at = '\0';
		if (*at == '\0')
			break;
		*at = '\0';
	}
	return count;
}

static bool
find(char *const *field, size_t count, const char *name, size_t *ret_at)
{
	for (size_t i = 0; name != NULL && i < count; i++) {
		if (strcmp(field[i], name) == 0) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

/* Trials of one SNR, to a decibel, are one point. */
static void
add(struct table *t, double x, bool good)
{
	size_t at = 0;

	x = rint(x);
	while (at < t->bins && t->bin[at].x < x)
		at++;
	if (at == t->bins || t->bin[at].x > x) {
		if (t->bins == BINS)
			return;
		memmove(&t->bin[at + 1], &t->bin[at], (t->bins - at) * sizeof *t->bin);
		t->bin[at] = (struct bin){ .x = x };
		t->bins++;
	}
	t->bin[at].tried++;
	t->bin[at].good += good;
}

static int
read_table(FILE *file, const char *column, struct table *t)
{
	char  *line = NULL, *field[FIELDS];
	size_t room = 0, count;
	int    r    = -1;

	if (getline(&line, &room, file) > 0) {
		count = split(line, field);
		if (find(field, count, "ok", &t->ok) &&
		    (column != NULL ? find(field, count, column, &t->x)
		                    : find(field, count, "snr", &t->x) ||
		                              find(field, count, "snr_db", &t->x)))
			r = 0;
	}
	while (r == 0 && getline(&line, &room, file) > 0) {
		char  *end;
		double x;

		count = split(line, field);
		if (count <= t->ok || count <= t->x)
			continue;
		x = strtod(field[t->x], &end);
		if (end != field[t->x] && isfinite(x) && fabs(x) < 1000)
			add(t, x, strcmp(field[t->ok], "1") == 0);
	}
	free(line);
	return r;
}

/* 95 % confidence interval of a share, after Wilson. */
static void
interval(const struct bin *bin, double *ret_low, double *ret_high)
{
	double n = bin->tried, p = bin->good / n, z = 1.96;
	double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	double half   = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);

	*ret_low  = 100 * fmax(0, middle - half);
	*ret_high = 100 * fmin(1, middle + half);
}

static void
draw(struct svg_frame *f, const struct table *t)
{
	double band[2 * BINS][2], line[BINS][2];

	for (size_t i = 0; i < t->bins; i++) {
		size_t back = 2 * t->bins - 1 - i;

		band[i][0] = band[back][0] = line[i][0] = t->bin[i].x;
		interval(&t->bin[i], &band[i][1], &band[back][1]);
		line[i][1] = 100.0 * t->bin[i].good / t->bin[i].tried;
	}
	svg_curve(f, (const double (*)[2])band, 2 * t->bins, "#c6dbef", true);
	svg_curve(f, (const double (*)[2])line, t->bins, "#08519c", false);
	for (size_t i = 0; i < t->bins; i++)
		svg_dot(f->svg, svg_x(f, line[i][0]), svg_y(f, line[i][1]), 3, "#08519c");
}

static int
plot(struct cli *cli, const struct lab_options *o, const char *path, const struct table *t)
{
	struct svg *svg = svg_create(o->out, 760, 460, path);
	double      low = t->bin[0].x, high = t->bin[t->bins - 1].x;

	if (svg == NULL)
		return lab_cannot_write(cli, o);
	struct svg_frame f = { svg, 80, 40, 650, 350, low - 1, high + 1, 0, 100 };
	char label[80];
	unsigned tried = 0;

	for (size_t i = 0; i < t->bins; i++)
		tried += t->bin[i].tried;
	draw(&f, t);
	snprintf(label, sizeof label, "%s (%u trials)", o->column != NULL ? o->column : "SNR, dB",
	         tried);
	svg_axes(&f, label, "arrived, % (band: 95 % confidence)");
	if (svg_close(svg) < 0)
		return lab_cannot_write(cli, o);
	json_object_set_new(cli->doc, "trials", json_integer(tried));
	json_object_set_new(cli->doc, "points", json_integer((json_int_t)t->bins));
	cli_line(cli, "%s: %zu points of %u trials", o->out, t->bins, tried);
	return CLI_OK;
}

int
lab_success(struct cli *cli, const struct lab_options *o, const char *path)
{
	static struct table t;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-LAB-002", .found = path },
		                "the table cannot be read: %s", strerror(errno));
	int r = read_table(file, o->column, &t);
	fclose(file);
	if (r < 0)
		return cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-LAB-002", .found = path,
		                                       .wanted = "a first line with the columns ok and "
		                                                 "snr, snr_db or --column" },
		                "this is no table of trials");
	if (t.bins == 0)
		return cli_fail(cli, CLI_TIMEOUT,
		                &(struct cli_failure){ .code = "CSN-LAB-003", .found = path },
		                "the table has no trial");
	return plot(cli, o, path, &t);
}
