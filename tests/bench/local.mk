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
# Readers of evidence on what is hostile to them: tests/fuzz with every allocation counted.
EXTRA_PROGRAMS += tests/bench/hostile_evidence tests/bench/hostile_x509
HOSTILE = tests/fuzz/drive.c tests/bench/heap.c tests/bench/heap.h
tests_bench_hostile_evidence_SOURCES  = tests/fuzz/fuzz_evidence.c $(HOSTILE)
tests_bench_hostile_evidence_CPPFLAGS = $(TEST_CPPFLAGS) $(TSS2_CFLAGS) -DFUZZ_BENCH
tests_bench_hostile_evidence_LDADD    = $(tests_fuzz_fuzz_evidence_LDADD)
tests_bench_hostile_x509_SOURCES  = tests/fuzz/fuzz_x509.c tests/kit/pki.c $(HOSTILE)
tests_bench_hostile_x509_CPPFLAGS = $(TEST_CPPFLAGS) -DFUZZ_BENCH
tests_bench_hostile_x509_LDADD    = $(tests_fuzz_fuzz_x509_LDADD)
EXTRA_DIST += tests/bench/hostile
CLEANFILES += $(EXTRA_PROGRAMS)
