/* audit results: the attestation results that the log names, as they were signed and kept. */
#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cli/audit.h"
#include "lib/cose.h"
#include "lib/crypto-openssl.h"
#include "lib/ear.h"
#include "lib/hex.h"
#include "lib/verdict.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* What the log says of one result. */
struct named {
	uint64_t index, unix_s;
	bool     has_did;
	uint8_t  hash[32], did[16];
};

struct results {
	struct cli   *cli;
	const char   *wanted; /* hex the hash begins with; NULL: all             */
	const char   *device; /* hex; NULL: all                                  */
	struct named *named;
	size_t        count, room;
};

static int
collect(void *arg, uint64_t index, struct csn_bytes bytes)
{
	struct results    *results = arg;
	struct audit_entry entry;
	char               hash[65], did[33] = "";

	if (audit_decode(bytes, &entry) != CSN_OK || entry.what != AUDIT_APPRAISE ||
	    !entry.has[AUDIT_RESULT])
		return CSN_OK;
	csn_hex_write(entry.field[AUDIT_RESULT], 32, hash);
	if (entry.has[AUDIT_DID])
		csn_hex_write(entry.field[AUDIT_DID], 16, did);
	if ((results->wanted != NULL &&
	     strncmp(hash, results->wanted, strlen(results->wanted)) != 0) ||
	    (results->device != NULL && strcmp(did, results->device) != 0))
		return CSN_OK;
	if (results->count == results->room) {
		size_t        room = results->room * 2 + 16;
		struct named *more = realloc(results->named, room * sizeof *more);
		if (more == NULL)
			return CSN_E_NOMEM;
		results->named = more;
		results->room = room;
	}
	struct named *named = &results->named[results->count++];
	*named = (struct named){ .index = index, .unix_s = entry.unix_s,
		                 .has_did = entry.has[AUDIT_DID] };
	memcpy(named->hash, entry.field[AUDIT_RESULT], 32);
	memcpy(named->did, entry.field[AUDIT_DID], 16);
	return CSN_OK;
}

/*
 * "good", or what is wrong with a row: "altered" when it is not what the log has the hash
 * of, "forged" when the station's log key did not sign it, "unsigned", "ill-formed".
 */
static const char *
read_row(struct csn_bytes row, const struct named *named, struct csn_bytes spki,
         struct csn_ear_view *ret_view)
{
	static const uint8_t eddsa[] = { 0xa1, 0x01, 0x27 };
	uint8_t              hash[32];
	struct csn_cose      cose;

	if (EVP_Digest(row.ptr, row.len, hash, NULL, EVP_sha256(), NULL) != 1 ||
	    memcmp(hash, named->hash, sizeof hash) != 0)
		return "altered";
	if (csn_dcbor_check(row) != CSN_OK)
		return "ill-formed";
	if (csn_cose_parse(row, &cose) != CSN_OK)
		return csn_ear_read(row, ret_view) == CSN_OK ? "unsigned" : "ill-formed";
	if (cose.detached || csn_ear_read(cose.payload, ret_view) != CSN_OK)
		return "ill-formed";
	if (spki.len < 32 || !csn_same(cose.protect, CSN_BYTES_OF(eddsa)) ||
	    csn_cose_verify(csn_crypto_openssl(), &cose, CSN_SUITE_X25519,
	                    (struct csn_bytes){ spki.ptr + spki.len - 32, 32 },
	                    cose.payload) != CSN_OK)
		return "forged";
	return "good";
}

static json_t *
text_of(struct csn_bytes text)
{
	return json_stringn((const char *)text.ptr, text.len);
}

