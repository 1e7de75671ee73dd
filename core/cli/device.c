/* device: the device's side, as an agent on this machine. */
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/device.h"
#include "core/cli/fetch.h"
#include "device/state.h"
#include "lib/crypto.h"
#include "lib/hex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *dir = ".", *deliver, *out_dir;
static int         wait_s = 300;
static int         once;

static const struct poptOption options[] = {
	{ "dir", 0, POPT_ARG_STRING, &dir, 0, "the device's folder (default: here)", "DIR" },
	{ "once", 0, POPT_ARG_NONE, &once, 0, "end after the first session, also a refused one",
	  NULL },
	{ "deliver", 0, POPT_ARG_STRING, &deliver, 0,
	  "write the delivered configuration here (default: DIR/delivered.json)", "FILE" },
	{ "out", 0, POPT_ARG_STRING, &out_dir, 0,
	  "where fetch stores attachments (default: DIR/attachments)", "FOLDER" },
	{ "wait", 0, POPT_ARG_INT, &wait_s, 0,
	  "fetch: so many seconds for a bulk channel that carries messages, 0: for ever "
	  "(default 300)",
	  "N" },
	{ "psk", 0, POPT_ARG_STRING, &device_evidence.psk, 0,
	  "evidence: a shared key, 64 to 128 hex digits, for psk and psk-kdf", "FILE" },
	{ "type", 0, POPT_ARG_STRING, &device_evidence.type, 0,
	  "evidence: what the key of --key proves: idevid, dice, ...", "TYPE" },
	{ "key", 0, POPT_ARG_STRING, &device_evidence.key, 0,
	  "evidence: PEM, Ed25519 or P-256", "FILE" },
	{ "chain", 0, POPT_ARG_STRING, &device_evidence.chain, 0,
	  "evidence: PEM certificates of it, leaf first, 3 at most", "FILE" },
	POPT_TABLEEND,
};

static const struct csn_bytes state_key = { (const uint8_t *)"state", 5 };
static const struct csn_bytes body_key  = { (const uint8_t *)"body", 4 };

static int
open_device(struct runner *r, struct cli *cli, char **ret_config)
{
	if (cli->config == NULL)
		cli->config = *ret_config = cli_path(dir, "device.conf");
	return runner_open(r, cli, CSN_SIDE_DEVICE);
}

static int
failed(struct cli *cli, const struct csn_error *err, const char *next)
{
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-DEV-001", .stage = "device",
	                                       .effect = "nothing was changed", .next = next },
	                "%s", csn_error_text(err));
}

/* Takes the state file in: into the store, durably, and only then off the disk. */
static int
take_in(struct runner *r, struct csn_bytes state, const char *path)
{
	struct csn_error            err     = { 0 };
	const struct csn_store_item items[] = {
		{ .kind = CSN_ITEM_EXPECT, .space = "device", .key = state_key },
		{ .kind = CSN_ITEM_PUT, .space = "device", .key = state_key, .value = state },
	};
	int result = csn_station_commit(r->station, items, 2, &err);

	if (result == CSN_E_BUSY)
		return cli_fail(r->cli, CLI_NO,
		                &(struct cli_failure){ .code   = "CSN-DEV-002",
		                                       .stage  = "device",
		                                       .effect = "the state in the store is kept",
		                                       .next   = "countersign device show" },
		                "this device was set up already");
	if (result != CSN_OK)
		return failed(r->cli, &err, "look at store.path in device.conf");
	if (unlink(path) < 0)
		return cli_fail(r->cli, CLI_CANNOT,
		                &(struct cli_failure){ .code = "CSN-DEV-003",
		                                       .next = "remove it by hand: it holds secrets" },
		                "cannot remove %s: %s", path, strerror(errno));
	cli_story(r->cli, '+', "ready", "state taken in, %s removed", path);
	return CLI_OK;
}

static int
run_init(struct cli *cli)
{
	static struct runner           r;
	static struct csn_device_state state;
	char                          *config = NULL, *path = cli_path(dir, "device.state");
	uint8_t                       *bytes = NULL;
	size_t                         len   = 0;
	int                            result = cli_read(path, CSN_DEVICE_STATE_MAX, &bytes, &len);
	int                            code   = CLI_OK;

	if (result < 0)
		code = cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code  = "CSN-DEV-004",
		                                       .found = strerror(-result),
		                                       .next  = "countersign manufacture makes one" },
		                "no %s", path);
	else if (csn_device_state_decode((struct csn_bytes){ bytes, len }, &state) != CSN_OK)
		code = cli_fail(cli, CLI_NO,
		                &(struct cli_failure){ .code  = "CSN-DEV-005",
		                                       .next  = "countersign manufacture" },
		                "%s is not a device's state", path);
	if (code == CLI_OK)
		code = open_device(&r, cli, &config);
	if (code == CLI_OK)
		code = take_in(&r, (struct csn_bytes){ bytes, len }, path);
	runner_close(&r);
	csn_wipe(&state, sizeof state);
	if (bytes != NULL)
		csn_wipe(bytes, len);
	free(bytes);
	free(path);
	free(config);
	return code;
}

