/*
 * channel/ble without a radio: fragments, their names, and several devices at once, each
 * a pair of sockets as BlueZ hands them out; the bus behind it is the test's.
 */
#define _GNU_SOURCE 1

#include "kit/fakehost.h"
#include "kit/tap.h"

#include "plugins/channel/ble/ble.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the test's bus ----------------------------------------------------------------------- */

static char gone[BLE_PATH];
static uint8_t air[200][BLE_VALUE_MAX];
static size_t air_len[200], air_count;

int
ble_bus_start(struct ble *ble, struct csn_error *err)
{
	(void)ble;
	(void)err;
	return CSN_OK;
}

void
ble_bus_stop(struct ble *ble)
{
	(void)ble;
}

void
ble_bus_gone(struct ble *ble, const char *path)
{
	(void)ble;
	snprintf(gone, sizeof gone, "%s", path);
}

void
ble_bus_notify(struct ble *ble, struct csn_bytes value)
{
	(void)ble;
	if (air_count == sizeof air_len / sizeof air_len[0])
		abort();
	memcpy(air[air_count], value.ptr, value.len);
	air_len[air_count++] = value.len;
}

/* ---- names and fragments --------------------------------------------------------------------- */

#define SID 0x50, 0xa1, 0xb2, 0xc3, 0xd4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

/* How each message of protocol.md begins, and what it is then called. */
static const struct {
	const char *what;
	unsigned    msg;
	size_t      len;
	uint8_t     bytes[48];
} named[] = {
	{ "M1", 1, 30, { 0x84, 1, 0x88, 1, 2, 3, SID } },
	{ "M2", 2, 41, { 2, 0xa1, 0xb2, 0xc3, 0xd4 } },
	{ "M3", 3, 38, { 0x85, 3, SID } },
	{ "M0a", 4, 39, { 0x84, 4, 1, SID } },
	{ "M0b", 5, 40, { 0x84, 5, 0x89, 1, 2, SID } },
	{ "M4", 6, 30, { 0x84, 6, SID } },
	{ "M5", 7, 30, { 0x86, 7, SID } },
};

static void
test_names(void)
{
	uint8_t sid4[4];
	unsigned msg;

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
		ble_name((struct csn_bytes){ named[i].bytes, named[i].len }, sid4, &msg);
		tap_ok(msg == named[i].msg && memcmp(sid4, "\xa1\xb2\xc3\xd4", 4) == 0,
		       "%s goes under its number and session", named[i].what);
	}
	/* "123456789" has the CRC-32C e3069283. */
	ble_name((struct csn_bytes){ (const uint8_t *)"123456789", 9 }, sid4, &msg);
	tap_ok(msg == 8 && memcmp(sid4, "\xe3\x06\x92\x83", 4) == 0,
	       "what names no session goes under its CRC");
	tap_ok(ble_value_len(23) == 20 && ble_value_len(0) == 20 && ble_value_len(185) == 182 &&
	               ble_value_len(517) == 512,
	       "an MTU of 23, of none, of 185 and of 517");
}

static struct csn_bytes
m1(size_t len, uint8_t n)
{
	static uint8_t bytes[BLE_MESSAGE_MAX];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 250 + n);
	memcpy(bytes, named[0].bytes, 23);
	bytes[7] = n;
	return (struct csn_bytes){ bytes, len };
}

static void
test_fragments(void)
{
	static uint8_t buf[BLE_IN_SIZE];
	static const struct { size_t len, value; } cases[] = {
		{ 30, 20 }, { 2672, 20 }, { 7168, 20 }, { 2672, 182 }, { 40960, 512 }, { 499, 512 } };
	struct ble_in in;
	uint8_t value[BLE_VALUE_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct csn_bytes message = m1(cases[i].len, 3);
		struct csn_bytes got = CSN_BYTES_NONE;
		size_t n = 0, len;

		ble_in_init(&in, buf);
		for (; got.len == 0 && (len = ble_value(message, cases[i].value, n, value)) > 0; n++)
			got = ble_take(&in, (struct csn_bytes){ value, len });
		tap_ok(got.len == message.len && memcmp(got.ptr, message.ptr, got.len) == 0 &&
		               ble_value(message, cases[i].value, n, value) == 0,
		       "%zu bytes in values of %zu: %zu of them", cases[i].len, cases[i].value, n);
	}
	tap_is(ble_fits(m1(7169, 1), 20), CSN_E_TOO_BIG, "over 1024 fragments it does not fit");
	tap_is(ble_fits(m1(40961, 1), 512), CSN_E_TOO_BIG, "nor over the cap of section 11");

	/* A new message in the middle of another; a value that is spoilt. */
	ble_in_init(&in, buf);
	const size_t len = ble_value(m1(100, 1), 50, 0, value);
	ble_take(&in, (struct csn_bytes){ value, len });
	struct csn_bytes got = CSN_BYTES_NONE;
	for (size_t i = 0, n; (n = ble_value(m1(60, 2), 50, i, value)) > 0; i++)
		got = ble_take(&in, (struct csn_bytes){ value, n });
	tap_ok(got.len == 60 && in.bad == 0, "a message comes between the halves of another");
	for (uint8_t k = 3; k < 3 + BLE_JOINS; k++)
		ble_take(&in, (struct csn_bytes){ value, ble_value(m1(100, k), 50, 0, value) });
	got = ble_take(&in, (struct csn_bytes){ value, ble_value(m1(100, 1), 50, 1, value) });
	for (size_t i = 2, n; (n = ble_value(m1(100, 1), 50, i, value)) > 0; i++)
		got = ble_take(&in, (struct csn_bytes){ value, n });
	tap_is((long long)got.len, 0, "what is idle longest gives its place to what is new");
	const size_t last = ble_value(m1(60, 2), 50, 0, value);
	value[15] ^= 1;
	tap_ok(ble_take(&in, (struct csn_bytes){ value, last }).len == 0 && in.bad == 1,
	       "a value with another CRC is dropped");
}

