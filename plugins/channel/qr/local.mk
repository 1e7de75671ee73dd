# The pure parts of channel/qr.  C++ is confined to libqrzxing.la.
noinst_LTLIBRARIES += plugins/channel/qr/libqrzxing.la
plugins_channel_qr_libqrzxing_la_SOURCES = \
	plugins/channel/qr/zxing.cpp \
	plugins/channel/qr/zxing.h
plugins_channel_qr_libqrzxing_la_CXXFLAGS = $(AM_CXXFLAGS) -fvisibility=hidden $(ZXING_CFLAGS)

noinst_LTLIBRARIES += plugins/channel/qr/libqr.la
plugins_channel_qr_libqr_la_SOURCES = \
	plugins/channel/qr/diag.c \
	plugins/channel/qr/diag.h \
	plugins/channel/qr/marks.c \
	plugins/channel/qr/message.c \
	plugins/channel/qr/message.h \
	plugins/channel/qr/qr.h \
	plugins/channel/qr/qr-bits.c \
	plugins/channel/qr/qr-bits.h \
	plugins/channel/qr/qr-dark.c \
	plugins/channel/qr/qr-dark.h \
	plugins/channel/qr/qr-decode.c \
	plugins/channel/qr/qr-decode.h \
	plugins/channel/qr/qr-equal.c \
	plugins/channel/qr/qr-find.c \
	plugins/channel/qr/qr-find.h \
	plugins/channel/qr/qr-grid.c \
	plugins/channel/qr/qr-grid.h \
	plugins/channel/qr/qr-measure.c \
	plugins/channel/qr/qr-measure.h \
	plugins/channel/qr/qr-mix.c \
	plugins/channel/qr/qr-mix.h \
	plugins/channel/qr/qr-read.c \
	plugins/channel/qr/qr-read.h \
	plugins/channel/qr/qr-rs.c \
	plugins/channel/qr/qr-rs.h \
	plugins/channel/qr/qr-sample.c \
	plugins/channel/qr/qr-spec.c \
	plugins/channel/qr/qr-spec.h \
	plugins/channel/qr/qr-vec.h \
	plugins/channel/qr/qr-warp.c \
	plugins/channel/qr/qr-warp.h \
	plugins/channel/qr/qr-write.c \
	plugins/channel/qr/qr-write.h \
	plugins/channel/qr/qr-zbar.c \
	plugins/channel/qr/qr-zbar.h \
	plugins/channel/qr/tracked.c \
	plugins/channel/qr/tracked.h \
	plugins/channel/qr/tracked-int.h \
	plugins/channel/qr/tracked-read.c \
	plugins/channel/qr/tracked-search.c
plugins_channel_qr_libqr_la_CFLAGS = $(MODULE_CFLAGS) $(QRENCODE_CFLAGS) $(ZBAR_CFLAGS)
plugins_channel_qr_libqr_la_LIBADD = \
	plugins/channel/qr/libqrzxing.la \
	$(QRENCODE_LIBS) $(ZBAR_LIBS) $(ZXING_LIBS) -lstdc++ -lm

check_PROGRAMS += tests/unit/qr_code tests/unit/qr_read
tests_unit_qr_code_SOURCES  = tests/unit/qr_code.c
tests_unit_qr_code_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_qr_code_LDADD    = plugins/channel/qr/libqr.la
tests_unit_qr_read_SOURCES  = tests/unit/qr_read.c
tests_unit_qr_read_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_qr_read_LDADD    = plugins/channel/qr/libqr.la -lm
check_PROGRAMS += tests/unit/qr_bomb
tests_unit_qr_bomb_SOURCES  = tests/unit/qr_bomb.c
tests_unit_qr_bomb_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_qr_bomb_LDADD    = plugins/channel/qr/libqr.la sdk/lib/libcsnstream.la \
	sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/qr_code tests/unit/qr_read tests/unit/qr_bomb

noinst_PROGRAMS += tests/bench/optical-pipe
tests_bench_optical_pipe_SOURCES  = tests/bench/optical_pipe.c
tests_bench_optical_pipe_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_optical_pipe_LDADD    = plugins/channel/qr/libqr.la sdk/lib/libcsnstream.la
EXTRA_DIST += tests/bench/window tests/bench/optical tests/bench/optical.py tests/bench/optical_wasm.mjs
# The channel: the glue between libqr and the contract.
plugin_LTLIBRARIES += plugins/channel/qr/channel_qr.la
plugins_channel_qr_channel_qr_la_SOURCES = \
	plugins/channel/qr/channel.c \
	plugins/channel/qr/channel.h \
	plugins/channel/qr/plugin.c \
	plugins/channel/qr/report.c \
	plugins/channel/qr/send.c \
	plugins/channel/qr/ur-way.c \
	plugins/channel/qr/ur-way.h
plugins_channel_qr_channel_qr_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_channel_qr_channel_qr_la_LDFLAGS = $(MODULE_LDFLAGS) \
	-export-symbols-regex '_LTX_csn_plugin$$'
plugins_channel_qr_channel_qr_la_LIBADD  = \
	plugins/channel/qr/libqr.la sdk/lib/libcsnstream.la sdk/lib/libcsnsdk.la
EXTRA_DIST += plugins/channel/qr/README.md

check_PROGRAMS += tests/modules/channel_qr tests/unit/qr_message
tests_modules_channel_qr_SOURCES  = tests/modules/channel_qr.c
tests_modules_channel_qr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_qr_LDADD    = tests/kit/libfakehost.la
tests_unit_qr_message_SOURCES  = tests/unit/qr_message.c
tests_unit_qr_message_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_qr_message_LDADD    = plugins/channel/qr/libqr.la sdk/lib/libcsnsdk.la
TESTS += tests/modules/channel_qr tests/unit/qr_message

# The fuzz targets; here with a main of their own that invents its inputs.
check_PROGRAMS += tests/fuzz/fuzz_qr tests/fuzz/fuzz_stream
tests_fuzz_fuzz_qr_SOURCES  = tests/fuzz/fuzz_qr.c
tests_fuzz_fuzz_qr_CPPFLAGS = $(TEST_CPPFLAGS) -DFUZZ_MAIN
tests_fuzz_fuzz_qr_LDADD    = plugins/channel/qr/libqr.la
tests_fuzz_fuzz_stream_SOURCES  = tests/fuzz/fuzz_stream.c
tests_fuzz_fuzz_stream_CPPFLAGS = $(TEST_CPPFLAGS) -DFUZZ_MAIN
tests_fuzz_fuzz_stream_LDADD    = plugins/channel/qr/libqr.la sdk/lib/libcsnstream.la \
	sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/fuzz/fuzz_qr tests/fuzz/fuzz_stream
