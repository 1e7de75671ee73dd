#include "psk.h"

#include <stdio.h>

#include "lib/csgn1.h"
#include "lib/offer.h"
#include "lib/verdict.h"

static int
nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A repeated byte or two is no key, however long. */
static bool
is_weak(const uint8_t *key, size_t len)
{
	bool   seen[256] = { false };
	size_t different = 0;

	for (size_t i = 0; i < len; i++) {
		different += !seen[key[i]];
		seen[key[i]] = true;
	}
	csn_wipe(seen, sizeof seen);
	return different < 12;
}

int
psk_parse(struct csn_bytes text, uint8_t ret_key[PSK_MAX], size_t *ret_len,
          const char **ret_why)
{
	size_t len = text.len;

	while (len > 0 && (text.ptr[len - 1] == '\n' || text.ptr[len - 1] == '\r' ||
	                   text.ptr[len - 1] == ' '))
		len--;
	*ret_why = "it must be 64 to 256 hex digits";
	if (len % 2 != 0 || len / 2 < PSK_MIN || len / 2 > PSK_MAX)
		return CSN_E_CONFIG;
	for (size_t i = 0; i < len / 2; i++) {
		int high = nibble(text.ptr[2 * i]), low = nibble(text.ptr[2 * i + 1]);
		if (high < 0 || low < 0)
			goto fail;
		ret_key[i] = (uint8_t)(high << 4 | low);
	}
	*ret_why = "it repeats itself: draw it at random";
	if (is_weak(ret_key, len / 2))
		goto fail;
	*ret_len = len / 2;
	return CSN_OK;
fail:
	csn_wipe(ret_key, PSK_MAX);
	return CSN_E_CONFIG;
}

static int
reject(struct csn_verdict *verdict, int32_t code, const char *reason, const char *wanted)
{
	struct csn_reason why = { .layer = CSN_NO_LAYER, .claim = CSN_TRUST_INSTANCE };

	snprintf(why.code, sizeof why.code, "%s", reason);
	snprintf(why.wanted, sizeof why.wanted, "%s", wanted);
	return csn_verdict_reject(verdict, code, &why, "item");
}

int
psk_judge(const struct csn_crypto *crypto, struct csn_bytes key,
          const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	uint8_t              buf[64], want[32];
	struct csn_dcbor_out out;
	struct csn_bytes     message;

	if (key.len < PSK_MIN)
		return CSN_E_INVALID;
	if (evidence->challenge.len != 32)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "psk.challenge",
		              "a challenge of 32 bytes");
	if (evidence->value.len != sizeof want)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "psk.syntax", "32 bytes");
	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_evid(&out, "csgn1/evid-psk", evidence->challenge.ptr);
	int r = csn_dcbor_out_end(&out, &message);
	if (r == CSN_OK)
		r = crypto->hmac_sha256(crypto->self, key, &message, 1, want);
	if (r == CSN_OK && !csn_same(evidence->value, CSN_BYTES_OF(want))) {
		r = reject(verdict, CSN_CODE_FORGED, "psk.mac",
		           "the MAC of this session's challenge");
	} else if (r == CSN_OK) {
		csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
		r = csn_verdict_accept(verdict);
	}
	csn_wipe(want, sizeof want);
	return r;
}

static const char *
psk_type(void *self)
{
	(void)self;
	return "psk";
}

/* A MAC names nobody. */
static int
psk_identify(void *self, const struct csn_evidence *evidence, struct csn_fact *ret_facts,
             size_t room, size_t *ret_count)
{
	(void)self;
	(void)evidence;
	(void)ret_facts;
	(void)room;
	*ret_count = 0;
	return CSN_OK;
}

static int
psk_verify(void *self, struct csn_op *op, const struct csn_evidence *evidence,
           struct csn_verdict *verdict)
{
	const struct psk *psk = self;
	int r = psk_judge(psk->crypto, (struct csn_bytes){ psk->key, psk->len }, evidence,
	                  verdict);

	psk->host->op_done(op, r, NULL);
	return CSN_OK;
}

/* Everything ends inside verify: there is nothing to withdraw. */
static void
psk_cancel(void *self, struct csn_op *op)
{
	(void)self;
	(void)op;
}

const struct csn_attest_ops psk_ops = {
	.size = sizeof psk_ops,
	.type = psk_type,
	.identify = psk_identify,
	.verify = psk_verify,
	.cancel = psk_cancel,
};
