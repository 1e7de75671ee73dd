/* The stream: the fountain's overhead, loss, forgery, sessions, bounds. */
#include "kit/tap.h"
#include "lib/fountain.h"
#include "lib/stream.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static uint64_t state = 42;

static uint32_t
draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

static void
fill(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)draw(256);
}

/* Symbols beyond K that a receiver needs who joins at a random moment, all sums. */
static int
extra_of(unsigned k, size_t symbol)
{
	uint8_t *data = malloc(k * symbol), *back = malloc(k * symbol), *out = malloc(symbol);
	uint64_t seed = draw(1u << 30);
	struct fountain *fountain = fountain_new(k, symbol, seed);
	uint32_t number = k + draw(100000);
	int taken = 0;

	fill(data, k * symbol);
	while (fountain_rank(fountain) < k && taken < 3000) {
		fountain_encode(data, k, symbol, seed, number++, out);
		fountain_take(fountain, number - 1, out);
		taken++;
	}
	bool same = fountain_solve(fountain, back) && memcmp(data, back, k * symbol) == 0;
	fountain_free(fountain);
	free(data);
	free(back);
	free(out);
	return same ? taken - (int)k : 9999;
}

static void
overhead(void)
{
	static const unsigned sizes[] = { 1, 2, 3, 63, 64, 65, 83, 128, 500, 1000 };
	const int runs = 40;
	int within = 0, all = 0, wrong = 0;
	double sum = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int n = 0; n < (sizes[i] > 200 ? runs / 10 : runs); n++) {
			int extra = extra_of(sizes[i], 6);

			all++;
			wrong += extra >= 1000;
			within += extra <= 3;
			sum += extra;
		}
	}
	tap_is(wrong, 0, "every block comes back byte for byte");
	tap_ok(within >= all - 1, "K + 3 sums are enough (%d of %d)", within, all);
	tap_ok(sum / all < 0.4, "less than 0.4 sums too many on average (%.2f)", sum / all);
}

static void
mixtures(void)
{
	enum { K = 100, SYMBOL = 6 };
	uint8_t data[K * SYMBOL], back[K * SYMBOL], out[SYMBOL];
	int wrong = 0, premature = 0;

	for (int run = 0; run < 50; run++) {
		struct fountain *fountain = fountain_new(K, SYMBOL, (uint64_t)run);
		unsigned rank = 0;

		fill(data, sizeof data);
		for (int n = 0; n < 4000 && rank < K; n++) {
			/* Symbols, sums and repetitions in any order. */
			uint32_t number = draw(2) ? draw(K) : K + draw(200);

			fountain_encode(data, K, SYMBOL, (uint64_t)run, number, out);
			bool told = fountain_take(fountain, number, out);
			wrong += told != (fountain_rank(fountain) > rank);
			rank = fountain_rank(fountain);
			if (number < K && told)
				premature += memcmp(fountain_symbol(fountain, number), out, SYMBOL) != 0;
		}
		wrong += !fountain_solve(fountain, back) || memcmp(data, back, sizeof data) != 0;
		fountain_free(fountain);
	}
	tap_is(wrong, 0, "symbols and sums mixed in any order solve");
	tap_is(premature, 0, "a symbol that came by itself can be read at once");
	tap_ok(fountain_new(0, 6, 1) == NULL && fountain_new(FOUNTAIN_K_MAX + 1, 6, 1) == NULL &&
	               fountain_new(4, 0, 1) == NULL && fountain_new(4, 7, 1) == NULL && fountain_new(4, CSN_STREAM_PACKET_MAX + 3, 1) == NULL,
	       "sizes out of range make no block");
}

/* One symbol: every sum is a factor times it, and all seven factors come up. */
static void
factors(void)
{
	static const uint8_t x[3] = { 0x00, 0xff, 0x00 }; /* eight times the element x */
	/* 1 to 7 times x, by hand: x^3 = x + 1, so x times x^2 is x + 1. */
	static const uint8_t products[8] = { 0, 2, 4, 6, 3, 1, 7, 5 };
	unsigned seen = 0;
	bool right = true;

	for (uint32_t number = 1; number < 200; number++) {
		uint8_t out[3];
		bool known = false;

		fountain_encode(x, 1, sizeof x, 3, number, out);
		for (unsigned f = 0; f < 8; f++) {
			unsigned p = products[f];
			const uint8_t want[3] = { p & 1 ? 0xff : 0, p & 2 ? 0xff : 0, p & 4 ? 0xff : 0 };

			if (memcmp(out, want, sizeof want) == 0) {
				seen |= 1u << f;
				known = true;
			}
		}
		right &= known;
	}
	tap_ok(right && seen == 0xff, "sums are products in GF(8), of every factor");
}

