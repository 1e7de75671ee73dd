/* What a caller does with a station: sessions, and one call at a time to its store. */
#include "core/station/int.h"

#include "core/audit/audit.h"
#include "core/audit/unsettled.h"
#include "core/base/buf.h"

#include "lib/dcbor.h"

#include <countersign/format.h>

#include <stdlib.h>

#define WAIT_MS 20000u

/* ---- sessions ------------------------------------------------------------------ */

static void
on_story(void *arg, uint32_t stage, const char *text)
{
	struct csn_station_session *own = arg;

	if (own->story != NULL)
		own->story(own->arg, stage, text);
}

static void
on_end(void *arg, const struct session_end *end)
{
	struct csn_station_session *own = arg;
	struct csn_station_session **at = &own->st->sessions;

	while (*at != own)
		at = &(*at)->next;
	*at = own->next;
	if (own->end != NULL)
		own->end(own->arg, end);
	session_free(own->session);
	free(own);
}

/* Stages are left out for a session on record as unsettled, and for no other. */
static int
is_unsettled(struct csn_station *st, struct csn_bytes sid, struct csn_error *err)
{
	struct csn_error why = { 0 };
	struct csn_buf *row = NULL;
	int r = csn_station_get(st, UNSETTLED_SPACE, sid, &row, &why);

	csn_buf_unref(row);
	if (r == CSN_OK)
		return CSN_OK;
	return csn_fail(err, r, "%s",
			r == CSN_E_MISSING ? "no such session is unsettled"
					   : csn_error_text(&why));
}

/* What the last process counted; none is fine, a damaged one counts from the start. */
static void
load_tail(struct csn_station *st)
{
	struct csn_error none = { 0 };
	struct csn_buf *row = NULL;

	if (st->tail_loaded)
		return;
	st->tail_loaded = true;
	if (csn_station_get(st, TAIL_SPACE, tail_key, &row, &none) == CSN_OK)
		(void)tail_decode(csn_buf_bytes(row), &st->tail);
	csn_buf_unref(row);
	st->latest_unix_s = station_latest(st);
}

int
csn_station_session(struct csn_station *st, const struct csn_station_ask *ask,
		    struct csn_station_session **ret_session, struct csn_error *err)
{
	struct session_parts parts = st->parts;
	struct csn_begin begin = ask->begin;
	int r = CSN_OK;

	load_tail(st);
	parts.tail = &st->tail;
	parts.latest_unix_s = st->latest_unix_s;
	parts.no_input = ask->no_input;
	if (begin.side == 0)
		begin.side = st->side;
	if (begin.side != (uint32_t)st->side)
		return csn_fail(err, CSN_E_INVALID, "this is the other side's session");
	if (begin.resume.len > 0)
		r = is_unsettled(st, begin.resume, err);
	if (r == CSN_OK && ask->payload.ptr != NULL)
		r = csn_station_decode(st, ask->format, ask->payload, &parts.payload,
				       err);
	if (r < 0)
		return r;
	struct csn_station_session *own = calloc(1, sizeof *own);
	if (own == NULL) {
		csn_buf_unref(parts.payload);
		return csn_fail(err, CSN_E_NOMEM, "no memory for a session");
	}
	*own = (struct csn_station_session){ st->sessions, st,       NULL,
					     ask->story,   ask->end, ask->arg };
	struct session_calls calls = { on_story, on_end, own };
	r = session_new(&parts, &begin, &calls, &own->session, err);
	csn_buf_unref(parts.payload);
	if (r < 0) {
		free(own);
		return r;
	}
	st->sessions = own;
	if (ret_session != NULL)
		*ret_session = own;
	return CSN_OK;
}

void
csn_station_session_stop(struct csn_station_session *session)
{
	session_stop(session->session);
}