/* ---- devices ----------------------------------------------------------------------------------- */

struct device {
	int           write_fd, notify_fd; /* the test's ends                    */
	struct ble_in in;
	uint8_t       buf[BLE_IN_SIZE];
};

static struct fakehost *fake;
static struct device devices[3];

static struct ble *
make(uint32_t mode)
{
	struct ble *ble = calloc(1, sizeof *ble);

	ble->host = fakehost_host(fake);
	ble->inbox.host = ble->outbox.host = ble->host;
	ble->mode = mode;
	ble->limit = BLE_MESSAGE_MAX;
	ble->value = BLE_VALUE_MAX;
	ble->adapter = (char[]){ "hci0" };
	ble->medium = (char[]){ "ble" };
	air_count = 0;
	gone[0] = '\0';
	return ble;
}

static void
join(struct ble *ble, size_t i)
{
	char path[16];
	int w[2], n[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, w) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, n) < 0)
		abort();
	devices[i].write_fd = w[1];
	devices[i].notify_fd = n[1];
	ble_in_init(&devices[i].in, devices[i].buf);
	snprintf(path, sizeof path, "/dev/%zu", i);
	ble_joined(ble, path, w[0], n[0], 100);
}

/* What the device gets in @ms. */
static struct csn_bytes
hear(size_t i, size_t want_len)
{
	struct csn_bytes got = CSN_BYTES_NONE;
	uint8_t value[BLE_VALUE_MAX];

	for (int n = 0; n < 200 && got.len != want_len; n++) {
		const ssize_t len = recv(devices[i].write_fd, value, sizeof value, MSG_DONTWAIT);
		if (len <= 0)
			fakehost_run(fake, 2);
		else
			got = ble_take(&devices[i].in, (struct csn_bytes){ value, (size_t)len });
	}
	return got;
}

static void
say(size_t i, struct csn_bytes message)
{
	uint8_t value[BLE_VALUE_MAX];

	for (size_t n = 0, len; (len = ble_value(message, 97, n, value)) > 0; n++)
		if (send(devices[i].notify_fd, value, len, 0) < 0)
			abort();
}

static void
leave(size_t i)
{
	close(devices[i].write_fd);
	close(devices[i].notify_fd);
}

static void
test_central(void)
{
	struct ble *ble = make(BLE_CENTRAL);
	struct csn_op *send = fakehost_op(fake), *get;
	const struct csn_bytes message = m1(5000, 9);

	tap_is(ble_ops.send(ble, send, message), CSN_OK, "a central sends before anybody is there");
	fakehost_run(fake, 5);
	tap_ok(!fakehost_op_ended(send), "and waits");
	join(ble, 0);
	join(ble, 1);
	tap_ok(hear(0, 5000).len == 5000 && hear(1, 5000).len == 5000,
	       "both devices that come get the message");
	tap_is(fakehost_op_result(send), CSN_OK, "the send has ended");
	fakehost_op_free(send);

	for (size_t i = 0; i < 2; i++) {
		get = fakehost_op(fake);
		ble_ops.receive(ble, get);
		say(i, m1(300 + i, (uint8_t)(20 + i)));
		tap_ok(fakehost_wait(fake, get, 1000) && fakehost_op_bytes(get).len == 300 + i,
		       "device %zu is heard", i);
		fakehost_op_free(get);
	}
	leave(0);
	fakehost_run(fake, 20);
	tap_ok(strcmp(gone, "/dev/0") == 0, "a device that goes is looked for again");
	join(ble, 0);
	tap_is((long long)hear(0, 5000).len, 5000, "and gets the whole message when it is back");
	leave(1);
	send = fakehost_op(fake);
	ble_ops.send(ble, send, m1(800, 10));
	tap_ok(hear(0, 800).len == 800 && fakehost_wait(fake, send, 1000) &&
	               fakehost_op_result(send) == CSN_OK,
	       "the other's going harms nobody");
	ble_ops.rest(ble);
	join(ble, 1);
	tap_is((long long)hear(1, 800).len, 0, "after rest nothing is shown");
	fakehost_op_free(send);
	ble_stop(ble);
	leave(0);
	leave(1);
	free(ble);
}