static const uint8_t secret[32] = "a secret of thirty-two bytes....";
static const uint8_t other_secret[32] = "another secret of 32 bytes......";

static struct csn_sender *
sender_of(const uint8_t *object, size_t len, const uint8_t *key, uint32_t session, size_t packet_len)
{
	struct csn_sender_options options = { .secret = { key, 32 }, .session = session,
		                             .packet_len = packet_len };
	struct csn_sender *sender = NULL;
	struct csn_bytes bytes = { object, len };

	return csn_sender_new(bytes, &options, &sender) == CSN_OK ? sender : NULL;
}

static struct csn_receiver *
receiver_of(uint32_t session, size_t object_len, size_t object_max)
{
	struct csn_receiver_options options = { .secret = { secret, 32 }, .session = session,
		                               .object_len = object_len, .object_max = object_max };
	struct csn_receiver *receiver = NULL;

	return csn_receiver_new(&options, &receiver) == CSN_OK ? receiver : NULL;
}

static bool
received(const struct csn_receiver *receiver, const uint8_t *object, size_t len)
{
	size_t at = 0;

	while (at < len) {
		struct csn_bytes run = csn_receiver_read(receiver, at);

		if (run.len == 0 || run.len > len - at || memcmp(run.ptr, object + at, run.len) != 0)
			return false;
		at += run.len;
	}
	return csn_receiver_read(receiver, len).len == 0;
}

/* Sends until complete; the share of packets lost, and of forged ones in between. */
static uint64_t
transfer(struct csn_sender *sender, struct csn_receiver *receiver, unsigned loss,
         unsigned forged, uint64_t from, bool *ret_monotone)
{
	uint8_t packet[CSN_STREAM_PACKET_MAX];
	struct csn_bytes bytes = { packet, csn_sender_packet_len(sender) };
	struct csn_progress progress;
	enum csn_packet was;
	uint64_t taken = 0, have = 0;

	*ret_monotone = true;
	for (uint64_t n = from; n < from + 20000; n++) {
		csn_sender_packet(sender, n, packet);
		if (draw(100) < forged) {
			packet[draw((uint32_t)bytes.len)] ^= (uint8_t)(1 + draw(255));
			csn_receiver_take(receiver, bytes, &was);
			continue;
		}
		if (draw(100) < loss)
			continue;
		taken++;
		csn_receiver_take(receiver, bytes, &was);
		csn_receiver_progress(receiver, &progress);
		*ret_monotone &= progress.have >= have;
		have = progress.have;
		if (progress.complete)
			return taken;
	}
	return 0;
}

static const struct {
	const char *what;
	size_t      len, packet_len;
	unsigned    loss, forged;
	uint64_t    from;
	unsigned    extra; /* packets over the least that may be needed */
} transfers[] = {
	{ "one byte", 1, 100, 0, 0, 0, 0 },
	{ "100 KiB without loss, from the start: not one packet too many", 102400, 1273, 0, 0, 0, 0 },
	{ "100 KiB, a fifth lost", 102400, 1273, 20, 0, 0, 10 },
	{ "100 KiB, joined in the middle", 102400, 1273, 0, 0, 5000, 10 },
	{ "1 MiB in two blocks, half lost", 1048576, 1273, 50, 0, 0, 20 },
	{ "a length that fills the last symbol", 12490, 1273, 30, 0, 0, 10 },
	{ "30 of 100 packets forged", 102400, 1273, 10, 30, 0, 10 },
};

static void
transfers_end(void)
{
	static uint8_t object[1048576];

	fill(object, sizeof object);
	for (size_t i = 0; i < sizeof transfers / sizeof *transfers; i++) {
		struct csn_sender *sender = sender_of(object, transfers[i].len, secret, 7,
		                                     transfers[i].packet_len);
		struct csn_receiver *receiver = receiver_of(0, 0, sizeof object);
		bool monotone = false;
		uint64_t taken = transfer(sender, receiver,
		                          transfers[i].loss, transfers[i].forged,
		                          transfers[i].from, &monotone);
		uint64_t least = csn_sender_pass(sender);

		tap_ok(taken != 0 && taken <= least + transfers[i].extra && monotone &&
		               received(receiver, object, transfers[i].len),
		       "%s (%llu of %llu)", transfers[i].what, (unsigned long long)taken,
		       (unsigned long long)least);
		csn_sender_free(sender);
		csn_receiver_free(receiver);
	}
}

