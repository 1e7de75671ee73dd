# The near-ultrasonic modem: pure code, for stations and devices alike.
noinst_LTLIBRARIES += sdk/modem/libmodem.la
sdk_modem_libmodem_la_SOURCES = \
	sdk/modem/code.c \
	sdk/modem/demod.c \
	sdk/modem/demod.h \
	sdk/modem/fft.c \
	sdk/modem/gap.c \
	sdk/modem/internal.h \
	sdk/modem/modem.h \
	sdk/modem/preamble.c \
	sdk/modem/profile.c \
	sdk/modem/ring.c \
	sdk/modem/rx.c \
	sdk/modem/track.c \
	sdk/modem/tx.c
sdk_modem_libmodem_la_LIBADD = -lm

modem_tests = tests/unit/modem_code tests/unit/modem_loop tests/unit/modem_bounds \
	tests/fuzz/fuzz_modem
check_PROGRAMS += $(modem_tests)
TESTS += $(modem_tests) tests/unit/acoustic_slice.sh
tests_unit_modem_code_SOURCES = tests/unit/modem_code.c
tests_unit_modem_code_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_modem_code_LDADD = sdk/modem/libmodem.la
tests_unit_modem_loop_SOURCES = tests/unit/modem_loop.c tests/unit/modem_kit.h
tests_unit_modem_loop_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_modem_loop_LDADD = sdk/modem/libmodem.la
tests_unit_modem_bounds_SOURCES = tests/unit/modem_bounds.c tests/unit/modem_kit.h
tests_unit_modem_bounds_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_modem_bounds_LDADD = sdk/modem/libmodem.la
tests_fuzz_fuzz_modem_SOURCES = tests/fuzz/fuzz_modem.c
tests_fuzz_fuzz_modem_LDADD = sdk/modem/libmodem.la

# The bench's hands: sends and receives raw samples over a pipe.
noinst_PROGRAMS += tests/bench/acoustic-pipe
tests_bench_acoustic_pipe_SOURCES = tests/bench/acoustic_pipe.c
tests_bench_acoustic_pipe_LDADD = sdk/modem/libmodem.la

# Its hands at a sound server, by the plugins themselves.
noinst_PROGRAMS += tests/bench/acoustic-server
tests_bench_acoustic_server_SOURCES = tests/bench/acoustic_server.c
tests_bench_acoustic_server_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bench_acoustic_server_LDADD = tests/kit/libfakehost.la

EXTRA_DIST += tests/bench/acoustic tests/bench/acoustic.py tests/unit/acoustic_slice.sh \
	sdk/modem/README.md

# The same receiver under the fuzzing engine, with sanitizers; needs clang.
fuzz-modem: $(srcdir)/tests/fuzz/fuzz_modem.c $(sdk_modem_libmodem_la_SOURCES)
	clang -g -O3 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-fno-sanitize-coverage=trace-cmp,stack-depth \
		-DFUZZ_ENGINE -I$(srcdir)/sdk $(srcdir)/tests/fuzz/fuzz_modem.c \
		$(srcdir)/sdk/modem/*.c -lm -o $@
CLEANFILES += fuzz-modem
