#include "dice.h"

#include "lib/cert.h"
#include "lib/csgn1.h"

#define SERIAL_MAX 20

static const uint8_t version_3[] = { 0xa0, 0x03, 0x02, 0x01, 0x02 };

/* Signature algorithms to the byte. */
static const struct {
	enum csn_sig_alg alg;
	size_t           len;
	uint8_t          der[15];
} algs[] = {
	{ CSN_SIG_EDDSA, 7, { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 } },
	{ CSN_SIG_ECDSA_SHA256, 12,
	  { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 } },
	{ CSN_SIG_ECDSA_SHA384, 12,
	  { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 } },
	{ CSN_SIG_ECDSA_SHA512, 12,
	  { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 } },
	{ CSN_SIG_RSA_SHA256, 15,
	  { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05,
	    0x00 } },
	{ CSN_SIG_RSA_SHA384, 15,
	  { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c, 0x05,
	    0x00 } },
	{ CSN_SIG_RSA_SHA512, 15,
	  { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d, 0x05,
	    0x00 } },
};

static enum csn_sig_alg
alg_of(struct csn_bytes der)
{
	for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
		if (der.len == algs[i].len && memcmp(der.ptr, algs[i].der, der.len) == 0)
			return algs[i].alg;
	return CSN_SIG_NONE;
}

/* An extension's reader: what it says goes to the layer. */
struct reading {
	struct dice_layer *layer;
	struct csn_cert    cert; /* ca, path length, usage                          */
};

static bool
read_ski(struct csn_bytes value, struct reading *r)
{
	struct csn_der at;

	csn_der_init(&at, value);
	r->layer->ski = csn_der_take(&at, CSN_DER_OCTET_STRING);
	return csn_der_end(&at) == CSN_OK && r->layer->ski.len > 0;
}