static enum csn_packet
take(struct csn_receiver *receiver, const uint8_t *packet, size_t len)
{
	struct csn_bytes bytes = { packet, len };
	enum csn_packet was = CSN_PACKET_COUNT;

	csn_receiver_take(receiver, bytes, &was);
	return was;
}

/* The layout and the key as the header describes them, made here by other means. */
static void
layout(void)
{
	uint8_t object[102], packet[75], key[32], tag[32];
	static const uint8_t head[16] = { 0xc5, 1, 0, 0, 0, 7, 0, 0, 0, 102, 0, 51, 0, 0, 0, 1 };
	uint8_t text[31] = "countersign light stream 1";
	struct csn_sender *sender;

	fill(object, sizeof object);
	text[30] = 7;
	sender = sender_of(object, sizeof object, secret, 7, sizeof packet);
	csn_sender_packet(sender, 1, packet);
	tap_ok(memcmp(packet, head, sizeof head) == 0, "a packet's header is as written down");
	tap_ok(memcmp(packet + 16, object + 51, 51) == 0, "and symbols come as they are");
	HMAC(EVP_sha256(), secret, 32, text, sizeof text, key, NULL);
	HMAC(EVP_sha256(), key, 32, packet, 67, tag, NULL);
	tap_ok(memcmp(packet + 67, tag, 8) == 0, "its tag is an HMAC under the derived key, cut");
	csn_sender_free(sender);
}

