/*
 * One end of channel/ble on a real bluetoothd:
 *   ble_ends echo ADAPTER MODE       sends each message back, until it is killed
 *   ble_ends talk ADAPTER MODE BYTES TAP: messages of up to so many there and back
 *   ble_ends why ADAPTER MODE WORDS  waits until it says WORDS is in the way, and prints all
 *   ble_ends bench ADAPTER MODE      message bytes a second, and values a second
 * MODE is central or peripheral; CSN_BUS is the bus's socket when it is not the system's,
 * CSN_NAME the peripheral's name.
 */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

#include <stdlib.h>

enum { LARGE = 40960, WAIT_MS = 60000 };

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_channel_ops *ops;
static void *self;

static void
make(const char *adapter, const char *mode)
{
	struct csn_error err = { 0 };
	const char *bus = getenv("CSN_BUS"), *name = getenv("CSN_NAME");

	fake = fakehost_new(true);
	component = fakehost_load("channel/ble");
	ops = component->ops.channel;
	if (fakehost_create(fake, component,
	                    (const char *const[]){ "adapter", adapter, "mode", mode,
	                                           name != NULL ? "name" : "medium",
	                                           name != NULL ? name : "ble",
	                                           bus != NULL ? "socket" : NULL, bus, NULL },
	                    &self, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(99);
	}
}

/* Looks like an M1 of the session @n: the channel reads no more of it. */
static struct csn_bytes
message(size_t len, uint8_t n)
{
	static uint8_t bytes[LARGE];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 13 + i / 239 + n);
	memcpy(bytes, (const uint8_t[]){ 0x84, 1, 0x88, 1, 1, 1, 0x50 }, 7);
	bytes[7] = n;
	return (struct csn_bytes){ bytes, len };
}

_Noreturn static void
echo_all(void)
{
	for (;;) {
		struct csn_op *get = fakehost_op(fake), *send = fakehost_op(fake);

		ops->receive(self, get);
		while (!fakehost_wait(fake, get, WAIT_MS))
			;
		if (ops->send(self, send, fakehost_op_bytes(get)) == CSN_OK)
			while (!fakehost_wait(fake, send, WAIT_MS))
				;
		fakehost_op_free(get);
		fakehost_op_free(send);
	}
}

static bool
there_and_back(size_t len, uint8_t n)
{
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const struct csn_bytes want = message(len, n);

	bool good = ops->receive(self, get) == CSN_OK && ops->send(self, send, want) == CSN_OK &&
		    fakehost_wait(fake, send, WAIT_MS) && fakehost_wait(fake, get, WAIT_MS);
	if (good) {
		const struct csn_bytes got = fakehost_op_bytes(get);
		good = got.len == len && memcmp(got.ptr, want.ptr, len) == 0;
	} else {
		char text[256];
		ops->diagnose(self, text, sizeof text);
		printf("# send %d %s, receive %d, %s\n", fakehost_op_ended(send),
		       fakehost_op_text(send), fakehost_op_ended(get), text);
		ops->cancel(self, send);
		ops->cancel(self, get);
	}
	fakehost_op_free(send);
	fakehost_op_free(get);
	return good;
}

static int
talk(size_t most)
{
	static const size_t lens[] = { 41, 700, 2672, LARGE };
	const struct csn_host *host = fakehost_host(fake);
	const uint64_t start_ns = host->now(host);

	for (size_t i = 0; i < sizeof lens / sizeof lens[0] && lens[i] <= most; i++) {
		tap_ok(there_and_back(lens[i], (uint8_t)(i + 1)), "%zu bytes there and back", lens[i]);
		tap_note("after %.1f s", (double)(host->now(host) - start_ns) / 1e9);
	}
	return tap_done();
}

static int
why(const char *words)
{
	char text[256] = "";

	for (int i = 0; i < 200 && strstr(text, words) == NULL; i++) {
		fakehost_run(fake, 100);
		ops->diagnose(self, text, sizeof text);
	}
	puts(text);
	return strstr(text, words) == NULL;
}

static int
bench(void)
{
	const struct csn_host *host = fakehost_host(fake);
	uint64_t start_ns, end_ns;
	unsigned n = 0;

	if (!there_and_back(41, 1))
		return 1;
	start_ns = end_ns = host->now(host);
	for (; end_ns - start_ns < UINT64_C(6000000000); n += 2) {
		if (!there_and_back(LARGE, (uint8_t)(n + 2)))
			return 1;
		end_ns = host->now(host);
	}
	const double s = (double)(end_ns - start_ns) / 1e9;
	printf("bench bytes_per_s %.0f messages %u seconds %.2f\n", n * (double)LARGE / s, n, s);
	return 0;
}

int
main(int argc, char **argv)
{
	int rc = 2;

	if (argc < 4)
		return 2;
	make(argv[2], argv[3]);
	if (strcmp(argv[1], "echo") == 0)
		echo_all();
	if (strcmp(argv[1], "talk") == 0 && argc == 5)
		rc = talk((size_t)atoi(argv[4]));
	if (strcmp(argv[1], "why") == 0 && argc == 5)
		rc = why(argv[4]);
	if (strcmp(argv[1], "bench") == 0)
		rc = bench();
	component->destroy(self);
	fakehost_free(fake);
	return rc;
}