static json_t *
json_hex(const uint8_t *bytes, size_t len)
{
	char text[129];

	csn_hex_write(bytes, len < 64 ? len : 64, text);
	return json_string(text);
}

/* The durable state without its secrets. */
static void
show_state(struct cli *cli, const struct csn_device_state *s)
{
	json_t *device = json_pack(
		"{s:o, s:s%, s:i, s:i, s:i, s:b, s:b, s:b, s:b, s:i}", "did",
		json_hex(s->did, sizeof s->did), "class", (const char *)s->model.b,
		(size_t)s->model.len, "suite", (int)s->suite, "next", (int)s->next, "tries",
		(int)s->tries, "quarantined", (int)s->quarantined, "owner_pinned",
		s->owner.len > 0, "identity_key", (int)s->has_identity, "enrolled",
		(int)s->has_staged, "revoked_stations", (int)s->revoked.count);

	if (s->has_last)
		json_object_set_new(device, "last_sid", json_hex(s->last_sid, 16));
	const char *key;
	json_t     *value;
	json_object_foreach(device, key, value)
	{
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		cli_line(cli, "%-17s %s", key, text);
		free(text);
	}
	json_object_set_new(cli->doc, "device", device);
}

/* The body as JSON, without the keys of attachments: those stay in the store. */
static int
body_text(struct runner *r, struct csn_bytes body, struct csn_buf **ret_text,
          struct csn_error *err)
{
	uint8_t *copy = malloc(body.len + 1);

