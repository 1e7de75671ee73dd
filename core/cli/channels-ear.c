/* The receiving end: frames are recorded, attempts told, messages compared. */
#include "core/cli/channels.h"
#include "lib/hex.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- words ------------------------------------------------------------------------ */

void
channels_figures(const struct csn_channel_report *report, char *text, size_t len)
{
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < report->figures && at < len; i++) {
		const struct csn_figure *f = &report->figure[i];
		bool fine = f->unit[0] == '\0' && f->value != rint(f->value);
		int  n    = snprintf(text + at, len - at, "%s%s %.*f%s%s", i > 0 ? ", " : "",
		                     f->name, fine ? 2 : f->unit[0] == '\0' ? 0 : 1, f->value,
		                     f->unit[0] != '\0' ? " " : "", f->unit);

		at += n > 0 ? (size_t)n : 0;
		if (at < len && f->value < f->least) {
			n = snprintf(text + at, len - at, " (needs %g)", f->least);
			at += n > 0 ? (size_t)n : 0;
		}
	}
}

json_t *
channels_json(const struct csn_channel_report *report)
{
	json_t *figures = json_object();

	for (uint32_t i = 0; i < report->figures; i++) {
		const struct csn_figure *f = &report->figure[i];
		json_t *row = json_pack("{s:f, s:s}", "value", isfinite(f->value) ? f->value : 0.0,
		                        "unit", f->unit);

		if (isfinite(f->least))
			json_object_set_new(row, "least", json_real(f->least));
		json_object_set_new(figures, f->name, row);
	}
	return json_pack("{s:b, s:i, s:I, s:s, s:s, s:s, s:s, s:o}", "arrived",
	                 (int)report->arrived, "bytes", (int)report->bytes, "at_ms",
	                 (json_int_t)report->at_ms, "mode", report->mode, "stage", report->stage,
	                 "cause", report->cause, "text", report->text, "figures", figures);
}

static void
tell_line(json_t *line)
{
	json_object_set_new(line, "schema", json_integer(1));
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static void
tell(struct channels_ear *ear, const struct csn_channel_report *report)
{
	struct cli *cli = ear->p->cli;
	json_t     *row = channels_json(report);
	char        text[400], stage[32];

	json_array_append(json_object_get(cli->doc, "attempts"), row);
	channels_figures(report, text, sizeof text);
	snprintf(stage, sizeof stage, "%.2f s", (double)report->at_ms / 1000);
	if (cli->json_lines)
		tell_line(row);
	else if (report->arrived)
		cli_story(cli, '+', stage, "%u bytes %s  %s", report->bytes, report->mode, text);
	else {
		cli_story(cli, '?', stage, "%s came to %s  %s", report->mode, report->stage, text);
		if (report->text[0] != '\0')
			cli_line(cli, "     maybe       %s", report->text);
	}
	json_decref(row);
}

void
channels_silence(struct channels_ear *ear)
{
	struct cli               *cli   = ear->p->cli;
	struct csn_channel_report meter = { 0 };
	char                      text[400];

	if (link_meter(ear->p->in, &meter) < 0)
		return;
	channels_figures(&meter, text, sizeof text);
	cli_line(cli, "     heard       %s", text);
	if (meter.text[0] != '\0')
		cli_line(cli, "     maybe       %s", meter.text);
	json_object_set_new(cli->doc, "meter", channels_json(&meter));
	json_object_set_new(cli->doc, "cause", json_string(meter.cause));
}

/* ---- what comes in ---------------------------------------------------------------- */

static void
record(struct channels_ear *ear, const struct csn_frame *frame)
{
	const struct probe_recorder *recorder = ear->p->medium->recorder;
	const char                  *path     = ear->options->record;

	if (path == NULL || ear->record_failed)
		return;
	if (ear->recording == NULL && (ear->recording = recorder->create(path, frame)) == NULL) {
		ear->record_failed = true;
		return;
	}
	ear->record_failed = recorder->add(ear->recording, frame) < 0;
}

static void
on_frame(void *arg, const struct csn_frame *frame)
{
	struct channels_ear      *ear    = arg;
	struct csn_channel_report report = { 0 };

	ear->frames++;
	record(ear, frame);
	while (link_attempt(ear->p->in, &report) == CSN_OK) {
		if (ear->last.size == 0 || !ear->last.arrived)
			ear->last = report;
		if (!ear->quiet)
			tell(ear, &report);
	}
}

static void
tell_contents(struct channels_ear *ear, struct csn_bytes message)
{
	static char hex[2 * 4096 + 1];
	json_t     *list = json_object_get(ear->p->cli->doc, "messages");

	if (!ear->options->contents || message.len > 4096)
		return;
	csn_hex_write(message.ptr, message.len, hex);
	cli_line(ear->p->cli, "     message     %s", hex);
	json_array_append_new(list, json_string(hex));
}

static void
on_message(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	struct channels_ear *ear = arg;

	(void)link, (void)at_ns;
	ear->messages++;
	ear->got = ear->got || (ear->wanted.len == message.len &&
	                        memcmp(ear->wanted.ptr, message.ptr, message.len) == 0);
	tell_contents(ear, message);
}

/* ---- life ------------------------------------------------------------------------- */

int
channels_ear_open(struct channels_ear *ear, struct probe *p,
                  const struct channels_options *options)
{
	*ear = (struct channels_ear){ .p = p, .options = options };
	ear->listener = (struct link_listener){ .fn = on_message, .arg = ear };
	if (options->record != NULL && p->medium->recorder == NULL)
		return cli_fail(p->cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-002" },
		                "%s cannot be recorded here", p->medium->word);
	json_object_set_new(p->cli->doc, "attempts", json_array());
	if (options->contents)
		json_object_set_new(p->cli->doc, "messages", json_array());
	link_on_frame(p->in, on_frame, ear);
	if (link_listen(p->in, &ear->listener) == CSN_OK)
		return CLI_OK;
	return cli_fail(p->cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-AIR-002" },
	                "this channel does not receive");
}

/* Nothing captured is its own answer, whatever was sent: @code otherwise. */
int
channels_ear_close(struct channels_ear *ear, int code)
{
	struct probe *p = ear->p;

	link_unlisten(p->in, &ear->listener);
	link_on_frame(p->in, NULL, NULL);
	if (ear->recording != NULL && p->medium->recorder->close(ear->recording) < 0)
		ear->record_failed = true;
	if (ear->record_failed)
		return cli_fail(p->cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-AIR-003", .stage = "record" },
		                "%s was not kept whole: %s", ear->options->record,
		                errno != 0 ? strerror(errno) : "it is too long");
	if (ear->frames > 0)
		return code;
	return cli_fail(p->cli, CLI_CANNOT,
	                &(struct cli_failure){
				.code = "CSN-AIR-002", .stage = "receive", .found = link_last_trouble(p->in),
				.next = "countersign channels test NAME --in USE:KEY=VALUE,... tries another" },
	                "no %s: nothing could be captured from %s", p->medium->in, p->in_name);
}
