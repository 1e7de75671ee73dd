/* prompt/gpio with a button of the test's own, on a virtual clock. */
#define _GNU_SOURCE 1

#include "kit/fakehost.h"
#include "kit/tap.h"

#include "plugins/prompt/gpio/gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- the lines ---------------------------------------------------------------------- */

struct gpio_lines {
	int fd[2];
};

static struct gpio_lines lines;
static bool pressed, light, broken, absent;
static unsigned changes, taken;

struct gpio_lines *
gpio_lines_take(const char *chip, uint32_t button, int64_t led, bool active_low)
{
	if (absent || strcmp(chip, "gpiochip0") != 0 || button != 17 || led != 27 || !active_low) {
		errno = ENOENT;
		return NULL;
	}
	taken++;
	return pipe2(lines.fd, O_NONBLOCK | O_CLOEXEC) == 0 ? &lines : NULL;
}

void
gpio_lines_give(struct gpio_lines *l)
{
	taken--;
	close(l->fd[0]);
	close(l->fd[1]);
}

int
gpio_lines_fd(const struct gpio_lines *l)
{
	return l->fd[0];
}

int
gpio_lines_pressed(struct gpio_lines *l)
{
	char c;

	while (read(l->fd[0], &c, 1) == 1)
		;
	errno = EIO;
	return broken ? -1 : pressed;
}

void
gpio_lines_light(struct gpio_lines *l, bool on)
{
	(void)l;
	changes += on != light;
	light = on;
}

/* ---- the test ------------------------------------------------------------------------- */

static struct fakehost *fake;
static void *self;

static void
button(bool down)
{
	pressed = down;
	if (taken > 0 && write(lines.fd[1], "", 1) != 1)
		abort();
}

static struct csn_op *
ask(uint32_t question, int want)
{
	const struct csn_prompt prompt = { .size = sizeof prompt, .question = question,
		                           .text = "take this configuration?" };
	struct csn_op *op = fakehost_op(fake);

	tap_is(fakehost_started(op, gpio_ops.ask(self, op, &prompt)), want, "asking starts as it should");
	return op;
}

/* What a person does: "d20 u100" is down, 20 ms, up, 100 ms. */
static const struct {
	const char *what, *does;
	int         result; /* 1: nobody answered                               */
} cases[] = {
	{ "a press of 100 ms says yes", "d100 u10", CSN_OK },
	{ "a press of 3 s says no, without letting go", "d3300", CSN_E_REFUSED },
	{ "a press just too short to mean no says yes", "d2700 u10", CSN_OK },
	{ "bouncing of 20 ms says nothing", "d20 u30 d20 u30 d10 u500", 1 },
	{ "bouncing, then a press", "d5 u5 d5 u5 d200 u5", CSN_OK },
	{ "nobody touches it", "u20000", 1 },
	{ "a button that is down already says nothing", "D u1 d1 u1", 1 },
	{ "and stays silent however long it is held", "D w10000", 1 },
	{ "let go and pressed anew it says yes", "D u50 d100 u5", CSN_OK },
};

static void
act(const char *does)
{
	for (const char *at = does; *at != '\0';) {
		const char what = *at++;
		const unsigned long ms = strtoul(at, (char **)&at, 10);

		if (what == 'd' || what == 'u')
			button(what == 'd');
		fakehost_run(fake, ms);
		at += strspn(at, " ");
	}
}

static void
test_answers(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		pressed = cases[i].does[0] == 'D';
		struct csn_op *op = ask(CSN_ASK_CONFIRM, CSN_OK);
		act(cases[i].does + (pressed ? 2 : 0));
		const int got = fakehost_op_ended(op) ? fakehost_op_result(op) : 1;
		tap_is(got, cases[i].result, cases[i].what);
		if (!fakehost_op_ended(op))
			gpio_ops.cancel(self, op);
		tap_ok(taken == 0 && !light, "the lines are given back, the LED is off");
		fakehost_op_free(op);
	}
}

static void
test_rest(void)
{
	pressed = false;
	changes = 0;
	struct csn_op *op = ask(CSN_ASK_CONFIRM, CSN_OK);
	fakehost_run(fake, 2000);
	tap_ok(changes >= 7 && changes <= 9, "the LED blinks while a question stands");
	struct csn_op *two = ask(CSN_ASK_CONFIRM, CSN_E_BUSY);
	broken = true;
	button(true);
	fakehost_run(fake, 10);
	tap_is(fakehost_op_result(op), CSN_E_IO, "a line that fails ends the question with that");
	broken = false;
	fakehost_op_free(op);
	fakehost_op_free(two);

	pressed = false;
	op = ask(CSN_TELL, CSN_OK);
	tap_ok(fakehost_wait(fake, op, 5000) && fakehost_op_result(op) == CSN_OK,
	       "something told ends by itself");
	fakehost_op_free(op);
	fakehost_op_free(ask(CSN_ASK_PIN, CSN_E_MISSING));
	fakehost_op_free(ask(CSN_ASK_COMPARE, CSN_E_MISSING));
	absent = true;
	op = ask(CSN_ASK_CONFIRM, CSN_E_MISSING);
	tap_ok(strstr(fakehost_op_text(op), "line 17") != NULL, "a line that is not there is named");
	fakehost_op_free(op);
}

int
main(void)
{
	struct csn_error err = { 0 };

	fake = fakehost_new(false);
	tap_is(fakehost_create(fake, &gpio_component,
	                       (const char *const[]){ "button", "17", "led", "17", NULL }, &self, &err),
	       CSN_E_CONFIG, "button and LED on one line are refused");
	tap_is(fakehost_create(fake, &gpio_component,
	                       (const char *const[]){ "button", "17", "led", "27", NULL }, &self, &err),
	       CSN_OK, "it is made");
	test_answers();
	test_rest();
	gpio_destroy(self);
	gpio_destroy(NULL);
	fakehost_free(fake);
	return tap_done();
}
