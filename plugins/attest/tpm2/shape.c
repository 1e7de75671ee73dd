#include "tpm2.h"

/*
 * The shape of what a TPM gives, byte by byte.  The library that takes structures apart
 * prints a line when one is ill-formed; a stranger's bytes must not write our log.
 */

struct in {
	const uint8_t *pos, *end;
	bool           bad;
};

static struct in
open_bytes(struct csn_bytes bytes)
{
	return (struct in){ bytes.ptr, bytes.ptr + bytes.len, bytes.len == 0 };
}

static void
skip(struct in *in, size_t len)
{
	if (in->bad || len > (size_t)(in->end - in->pos))
		in->bad = true;
	else
		in->pos += len;
}

static uint32_t
number(struct in *in, size_t width)
{
	const uint8_t *p = in->pos;
	uint32_t       n = 0;

	skip(in, width);
	for (size_t i = 0; !in->bad && i < width; i++)
		n = n << 8 | p[i];
	return n;
}

/* A sized buffer of at most @max bytes. */
static void
sized(struct in *in, size_t max)
{
	size_t len = number(in, 2);

	if (len > max)
		in->bad = true;
	skip(in, len);
}

static bool
ended(const struct in *in)
{
	return !in->bad && in->pos == in->end;
}

enum { NAME_MAX_LEN = 2 + TPM2_DIGEST_MAX };

static void
selections(struct in *in)
{
	uint32_t count = number(in, 4);

	if (count > TPM2_NUM_PCR_BANKS)
		in->bad = true;
	for (uint32_t i = 0; !in->bad && i < count; i++) {
		number(in, 2);
		uint32_t len = number(in, 1);
		if (len > TPM2_PCR_SELECT_MAX)
			in->bad = true;
		skip(in, len);
	}
}

bool
tpm2_shape_attest(struct csn_bytes bytes, uint16_t type)
{
	struct in in = open_bytes(bytes);

	skip(&in, 6);
	sized(&in, NAME_MAX_LEN);
	sized(&in, TPM2_DIGEST_MAX);
	skip(&in, 8 + 4 + 4);
	if (number(&in, 1) > 1) /* safe: yes or no                                  */
		in.bad = true;
	skip(&in, 8);
	if (type == TPM2_ST_ATTEST_QUOTE) {
		selections(&in);
		sized(&in, TPM2_DIGEST_MAX);
	} else {
		sized(&in, NAME_MAX_LEN);
		sized(&in, NAME_MAX_LEN);
	}
	return ended(&in);
}

bool
tpm2_shape_signature(struct csn_bytes bytes)
{
	struct in in = open_bytes(bytes);
	uint32_t  alg = number(&in, 2);

	number(&in, 2);
	if (alg == TPM2_ALG_RSASSA || alg == TPM2_ALG_RSAPSS) {
		sized(&in, 512);
	} else if (alg == TPM2_ALG_ECDSA) {
		sized(&in, 66);
		sized(&in, 66);
	} else {
		return false;
	}
	return ended(&in);
}

/* A key that signs has no cipher, and its scheme is one we take or none. */
bool
tpm2_shape_public(struct csn_bytes bytes)
{
	struct in in = open_bytes(bytes);
	uint32_t  type = number(&in, 2);

	skip(&in, 2 + 4);
	sized(&in, TPM2_DIGEST_MAX);
	if (number(&in, 2) != TPM2_ALG_NULL)
		return false;
	uint32_t scheme = number(&in, 2);
	bool     rsa = type == TPM2_ALG_RSA;
	if (scheme != TPM2_ALG_NULL) {
		if (rsa ? scheme != TPM2_ALG_RSASSA && scheme != TPM2_ALG_RSAPSS :
		          scheme != TPM2_ALG_ECDSA)
			return false;
		number(&in, 2);
	}
	if (rsa) {
		skip(&in, 2 + 4);
		sized(&in, 512);
	} else if (type == TPM2_ALG_ECC) {
		number(&in, 2);
		if (number(&in, 2) != TPM2_ALG_NULL)
			return false;
		sized(&in, 66);
		sized(&in, 66);
	} else {
		return false;
	}
	return ended(&in);
}
