/*
 * channel/serial through pseudo terminals: two ends joined by a relay of the test, which
 * can lose, spoil and cut; ports that are not there yet, vanish and come back.
 */
#define _GNU_SOURCE 1

#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { MESSAGE = 40960 };

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_channel_ops *ops;
static char folder[] = "/tmp/csn-serial-XXXXXX";

/* One port: the name the channel opens is a link to the pseudo terminal of the moment. */
struct port {
	char name[64];
	int  master;
	struct port *other;
	struct csn_watch *watch;
	unsigned lose, spoil; /* one read in so many                            */
	unsigned lose_acks;   /* so many acknowledgements, the next ones        */
	unsigned reads;
};

/* Cuts acknowledgements out of @bytes; a frame comes in one read, two may. */
static ssize_t
cut_acks(struct port *port, uint8_t *bytes, ssize_t n)
{
	for (ssize_t at = 0; at + 2 < n && port->lose_acks > 0; at++) {
		if (bytes[at] != 0 || bytes[at + 1] == 0 || bytes[at + 2] != 2)
			continue;
		const uint8_t *end = memchr(bytes + at + 1, 0, (size_t)(n - at - 1));
		const ssize_t after = end == NULL ? n : end - bytes + 1;
		memmove(bytes + at, bytes + after, (size_t)(n - after));
		n -= after - at;
		port->lose_acks--;
		at--;
	}
	return n;
}

static void
relay(void *self, int fd, uint32_t ready)
{
	struct port *port = self;
	uint8_t bytes[600];
	const ssize_t n = cut_acks(port, bytes, read(fd, bytes, sizeof bytes));

	(void)ready;
	if (n <= 0 || port->other->master < 0)
		return;
	port->reads++;
	if (port->lose != 0 && port->reads % port->lose == 0)
		return;
	if (port->spoil != 0 && port->reads % port->spoil == 0)
		bytes[n / 2] ^= 0x10;
	for (ssize_t at = 0; at < n;) {
		const ssize_t w = write(port->other->master, bytes + at, (size_t)(n - at));
		if (w <= 0)
			return;
		at += w;
	}
}

static void
plug(struct port *port)
{
	char path[64];

	port->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port->master < 0 || grantpt(port->master) < 0 || unlockpt(port->master) < 0 ||
	    ptsname_r(port->master, path, sizeof path) != 0) {
		printf("Bail out! no pseudo terminal\n");
		exit(99);
	}
	/* Held open once, so that the master does not hang up before the channel comes. */
	const int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios tio;
	tcgetattr(slave, &tio);
	cfmakeraw(&tio);
	tcsetattr(slave, TCSANOW, &tio);
	unlink(port->name);
	if (symlink(path, port->name) < 0)
		exit(99);
	port->watch = fakehost_host(fake)->watch_add(fakehost_host(fake), port->master,
	                                             CSN_READABLE, relay, port);
	close(slave);
}

static void
unplug(struct port *port)
{
	fakehost_host(fake)->watch_drop(port->watch);
	close(port->master);
	unlink(port->name);
	port->master = -1;
}

static void
join(struct port ports[2])
{
	for (size_t i = 0; i < 2; i++) {
		ports[i] = (struct port){ .master = -1, .other = &ports[1 - i] };
		snprintf(ports[i].name, sizeof ports[i].name, "%s/port%zu", folder, i);
	}
}

static void *
make(const struct port *port, const char *key, const char *value)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component,
	                    (const char *const[]){ "device", port->name, "baud", "3000000", "reopen_ms",
	                                           "20", key, value, NULL },
	                    &self, &err) != CSN_OK)
		printf("# %s\n", err.text);
	return self;
}

static struct csn_bytes
pattern(size_t len)
{
	static uint8_t bytes[MESSAGE];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	return (struct csn_bytes){ bytes, len };
}

static bool
carry(void *from, void *to, size_t len)
{
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const struct csn_bytes want = pattern(len);

	bool good = fakehost_started(get, ops->receive(to, get)) == CSN_OK &&
		    fakehost_started(send, ops->send(from, send, want)) == CSN_OK &&
		    fakehost_wait(fake, get, 60000) && fakehost_wait(fake, send, 60000);
	if (good) {
		const struct csn_bytes got = fakehost_op_bytes(get);
		good = fakehost_op_result(send) == CSN_OK && got.len == len &&
		       memcmp(got.ptr, want.ptr, len) == 0;
	} else {
		char text[256];
		ops->diagnose(from, text, sizeof text);
		printf("# %s\n", text);
		ops->cancel(from, send);
		ops->cancel(to, get);
	}
	fakehost_op_free(send);
	fakehost_op_free(get);
	return good;
}

