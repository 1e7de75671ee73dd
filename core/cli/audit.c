/* audit: what was decided, and whether the log still holds together. */
#include "core/audit/audit.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/audit.h"
#include "lib/dcbor.h"
#include "lib/hex.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_LIMIT 4096

static const char *at_least, *did;

static const struct poptOption options[] = {
	{ "at-least", 0, POPT_ARG_STRING, &at_least, 0,
	  "verify: the log must grow from this checkpoint", "FILE" },
	{ "device", 0, POPT_ARG_STRING, &did, 0, "show, results: only what is about this device", "HEX" },
	POPT_TABLEEND,
};

/* An entry a ceremony wrote in its own shape: a flat dCBOR map, shown member by member. */
static json_t *
foreign_value(struct csn_dcbor_in *in)
{
	char             text[129] = "";
	struct csn_bytes bytes;

	switch (csn_dcbor_peek(in)) {
	case CSN_DCBOR_UINT:
		return json_integer((json_int_t)csn_dcbor_uint(in, INT64_MAX));
	case CSN_DCBOR_TEXT:
		bytes = csn_dcbor_text(in, 0, 512);
		return json_stringn((const char *)bytes.ptr, bytes.len);
	case CSN_DCBOR_BYTES:
		bytes = csn_dcbor_bytes(in, 0, 64);
		csn_hex_write(bytes.ptr, bytes.len, text);
		return json_string(text);
	case CSN_DCBOR_TRUE:
	case CSN_DCBOR_FALSE:
		return json_boolean(csn_dcbor_bool(in));
	default:
		csn_dcbor_item(in);
		return json_null();
	}
}

static json_t *
foreign_entry(uint64_t index, struct csn_bytes entry)
{
	struct csn_dcbor_in in;
	json_t             *object = json_pack("{s:I}", "index", (json_int_t)index);

	if (csn_dcbor_check(entry) != CSN_OK)
		return object;
	csn_dcbor_in_init(&in, entry);
	size_t pairs = csn_dcbor_map(&in, 0, 32);
	for (size_t i = 0; i < pairs && !in.bad; i++) {
		struct csn_bytes key   = csn_dcbor_text(&in, 0, 64);
		json_t          *value = foreign_value(&in);
		char             name[65];

		snprintf(name, sizeof name, "%.*s", (int)key.len, (const char *)key.ptr);
		json_object_set_new(object, name, value);
	}
	return object;
}

static int
show_entry(void *arg, uint64_t index, struct csn_bytes bytes)
{
	struct cli        *cli = arg;
	struct audit_entry entry;
	char               text[AUDIT_NOTE_MAX * 2], line[AUDIT_NOTE_MAX * 2];
	json_t            *object = NULL;

	if (audit_decode(bytes, &entry) == CSN_OK) {
		if (audit_json(&entry, index, text, sizeof text) == CSN_OK)
			object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		audit_text(&entry, index, line, sizeof line);
	} else {
		object      = foreign_entry(index, bytes);
		char *shown = json_dumps(object, JSON_COMPACT);
		snprintf(line, sizeof line, "%s", shown ? shown : "");
		free(shown);
	}
	if (did == NULL || strcmp(did, json_string_value(json_object_get(object, "did"))
	                                       ? json_string_value(json_object_get(object, "did"))
	                                       : "") == 0) {
		cli_line(cli, "%s", line);
		json_array_append(json_object_get(cli->doc, "entries"), object);
	}
	json_decref(object);
	return CSN_OK;
}

static int
failed(struct cli *cli, const struct csn_error *err)
{
	return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-LOG-001" }, "%s",
	                csn_error_text(err));
}

static int
run_show(struct cli *cli, struct runner *r)
{
	struct csn_error err = { 0 };

	json_object_set_new(cli->doc, "entries", json_array());
	return csn_station_audit(r->station, show_entry, cli, &err) == CSN_OK ? CLI_OK
	                                                                     : failed(cli, &err);
}

static int
run_checkpoint(struct cli *cli, struct runner *r)
{
	struct csn_error err  = { 0 };
	char            *note = NULL;

	if (csn_station_checkpoint(r->station, &note, &err) != CSN_OK)
		return failed(cli, &err);
	if (!cli->json && !cli->quiet)
		fputs(note, stdout);
	json_object_set_new(cli->doc, "checkpoint", json_string(note));
	free(note);
	return CLI_OK;
}

static int
check_entry(void *arg, uint64_t index, struct csn_bytes bytes)
{
	(void)index;
	return audit_check_add(arg, bytes);
}

