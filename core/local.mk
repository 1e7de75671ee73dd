# All of core but the command; no GLib.  One file a line.
noinst_LTLIBRARIES += core/libcsncore.la
core_libcsncore_la_SOURCES = \
	core/audit.c \
	core/audit.h \
	core/buf.c \
	core/buf.h \
	core/config-check.c \
	core/config-file.h \
	core/config-fill.c \
	core/config-text.c \
	core/config-text.h \
	core/config.c \
	core/config.h \
	core/descriptor.c \
	core/descriptor.h \
	core/error.c \
	core/error.h \
	core/host.c \
	core/host.h \
	core/link.c \
	core/link.h \
	core/loader.c \
	core/loader.h \
	core/log.c \
	core/log.h \
	core/loop.c \
	core/loop.h \
	core/nearest.c \
	core/op.c \
	core/op.h \
	core/option.c \
	core/option.h \
	core/policy.c \
	core/policy.h \
	core/registry.c \
	core/registry.h \
	core/session-calls.c \
	core/session-decide.c \
	core/session-int.h \
	core/session.c \
	core/session.h \
	core/station-int.h \
	core/station-open.c \
	core/station.c \
	core/station.h \
	core/trust.c \
	core/trust.h
core_libcsncore_la_CPPFLAGS = $(AM_CPPFLAGS) $(CONFIG_CFLAGS) -I$(top_srcdir) \
	-D_GNU_SOURCE -DCSN_PLUGINDIR=\"$(plugindir)\"
core_libcsncore_la_LIBADD = $(LTDL_LIBS) $(CONFIG_LIBS) $(CRYPTO_LIBS)
