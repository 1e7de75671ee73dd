/*
 * Both ends of channel/nfc around a real pcscd: one program a side.
 *   nfc_ends tag VPCD [OPTION VALUE]...      plays a tag: answers each message with itself
 *   nfc_ends reader BYTES                    TAP: messages of up to so many there and back
 *   nfc_ends leave VPCD APDUS                a tag that leaves the field after so many APDUs,
 *                                            again and again, and echoes as well
 *   nfc_ends write TEXT                      TAP: one message onto a passive tag
 *   nfc_ends bench                           message bytes a second beside bare APDUs'
 */
#define _GNU_SOURCE 1

#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

enum { LARGE = 40960, BENCH_NS = 500000000, ROUNDS = 8 };

static struct fakehost *fake;
static const struct csn_channel_ops *ops;
static void *self;
static const struct csn_component *component;

static void
make(const char *name, const char *const *options)
{
	struct csn_error err = { 0 };

	fake = fakehost_new(true);
	component = fakehost_find("channel/nfc", name);
	ops = component->ops.channel;
	if (fakehost_create(fake, component, options, &self, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(99);
	}
}

static struct csn_bytes
pattern(size_t len)
{
	static uint8_t bytes[LARGE];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 13 + i / 239 + len);
	return (struct csn_bytes){ bytes, len };
}

/* Until it is killed. */
_Noreturn static void
play_tag(char **argv)
{
	const char *options[8] = { "vpcd", argv[0], "retry_ms", "20", argv[1],
		                   argv[1] != NULL ? argv[2] : NULL, NULL };

	make("nfc-tag", options);
	for (;;) {
		struct csn_op *get = fakehost_op(fake), *send = fakehost_op(fake);

		ops->receive(self, get);
		while (!fakehost_wait(fake, get, 60000))
			;
		if (ops->send(self, send, fakehost_op_bytes(get)) == CSN_OK)
			while (!fakehost_wait(fake, send, 60000))
				;
		fakehost_op_free(get);
		fakehost_op_free(send);
	}
}

