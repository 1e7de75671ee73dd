/* Certificates as DER has them: one encoding each, and nothing after it. */
#include "path.h"

#include <openssl/err.h>

#define DEPTH_MAX 16

/*
 * Tags of one octet, definite lengths in their shortest form.  OpenSSL takes BER: the same
 * certificate, or key, could be written in many ways, each with a hash of its own.
 */
static bool
is_der(const uint8_t *at, size_t len, unsigned depth)
{
	while (len > 0) {
		uint8_t tag = at[0];
		size_t  head = 2, body;

		if (len < 2 || (tag & 0x1f) == 0x1f || depth > DEPTH_MAX)
			return false;
		body = at[1];
		if (body >= 0x80) {
			size_t octets = body & 0x7f;
			if (octets == 0 || octets > 3 || len < 2 + octets || at[2] == 0)
				return false;
			for (body = 0; head < 2 + octets; head++)
				body = body << 8 | at[head];
			if (body < 0x80)
				return false;
		}
		if (body > len - head || ((tag & 0x20) != 0 && !is_der(at + head, body, depth + 1)))
			return false;
		at += head + body;
		len -= head + body;
	}
	return true;
}

X509 *
x509_cert_load(struct csn_bytes der)
{
	const unsigned char *p = der.ptr;

	if (der.len == 0 || der.len > X509_CERT_MAX || !is_der(der.ptr, der.len, 0))
		return NULL;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);
	if (cert != NULL && p == der.ptr + der.len)
		return cert;
	X509_free(cert);
	ERR_clear_error();
	return NULL;
}
