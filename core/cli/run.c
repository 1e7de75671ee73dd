/* run: a batch; the offers of several devices take turns on one screen. */
#include "core/base/error.h"
#include "core/cli/runner.h"

#include <countersign/types.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX     64
#define SUBJECT_LIMIT 65536
#define PAYLOAD_LIMIT 32768

static const char *payload_path, *format = "json";

static const struct poptOption options[] = {
	{ "payload", 'p', POPT_ARG_STRING, &payload_path, 0, "what to deliver to each", "FILE" },
	{ "format", 'f', POPT_ARG_STRING, &format, 0, "format of the payload: json or cbor",
	  "FORMAT" },
	POPT_TABLEEND,
};

struct batch;

/* One device of the batch. */
struct row {
	struct batch               *batch;
	const char                 *path;
	uint8_t                    *subject;
	size_t                      subject_len;
	struct csn_station_session *session; /* NULL once it ended            */
	uint32_t                    outcome, code;
};

struct batch {
	struct cli    *cli;
	struct runner  runner;
	struct row     rows[BATCH_MAX];
	size_t         count, running;
	uint8_t       *payload;
	size_t         payload_len;
};

static void
on_end(void *arg, const struct session_end *end)
{
	static const char marks[]  = { 'x', '+', '+', 'x', '?' };
	struct row       *row      = arg;

	row->session = NULL;
	row->outcome = end->outcome;
	row->code    = end->code;
	if (end->code != 0)
		cli_story(row->batch->cli, marks[end->outcome % 5], "device", "%s: %s  CSN-%u",
		          row->path, end->text, end->code);
	else
		cli_story(row->batch->cli, marks[end->outcome % 5], "device", "%s: %s", row->path,
		          end->text);
	if (--row->batch->running == 0)
		csn_station_stop(row->batch->runner.station);
}

static int
start_row(struct batch *b, struct row *row, struct csn_error *err)
{
	struct csn_station_ask ask = {
		.begin = { .size    = sizeof ask.begin,
		           .side    = CSN_SIDE_STATION,
		           .subject = { row->subject, row->subject_len } },
		.format  = format,
		.payload = { b->payload, b->payload_len },
		.no_input = b->cli->no_input != 0,
		.end     = on_end,
		.arg     = row,
	};
	int r = csn_station_session(b->runner.station, &ask, &row->session, err);

	b->running += r == CSN_OK;
	return r;
}

/* Every file is read before anything starts, so that a bad row costs nothing. */
static int
read_rows(struct batch *b)
{
	struct cli *cli = b->cli;

	if (cli->arg_count == 0 || cli->arg_count > BATCH_MAX)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-006", .wanted = "1 to 64 files",
		                                       .effect = "nothing was started" },
		                "%d devices named", cli->arg_count);
	for (int i = 0; i < cli->arg_count; i++) {
		struct row *row = &b->rows[i];

		*row = (struct row){ .batch = b, .path = cli->args[i] };
		int r = cli_read(row->path, SUBJECT_LIMIT, &row->subject, &row->subject_len);
		if (r < 0)
			return cli_fail(cli, CLI_USAGE,
			                &(struct cli_failure){ .code   = "CSN-USE-004",
			                                       .found  = strerror(-r),
			                                       .effect = "nothing was started" },
			                "no manifest or psk-record: %s", row->path);
		b->count++;
	}
	int r = payload_path ? cli_read(payload_path, PAYLOAD_LIMIT, &b->payload, &b->payload_len)
	                     : -2;
	if (r == 0)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code = "CSN-USE-004", .found = strerror(-r),
	                                       .effect = "nothing was started" },
	                "no payload: %s", payload_path ? payload_path : "--payload FILE is needed");
}

static int
run_rows(struct batch *b)
{
	struct csn_error err = { 0 };
	int              r   = CSN_OK;

	for (size_t i = 0; i < b->count && r == CSN_OK; i++)
		r = start_row(b, &b->rows[i], &err);
	while (r == CSN_OK && b->running > 0) {
		r = csn_station_run(b->runner.station, &err);
		for (size_t i = 0; i < b->count && runner_interrupted(); i++)
			if (b->rows[i].session != NULL)
				csn_station_session_stop(b->rows[i].session);
	}
	if (r == CSN_OK)
		return CLI_OK;
	return cli_fail(b->cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-RUN-002" }, "%s",
	                csn_error_text(&err));
}

static int
report(struct batch *b)
{
	static const char *const names[] = { "none", "enrolled", "offered", "refused", "unknown" };
	int                      counts[5] = { 0 };
	json_t                  *rows      = json_array();

	for (size_t i = 0; i < b->count; i++) {
		const char *name = names[b->rows[i].outcome % 5];

		counts[b->rows[i].outcome % 5]++;
		json_array_append_new(rows, json_pack("{s:s, s:s, s:i}", "device", b->rows[i].path,
		                                      "outcome", name, "code",
		                                      (int)b->rows[i].code));
	}
	json_object_set_new(b->cli->doc, "rows", rows);
	cli_line(b->cli, "enrolled %d · offered %d · refused %d · unknown %d",
	         counts[CSN_OUTCOME_ENROLLED], counts[CSN_OUTCOME_OFFERED],
	         counts[CSN_OUTCOME_REFUSED], counts[CSN_OUTCOME_UNKNOWN]);
	if (counts[CSN_OUTCOME_ENROLLED] == (int)b->count)
		return CLI_OK;
	return runner_exit(counts[CSN_OUTCOME_ENROLLED] + counts[CSN_OUTCOME_OFFERED] <
	                                   (int)b->count ?
	                           CLI_PARTLY :
	                           CLI_OK);
}

static int
run(struct cli *cli)
{
	static struct batch b;

	b.cli    = cli;
	int code = read_rows(&b);
	if (code == CLI_OK)
		code = runner_open(&b.runner, cli, CSN_SIDE_STATION);
	if (code == CLI_OK)
		code = run_rows(&b);
	if (code == CLI_OK)
		code = report(&b);
	runner_close(&b.runner);
	for (size_t i = 0; i < b.count; i++) {
		csn_wipe(b.rows[i].subject, b.rows[i].subject_len);
		free(b.rows[i].subject);
	}
	if (b.payload != NULL)
		csn_wipe(b.payload, b.payload_len);
	free(b.payload);
	return code;
}

const struct cli_command cli_run = {
	.name     = "run",
	.summary  = "provision a batch: several devices take turns on one screen",
	.synopsis = "DEVICE... --payload FILE",
	.detail   = "Each DEVICE is a manifest or psk-record and becomes a session of its own, with\n"
	            "its own keys. Ctrl-C ends all of them cleanly. Exit 5 when any was refused or\n"
	            "is unknown.",
	.options  = options,
	.run      = run,
};