	if (copy == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a body");
	memcpy(copy, body.ptr, body.len);
	fetch_forget_all(copy, body.len);
	int result = csn_station_encode(r->station, "json", (struct csn_bytes){ copy, body.len },
	                                ret_text, err);
	csn_wipe(copy, body.len);
	free(copy);
	return result;
}

/* The durable state; secret, so wipe it. */
static int
load_state(struct runner *r, struct csn_device_state *ret_state)
{
	struct csn_error err  = { 0 };
	struct csn_buf  *buf  = NULL;
	int              code = CLI_OK;

	if (csn_station_get(r->station, "device", state_key, &buf, &err) != CSN_OK)
		code = failed(r->cli, &err, "countersign device init");
	else if (csn_device_state_decode(csn_buf_bytes(buf), ret_state) != CSN_OK) {
		csn_fail(&err, CSN_E_PROTOCOL, "the stored state is not a device's");
		code = failed(r->cli, &err, "see store.path in device.conf");
	}
	csn_buf_unref(buf);
	return code;
}

static int
run_show(struct cli *cli)
{
	static struct runner           r;
	static struct csn_device_state state;
	char                          *config = NULL;
	int                            code   = open_device(&r, cli, &config);

	if (code == CLI_OK)
		code = load_state(&r, &state);
	if (code == CLI_OK)
		show_state(cli, &state);
	csn_wipe(&state, sizeof state);
	runner_close(&r);
	free(config);
	return code;
}

/* Activation, here: the body as JSON in a file only its owner can read. */
static int
write_delivered(struct runner *r)
{
	struct csn_error err  = { 0 };
	struct csn_buf  *body = NULL, *text = NULL;
	char            *path = deliver ? strdup(deliver) : cli_path(dir, "delivered.json");
	int              code = CLI_OK;

	if (csn_station_get(r->station, "staged", body_key, &body, &err) != CSN_OK ||
	    body_text(r, csn_buf_bytes(body), &text, &err) != CSN_OK)
		code = failed(r->cli, &err, "the body stays staged in the store");
	else {
		struct csn_bytes bytes  = csn_buf_bytes(text);
		int              result = cli_write(path, bytes.ptr, bytes.len, 0600);

		if (result < 0)
			code = cli_fail(r->cli, CLI_CANNOT,
			                &(struct cli_failure){
						.code   = "CSN-DEV-006",
						.effect = "the body stays staged",
						.next   = "make room, then start again: it is"
							  " written then" },
			                "cannot write %s: %s", path, strerror(-result));
		else
			cli_story(r->cli, '+', "activated", "%s", path);
	}
	csn_buf_unref(body);
	csn_buf_unref(text);
	free(path);
	return code;
}

/* Is the body of the last commit in the file?  The row is written after the file. */
static bool
was_delivered(struct runner *r, const struct csn_device_state *state)
{
	struct csn_error err = { 0 };
	struct csn_buf  *row = NULL;
	bool             yes =
		csn_station_get(r->station, "delivered", body_key, &row, &err) == CSN_OK &&
		csn_same(csn_buf_bytes(row), CSN_BYTES_OF(state->staged_hash));

	csn_buf_unref(row);
	return yes;
}

/*
 * Whatever killed us between a commit and here: what is staged is written, and only
 * then on record as delivered.  Done already: nothing happens.
 */
static int
activate(struct runner *r)
{
	static struct csn_device_state state;
	struct csn_error               err  = { 0 };
	int                            code = load_state(r, &state);

	if (code == CLI_OK && state.has_staged && !was_delivered(r, &state)) {
		const struct csn_store_item item = {
			.kind = CSN_ITEM_PUT, .space = "delivered", .key = body_key,
			.value = CSN_BYTES_OF(state.staged_hash),
		};

		code = write_delivered(r);
		if (code == CLI_OK &&
		    csn_station_commit(r->station, &item, 1, &err) != CSN_OK)
			code = failed(r->cli, &err, "it is written again at the next start");
	}
	csn_wipe(&state, sizeof state);
	return code;
}

static int
one_session(struct runner *r)
{
	struct csn_station_ask ask = {
		.begin = { .size = sizeof ask.begin, .side = CSN_SIDE_DEVICE, .two_way = 1 },
	};
	int code = runner_session(r, &ask);

	if (code == CLI_OK)
		code = runner_report(r);
	if (code == CLI_OK && r->outcome == CSN_OUTCOME_ENROLLED)
		code = activate(r);
	return code;
}

static int
run_agent(struct cli *cli)
{
	static struct runner r;
	char                *config = NULL;
	int                  code   = open_device(&r, cli, &config);

	if (code == CLI_OK)
		code = activate(&r); /* what a crash left over                     */
	while (code == CLI_OK) {
		code = one_session(&r);
		if (once || runner_interrupted() || r.outcome == CSN_OUTCOME_ENROLLED)
			break;
		if (code == CLI_NO || code == CLI_PARTLY)
			code = CLI_OK; /* refused: it is in the log; listen again */
	}
	runner_close(&r);
	free(config);
	return code;
}

static int
run_fetch(struct cli *cli)
{
	char *config = NULL, *folder = NULL;

	if (cli->config == NULL)
		cli->config = config = cli_path(dir, "device.conf");
	if (out_dir == NULL)
		folder = cli_path(dir, "attachments");
	int code = fetch_run(cli, cli->config, out_dir != NULL ? out_dir : folder,
	                     wait_s > 0 && wait_s < 86400 ? (unsigned)wait_s : 0);
	free(config);
	free(folder);
	return code;
}

static int
run_evidence(struct cli *cli)
{
	static struct runner r;
	char                *config = NULL;
	int                  code   = open_device(&r, cli, &config);

	if (code == CLI_OK)
		code = device_evidence_keep(&r);
	runner_close(&r);
	free(config);
	return code;
}

static int
run(struct cli *cli)
{
	static const struct {
		const char *word;
		int (*run)(struct cli *cli);
	} words[] = { { "init", run_init }, { "run", run_agent }, { "show", run_show },
		      { "fetch", run_fetch }, { "evidence", run_evidence } };
	const char *word = cli_word(cli, "device", "init run show fetch evidence");

	for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].run(cli);
	return CLI_USAGE;
}

const struct cli_command cli_device = {
	.name     = "device",
	.summary  = "the device's side: set up, run, show, fetch attachments, keep keys",
	.synopsis = "init|run|show|fetch|evidence [--dir DIR]",
	.detail   = "init takes the state file of a manufactured device into its store, once. run\n"
	            "listens on the channels of DIR/device.conf until it is enrolled, checks\n"
	            "everything, commits and writes the configuration it was given; what a crash kept\n"
	            "from being written is written at the next start. show prints the\n"
	            "durable state without secrets. fetch takes the attachments of the delivered body\n"
	            "from the channel of role bulk, stores each once its digest is right, and then\n"
	            "removes its key; exit 4: some are not there yet. evidence keeps a shared key, or\n"
	            "another key with its certificates, for two-way stations that want such evidence.",
	.words    = "init run show fetch evidence",
	.options  = options,
	.run      = run,
};
