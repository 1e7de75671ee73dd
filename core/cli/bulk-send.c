/* The station's side of bulk.h. */
#include "core/cli/bulk.h"

#include "core/base/error.h"

#include <countersign/channel.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PACKET_MIN    = 120,  /* bytes: below that headers are most of it */
	PACKET_USUAL  = 1000, /* for a channel that does not say what is quick */
	PAUSE_MS      = 100,  /* the first time somebody asks for slower ones */
	PAUSE_MAX_MS  = 2000,
	PATIENCE_SLOW = 8,    /* packets before a wish is granted once more */
	PATIENCE_LARGE = 40,
};

struct show_row {
	struct csn_bytes    object; /* the sealed stream */
	struct csn_sender  *sender;
	uint64_t            number, pass;
	bool                done;
};

struct show {
	struct cli        *cli;
	struct attach_set *set;
	unsigned           passes;
	struct show_row    rows[ATTACH_MAX];
	size_t             turn;
	size_t             packet_len;
	uint32_t           pause_ms;
	unsigned           since_wish; /* packets */
	uint64_t           shown;
	uint8_t            packet[CSN_STREAM_PACKET_MAX];
};

static struct csn_bytes
secret_of(const struct attach_set *set, size_t row)
{
	return (struct csn_bytes){ set->rows[row].key, csn_suite_key_len(set->suite) };
}

/* What the channel carries in the time of one message, and beside others, as far as it says. */
static size_t
packet_len_for(const struct csn_channel_caps *caps)
{
	uint64_t len = (uint64_t)caps->bytes_per_second * caps->latency_ms / 1000 / caps->at_once;

	if (len == 0)
		len = PACKET_USUAL;
	len = len > caps->max_message ? caps->max_message : len;
	len = len > CSN_STREAM_PACKET_MAX ? CSN_STREAM_PACKET_MAX : len;
	return len < PACKET_MIN ? PACKET_MIN : (size_t)len;
}

/* A stream of its own, from the beginning: the size of a packet belongs to it. */
static int
begin_row(struct show *show, size_t i)
{
	struct show_row          *row = &show->rows[i];
	struct csn_sender_options options = { .secret = secret_of(show->set, i),
		                              .packet_len = show->packet_len };

	csn_sender_free(row->sender);
	row->sender = NULL;
	row->number = 0;
	if (RAND_bytes((uint8_t *)&options.session, sizeof options.session) != 1)
		return CSN_E_IO;
	options.session |= options.session == 0;
	int r = csn_sender_new(row->object, &options, &row->sender);
	if (r == CSN_OK)
		row->pass = csn_sender_pass(row->sender);
	return r;
}

static int
load(struct show *show, size_t i)
{
	int         in = open(show->set->rows[i].temp, O_RDONLY | O_CLOEXEC), r = CSN_E_IO;
	uint8_t    *bytes = NULL;
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		goto out;
	r = CSN_E_TOO_BIG;
	if ((uint64_t)st.st_size > BULK_STREAM_MAX)
		goto out;
	r = CSN_E_NOMEM;
	if ((bytes = malloc((size_t)st.st_size)) == NULL)
		goto out;
	show->rows[i].object = (struct csn_bytes){ bytes, (size_t)st.st_size };
	r = CSN_OK;
	for (size_t have = 0; r == CSN_OK && have < show->rows[i].object.len;) {
		ssize_t n = read(in, bytes + have, show->rows[i].object.len - have);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			r = CSN_E_IO;
		have += n > 0 ? (size_t)n : 0;
	}
out:
	if (in >= 0)
		close(in);
	return r == CSN_OK ? begin_row(show, i) : r;
}

/* The next packet of the next row that is not done. */
static int
next_packet(void *arg, struct csn_bytes *ret_message)
{
	struct show *show = arg;

	for (size_t tried = 0; tried < show->set->count; tried++) {
		struct show_row *row = &show->rows[show->turn];

		show->turn = (show->turn + 1) % show->set->count;
		if (row->done || (show->passes != 0 && row->number >= show->passes * row->pass))
			continue;
		if (csn_sender_packet(row->sender, row->number++, show->packet) != CSN_OK)
			return CSN_E_NOMEM;
		*ret_message = (struct csn_bytes){ show->packet, csn_sender_packet_len(row->sender) };
		show->shown++;
		show->since_wish++;
		return CSN_OK;
	}
	return CSN_E_MISSING;
}

