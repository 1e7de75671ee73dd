plugin_LTLIBRARIES += plugins/prompt/tty/prompt_tty.la
plugins_prompt_tty_prompt_tty_la_SOURCES = \
	plugins/prompt/tty/plugin.c \
	plugins/prompt/tty/tty.c \
	plugins/prompt/tty/tty.h
plugins_prompt_tty_prompt_tty_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_prompt_tty_prompt_tty_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/prompt/tty/README.md
