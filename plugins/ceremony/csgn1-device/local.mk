plugin_LTLIBRARIES += plugins/ceremony/csgn1-device/ceremony_csgn1_device.la
plugins_ceremony_csgn1_device_ceremony_csgn1_device_la_SOURCES = \
	plugins/ceremony/csgn1-device/csgn1-device.c \
	plugins/ceremony/csgn1-device/csgn1-device.h \
	plugins/ceremony/csgn1-device/keys.c \
	plugins/ceremony/csgn1-device/plugin.c \
	plugins/ceremony/csgn1-device/rows.c \
	plugins/ceremony/csgn1-device/run.h \
	plugins/ceremony/csgn1-device/stages.c
plugins_ceremony_csgn1_device_ceremony_csgn1_device_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_ceremony_csgn1_device_ceremony_csgn1_device_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_ceremony_csgn1_device_ceremony_csgn1_device_la_LIBADD  = \
	sdk/device/libcsndevice.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la
EXTRA_DIST += plugins/ceremony/csgn1-device/README.md

check_PROGRAMS += tests/unit/device_ceremony
TESTS += tests/unit/device_ceremony
tests_unit_device_ceremony_SOURCES = \
	plugins/ceremony/csgn1-device/csgn1-device.c \
	plugins/ceremony/csgn1-device/csgn1-device.h \
	plugins/ceremony/csgn1-device/keys.c \
	plugins/ceremony/csgn1-device/plugin.c \
	plugins/ceremony/csgn1-device/rows.c \
	plugins/ceremony/csgn1-device/run.h \
	plugins/ceremony/csgn1-device/stages.c \
	tests/unit/device_ceremony.c
tests_unit_device_ceremony_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_device_ceremony_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_device_ceremony_LDADD = tests/kit/libfakehost.la $(device_test_libs) $(JANSSON_LIBS)
