#include "gpio.h"

static const struct csn_option options[] = {
	CSN_OPTION_STRING(struct gpio, chip, "gpiochip0", 1, 127,
	                  "the GPIO chip: a name, a number, a label or a path"),
	CSN_OPTION_U32(struct gpio, button, 0, 0, 1023, "line of the button"),
	CSN_OPTION_I64(struct gpio, led, -1, -1, 1023, "line of the LED; -1: there is none"),
	CSN_OPTION_BOOL(struct gpio, active_low, 1, "a pressed button pulls its line down"),
	CSN_OPTION_U32(struct gpio, hold_ms, 50, 1, 10000,
	               "shorter presses are the contact's bouncing"),
	CSN_OPTION_U32(struct gpio, refuse_ms, 3000, 500, 60000, "held so long it says no"),
	CSN_OPTION_END
};

const struct csn_component gpio_component = {
	.size       = sizeof gpio_component,
	.kind       = CSN_KIND_PROMPT,
	.name       = "gpio",
	.summary    = "asks with an LED and is answered with a button",
	.options    = options,
	.create     = gpio_create,
	.destroy    = gpio_destroy,
	.ops.prompt = &gpio_ops,
};

CSN_PLUGIN(prompt_gpio, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&gpio_component));
