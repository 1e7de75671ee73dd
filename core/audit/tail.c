#include "core/audit/tail.h"

#include "lib/dcbor.h"

#include <countersign/ceremony.h>
#include <string.h>

const struct csn_bytes tail_key = { (const uint8_t *)"end", 3 };

static bool
same(const struct tail *tail, const struct audit_entry *entry)
{
	return tail->live && tail->code == entry->code &&
	       strcmp(tail->reason, entry->reason) == 0 &&
	       tail->has_did == entry->has[AUDIT_DID] &&
	       (!tail->has_did ||
		memcmp(tail->did, entry->field[AUDIT_DID], sizeof tail->did) == 0);
}

bool
tail_take(struct tail *tail, struct audit_entry *entry, bool alone)
{
	bool refusal = alone && entry->what == AUDIT_END &&
		       entry->outcome == CSN_OUTCOME_REFUSED;

	if (refusal && same(tail, entry)) {
		tail->repeats++;
		return true;
	}
	entry->repeats = tail->repeats;
	*tail = (struct tail){ .live = refusal,
			       .code = entry->code,
			       .has_did = entry->has[AUDIT_DID] };
	memcpy(tail->reason, entry->reason, sizeof tail->reason);
	memcpy(tail->did, entry->field[AUDIT_DID], sizeof tail->did);
	return false;
}

void
tail_break(struct tail *tail)
{
	tail->live = false;
}

int
tail_item(const struct tail *tail, uint8_t *buf, struct csn_store_item *ret_item)
{
	struct csn_store_item item = { .kind = CSN_ITEM_PUT, .space = TAIL_SPACE,
				       .key = tail_key };
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, TAIL_ROW_MAX);
	csn_dcbor_put_array(&out, 5);
	csn_dcbor_put_bool(&out, tail->live);
	csn_dcbor_put_uint(&out, tail->code);
	csn_dcbor_put_text(&out, tail->reason);
	csn_dcbor_put_hash(&out, tail->has_did ? tail->did : NULL, sizeof tail->did);
	csn_dcbor_put_uint(&out, tail->repeats);
	int r = csn_dcbor_out_end(&out, &item.value);
	if (r == CSN_OK)
		*ret_item = item;
	return r;
}

int
tail_decode(struct csn_bytes bytes, struct tail *ret_tail)
{
	struct tail tail = { .live = false };
	struct csn_dcbor_in in;
	int r = csn_dcbor_check(bytes);

	if (r < 0)
		return r;
	csn_dcbor_in_init(&in, bytes);
	csn_dcbor_array(&in, 5, 5);
	tail.live = csn_dcbor_bool(&in);
	tail.code = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	struct csn_bytes reason = csn_dcbor_text(&in, 0, sizeof tail.reason - 1);
	tail.has_did = !csn_dcbor_null(&in);
	if (tail.has_did)
		csn_dcbor_copy(&in, tail.did, sizeof tail.did);
	tail.repeats = csn_dcbor_uint(&in, UINT64_MAX);
	r = csn_dcbor_in_end(&in);
	if (r < 0)
		return r;
	if (reason.len > 0)
		memcpy(tail.reason, reason.ptr, reason.len);
	*ret_tail = tail;
	return CSN_OK;
}
