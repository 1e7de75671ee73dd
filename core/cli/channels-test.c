/* channels test: messages go out, come back, and are told with what was measured. */
#include "core/cli/channels.h"

#include <stdio.h>

struct send {
	bool             over;
	int              result;
	struct csn_error why;
};

static void
on_sent(void *arg, int result, const struct csn_error *err)
{
	struct send *send = arg;

	send->over   = true;
	send->result = result;
	if (err != NULL)
		send->why = *err;
}

/* Sends ear->wanted and waits for it; an exit code. */
static int
send_one(struct channels_ear *ear)
{
	struct probe     *p    = ear->p;
	struct send       send = { 0 };
	struct link_send *handle;
	uint32_t          left = p->medium->grace_ms;
	int               r    = link_send(p->out, ear->wanted, on_sent, &send, &handle);

	while (r == CSN_OK && !send.over && !probe_interrupted())
		probe_run(p, 10);
	if (r == CSN_OK && !send.over)
		link_cancel(p->out, handle);
	if (r < 0 || send.result < 0)
		return cli_fail(p->cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-AIR-001", .stage = "send",
		                                       .found = link_last_trouble(p->out) },
		                "no %s: nothing could be sent through %s", p->medium->out,
		                p->out_name);
	for (; left > 0 && !ear->got && !probe_interrupted(); left -= left < 20 ? left : 20)
		probe_run(p, 20);
	return CLI_OK;
}

static void
tell_one(struct channels_ear *ear, int number)
{
	struct probe             *p      = ear->p;
	struct csn_channel_report report = ear->last;
	json_t                   *row;
	char                      text[400], stage[32];

	report.arrived = ear->got;
	if (ear->got && report.stage[0] == '\0')
		snprintf(report.stage, sizeof report.stage, "done");
	if (ear->last.size == 0)
		snprintf(report.stage, sizeof report.stage, ear->got ? "done" : "silence");
	row = channels_json(&report);
	json_array_append_new(json_object_get(p->cli->doc, "attempts"), row);
	channels_figures(&report, text, sizeof text);
	snprintf(stage, sizeof stage, "%d of %d", number, ear->options->count);
	if (ear->got)
		cli_story(p->cli, '+', stage, "%zu bytes %s  %s", ear->wanted.len, report.mode, text);
	else if (ear->last.size != 0) {
		cli_story(p->cli, '?', stage, "lost: %s came to %s  %s", report.mode, report.stage,
		          text);
		cli_line(p->cli, "     maybe       %s", report.text);
	} else {
		cli_story(p->cli, '?', stage, "nothing heard");
		channels_silence(ear);
	}
}

static int
verdict(struct channels_ear *ear, int arrived)
{
	struct cli *cli   = ear->p->cli;
	int         count = ear->options->count;

	json_object_set_new(cli->doc, "sent", json_integer(count));
	json_object_set_new(cli->doc, "received", json_integer(arrived));
	cli_line(cli, "%d of %d arrived from %s at %s", arrived, count, ear->p->out_name,
	         ear->p->in_name);
	if (arrived == count)
		return CLI_OK;
	const char *cause = ear->last.text;
	json_t     *meter = json_object_get(cli->doc, "meter");
	if (cause[0] == '\0' && meter != NULL)
		cause = json_string_value(json_object_get(meter, "text"));
	if (ear->last.cause[0] != '\0')
		json_object_set_new(cli->doc, "cause", json_string(ear->last.cause));
	return cli_fail(cli, arrived > 0 ? CLI_NO : CLI_TIMEOUT,
	                &(struct cli_failure){ .code = "CSN-AIR-007", .stage = "receive",
	                                       .next = cause },
	                arrived > 0 ? "some messages did not arrive" : "nothing arrived");
}

static int
test_all(struct channels_ear *ear, uint8_t *message, size_t len)
{
	struct probe *p       = ear->p;
	int           arrived = 0, code = CLI_OK;

	ear->quiet = true;
	probe_run(p, p->medium->quiet_ms);
	for (int i = 1; i <= ear->options->count && code == CLI_OK && !probe_interrupted(); i++) {
		if (csn_loop_random(p->loop, message, len) < 0)
			return CLI_INTERNAL;
		ear->wanted = (struct csn_bytes){ message, len };
		ear->got    = false;
		ear->last   = (struct csn_channel_report){ 0 };
		code        = send_one(ear);
		if (code == CLI_OK && ear->frames > 0 && !probe_interrupted())
			tell_one(ear, i);
		arrived += ear->got;
		if (ear->frames == 0)
			break; /* said when the ear is closed                         */
	}
	if (code != CLI_OK || ear->frames == 0 || probe_interrupted())
		return code;
	return verdict(ear, arrived);
}

int
channels_test(struct probe *p, const struct channels_options *options)
{
	static uint8_t      message[65536];
	struct channels_ear ear;
	size_t              len = (size_t)options->bytes;

	if (len > link_caps(p->out)->max_message || len > sizeof message)
		return cli_fail(p->cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-USE-002" },
		                "--bytes %zu: this channel carries at most %u", len,
		                link_caps(p->out)->max_message);
	int code = channels_ear_open(&ear, p, options);

	if (code == CLI_OK)
		code = test_all(&ear, message, len);
	return channels_ear_close(&ear, code);
}
