#include "device-profile.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/der.h"
#include "lib/hex.h"
#include "matter.h"

#define OID_HARDWARE_MODULE "1.3.6.1.5.5.7.8.4"
#define SERIAL_MAX          64

const char *
x509_profile_name(uint32_t profile)
{
	static const char *const names[] = { "csgn1", "idevid", "ldevid", "matter", "rfc5280" };

	return profile < sizeof names / sizeof *names ? names[profile] : "?";
}

/* serialNumber of the subject, which must be there once: 1, 0 for none, -1 for a bad one. */
static int
subject_serial(X509 *cert, char ret_serial[SERIAL_MAX + 1])
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int              at = X509_NAME_get_index_by_NID(name, NID_serialNumber, -1);

	if (at < 0)
		return 0;
	if (X509_NAME_get_index_by_NID(name, NID_serialNumber, at) >= 0)
		return -1;
	const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	int                len = ASN1_STRING_length(text);
	int                type = ASN1_STRING_type(text);
	if ((type != V_ASN1_PRINTABLESTRING && type != V_ASN1_UTF8STRING) || len < 1 ||
	    len > SERIAL_MAX)
		return -1;
	for (int i = 0; i < len; i++) {
		unsigned char c = ASN1_STRING_get0_data(text)[i];
		if (c < 0x20 || c > 0x7e)
			return -1;
	}
	memcpy(ret_serial, ASN1_STRING_get0_data(text), (size_t)len);
	ret_serial[len] = '\0';
	return 1;
}

/* hwSerialNum of one HardwareModuleName in DER. */
static bool
module_serial(const ASN1_TYPE *value, char ret_serial[SERIAL_MAX + 1])
{
	struct csn_der in;

	if (value->type != V_ASN1_SEQUENCE)
		return false;
	csn_der_init(&in, (struct csn_bytes){ value->value.sequence->data,
	                                      (size_t)value->value.sequence->length });
	struct csn_der   module = csn_der_open(&in, CSN_DER_SEQUENCE);
	struct csn_bytes type = csn_der_take(&module, CSN_DER_OID);
	struct csn_bytes serial = csn_der_take(&module, CSN_DER_OCTET_STRING);
	if (csn_der_end(&module) != CSN_OK || csn_der_end(&in) != CSN_OK || type.len == 0 ||
	    serial.len == 0 || serial.len > SERIAL_MAX / 2)
		return false;
	csn_hex_write(serial.ptr, serial.len, ret_serial);
	return true;
}

/* hardwareModuleName among the alternative names: 1, 0 for none, -1 for a bad one. */
static int
hardware_serial(X509 *cert, char ret_serial[SERIAL_MAX + 1])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	ASN1_OBJECT   *want = OBJ_txt2obj(OID_HARDWARE_MODULE, 1);
	int            found = want == NULL ? -1 : 0;

	for (int i = 0; want != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		ASN1_OBJECT *type = NULL;
		ASN1_TYPE   *value = NULL;
		if (GENERAL_NAME_get0_otherName(sk_GENERAL_NAME_value(names, i), &type, &value) != 1 ||
		    OBJ_cmp(type, want) != 0)
			continue;
		found = found == 0 && module_serial(value, ret_serial) ? 1 : -1;
	}
	GENERAL_NAMES_free(names);
	ASN1_OBJECT_free(want);
	ERR_clear_error();
	return found;
}

const char *
x509_device_serial(X509 *cert, char ret_serial[SERIAL_MAX + 1])
{
	char subject[SERIAL_MAX + 1] = "", hardware[SERIAL_MAX + 1] = "";
	int  by_subject = subject_serial(cert, subject);
	int  by_module = hardware_serial(cert, hardware);

	if (by_subject < 0 || by_module < 0)
		return "x509.devid.serial";
	if (by_subject == 0 && by_module == 0)
		return "x509.devid.no-serial";
	memcpy(ret_serial, by_subject == 1 ? subject : hardware, SERIAL_MAX + 1);
	return NULL;
}

/* Without an end, as 802.1AR has it of what a manufacturer issues. */
static bool
never_ends(const X509 *cert)
{
	static const char  never[] = "99991231235959Z";
	const ASN1_TIME   *to = X509_get0_notAfter(cert);

	return ASN1_STRING_type(to) == V_ASN1_GENERALIZEDTIME &&
	       ASN1_STRING_length(to) == (int)sizeof never - 1 &&
	       memcmp(ASN1_STRING_get0_data(to), never, sizeof never - 1) == 0;
}

/* What 802.1AR wants of a DevID beyond RFC 5280. */
static const char *
check_devid(X509 *leaf, uint32_t profile)
{
	char     serial[SERIAL_MAX + 1];
	int      usage = X509_get_ext_by_NID(leaf, NID_key_usage, -1);
	uint32_t bits = X509_get_key_usage(leaf);

	if (X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0)
		return "x509.devid.subject";
	const char *why = x509_device_serial(leaf, serial);
	if (why != NULL)
		return why;
	if (profile == X509_PROFILE_IDEVID && !never_ends(leaf))
		return "x509.devid.ends";
	if (X509_get0_authority_key_id(leaf) == NULL)
		return "x509.devid.key-id";
	if (usage >= 0 && (!X509_EXTENSION_get_critical(X509_get_ext(leaf, usage)) ||
	                   (bits & KU_DIGITAL_SIGNATURE) == 0))
		return "x509.devid.usage";
	return NULL;
}

bool
x509_profile_check(uint32_t profile, X509 *const *path, unsigned count,
                   const struct x509_path_rules *rules, struct x509_refusal *why)
{
	if (profile == X509_PROFILE_MATTER) {
		if (count == X509_MATTER_PATH)
			return x509_matter_check(path, rules, X509_MATTER_NONE, why);
		*why = (struct x509_refusal){ "x509.matter.path", 0 };
		return false;
	}
	if (!x509_path_check(path, count, rules, why))
		return false;
	if (profile == X509_PROFILE_RFC5280)
		return true;
	*why = (struct x509_refusal){ check_devid(path[0], profile), 0 };
	return why->reason == NULL;
}
