#include "matter-cd.h"

#include "lib/der.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define CERTIFICATE_ID_LEN 19

/* ---- the CMS around it ------------------------------------------------------ */

struct cms {
	struct csn_bytes content, signer_id, signature;
};

static const uint8_t oid_signed_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };
static const uint8_t oid_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };
static const uint8_t oid_sha256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
static const uint8_t oid_ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };

enum { DER_NULL = 0x05, DER_CONTEXT_0 = 0x80, DER_EXPLICIT_0 = 0xa0 };

static void
expect_oid(struct csn_der *in, struct csn_bytes want)
{
	struct csn_bytes oid = csn_der_take(in, CSN_DER_OID);

	if (oid.len != want.len || memcmp(oid.ptr, want.ptr, want.len) != 0)
		in->bad = true;
}

static void
expect_version_3(struct csn_der *in)
{
	struct csn_bytes version = csn_der_unsigned(in);

	if (version.len != 1 || version.ptr[0] != 3)
		in->bad = true;
}

/* An AlgorithmIdentifier; @null: parameters of NULL are the same as none (RFC 5754). */
static void
expect_algorithm(struct csn_der *in, struct csn_bytes want, bool null)
{
	struct csn_der algorithm = csn_der_open(in, CSN_DER_SEQUENCE);

	expect_oid(&algorithm, want);
	if (null && csn_der_next(&algorithm, DER_NULL) &&
	    csn_der_take(&algorithm, DER_NULL).len != 0)
		algorithm.bad = true;
	if (csn_der_end(&algorithm) != CSN_OK)
		in->bad = true;
}

/* One signer, by key identifier, with no attributes: the content itself is signed. */
static void
read_signer(struct csn_der *in, struct cms *ret_cms)
{
	struct csn_der set = csn_der_open(in, CSN_DER_SET);
	struct csn_der signer = csn_der_open(&set, CSN_DER_SEQUENCE);

	expect_version_3(&signer);
	ret_cms->signer_id = csn_der_take(&signer, DER_CONTEXT_0);
	expect_algorithm(&signer, CSN_BYTES_OF(oid_sha256), true);
	expect_algorithm(&signer, CSN_BYTES_OF(oid_ecdsa_sha256), false);
	ret_cms->signature = csn_der_take(&signer, CSN_DER_OCTET_STRING);
	if (csn_der_end(&signer) != CSN_OK || csn_der_end(&set) != CSN_OK)
		in->bad = true;
}

static bool
read_cms(struct csn_bytes der, struct cms *ret_cms)
{
	struct csn_der in, data, algorithms, content, octets;

	csn_der_init(&in, der);
	struct csn_der outer = csn_der_open(&in, CSN_DER_SEQUENCE);
	expect_oid(&outer, CSN_BYTES_OF(oid_signed_data));
	struct csn_der explicit = csn_der_open(&outer, DER_EXPLICIT_0);
	data = csn_der_open(&explicit, CSN_DER_SEQUENCE);
	expect_version_3(&data);
	algorithms = csn_der_open(&data, CSN_DER_SET);
	expect_algorithm(&algorithms, CSN_BYTES_OF(oid_sha256), true);
	content = csn_der_open(&data, CSN_DER_SEQUENCE);
	expect_oid(&content, CSN_BYTES_OF(oid_data));
	octets = csn_der_open(&content, DER_EXPLICIT_0);
	ret_cms->content = csn_der_take(&octets, CSN_DER_OCTET_STRING);
	read_signer(&data, ret_cms);
	return csn_der_end(&in) == CSN_OK && csn_der_end(&outer) == CSN_OK &&
	       csn_der_end(&explicit) == CSN_OK && csn_der_end(&data) == CSN_OK &&
	       csn_der_end(&algorithms) == CSN_OK && csn_der_end(&content) == CSN_OK &&
	       csn_der_end(&octets) == CSN_OK;
}

static const char *
check_signature(const struct cms *cms, const struct x509_cd_wanted *wanted)
{
	const struct x509_cd_signer *signer = NULL;

	for (size_t i = 0; i < wanted->signer_count; i++)
		if (cms->signer_id.len == sizeof wanted->signers[i].id &&
		    memcmp(cms->signer_id.ptr, wanted->signers[i].id, cms->signer_id.len) == 0)
			signer = &wanted->signers[i];
	if (signer == NULL)
		return "x509.matter.cd.signer";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool        good = ctx != NULL &&
	            EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, signer->key) == 1 &&
	            EVP_DigestVerify(ctx, cms->signature.ptr, cms->signature.len,
	                             cms->content.ptr, cms->content.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good ? NULL : "x509.matter.cd.signature";
}

