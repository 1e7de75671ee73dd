/* The device's side of bulk.h. */
#include "core/cli/bulk.h"

#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATUS_MS   = 500,
	SILENT_MAX  = 10, /* statuses without a packet before larger ones are asked for */
	HEARD_LEAST = 4,  /* packets before loss is judged */
	FAREWELLS   = 3,
	FAREWELL_MS = 3000, /* at most: the station may be gone by then */
};

struct take {
	struct cli      *cli;
	struct bulk_row *rows;
	size_t           count, turn;
	unsigned         farewells; /* still to be said */
	uint8_t          status[CSN_STREAM_STATUS];
};

static struct csn_bytes
secret_of(const struct bulk_row *row)
{
	return row->row->key;
}

static uint64_t
stream_len(const struct bulk_row *row)
{
	return row->row->length + (uint64_t)CSN_TAG_LEN * csn_att_chunks((uint32_t)row->row->length);
}

static struct csn_receiver *
new_receiver(const struct bulk_row *row)
{
	const struct csn_receiver_options options = { .secret = secret_of(row),
		.object_len = (size_t)stream_len(row), .object_max = BULK_STREAM_MAX };
	struct csn_receiver *receiver = NULL;

	return csn_receiver_new(&options, &receiver) == CSN_OK ? receiver : NULL;
}

/* How far a receiver is, 0 to 1. */
static double
way_of(const struct csn_receiver *receiver)
{
	struct csn_progress progress;

	if (receiver == NULL)
		return 0;
	csn_receiver_progress(receiver, &progress);
	return progress.needed == 0 ? 0 : (double)progress.have / (double)progress.needed;
}

/* The receiver that is further. */
static struct csn_receiver *
best_of(const struct bulk_row *row)
{
	return row->receiver[way_of(row->receiver[1]) > way_of(row->receiver[0])];
}

/*
 * Gives a packet to whom it belongs.  One of a session that neither knows is the
 * station's that began anew with smaller ones: it takes the place of the one less far.
 */
static int
take_packet(struct bulk_row *row, struct csn_bytes message, enum csn_packet *ret_was)
{
	for (unsigned i = 0; i < 2; i++) {
		if (row->receiver[i] == NULL && (row->receiver[i] = new_receiver(row)) == NULL)
			return CSN_E_NOMEM;
		int r = csn_receiver_take(row->receiver[i], message, ret_was);
		if (r < 0 || *ret_was != CSN_PACKET_SESSION)
			return r;
	}
	struct csn_receiver *fresh = new_receiver(row);
	if (fresh == NULL)
		return CSN_E_NOMEM;
	unsigned worse = way_of(row->receiver[1]) <= way_of(row->receiver[0]);
	csn_receiver_free(row->receiver[worse]);
	row->receiver[worse] = fresh;
	return csn_receiver_take(fresh, message, ret_was);
}

static int
write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return CSN_E_IO;
		bytes += n;
		len -= (size_t)n;
	}
	return CSN_OK;
}

/* The whole stream under its name, then its parts go. */
static int
finish(struct bulk_row *row, const struct csn_receiver *receiver)
{
	char *temp = NULL;
	int   out  = -1, r = CSN_OK;

	if (asprintf(&temp, "%s.new", row->stream) < 0)
		return CSN_E_NOMEM;
	out = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		r = CSN_E_IO;
	for (size_t at = 0; r == CSN_OK && at < stream_len(row);) {
		struct csn_bytes run = csn_receiver_read(receiver, at);

		r = run.len > 0 ? write_all(out, run.ptr, run.len) : CSN_E_INTERNAL;
		at += run.len;
	}
	if (r == CSN_OK && fsync(out) < 0)
		r = CSN_E_IO;
	if (out >= 0 && close(out) < 0 && r == CSN_OK)
		r = CSN_E_IO;
	if (r == CSN_OK && rename(temp, row->stream) < 0)
		r = CSN_E_IO;
	if (r == CSN_OK) {
		unlink(row->part);
		row->done = true;
	}
	free(temp);
	return r;
}

static void
tell(const struct take *take, struct bulk_row *row)
{
	struct csn_progress progress;
	unsigned            tenths = (unsigned)(10 * way_of(best_of(row)));

	if (tenths <= row->told)
		return;
	row->told = tenths;
	csn_receiver_progress(best_of(row), &progress);
	cli_story(take->cli, '+', "bulk", "%s: %llu of %llu messages", row->name,
	          (unsigned long long)progress.have, (unsigned long long)progress.needed);
}

/* @keep: write it to the journal, as it is not from there. */
static int
offer(struct take *take, struct bulk_row *row, struct csn_bytes message, bool keep)
{
	const uint8_t head[2] = { (uint8_t)(message.len >> 8), (uint8_t)message.len };
	enum csn_packet was;
	int r = take_packet(row, message, &was);

	if (r < 0 || was != CSN_PACKET_NEW)
		return r;
	if (keep) {
		r = write_all(row->journal, head, sizeof head);
		if (r == CSN_OK)
			r = write_all(row->journal, message.ptr, message.len);
		tell(take, row);
	}
	for (unsigned i = 0; i < 2 && r == CSN_OK && !row->done; i++) {
		struct csn_progress progress = { 0 };

		if (row->receiver[i] != NULL)
			csn_receiver_progress(row->receiver[i], &progress);
		if (progress.complete)
			r = finish(row, row->receiver[i]);
	}
	return r;
}

static bool
all_done(const struct take *take)
{
	for (size_t i = 0; i < take->count; i++)
		if (!take->rows[i].done)
			return false;
	return true;
}

