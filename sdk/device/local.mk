# The device half of CSGN/1: portable, no allocation, no I/O.
noinst_LTLIBRARIES += sdk/device/libcsndevice.la
sdk_device_libcsndevice_la_SOURCES = \
	sdk/device/accept.c \
	sdk/device/answer.c \
	sdk/device/audit.c \
	sdk/device/bulk.c \
	sdk/device/bulk.h \
	sdk/device/device.c \
	sdk/device/device.h \
	sdk/device/evidence.c \
	sdk/device/greet.c \
	sdk/device/internal.h \
	sdk/device/listen.c \
	sdk/device/offer.c \
	sdk/device/pin.c \
	sdk/device/rate.c \
	sdk/device/release.c \
	sdk/device/state.c \
	sdk/device/state.h
EXTRA_DIST += sdk/device/README.md
sdk_device_libcsndevice_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

# The tag a device plays; apart, because it needs nothing of the ceremony.
noinst_LTLIBRARIES += sdk/device/libcsndevicetag.la
sdk_device_libcsndevicetag_la_SOURCES = sdk/device/tag.c sdk/device/tag.h
sdk_device_libcsndevicetag_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden

device_tests = tests/unit/device_vectors tests/unit/device_machine tests/unit/device_size \
	tests/unit/device_station
check_PROGRAMS += $(device_tests)
TESTS += $(device_tests)
device_test_libs = sdk/device/libcsndevice.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la

tests_unit_device_vectors_SOURCES = \
	tests/unit/device_vectors.c \
	tests/vectors/csgn1-device.c \
	tests/vectors/csgn1-device.h
tests_unit_device_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_device_vectors_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_device_vectors_LDADD = $(device_test_libs) $(JANSSON_LIBS)

tests_unit_device_machine_SOURCES = tests/unit/device_machine.c
tests_unit_device_machine_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_device_machine_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_device_machine_LDADD = $(device_test_libs) $(JANSSON_LIBS)

tests_unit_device_size_SOURCES = tests/unit/device_size.c
tests_unit_device_size_CPPFLAGS = $(TEST_CPPFLAGS)

tests_unit_device_station_SOURCES = tests/unit/device_station.c
tests_unit_device_station_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_device_station_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_device_station_LDADD = plugins/ceremony/csgn1/libcsgn1.la $(device_test_libs) \
	$(JANSSON_LIBS)
