# What isolated plugins run in; no more than it needs to load them.
pkglibexec_PROGRAMS += countersign-worker
countersign_worker_SOURCES = \
	core/worker/attest.c core/worker/channel.c core/worker/doors.c core/worker/doors.h \
	core/isolate/landlock.c core/isolate/landlock.h \
	core/worker/main.c core/isolate/sandbox.c core/isolate/sandbox.h core/worker/worker.h
countersign_worker_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -D_GNU_SOURCE
countersign_worker_CFLAGS   = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
# What doors.c has in place of the C library's: plugins are to find it.
countersign_worker_LDFLAGS  = $(AM_LDFLAGS) \
	-Wl,--export-dynamic-symbol=open -Wl,--export-dynamic-symbol=open64 \
	-Wl,--export-dynamic-symbol=__open_2 -Wl,--export-dynamic-symbol=__open64_2 \
	-Wl,--export-dynamic-symbol=stat -Wl,--export-dynamic-symbol=socket \
	-Wl,--export-dynamic-symbol=connect
countersign_worker_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la $(SECCOMP_LIBS)
if STATIC_PLUGINS
countersign_worker_CPPFLAGS += -DBUILTIN_PLUGINS
countersign_worker_LDFLAGS += `cat core/builtin-plugins.libs`
countersign_worker_LDADD += core/builtin-plugins.o
endif