static void
test_both_ways(void)
{
	struct port ports[2];
	struct csn_channel_caps caps = { .size = sizeof caps };

	join(ports);
	plug(&ports[0]);
	plug(&ports[1]);
	void *a = make(&ports[0], NULL, NULL), *b = make(&ports[1], NULL, NULL);
	tap_ok(ops->caps(a, &caps) == CSN_OK && strcmp(caps.medium_name, "serial") == 0 &&
	               (caps.direction & CSN_DUPLEX) != 0 && caps.bytes_per_second == 300000,
	       "a line goes both ways, ten bits a byte");
	tap_ok(carry(a, b, 41), "41 bytes one way");
	tap_ok(carry(b, a, 500), "500 bytes back");
	tap_ok(carry(a, b, MESSAGE), "the largest offer");
	tap_ok(carry(a, b, 41) && carry(a, b, 41), "the same message again, and again");
	ports[0].lose = 5;
	ports[1].spoil = 7;
	tap_ok(carry(a, b, MESSAGE) && carry(b, a, MESSAGE),
	       "over a line that loses every fifth read and spoils every seventh");
	component->destroy(a);
	component->destroy(b);
	unplug(&ports[0]);
	unplug(&ports[1]);
}

static void
test_hot_plug(void)
{
	struct port ports[2];
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	char text[256];

	join(ports);
	void *a = make(&ports[0], NULL, NULL), *b = make(&ports[1], NULL, NULL);
	tap_ok(a != NULL && b != NULL, "ports that are not there yet are waited for");
	ops->receive(b, get);
	tap_is(ops->send(a, send, pattern(3000)), CSN_OK, "a message waits for its port");
	fakehost_run(fake, 50);
	ops->diagnose(a, text, sizeof text);
	tap_ok(strstr(text, "No such file") != NULL, "asked why, it says that the port is not there");
	plug(&ports[0]);
	plug(&ports[1]);
	tap_ok(fakehost_wait(fake, get, 20000) && fakehost_op_bytes(get).len == 3000,
	       "it is carried when both are plugged in");
	fakehost_wait(fake, send, 20000);
	fakehost_op_free(send);
	fakehost_op_free(get);

	get = fakehost_op(fake);
	ops->receive(b, get);
	unplug(&ports[1]);
	unplug(&ports[0]);
	fakehost_run(fake, 50);
	tap_ok(strstr(fakehost_logged(fake), "waiting for it to come back") != NULL,
	       "a port that goes is told once");
	plug(&ports[0]);
	plug(&ports[1]);
	tap_ok(fakehost_wait(fake, get, 20000) && fakehost_op_bytes(get).len == 3000,
	       "what is shown is said again after it was plugged in again");
	fakehost_op_free(get);
	tap_ok(carry(b, a, 700), "and the other way works as before");

	/* In the middle of a message. */
	send = fakehost_op(fake), get = fakehost_op(fake);
	ops->receive(b, get);
	ports[0].lose = 2;
	ops->send(a, send, pattern(MESSAGE));
	fakehost_run(fake, 5);
	unplug(&ports[0]);
	fakehost_run(fake, 60);
	tap_ok(!fakehost_op_ended(send), "a message is cut in its middle");
	plug(&ports[0]);
	ports[0].lose = 0;
	tap_ok(fakehost_wait(fake, get, 60000) && fakehost_op_bytes(get).len == MESSAGE &&
	               fakehost_wait(fake, send, 20000) && fakehost_op_result(send) == CSN_OK,
	       "and carried whole afterwards");
	fakehost_op_free(send);
	fakehost_op_free(get);
	component->destroy(a);
	component->destroy(b);
	unplug(&ports[0]);
	unplug(&ports[1]);
}

/* The end that hears the last message is a program of its own, which leaves at once. */
_Noreturn static void
hear_and_leave(const struct port *port)
{
	fake = fakehost_new(true);
	void *self = make(port, NULL, NULL);
	struct csn_op *get = fakehost_op(fake);

	ops->receive(self, get);
	const bool good = fakehost_wait(fake, get, 20000) && fakehost_op_bytes(get).len == 110;
	fakehost_op_free(get);
	component->destroy(self);
	_exit(good ? 0 : 1);
}