/* The last 32 bytes of an Ed25519 SPKI are the raw key. */
static int
open_note(struct cli *cli, struct runner *r, const char *log_key, struct audit_head *ret)
{
	struct csn_error           err  = { 0 };
	struct csn_buf            *spki = NULL;
	void                      *self = NULL;
	const struct csn_keys_ops *keys = csn_station_keys(r->station, &self);
	uint8_t                   *note = NULL;
	size_t                     len  = 0;
	int                        code = CLI_NO;

	if (cli_read(at_least, NOTE_LIMIT, &note, &len) < 0)
		return cli_fail(cli, CLI_USAGE, &(struct cli_failure){ .code = "CSN-LOG-002" },
		                "cannot read %s", at_least);
	if (keys == NULL || keys->public_key(self, log_key, &spki, &err) != CSN_OK)
		code = failed(cli, &err);
	else {
		struct csn_bytes key = csn_buf_bytes(spki);
		int result = key.len < 32 ? CSN_E_PROTOCOL
		                          : audit_note_open((const char *)note,
		                                            csn_station_name(r->station),
		                                            key.ptr + key.len - 32, ret);

		code = result == CSN_OK
		               ? CLI_OK
		               : cli_fail(cli, CLI_NO,
		                          &(struct cli_failure){
						  .code   = "CSN-LOG-003",
						  .found  = at_least,
						  .wanted = "a checkpoint this station signed",
					  },
		                          result == CSN_E_REFUSED ? "wrong or missing signature"
		                                                  : "not a checkpoint of this log");
	}
	csn_buf_unref(spki);
	free(note);
	return code;
}

static int
run_verify(struct cli *cli, struct runner *r)
{
	struct audit_check check = { 0 };
	struct audit_head  head;
	struct csn_error   err  = { 0 };
	int                code = at_least ? open_note(cli, r, "log", &check.from) : CLI_OK;

	if (code != CLI_OK)
		return code;
	int result = csn_station_audit(r->station, check_entry, &check, &err);
	if (result == CSN_OK)
		result = audit_check_end(&check, &head);
	if (result != CSN_OK)
		return cli_fail(cli, CLI_NO,
		                &(struct cli_failure){ .code = "CSN-LOG-004",
		                                       .next = "keep the store; compare with a copy" },
		                result == CSN_E_REFUSED
		                        ? "the log does not grow from the checkpoint"
		                        : "entry is ill-formed: %s",
		                csn_error_text(&err));
	json_object_set_new(cli->doc, "size", json_integer((json_int_t)head.size));
	json_object_set_new(cli->doc, "anchored", json_boolean(at_least != NULL));
	cli_story(cli, '+', "verified", "%llu entries", (unsigned long long)head.size);
	if (at_least != NULL) {
		cli_line(cli, "Verified and anchored.");
		return CLI_OK;
	}
	cli_line(cli, "Verified, NOT anchored: later entries could have been cut off.");
	return CLI_PARTLY;
}

static int
run_results(struct cli *cli, struct runner *r)
{
	return audit_results(cli, r, did);
}

static int
run(struct cli *cli)
{
	static const struct {
		const char *word;
		int (*run)(struct cli *cli, struct runner *r);
	} words[] = { { "show", run_show }, { "verify", run_verify },
		      { "checkpoint", run_checkpoint }, { "results", run_results } };
	static struct runner r;
	const char          *word = cli_word(cli, "audit", "show verify checkpoint results");
	int                  code = word != NULL ? runner_open(&r, cli, CSN_SIDE_STATION) : CLI_USAGE;

	for (size_t i = 0; code == CLI_OK && i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i].word) == 0) {
			code = words[i].run(cli, &r);
			break;
		}
	runner_close(&r);
	return code;
}

const struct cli_command cli_audit = {
	.name     = "audit",
	.summary  = "the log of decisions: show, verify, sign a checkpoint, attestation results",
	.synopsis = "show | verify [--at-least FILE] | checkpoint | results [HASH]",
	.detail   = "show prints every entry. verify checks each one and, with --at-least, that the\n"
	            "log grows from a checkpoint made earlier; without one it exits 5. checkpoint\n"
	            "prints the head of the log as a signed note. results shows the attestation results\n"
	            "that the log names, or the one whose hash begins with HASH, each compared with\n"
	            "the log and checked for the station's signature; exit 1: one is not as it was kept.",
	.words    = "show verify checkpoint results",
	.options  = options,
	.run      = run,
};
