#include "stream.h"
#include "fountain.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAGIC       = 0xc5,
	STATUS_MAGIC = 0xc6,
	STATUS_HEAD = CSN_STREAM_STATUS - CSN_STREAM_TAG,
	VERSION     = 1,
	NUMBER_BITS = 20,
	KEY         = 32,
};

/* How an object is cut: the first @longer blocks have one symbol more. */
struct cut {
	size_t   total;
	size_t   symbol;
	uint64_t symbols;
	uint32_t blocks;
	uint32_t k; /* symbols of a shorter block */
	uint32_t longer;
};

struct header {
	uint32_t session;
	uint32_t total;
	uint16_t symbol;
	uint32_t id;
};

/* false: more blocks than are allowed. */
static bool
cut_object(size_t total, size_t symbol, struct cut *ret_cut)
{
	uint64_t symbols = ((uint64_t)total + symbol - 1) / symbol;
	uint64_t blocks = (symbols + CSN_STREAM_BLOCK_MAX - 1) / CSN_STREAM_BLOCK_MAX;

	if (blocks == 0 || blocks > CSN_STREAM_BLOCKS_MAX)
		return false;
	*ret_cut = (struct cut){
		.total = total,
		.symbol = symbol,
		.symbols = symbols,
		.blocks = (uint32_t)blocks,
		.k = (uint32_t)(symbols / blocks),
		.longer = (uint32_t)(symbols % blocks),
	};
	return true;
}

static uint32_t
block_k(const struct cut *cut, uint32_t block)
{
	return cut->k + (block < cut->longer);
}

/* The first symbol of a block, counted over the whole object. */
static uint64_t
block_start(const struct cut *cut, uint32_t block)
{
	uint32_t longer = block < cut->longer ? block : cut->longer;

	return (uint64_t)block * cut->k + longer;
}

static uint64_t
block_seed(uint32_t session, uint32_t block)
{
	return (uint64_t)session << 32 | block;
}

static void
put32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
get32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static bool
derive_key(struct csn_bytes secret, uint32_t session, uint8_t ret_key[KEY])
{
	static const char label[] = "countersign light stream 1";
	uint8_t text[sizeof label + 4];

	memcpy(text, label, sizeof label);
	put32(text + sizeof label, session);
	return HMAC(EVP_sha256(), secret.ptr, (int)secret.len, text, sizeof text, ret_key,
	            NULL) != NULL;
}

static bool
make_tag(const uint8_t key[KEY], const uint8_t *packet, size_t len, uint8_t ret_tag[CSN_STREAM_TAG])
{
	uint8_t full[EVP_MAX_MD_SIZE];

	if (HMAC(EVP_sha256(), key, KEY, packet, len, full, NULL) == NULL)
		return false;
	memcpy(ret_tag, full, CSN_STREAM_TAG);
	OPENSSL_cleanse(full, sizeof full);
	return true;
}

static bool
good_secret(struct csn_bytes secret)
{
	return secret.ptr != NULL && secret.len >= CSN_STREAM_SECRET_MIN &&
	       secret.len <= CSN_STREAM_SECRET_MAX;
}

int
csn_stream_status_make(struct csn_bytes secret, const struct csn_stream_status *status,
                       uint8_t ret_message[CSN_STREAM_STATUS])
{
	uint8_t key[KEY], *m = ret_message;

	if (!good_secret(secret))
		return CSN_E_INVALID;
	if (!derive_key(secret, status->session, key))
		return CSN_E_NOMEM;
	m[0] = STATUS_MAGIC;
	m[1] = VERSION;
	put32(m + 2, status->session);
	put32(m + 6, status->have);
	put32(m + 10, status->needed);
	m[14] = (uint8_t)status->wish;
	bool made = make_tag(key, m, STATUS_HEAD, m + STATUS_HEAD);
	OPENSSL_cleanse(key, sizeof key);
	return made ? CSN_OK : CSN_E_NOMEM;
}

int
csn_stream_status_take(struct csn_bytes secret, struct csn_bytes message,
                       struct csn_stream_status *ret_status)
{
	const uint8_t *m = message.ptr;
	uint8_t want[CSN_STREAM_STATUS];

