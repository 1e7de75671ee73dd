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

struct wait {
	struct csn_loop *loop;
	struct csn_op *op;
	bool done;
	int result;
	struct csn_buf *buf;
	struct csn_error err;
};

static void
on_answer(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct wait *wait = arg;

	wait->done = true;
	wait->result = result;
	wait->buf = csn_buf_ref(buf);
	wait->err = *csn_op_error(op);
	csn_loop_quit(wait->loop);
}

static int
wait_begin(struct csn_station *st, struct wait *wait, const char *what,
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

	*wait = (struct wait){ .loop = st->loop };
	wait->op = csn_op_new(st->ops, &start);
	return wait->op != NULL ? CSN_OK
				: csn_fail(err, CSN_E_NOMEM, "no memory to wait");
}

static int
wait_store(struct csn_station *st, struct wait *wait, const char *what, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;

	return wait_begin(st, wait, what, p->store->cancel, p->store_self, err);
}

/*
 * @started is what the plugin's call returned; *ret_buf (may be NULL) a new reference.
 */
static int
wait_end(struct wait *wait, int started, struct csn_buf **ret_buf,
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
	struct wait wait;
	int r = wait_store(st, &wait, "store: commit", err);

	if (r < 0)
		return r;
	return wait_end(&wait, p->store->commit(p->store_self, wait.op, items, count),
			NULL, err);
}

int
csn_station_get(struct csn_station *st, const char *space, struct csn_bytes key,
		struct csn_buf **ret_value, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct wait wait;
	int r = wait_store(st, &wait, "store: get", err);

	if (r < 0)
		return r;
	return wait_end(&wait, p->store->get(p->store_self, wait.op, space, key),
			ret_value, err);
}

