# The near-ultrasonic modem: pure code, for stations and devices alike.
noinst_LTLIBRARIES += sdk/modem/libmodem.la
sdk_modem_libmodem_la_SOURCES = \
	sdk/modem/code.c \
	sdk/modem/demod.c \
	sdk/modem/fft.c \
	sdk/modem/internal.h \
	sdk/modem/modem.h \
	sdk/modem/profile.c \
	sdk/modem/rx.c \
	sdk/modem/tx.c
sdk_modem_libmodem_la_LIBADD = -lm

# The bench's hands: sends and receives raw samples over a pipe.
noinst_PROGRAMS += tests/bench/acoustic-pipe
tests_bench_acoustic_pipe_SOURCES = tests/bench/acoustic_pipe.c
tests_bench_acoustic_pipe_LDADD = sdk/modem/libmodem.la
EXTRA_DIST += tests/bench/acoustic tests/bench/acoustic.py