/* ---- the TLV inside ----------------------------------------------------------- */

enum tlv_type {
	TLV_UINT8 = 0x04, TLV_UINT64 = 0x07, TLV_UTF8 = 0x0c, TLV_BYTES = 0x10,
	TLV_STRUCTURE = 0x15, TLV_ARRAY = 0x16, TLV_END = 0x18,
};

enum tlv_tag { ANONYMOUS = 0x00, CONTEXT = 0x20 };

struct tlv {
	const uint8_t *pos, *end;
	bool           bad;
};

static uint64_t
take_le(struct tlv *in, size_t n)
{
	uint64_t value = 0;

	if (in->bad || (size_t)(in->end - in->pos) < n) {
		in->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)*in->pos++ << 8 * i;
	return value;
}

/* Is the next element of the form and context tag?  Lengths and values stay. */
static bool
next_is(const struct tlv *in, unsigned form, unsigned least, unsigned most, int tag)
{
	if (in->bad || in->end - in->pos < (tag < 0 ? 1 : 2))
		return false;
	unsigned control = *in->pos;
	return (control & 0xe0u) == form && (control & 0x1fu) >= least &&
	       (control & 0x1fu) <= most && (tag < 0 || in->pos[1] == tag);
}

/* Opens the element: its type. */
static unsigned
open_element(struct tlv *in, unsigned form, unsigned least, unsigned most, int tag)
{
	if (!next_is(in, form, least, most, tag)) {
		in->bad = true;
		return least;
	}
	unsigned type = *in->pos & 0x1fu;
	in->pos += tag < 0 ? 1 : 2;
	return type;
}

static uint64_t
take_uint(struct tlv *in, unsigned form, int tag, uint64_t max)
{
	unsigned type = open_element(in, form, TLV_UINT8, TLV_UINT64, tag);
	uint64_t value = take_le(in, (size_t)1 << (type - TLV_UINT8));

	if (value > max)
		in->bad = true;
	return in->bad ? 0 : value;
}

static struct csn_bytes
take_string(struct tlv *in, unsigned form, enum tlv_type kind, int tag)
{
	unsigned type = open_element(in, form, kind, kind + 3u, tag);
	uint64_t len = take_le(in, (size_t)1 << (type - kind));

	if (in->bad || len > (uint64_t)(in->end - in->pos)) {
		in->bad = true;
		return CSN_BYTES_NONE;
	}
	struct csn_bytes string = { in->pos, (size_t)len };
	in->pos += len;
	return string;
}

struct declaration {
	long             vendor_id, device_type, version;
	long             products[X509_CD_PRODUCTS];
	size_t           product_count;
	struct csn_bytes certificate_id;
	bool             has_origin;
	long             origin_vendor, origin_product;
	struct csn_bytes paas[X509_CD_PAAS];
	size_t           paa_count;
	bool             has_paas;
};

static void
read_products(struct tlv *in, struct declaration *cd)
{
	open_element(in, CONTEXT, TLV_ARRAY, TLV_ARRAY, 2);
	while (!in->bad && !next_is(in, ANONYMOUS, TLV_END, TLV_END, -1)) {
		long product = (long)take_uint(in, ANONYMOUS, -1, UINT16_MAX);
		if (cd->product_count == X509_CD_PRODUCTS)
			in->bad = true;
		else
			cd->products[cd->product_count++] = product;
	}
	open_element(in, ANONYMOUS, TLV_END, TLV_END, -1);
	if (cd->product_count == 0)
		in->bad = true;
}

static void
read_paas(struct tlv *in, struct declaration *cd)
{
	cd->has_paas = next_is(in, CONTEXT, TLV_ARRAY, TLV_ARRAY, 11);
	if (!cd->has_paas)
		return;
	open_element(in, CONTEXT, TLV_ARRAY, TLV_ARRAY, 11);
	while (!in->bad && !next_is(in, ANONYMOUS, TLV_END, TLV_END, -1)) {
		struct csn_bytes id = take_string(in, ANONYMOUS, TLV_BYTES, -1);
		if (cd->paa_count == X509_CD_PAAS || id.len != 20)
			in->bad = true;
		else
			cd->paas[cd->paa_count++] = id;
	}
	open_element(in, ANONYMOUS, TLV_END, TLV_END, -1);
	if (cd->paa_count == 0)
		in->bad = true;
}