int
csn_station_next(struct csn_station *st, const char *space, struct csn_bytes after,
		 struct csn_buf **ret_pair, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct wait wait;
	int r = wait_store(st, &wait, "store: next", err);

	if (r < 0)
		return r;
	return wait_end(&wait, p->store->next(p->store_self, wait.op, space, after),
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
 * ---- the audit log ------------------------------------------------------------------
 */

static int
entry_count(struct csn_station *st, uint64_t *ret_count, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct csn_buf *buf = NULL;
	struct wait wait;
	int r = wait_store(st, &wait, "store: count", err);

	if (r == CSN_OK)
		r = wait_end(&wait, p->store->count(p->store_self, wait.op), &buf, err);
	if (r < 0)
		return r;
	struct csn_bytes bytes = csn_buf_bytes(buf);
	uint64_t count = 0;
	for (size_t i = 0; i < bytes.len && i < 8; i++)
		count = count << 8 | bytes.ptr[i];
	if (bytes.len != 8)
		r = csn_fail(err, CSN_E_INTERNAL, "the store counts in %zu bytes",
			     bytes.len);
	csn_buf_unref(buf);
	if (r == CSN_OK)
		*ret_count = count;
	return r;
}

int
csn_station_audit(struct csn_station *st, csn_station_entry_fn *each, void *arg,
		  struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	uint64_t count = 0;
	int r = entry_count(st, &count, err);

	for (uint64_t i = 0; r == CSN_OK && i < count; i++) {
		struct csn_buf *buf = NULL;
		struct wait wait;

		r = wait_store(st, &wait, "store: entry", err);
		if (r == CSN_OK)
			r = wait_end(&wait, p->store->entry(p->store_self, wait.op, i),
				     &buf, err);
		if (r == CSN_OK)
			r = each(arg, i, csn_buf_bytes(buf));
		csn_buf_unref(buf);
	}
	return r;
}

/*
 * The raw Ed25519 key out of its SubjectPublicKeyInfo, whose head is always the same.
 */
static int
log_key(struct csn_station *st, uint8_t ret_key[32], struct csn_error *err)
{
	static const uint8_t head[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
					  0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
	const struct session_parts *p = &st->parts;
	struct csn_buf *spki = NULL;

	if (st->own.log_key == NULL || p->keys == NULL)
		return csn_fail(err, CSN_E_MISSING,
				"no key signs checkpoints: set station.log_key");
	int r = p->keys->public_key(p->keys_self, st->own.log_key, &spki, err);
	if (r < 0)
		return r;
	struct csn_bytes bytes = csn_buf_bytes(spki);
	if (bytes.len != 44 || memcmp(bytes.ptr, head, sizeof head) != 0)
		r = csn_fail(err, CSN_E_CONFIG,
			     "key %s is not Ed25519: checkpoints need that",
			     st->own.log_key);
	else
		memcpy(ret_key, bytes.ptr + 12, 32);
	csn_buf_unref(spki);
	return r;
}

static const struct csn_bytes latest = { (const uint8_t *)"latest", 6 };

/* The head signed before, when there is one: the log must still grow from it. */
static int
last_head(struct csn_station *st, const uint8_t key[32], struct audit_head *ret_head,
	  struct csn_error *err)
{
	struct csn_error why = { 0 };
	struct csn_buf *buf = NULL;
	char note[AUDIT_NOTE_MAX] = "";
	int r = csn_station_get(st, "checkpoint", latest, &buf, &why);

	if (r == CSN_E_MISSING) /* none was signed yet                        */
		return CSN_OK;
	if (r < 0)
		return csn_fail(err, r, "%s", csn_error_text(&why));
	struct csn_bytes bytes = csn_buf_bytes(buf);
	if (bytes.len < sizeof note) {
		memcpy(note, bytes.ptr, bytes.len);
		r = audit_note_open(note, st->own.name, key, ret_head);
	} else
		r = CSN_E_PROTOCOL;
	csn_buf_unref(buf);
	if (r < 0)
		return csn_fail(
			err, r,
			"the last checkpoint in the store is not one of %s by %s",
			st->own.name, st->own.log_key);
	return CSN_OK;
}

static int
check_one(void *arg, uint64_t index, struct csn_bytes entry)
{
	(void)index;
	return audit_check_add(arg, entry);
}

static int
sign_head(struct csn_station *st, const struct audit_head *head, const uint8_t key[32],
	  char note[AUDIT_NOTE_MAX], struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	char body[AUDIT_NOTE_MAX];
	struct csn_buf *sig = NULL;
	struct wait wait;
	int r = audit_note_body(st->own.name, head, body, sizeof body);

	if (r < 0)
		return csn_fail(err, r,
				"%s cannot be the name of a log: no blanks, no +",
				st->own.name);
	r = wait_begin(st, &wait, "keys: sign", p->keys->cancel, p->keys_self, err);
	if (r == CSN_OK)
		r = wait_end(&wait,
			     p->keys->sign(p->keys_self, wait.op, st->own.log_key,
					   "EdDSA",
					   (struct csn_bytes){ (const uint8_t *)body,
							       strlen(body) }),
			     &sig, err);
	if (r < 0)
		return r;
	if (csn_buf_bytes(sig).len != 64)
		r = CSN_E_INTERNAL;
	else
		r = audit_note_seal(body, st->own.name, key, csn_buf_bytes(sig).ptr,
				    note, AUDIT_NOTE_MAX);
	csn_buf_unref(sig);
	return r < 0 ? csn_fail(err, r, "the checkpoint could not be signed") : CSN_OK;
}

int
csn_station_checkpoint(struct csn_station *st, char **ret_note, struct csn_error *err)
{
	struct audit_check check = { .anchored = false };
	struct audit_head head;
	uint8_t key[32];
	char note[AUDIT_NOTE_MAX];
	int r = log_key(st, key, err);

	if (r == CSN_OK)
		r = last_head(st, key, &check.from, err);
	if (r < 0)
		return r;
	r = csn_station_audit(st, check_one, &check, err);
	if (r == CSN_OK)
		r = audit_check_end(&check, &head);
	if (r < 0)
		return csn_fail(err, r,
				"the audit log does not grow from the last checkpoint"
				" (size %llu): nothing was signed",
				(unsigned long long)check.from.size);
	r = sign_head(st, &head, key, note, err);
	if (r < 0)
		return r;
	struct csn_store_item item = {
		.kind = CSN_ITEM_PUT,
		.space = "checkpoint",
		.key = latest,
		.value = { (const uint8_t *)note, strlen(note) },
	};
	r = csn_station_commit(st, &item, 1, err);
	if (r < 0)
		return r;
	char *copy = strdup(note);
	if (copy == NULL)
		return csn_fail(err, CSN_E_NOMEM, "no memory for a note");
	*ret_note = copy;
	return CSN_OK;
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
