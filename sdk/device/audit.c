/* The device's audit entry as dCBOR: a map, keys in the order of their encoding. */
#include "device/device.h"

#include "lib/dcbor.h"

static const char *const names[] = {
	[CSN_DEVICE_ACCEPT]  = "accepted",
	[CSN_DEVICE_REFUSE]  = "refused",
	[CSN_DEVICE_RELEASE] = "released",
};

static bool
known(const uint8_t *id, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (id[i] != 0)
			return true;
	}
	return false;
}

/* A key and its bytes, null where nothing was known yet. */
static void
put_id(struct csn_dcbor_out *out, const char *key, const uint8_t *id, size_t len)
{
	csn_dcbor_put_text(out, key);
	csn_dcbor_put_hash(out, known(id, len) ? id : NULL, len);
}

int
csn_device_audit_encode(const struct csn_device_audit *audit, uint8_t *out, size_t cap,
                        size_t *ret_len)
{
	struct csn_dcbor_out dcbor;
	struct csn_bytes     done;

	if (audit->what >= sizeof names / sizeof names[0] || names[audit->what] == NULL)
		return CSN_E_INVALID;

	csn_dcbor_out_init(&dcbor, out, cap);
	csn_dcbor_put_map(&dcbor, 8);
	put_id(&dcbor, "t1", audit->t1, sizeof audit->t1);
	put_id(&dcbor, "did", audit->did, sizeof audit->did);
	put_id(&dcbor, "sid", audit->sid, sizeof audit->sid);
	csn_dcbor_put_text(&dcbor, "code");
	csn_dcbor_put_uint(&dcbor, audit->code);
	csn_dcbor_put_text(&dcbor, "mode");
	csn_dcbor_put_uint(&dcbor, audit->mode);
	put_id(&dcbor, "skid", audit->skid, sizeof audit->skid);
	csn_dcbor_put_text(&dcbor, "what");
	csn_dcbor_put_text(&dcbor, names[audit->what]);
	csn_dcbor_put_text(&dcbor, "repeats");
	csn_dcbor_put_uint(&dcbor, audit->repeats);

	int r = csn_dcbor_out_end(&dcbor, &done);
	if (r < 0)
		return r;
	*ret_len = done.len;
	return CSN_OK;
}
