/* channels: which there are, what a path lets through, and what is heard right now. */

#include "core/cli/channels.h"
#include "core/base/error.h"
#include "core/cli/plugins.h"
#include "core/cli/wav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct channels_options own = { .count = 5, .bytes = 41 };
static struct probe_ask        ask;

static const struct poptOption options[] = {
	{ "in", 0, POPT_ARG_STRING, &ask.in, 0,
	  "what receives: a media of the configuration, or USE:KEY=VALUE,...", "MEDIA" },
	{ "out", 0, POPT_ARG_STRING, &ask.out, 0, "test: what sends, likewise", "MEDIA" },
	{ "set", 0, POPT_ARG_ARGV, &ask.sets, 0,
	  "an option of the channel, in place of the configured ones; may be repeated", "KEY=VALUE" },
	{ "count", 0, POPT_ARG_INT, &own.count, 0, "test: messages to send (default 5)", "N" },
	{ "bytes", 0, POPT_ARG_INT, &own.bytes, 0, "test: bytes of each (default 41)", "N" },
	{ "seconds", 0, POPT_ARG_INT, &own.seconds, 0,
	  "listen: so long (default: until Ctrl-C or the recording's end)", "N" },
	{ "contents", 0, POPT_ARG_NONE, &own.contents, 0, "listen: messages in hex, too", NULL },
	{ "record", 0, POPT_ARG_STRING, &own.record, 0, "keep what was received in this file",
	  "FILE" },
	{ "plugin-path", 0, POPT_ARG_STRING, &ask.plugin_path, 0,
	  "where the plugins are (default: as configured, else the installed ones)", "DIR" },
	POPT_TABLEEND,
};

/* ---- media ----------------------------------------------------------------------- */

static void *
record_sound(const char *path, const struct csn_frame *first)
{
	return wav_create(path, first->rate_hz);
}

static int
add_sound(void *self, const struct csn_frame *frame)
{
	return wav_add(self, frame->samples, frame->count);
}

static int
close_sound(void *self)
{
	return wav_close(self);
}

static const struct probe_recorder sound = { record_sound, add_sound, close_sound };

/* A folder of pictures, as the media plugins for recordings read them. */
struct pictures {
	char    *folder;
	unsigned count;
};

static int
close_pictures(void *self)
{
	struct pictures *pictures = self;

	free(pictures->folder);
	free(pictures);
	return 0;
}

static void *
record_pictures(const char *path, const struct csn_frame *first)
{
	struct pictures *pictures = calloc(1, sizeof *pictures);

	(void)first;
	if (pictures == NULL)
		return NULL;
	pictures->folder = strdup(path);
	if (pictures->folder != NULL && cli_folder(path, 0700) == 0)
		return pictures;
	close_pictures(pictures);
	return NULL;
}

static int
add_picture(void *self, const struct csn_frame *frame)
{
	struct pictures *pictures = self;
	char             name[32];

	snprintf(name, sizeof name, "%08u.pgm", ++pictures->count);
	char *path = cli_path(pictures->folder, name);
	FILE *file = path != NULL ? fopen(path, "wb") : NULL;
	int   r    = file != NULL ? 0 : -1;

	free(path);
	if (file == NULL)
		return r;
	fprintf(file, "P5\n%u %u\n255\n", (unsigned)frame->width, (unsigned)frame->height);
	for (size_t y = 0; y < frame->height; y++)
		if (fwrite(frame->grey + y * frame->stride, 1, frame->width, file) != frame->width)
			r = -1;
	return fclose(file) == 0 ? r : -1;
}

static const struct probe_recorder pictures = { record_pictures, add_picture, close_pictures };

const struct probe_medium probe_media[] = {
	{ .medium = CSN_MEDIUM_AUDIO, .word = "audio", .in = "microphone", .out = "loudspeaker",
	  .quiet_ms = 800, .grace_ms = 1500, .recorder = &sound },
	{ .medium = CSN_MEDIUM_VIDEO, .word = "video", .in = "camera", .out = "screen",
	  .quiet_ms = 200, .grace_ms = 1500, .recorder = &pictures },
	{ .word = NULL },
};

