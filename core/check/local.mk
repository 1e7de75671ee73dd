# The checker of plugins, a program of its own: it brings its own malloc and fsync.
pkglibexec_PROGRAMS += countersign-check
countersign_check_SOURCES = \
	core/check/attest.c \
	core/check/calls.c \
	core/check/ceremony.c \
	core/check/channel.c \
	core/check/check.h \
	core/check/config.c \
	core/check/format.c \
	core/check/heap.c \
	core/check/heap.h \
	core/check/keys.c \
	core/check/main.c \
	core/check/memory.c \
	core/check/scenes.c \
	core/check/session.c \
	core/check/session.h \
	core/check/store.c \
	core/check/table.c \
	core/check/trial.c
countersign_check_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -D_GNU_SOURCE $(POPT_CFLAGS)
# Only these are seen by the libraries of a module, and nothing else of ours.
countersign_check_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic-symbol=fsync \
	-Wl,--export-dynamic-symbol=fdatasync -Wl,--export-dynamic-symbol=malloc \
	-Wl,--export-dynamic-symbol=calloc -Wl,--export-dynamic-symbol=realloc \
	-Wl,--export-dynamic-symbol=free -Wl,--export-dynamic-symbol=memalign \
	-Wl,--export-dynamic-symbol=aligned_alloc -Wl,--export-dynamic-symbol=posix_memalign
countersign_check_LDADD = core/libcsncore.la sdk/lib/libcsnsdk.la $(POPT_LIBS)
