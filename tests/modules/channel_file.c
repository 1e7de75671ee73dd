/* channel/file: a message is a file; order, once each, and what is not a message. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/channel.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fakehost *fake;
static const struct csn_component *component;
static const struct csn_channel_ops *ops;
static char folder[64];

static const char *
path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof text, "%s/%s", folder, name);
	return text;
}

/* As another implementation does: written whole, then renamed. */
static void
put(const char *name, const char *bytes)
{
	char temporary[128];

	snprintf(temporary, sizeof temporary, "%s/.other", folder);
	FILE *f = fopen(temporary, "wb");
	if (f == NULL || fputs(bytes, f) < 0 || fclose(f) != 0 ||
	    rename(temporary, path(name)) != 0)
		abort();
}

static bool
holds(const char *name, const char *want)
{
	char got[128] = "";
	FILE *f = fopen(path(name), "rb");

	if (f == NULL)
		return false;
	const size_t len = fread(got, 1, sizeof got - 1, f);
	fclose(f);
	return len == strlen(want) && memcmp(got, want, len) == 0;
}

static void *
make(const char *limit, const char *poll_ms)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	if (fakehost_create(fake, component,
	                    (const char *const[]){ "folder", folder, "limit", limit,
	                                           "poll_ms", poll_ms, "medium", "card",
	                                           NULL },
	                    &self, &err) < 0)
		printf("# %s\n", err.text);
	return self;
}

static int
say(void *self, const char *words, const char **ret_text)
{
	static char text[512];
	struct csn_op *op = fakehost_op(fake);
	const struct csn_bytes message = { (const uint8_t *)words, strlen(words) };
	const int r = fakehost_started(op, ops->send(self, op, message));

	fakehost_wait(fake, op, 1000);
	snprintf(text, sizeof text, "%s", fakehost_op_text(op));
	if (ret_text != NULL)
		*ret_text = text;
	fakehost_op_free(op);
	return r;
}

/* The next message as text; "" when none came. */
static const char *
hear(void *self)
{
	static char text[128];
	struct csn_op *op = fakehost_op(fake);

	text[0] = '\0';
	fakehost_started(op, ops->receive(self, op));
	if (!fakehost_wait(fake, op, 5000))
		ops->cancel(self, op);
	const struct csn_bytes got = fakehost_op_bytes(op);
	if (fakehost_op_result(op) == CSN_OK && got.len < sizeof text) {
		memcpy(text, got.ptr, got.len);
		text[got.len] = '\0';
	}
	fakehost_op_free(op);
	return text;
}

static void
test_two_sides(void)
{
	void *a = make("64", "500"), *b = make("64", "500");

	tap_is(say(a, "first", NULL), CSN_OK, "a message is sent");
	tap_ok(holds("00000001.msg", "first"), "it is a file with nothing but its bytes");
	say(a, "second", NULL);
	say(b, "answer", NULL);
	tap_ok(holds("00000003.msg", "answer"), "the other side takes the next number");
	tap_ok(strcmp(hear(b), "first") == 0, "what was there before is received");
	tap_ok(strcmp(hear(b), "second") == 0, "in order");
	tap_ok(strcmp(hear(b), "") == 0, "each once, and not one's own");
	tap_ok(strcmp(hear(a), "answer") == 0, "the first side gets only the answer");
	component->destroy(a);
	component->destroy(b);
}

static void
test_new_files(void)
{
	void *self = make("64", "60000");
	struct csn_op *op = fakehost_op(fake);

	while (hear(self)[0] != '\0')
		;
	ops->receive(self, op);
	tap_ok(!fakehost_wait(fake, op, 100), "nothing comes from a folder nobody writes to");
	put("00000007.msg", "new");
	tap_ok(fakehost_wait(fake, op, 1000), "a new file is noticed before the timer");
	tap_is((long long)fakehost_op_bytes(op).len, 3, "and is the message");
	fakehost_op_free(op);
	put("00000005.msg", "late");
	tap_ok(strcmp(hear(self), "late") == 0, "a lower number that comes late is not lost");
	unlink(path("00000007.msg"));
	hear(self);
	put("00000007.msg", "again");
	tap_ok(strcmp(hear(self), "again") == 0, "a name that went and came back is new");
	tap_is(say(self, "next", NULL), CSN_OK, "sending goes on after the highest number");
	tap_ok(holds("00000008.msg", "next"), "whoever wrote that");
	component->destroy(self);
}