/* ---- list ------------------------------------------------------------------------ */

static void
list_one(struct cli *cli, const struct csn_component *c)
{
	cli_line(cli, "%-13s %s", c->name, c->summary);
	json_array_append_new(json_object_get(cli->doc, "channels"),
	                      json_pack("{s:s, s:s}", "name", c->name, "summary", c->summary));
}

static int
list(struct cli *cli)
{
	struct csn_config_file *file   = NULL;
	struct csn_error        err    = { 0 };
	struct csn_loader      *loader = csn_loader_new(NULL, NULL);
	int r = loader != NULL ? CSN_OK : CSN_E_NOMEM;

	if (r >= 0 && cli->config != NULL)
		r = csn_config_read(cli->config, &file, &err);
	if (r >= 0)
		r = plugins_folders(loader, file, ask.plugin_path, &err);
	json_object_set_new(cli->doc, "channels", json_array());
	for (const struct csn_module *m = r >= 0 ? csn_loader_list(loader) : NULL; m != NULL;
	     m = m->next)
		for (size_t i = 0; m->plugin != NULL && m->plugin->components[i] != NULL; i++)
			if (m->plugin->components[i]->kind == CSN_KIND_CHANNEL)
				list_one(cli, m->plugin->components[i]);
	csn_config_free(file);
	csn_loader_free(loader);
	if (r >= 0)
		return CLI_OK;
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-PLG-003",
	                                       .next = "name the folder: --plugin-path DIR" },
	                "%s", csn_error_text(&err));
}

/* ---- command --------------------------------------------------------------------- */

static int
bad_number(struct cli *cli, const char *option, int found, const char *wanted)
{
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-USE-002", .wanted = wanted },
	                "--%s %d is out of bounds", option, found);
}

static int
run(struct cli *cli)
{
	const char  *word = cli_word(cli, "channels", "list test listen");
	struct probe p;

	if (word == NULL)
		return CLI_USAGE;
	if (strcmp(word, "list") == 0)
		return list(cli);
	if (cli->arg_count != 2)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-001",
		                                       .next = "countersign channels list" },
		                "channels %s needs the name of one channel", word);
	if (own.count < 1 || own.count > 10000)
		return bad_number(cli, "count", own.count, "1 to 10000");
	if (own.bytes < 1 || own.bytes > 65536)
		return bad_number(cli, "bytes", own.bytes, "1 to 65536, as many as the channel carries");
	if (own.seconds < 0 || own.seconds > 86400)
		return bad_number(cli, "seconds", own.seconds, "0 to 86400");
	bool test    = strcmp(word, "test") == 0;
	ask.channel  = cli->args[1];
	ask.want_in  = true;
	ask.want_out = test;
	ask.sealed   = !test && own.record == NULL; /* a test hears its own       */
	int code = probe_open(&p, cli, &ask);
	if (code != CLI_OK)
		return code;
	code = test ? channels_test(&p, &own) : channels_listen(&p, &own);
	probe_close(&p);
	return probe_interrupted() && test ? CLI_INTERRUPTED : code;
}

const struct cli_command cli_channels = {
	.name     = "channels",
	.summary  = "which channels there are, what a path lets through, what is heard",
	.synopsis = "list | test NAME | listen NAME",
	.detail   = "test sends messages on the channel NAME and receives them on this machine: by\n"
	            "each one it tells level, signal over noise, and what else the channel measures,\n"
	            "and for one that did not arrive the probable cause. listen is a meter: levels, and\n"
	            "every attempt at a message. The ends are media of the configuration, or made for\n"
	            "the purpose, e.g. --in gst:through=pulse. --record keeps what was received;\n"
	            "--in file:path=FILE,pace=fast hears it again, to the same verdict.\n"
	            "Exit 0: all arrived (listen: something did); 1: some did not; 3: no sound or picture\n"
	            "can be had; 4: nothing arrived.",
	.words    = "list test listen",
	.options  = options,
	.run      = run,
};
