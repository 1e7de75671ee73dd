plugin_LTLIBRARIES += plugins/channel/ultrasonic/channel_ultrasonic.la
plugins_channel_ultrasonic_channel_ultrasonic_la_SOURCES = \
	plugins/channel/ultrasonic/plugin.c \
	plugins/channel/ultrasonic/report.c \
	plugins/channel/ultrasonic/ultrasonic.c \
	plugins/channel/ultrasonic/ultrasonic.h
plugins_channel_ultrasonic_channel_ultrasonic_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_channel_ultrasonic_channel_ultrasonic_la_LDFLAGS = $(MODULE_LDFLAGS) \
	-export-symbols-regex '_LTX_csn_plugin$$'
plugins_channel_ultrasonic_channel_ultrasonic_la_LIBADD  = sdk/modem/libmodem.la \
	sdk/lib/libcsnsdk.la -lm
EXTRA_DIST += plugins/channel/ultrasonic/README.md

check_PROGRAMS += tests/modules/channel_ultrasonic
tests_modules_channel_ultrasonic_SOURCES  = tests/modules/channel_ultrasonic.c
tests_modules_channel_ultrasonic_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_ultrasonic_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/channel_ultrasonic
