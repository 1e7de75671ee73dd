/* provision: one session with one device. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/bulk.h"
#include "core/cli/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SUBJECT_LIMIT 65536
#define PAYLOAD_LIMIT 32768

static const char *payload_path, *format = "json";
static int         want_pin, two_way, valid_s, resume;
static char      **attach_specs;
static int         bulk_passes = -1;

static const struct poptOption options[] = {
	{ "payload", 'p', POPT_ARG_STRING, &payload_path, 0, "what to deliver", "FILE" },
	{ "format", 'f', POPT_ARG_STRING | POPT_ARGFLAG_SHOW_DEFAULT, &format, 0,
	  "format of the payload: json or cbor", "FORMAT" },
	{ "pin", 0, POPT_ARG_NONE, &want_pin, 0, "ask for a PIN that the device asks for too",
	  NULL },
	{ "two-way", 0, POPT_ARG_NONE, &two_way, 0, "the return channel carries a live hello",
	  NULL },
	{ "valid", 0, POPT_ARG_INT, &valid_s, 0, "seconds until the offer ends (0: no end)",
	  "SECONDS" },
	{ "resume", 0, POPT_ARG_NONE, &resume, 0,
	  "ask the device what became of session SID; without one: which are not settled", NULL },
	{ "bulk-passes", 0, POPT_ARG_INT, &bulk_passes, 0,
	  "how often all messages of attachments are shown, 0: until stopped (default: until the "
	  "device has them where there is a channel of role return, else 4)",
	  "N" },
	{ "attach", 'a', POPT_ARG_ARGV, &attach_specs, 0,
	  "a file to send after it, up to 8 times; KIND may follow the id: ID:KIND=FILE",
	  "ID=FILE" },
	POPT_TABLEEND,
};

static int
read_input(struct cli *cli, const char *what, const char *path, size_t limit, uint8_t **bytes,
           size_t *len)
{
	int r = path != NULL ? cli_read(path, limit, bytes, len) : -ENOENT;

	if (r == 0)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){ .code   = "CSN-USE-004",
	                                       .found  = path != NULL ? path : "nothing",
	                                       .wanted = "a file that can be read",
	                                       .effect = "nothing was started",
	                                       .next   = "countersign provision --help" },
	                "no %s: %s", what, r == -EFBIG ? "it is over its bound" : strerror(-r));
}

/* One session; with attachments their streams follow once the offer is on record. */
static int
session(struct runner *r, struct csn_bytes subject, struct csn_bytes payload,
        const char *payload_format, struct attach_set *set)
{
	struct csn_station_ask ask = {
		.begin = {
			.size    = sizeof ask.begin,
			.side    = CSN_SIDE_STATION,
			.subject = subject,
			.two_way = (uint32_t)two_way,
			.pin     = (uint32_t)want_pin,
			.not_after_unix_s =
				valid_s > 0 ? (uint64_t)time(NULL) + (uint64_t)valid_s : 0,
		},
		.format  = payload_format,
		.payload = payload,
	};
	int code = runner_session(r, &ask);

	if (code != CLI_OK)
		return code;
	code = runner_report(r);
	if (set == NULL || r->outcome == CSN_OUTCOME_REFUSED || r->outcome == CSN_OUTCOME_NONE)
		return code;
	if (bulk_passes < 0)
		bulk_passes = csn_station_caps(r->station, CSN_ROLE_RETURN) != NULL ? 0 : 4;
	int published = set->messages ? bulk_send(r, set, (unsigned)bulk_passes)
	                              : attach_publish(set, r->sid);
	return published != CLI_OK ? published : code;
}

static int
session_attached(struct runner *r, struct csn_bytes subject, struct csn_bytes payload)
{
	static struct attach_set set;
	struct csn_error         err    = { 0 };
	struct csn_buf          *record = NULL;
	uint8_t                 *joined = NULL;
	size_t                   len    = 0;
	int                      code;

	if (csn_station_decode(r->station, format, payload, &record, &err) != CSN_OK)
		return cli_fail(r->cli, CLI_USAGE,
		                &(struct cli_failure){ .code   = "CSN-RUN-002",
		                                       .effect = "nothing was sent" },
		                "%s", csn_error_text(&err));
	code = attach_prepare(&set, r->cli, attach_specs,
	                      r->cli->config != NULL ? r->cli->config : "countersign.conf",
	                      subject);
	if (code == CLI_OK)
		code = attach_record(&set, csn_buf_bytes(record), &joined, &len);
	csn_buf_unref(record);
	if (code == CLI_OK)
		code = session(r, subject, (struct csn_bytes){ joined, len }, "cbor", &set);
	attach_done(&set);
	if (joined != NULL)
		csn_wipe(joined, len);
	free(joined);
	return code;
}

static int
open_and_offer(struct cli *cli, struct csn_bytes subject, struct csn_bytes payload)
{
	static struct runner r;
	int                  code = runner_open(&r, cli, CSN_SIDE_STATION);

	if (code == CLI_OK)
		code = attach_specs != NULL ? session_attached(&r, subject, payload)
		                            : session(&r, subject, payload, format, NULL);
	runner_close(&r);
	return code;
}

static int
run(struct cli *cli)
{
	uint8_t    *subject = NULL, *payload = NULL;
	size_t      subject_len = 0, payload_len = 0;
	const char *path = cli->arg_count > 0 ? cli->args[0] : NULL;

	if (resume)
		return resume_run(cli, path, payload_path != NULL || attach_specs != NULL ||
		                                     want_pin || two_way || valid_s != 0);
	int code = read_input(cli, "manifest or psk-record", path, SUBJECT_LIMIT, &subject,
	                      &subject_len);

	if (code == CLI_OK)
		code = read_input(cli, "payload (--payload FILE)", payload_path, PAYLOAD_LIMIT,
		                  &payload, &payload_len);
	if (code == CLI_OK)
		code = open_and_offer(cli, (struct csn_bytes){ subject, subject_len },
		                      (struct csn_bytes){ payload, payload_len });
	if (payload != NULL)
		csn_wipe(payload, payload_len);
	if (subject != NULL)
		csn_wipe(subject, subject_len);
	free(payload);
	free(subject);
	return code;
}

const struct cli_command cli_provision = {
	.name     = "provision",
	.summary  = "give one device its configuration",
	.synopsis = "DEVICE --payload FILE | --resume [SID]",
	.detail   = "DEVICE is the manifest (or, for the basic tier, the psk-record) the manufacturer\n"
	            "made. The offer goes out on the channel of role offer, the bind message on the\n"
	            "channel of role bind. Ctrl-C ends the session cleanly: the offer then stays\n"
	            "recorded as offered. --attach files follow as sealed streams on the channel of role\n"
	            "bulk. --resume SID (or its first digits) shows the offer of an earlier session\n"
	            "again, so that a device that committed answers once more; that needs the device\n"
	            "running. Exit 0: enrolled, or offered one way; 1: refused; 5: unknown.",
	.options  = options,
	.run      = run,
};
