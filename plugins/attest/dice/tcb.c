#include "dice.h"

#include "lib/der.h"

/* Context tags of DiceTcbInfo, all implicit. */
enum {
	TCB_VENDOR = 0x80, TCB_MODEL, TCB_VERSION, TCB_SVN, TCB_LAYER, TCB_INDEX,
	TCB_FWIDS = 0xa6, TCB_FLAGS = 0x87, TCB_VENDOR_INFO, TCB_TYPE, TCB_MASK,
	TCB_REGISTERS = 0xab,
};

static const struct {
	uint8_t  oid[9];
	unsigned alg;
	size_t   len;
} hashes[] = {
	{ { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 }, DICE_SHA256, 32 },
	{ { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 }, DICE_SHA384, 48 },
	{ { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03 }, DICE_SHA512, 64 },
};

/* FWID: a hash we know and a digest of its length. */
static bool
read_fwid(struct csn_der *list, struct dice_fwid *ret_fwid)
{
	struct csn_der   at = csn_der_open(list, CSN_DER_SEQUENCE);
	struct csn_bytes oid = csn_der_take(&at, CSN_DER_OID);
	struct csn_bytes digest = csn_der_take(&at, CSN_DER_OCTET_STRING);

	if (csn_der_end(&at) < 0 || oid.len != sizeof hashes[0].oid)
		return false;
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		if (memcmp(oid.ptr, hashes[i].oid, oid.len) == 0 && digest.len == hashes[i].len) {
			*ret_fwid = (struct dice_fwid){ hashes[i].alg, digest };
			return true;
		}
	return false;
}

static bool
read_fwids(struct csn_der *in, struct dice_tcb *tcb)
{
	struct csn_der list = csn_der_open(in, TCB_FWIDS);

	do {
		if (tcb->fwid_count == DICE_FWIDS_MAX ||
		    !read_fwid(&list, &tcb->fwids[tcb->fwid_count]))
			return false;
		tcb->fwid_count++;
	} while (csn_der_more(&list));
	return csn_der_end(&list) == CSN_OK;
}

/* An unsigned INTEGER of at most 63 bits under a tag of its own. */
static bool
read_number(struct csn_der *in, uint8_t tag, uint64_t *ret_value)
{
	struct csn_bytes n = csn_der_take(in, tag);
	uint64_t         value = 0;

	if (n.len < 1 || n.len > 8 || n.ptr[0] >= 0x80 ||
	    (n.len > 1 && n.ptr[0] == 0 && n.ptr[1] < 0x80))
		return false;
	for (size_t i = 0; i < n.len; i++)
		value = value << 8 | n.ptr[i];
	*ret_value = value;
	return true;
}

/* Named bits, shortest or of fixed width; a bit we do not know is kept. */
static bool
read_bits(struct csn_der *in, uint8_t tag, uint32_t *ret_bits)
{
	struct csn_bytes b = csn_der_take(in, tag);
	uint32_t         bits = 0;

	if (b.len < 1 || b.len > 5 || b.ptr[0] > 7 || (b.len == 1 && b.ptr[0] != 0))
		return false;
	unsigned unused = b.ptr[0];
	if (b.len > 1 && (b.ptr[b.len - 1] & ((1u << unused) - 1)) != 0)
		return false;
	for (size_t i = 0; i < 8 * (b.len - 1); i++)
		if ((b.ptr[1 + i / 8] & (0x80u >> i % 8)) != 0)
			bits |= (uint32_t)1 << i;
	*ret_bits = bits;
	return true;
}

/* Text that ends where it is printed would say less than was signed. */
static bool
read_text(struct csn_der *in, uint8_t tag, struct csn_bytes *ret_text)
{
	*ret_text = csn_der_take(in, tag);
	return ret_text->len > 0 && memchr(ret_text->ptr, 0, ret_text->len) == NULL;
}

/* The members in their order; each is there at most once, so a wrong order is left over. */
static bool
read_members(struct csn_der *in, struct dice_tcb *tcb)
{
	bool good = true;

	if (csn_der_next(in, TCB_VENDOR))
		good = good && read_text(in, TCB_VENDOR, &tcb->vendor);
	if (csn_der_next(in, TCB_MODEL))
		good = good && read_text(in, TCB_MODEL, &tcb->model);
	if (csn_der_next(in, TCB_VERSION))
		good = good && read_text(in, TCB_VERSION, &tcb->version);
	tcb->has_svn = csn_der_next(in, TCB_SVN);
	if (tcb->has_svn)
		good = good && read_number(in, TCB_SVN, &tcb->svn);
	tcb->has_layer = csn_der_next(in, TCB_LAYER);
	if (tcb->has_layer)
		good = good && read_number(in, TCB_LAYER, &tcb->layer);
	tcb->has_index = csn_der_next(in, TCB_INDEX);
	if (tcb->has_index)
		good = good && read_number(in, TCB_INDEX, &tcb->index);
	if (csn_der_next(in, TCB_FWIDS))
		good = good && read_fwids(in, tcb);
	tcb->has_flags = csn_der_next(in, TCB_FLAGS);
	if (tcb->has_flags)
		good = good && read_bits(in, TCB_FLAGS, &tcb->flags);
	if (csn_der_next(in, TCB_VENDOR_INFO))
		tcb->vendor_info = csn_der_take(in, TCB_VENDOR_INFO);
	if (csn_der_next(in, TCB_TYPE))
		tcb->type = csn_der_take(in, TCB_TYPE);
	tcb->has_mask = csn_der_next(in, TCB_MASK);
	if (tcb->has_mask)
		good = good && read_bits(in, TCB_MASK, &tcb->mask);
	if (csn_der_next(in, TCB_REGISTERS))
		csn_der_skip(in);
	return good;
}

