/* channels listen: a meter that moves, and every attempt at a message. */
#include "core/cli/channels.h"

#include <stdio.h>
#include <unistd.h>

enum { STEP_MS = 250 };

/* A terminal sees the same line again; elsewhere there is one a second. */
static void
show_meter(struct channels_ear *ear, uint64_t step)
{
	struct cli               *cli   = ear->p->cli;
	struct csn_channel_report meter = { 0 };
	bool                      live  = isatty(STDERR_FILENO) == 1;
	char                      text[400];

	if (cli->json || cli->quiet || (!live && step % (1000 / STEP_MS) != 0) ||
	    link_meter(ear->p->in, &meter) < 0 || meter.at_ms == 0)
		return;
	channels_figures(&meter, text, sizeof text);
	fprintf(stderr, "%s%7.1f s  %.160s%s%s%s", live ? "\r\033[K" : "",
	        (double)meter.at_ms / 1000, text, meter.cause[0] != '\0' ? "  " : "", meter.cause,
	        live ? "" : "\n");
}

int
channels_listen(struct probe *p, const struct channels_options *options)
{
	struct channels_ear ear;
	uint64_t            steps = (uint64_t)options->seconds * 1000 / STEP_MS;
	int                 code  = channels_ear_open(&ear, p, options);

	if (code != CLI_OK)
		return code;
	for (uint64_t i = 1; !probe_interrupted() && !link_ended(p->in); i++) {
		probe_run(p, STEP_MS);
		show_meter(&ear, i);
		if (steps > 0 && i >= steps)
			break;
		if (ear.frames == 0 && link_last_trouble(p->in)[0] != '\0')
			break;
	}
	if (!p->cli->json && isatty(STDERR_FILENO) == 1)
		fputs("\r\033[K", stderr);
	probe_run(p, 20); /* what is on its way                                */
	json_object_set_new(p->cli->doc, "received", json_integer((json_int_t)ear.messages));
	if (ear.frames > 0 && ear.messages == 0) {
		channels_silence(&ear);
		if (ear.last.cause[0] != '\0')
			json_object_set_new(p->cli->doc, "cause", json_string(ear.last.cause));
		code = cli_fail(p->cli, CLI_TIMEOUT,
		                &(struct cli_failure){ .code = "CSN-AIR-007", .stage = "receive" },
		                "no message was heard");
	}
	return channels_ear_close(&ear, code);
}
