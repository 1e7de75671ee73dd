/* prompt/tty on a pseudo-terminal and prompt/script from a file. */
#include "kit/fakehost.h"
#include "kit/tap.h"

#include <countersign/prompt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const struct csn_component *component;

struct prompt {
	struct fakehost *fake;
	void *self;
	int master, slave;
};

static int
open_prompt(struct prompt *p, bool real, const char *key, const char *value,
	    struct csn_error *err)
{
	const char *options[] = { key, value, NULL };

	memset(err, 0, sizeof *err);
	p->fake = fakehost_new(real);
	int r = fakehost_create(p->fake, component, options, &p->self, err);
	if (r < 0)
		fakehost_free(p->fake);
	return r;
}

static void
close_prompt(struct prompt *p)
{
	component->destroy(p->self);
	fakehost_free(p->fake);
}

static void
open_tty(struct prompt *p)
{
	struct csn_error err;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0)
		exit(1);
	/* Kept open so that what is typed ahead is not lost with the last closing. */
	p->slave = open(ptsname(p->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->slave < 0 ||
	    open_prompt(p, true, "device", ptsname(p->master), &err) < 0)
		exit(1);
}

static void
close_tty(struct prompt *p)
{
	close_prompt(p);
	close(p->master);
	close(p->slave);
}

/* All that the terminal shows by now. */
static const char *
shown(struct prompt *p)
{
	static char out[4096];
	ssize_t n = read(p->master, out, sizeof out - 1);

	out[n > 0 ? n : 0] = '\0';
	return out;
}

static void
type(struct prompt *p, const char *text)
{
	if (write(p->master, text, strlen(text)) < 0)
		exit(1);
}

static bool
echoes(struct prompt *p)
{
	struct termios t;

	return tcgetattr(p->slave, &t) == 0 && (t.c_lflag & ECHO) != 0;
}

static const struct csn_prompt ask_pin = { .size = sizeof ask_pin,
					   .question = CSN_ASK_PIN,
					   .min_len = 6,
					   .max_len = 12,
					   .text = "PIN for the door" };
static const struct csn_prompt ask_yes = { .size = sizeof ask_yes,
					   .question = CSN_ASK_CONFIRM,
					   .text = "Go on\x1b[2J?" };
static const struct csn_prompt compare = { .size = sizeof compare,
					   .question = CSN_ASK_COMPARE,
					   .text = "Same?",
					   .code = "4711" };
static const struct csn_prompt tell = { .size = sizeof tell,
					.question = CSN_TELL,
					.text = "Done" };

static void
test_pin(void)
{
	struct prompt p;
	struct csn_op *op;

	open_tty(&p);
	op = fakehost_op(p.fake);
	fakehost_started(op, component->ops.prompt->ask(p.self, op, &ask_pin));
	tap_ok(!echoes(&p), "while a PIN is asked for nothing is echoed");
	type(&p, "123\n");
	fakehost_run(p.fake, 50);
	tap_ok(!fakehost_op_ended(op) && strstr(shown(&p), "Again") != NULL,
	       "too short: asked again");
	type(&p, "49302a\n");
	fakehost_run(p.fake, 50);
	tap_ok(!fakehost_op_ended(op), "not digits: asked again");
	type(&p, "493027\n");
	fakehost_wait(p.fake, op, 2000);
	struct csn_bytes pin = fakehost_op_bytes(op);
	tap_ok(fakehost_op_result(op) == CSN_OK && pin.len == 6 &&
		       memcmp(pin.ptr, "493027", 6) == 0,
	       "the digits");
	tap_ok(strstr(shown(&p), "493027") == NULL, "were never shown");
	tap_ok(echoes(&p), "and the terminal is as it was");
	fakehost_op_free(op);

	op = fakehost_op(p.fake);
	fakehost_started(op, component->ops.prompt->ask(p.self, op, &ask_pin));
	struct csn_op *second = fakehost_op(p.fake);
	tap_is(fakehost_started(second,
				component->ops.prompt->ask(p.self, second, &ask_yes)),
	       CSN_E_BUSY, "one question at a time");
	component->ops.prompt->cancel(p.self, op);
	fakehost_wait(p.fake, op, 2000);
	tap_ok(fakehost_op_result(op) == CSN_E_CANCELLED && echoes(&p),
	       "cancelled: the terminal is as it was");
	fakehost_op_free(op);
	fakehost_op_free(second);
	close_tty(&p);
}

