plugin_LTLIBRARIES += plugins/channel/serial/channel_serial.la
plugins_channel_serial_channel_serial_la_SOURCES = \
	plugins/channel/serial/plugin.c \
	plugins/channel/serial/serial-io.c \
	plugins/channel/serial/serial.c \
	plugins/channel/serial/serial.h
plugins_channel_serial_channel_serial_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_channel_serial_channel_serial_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_channel_serial_channel_serial_la_LIBADD  = sdk/lib/libcsnsdk.la
EXTRA_DIST += plugins/channel/serial/README.md conf/stations/serial.conf

check_PROGRAMS += tests/modules/channel_serial
tests_modules_channel_serial_SOURCES  = tests/modules/channel_serial.c
tests_modules_channel_serial_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_serial_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/channel_serial
