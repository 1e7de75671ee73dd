#include "lib/cose.h"

#include "lib/csgn1.h"

#define LABEL_X5CHAIN 33

/* {1: alg} and nothing else. */
static const uint8_t protect_of[][3] = {
	[CSN_SUITE_X25519] = { 0xa1, 0x01, 0x27 },
	[CSN_SUITE_P256]   = { 0xa1, 0x01, 0x26 },
};

static struct csn_bytes
protect(unsigned suite)
{
	return CSN_BYTES_OF(protect_of[suite]);
}

void
csn_cose_read(struct csn_dcbor_in *in, struct csn_cose *ret_cose)
{
	struct csn_cose     cose = { 0 };
	struct csn_dcbor_in at;

	cose.raw = csn_dcbor_item(in);
	csn_dcbor_in_init(&at, cose.raw);
	csn_dcbor_array(&at, 4, 4);
	cose.protect = csn_dcbor_bytes(&at, 0, SIZE_MAX);
	if (csn_dcbor_peek(&at) != CSN_DCBOR_MAP)
		csn_dcbor_fail(&at);
	cose.unprotect = csn_dcbor_item(&at);
	cose.detached  = csn_dcbor_null(&at);
	if (!cose.detached)
		cose.payload = csn_dcbor_bytes(&at, 0, SIZE_MAX);
	cose.sig = csn_dcbor_bytes(&at, CSN_SIG_LEN, CSN_SIG_LEN).ptr;
	if (in->bad || csn_dcbor_in_end(&at) < 0) {
		csn_dcbor_fail(in);
		return;
	}
	*ret_cose = cose;
}

int
csn_cose_parse(struct csn_bytes item, struct csn_cose *ret_cose)
{
	struct csn_dcbor_in in;
	struct csn_cose     cose = { 0 };

	csn_dcbor_in_init(&in, item);
	csn_cose_read(&in, &cose);
	int r = csn_dcbor_in_end(&in);
	if (r == CSN_OK)
		*ret_cose = cose;
	return r;
}

/* x5chain: one certificate is a byte string, two or three an array of them. */
static void
read_chain(struct csn_dcbor_in *in, struct csn_cose *cose)
{
	size_t n = 1;

	if (csn_dcbor_peek(in) == CSN_DCBOR_ARRAY)
		n = csn_dcbor_array(in, 2, CSN_CHAIN_MAX);
	for (size_t i = 0; i < n && !in->bad; i++)
		cose->chain[i] = csn_dcbor_bytes(in, 1, CSN_CERT_MAX);
	cose->chain_len = n;
}

int
csn_cose_headers(struct csn_cose *cose, unsigned suite, enum csn_cose_kind kind)
{
	struct csn_dcbor_in in;

	cose->chain_len = 0;
	if (csn_suite_pk_len(suite) == 0)
		return CSN_E_INVALID;
	if (!csn_same(cose->protect, protect(suite)) ||
	    cose->detached != (kind != CSN_COSE_OBJECT))
		return CSN_E_PROTOCOL;

	csn_dcbor_in_init(&in, cose->unprotect);
	size_t n = kind == CSN_COSE_PLAIN ? 0 : 1;
	csn_dcbor_map(&in, n, n);
	if (n == 1) {
		if (csn_dcbor_uint(&in, LABEL_X5CHAIN) != LABEL_X5CHAIN)
			csn_dcbor_fail(&in);
		read_chain(&in, cose);
	}
	int r = csn_dcbor_in_end(&in);
	if (r < 0)
		cose->chain_len = 0;
	return r;
}

/* Sig_structure but for the payload's own bytes. */
static int
put_prefix(struct csn_dcbor_out *out, unsigned suite, size_t payload_len)
{
	if (csn_suite_pk_len(suite) == 0)
		return CSN_E_INVALID;
	csn_dcbor_put_array(out, 4);
	csn_dcbor_put_text(out, "Signature1");
	csn_dcbor_put_bytes(out, protect(suite));
	csn_dcbor_put_bytes(out, CSN_BYTES_NONE);
	csn_dcbor_put_bytes_head(out, payload_len);
	return CSN_OK;
}

/* What comes before the payload in what is signed, written into @buf. */
static int
prefix_of(unsigned suite, size_t payload_len, uint8_t buf[CSN_COSE_OVERHEAD],
          struct csn_bytes *ret_prefix)
{
	struct csn_dcbor_out out;

	csn_dcbor_out_init(&out, buf, CSN_COSE_OVERHEAD);
	int r = put_prefix(&out, suite, payload_len);
	return r < 0 ? r : csn_dcbor_out_end(&out, ret_prefix);
}

int
csn_cose_verify(const struct csn_crypto *c, const struct csn_cose *cose,
                unsigned suite, struct csn_bytes pk, struct csn_bytes payload)
{
	uint8_t          buf[CSN_COSE_OVERHEAD];
	struct csn_bytes parts[2] = { CSN_BYTES_NONE, payload };
	int              r = prefix_of(suite, payload.len, buf, &parts[0]);

	/* A caller that forgot the header check must not accept other headers. */
	if (r == CSN_OK && !csn_same(cose->protect, protect(suite)))
		r = CSN_E_REFUSED;
	return r < 0 ? r : c->verify(c->self, suite, pk, parts, 2, cose->sig);
}

int
csn_cose_sign(const struct csn_crypto *c, unsigned suite, const uint8_t sk[CSN_SK_LEN],
              struct csn_bytes payload, uint8_t ret_sig[CSN_SIG_LEN])
{
	uint8_t          buf[CSN_COSE_OVERHEAD];
	struct csn_bytes parts[2] = { CSN_BYTES_NONE, payload };
	int              r = prefix_of(suite, payload.len, buf, &parts[0]);

	return r < 0 ? r : c->sign(c->self, suite, sk, parts, 2, ret_sig);
}

void
csn_cose_put_to_sign(struct csn_dcbor_out *out, unsigned suite, struct csn_bytes payload)
{
	if (put_prefix(out, suite, payload.len) == CSN_OK)
		csn_dcbor_put_raw(out, payload);
	else
		out->len = SIZE_MAX;
}

void
csn_cose_put(struct csn_dcbor_out *out, unsigned suite, const struct csn_bytes *chain,
             size_t chain_len, struct csn_bytes payload, const uint8_t sig[CSN_SIG_LEN])
{
	if (csn_suite_pk_len(suite) == 0 || chain_len > CSN_CHAIN_MAX) {
		out->len = SIZE_MAX;
		return;
	}
	csn_dcbor_put_array(out, 4);
	csn_dcbor_put_bytes(out, protect(suite));
	csn_dcbor_put_map(out, chain_len == 0 ? 0 : 1);
	if (chain_len > 0)
		csn_dcbor_put_uint(out, LABEL_X5CHAIN);
	if (chain_len > 1)
		csn_dcbor_put_array(out, chain_len);
	for (size_t i = 0; i < chain_len; i++)
		csn_dcbor_put_bytes(out, chain[i]);
	if (payload.len == 0)
		csn_dcbor_put_null(out);
	else
		csn_dcbor_put_bytes(out, payload);
	csn_dcbor_put_bytes(out, (struct csn_bytes){ sig, CSN_SIG_LEN });
}