int
csn_station_run(struct csn_station *st, struct csn_error *err)
{
	int r = csn_loop_run(st->loop);

	if (r == CSN_OK || r == CSN_E_MISSING) /* nothing left to wait for    */
		return CSN_OK;
	return csn_fail(err, r, "the loop failed: %s", csn_result_text(r));
}

void
csn_station_stop(struct csn_station *st)
{
	csn_loop_quit(st->loop);
}

/*
 * ---- one call at a time -----------------------------------------------------------
 */

static void
on_answer(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct station_wait *wait = arg;

	wait->done = true;
	wait->result = result;
	wait->buf = csn_buf_ref(buf);
	wait->err = *csn_op_error(op);
	csn_loop_quit(wait->loop);
}

int
station_wait_begin(struct csn_station *st, struct station_wait *wait, const char *what,
		   csn_op_cancel_fn *cancel, void *self, struct csn_error *err)
{
	struct csn_op_start start = {
		.what = what,
		.fn = on_answer,
		.arg = wait,
		.deadline_ns = csn_loop_now(st->loop) + WAIT_MS * CSN_MS,
		.cancel = cancel,
		.self = self,
	};

	*wait = (struct station_wait){ .loop = st->loop };
	wait->op = csn_op_new(st->ops, &start);
	return wait->op != NULL ? CSN_OK
				: csn_fail(err, CSN_E_NOMEM, "no memory to wait");
}

int
station_wait_store(struct csn_station *st, struct station_wait *wait, const char *what,
		   struct csn_error *err)
{
	const struct session_parts *p = &st->parts;

	return station_wait_begin(st, wait, what, p->store->cancel, p->store_self, err);
}

int
station_wait_end(struct station_wait *wait, int started, struct csn_buf **ret_buf,
		 struct csn_error *err)
{
	unsigned stopped = 0;

	if (started < 0) {
		wait->err = *csn_op_error(wait->op);
		csn_op_drop(wait->op);
		wait->result = started;
	}
	while (started >= 0 && !wait->done) {
		csn_loop_run(wait->loop);
		stopped += !wait->done; /* somebody else's stop: kept for later   */
	}
	if (stopped > 0)
		csn_loop_quit(wait->loop);
	if (wait->result < 0) {
		csn_buf_unref(wait->buf);
		return csn_fail(err, wait->result, "%s",
				wait->err.text[0] != '\0'
					? wait->err.text
					: csn_result_text(wait->result));
	}
	if (ret_buf != NULL)
		*ret_buf = wait->buf;
	else
		csn_buf_unref(wait->buf);
	return CSN_OK;
}

int
csn_station_commit(struct csn_station *st, const struct csn_store_item *items,
		   size_t count, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct station_wait wait;
	int r = station_wait_store(st, &wait, "store: commit", err);

	if (r < 0)
		return r;
	return station_wait_end(&wait, p->store->commit(p->store_self, wait.op, items, count),
			NULL, err);
}

int
csn_station_get(struct csn_station *st, const char *space, struct csn_bytes key,
		struct csn_buf **ret_value, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct station_wait wait;
	int r = station_wait_store(st, &wait, "store: get", err);

	if (r < 0)
		return r;
	return station_wait_end(&wait, p->store->get(p->store_self, wait.op, space, key),
			ret_value, err);
}

int
csn_station_next(struct csn_station *st, const char *space, struct csn_bytes after,
		 struct csn_buf **ret_pair, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct station_wait wait;
	int r = station_wait_store(st, &wait, "store: next", err);

	if (r < 0)
		return r;
	return station_wait_end(&wait, p->store->next(p->store_self, wait.op, space, after),
			ret_pair, err);
}

int
csn_station_unsettled(struct csn_station *st, struct csn_bytes after,
		      struct csn_station_unsettled *ret_row, struct csn_error *err)
{
	struct csn_station_unsettled row = { .has_did = false };
	struct unsettled own;
	struct csn_dcbor_in in;
	struct csn_buf *pair = NULL;
	int r = csn_station_next(st, UNSETTLED_SPACE, after, &pair, err);