/* Between vpcd and our tag: passes messages on, and cuts after so many of the reader's. */
static int
listen_on(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

static int
join(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
pass(int from, int to)
{
	uint8_t bytes[2 + 512];

	if (recv(from, bytes, 2, MSG_WAITALL) != 2)
		return false;
	const size_t len = (size_t)bytes[0] << 8 | bytes[1];
	if (len > 512 || recv(from, bytes + 2, len, MSG_WAITALL) != (ssize_t)len ||
	    send(to, bytes, len + 2, MSG_NOSIGNAL) != (ssize_t)(len + 2))
		return false;
	/* Controls other than "which ATR" are not answered. */
	return len != 1 || bytes[2] == 4 ? true : pass(from, to);
}

_Noreturn static void
leave_again_and_again(uint16_t vpcd, unsigned apdus)
{
	const int door = listen_on(39000);

	for (unsigned visit = 0;; visit++) {
		const int reader = join(vpcd);
		if (reader < 0) {
			usleep(20000);
			continue;
		}
		const int tag = accept(door, NULL, NULL);
		/* A little longer each time, so that every length of visit is met. */
		for (unsigned n = 0; n < apdus + visit % 7; n++)
			if (!pass(reader, tag) || !pass(tag, reader))
				break;
		close(reader);
		close(tag);
	}
}

static bool
echo(size_t len, uint64_t ms)
{
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const struct csn_bytes want = pattern(len);

	bool good = ops->receive(self, get) == CSN_OK && ops->send(self, send, want) == CSN_OK &&
		    fakehost_wait(fake, send, ms) && fakehost_wait(fake, get, ms);
	if (good) {
		const struct csn_bytes got = fakehost_op_bytes(get);
		good = fakehost_op_result(send) == CSN_OK && got.len == len &&
		       memcmp(got.ptr, want.ptr, len) == 0;
	} else {
		char text[256];
		ops->diagnose(self, text, sizeof text);
		printf("# %s\n", text);
		ops->cancel(self, send);
		ops->cancel(self, get);
	}
	fakehost_op_free(send);
	fakehost_op_free(get);
	return good;
}

static int
read_tag(size_t most)
{
	static const size_t lens[] = { 1, 41, 700, 2672, LARGE };

	make("nfc", (const char *const[]){ "poll_ms", "2", NULL });
	for (size_t i = 0; i < sizeof lens / sizeof lens[0] && lens[i] <= most; i++)
		tap_ok(echo(lens[i], 60000), "%zu bytes there and back", lens[i]);
	component->destroy(self);
	fakehost_free(fake);
	return tap_done();
}

static int
write_tag(const char *text)
{
	struct csn_op *send, *late;

	make("nfc", (const char *const[]){ "poll_ms", "2", NULL });
	send = fakehost_op(fake);
	ops->send(self, send, (struct csn_bytes){ (const uint8_t *)text, strlen(text) });
	tap_ok(fakehost_wait(fake, send, 20000) && fakehost_op_result(send) == CSN_OK,
	       "a passive tag takes a message");
	late = fakehost_op(fake);
	ops->send(self, late, pattern(2000));
	tap_ok(fakehost_wait(fake, late, 20000) && fakehost_op_result(late) == CSN_E_TOO_BIG,
	       "and refuses one that is larger than its file");
	printf("#   %s\n", fakehost_op_text(late));
	fakehost_op_free(send);
	fakehost_op_free(late);
	component->destroy(self);
	fakehost_free(fake);
	return tap_done();
}

/* ---- bench ------------------------------------------------------------------------------ */

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What the link can do: nanoseconds of one UPDATE BINARY of 255 bytes after the other. */
static double
bare_ns(void)
{
	static const uint8_t app[] = { 0, 0xa4, 4, 0, 7, 0xd2, 0x76, 0, 0, 0x85, 1, 1, 0 };
	static const uint8_t file[] = { 0, 0xa4, 0, 12, 2, 0xe1, 4 };
	uint8_t write[260] = { 0, 0xd6, 0, 2, 255 }, answer[258];
	SCARDCONTEXT context;
	SCARDHANDLE card;
	DWORD protocol, len = sizeof answer;
	char names[256];
	DWORD names_len = sizeof names;
	unsigned n = 0, tries = 0;

	if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS ||
	    SCardListReaders(context, NULL, names, &names_len) != SCARD_S_SUCCESS)
		return 0;
	/* The tag is on its way. */
	while (SCardConnect(context, names, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, &card,
	                    &protocol) != SCARD_S_SUCCESS) {
		if (++tries == 200)
			return 0;
		usleep(50000);
	}
	SCardTransmit(card, SCARD_PCI_T1, app, sizeof app, NULL, answer, &len);
	len = sizeof answer;
	SCardTransmit(card, SCARD_PCI_T1, file, sizeof file, NULL, answer, &len);
	const uint64_t start = now_ns();
	while (now_ns() - start < BENCH_NS) {
		len = sizeof answer;
		if (SCardTransmit(card, SCARD_PCI_T1, write, sizeof write, NULL, answer, &len) !=
		            SCARD_S_SUCCESS || len != 2 || answer[0] != 0x90)
			return 0;
		n++;
	}
	const double each = (double)(now_ns() - start) / n;
	SCardDisconnect(card, SCARD_LEAVE_CARD);
	SCardReleaseContext(context);
	return each;
}

/* By turns, so that whatever else the machine does meets both alike. */
static int
bench(void)
{
	double bare = 0, there = 0;
	unsigned n = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		const double each = bare_ns();
		if (each == 0)
			return 1;
		bare += each / ROUNDS;
		make("nfc", (const char *const[]){ "poll_ms", "1", NULL });
		if (!echo(41, 20000))
			return 1;
		const uint64_t start = now_ns();
		for (; now_ns() - start < BENCH_NS; n += 2)
			if (!echo(LARGE, 60000))
				return 1;
		there += (double)(now_ns() - start);
		component->destroy(self);
		fakehost_free(fake);
	}
	printf("apdu_bytes_per_s %.0f message_bytes_per_s %.0f messages %u seconds %.2f\n",
	       255e9 / bare, n * (double)LARGE * 1e9 / there, n, there / 1e9);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "tag") == 0)
		play_tag(argv + 2);
	if (argc == 4 && strcmp(argv[1], "leave") == 0)
		leave_again_and_again((uint16_t)atoi(argv[2]), (unsigned)atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "reader") == 0)
		return read_tag((size_t)atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "write") == 0)
		return write_tag(argv[2]);
	if (argc == 2 && strcmp(argv[1], "bench") == 0)
		return bench();
	return 2;
}
