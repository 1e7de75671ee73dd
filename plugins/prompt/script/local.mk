plugin_LTLIBRARIES += plugins/prompt/script/prompt_script.la
plugins_prompt_script_prompt_script_la_SOURCES = \
	plugins/prompt/script/plugin.c \
	plugins/prompt/script/script.c \
	plugins/prompt/script/script.h
plugins_prompt_script_prompt_script_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_prompt_script_prompt_script_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/prompt/script/README.md
