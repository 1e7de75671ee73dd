/* The lines, by libgpiod 1.6 (Debian 12); any chip and line that the kernel has. */
#include "gpio.h"

#include <gpiod.h>
#include <stdlib.h>
#include <time.h>

struct gpio_lines {
	struct gpiod_chip *chip;
	struct gpiod_line *button, *led;
};

static struct gpiod_line *
line_of(struct gpiod_chip *chip, unsigned offset)
{
	return gpiod_chip_get_line(chip, offset);
}

struct gpio_lines *
gpio_lines_take(const char *chip, uint32_t button, int64_t led, bool active_low)
{
	const int flags = active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;
	struct gpio_lines *lines = calloc(1, sizeof *lines);

	if (lines == NULL)
		return NULL;
	lines->chip = gpiod_chip_open_lookup(chip);
	if (lines->chip == NULL)
		goto fail;
	lines->button = line_of(lines->chip, button);
	if (lines->button == NULL ||
	    gpiod_line_request_both_edges_events_flags(lines->button, "countersign", flags) < 0)
		goto fail;
	if (led < 0)
		return lines;
	lines->led = line_of(lines->chip, (unsigned)led);
	if (lines->led == NULL || gpiod_line_request_output(lines->led, "countersign", 0) < 0)
		goto fail;
	return lines;

fail:
	gpio_lines_give(lines);
	return NULL;
}

void
gpio_lines_give(struct gpio_lines *lines)
{
	if (lines == NULL)
		return;
	if (lines->chip != NULL)
		gpiod_chip_close(lines->chip); /* gives the lines back, too */
	free(lines);
}

int
gpio_lines_fd(const struct gpio_lines *lines)
{
	return gpiod_line_event_get_fd(lines->button);
}

int
gpio_lines_pressed(struct gpio_lines *lines)
{
	const struct timespec now = { 0, 0 };
	struct gpiod_line_event event;

	while (gpiod_line_event_wait(lines->button, &now) == 1)
		if (gpiod_line_event_read(lines->button, &event) < 0)
			return -1;
	return gpiod_line_get_value(lines->button);
}

void
gpio_lines_light(struct gpio_lines *lines, bool on)
{
	if (lines->led != NULL)
		(void)gpiod_line_set_value(lines->led, on);
}
