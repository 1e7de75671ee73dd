/* channel/loop: what is sent comes back once, in order, within its bounds. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>

static struct fakehost *fake;
static const struct csn_component *component;

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static bool
carries(const struct csn_op *op, const char *s)
{
	const struct csn_bytes got = fakehost_op_bytes(op);

	return fakehost_op_ended(op) && fakehost_op_result(op) == CSN_OK &&
	       got.len == strlen(s) && memcmp(got.ptr, s, got.len) == 0;
}

static void *
make(const char *const *options)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	tap_is(fakehost_create(fake, component, options, &self, &err), CSN_OK, "it is made");
	return self;
}

static void
test_round(void)
{
	void *self = make((const char *const[]){ "delay_ms", "250", "medium", "air", NULL });
	const struct csn_channel_ops *ops = component->ops.channel;
	struct csn_channel_caps caps = { .size = sizeof caps };
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
	const struct csn_host *host = fakehost_host(fake);
	const uint64_t start_ns = host->now(host);

	tap_ok(ops->caps(self, &caps) == CSN_OK && strcmp(caps.medium_name, "air") == 0,
	       "the medium is the configured one");
	tap_is(caps.max_message, 65536, "the limit is the default");
	tap_is(ops->receive(self, get), CSN_OK, "receiving starts before anything is there");
	tap_is(ops->send(self, send, text("hello")), CSN_OK, "sending starts");
	tap_ok(!fakehost_op_ended(send), "it has not been carried at once");
	struct csn_op *second = fakehost_op(fake);
	tap_is(fakehost_started(second, ops->send(self, second, text("more"))), CSN_E_BUSY,
	       "a second send at the same time is busy");
	tap_ok(fakehost_wait(fake, get, 1000) && carries(get, "hello"), "it comes back");
	tap_is((long long)((host->now(host) - start_ns) / 1000000), 250,
	       "it took the delay that was asked for");
	tap_is(fakehost_op_result(send), CSN_OK, "the send has ended well");
	fakehost_op_free(send);
	fakehost_op_free(second);
	fakehost_op_free(get);
	component->destroy(self);
}

static void
test_order(void)
{
	static const char *const words[] = { "one", "two", "three" };
	void *self = make(NULL);
	const struct csn_channel_ops *ops = component->ops.channel;
	bool in_order = true;

	for (size_t i = 0; i < 3; i++) {
		struct csn_op *op = fakehost_op(fake);
		ops->send(self, op, text(words[i]));
		fakehost_wait(fake, op, 1000);
		fakehost_op_free(op);
	}
	for (size_t i = 0; i < 3; i++) {
		struct csn_op *op = fakehost_op(fake);
		ops->receive(self, op);
		fakehost_wait(fake, op, 1000);
		in_order &= carries(op, words[i]);
		fakehost_op_free(op);
	}
	tap_ok(in_order, "messages that waited come in the order they were sent");
	component->destroy(self);
}

static void
test_bounds(void)
{
	static const struct {
		const char *what, *message, *because;
		int         want;
	} cases[] = {
		{ "a message of the limit", "12345678", "", CSN_OK },
		{ "a message over the limit", "123456789",
		  "message is 9 bytes, this loop carries 8", CSN_E_TOO_BIG },
		{ "an empty message", "", "an empty message cannot be sent", CSN_E_INVALID },
	};
	void *self = make((const char *const[]){ "limit", "8", NULL });
	const struct csn_channel_ops *ops = component->ops.channel;
	int r = CSN_OK;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct csn_op *op = fakehost_op(fake);
		r = fakehost_started(op, ops->send(self, op, text(cases[i].message)));
		fakehost_wait(fake, op, 10);
		tap_ok(r == cases[i].want && strcmp(fakehost_op_text(op), cases[i].because) == 0,
		       "%s", cases[i].what);
		fakehost_op_free(op);
	}
	unsigned held = 1; /* the first case's */
	for (r = CSN_OK; r == CSN_OK && held < 100;) {
		struct csn_op *op = fakehost_op(fake);
		r = fakehost_started(op, ops->send(self, op, text("x")));
		fakehost_wait(fake, op, 10);
		if (r < 0)
			tap_ok(r == CSN_E_BUSY &&
			               strstr(fakehost_op_text(op), "nobody receives") != NULL,
			       "when all room is taken the refusal says that nobody receives");
		held += r == CSN_OK;
		fakehost_op_free(op);
	}
	tap_is(held, 16, "sixteen messages wait before that");
	component->destroy(self);
}

static void
test_cancel(void)
{
	void *self = make((const char *const[]){ "delay_ms", "100", NULL });
	const struct csn_channel_ops *ops = component->ops.channel;
	struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);

	ops->send(self, send, text("lost"));
	ops->receive(self, get);
	ops->cancel(self, send);
	tap_is(fakehost_op_result(send), CSN_E_CANCELLED, "a cancelled send ends so");
	fakehost_run(fake, 500);
	tap_ok(!fakehost_op_ended(get), "and its message never arrives");
	ops->cancel(self, get);
	tap_is(fakehost_op_result(get), CSN_E_CANCELLED, "a cancelled receive ends so");
	fakehost_op_free(send);
	fakehost_op_free(get);
	component->destroy(self);
	component->destroy(NULL);
}

static void
test_options(void)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	tap_is(fakehost_create(fake, component, (const char *const[]){ "limit", "0", NULL },
	                       &self, &err),
	       CSN_E_CONFIG, "a limit of 0 is refused");
	tap_ok(self == NULL, "and nothing was made");
}

int
main(void)
{
	fake      = fakehost_new(false);
	component = fakehost_load("channel/loop");
	test_round();
	test_order();
	test_bounds();
	test_cancel();
	test_options();
	fakehost_free(fake);
	return tap_done();
}