static void
test_not_messages(void)
{
	static const struct {
		const char *what, *name, *bytes, *because;
	} cases[] = {
		{ "an empty file", "00000020.msg", "", "is empty" },
		{ "a file over the limit", "00000021.msg", "123456789",
		  "is over the limit of 8 bytes" },
		{ "another suffix", "00000022.txt", "hello", "" },
		{ "nine digits", "000000023.msg", "hello", "" },
		{ "number zero", "00000000.msg", "hello", "" },
		{ "a letter for a digit", "0000002a.msg", "hello", "" },
	};
	void *self = make("8", "500");
	char text[256];

	while (hear(self)[0] != '\0')
		;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put(cases[i].name, cases[i].bytes);
		snprintf(text, sizeof text, "%s", fakehost_logged(fake));
		const bool silent = hear(self)[0] == '\0';
		/* What has no message's name is not even looked at. */
		tap_ok(silent && (cases[i].because[0] == '\0'
		                          ? strcmp(fakehost_logged(fake), text) == 0
		                          : strstr(fakehost_logged(fake), cases[i].because) != NULL),
		       "%s is passed over", cases[i].what);
	}
	tap_ok(symlink("00000001.msg", path("00000030.msg")) == 0 && hear(self)[0] == '\0',
	       "a link is passed over");
	tap_ok(mkfifo(path("00000031.msg"), 0600) == 0 && hear(self)[0] == '\0' &&
	               strstr(fakehost_logged(fake), "is not a regular file") != NULL,
	       "a FIFO is passed over and does not stop the loop");
	put("00000032.msg", "12345678");
	tap_ok(strcmp(hear(self), "12345678") == 0, "a good one after all that comes through");
	ops->diagnose(self, text, sizeof text);
	tap_ok(strstr(text, "00000031.msg is not a regular file") != NULL,
	       "diagnose names the last file that was no message");
	component->destroy(self);
}

static void
test_send_bounds(void)
{
	const char *text = "";
	void *self = make("8", "500");

	tap_ok(say(self, "123456789", &text) == CSN_E_TOO_BIG &&
	               strcmp(text, "message is 9 bytes, this folder takes 8") == 0,
	       "a message over the limit is refused with both numbers");
	tap_ok(say(self, "", &text) == CSN_E_INVALID, "an empty message is refused");
	component->destroy(self);
}

static void
test_no_folder(void)
{
	struct csn_error err = { 0 };
	void *self = NULL;

	tap_is(fakehost_create(fake, component, NULL, &self, &err), CSN_E_CONFIG,
	       "a folder must be named");
	tap_ok(fakehost_create(fake, component,
	                       (const char *const[]){ "folder", "/nowhere/at/all", NULL },
	                       &self, &err) == CSN_E_MISSING &&
	               strstr(err.text, "no folder /nowhere/at/all") != NULL &&
	               strstr(err.text, "make it") != NULL,
	       "a missing folder is named, with the next step");
	tap_ok(self == NULL, "and nothing was made");
	component->destroy(NULL);
}

static void
test_cancel(void)
{
	void *self = make("64", "500");
	struct csn_op *op = fakehost_op(fake), *second = fakehost_op(fake);

	while (hear(self)[0] != '\0')
		;
	ops->receive(self, op);
	tap_is(fakehost_started(second, ops->receive(self, second)), CSN_E_BUSY,
	       "a second receive is busy");
	ops->cancel(self, op);
	tap_is(fakehost_op_result(op), CSN_E_CANCELLED, "a cancelled receive ends so");
	fakehost_op_free(op);
	fakehost_op_free(second);
	component->destroy(self);
}

int
main(void)
{
	char command[128];

	snprintf(folder, sizeof folder, "/tmp/channel-file-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	fake      = fakehost_new(false);
	component = fakehost_load("channel/file");
	ops       = component->ops.channel;
	test_two_sides();
	test_new_files();
	test_not_messages();
	test_send_bounds();
	test_no_folder();
	test_cancel();
	fakehost_free(fake);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return tap_done() | (system(command) != 0);
}