static void
test_last_word(void)
{
	struct port ports[2];
	int status = -1;

	join(ports);
	plug(&ports[0]);
	plug(&ports[1]);
	ports[0].lose_acks = 2;
	const pid_t pid = fork();
	if (pid == 0)
		hear_and_leave(&ports[0]);
	void *self = make(&ports[1], NULL, NULL);
	struct csn_op *send = fakehost_op(fake);
	ops->send(self, send, pattern(110));
	tap_ok(fakehost_wait(fake, send, 20000) && fakehost_op_result(send) == CSN_OK &&
	               ports[0].lose_acks == 0,
	       "a last message is acknowledged by an end that leaves, two lost acknowledgements later");
	tap_ok(waitpid(pid, &status, 0) == pid && status == 0, "which had it at once");
	fakehost_op_free(send);
	component->destroy(self);
	unplug(&ports[0]);
	unplug(&ports[1]);
}

static void
test_garbage(void)
{
	struct port ports[2];
	uint8_t noise[997];
	char text[256];

	join(ports);
	plug(&ports[0]);
	plug(&ports[1]);
	void *a = make(&ports[0], NULL, NULL), *b = make(&ports[1], NULL, NULL);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)(i * i * 31 + i % 5);
	struct csn_op *get = fakehost_op(fake);
	ops->receive(b, get);
	for (int i = 0; i < 20; i++) {
		const ssize_t n = write(ports[1].master, noise, sizeof noise);
		(void)n;
		fakehost_run(fake, 5);
	}
	tap_ok(!fakehost_op_ended(get), "a boot log at another rate is no message");
	ops->diagnose(b, text, sizeof text);
	tap_ok(strstr(text, "same rate") != NULL, "asked why, it asks for the rate");
	ops->cancel(b, get);
	tap_is(fakehost_op_result(get), CSN_E_CANCELLED, "a cancelled receive ends so");
	fakehost_op_free(get);
	tap_ok(carry(a, b, 2000), "messages pass after it");
	component->destroy(a);
	component->destroy(b);
	unplug(&ports[0]);
	unplug(&ports[1]);
}

static void
test_refusals(void)
{
	static const struct {
		const char *what, *key, *value;
	} cases[] = {
		{ "an unusual rate", "baud", "12345" },
		{ "a rate over 3 Mbaud", "baud", "4000000" },
		{ "a frame of 8 bytes", "frame", "8" },
		{ "a limit of 0", "limit", "0" },
	};
	struct port ports[2];
	void *self = NULL;

	join(ports);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct csn_error err = { 0 };
		tap_is(fakehost_create(fake, component,
		                       (const char *const[]){ "device", "/dev/null", cases[i].key,
		                                              cases[i].value, NULL },
		                       &self, &err),
		       CSN_E_CONFIG, cases[i].what);
	}
	self = make(&ports[0], "limit", "100");
	struct csn_op *one = fakehost_op(fake), *two = fakehost_op(fake);
	tap_is(fakehost_started(one, ops->send(self, one, pattern(101))), CSN_E_TOO_BIG,
	       "a message over the limit");
	tap_is(fakehost_started(two, ops->send(self, two, CSN_BYTES_NONE)), CSN_E_INVALID,
	       "an empty message");
	fakehost_op_free(one);
	fakehost_op_free(two);
	one = fakehost_op(fake), two = fakehost_op(fake);
	tap_is(ops->send(self, one, pattern(10)), CSN_OK, "a send waits");
	tap_is(fakehost_started(two, ops->send(self, two, pattern(10))), CSN_E_BUSY,
	       "a second one meanwhile");
	ops->rest(self);
	tap_is(fakehost_op_result(one), CSN_E_CANCELLED, "rest takes it back");
	fakehost_op_free(one);
	fakehost_op_free(two);
	component->destroy(self);
	component->destroy(NULL);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 99;
	fake      = fakehost_new(true);
	component = fakehost_load("channel/serial");
	ops       = component->ops.channel;
	test_both_ways();
	test_hot_plug();
	test_last_word();
	test_garbage();
	test_refusals();
	fakehost_free(fake);
	rmdir(folder);
	return tap_done();
}
