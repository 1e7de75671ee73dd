#include "lib/body.h"

static struct csn_bytes
string_at(struct csn_bytes map, uint64_t key, bool text)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, csn_map_get(map, key));
	return text ? csn_dcbor_text(&in, 0, SIZE_MAX) : csn_dcbor_bytes(&in, 0, SIZE_MAX);
}

int
csn_attachment_parse(struct csn_bytes row, struct csn_attachment_row *ret_row)
{
	struct csn_dcbor_in       in;
	struct csn_attachment_row out = { 0 };

	if (csn_dcbor_check(row) < 0)
		return CSN_CODE_BODY_SYNTAX;
	out.id = string_at(row, 1, false);
	csn_dcbor_in_init(&in, csn_map_get(row, 2));
	out.length            = (uint32_t)csn_dcbor_uint(&in, UINT32_MAX);
	struct csn_bytes hash = string_at(row, 3, false);
	out.hash              = hash.ptr;
	out.key               = string_at(row, 4, false);
	out.kind              = string_at(row, 5, true);
	if (out.id.len < 1 || out.id.len > 32 || out.length == 0 ||
	    hash.len != CSN_HASH_LEN || (out.key.len != 16 && out.key.len != 32))
		return CSN_CODE_BODY_SYNTAX;
	*ret_row = out;
	return 0;
}

static bool
view_revoked(struct csn_body_view *view)
{
	struct csn_bytes    list = csn_map_get(view->credentials, 4);
	struct csn_dcbor_in in;

	if (list.len == 0)
		return true;
	csn_dcbor_in_init(&in, list);
	view->revoked_len = csn_dcbor_array(&in, 1, CSN_REVOKED_MAX);
	for (size_t i = 0; i < view->revoked_len && !in.bad; i++)
		view->revoked[i] = csn_dcbor_bytes(&in, CSN_ID_LEN, CSN_ID_LEN).ptr;
	return csn_dcbor_in_end(&in) == CSN_OK;
}

static bool
view_attachments(struct csn_body_view *view, struct csn_bytes list)
{
	struct csn_dcbor_in in;

	if (list.len == 0)
		return true;
	csn_dcbor_in_init(&in, list);
	view->attachments_len = csn_dcbor_array(&in, 1, 8);
	for (size_t i = 0; i < view->attachments_len && !in.bad; i++)
		if (csn_attachment_parse(csn_dcbor_item(&in), &view->attachments[i]) != 0)
			return false;
	return csn_dcbor_in_end(&in) == CSN_OK;
}

int
csn_body_view(struct csn_bytes body, struct csn_body_view *ret_view)
{
	struct csn_body_view view = { 0 };

	if (csn_dcbor_check(body) < 0)
		return CSN_CODE_BODY_SYNTAX;
	view.device      = csn_map_get(body, 1);
	view.credentials = csn_map_get(body, 2);
	view.config      = csn_map_get(body, 3);
	view.firmware    = csn_map_get(body, 4);
	view.policies    = csn_map_get(body, 5);
	view.session     = csn_map_get(body, 6);
	view.checkpoint  = csn_map_get(view.session, 4);
	view.operator_id = string_at(view.session, 5, true);
	view.fw_object   = string_at(view.firmware, 1, false);
	view.fw_att_id   = string_at(view.firmware, 2, false);
	view.roles       = csn_map_get(csn_map_get(view.policies, 2), 1);
	bool ok = view_revoked(&view) && view_attachments(&view, csn_map_get(body, 7));
	if (ok)
		*ret_view = view;
	csn_wipe(&view, sizeof view);
	return ok ? 0 : CSN_CODE_BODY_SYNTAX;
}

int
csn_body_firmware_ref(const struct csn_body_view *view, const struct csn_fw_payload *fw)
{
	if (view->fw_att_id.len == 0)
		return 0;
	for (size_t i = 0; i < view->attachments_len; i++) {
		const struct csn_attachment_row *row = &view->attachments[i];
		if (!csn_same(row->id, view->fw_att_id))
			continue;
		bool same = row->length == fw->length &&
		            csn_same_n(row->hash, fw->digest, CSN_HASH_LEN);
		return same ? 0 : CSN_CODE_BODY_REF;
	}
	return CSN_CODE_BODY_REF;
}

int
csn_body_join(struct csn_dcbor_out *out, struct csn_bytes record,
              struct csn_bytes device, struct csn_bytes session)
{
	struct csn_dcbor_in in;
	bool                session_put = false;

	if (csn_dcbor_check(record) < 0)
		return CSN_E_PROTOCOL;
	csn_dcbor_in_init(&in, record);
	if (csn_dcbor_peek(&in) != CSN_DCBOR_MAP || csn_map_get(record, 1).len != 0 ||
	    csn_map_get(record, 6).len != 0)
		return CSN_E_PROTOCOL;
	size_t n = csn_dcbor_map(&in, 0, CSN_DCBOR_ITEMS_MAX);
	csn_dcbor_put_map(out, n + 2);

	/* Ascending bytewise: 0, then 1, then up to 5, then 6, then the rest. */
	bool device_put = false;
	for (size_t i = 0; i < n && !in.bad; i++) {
		uint8_t first = *in.pos;
		if (first > 1 && !device_put) {
			csn_dcbor_put_uint(out, 1);
			csn_dcbor_put_item(out, device);
			device_put = true;
		}
		if (first > 6 && !session_put) {
			csn_dcbor_put_uint(out, 6);
			csn_dcbor_put_item(out, session);
			session_put = true;
		}
		csn_dcbor_put_raw(out, csn_dcbor_item(&in));
		csn_dcbor_put_raw(out, csn_dcbor_item(&in));
	}
	if (!device_put) {
		csn_dcbor_put_uint(out, 1);
		csn_dcbor_put_item(out, device);
	}
	if (!session_put) {
		csn_dcbor_put_uint(out, 6);
		csn_dcbor_put_item(out, session);
	}
	return in.bad ? CSN_E_PROTOCOL : CSN_OK;
}
