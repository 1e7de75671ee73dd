/*
 * The record.  An effect exists only if its entry does: both are in one transaction, and
 * with them what is not settled and the results of evidence.
 */
#include "core/audit/tail.h"
#include "core/audit/unsettled.h"
#include "core/session/int.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT_MS 10000u
#define ITEMS_MAX 63

/* ---- entries ---------------------------------------------------------------- */

int
session_entry(const struct session *s, enum audit_what what, struct audit_entry *ret_entry)
{
	struct audit_entry entry = { .what = what, .side = s->side, .stage = s->stage };
	int trusted = 0;

	entry.unix_s = csn_loop_wall(s->parts.loop, &trusted);
	entry.clock_trusted = trusted != 0;
	entry.boot_ns = csn_loop_now(s->parts.loop);
	entry.has[AUDIT_SID] = facts_id(&s->facts, "sid", entry.field[AUDIT_SID]);
	entry.has[AUDIT_DID] = facts_id(&s->facts, "identity.did", entry.field[AUDIT_DID]);
	entry.has[AUDIT_SKID] = facts_id(&s->facts, "skid", entry.field[AUDIT_SKID]);
	entry.has[AUDIT_T1] = s->has_t1;
	memcpy(entry.field[AUDIT_T1], s->t1, sizeof s->t1);
	int r = facts_hash(&s->facts, entry.field[AUDIT_FACTS]);
	if (r < 0)
		return r;
	entry.has[AUDIT_FACTS] = true;
	*ret_entry = entry;
	return CSN_OK;
}

/* What goes to the end of the log, and the row that counts refusals beside it. */
static int
entry_items(struct session *s, struct audit_entry entry, uint8_t bytes[AUDIT_ENTRY_MAX],
	    uint8_t row[TAIL_ROW_MAX], struct csn_store_item *items, size_t *count)
{
	struct tail *tail = s->parts.tail;
	struct csn_bytes coded;
	bool was_plain = tail == NULL || (!tail->live && tail->repeats == 0);
	bool counted = tail != NULL && tail_take(tail, &entry, !s->wrote);
	int r = CSN_OK;

	s->wrote = true;
	if (!counted) {
		r = audit_encode(&entry, bytes, &coded);
		items[(*count)++] = (struct csn_store_item){ .kind = CSN_ITEM_AUDIT,
							     .value = coded };
	}
	if (r == CSN_OK && tail != NULL && !(was_plain && !tail->live))
		r = tail_item(tail, row, &items[(*count)++]);
	return r;
}

int
session_store(struct call *call, const struct csn_store_item *items, size_t count,
	     const struct audit_entry *entry)
{
	const struct session_parts *parts = &call->s->parts;
	struct csn_store_item all[ITEMS_MAX + 2 * SESSION_RESULTS_MAX + 2];
	uint8_t row[TAIL_ROW_MAX];
	uint8_t bytes[AUDIT_ENTRY_MAX], results[SESSION_RESULTS_MAX][AUDIT_ENTRY_MAX];
	struct audit_entry now;
	size_t judged = 0;

	if (count > ITEMS_MAX)
		return CSN_E_TOO_BIG;
	int filled = session_entry(call->s, AUDIT_APPRAISE, &now);
	if (filled == CSN_OK)
		filled = session_results_items(call->s, &now, results, all, &judged);
	if (filled < 0)
		return filled;
	if (count > 0)
		memcpy(all + judged, items, count * sizeof *items);
	count += judged;
	call->s->wrote = call->s->wrote || judged > 0 || entry == NULL;
	if (entry == NULL && parts->tail != NULL && parts->tail->live) {
		tail_break(parts->tail); /* the ceremony's own entry comes last */
		int r = tail_item(parts->tail, row, &all[count++]);

		if (r < 0)
			return r;
	}
	if (entry != NULL) {
		int r = entry_items(call->s, *entry, bytes, row, all, &count);

		if (r < 0)
			return r;
	}
	struct csn_op *op = session_op(call, "store: commit", COMMIT_MS,
				       parts->store->cancel, parts->store_self);
	if (op == NULL)
		return CSN_E_NOMEM;
	int r = session_op_started(
		call, parts->store->commit(parts->store_self, op, all, count));
	csn_wipe(all, sizeof all);
	session_results_done(call->s); /* the store has them, or is broken    */
	return r;
}