static bool
read_one(struct csn_der *in, struct dice_tcb *ret_tcb)
{
	struct dice_tcb tcb = { 0 };
	struct csn_der  at = csn_der_open(in, CSN_DER_SEQUENCE);

	if (!csn_der_more(&at) || !read_members(&at, &tcb) || csn_der_end(&at) < 0)
		return false;
	/* A flag the mask does not speak of says nothing; nothing may hide so. */
	if (tcb.has_mask && (tcb.flags & ~tcb.mask) != 0)
		return false;
	*ret_tcb = tcb;
	return true;
}

bool
dice_read_tcb(struct csn_bytes value, struct dice_tcb *ret_tcb)
{
	struct csn_der at;

	csn_der_init(&at, value);
	return read_one(&at, ret_tcb) && csn_der_end(&at) == CSN_OK;
}

bool
dice_read_multi(struct csn_bytes value, struct dice_layer *layer)
{
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der list = csn_der_open(&at, CSN_DER_SEQUENCE);
	do {
		if (layer->tcb_count == DICE_TCB_MAX ||
		    !read_one(&list, &layer->tcb[layer->tcb_count]))
			return false;
		layer->tcb_count++;
	} while (csn_der_more(&list));
	return csn_der_end(&list) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

bool
dice_read_ueid(struct csn_bytes value, struct csn_bytes *ret_ueid)
{
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der   outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	struct csn_bytes ueid = csn_der_take(&outer, CSN_DER_OCTET_STRING);
	/* RFC 9711: a type byte and an id; 33 bytes at most. */
	if (csn_der_end(&outer) < 0 || csn_der_end(&at) < 0 || ueid.len < 7 || ueid.len > 33)
		return false;
	*ret_ueid = ueid;
	return true;
}

/* An explicit tag around an OCTET STRING. */
static struct csn_bytes
take_explicit(struct csn_der *in, uint8_t tag)
{
	struct csn_bytes value = CSN_BYTES_NONE;

	if (!csn_der_next(in, tag))
		return value;
	struct csn_der at = csn_der_open(in, tag);
	value = csn_der_take(&at, CSN_DER_OCTET_STRING);
	if (csn_der_end(&at) < 0)
		in->bad = true;
	return value;
}

bool
dice_read_input(struct csn_bytes value, struct dice_layer *layer)
{
	enum { ENUMERATED = 0x0a, UTF8 = 0x0c };
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der in = csn_der_open(&at, CSN_DER_SEQUENCE);
	layer->has_input = true;
	layer->code_hash = take_explicit(&in, 0xa0);
	take_explicit(&in, 0xa1);
	layer->config_hash = take_explicit(&in, 0xa2);
	layer->config_desc = take_explicit(&in, 0xa3);
	layer->authority_hash = take_explicit(&in, 0xa4);
	take_explicit(&in, 0xa5);
	layer->has_mode = csn_der_next(&in, 0xa6);
	if (layer->has_mode) {
		struct csn_der   mode_at = csn_der_open(&in, 0xa6);
		struct csn_bytes mode = csn_der_take(&mode_at, ENUMERATED);
		if (csn_der_end(&mode_at) < 0 || mode.len != 1)
			return false;
		layer->mode = mode.ptr[0];
	}
	if (csn_der_next(&in, 0xa7)) {
		struct csn_der name = csn_der_open(&in, 0xa7);
		csn_der_take(&name, UTF8);
		if (csn_der_end(&name) < 0)
			return false;
	}
	return csn_der_end(&in) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

/* CompositeDeviceID of RIoT: version 1, the device id key, an FWID. */
bool
dice_read_riot(struct csn_bytes value, struct dice_layer *layer)
{
	static const uint8_t version_1[] = { 0x02, 0x01, 0x01 };
	struct csn_der   at;
	struct dice_fwid fwid;

	csn_der_init(&at, value);
	struct csn_der in = csn_der_open(&at, CSN_DER_SEQUENCE);
	csn_der_expect(&in, CSN_BYTES_OF(version_1));
	layer->riot_device = csn_der_take_raw(&in, CSN_DER_SEQUENCE);
	if (!read_fwid(&in, &fwid) || csn_der_end(&in) < 0 || csn_der_end(&at) < 0)
		return false;
	layer->riot_fwid = fwid.digest;
	return true;
}