/* keyIdentifier [0]; issuer [1] and serial [2] are taken and not judged. */
static bool
read_aki(struct csn_bytes value, struct reading *r)
{
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der in = csn_der_open(&at, CSN_DER_SEQUENCE);
	if (csn_der_next(&in, 0x80))
		r->layer->aki = csn_der_take(&in, 0x80);
	if (csn_der_next(&in, 0xa1))
		csn_der_skip(&in);
	if (csn_der_next(&in, 0x82))
		csn_der_skip(&in);
	return csn_der_end(&in) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

static bool
read_basic(struct csn_bytes value, struct reading *r)
{
	struct csn_der at;

	csn_der_init(&at, value);
	csn_cert_take_basic(&at, &r->cert);
	return csn_der_end(&at) == CSN_OK;
}

static bool
read_usage(struct csn_bytes value, struct reading *r)
{
	struct csn_der at;

	csn_der_init(&at, value);
	csn_cert_take_usage(&at, &r->cert);
	return csn_der_end(&at) == CSN_OK;
}

/* A list of OIDs; only SPDM's two roles mean something here. */
static bool
read_eku(struct csn_bytes value, struct reading *r)
{
	static const uint8_t spdm[] = { 0x2b, 0x06, 0x01, 0x04, 0x01,
		                        0x83, 0x1c, 0x82, 0x12 }; /* and 3 or 4 */
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der list = csn_der_open(&at, CSN_DER_SEQUENCE);
	do {
		struct csn_bytes oid = csn_der_take(&list, CSN_DER_OID);
		if (oid.len != sizeof spdm + 1 || memcmp(oid.ptr, spdm, sizeof spdm) != 0)
			continue;
		uint8_t last = oid.ptr[sizeof spdm];
		r->layer->spdm_roles |= last == 3 ? DICE_SPDM_RESPONDER :
		                        last == 4 ? DICE_SPDM_REQUESTER :
		                                    0u;
	} while (csn_der_more(&list));
	return csn_der_end(&list) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

/* otherName with RIoT's composite device id is read; other names are only walked. */
static bool
read_san(struct csn_bytes value, struct reading *r)
{
	static const uint8_t riot[] = { 0x67, 0x81, 0x05, 0x05, 0x04, 0x01 };
	struct csn_der at;

	csn_der_init(&at, value);
	struct csn_der list = csn_der_open(&at, CSN_DER_SEQUENCE);
	do {
		if (!csn_der_next(&list, 0xa0)) {
			csn_der_skip(&list);
			continue;
		}
		struct csn_der   name = csn_der_open(&list, 0xa0);
		struct csn_bytes oid = csn_der_take(&name, CSN_DER_OID);
		struct csn_bytes what = { name.pos, (size_t)(name.end - name.pos) };
		if (name.bad)
			return false;
		if (oid.len == sizeof riot && memcmp(oid.ptr, riot, sizeof riot) == 0 &&
		    !dice_read_riot(what, r->layer))
			return false;
	} while (csn_der_more(&list));
	return csn_der_end(&list) == CSN_OK && csn_der_end(&at) == CSN_OK;
}

static bool
read_tcb(struct csn_bytes value, struct reading *r)
{
	if (r->layer->tcb_count > 0)
		return false;
	r->layer->tcb_count = 1;
	return dice_read_tcb(value, &r->layer->tcb[0]);
}

static bool
read_multi(struct csn_bytes value, struct reading *r)
{
	return r->layer->tcb_count == 0 && dice_read_multi(value, r->layer);
}

static bool
read_ueid(struct csn_bytes value, struct reading *r)
{
	return dice_read_ueid(value, &r->layer->ueid);
}

static bool
read_input(struct csn_bytes value, struct reading *r)
{
	return dice_read_input(value, r->layer);
}

/* Extensions that may be critical, each with its reader; an unknown one may not. */
static const struct known {
	uint8_t     len, oid[10];
	bool        dice;
	bool (*read)(struct csn_bytes value, struct reading *r);
	const char *why;
} known[] = {
	{ 3, { 0x55, 0x1d, 0x0e }, false, read_ski, "dice.x509.ski" },
	{ 3, { 0x55, 0x1d, 0x0f }, false, read_usage, "dice.x509.usage" },
	{ 3, { 0x55, 0x1d, 0x11 }, false, read_san, "dice.x509.san" },
	{ 3, { 0x55, 0x1d, 0x13 }, false, read_basic, "dice.x509.basic" },
	{ 3, { 0x55, 0x1d, 0x23 }, false, read_aki, "dice.x509.aki" },
	{ 3, { 0x55, 0x1d, 0x25 }, false, read_eku, "dice.x509.eku" },
	{ 6, { 0x67, 0x81, 0x05, 0x05, 0x04, 0x01 }, true, read_tcb, "dice.tcb.syntax" },
	{ 6, { 0x67, 0x81, 0x05, 0x05, 0x04, 0x04 }, true, read_ueid, "dice.ueid.syntax" },
	{ 6, { 0x67, 0x81, 0x05, 0x05, 0x04, 0x05 }, true, read_multi, "dice.tcb.syntax" },
	{ 10, { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x18 }, true, read_input,
	  "dice.input.syntax" },
};
#define KNOWN (sizeof known / sizeof *known)

static const struct known *
find_known(struct csn_bytes oid)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (oid.len == known[i].len && memcmp(oid.ptr, known[i].oid, oid.len) == 0)
			return &known[i];
	return NULL;
}

/* NULL, or the reason. */
static const char *
take_extensions(struct csn_der *tbs, struct reading *r)
{
	struct csn_der outer = csn_der_open(tbs, CSN_DER_EXTENSIONS);
	struct csn_der list = csn_der_open(&outer, CSN_DER_SEQUENCE);
	struct csn_der all = list;

	do {
		const uint8_t      *start = list.pos;
		struct csn_cert_ext ext = csn_cert_take_ext(&list);
		if (list.bad || csn_cert_ext_before(all, start, ext.oid))
			return "dice.x509.extensions";
		const struct known *k = find_known(ext.oid);
		if (k == NULL && ext.critical)
			return "dice.x509.critical";
		if (k != NULL && !k->read(ext.value, r))
			return k->why;
	} while (csn_der_more(&list));
	return csn_der_end(&list) == CSN_OK && csn_der_end(&outer) == CSN_OK ?
	               NULL :
	               "dice.x509.extensions";
}

/* The part that is signed, but for its extensions. */
static bool
take_tbs(struct csn_der *tbs, struct dice_layer *layer)
{
	csn_der_expect(tbs, CSN_BYTES_OF(version_3));
	struct csn_der   serial_at = *tbs;
	struct csn_bytes serial = csn_der_unsigned(tbs);
	bool bad = serial.len == 0 || csn_der_take(&serial_at, CSN_DER_INTEGER).len > SERIAL_MAX;
	layer->alg = alg_of(csn_der_take_raw(tbs, CSN_DER_SEQUENCE));
	layer->issuer = csn_cert_take_name(tbs);
	struct csn_der validity = csn_der_open(tbs, CSN_DER_SEQUENCE);
	layer->not_before = csn_cert_take_time(&validity) + CSN_STAMP_EPOCH;
	layer->not_after = csn_cert_take_time(&validity) + CSN_STAMP_EPOCH;
	layer->subject = csn_cert_take_name(tbs);
	layer->spki = csn_der_take_raw(tbs, CSN_DER_SEQUENCE);
	return !bad && !tbs->bad && csn_der_end(&validity) == CSN_OK;
}

static const char *
take_cert(struct csn_bytes der, struct dice_layer *layer)
{
	struct reading r = { .layer = layer };
	struct csn_der at, in;

	csn_der_init(&at, der);
	struct csn_der outer = csn_der_open(&at, CSN_DER_SEQUENCE);
	layer->tbs = csn_der_take_raw(&outer, CSN_DER_SEQUENCE);
	csn_der_init(&in, layer->tbs);
	struct csn_der tbs = csn_der_open(&in, CSN_DER_SEQUENCE);
	if (!take_tbs(&tbs, layer))
		return "dice.x509.syntax";
	if (layer->alg == CSN_SIG_NONE ||
	    alg_of(csn_der_take_raw(&outer, CSN_DER_SEQUENCE)) != layer->alg)
		return "dice.x509.algorithm";
	struct csn_bytes bits = csn_der_take(&outer, CSN_DER_BIT_STRING);
	if (csn_der_end(&outer) < 0 || csn_der_end(&at) < 0 || bits.len < 2 || bits.ptr[0] != 0)
		return "dice.x509.syntax";
	layer->sig = (struct csn_bytes){ bits.ptr + 1, bits.len - 1 };
	const char *why = csn_der_more(&tbs) ? take_extensions(&tbs, &r) : NULL;
	if (why == NULL && csn_der_end(&tbs) < 0)
		why = "dice.x509.syntax";
	layer->ca = r.cert.ca;
	layer->has_path_len = r.cert.has_path_len;
	layer->path_len = r.cert.path_len;
	layer->key_usage = r.cert.key_usage;
	return why;
}

int
dice_layer_x509(struct csn_bytes der, unsigned at, struct dice_layer *layer,
                struct csn_verdict *verdict)
{
	const char *why = NULL;

	*layer = (struct dice_layer){ .form = DICE_X509, .raw = der };
	if (der.len > DICE_CERT_MAX)
		why = "dice.x509.size";
	if (why == NULL)
		why = take_cert(der, layer);
	if (why != NULL)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, why, at, CSN_TRUST_INSTANCE,
		                   "", "a certificate of the profile");
	int r = csn_pubkey_from_spki(layer->spki, &layer->key, &why);
	if (r == CSN_E_PROTOCOL)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.key", at,
		                   CSN_TRUST_INSTANCE, why, "a key on a named curve");
	return r;
}

int
dice_read_x509(const struct csn_bytes *certs, size_t count, struct dice_chain *chain,
               struct csn_verdict *verdict)
{
	chain->form = DICE_X509;
	if (count < 1 || count > DICE_LAYERS_MAX)
		return dice_refuse(verdict, CSN_CODE_UNRECOGNISED, "dice.length", 0,
		                   CSN_TRUST_INSTANCE, "", "a chain of 1 to 16");
	for (size_t i = 0; i < count; i++) {
		struct dice_layer *layer = &chain->layers[chain->count++];
		int r = dice_layer_x509(certs[i], (unsigned)i, layer, verdict);
		if (r < 0)
			return r;
	}
	return CSN_OK;
}
