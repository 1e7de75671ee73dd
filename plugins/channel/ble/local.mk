# A GLib loop in a thread, for plugins that speak D-Bus.
noinst_LTLIBRARIES += sdk/glib/libcsnglib.la
sdk_glib_libcsnglib_la_SOURCES = sdk/glib/glib-loop.c sdk/glib/glib-loop.h
sdk_glib_libcsnglib_la_CFLAGS  = $(MODULE_CFLAGS) $(GIO_CFLAGS) -pthread
sdk_glib_libcsnglib_la_LIBADD  = $(GIO_LIBS)

# What needs no bus: the test puts one of its own behind it.
noinst_LTLIBRARIES += plugins/channel/ble/libble.la
plugins_channel_ble_libble_la_SOURCES = \
	plugins/channel/ble/ble.c \
	plugins/channel/ble/ble.h \
	plugins/channel/ble/frames.c \
	plugins/channel/ble/frames.h
plugins_channel_ble_libble_la_CFLAGS = $(MODULE_CFLAGS) $(GIO_CFLAGS)

plugin_LTLIBRARIES += plugins/channel/ble/channel_ble.la
plugins_channel_ble_channel_ble_la_SOURCES = \
	plugins/channel/ble/bus-io.c \
	plugins/channel/ble/bus.h \
	plugins/channel/ble/central-io.c \
	plugins/channel/ble/peripheral-io.c \
	plugins/channel/ble/plugin.c
plugins_channel_ble_channel_ble_la_CFLAGS  = $(MODULE_CFLAGS) $(GIO_CFLAGS) -pthread
plugins_channel_ble_channel_ble_la_LDFLAGS = $(MODULE_LDFLAGS) -pthread
plugins_channel_ble_channel_ble_la_LIBADD  = plugins/channel/ble/libble.la \
	sdk/glib/libcsnglib.la sdk/lib/libcsnsdk.la $(GIO_LIBS)
EXTRA_DIST += plugins/channel/ble/README.md conf/stations/ble.conf

check_PROGRAMS += tests/unit/ble_peers tests/fuzz/fuzz_ble tests/lab/ble_ends
TESTS += tests/unit/ble_peers tests/fuzz/fuzz_ble tests/lab/ble.sh tests/lab/ble-errors.sh
dist_check_SCRIPTS += tests/lab/ble.sh tests/lab/ble-guest.sh tests/lab/ble-errors.sh
tests_unit_ble_peers_SOURCES  = tests/unit/ble_peers.c
tests_unit_ble_peers_CPPFLAGS = $(TEST_CPPFLAGS) $(GIO_CFLAGS)
tests_unit_ble_peers_LDADD    = plugins/channel/ble/libble.la sdk/glib/libcsnglib.la \
	sdk/lib/libcsnsdk.la tests/kit/libfakehost.la $(GIO_LIBS)
tests_fuzz_fuzz_ble_SOURCES  = tests/fuzz/fuzz_ble.c
tests_fuzz_fuzz_ble_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_ble_LDADD    = plugins/channel/ble/libble.la sdk/glib/libcsnglib.la \
	sdk/lib/libcsnsdk.la $(GIO_LIBS)
tests_lab_ble_ends_SOURCES  = tests/lab/ble_ends.c
tests_lab_ble_ends_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lab_ble_ends_LDADD    = tests/kit/libfakehost.la
