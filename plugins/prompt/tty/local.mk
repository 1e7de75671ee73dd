plugin_LTLIBRARIES += plugins/prompt/tty/prompt_tty.la
plugins_prompt_tty_prompt_tty_la_SOURCES = \
	plugins/prompt/tty/plugin.c \
	plugins/prompt/tty/tty.c \
	plugins/prompt/tty/tty.h
plugins_prompt_tty_prompt_tty_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_prompt_tty_prompt_tty_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/prompt/tty/README.md

check_PROGRAMS += tests/modules/prompts
tests_modules_prompts_SOURCES  = tests/modules/prompts.c
tests_modules_prompts_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_modules_prompts_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/prompts
