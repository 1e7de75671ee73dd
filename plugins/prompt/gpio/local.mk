plugin_LTLIBRARIES += plugins/prompt/gpio/prompt_gpio.la
plugins_prompt_gpio_prompt_gpio_la_SOURCES = \
	plugins/prompt/gpio/gpio-io.c \
	plugins/prompt/gpio/gpio.c \
	plugins/prompt/gpio/gpio.h \
	plugins/prompt/gpio/plugin.c
plugins_prompt_gpio_prompt_gpio_la_CFLAGS  = $(MODULE_CFLAGS) $(GPIOD_CFLAGS)
plugins_prompt_gpio_prompt_gpio_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_prompt_gpio_prompt_gpio_la_LIBADD  = $(GPIOD_LIBS)
EXTRA_DIST += plugins/prompt/gpio/README.md

# The button is the test's: few machines have one.
check_PROGRAMS += tests/unit/prompt_gpio
TESTS += tests/unit/prompt_gpio
tests_unit_prompt_gpio_SOURCES = plugins/prompt/gpio/gpio.c plugins/prompt/gpio/gpio.h \
	plugins/prompt/gpio/plugin.c tests/unit/prompt_gpio.c
tests_unit_prompt_gpio_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_prompt_gpio_LDADD    = tests/kit/libfakehost.la
