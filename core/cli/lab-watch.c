/* A channel is listened to until a plot has enough; then it is drawn. */
#include "core/cli/lab.h"
#include "core/cli/probe.h"

static void
discard(void *arg, const struct link *link, uint64_t at_ns, struct csn_bytes message)
{
	(void)arg, (void)link, (void)at_ns, (void)message;
}

int
lab_watch(struct cli *cli, const struct lab_options *o, const char *channel,
          const struct lab_watch *watch)
{
	struct probe_ask ask = { .channel = channel, .in = o->in, .want_in = true,
		                 .sets = o->sets, .plugin_path = o->plugin_path };
	struct link_listener listener = { .fn = discard };
	struct probe         p;
	int                  code = probe_open(&p, cli, &ask);

	if (code != CLI_OK)
		return code;
	link_on_frame(p.in, watch->on_frame, p.in);
	code = link_listen(p.in, &listener) == CSN_OK ? CLI_OK : CLI_CANNOT;
	while (code == CLI_OK && !watch->has_enough() && !link_ended(p.in) && !probe_interrupted() &&
	       link_last_trouble(p.in)[0] == '\0')
		probe_run(&p, 20);
	if (code != CLI_OK || link_last_trouble(p.in)[0] != '\0')
		code = cli_fail(cli, CLI_CANNOT,
		                &(struct cli_failure){ .code  = "CSN-AIR-002", .stage = "receive",
		                                       .found = link_last_trouble(p.in) },
		                "nothing could be received from %s", p.in_name);
	else if (watch->has_nothing())
		code = cli_fail(cli, CLI_TIMEOUT, &(struct cli_failure){ .code = "CSN-LAB-003" },
		                "%s %s", channel, watch->nothing);
	else
		code = watch->plot(cli, o, channel);
	link_unlisten(p.in, &listener);
	link_on_frame(p.in, NULL, NULL);
	probe_close(&p);
	return code;
}