/* ---- what is not settled ------------------------------------------------------ */

/*
 * The row that says so, or that it is settled now.  @entry has what it is made of;
 * @buf of UNSETTLED_ROW_MAX bytes holds the value.
 */
static int
unsettled_item(const struct audit_entry *entry, uint8_t *buf,
	       struct csn_store_item *ret_item)
{
	struct unsettled row = { .outcome = entry->outcome,
				 .code = entry->code,
				 .unix_s = entry->unix_s,
				 .has_did = entry->has[AUDIT_DID] };
	bool settled = entry->outcome == CSN_OUTCOME_ENROLLED ||
		       entry->outcome == CSN_OUTCOME_REFUSED;

	memcpy(row.did, entry->field[AUDIT_DID], sizeof row.did);
	*ret_item = (struct csn_store_item){
		.kind = settled ? CSN_ITEM_DELETE : CSN_ITEM_PUT,
		.space = UNSETTLED_SPACE,
		.key = { entry->field[AUDIT_SID], 16 },
	};
	return settled ? CSN_OK : unsettled_encode(&row, buf, &ret_item->value);
}

int
session_record_end(struct call *call)
{
	struct session *s = call->s;
	struct csn_store_item item;
	struct audit_entry entry;
	uint8_t row[UNSETTLED_ROW_MAX];
	int r = session_entry(s, AUDIT_END, &entry);

	if (r < 0)
		return r;
	entry.outcome = s->outcome;
	entry.code = s->code;
	memcpy(entry.reason, s->reason, sizeof entry.reason);
	/* Asked once more and none the wiser: the row says all there is to say. */
	bool news = s->unsettled && entry.has[AUDIT_SID] &&
		    !(s->resumed && s->outcome == CSN_OUTCOME_UNKNOWN);
	if (news)
		r = unsettled_item(&entry, row, &item);
	return r < 0 ? r : session_store(call, &item, news, &entry);
}

/* ---- commit ----------------------------------------------------------------- */

bool
session_store_failed(int result)
{
	return result < 0 && result != CSN_E_REFUSED && result != CSN_E_BUSY;
}

static void
committed(struct call *call, int result, struct csn_buf *buf)
{
	struct session *s = call->s;

	(void)buf;
	s->store_broken = s->store_broken || session_store_failed(result);
	s->effects = s->effects ||
		     (result == CSN_OK && s->authorised && s->side == CSN_SIDE_DEVICE);
	s->unsettled = s->unsettled || (result == CSN_OK && call->yes);
	session_answer(call, result, NULL);
}

int
session_commit(struct csn_session *pub, uint32_t id, const struct csn_store_item *items,
	       size_t count)
{
	struct session *s = (struct session *)pub;
	struct csn_store_item all[ITEMS_MAX];
	struct audit_entry entry;
	uint8_t row[UNSETTLED_ROW_MAX];
	bool own = false;

	if (s->closing || id == 0 || count == 0 || items == NULL)
		return CSN_E_INVALID;
	if (count >= ITEMS_MAX)
		return CSN_E_TOO_BIG;
	if (s->store_broken)
		return CSN_E_IO;
	for (size_t i = 0; i < count; i++)
		own = own || items[i].kind == CSN_ITEM_AUDIT;
	struct call *call = session_call_new(s, id, CSN_EVENT_COMMITTED);
	if (call == NULL)
		return CSN_E_INVALID;
	call->then = committed;
	int r = session_entry(s, AUDIT_COMMIT, &entry);
	memcpy(all, items, count * sizeof *items);
	/* From this commit on an offer may leave, and what came of it be lost. */
	call->yes = r == CSN_OK && s->authorised && s->side == CSN_SIDE_STATION &&
		    !s->unsettled && entry.has[AUDIT_SID];
	if (call->yes)
		r = unsettled_item(&entry, row, &all[count++]);
	if (r == CSN_OK)
		r = session_store(call, all, count, own ? NULL : &entry);
	csn_wipe(all, sizeof all);
	if (r < 0) { /* a ceremony that goes on all the same gets nowhere     */
		s->store_broken = true;
		session_call_drop(s, call);
	}
	return r;
}