	if (message.len != CSN_STREAM_STATUS || m[0] != STATUS_MAGIC || m[1] != VERSION ||
	    m[14] >= CSN_WISH_COUNT)
		return CSN_E_PROTOCOL;
	const struct csn_stream_status status = {
		.session = get32(m + 2),
		.have = get32(m + 6),
		.needed = get32(m + 10),
		.wish = (enum csn_stream_wish)m[14],
	};
	int r = csn_stream_status_make(secret, &status, want);
	if (r == CSN_OK && CRYPTO_memcmp(want, m, sizeof want) != 0)
		r = CSN_E_REFUSED;
	if (r == CSN_OK)
		*ret_status = status;
	return r;
}

/* Sender ------------------------------------------------------------------ */

struct csn_sender {
	uint8_t    key[KEY];
	uint32_t   session;
	struct cut cut;
	uint8_t   *data; /* whole symbols, zeros at the end */
};

void
csn_sender_free(struct csn_sender *sender)
{
	if (sender == NULL)
		return;
	OPENSSL_cleanse(sender->key, sizeof sender->key);
	free(sender->data);
	free(sender);
}

int
csn_sender_new(struct csn_bytes object, const struct csn_sender_options *options,
              struct csn_sender **ret_sender)
{
	if (options->packet_len < CSN_STREAM_OVERHEAD + FOUNTAIN_PLANES || options->packet_len > CSN_STREAM_PACKET_MAX ||
	    !good_secret(options->secret) || object.len == 0 || options->session == 0)
		return CSN_E_INVALID;
	if (object.len > UINT32_MAX)
		return CSN_E_TOO_BIG;
	struct csn_sender *sender = calloc(1, sizeof *sender);

	if (sender == NULL)
		return CSN_E_NOMEM;
	int r = CSN_E_TOO_BIG;
	size_t symbol = (options->packet_len - CSN_STREAM_OVERHEAD) / FOUNTAIN_PLANES * FOUNTAIN_PLANES;
	if (!cut_object(object.len, symbol, &sender->cut))
		goto fail;
	r = CSN_E_NOMEM;
	sender->session = options->session;
	sender->data = calloc(sender->cut.symbols, sender->cut.symbol);
	if (sender->data == NULL || !derive_key(options->secret, options->session, sender->key))
		goto fail;
	memcpy(sender->data, object.ptr, object.len);
	*ret_sender = sender;
	return CSN_OK;

fail:
	csn_sender_free(sender);
	return r;
}

size_t
csn_sender_packet_len(const struct csn_sender *sender)
{
	return sender->cut.symbol + CSN_STREAM_OVERHEAD;
}

uint64_t
csn_sender_pass(const struct csn_sender *sender)
{
	return sender->cut.symbols;
}

int
csn_sender_packet(struct csn_sender *sender, uint64_t number, uint8_t *packet)
{
	const struct cut *cut = &sender->cut;
	const uint64_t numbers = UINT64_C(1) << NUMBER_BITS;
	uint32_t block = (uint32_t)(number % cut->blocks), k = block_k(cut, block);
	uint64_t within = number / cut->blocks;

	/* Sums repeat after a million of them; the symbols never come again. */
	if (within >= numbers)
		within = k + (within - k) % (numbers - k);
	packet[0] = MAGIC;
	packet[1] = VERSION;
	put32(packet + 2, sender->session);
	put32(packet + 6, (uint32_t)cut->total);
	packet[10] = (uint8_t)(cut->symbol >> 8);
	packet[11] = (uint8_t)cut->symbol;
	put32(packet + 12, block << NUMBER_BITS | (uint32_t)within);
	fountain_encode(sender->data + block_start(cut, block) * cut->symbol, k, cut->symbol,
	                block_seed(sender->session, block), (uint32_t)within,
	                packet + CSN_STREAM_HEADER);

	size_t len = CSN_STREAM_HEADER + cut->symbol;
	return make_tag(sender->key, packet, len, packet + len) ? CSN_OK : CSN_E_NOMEM;
}

/* Receiver ---------------------------------------------------------------- */