static int
on_packet(void *arg, struct csn_bytes message)
{
	struct take *take = arg;

	if (message.len > CSN_STREAM_PACKET_MAX)
		return CSN_OK;
	for (size_t i = 0; i < take->count; i++) {
		int r = take->rows[i].done ? CSN_OK : offer(take, &take->rows[i], message, true);

		if (r < 0)
			return r;
	}
	return all_done(take);
}

/* ---- what the station is told ------------------------------------------------------ */

static enum csn_stream_wish
wish_of(struct bulk_row *row, const struct csn_progress *progress)
{
	uint64_t heard = progress->heard - row->heard, missed = progress->missed - row->missed;

	if (row->done)
		return CSN_WISH_DONE;
	row->silent = progress->heard == row->heard ? row->silent + 1 : 0;
	if (row->silent >= SILENT_MAX) {
		row->silent = 0;
		return CSN_WISH_LARGER;
	}
	if (heard < HEARD_LEAST && missed < HEARD_LEAST)
		return CSN_WISH_NONE;
	row->heard = progress->heard;
	row->missed = progress->missed;
	return missed > heard ? CSN_WISH_SLOWER : CSN_WISH_NONE;
}

static int
next_status(void *arg, struct csn_bytes *ret_message)
{
	struct take        *take = arg;
	struct bulk_row    *row = &take->rows[take->turn];
	struct csn_progress progress = { 0 };

	take->turn = (take->turn + 1) % take->count;
	if (best_of(row) != NULL)
		csn_receiver_progress(best_of(row), &progress);
	const struct csn_stream_status status = {
		.session = progress.session,
		.have = (uint32_t)progress.have,
		.needed = (uint32_t)progress.needed,
		.wish = wish_of(row, &progress),
	};
	int r = csn_stream_status_make(secret_of(row), &status, take->status);
	*ret_message = (struct csn_bytes){ take->status, sizeof take->status };
	return r;
}

static uint32_t
pause_between(void *arg)
{
	(void)arg;
	return STATUS_MS;
}

/* ---- begin and end ----------------------------------------------------------------- */

/* What an earlier run was given; a torn end of it is cut off. */
static int
open_journal(struct take *take, struct bulk_row *row)
{
	static uint8_t packet[CSN_STREAM_PACKET_MAX];
	uint8_t        head[2];
	off_t          good = 0;
	int            r    = CSN_OK;

	row->journal = open(row->part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (row->journal < 0)
		return CSN_E_IO;
	while (r == CSN_OK && !row->done && read(row->journal, head, sizeof head) == sizeof head) {
		size_t len = (size_t)head[0] << 8 | head[1];

		if (len > sizeof packet || read(row->journal, packet, len) != (ssize_t)len)
			break;
		r = offer(take, row, (struct csn_bytes){ packet, len }, false);
		good += (off_t)(sizeof head + len);
	}
	tell(take, row);
	if (r == CSN_OK && !row->done &&
	    (ftruncate(row->journal, good) < 0 || lseek(row->journal, good, SEEK_SET) < 0))
		r = CSN_E_IO;
	return r;
}

static int
next_farewell(void *arg, struct csn_bytes *ret_message)
{
	struct take *take = arg;

	return take->farewells-- > 0 ? next_status(take, ret_message) : CSN_E_MISSING;
}

/* So that the station may stop: nobody answers to that, so it is said a few times. */
static void
say_goodbye(struct take *take, struct runner *r)
{
	const struct csn_station_flow flow = { .send_role = CSN_ROLE_RETURN, .arg = take,
		                               .limit_ms = FAREWELL_MS, .next = next_farewell };
	struct csn_error err = { 0 };

	take->farewells = FAREWELLS * (unsigned)take->count;
	take->turn = 0;
	csn_station_flow(r->station, &flow, &err);
}

int
bulk_take(struct runner *r, struct bulk_row *rows, size_t count, unsigned wait_s)
{
	struct take      take = { .cli = r->cli, .rows = rows, .count = count };
	struct csn_error err  = { 0 };
	bool             back = csn_station_caps(r->station, CSN_ROLE_RETURN) != NULL;
	int              result = CSN_OK;

	for (size_t i = 0; i < count; i++)
		rows[i].journal = -1;
	for (size_t i = 0; i < count && result == CSN_OK; i++)
		result = stream_len(&rows[i]) <= BULK_STREAM_MAX ? open_journal(&take, &rows[i])
		                                                 : CSN_E_TOO_BIG;
	const struct csn_station_flow flow = {
		.send_role = back ? CSN_ROLE_RETURN : 0,
		.hear_role = CSN_ROLE_BULK,
		.limit_ms  = wait_s * 1000,
		.next      = next_status,
		.pause_ms  = pause_between,
		.heard     = on_packet,
		.arg       = &take,
	};
	if (result == CSN_OK && count > 0 && !all_done(&take))
		result = csn_station_flow(r->station, &flow, &err);
	if (back && count > 0 && result == CSN_OK)
		say_goodbye(&take, r);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].journal >= 0)
			close(rows[i].journal);
		csn_receiver_free(rows[i].receiver[0]);
		csn_receiver_free(rows[i].receiver[1]);
	}
	if (result == CSN_E_CANCELLED && runner_interrupted())
		return runner_exit(CLI_OK);
	if (result == CSN_OK || result == CSN_E_TIMEOUT)
		return CLI_OK;
	return cli_fail(r->cli, CLI_CANNOT,
	                &(struct cli_failure){ .code = "CSN-ATT-005", .stage = "bulk",
	                                       .found = err.text[0] != '\0' ? csn_error_text(&err)
	                                                                    : csn_result_text(result) },
	                "an attachment could not be received");
}
