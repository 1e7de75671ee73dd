noinst_LTLIBRARIES += plugins/channel/nfc/libnfcreader.la
plugins_channel_nfc_libnfcreader_la_SOURCES = \
	plugins/channel/nfc/reader.c \
	plugins/channel/nfc/reader.h
plugins_channel_nfc_libnfcreader_la_CFLAGS = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/channel/nfc/channel_nfc.la
plugins_channel_nfc_channel_nfc_la_SOURCES = \
	plugins/channel/nfc/nfc-io.c \
	plugins/channel/nfc/nfc.c \
	plugins/channel/nfc/nfc.h \
	plugins/channel/nfc/plugin.c \
	plugins/channel/nfc/tag-io.c
plugins_channel_nfc_channel_nfc_la_CFLAGS  = $(MODULE_CFLAGS) $(PCSC_CFLAGS) -pthread
plugins_channel_nfc_channel_nfc_la_LDFLAGS = $(MODULE_LDFLAGS) -pthread
plugins_channel_nfc_channel_nfc_la_LIBADD  = plugins/channel/nfc/libnfcreader.la \
	sdk/device/libcsndevicetag.la sdk/lib/libcsnsdk.la $(PCSC_LIBS)
EXTRA_DIST += plugins/channel/nfc/README.md conf/stations/nfc.conf

check_PROGRAMS += tests/unit/nfc_tag tests/fuzz/fuzz_nfc tests/lab/nfc_ends
TESTS += tests/unit/nfc_tag tests/fuzz/fuzz_nfc tests/lab/nfc.sh
dist_check_SCRIPTS += tests/lab/nfc.sh
tests_unit_nfc_tag_SOURCES  = tests/unit/nfc_tag.c
tests_unit_nfc_tag_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_nfc_tag_LDADD    = plugins/channel/nfc/libnfcreader.la \
	sdk/device/libcsndevicetag.la sdk/lib/libcsnsdk.la
tests_fuzz_fuzz_nfc_SOURCES  = tests/fuzz/fuzz_nfc.c
tests_fuzz_fuzz_nfc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_nfc_LDADD    = $(tests_unit_nfc_tag_LDADD)
tests_lab_nfc_ends_SOURCES  = tests/lab/nfc_ends.c
tests_lab_nfc_ends_CPPFLAGS = $(TEST_CPPFLAGS) $(PCSC_CFLAGS)
tests_lab_nfc_ends_LDADD    = tests/kit/libfakehost.la $(PCSC_LIBS)