struct csn_receiver {
	uint8_t            secret[CSN_STREAM_SECRET_MAX];
	size_t             secret_len;
	uint8_t            key[KEY];
	uint32_t           session; /* of @key; 0: none yet */
	bool               joined;  /* the session is the one we take part in */
	size_t             object_len;
	size_t             object_max;
	struct cut         cut; /* blocks is 0 until the first good packet */
	struct fountain  **block;
	struct csn_progress progress;
	uint64_t           last; /* number of the packet heard last */
};

void
csn_receiver_free(struct csn_receiver *receiver)
{
	if (receiver == NULL)
		return;
	for (uint32_t i = 0; receiver->block != NULL && i < receiver->cut.blocks; i++)
		fountain_free(receiver->block[i]);
	free(receiver->block);
	OPENSSL_cleanse(receiver->secret, sizeof receiver->secret);
	OPENSSL_cleanse(receiver->key, sizeof receiver->key);
	free(receiver);
}

int
csn_receiver_new(const struct csn_receiver_options *options, struct csn_receiver **ret_receiver)
{
	if (!good_secret(options->secret))
		return CSN_E_INVALID;
	struct csn_receiver *receiver = calloc(1, sizeof *receiver);

	if (receiver == NULL)
		return CSN_E_NOMEM;
	memcpy(receiver->secret, options->secret.ptr, options->secret.len);
	receiver->secret_len = options->secret.len;
	receiver->object_len = options->object_len;
	receiver->object_max = options->object_max;
	if (options->session != 0) {
		receiver->session = options->session;
		receiver->joined = true;
		if (!derive_key(options->secret, options->session, receiver->key)) {
			csn_receiver_free(receiver);
			return CSN_E_NOMEM;
		}
	}
	*ret_receiver = receiver;
	return CSN_OK;
}

static bool
parse(struct csn_bytes packet, struct header *ret_header)
{
	const uint8_t *p = packet.ptr;

	if (packet.len <= CSN_STREAM_OVERHEAD || p[0] != MAGIC || p[1] != VERSION)
		return false;
	struct header header = {
		.session = get32(p + 2),
		.total = get32(p + 6),
		.symbol = (uint16_t)(p[10] << 8 | p[11]),
		.id = get32(p + 12),
	};
	if (header.session == 0 || header.total == 0 || header.symbol == 0 ||
	    header.symbol % FOUNTAIN_PLANES != 0 ||
	    packet.len != (size_t)header.symbol + CSN_STREAM_OVERHEAD)
		return false;
	*ret_header = header;
	return true;
}

/* Compares the tag under the key of the packet's own session. */
static enum csn_packet
judge(struct csn_receiver *receiver, struct csn_bytes packet, const struct header *header)
{
	uint8_t other[KEY], tag[CSN_STREAM_TAG];
	const uint8_t *key = receiver->key;
	size_t len = packet.len - CSN_STREAM_TAG;
	bool good;

	if (receiver->session != header->session) {
		struct csn_bytes secret = { receiver->secret, receiver->secret_len };

		if (!derive_key(secret, header->session, other))
			return CSN_PACKET_FORGED;
		key = other;
	}
	good = make_tag(key, packet.ptr, len, tag) &&
	       CRYPTO_memcmp(tag, packet.ptr + len, sizeof tag) == 0;
	if (good && !receiver->joined) {
		memcpy(receiver->key, key, KEY);
		receiver->session = header->session;
		receiver->joined = true;
	}
	OPENSSL_cleanse(other, sizeof other);
	if (!good)
		return CSN_PACKET_FORGED;
	return header->session == receiver->session ? CSN_PACKET_NEW : CSN_PACKET_SESSION;
}

/* Bounds, before any memory is given.  Does the packet belong to the object? */
static bool
within_bounds(const struct csn_receiver *receiver, const struct header *header, struct cut *ret_cut)
{
	struct cut cut;

	if (header->total > receiver->object_max ||
	    (receiver->object_len != 0 && header->total != receiver->object_len) ||
	    !cut_object(header->total, header->symbol, &cut) ||
	    header->id >> NUMBER_BITS >= cut.blocks)
		return false;
	if (receiver->cut.blocks != 0 &&
	    (receiver->cut.total != cut.total || receiver->cut.symbol != cut.symbol))
		return false;
	*ret_cut = cut;
	return true;
}

