plugin_LTLIBRARIES += prompt_tty.la
prompt_tty_la_SOURCES = \
	plugins/prompt/tty/plugin.c \
	plugins/prompt/tty/tty.c \
	plugins/prompt/tty/tty.h
prompt_tty_la_CFLAGS  = $(MODULE_CFLAGS)
prompt_tty_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/prompt/tty/README.md