static struct csn_bytes
in_the_air(struct ble_in *in, uint8_t *buf)
{
	struct csn_bytes got = CSN_BYTES_NONE;

	ble_in_init(in, buf);
	for (size_t i = 0; i < air_count; i++) {
		const struct csn_bytes one = ble_take(in, (struct csn_bytes){ air[i], air_len[i] });
		if (one.len > 0)
			got = one;
	}
	return got;
}

static void
greet(struct ble *ble, const char *path, uint32_t mtu)
{
	uint8_t greeting[BLE_GREETING];

	ble_greeting(mtu, greeting);
	ble_written(ble, path, CSN_BYTES_OF(greeting));
}

static void
test_peripheral(void)
{
	static uint8_t buf[BLE_IN_SIZE];
	struct ble *ble = make(BLE_PERIPHERAL);
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	struct ble_in in;
	uint8_t value[BLE_VALUE_MAX];

	ble_ops.send(ble, send, m1(1000, 5));
	ble_subscribed(ble, true);
	tap_ok(air_count == 0 && !fakehost_op_ended(send), "a peripheral waits for a greeting");
	greet(ble, "/dev/a", 103);
	tap_ok(in_the_air(&in, buf).len == 1000 && air_len[0] == 100 &&
	               fakehost_op_result(send) == CSN_OK,
	       "who greets gets it, in values that fit its MTU");
	air_count = 0;
	greet(ble, "/dev/b", 53);
	tap_ok(in_the_air(&in, buf).len == 1000 && air_len[0] == 50,
	       "a second one of smaller MTU gets it, too");
	/* BlueZ puts both into the first one's descriptor, in turns. */
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	ble_joined(ble, "/dev/a", -1, pair[0], 103);
	for (size_t n = 0, len; n < 20; n++) {
		len = ble_value(m1(400, 7), 50, n, value);
		if (len > 0 && write(pair[1], value, len) < 0)
			abort();
		len = ble_value(m1(700, 6), 100, n, value);
		if (len > 0 && write(pair[1], value, len) < 0)
			abort();
	}
	ble_ops.receive(ble, get);
	tap_ok(fakehost_wait(fake, get, 100) && fakehost_op_bytes(get).len == 700,
	       "writes of two centrals are told apart");
	fakehost_op_free(get);
	get = fakehost_op(fake);
	ble_ops.receive(ble, get);
	tap_ok(fakehost_wait(fake, get, 100) && fakehost_op_bytes(get).len == 400, "and both come");
	air_count = 0;
	ble_subscribed(ble, false);
	ble_subscribed(ble, true);
	tap_is((long long)air_count, 0, "nobody has greeted since the last one left");
	close(pair[1]);
	fakehost_run(fake, 20);
	tap_ok(strcmp(gone, "/dev/a") == 0, "a central that goes is noticed");
	fakehost_op_free(get);
	fakehost_op_free(send);
	ble_stop(ble);
	free(ble);
}

static void
test_bounds(void)
{
	struct ble *ble = make(BLE_CENTRAL);
	struct csn_op *one = fakehost_op(fake), *two = fakehost_op(fake);

	tap_is(fakehost_started(one, ble_ops.send(ble, one, m1(40961, 1))), CSN_E_TOO_BIG,
	       "an offer over section 11");
	tap_is(fakehost_started(two, ble_ops.send(ble, two, CSN_BYTES_NONE)), CSN_E_INVALID,
	       "an empty message");
	fakehost_op_free(one);
	fakehost_op_free(two);
	one = fakehost_op(fake), two = fakehost_op(fake);
	ble_ops.send(ble, one, m1(100, 1));
	tap_is(fakehost_started(two, ble_ops.send(ble, two, m1(100, 1))), CSN_E_BUSY,
	       "a second send meanwhile");
	ble_ops.cancel(ble, one);
	tap_is(fakehost_op_result(one), CSN_E_CANCELLED, "a cancelled one ends so");
	fakehost_op_free(one);
	fakehost_op_free(two);
	for (size_t i = 0; i < BLE_PEERS + 1; i++) {
		char path[16];
		int w[2], n[2];
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w) < 0 ||
		    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, n) < 0)
			abort();
		snprintf(path, sizeof path, "/x/%zu", i);
		ble_joined(ble, path, w[0], n[0], 100);
		close(w[1]);
		close(n[1]);
	}
	tap_ok(strstr(fakehost_logged(fake), "no room") != NULL, "a ninth device is too many");
	ble_stop(ble);
	free(ble);
}

int
main(void)
{
	fake = fakehost_new(true);
	test_names();
	test_fragments();
	test_central();
	test_peripheral();
	test_bounds();
	fakehost_free(fake);
	return tap_done();
}