static int
open_block(struct csn_receiver *receiver, const struct cut *cut, uint32_t block)
{
	if (receiver->block == NULL) {
		receiver->block = calloc(cut->blocks, sizeof *receiver->block);
		if (receiver->block == NULL)
			return CSN_E_NOMEM;
		receiver->cut = *cut;
		receiver->progress.needed = cut->symbols;
		receiver->progress.blocks = cut->blocks;
		receiver->progress.object_len = cut->total;
	}
	if (receiver->block[block] == NULL)
		receiver->block[block] = fountain_new(block_k(cut, block), cut->symbol,
		                                      block_seed(receiver->session, block));
	return receiver->block[block] == NULL ? CSN_E_NOMEM : CSN_OK;
}

/* A gap in the numbers was lost on the way, unless it is a long one: then we were away. */
static void
count_missed(struct csn_receiver *receiver, uint64_t number)
{
	const uint64_t away = 300;
	uint64_t gap = number > receiver->last ? number - receiver->last : 0;

	receiver->progress.missed += gap > 1 && gap < away && receiver->progress.heard > 0 ? gap - 1 : 0;
	receiver->progress.heard += number != receiver->last || receiver->progress.heard == 0;
	receiver->last = number;
}

static int
take_symbol(struct csn_receiver *receiver, struct csn_bytes packet, const struct header *header,
            enum csn_packet *ret_was)
{
	uint32_t block = header->id >> NUMBER_BITS;
	uint32_t number = header->id & ((UINT32_C(1) << NUMBER_BITS) - 1);
	struct cut cut;

	if (!within_bounds(receiver, header, &cut)) {
		*ret_was = CSN_PACKET_BOUND;
		return CSN_OK;
	}
	int r = open_block(receiver, &cut, block);
	if (r < 0)
		return r;
	count_missed(receiver, (uint64_t)number * cut.blocks + block);
	struct fountain *fountain = receiver->block[block];
	if (!fountain_take(fountain, number, packet.ptr + CSN_STREAM_HEADER)) {
		*ret_was = CSN_PACKET_KNOWN;
		return CSN_OK;
	}
	receiver->progress.have++;
	if (fountain_rank(fountain) == block_k(&cut, block)) {
		fountain_solve(fountain, NULL);
		receiver->progress.blocks_done++;
	}
	receiver->progress.complete = receiver->progress.blocks_done == cut.blocks;
	*ret_was = CSN_PACKET_NEW;
	return CSN_OK;
}

int
csn_receiver_take(struct csn_receiver *receiver, struct csn_bytes packet, enum csn_packet *ret_was)
{
	enum csn_packet was = CSN_PACKET_SYNTAX;
	struct header header;

	if (parse(packet, &header))
		was = judge(receiver, packet, &header);
	if (was == CSN_PACKET_NEW) {
		int r = take_symbol(receiver, packet, &header, &was);
		if (r < 0)
			return r;
	}
	receiver->progress.session = receiver->joined ? receiver->session : 0;
	receiver->progress.count[was]++;
	*ret_was = was;
	return CSN_OK;
}

void
csn_receiver_progress(const struct csn_receiver *receiver, struct csn_progress *ret_progress)
{
	*ret_progress = receiver->progress;
}

struct csn_bytes
csn_receiver_read(const struct csn_receiver *receiver, size_t offset)
{
	const struct cut *cut = &receiver->cut;
	struct csn_bytes none = { NULL, 0 };

	if (cut->blocks == 0 || offset >= cut->total)
		return none;
	uint64_t symbol = offset / cut->symbol;
	uint32_t block = 0;
	while (block + 1 < cut->blocks && block_start(cut, block + 1) <= symbol)
		block++;
	const struct fountain *fountain = receiver->block[block];
	if (fountain == NULL)
		return none;

	unsigned first = (unsigned)(symbol - block_start(cut, block)), n = first;
	const uint8_t *start = fountain_symbol(fountain, first);
	if (start == NULL)
		return none;
	while (fountain_symbol(fountain, n) != NULL)
		n++;
	size_t skip = offset % cut->symbol, len = (n - first) * cut->symbol - skip;
	if (len > cut->total - offset)
		len = cut->total - offset;
	return (struct csn_bytes){ start + skip, len };
}
