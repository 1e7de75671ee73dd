/* quarantine: devices that wait for a person, and letting one out. */
#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/cli.h"
#include "core/cli/runner.h"
#include "lib/dcbor.h"
#include "lib/hex.h"

#include <countersign/ceremony.h>
#include <countersign/host.h>

#include <string.h>

#define SPACE "quarantine"

static int yes;

static const struct poptOption options[] = {
	{ "yes", 'y', POPT_ARG_NONE, &yes, 0, "release without asking", NULL },
	POPT_TABLEEND,
};

static bool
read_pair(struct csn_bytes pair, uint8_t did[16], char *why, size_t why_len)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, pair);
	csn_dcbor_array(&in, 2, 2);
	struct csn_bytes key = csn_dcbor_bytes(&in, 16, 16);
	struct csn_bytes value = csn_dcbor_bytes(&in, 0, 255);
	if (csn_dcbor_in_end(&in) < 0)
		return false;
	memcpy(did, key.ptr, 16);
	/* Other programs may block a device by a value of their own. */
	size_t n = 0;
	while (n < value.len && n + 1 < why_len && value.ptr[n] >= 0x20 && value.ptr[n] < 0x7f) {
		why[n] = (char)value.ptr[n];
		n++;
	}
	why[n] = '\0';
	return true;
}

static int
list(struct cli *cli, struct csn_station *station)
{
	struct csn_error err = { 0 };
	struct csn_buf  *pair = NULL;
	uint8_t          did[16];
	struct csn_bytes after = CSN_BYTES_NONE;
	json_t          *rows = json_array();
	char             why[64], hex[33];
	int              r;

	while ((r = csn_station_next(station, SPACE, after, &pair, &err)) == CSN_OK) {
		bool good = read_pair(csn_buf_bytes(pair), did, why, sizeof why);

		csn_buf_unref(pair);
		if (!good) {
			r = csn_fail(&err, CSN_E_PROTOCOL, "a row of the quarantine is not readable");
			break;
		}
		csn_hex_write(did, sizeof did, hex);
		cli_line(cli, "%s  %s", hex, why[0] != '\0' ? why : "blocked");
		json_array_append_new(rows, json_pack("{s:s, s:s}", "did", hex, "reason", why));
		after = CSN_BYTES_OF(did);
	}
	json_object_set_new(cli->doc, "devices", rows);
	if (r != CSN_E_MISSING)
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-QUA-001" }, "%s",
		                csn_error_text(&err));
	if (json_array_size(rows) == 0)
		cli_line(cli, "no device is in quarantine");
	return CLI_OK;
}

/* The row and the entry that says so, in one transaction. */
static int
commit(struct csn_station *station, const uint8_t did[16], struct csn_error *err)
{
	const struct csn_host *host = csn_station_host(station);
	struct audit_entry     entry = { .what = AUDIT_COMMIT, .side = CSN_SIDE_STATION,
		                         .reason = "quarantine-release" };
	uint8_t                bytes[AUDIT_ENTRY_MAX];
	struct csn_bytes       coded;
	int                    trusted = 0;

	entry.unix_s = host->wall(host, &trusted);
	entry.clock_trusted = trusted != 0;
	entry.boot_ns = host->now(host);
	entry.has[AUDIT_DID] = true;
	memcpy(entry.field[AUDIT_DID], did, 16);
	int r = audit_encode(&entry, bytes, &coded);
	if (r < 0)
		return csn_fail(err, r, "no entry for the audit log");
	const struct csn_store_item items[] = {
		{ .kind = CSN_ITEM_DELETE, .space = SPACE, .key = { did, 16 } },
		{ .kind = CSN_ITEM_AUDIT, .value = coded },
	};
	return csn_station_commit(station, items, 2, err);
}

static int
release(struct cli *cli, struct csn_station *station)
{
	struct csn_error err = { 0 };
	struct csn_buf  *row = NULL;
	const char      *text = cli->arg_count == 2 ? cli->args[1] : NULL;
	uint8_t          did[16];

	if (!cli_did(text, did))
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-001", .found = text,
		                                       .wanted = "a device id, 32 hex digits",
		                                       .next = "countersign quarantine list" },
		                "quarantine release needs one device");
	if (!yes)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){ .code = "CSN-USE-006", .wanted = "--yes",
		                                       .effect = "the device stays in quarantine" },
		                "release lets the device be provisioned again");
	int r = csn_station_get(station, SPACE, CSN_BYTES_OF(did), &row, &err);
	csn_buf_unref(row);
	if (r == CSN_OK)
		r = commit(station, did, &err);
	if (r == CSN_E_MISSING)
		return cli_fail(cli, CLI_NO,
		                &(struct cli_failure){ .code = "CSN-QUA-002", .found = text,
		                                       .next = "countersign quarantine list" },
		                "this device is not in quarantine");
	if (r < 0)
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-QUA-001" }, "%s",
		                csn_error_text(&err));
	cli_line(cli, "released %s; the audit log says so", text);
	json_object_set_new(cli->doc, "released", json_string(text));
	return CLI_OK;
}

static int
run(struct cli *cli)
{
	struct runner runner = { 0 };
	const char   *word = cli_word(cli, "quarantine", "list release");

	if (word == NULL)
		return CLI_USAGE;
	int code = runner_open(&runner, cli, CSN_SIDE_STATION);
	if (code != CLI_OK)
		return code;
	code = strcmp(word, "list") == 0 ? list(cli, runner.station) :
	                                   release(cli, runner.station);
	runner_close(&runner);
	return code;
}

const struct cli_command cli_quarantine = {
	.name     = "quarantine",
	.summary  = "devices that policy refused, and letting one out",
	.synopsis = "list|release [DID]",
	.detail   = "With policy.quarantine = true a device that policy refused is blocked at this\n"
	            "station until it is released here. The device's own quarantine is another\n"
	            "thing: countersign release ends that.",
	.words    = "list release",
	.options  = options,
	.run      = run,
};
