plugin_LTLIBRARIES += prompt_script.la
prompt_script_la_SOURCES = \
	plugins/prompt/script/plugin.c \
	plugins/prompt/script/script.c \
	plugins/prompt/script/script.h
prompt_script_la_CFLAGS  = $(MODULE_CFLAGS)
prompt_script_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/prompt/script/README.md
