#include "gpio.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)

enum {
	TICK_MS    = 250, /* half a blink                                       */
	TELL_TICKS = 8,
};

static void
put_away(struct gpio *gpio)
{
	const struct csn_host *host = gpio->host;

	host->watch_drop(gpio->watch);
	host->timer_drop(gpio->timer);
	gpio->watch = NULL;
	gpio->timer = NULL;
	if (gpio->lines != NULL) {
		gpio_lines_light(gpio->lines, false);
		gpio_lines_give(gpio->lines);
	}
	gpio->lines = NULL;
}

static void
end(struct gpio *gpio, int result)
{
	struct csn_op *op = gpio->op;

	put_away(gpio);
	gpio->op = NULL;
	gpio->host->op_done(op, result, NULL);
}

/* ---- the button ---------------------------------------------------------------------- */

/* A press counts when it began after the question: a stuck button says nothing. */
static void
moved(struct gpio *gpio, bool pressed)
{
	const uint64_t now = gpio->host->now(gpio->host);

	if (!pressed && gpio->down && gpio->armed &&
	    now - gpio->down_ns >= gpio->hold_ms * NS_PER_MS) {
		end(gpio, CSN_OK);
		return;
	}
	if (pressed && !gpio->down)
		gpio->down_ns = now;
	gpio->armed |= !pressed;
	gpio->down = pressed;
}

static void
on_button(void *self, int fd, uint32_t ready)
{
	struct gpio *gpio = self;
	const int pressed = gpio_lines_pressed(gpio->lines);

	(void)fd;
	(void)ready;
	if (pressed >= 0) {
		moved(gpio, pressed == 1);
		return;
	}
	gpio->host->fail(gpio->host->op_error(gpio->op), CSN_E_IO, "%s: the button: %s",
	                 gpio->chip, strerror(errno));
	end(gpio, CSN_E_IO);
}

static bool arm(struct gpio *gpio);

/* The LED blinks while it asks, stays on while the button is held. */
static void
on_tick(void *self)
{
	struct gpio *gpio = self;
	const uint64_t now = gpio->host->now(gpio->host);

	gpio->timer = NULL;
	gpio->ticks++;
	if (gpio->telling && gpio->ticks == TELL_TICKS) {
		end(gpio, CSN_OK);
		return;
	}
	if (gpio->down && gpio->armed && now - gpio->down_ns >= gpio->refuse_ms * NS_PER_MS) {
		end(gpio, CSN_E_REFUSED);
		return;
	}
	gpio->lit = (gpio->down && gpio->armed) || !gpio->lit;
	gpio_lines_light(gpio->lines, gpio->lit);
	if (!arm(gpio))
		end(gpio, CSN_E_NOMEM);
}

static bool
arm(struct gpio *gpio)
{
	const struct csn_host *host = gpio->host;

	gpio->timer = host->timer_add(host, host->now(host) + TICK_MS * NS_PER_MS, on_tick, gpio);
	return gpio->timer != NULL;
}

/* ---- operations ------------------------------------------------------------------------ */

static int
start(struct gpio *gpio, struct csn_error *err)
{
	const struct csn_host *host = gpio->host;

	gpio->lines = gpio_lines_take(gpio->chip, gpio->button, gpio->led, gpio->active_low == 1);
	if (gpio->lines == NULL)
		return host->fail(err, CSN_E_MISSING, "nobody to ask: %s line %u: %s", gpio->chip,
		                  (unsigned)gpio->button, strerror(errno));
	const int pressed = gpio_lines_pressed(gpio->lines);
	gpio->armed = pressed == 0;
	gpio->down = pressed == 1;
	gpio->lit = true;
	gpio->ticks = 0;
	gpio_lines_light(gpio->lines, true);
	if (!gpio->telling)
		gpio->watch = host->watch_add(host, gpio_lines_fd(gpio->lines), CSN_READABLE,
		                              on_button, gpio);
	if (!arm(gpio) || (gpio->watch == NULL && !gpio->telling))
		return host->fail(err, CSN_E_NOMEM, "no memory for a question");
	return CSN_OK;
}

static int
ask(void *self, struct csn_op *op, const struct csn_prompt *prompt)
{
	struct gpio *gpio = self;
	const struct csn_host *host = gpio->host;
	struct csn_error *err = host->op_error(op);

	if (prompt->question == CSN_ASK_PIN || prompt->question == CSN_ASK_COMPARE)
		return host->fail(err, CSN_E_MISSING, "a button says yes or no: it gives no %s",
		                  prompt->question == CSN_ASK_PIN ? "digits" : "code to compare");
	if (prompt->question != CSN_ASK_CONFIRM && prompt->question != CSN_TELL)
		return CSN_E_UNSUPPORTED;
	if (gpio->op != NULL)
		return host->fail(err, CSN_E_BUSY, "another question stands");
	gpio->telling = prompt->question == CSN_TELL;
	int r = start(gpio, err);
	if (r < 0)
		put_away(gpio);
	else
		gpio->op = op;
	return r;
}

static void
cancel(void *self, struct csn_op *op)
{
	struct gpio *gpio = self;

	if (gpio->op == op)
		end(gpio, CSN_E_CANCELLED);
}

int
gpio_create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
            struct csn_error *err)
{
	struct gpio *gpio = calloc(1, sizeof *gpio);
	if (gpio == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a prompt");

	gpio->host = host;
	int r = host->bind(config, &gpio_component, gpio, err);
	if (r == CSN_OK && gpio->led == (int64_t)gpio->button)
		r = host->fail(err, CSN_E_CONFIG, "button and led are the same line %u",
		               (unsigned)gpio->button);
	if (r < 0) {
		gpio_destroy(gpio);
		return r;
	}
	*ret_self = gpio;
	return CSN_OK;
}

void
gpio_destroy(void *self)
{
	struct gpio *gpio = self;

	if (gpio == NULL)
		return;
	put_away(gpio);
	free(gpio);
}

const struct csn_prompt_ops gpio_ops = {
	.size   = sizeof gpio_ops,
	.ask    = ask,
	.cancel = cancel,
};
