plugin_LTLIBRARIES += plugins/channel/file/channel_file.la
plugins_channel_file_channel_file_la_SOURCES = \
	plugins/channel/file/file.c \
	plugins/channel/file/file.h \
	plugins/channel/file/names.c \
	plugins/channel/file/names.h \
	plugins/channel/file/plugin.c
plugins_channel_file_channel_file_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_channel_file_channel_file_la_LDFLAGS = $(MODULE_LDFLAGS)
EXTRA_DIST += plugins/channel/file/README.md

check_PROGRAMS += tests/modules/channel_file
tests_modules_channel_file_SOURCES  = tests/modules/channel_file.c
tests_modules_channel_file_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_file_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/channel_file