static uint32_t
pause_between(void *arg)
{
	const struct show *show = arg;

	return show->pause_ms;
}

/* Larger: less in a packet, so a coarser code; the receiver keeps what it has. */
static int
enlarge(struct show *show)
{
	size_t less = show->packet_len / 2;
	int    r    = CSN_OK;

	if (less < PACKET_MIN)
		return CSN_OK;
	show->packet_len = less;
	cli_story(show->cli, '+', "bulk", "the device reads nothing: %zu bytes a message", less);
	for (size_t i = 0; i < show->set->count && r == CSN_OK; i++)
		if (!show->rows[i].done)
			r = begin_row(show, i);
	return r;
}

static int
grant(struct show *show, enum csn_stream_wish wish)
{
	if (wish == CSN_WISH_SLOWER && show->since_wish >= PATIENCE_SLOW &&
	    show->pause_ms < PAUSE_MAX_MS) {
		show->since_wish = 0;
		show->pause_ms = show->pause_ms == 0 ? PAUSE_MS : 2 * show->pause_ms;
		cli_story(show->cli, '+', "bulk", "the device loses messages: %u ms between them",
		          show->pause_ms);
	}
	if (wish == CSN_WISH_LARGER && show->since_wish >= PATIENCE_LARGE) {
		show->since_wish = 0;
		return enlarge(show);
	}
	return CSN_OK;
}

/* 1: all rows are done. */
static int
on_status(void *arg, struct csn_bytes message)
{
	struct show             *show = arg;
	struct csn_stream_status status;
	bool                     all  = true;

	for (size_t i = 0; i < show->set->count; i++) {
		struct show_row *row = &show->rows[i];

		if (csn_stream_status_take(secret_of(show->set, i), message, &status) == CSN_OK) {
			int r = grant(show, status.wish);
			if (r < 0)
				return r;
			if (status.wish == CSN_WISH_DONE && !row->done) {
				row->done = true;
				cli_story(show->cli, '+', "bulk", "%s: the device has it",
				          show->set->rows[i].path);
			}
		}
		all &= row->done;
	}
	return all;
}

static int
cannot(struct show *show, const char *found)
{
	return cli_fail(show->cli, CLI_CANNOT,
	                &(struct cli_failure){ .code   = "CSN-ATT-004",
	                                       .stage  = "bulk",
	                                       .found  = found,
	                                       .effect = "the offer stands, its attachments do not",
	                                       .next   = "provision again" },
	                "the attachments cannot be shown");
}

static int
run_show(struct show *show, struct runner *r)
{
	struct csn_error              err  = { 0 };
	const struct csn_station_flow flow = {
		.send_role = CSN_ROLE_BULK,
		.hear_role = csn_station_caps(r->station, CSN_ROLE_RETURN) != NULL ? CSN_ROLE_RETURN : 0,
		.next      = next_packet,
		.pause_ms  = pause_between,
		.heard     = on_status,
		.arg       = show,
	};
	int result = csn_station_flow(r->station, &flow, &err);

	json_object_set_new(show->cli->doc, "messages", json_integer((json_int_t)show->shown));
	cli_story(show->cli, '+', "bulk", "%llu messages of %zu bytes shown",
	          (unsigned long long)show->shown, show->packet_len);
	if (result == CSN_E_CANCELLED && runner_interrupted())
		return runner_exit(CLI_OK);
	return result == CSN_OK ? CLI_OK : cannot(show, csn_error_text(&err));
}

int
bulk_send(struct runner *r, struct attach_set *set, unsigned passes)
{
	static struct show             show;
	const struct csn_channel_caps *caps = csn_station_caps(r->station, CSN_ROLE_BULK);
	int                            code = CLI_OK;

	show = (struct show){ .cli = r->cli, .set = set, .passes = passes };
	if (caps == NULL)
		return cannot(&show, "no channel of role bulk");
	show.packet_len = packet_len_for(caps);
	for (size_t i = 0; i < set->count && code == CLI_OK; i++) {
		int result = load(&show, i);

		if (result < 0)
			code = cannot(&show, result == CSN_E_TOO_BIG ? "a file of more than 64 MiB"
			                                             : csn_result_text(result));
	}
	if (code == CLI_OK)
		code = run_show(&show, r);
	for (size_t i = 0; i < set->count; i++) {
		csn_sender_free(show.rows[i].sender);
		free((void *)(uintptr_t)show.rows[i].object.ptr);
	}
	return code;
}
