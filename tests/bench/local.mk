# Benchmarks: ./dev bench NAME runs tests/bench/NAME.  Built when one is run.
EXTRA_PROGRAMS = tests/bench/attest_bench tests/bench/ceremony_bench tests/bench/serial_bench \
	tests/bench/worker_bench
tests_bench_ceremony_bench_SOURCES = tests/bench/ceremony_bench.c core/cli/pki.c \
	core/cli/files.c
tests_bench_ceremony_bench_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) \
	$(POPT_CFLAGS)
tests_bench_ceremony_bench_LDADD = plugins/ceremony/csgn1/libcsgn1.la \
	sdk/device/libcsndevice.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
tests_bench_serial_bench_SOURCES  = tests/bench/serial_bench.c
tests_bench_serial_bench_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_serial_bench_LDADD    = tests/kit/libfakehost.la
tests_bench_attest_bench_SOURCES  = tests/bench/attest_bench.c tests/kit/pki.c tests/kit/pki.h
tests_bench_attest_bench_CPPFLAGS = $(TEST_CPPFLAGS) 
tests_bench_attest_bench_LDADD    = plugins/attest/x509/libx509.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += tests/bench/attest tests/bench/ceremony tests/bench/serial tests/bench/nfc tests/bench/ble
tests_bench_worker_bench_SOURCES  = tests/bench/worker_bench.c
tests_bench_worker_bench_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_bench_worker_bench_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
EXTRA_DIST += tests/bench/worker tests/bench/sdk
EXTRA_PROGRAMS += tests/bench/dice_bench
tests_bench_dice_bench_SOURCES  = tests/bench/dice_bench.c tests/kit/cdi-forge.c \
	tests/kit/cdi-forge.h tests/kit/dice-forge.c tests/kit/dice-forge.h
tests_bench_dice_bench_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_dice_bench_LDADD    = plugins/attest/dice/libdice.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += tests/bench/dice
CLEANFILES += $(EXTRA_PROGRAMS)
