
#include "core/cli/resume.h"
#include "core/base/error.h"
#include "core/cli/runner.h"
#include "lib/hex.h"

#include <string.h>
#include <time.h>

#define DIGITS_MIN 4

/* Walks all of them; a negative return is a store that failed. */
typedef void each_fn(void *arg, const char *sid, const struct csn_station_unsettled *row);

static int
walk(struct runner *r, each_fn *each, void *arg, struct csn_error *err)
{
	struct csn_station_unsettled row   = { .has_did = false };
	struct csn_bytes             after = CSN_BYTES_NONE;
	int                          result;

	while ((result = csn_station_unsettled(r->station, after, &row, err)) == CSN_OK) {
		char sid[33];

		csn_hex_write(row.sid_bytes, sizeof row.sid_bytes, sid);
		each(arg, sid, &row);
		after = row.sid;
	}
	return result == CSN_E_MISSING ? CSN_OK : result;
}

/* As it ended; one that was cut off did not even get that far. */
static const char *
state_of(const struct csn_station_unsettled *row)
{
	return row->outcome == CSN_OUTCOME_OFFERED ? "offered" :
	       row->outcome == CSN_OUTCOME_UNKNOWN ? "unknown" :
	                                             "interrupted";
}

struct listing {
	struct cli *cli;
	json_t     *list;
};

static void
list_one(void *arg, const char *sid, const struct csn_station_unsettled *row)
{
	struct listing *l         = arg;
	time_t          at        = (time_t)row->unix_s;
	char            did[33]   = "", since[32] = "";
	struct tm       tm;

	if (row->has_did)
		csn_hex_write(row->did, sizeof row->did, did);
	if (gmtime_r(&at, &tm) != NULL)
		strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (json_array_size(l->list) == 0)
		cli_line(l->cli, "%-33s%-33s%-21s%s", "SESSION", "DEVICE", "SINCE", "STATE");
	cli_line(l->cli, "%-33s%-33s%-21s%s", sid, did, since, state_of(row));
	json_array_append_new(l->list, json_pack("{s:s, s:s, s:s, s:s, s:i}", "sid", sid, "did",
	                                         did, "since", since, "state", state_of(row),
	                                         "code", (int)row->code));
}

static int
store_failed(struct cli *cli, const struct csn_error *err)
{
	return cli_fail(cli, CLI_CANNOT,
	                &(struct cli_failure){ .code   = "CSN-RUN-003",
	                                       .stage  = "store",
	                                       .found  = csn_error_text(err),
	                                       .effect = "nothing was changed",
	                                       .next   = "countersign audit verify" },
	                "the unsettled sessions cannot be read");
}

static int
list_all(struct runner *r)
{
	struct csn_error err = { 0 };
	struct listing   l   = { r->cli, json_array() };

	json_object_set_new(r->cli->doc, "unsettled", l.list);
	if (walk(r, list_one, &l, &err) < 0)
		return store_failed(r->cli, &err);
	if (json_array_size(l.list) == 0)
		cli_line(r->cli, "every session is settled");
	return CLI_OK;
}

struct search {
	const char *digits;
	size_t      hits, all;
	uint8_t     sid[16];
};

static void
match(void *arg, const char *sid, const struct csn_station_unsettled *row)
{
	struct search *s = arg;

	s->all++;
	if (strncmp(sid, s->digits, strlen(s->digits)) != 0)
		return;
	s->hits++;
	memcpy(s->sid, row->sid_bytes, sizeof s->sid);
}

static int
not_found(struct cli *cli, const struct search *s)
{
	char found[64];

	snprintf(found, sizeof found, "%zu of %zu unsettled sessions begin so", s->hits, s->all);
	return cli_fail(cli, CLI_USAGE,
	                &(struct cli_failure){
				.code   = "CSN-USE-007",
				.found  = found,
				.wanted = "the first digits, at least 4, of one that is unsettled",
				.effect = "nothing was started",
				.next   = "countersign provision --resume lists them;"
					  " countersign audit show has the settled ones",
			},
	                "no such session: %s", s->digits);
}

static int
settle(struct runner *r, const uint8_t sid[16])
{
	struct csn_station_ask ask = {
		.begin = { .size = sizeof ask.begin, .side = CSN_SIDE_STATION,
		           .resume = { sid, 16 } },
	};
	int code = runner_session(r, &ask);

	return code == CLI_OK ? runner_report(r) : code;
}

static int
find_and_settle(struct runner *r, const char *digits)
{
	struct csn_error err    = { 0 };
	struct search    search = { .digits = digits };

	if (walk(r, match, &search, &err) < 0)
		return store_failed(r->cli, &err);
	if (search.hits != 1 || strlen(digits) < DIGITS_MIN)
		return not_found(r->cli, &search);
	return settle(r, search.sid);
}

int
resume_run(struct cli *cli, const char *sid, bool with_other_options)
{
	static struct runner r;

	if (with_other_options)
		return cli_fail(cli, CLI_USAGE,
		                &(struct cli_failure){
					.code   = "CSN-USE-010",
					.wanted = "--resume and nothing but the session",
					.effect = "nothing was started",
					.next   = "countersign provision --resume [SID]" },
		                "--resume sends nothing new, so it takes no payload, PIN or mode");
	int code = runner_open(&r, cli, CSN_SIDE_STATION);
	if (code == CLI_OK)
		code = sid != NULL ? find_and_settle(&r, sid) : list_all(&r);
	runner_close(&r);
	return code;
}