/* Members in the order of their tags; none but the last three may be left out. */
static bool
read_declaration(struct csn_bytes tlv, struct declaration *cd)
{
	struct tlv in = { tlv.ptr, tlv.ptr + tlv.len, tlv.len == 0 };

	open_element(&in, ANONYMOUS, TLV_STRUCTURE, TLV_STRUCTURE, -1);
	if (take_uint(&in, CONTEXT, 0, 1) != 1) /* the format we know             */
		return false;
	cd->vendor_id = (long)take_uint(&in, CONTEXT, 1, UINT16_MAX);
	read_products(&in, cd);
	cd->device_type = (long)take_uint(&in, CONTEXT, 3, UINT32_MAX);
	cd->certificate_id = take_string(&in, CONTEXT, TLV_UTF8, 4);
	take_uint(&in, CONTEXT, 5, 0);          /* security level                 */
	take_uint(&in, CONTEXT, 6, 0);          /* security information           */
	cd->version = (long)take_uint(&in, CONTEXT, 7, UINT16_MAX);
	take_uint(&in, CONTEXT, 8, 2);          /* test, provisional, official    */
	cd->has_origin = next_is(&in, CONTEXT, TLV_UINT8, TLV_UINT64, 9);
	if (cd->has_origin) {
		cd->origin_vendor = (long)take_uint(&in, CONTEXT, 9, UINT16_MAX);
		cd->origin_product = (long)take_uint(&in, CONTEXT, 10, UINT16_MAX);
	}
	read_paas(&in, cd);
	open_element(&in, ANONYMOUS, TLV_END, TLV_END, -1);
	return !in.bad && in.pos == in.end && cd->certificate_id.len == CERTIFICATE_ID_LEN;
}

/* ---- is it about this one? ------------------------------------------------------ */

static bool
has_product(const struct declaration *cd, long product)
{
	for (size_t i = 0; i < cd->product_count; i++)
		if (cd->products[i] == product)
			return true;
	return false;
}

static const char *
check_chain(const struct declaration *cd, const struct x509_cd_wanted *wanted)
{
	long dac_vendor, dac_product, pai_vendor, pai_product;

	if (!x509_matter_ids(wanted->path[0], &dac_vendor, &dac_product) ||
	    !x509_matter_ids(wanted->path[1], &pai_vendor, &pai_product))
		return "x509.matter.id-form";
	long vendor = cd->has_origin ? cd->origin_vendor : cd->vendor_id;
	if (dac_vendor != vendor || pai_vendor != vendor)
		return "x509.matter.cd.vendor";
	if (cd->has_origin ? dac_product != cd->origin_product : !has_product(cd, dac_product))
		return "x509.matter.cd.product";
	if (pai_product != X509_MATTER_NONE && pai_product != dac_product)
		return "x509.matter.cd.product";
	return NULL;
}

static const char *
check_paa(const struct declaration *cd, X509 *paa)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(paa);

	if (!cd->has_paas)
		return NULL;
	for (size_t i = 0; id != NULL && i < cd->paa_count; i++)
		if ((size_t)ASN1_STRING_length(id) == cd->paas[i].len &&
		    memcmp(ASN1_STRING_get0_data(id), cd->paas[i].ptr, cd->paas[i].len) == 0)
			return NULL;
	return "x509.matter.cd.paa";
}

static const char *
check_record(const struct declaration *cd, const struct x509_cd_record *record)
{
	if (record->certificate_id != NULL &&
	    (strlen(record->certificate_id) != cd->certificate_id.len ||
	     memcmp(record->certificate_id, cd->certificate_id.ptr, cd->certificate_id.len) != 0))
		return "x509.matter.cd.certificate";
	if (record->version != X509_MATTER_NONE && record->version != cd->version)
		return "x509.matter.cd.version";
	if (record->device_type != X509_MATTER_NONE && record->device_type != cd->device_type)
		return "x509.matter.cd.device-type";
	return NULL;
}

const char *
x509_cd_check(struct csn_bytes der, const struct x509_cd_wanted *wanted)
{
	struct cms         cms;
	struct declaration cd = { .product_count = 0 };
	const char        *why;

	if (der.len > X509_CD_MAX || !read_cms(der, &cms))
		return "x509.matter.cd.cms";
	if ((why = check_signature(&cms, wanted)) != NULL)
		return why;
	if (!read_declaration(cms.content, &cd))
		return "x509.matter.cd.syntax";
	if (cd.vendor_id != wanted->vendor_id)
		return "x509.matter.cd.vendor";
	if (!has_product(&cd, wanted->product_id))
		return "x509.matter.cd.product";
	if ((why = check_chain(&cd, wanted)) != NULL ||
	    (why = check_paa(&cd, wanted->path[2])) != NULL)
		return why;
	return check_record(&cd, &wanted->record);
}
