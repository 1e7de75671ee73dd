plugin_LTLIBRARIES += plugins/format/cbor/format_cbor.la
plugins_format_cbor_format_cbor_la_SOURCES = \
	plugins/format/cbor/cbor.c \
	plugins/format/cbor/cbor.h \
	plugins/format/cbor/plugin.c
plugins_format_cbor_format_cbor_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_format_cbor_format_cbor_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_format_cbor_format_cbor_la_LIBADD  = sdk/lib/libcsnsdk.la
EXTRA_DIST += plugins/format/cbor/README.md

check_PROGRAMS += tests/modules/format_cbor
tests_modules_format_cbor_SOURCES  = tests/modules/format_cbor.c
tests_modules_format_cbor_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_format_cbor_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/format_cbor
