#include "tpm2.h"

enum { EV_NO_ACTION = 3 };

/* A cursor over little-endian fields; errors stick. */
struct in {
	const uint8_t *pos, *end;
	bool           bad;
};

static struct csn_bytes
take(struct in *in, size_t len)
{
	if (in->bad || len > (size_t)(in->end - in->pos)) {
		in->bad = true;
		return CSN_BYTES_NONE;
	}
	struct csn_bytes bytes = { in->pos, len };
	in->pos += len;
	return bytes;
}

static uint32_t
number(struct in *in, size_t width)
{
	struct csn_bytes b = take(in, width);
	uint32_t         n = 0;

	for (size_t i = 0; i < b.len; i++)
		n |= (uint32_t)b.ptr[i] << 8 * i;
	return n;
}

/* The hashes a crypto-agile log has, in its own words; also of those we do not know. */
struct spec {
	bool     agile;
	size_t   count;
	uint16_t alg[16];
	uint16_t len[16];
};

static struct tpm2_bank *
add_bank(struct tpm2_pcrs *pcrs, uint16_t alg)
{
	if (pcrs->count == TPM2_BANKS)
		return NULL;
	struct tpm2_bank *bank = &pcrs->banks[pcrs->count++];
	bank->alg = alg;
	bank->have = (1u << TPM2_PCRS) - 1;
	/* PCRs 17 to 22 are all ones until a dynamic launch. */
	for (unsigned i = 17; i <= 22; i++)
		memset(bank->pcr[i], 0xff, sizeof bank->pcr[i]);
	return bank;
}

/* The data of the first event: "Spec ID Event03" and a list of hashes. */
static bool
read_spec(struct csn_bytes data, struct spec *spec, struct tpm2_pcrs *pcrs)
{
	static const char name[16] = "Spec ID Event03";
	struct in         in = { data.ptr, data.ptr + data.len, false };
	struct csn_bytes  signature = take(&in, sizeof name);

	if (in.bad || memcmp(signature.ptr, name, sizeof name) != 0)
		return true; /* some other first event: a log of SHA-1 alone          */
	take(&in, 8);
	uint32_t count = number(&in, 4);
	if (in.bad || count == 0 || count > 16)
		return false;
	spec->agile = true;
	spec->count = count;
	pcrs->count = 0;
	for (size_t i = 0; i < count; i++) {
		spec->alg[i] = (uint16_t)number(&in, 2);
		spec->len[i] = (uint16_t)number(&in, 2);
		size_t known = tpm2_digest_len(spec->alg[i]);
		if (spec->len[i] > TPM2_DIGEST_MAX || (known != 0 && known != spec->len[i]) ||
		    (known != 0 && add_bank(pcrs, spec->alg[i]) == NULL))
			return false;
		for (size_t k = 0; k < i; k++)
			if (spec->alg[k] == spec->alg[i])
				return false;
	}
	take(&in, number(&in, 1));
	return !in.bad && in.pos == in.end;
}

static bool
extend(struct tpm2_bank *bank, unsigned pcr, struct csn_bytes digest)
{
	const EVP_MD *md = tpm2_digest(bank->alg);
	EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
	size_t        len = tpm2_digest_len(bank->alg);
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
	            EVP_DigestUpdate(ctx, bank->pcr[pcr], len) == 1 &&
	            EVP_DigestUpdate(ctx, digest.ptr, len) == 1 &&
	            EVP_DigestFinal_ex(ctx, bank->pcr[pcr], NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* StartupLocality: PCR 0 began at the locality, not at zero. */
static bool
read_no_action(struct csn_bytes data, unsigned pcr, bool begun, struct tpm2_pcrs *pcrs)
{
	static const char name[16] = "StartupLocality";

	if (data.len != sizeof name + 1 || memcmp(data.ptr, name, sizeof name) != 0)
		return true;
	if (pcr != 0 || begun || data.ptr[16] > 4)
		return false;
	for (size_t i = 0; i < pcrs->count; i++)
		pcrs->banks[i].pcr[0][tpm2_digest_len(pcrs->banks[i].alg) - 1] = data.ptr[16];
	return true;
}

struct event {
	uint32_t         pcr, type;
	struct csn_bytes digest[16], data; /* one digest a hash of the spec          */
};

static bool
read_event(struct in *in, const struct spec *spec, struct event *event)
{
	event->pcr = number(in, 4);
	event->type = number(in, 4);
	if (!spec->agile) {
		event->digest[0] = take(in, 20);
	} else {
		if (number(in, 4) != spec->count)
			return false;
		/* Every hash of the spec, in its order or another, each once. */
		unsigned seen = 0;
		for (size_t i = 0; i < spec->count; i++) {
			uint16_t alg = (uint16_t)number(in, 2);
			size_t   k = 0;
			while (k < spec->count && spec->alg[k] != alg)
				k++;
			if (in->bad || k == spec->count || (seen & 1u << k) != 0)
				return false;
			seen |= 1u << k;
			event->digest[k] = take(in, spec->len[k]);
		}
	}
	event->data = take(in, number(in, 4));
	return !in->bad;
}

static bool
extend_all(const struct spec *spec, const struct event *event, struct tpm2_pcrs *pcrs)
{
	for (size_t i = 0; i < pcrs->count; i++) {
		size_t k = 0;
		while (spec->agile && spec->alg[k] != pcrs->banks[i].alg)
			k++;
		if (!extend(&pcrs->banks[i], event->pcr, event->digest[k]))
			return false;
	}
	return true;
}

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return CSN_E_PROTOCOL;
}

int
tpm2_log_replay(struct csn_bytes log, struct tpm2_pcrs *ret_pcrs, unsigned *ret_events,
                const char **ret_why)
{
	struct in    in = { log.ptr, log.ptr + log.len, log.len == 0 };
	struct spec  spec = { .agile = false };
	unsigned     count = 0;
	bool         begun = false;

	*ret_pcrs = (struct tpm2_pcrs){ .count = 0 };
	if (log.len > TPM2_LOG_MAX)
		return refuse(ret_why, "tpm2.log.size");
	if (add_bank(ret_pcrs, TPM2_ALG_SHA1) == NULL)
		return CSN_E_INTERNAL;
	while (!in.bad && in.pos < in.end) {
		struct event event = { .pcr = UINT32_MAX };
		bool         first = count == 0;
		if (++count > TPM2_EVENTS_MAX || !read_event(&in, &spec, &event))
			return refuse(ret_why, "tpm2.log.syntax");
		if (event.type == EV_NO_ACTION) {
			if ((first && !read_spec(event.data, &spec, ret_pcrs)) ||
			    !read_no_action(event.data, event.pcr, begun, ret_pcrs))
				return refuse(ret_why, "tpm2.log.syntax");
			continue;
		}
		if (event.pcr >= TPM2_PCRS)
			return refuse(ret_why, "tpm2.log.pcr");
		begun = begun || event.pcr == 0;
		if (!extend_all(&spec, &event, ret_pcrs))
			return CSN_E_INTERNAL;
	}
	*ret_events = count;
	return in.bad ? refuse(ret_why, "tpm2.log.syntax") : CSN_OK;
}