/* [code, layer or null, claim, found, wanted] each. */
static json_t *
reasons_of(struct csn_bytes raw)
{
	json_t             *list = json_array();
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, raw);
	size_t count = csn_dcbor_array(&in, 0, CSN_VERDICT_REASONS);
	for (size_t i = 0; i < count && !in.bad; i++) {
		csn_dcbor_array(&in, 5, 5);
		json_t *row = json_pack("{s:o}", "code", text_of(csn_dcbor_text(&in, 0, 64)));
		if (csn_dcbor_peek(&in) == CSN_DCBOR_NULL)
			csn_dcbor_item(&in);
		else
			json_object_set_new(row, "layer", json_integer(csn_dcbor_int(&in)));
		json_object_set_new(row, "claim", text_of(csn_dcbor_text(&in, 0, 64)));
		json_object_set_new(row, "found", text_of(csn_dcbor_text(&in, 0, 256)));
		json_object_set_new(row, "wanted", text_of(csn_dcbor_text(&in, 0, 256)));
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *
json_of(const struct named *named, const char *state, const struct csn_ear_view *view)
{
	char    hash[65], did[33];
	json_t *trust = json_object();

	csn_hex_write(named->hash, 32, hash);
	csn_hex_write(named->did, 16, did);
	json_t *row = json_pack("{s:s, s:I, s:I, s:s}", "result", hash, "index",
	                        (json_int_t)named->index, "unix_s", (json_int_t)named->unix_s,
	                        "record", state);
	if (named->has_did)
		json_object_set_new(row, "did", json_string(did));
	if (view->type.len > 0) {
		json_object_set_new(row, "type", text_of(view->type));
		json_object_set_new(row, "judgement", text_of(view->judgement));
		json_object_set_new(row, "status",
		                    json_string(csn_tier_name((enum csn_tier)view->status)));
		for (uint32_t i = 0; i < CSN_TRUST_COUNT; i++)
			if (view->trust[i] != CSN_CODE_NONE)
				json_object_set_new(trust, csn_trust_name(i),
				                    json_integer(view->trust[i]));
		json_object_set(row, "trust", trust);
		csn_hex_write(view->evidence_hash.ptr, 32, hash);
		json_object_set_new(row, "evidence_hash", json_string(hash));
		json_object_set_new(row, "reasons", reasons_of(view->reasons));
	}
	json_decref(trust);
	return row;
}

static const char *
word(json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "-";
}

static void
say(struct cli *cli, json_t *row)
{
	const char *code, *found, *wanted, *claim;
	size_t      i;
	json_t     *item;

	cli_line(cli, "%lld  %.16s  %s  %s %s  record %s",
	         json_integer_value(json_object_get(row, "unix_s")), word(row, "result"),
	         word(row, "did"), word(row, "type"), word(row, "judgement"),
	         word(row, "record"));
	json_object_foreach(json_object_get(row, "trust"), claim, item)
		cli_line(cli, "     %-18s %s (%lld)", claim,
		         csn_tier_name(csn_trust_tier((int32_t)json_integer_value(item))),
		         json_integer_value(item));
	json_array_foreach(json_object_get(row, "reasons"), i, item) {
		json_int_t layer = -1;
		if (json_unpack(item, "{s:s, s:s, s:s, s?I}", "code", &code, "found", &found,
		                "wanted", &wanted, "layer", &layer) < 0)
			continue;
		if (layer >= 0)
			cli_line(cli, "     [%s] at layer %lld", code, layer);
		else
			cli_line(cli, "     [%s]", code);
		if (found[0] != '\0')
			cli_line(cli, "     found       %s", found);
		if (wanted[0] != '\0')
			cli_line(cli, "     wanted      %s", wanted);
	}
}

/* One row; true when it is what the log says. */
static bool
tell(struct runner *r, const struct named *named, struct csn_bytes spki)
{
	struct csn_error    err = { 0 };
	struct csn_buf     *buf = NULL;
	struct csn_ear_view view = { .iat = 0 };
	const char         *state = "missing";

	if (csn_station_get(r->station, "result", CSN_BYTES_OF(named->hash), &buf, &err) == CSN_OK)
		state = read_row(csn_buf_bytes(buf), named, spki, &view);
	json_t *row = json_of(named, state, &view);
	say(r->cli, row);
	json_array_append_new(json_object_get(r->cli->doc, "results"), row);
	csn_buf_unref(buf);
	return strcmp(state, "good") == 0 || strcmp(state, "unsigned") == 0;
}

int
audit_results(struct cli *cli, struct runner *r, const char *device)
{
	struct results             results = { .cli = cli, .device = device };
	struct csn_error           err = { 0 };
	struct csn_buf            *spki = NULL;
	void                      *self = NULL;
	const struct csn_keys_ops *keys = csn_station_keys(r->station, &self);
	size_t                     bad = 0;

	results.wanted = cli->arg_count > 1 ? cli->args[1] : NULL;
	json_object_set_new(cli->doc, "results", json_array());
	if (csn_station_audit(r->station, collect, &results, &err) != CSN_OK) {
		free(results.named);
		return cli_fail(cli, CLI_CANNOT, &(struct cli_failure){ .code = "CSN-LOG-001" },
		                "%s", csn_error_text(&err));
	}
	if (keys != NULL)
		(void)keys->public_key(self, "log", &spki, &err);
	for (size_t i = 0; i < results.count; i++)
		bad += !tell(r, &results.named[i],
		             spki != NULL ? csn_buf_bytes(spki) : CSN_BYTES_NONE);
	csn_buf_unref(spki);
	free(results.named);
	if (bad > 0)
		return cli_fail(cli, CLI_NO,
		                &(struct cli_failure){
					.code = "CSN-LOG-005",
					.wanted = "every result as the log names it, signed by the log key",
					.next = "keep the store; compare with a copy" },
		                "%zu of %zu results are not what was kept", bad, results.count);
	if (results.count == 0)
		cli_line(cli, "No result of that kind.");
	return CLI_OK;
}
