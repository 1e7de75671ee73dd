/* The station's audit log: its entries, when the last was written, its signed head. */
#include "core/station/int.h"

#include "core/audit/audit.h"
#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
entry_count(struct csn_station *st, uint64_t *ret_count, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct csn_buf *buf = NULL;
	struct station_wait wait;
	int r = station_wait_store(st, &wait, "store: count", err);

	if (r == CSN_OK)
		r = station_wait_end(&wait, p->store->count(p->store_self, wait.op), &buf, err);
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

static int
entry_at(struct csn_station *st, uint64_t index, struct csn_buf **ret_buf, struct csn_error *err)
{
	const struct session_parts *p = &st->parts;
	struct station_wait wait;
	int r = station_wait_store(st, &wait, "store: entry", err);

	if (r < 0)
		return r;
	return station_wait_end(&wait, p->store->entry(p->store_self, wait.op, index), ret_buf,
				err);
}

uint64_t
station_latest(struct csn_station *st)
{
	struct csn_error none = { 0 };
	struct csn_buf *buf = NULL;
	struct audit_entry entry = { 0 };
	uint64_t count = 0, latest_unix_s = 0;

	if (entry_count(st, &count, &none) == CSN_OK && count > 0 &&
	    entry_at(st, count - 1, &buf, &none) == CSN_OK &&
	    audit_decode(csn_buf_bytes(buf), &entry) == CSN_OK)
		latest_unix_s = entry.unix_s;
	csn_buf_unref(buf);
	return latest_unix_s;
}

int
csn_station_audit(struct csn_station *st, csn_station_entry_fn *each, void *arg,
		  struct csn_error *err)
{
	uint64_t count = 0;
	int r = entry_count(st, &count, err);

	for (uint64_t i = 0; r == CSN_OK && i < count; i++) {
		struct csn_buf *buf = NULL;

		r = entry_at(st, i, &buf, err);
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
	struct station_wait wait;
	int r = audit_note_body(st->own.name, head, body, sizeof body);

	if (r < 0)
		return csn_fail(err, r,
				"%s cannot be the name of a log: no blanks, no +",
				st->own.name);
	r = station_wait_begin(st, &wait, "keys: sign", p->keys->cancel, p->keys_self, err);
	if (r == CSN_OK)
		r = station_wait_end(&wait,
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
