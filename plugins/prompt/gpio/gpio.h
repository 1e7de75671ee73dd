/*
 * A device without a display: one button to say yes or no with, one LED that asks.  The
 * lines themselves are gpio-io.c's, so that a test can put its own in their place.
 */
#ifndef PROMPT_GPIO_H
#define PROMPT_GPIO_H

#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/prompt.h>

#include <stdbool.h>

struct gpio_lines;

struct gpio {
	const struct csn_host *host;
	char                  *chip;
	uint32_t               button, active_low, hold_ms, refuse_ms;
	int64_t                led; /* -1: none                                 */

	struct csn_op     *op;
	struct gpio_lines *lines; /* taken while a question stands              */
	struct csn_watch  *watch;
	struct csn_timer  *timer;
	bool               armed; /* the button was seen up since the question  */
	bool               down, lit, telling;
	uint64_t           down_ns;
	uint32_t           ticks;
};

extern const struct csn_component  gpio_component;
extern const struct csn_prompt_ops gpio_ops;
int gpio_create(const struct csn_host *host, const struct csn_config *config,
                void **ret_self, struct csn_error *err);
void gpio_destroy(void *self);

/* gpio-io.c.  NULL with errno; @led -1: none. */
struct gpio_lines *gpio_lines_take(const char *chip, uint32_t button, int64_t led,
                                   bool active_low);
void gpio_lines_give(struct gpio_lines *lines);
/* Readable when the button moved. */
int gpio_lines_fd(const struct gpio_lines *lines);
/* Forgets what moved and says how the button is: 1 pressed, 0 not, -1 with errno. */
int gpio_lines_pressed(struct gpio_lines *lines);
void gpio_lines_light(struct gpio_lines *lines, bool on);

#endif