static void
refusals(void)
{
	uint8_t object[5000], packet[300], strange[300]; /* 300 - 24 is a multiple of 3 */
	struct csn_sender *ours, *theirs, *later, *longer;
	struct csn_receiver *receiver = receiver_of(0, 0, 6000);

	fill(object, sizeof object);
	ours = sender_of(object, sizeof object, secret, 7, sizeof packet);
	theirs = sender_of(object, sizeof object, other_secret, 7, sizeof packet);
	later = sender_of(object, sizeof object, secret, 8, sizeof packet);
	longer = sender_of(object, sizeof object - 1, secret, 7, sizeof packet);

	csn_sender_packet(theirs, 0, strange);
	tap_is(take(receiver, strange, sizeof strange), CSN_PACKET_FORGED,
	       "a packet under another secret is forged, also as the first one");
	csn_sender_packet(ours, 0, packet);
	tap_is(take(receiver, packet, sizeof packet), CSN_PACKET_NEW, "the first good one is taken");
	tap_is(take(receiver, packet, sizeof packet), CSN_PACKET_KNOWN, "and is known the second time");
	csn_sender_packet(later, 1, strange);
	tap_is(take(receiver, strange, sizeof strange), CSN_PACKET_SESSION,
	       "a good packet of another session is left alone");
	csn_sender_packet(longer, 1, strange);
	tap_is(take(receiver, strange, sizeof strange), CSN_PACKET_BOUND,
	       "a good packet with another length does not belong");
	tap_is(take(receiver, packet, 24), CSN_PACKET_SYNTAX, "header and tag alone are no packet");
	tap_is(take(receiver, packet, sizeof packet - 1), CSN_PACKET_SYNTAX,
	       "a packet cut short is no packet");
	tap_is(take(receiver, NULL, 0), CSN_PACKET_SYNTAX, "nothing at all is no packet");

	unsigned forged = 0, syntax = 0;
	csn_sender_packet(ours, 2, packet);
	for (size_t bit = 0; bit < 8 * sizeof packet; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		enum csn_packet was = take(receiver, packet, sizeof packet);
		forged += was == CSN_PACKET_FORGED;
		syntax += was == CSN_PACKET_SYNTAX;
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	tap_is(forged + syntax, 8 * (long long)sizeof packet, "any one bit turned over is refused");
	tap_ok(syntax <= 32, "by its tag, but for magic, version and length (%u)", syntax);

	struct csn_progress progress;
	csn_receiver_progress(receiver, &progress);
	tap_is((long long)progress.have, 1, "and none of it counted as progress");
	csn_receiver_free(receiver);

	receiver = receiver_of(0, 0, sizeof object - 1);
	csn_sender_packet(ours, 0, packet);
	tap_is(take(receiver, packet, sizeof packet), CSN_PACKET_BOUND,
	       "an object over the receiver's bound gets no memory");
	csn_receiver_free(receiver);
	receiver = receiver_of(9, 0, 6000);
	tap_is(take(receiver, packet, sizeof packet), CSN_PACKET_SESSION,
	       "a receiver told its session joins no other");
	csn_receiver_free(receiver);
	receiver = receiver_of(0, 4999, 6000);
	tap_is(take(receiver, packet, sizeof packet), CSN_PACKET_BOUND,
	       "a receiver told the length takes no other");
	csn_receiver_free(receiver);

	tap_ok(sender_of(object, 10, secret, 7, CSN_STREAM_OVERHEAD + 2) == NULL,
	       "a packet without room for data is refused");
	tap_ok(sender_of(object, 0, secret, 7, 100) == NULL, "an empty object is refused");
	tap_ok(sender_of(object, 10, secret, 0, 100) == NULL, "session 0 is refused");
	csn_sender_free(ours);
	csn_sender_free(theirs);
	csn_sender_free(later);
	csn_sender_free(longer);
}

static void
statuses(void)
{
	static const uint8_t shared[32] = "one secret that both sides share", other[32] = "another";
	const struct csn_bytes mine = { shared, 32 }, theirs = { other, 32 };
	const struct csn_stream_status sent = { .session = 7, .have = 3, .needed = 1000,
		                                .wish = CSN_WISH_SLOWER };
	struct csn_stream_status got = { 0 };
	uint8_t message[CSN_STREAM_STATUS];
	int bad = 0;

	tap_ok(csn_stream_status_make(mine, &sent, message) == CSN_OK &&
	               csn_stream_status_take(mine, (struct csn_bytes){ message, sizeof message }, &got) ==
	                       CSN_OK &&
	               got.session == 7 && got.have == 3 && got.needed == 1000 &&
	               got.wish == CSN_WISH_SLOWER,
	       "a status comes over as it was");
	tap_ok(csn_stream_status_take(theirs, (struct csn_bytes){ message, sizeof message }, &got) ==
	               CSN_E_REFUSED,
	       "under another secret it is refused");
	tap_ok(csn_stream_status_take(mine, (struct csn_bytes){ message, sizeof message - 1 }, &got) ==
	               CSN_E_PROTOCOL,
	       "a byte short it is no status");
	for (size_t i = 0; i < 8 * sizeof message; i++) {
		message[i / 8] ^= (uint8_t)(1 << i % 8);
		bad += csn_stream_status_take(mine, (struct csn_bytes){ message, sizeof message },
		                              &got) < 0;
		message[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	tap_ok(bad == 8 * CSN_STREAM_STATUS, "with any one bit changed it is refused");
}

/* Every third packet is heard. */
static void
losses(void)
{
	static const uint8_t shared[32] = "one secret that both sides share";
	static uint8_t object[30000], packet[500];
	const struct csn_sender_options to = { .secret = { shared, 32 }, .session = 9, .packet_len = 500 };
	const struct csn_receiver_options from = { .secret = { shared, 32 }, .object_max = 30000 };
	struct csn_sender *sender;
	struct csn_receiver *receiver;
	struct csn_progress progress;
	enum csn_packet was;

	if (csn_sender_new((struct csn_bytes){ object, sizeof object }, &to, &sender) < 0 ||
	    csn_receiver_new(&from, &receiver) < 0)
		return;
	for (uint64_t n = 0; n < 60; n += 3) {
		csn_sender_packet(sender, n, packet);
		csn_receiver_take(receiver, (struct csn_bytes){ packet, csn_sender_packet_len(sender) }, &was);
		csn_receiver_take(receiver, (struct csn_bytes){ packet, csn_sender_packet_len(sender) }, &was);
	}
	csn_receiver_progress(receiver, &progress);
	tap_ok(progress.heard == 20 && progress.missed == 38,
	       "of 58 packets 20 were heard, each twice, and 38 missed");
	csn_sender_free(sender);
	csn_receiver_free(receiver);
}

int
main(void)
{
	factors();
	overhead();
	mixtures();
	layout();
	transfers_end();
	refusals();
	statuses();
	losses();
	return tap_done();
}