static void
test_confirm(void)
{
	static const struct {
		const char *what, *typed;
		int want;
	} cases[] = {
		{ "yes", "yes\n", CSN_OK },
		{ "y", "y\n", CSN_OK },
		{ "no", "no\n", CSN_E_REFUSED },
		{ "an empty line is no answer, then no", "\nno\n", CSN_E_REFUSED },
		{ "yes with more behind it is no yes", "yes please\nn\n",
		  CSN_E_REFUSED },
	};
	struct prompt p;

	open_tty(&p);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csn_op *op = fakehost_op(p.fake);

		fakehost_started(op, component->ops.prompt->ask(p.self, op, &ask_yes));
		type(&p, cases[i].typed);
		fakehost_wait(p.fake, op, 2000);
		tap_ok(fakehost_op_ended(op) && fakehost_op_result(op) == cases[i].want,
		       "confirm: %s", cases[i].what);
		fakehost_op_free(op);
	}
	const char *text = shown(&p);
	tap_ok(strstr(text, "Go on?[2J?") != NULL && strchr(text, 0x1b) == NULL,
	       "an escape sequence in a question reaches no terminal");
	struct csn_op *op = fakehost_op(p.fake);
	fakehost_started(op, component->ops.prompt->ask(p.self, op, &compare));
	type(&p, "yes\n");
	fakehost_wait(p.fake, op, 2000);
	tap_ok(fakehost_op_result(op) == CSN_OK && strstr(shown(&p), "4711") != NULL,
	       "a code to compare is shown");
	fakehost_op_free(op);
	op = fakehost_op(p.fake);
	fakehost_started(op, component->ops.prompt->ask(p.self, op, &tell));
	tap_ok(!fakehost_op_ended(op) && fakehost_wait(p.fake, op, 2000) &&
		       fakehost_op_result(op) == CSN_OK &&
		       strstr(shown(&p), "Done") != NULL,
	       "what is told is shown");
	fakehost_op_free(op);
	op = fakehost_op(p.fake);
	fakehost_started(op, component->ops.prompt->ask(p.self, op, &ask_yes));
	close(p.master);
	close(p.slave);
	fakehost_wait(p.fake, op, 2000);
	tap_ok(fakehost_op_ended(op) && fakehost_op_result(op) == CSN_E_MISSING,
	       "a terminal that goes away is nobody there");
	fakehost_op_free(op);
	close_prompt(&p);
}

static void
test_no_terminal(void)
{
	struct prompt p;
	struct csn_error err;

	open_prompt(&p, true, "device", "/dev/null", &err);
	struct csn_op *op = fakehost_op(p.fake);
	int r = fakehost_started(op, component->ops.prompt->ask(p.self, op, &ask_yes));
	tap_ok(r == CSN_E_MISSING &&
		       strstr(fakehost_op_text(op), "no terminal") != NULL,
	       "no terminal: nobody there, at once");
	fakehost_op_free(op);
	close_prompt(&p);
}

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(1);
	close(fd);
}

static int
script_ask(struct prompt *p, const struct csn_prompt *question, char out[32])
{
	struct csn_op *op = fakehost_op(p->fake);
	int r = fakehost_started(op, component->ops.prompt->ask(p->self, op, question));

	if (r == CSN_OK && fakehost_op_ended(op))
		r = 99;
	if (r == CSN_OK)
		r = fakehost_wait(p->fake, op, 1000) ? fakehost_op_result(op) : 98;
	struct csn_bytes b = fakehost_op_bytes(op);
	snprintf(out, 32, "%.*s", (int)b.len, b.len > 0 ? (const char *)b.ptr : "");
	fakehost_op_free(op);
	return r;
}

static void
test_script(void)
{
	static const struct {
		const char *what, *text, *said;
	} bad[] = {
		{ "a word nobody knows", "pin 1234\nanswer yes\n", ":2: wanted" },
		{ "a PIN that is not digits", "pin 12x4\n", ":1: wanted" },
		{ "a confirm that is neither", "confirm maybe\n", ":1: wanted" },
		{ "a line without an answer", "confirm\n", ":1: wanted" },
	};
	char path[] = "/tmp/csn-script-XXXXXX", out[32];
	struct prompt p;
	struct csn_error err;

	close(mkstemp(path));
	write_file(path, "# answers\nconfirm yes\npin 493027\nconfirm no\ncompare "
			 "yes\npin 111111\n");
	if (open_prompt(&p, false, "path", path, &err) < 0)
		exit(1);
	tap_ok(script_ask(&p, &ask_pin, out) == CSN_OK && strcmp(out, "493027") == 0,
	       "the first PIN");
	tap_is(script_ask(&p, &ask_yes, out), CSN_OK, "the first confirm");
	tap_is(script_ask(&p, &ask_yes, out), CSN_E_REFUSED, "the second confirm");
	tap_is(script_ask(&p, &ask_yes, out), CSN_E_MISSING,
	       "no third: nobody there, not yes");
	tap_is(script_ask(&p, &compare, out), CSN_OK, "a compare");
	tap_ok(script_ask(&p, &ask_pin, out) == CSN_OK && strcmp(out, "111111") == 0,
	       "the second PIN");
	tap_is(script_ask(&p, &tell, out), CSN_OK, "what is told needs no line");
	close_prompt(&p);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file(path, bad[i].text);
		int r = open_prompt(&p, false, "path", path, &err);
		tap_ok(r == CSN_E_CONFIG && strstr(err.text, bad[i].said) != NULL,
		       "%s is refused: %s", bad[i].what, err.text);
	}
	unlink(path);
	int r = open_prompt(&p, false, "path", path, &err);
	tap_ok(r == CSN_E_MISSING, "no such file: %s", err.text);
}

int
main(void)
{
	component = fakehost_load("prompt/tty");
	test_pin();
	test_confirm();
	test_no_terminal();
	component = fakehost_load("prompt/script");
	test_script();
	return tap_done();
}