	if (r < 0)
		return r;
	csn_dcbor_in_init(&in, csn_buf_bytes(pair));
	csn_dcbor_array(&in, 2, 2);
	csn_dcbor_copy(&in, row.sid_bytes, sizeof row.sid_bytes);
	struct csn_bytes value = csn_dcbor_bytes(&in, 0, UNSETTLED_ROW_MAX);
	r = csn_dcbor_in_end(&in);
	if (r == CSN_OK)
		r = unsettled_decode(value, &own);
	csn_buf_unref(pair);
	if (r < 0)
		return csn_fail(err, r, "the store's list of unsettled sessions is damaged");
	memcpy(row.did, own.did, sizeof row.did);
	row.has_did = own.has_did;
	row.outcome = own.outcome;
	row.code = own.code;
	row.unix_s = own.unix_s;
	*ret_row = row;
	ret_row->sid = CSN_BYTES_OF(ret_row->sid_bytes);
	return CSN_OK;
}

static const struct csn_instance *
format_of(struct csn_station *st, const char *format, struct csn_error *err)
{
	return csn_registry_find(st->registry, CSN_KIND_FORMAT,
				 format != NULL ? format : "json", err);
}

int
csn_station_encode(struct csn_station *st, const char *format, struct csn_bytes record,
		   struct csn_buf **ret_bytes, struct csn_error *err)
{
	const struct csn_instance *i = format_of(st, format, err);

	if (i == NULL)
		return CSN_E_MISSING;
	return i->component->ops.format->encode(i->self, record, ret_bytes, err);
}

int
csn_station_decode(struct csn_station *st, const char *format, struct csn_bytes bytes,
		   struct csn_buf **ret_record, struct csn_error *err)
{
	const struct csn_instance *i = format_of(st, format, err);

	if (i == NULL)
		return CSN_E_MISSING;
	return i->component->ops.format->decode(i->self, bytes, ret_record, err);
}

struct carry {
	struct csn_loop *loop;
	bool done;
	int result;
	struct csn_error err;
};

static void
on_carried(void *arg, int result, const struct csn_error *err)
{
	struct carry *carry = arg;

	carry->done = true;
	carry->result = result;
	if (result < 0 && err != NULL)
		carry->err = *err;
	csn_loop_quit(carry->loop);
}

int
csn_station_send(struct csn_station *st, uint32_t role, struct csn_bytes message,
		 struct csn_error *err)
{
	struct link *link = role <= CSN_ROLE_BULK ? st->links[role] : NULL;
	struct carry carry = { .loop = st->loop };
	struct link_send *send = NULL;

	if (link == NULL)
		return csn_fail(err, CSN_E_MISSING, "no channel has this role");
	int r = link_send(link, message, on_carried, &carry, &send);
	if (r < 0)
		return csn_fail(err, r, "%s", csn_result_text(r));
	r = csn_loop_run(st->loop);
	if (!carry.done) {
		link_cancel(link, send);
		return csn_fail(err, CSN_E_CANCELLED, "stopped before it was sent");
	}
	link_rest(link);
	if (carry.result < 0)
		return csn_fail(err, carry.result, "%s",
				carry.err.text[0] != '\0'
					? carry.err.text
					: csn_result_text(carry.result));
	return r < 0 ? csn_fail(err, r, "the loop failed: %s", csn_result_text(r))
		     : CSN_OK;
}

/*
 * ---- what the command needs beside that -------------------------------------------
 */

const char *
csn_station_name(const struct csn_station *st)
{
	return st->own.name;
}

const struct csn_host *
csn_station_host(const struct csn_station *st)
{
	return st->host;
}

const struct csn_keys_ops *
csn_station_keys(const struct csn_station *st, void **ret_self)
{
	*ret_self = st->parts.keys_self;
	return st->parts.keys;
}
