#include "psk.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/csgn1.h"
#include "lib/hex.h"
#include "lib/kdf.h"
#include "lib/offer.h"
#include "lib/verdict.h"

static bool
few_bytes(const uint8_t *key, size_t len)
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

/* One block again and again is no longer than the block. */
static bool
repeats(const uint8_t *key, size_t len)
{
	for (size_t period = 1; period <= len / 2; period++) {
		size_t same = period;
		while (same < len && key[same] == key[same - period])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

static bool
counts(const uint8_t *key, size_t len)
{
	uint8_t step = (uint8_t)(key[1] - key[0]);

	for (size_t i = 2; i < len; i++)
		if ((uint8_t)(key[i] - key[i - 1]) != step)
			return false;
	return true;
}

/* 32 random bytes are all letters once in 10^13. */
static bool
is_text(const uint8_t *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (key[i] < 0x20 || key[i] > 0x7e)
			return false;
	return true;
}

const char *
psk_weak(const uint8_t *key, size_t len)
{
	static const struct {
		bool (*is)(const uint8_t *key, size_t len);
		const char *why;
	} signs[] = {
		{ few_bytes, "it repeats itself: draw it at random" },
		{ repeats, "it repeats itself: draw it at random" },
		{ counts, "it counts up or down: draw it at random" },
		{ is_text, "it is text: a password is no key, draw it at random" },
	};

	if (len < PSK_MIN)
		return "it is under 32 bytes";
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (signs[i].is(key, len))
			return signs[i].why;
	return NULL;
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
	if (!csn_hex_read((struct csn_bytes){ text.ptr, len }, CSN_HEX_ANY, ret_key, len / 2))
		return CSN_E_CONFIG;
	*ret_why = psk_weak(ret_key, len / 2);
	if (*ret_why != NULL) {
		csn_wipe(ret_key, PSK_MAX);
		return CSN_E_CONFIG;
	}
	*ret_len = len / 2;
	return CSN_OK;
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
psk_derive(const struct csn_crypto *crypto, struct csn_bytes key, struct csn_bytes challenge,
           enum psk_direction direction, uint8_t ret_key[32])
{
	return csn_kdf_label(crypto, challenge, key,
	                     direction == PSK_TO_STATION ? "csgn1/psk-to-station" :
	                                                   "csgn1/psk-to-device",
	                     ret_key, 32);
}

/* The MAC a device that holds @key sends for this challenge. */
static int
make_mac(const struct csn_crypto *crypto, struct csn_bytes key, struct csn_bytes challenge,
         bool derive, uint8_t ret_mac[32])
{
	uint8_t              buf[64], derived[32];
	struct csn_dcbor_out out;
	struct csn_bytes     message;

	csn_dcbor_out_init(&out, buf, sizeof buf);
	csn_offer_put_evid(&out, derive ? "csgn1/evid-psk-kdf" : "csgn1/evid-psk", challenge.ptr);
	int r = csn_dcbor_out_end(&out, &message);
	if (r == CSN_OK && derive) {
		r = psk_derive(crypto, key, challenge, PSK_TO_STATION, derived);
		key = CSN_BYTES_OF(derived);
	}
	if (r == CSN_OK)
		r = crypto->hmac_sha256(crypto->self, key, &message, 1, ret_mac);
	csn_wipe(derived, sizeof derived);
	return r;
}

static int
judge(const struct csn_crypto *crypto, struct csn_bytes key, bool known, bool derive,
      const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	uint8_t want[32];

	if (evidence->challenge.len != 32)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "psk.challenge",
		              "a challenge of 32 bytes");
	if (evidence->value.len != sizeof want)
		return reject(verdict, CSN_CODE_UNRECOGNISED, "psk.syntax", "32 bytes");
	int r = make_mac(crypto, key, evidence->challenge, derive, want);
	/* Both are looked at, whatever the first says. */
	bool good = csn_same(evidence->value, CSN_BYTES_OF(want)) & known;
	csn_wipe(want, sizeof want);
	if (r < 0)
		return r;
	if (!good)
		return reject(verdict, CSN_CODE_FORGED, "psk.mac",
		              "the MAC of this session's challenge");
	csn_verdict_claim(verdict, CSN_TRUST_INSTANCE, CSN_CODE_AFFIRMED);
	return csn_verdict_accept(verdict);
}

int
psk_judge(const struct csn_crypto *crypto, struct csn_bytes key,
          const struct csn_evidence *evidence, struct csn_verdict *verdict)
{
	if (key.len < PSK_MIN)
		return CSN_E_INVALID;
	return judge(crypto, key, true, false, evidence, verdict);
}

/* ---- keys of devices -------------------------------------------------------------- */

static int
by_did(const void *a, const void *b)
{
	return memcmp(((const struct psk_key *)a)->did, ((const struct psk_key *)b)->did, 16);
}

static int
by_key(const void *a, const void *b)
{
	const struct psk_key *x = a, *y = b;

	return x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x->key, y->key, x->len);
}

int
psk_sort(struct psk *psk, const char **ret_why)
{
	/* One key for two devices: each could pass for the other. */
	qsort(psk->keys, psk->key_count, sizeof *psk->keys, by_key);
	for (size_t i = 1; i < psk->key_count; i++)
		if (by_key(&psk->keys[i - 1], &psk->keys[i]) == 0) {
			*ret_why = "two devices have one key";
			return CSN_E_CONFIG;
		}
	qsort(psk->keys, psk->key_count, sizeof *psk->keys, by_did);
	for (size_t i = 1; i < psk->key_count; i++)
		if (by_did(&psk->keys[i - 1], &psk->keys[i]) == 0) {
			*ret_why = "a device is there twice";
			return CSN_E_CONFIG;
		}
	return CSN_OK;
}

/*
 * The key of @did, or one made up for it: the same one each time, so that a stranger who
 * asks twice learns no more.  It is made in both cases.
 */
static int
key_for(const struct psk *psk, struct csn_bytes did, struct psk_key *ret_key, bool *ret_known)
{
	struct psk_key        want = { .len = 0 };
	const struct psk_key *found = NULL;
	int r = psk->crypto->hmac_sha256(psk->crypto->self, CSN_BYTES_OF(psk->decoy), &did, 1,
	                                 ret_key->key);

	ret_key->len = 32;
	if (did.len == sizeof want.did) {
		memcpy(want.did, did.ptr, sizeof want.did);
		found = psk->key_count == 0 ? NULL :
		                              bsearch(&want, psk->keys, psk->key_count,
		                                      sizeof *psk->keys, by_did);
	}
	*ret_known = found != NULL;
	if (found != NULL)
		*ret_key = *found;
	return r;
}

int
psk_judge_device(const struct psk *psk, const struct csn_evidence *evidence,
                 struct csn_verdict *verdict)
{
	struct psk_key key;
	bool           known = true;
	int            r = CSN_OK;

	if (psk->len > 0) {
		memcpy(key.key, psk->key, psk->len);
		key.len = psk->len;
	} else {
		r = key_for(psk, evidence->did, &key, &known);
	}
	if (r == CSN_OK)
		r = judge(psk->crypto, (struct csn_bytes){ key.key, key.len }, known,
		          psk->derive != 0, evidence, verdict);
	/* A key of its own names its device; one that all have names nobody. */
	if (r == CSN_OK && verdict->judgement == CSN_ACCEPTED && psk->len == 0)
		csn_verdict_fact_hex(verdict, "identity.did", evidence->did.ptr, 16);
	csn_wipe(&key, sizeof key);
	return r;
}

void
psk_done(struct psk *psk)
{
	if (psk->keys != NULL)
		csn_wipe(psk->keys, psk->key_count * sizeof *psk->keys);
	free(psk->keys);
	csn_wipe(psk, sizeof *psk);
}

static const char *
psk_type(void *self)
{
	const struct psk *psk = self;

	return psk->derive != 0 ? "psk-kdf" : "psk";
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
	int               r = psk_judge_device(psk, evidence, verdict);

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
