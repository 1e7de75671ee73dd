plugin_LTLIBRARIES += plugins/channel/loop/channel_loop.la
plugins_channel_loop_channel_loop_la_SOURCES = \
	plugins/channel/loop/loop.c \
	plugins/channel/loop/loop.h \
	plugins/channel/loop/plugin.c
plugins_channel_loop_channel_loop_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_channel_loop_channel_loop_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/channel/loop/README.md

check_PROGRAMS += tests/modules/channel_loop
tests_modules_channel_loop_SOURCES  = tests/modules/channel_loop.c
tests_modules_channel_loop_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_loop_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/channel_loop
