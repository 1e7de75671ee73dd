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
	core/isolate-attest.c \
	core/isolate-channel.c \
	core/isolate-int.h \
	core/isolate-spawn.c \
	core/isolate.c \
	core/isolate.h \
	core/link-int.h \
	core/link-receive.c \
	core/link-send.c \
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
	core/session-results.c \
	core/session.c \
	core/session.h \
	core/station-int.h \
	core/station-isolate.c \
	core/station-flow.c \
	core/station-open.c \
	core/station-try.c \
	core/station.c \
	core/station.h \
	core/tail.c \
	core/tail.h \
	core/timers.c \
	core/timers.h \
	core/trust.c \
	core/trust.h \
	core/unsettled.c \
	core/unsettled.h \
	core/wire-items.c \
	core/wire.c \
	core/wire.h
core_libcsncore_la_CPPFLAGS = $(AM_CPPFLAGS) $(CONFIG_CFLAGS) -I$(top_srcdir) \
	-D_GNU_SOURCE -DPACKAGE_VERSION=\"$(PACKAGE_VERSION)\" -DCSN_PLUGINDIR=\"$(plugindir)\" \
	-DCSN_WORKER=\"$(pkglibexecdir)/countersign-worker\"
core_libcsncore_la_LIBADD = $(LTDL_LIBS) $(CONFIG_LIBS) $(CRYPTO_LIBS)

# Modules for the loader's test, each wrong in one way.
check_LTLIBRARIES += \
	tests/modules/channel_alias.la \
	tests/modules/channel_good.la \
	tests/modules/channel_magic.la \
	tests/modules/channel_major.la \
	tests/modules/channel_minor.la \
	tests/modules/channel_nosymbol.la \
	tests/modules/channel_nullops.la \
	tests/modules/prison/channel_prisoner.la \
	tests/modules/channel_truncated.la \
	tests/modules/channel_twin.la \
	tests/modules/channel_undefined.la
TEST_MODULE_CFLAGS  = $(MODULE_CFLAGS)
TEST_MODULE_LDFLAGS = $(MODULE_LDFLAGS) -rpath $(abs_builddir)/tests/modules
tests_modules_channel_alias_la_SOURCES = tests/modules/channel_alias.c tests/modules/broken.h
tests_modules_channel_alias_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_alias_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_good_la_SOURCES = tests/modules/channel_good.c tests/modules/broken.h
tests_modules_channel_good_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_good_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_magic_la_SOURCES = tests/modules/channel_magic.c tests/modules/broken.h
tests_modules_channel_magic_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_magic_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_major_la_SOURCES = tests/modules/channel_major.c tests/modules/broken.h
tests_modules_channel_major_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_major_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_minor_la_SOURCES = tests/modules/channel_minor.c tests/modules/broken.h
tests_modules_channel_minor_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_minor_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_nosymbol_la_SOURCES = tests/modules/channel_nosymbol.c tests/modules/broken.h
tests_modules_channel_nosymbol_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_nosymbol_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_nullops_la_SOURCES = tests/modules/channel_nullops.c tests/modules/broken.h
tests_modules_channel_nullops_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_nullops_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_prison_channel_prisoner_la_SOURCES = tests/modules/channel_prisoner.c
tests_modules_prison_channel_prisoner_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_modules_prison_channel_prisoner_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_prison_channel_prisoner_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath $(abs_builddir)/tests/modules/prison
tests_modules_channel_truncated_la_SOURCES = tests/modules/channel_truncated.c tests/modules/broken.h
tests_modules_channel_truncated_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_truncated_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_twin_la_SOURCES = tests/modules/channel_twin.c tests/modules/broken.h
tests_modules_channel_twin_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_twin_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_channel_undefined_la_SOURCES = tests/modules/channel_undefined.c tests/modules/broken.h
tests_modules_channel_undefined_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_undefined_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_builddir)/tests/modules
# An archive, as a program with its plugins built in wants them.
check_LTLIBRARIES += tests/modules/channel_builtin.la
tests_modules_channel_builtin_la_SOURCES = tests/modules/channel_builtin.c tests/modules/broken.h
tests_modules_channel_builtin_la_CFLAGS  = $(TEST_MODULE_CFLAGS)
tests_modules_channel_builtin_la_LDFLAGS = -module -avoid-version -static \
	-rpath $(abs_builddir)/tests/modules

EXTRA_DIST += conf/countersign.conf
check_PROGRAMS += tests/fuzz/fuzz_config
TESTS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES  = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_config_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_conf
TESTS += tests/unit/core_conf
tests_unit_core_conf_SOURCES  = tests/unit/core_conf.c
tests_unit_core_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_conf_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_config
TESTS += tests/unit/core_config
tests_unit_core_config_SOURCES  = tests/unit/core_config.c tests/unit/core_stub.h
tests_unit_core_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_config_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_loader
TESTS += tests/unit/core_loader
tests_unit_core_loader_SOURCES  = tests/unit/core_loader.c tests/unit/core_stub.h
tests_unit_core_loader_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_loader_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
tests_unit_core_loader_LDFLAGS  = $(AM_LDFLAGS) -dlpreopen tests/modules/channel_builtin.la
EXTRA_tests_unit_core_loader_DEPENDENCIES = tests/modules/channel_builtin.la
check_PROGRAMS += tests/unit/core_log
TESTS += tests/unit/core_log
tests_unit_core_log_SOURCES  = tests/unit/core_log.c
tests_unit_core_log_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_log_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_loop
TESTS += tests/unit/core_loop
tests_unit_core_loop_SOURCES  = tests/unit/core_loop.c
tests_unit_core_loop_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_loop_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_op
TESTS += tests/unit/core_op
tests_unit_core_op_SOURCES  = tests/unit/core_op.c
tests_unit_core_op_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_op_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_registry
TESTS += tests/unit/core_registry
tests_unit_core_registry_SOURCES  = tests/unit/core_registry.c tests/unit/core_stub.h
tests_unit_core_registry_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_core_registry_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
check_PROGRAMS += tests/unit/core_trust
TESTS += tests/unit/core_trust
tests_unit_core_trust_SOURCES  = tests/unit/core_trust.c
tests_unit_core_trust_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_core_trust_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
check_PROGRAMS += tests/unit/core_isolate
TESTS += tests/unit/core_isolate
tests_unit_core_isolate_SOURCES  = tests/unit/core_isolate.c core/worker/landlock.c
tests_unit_core_isolate_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_core_isolate_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
EXTRA_tests_unit_core_isolate_DEPENDENCIES = countersign-worker$(EXEEXT) \
	tests/modules/prison/channel_prisoner.la plugins/channel/qr/channel_qr.la \
	plugins/media/file/media_file.la plugins/media/gst/media_gst.la
check_PROGRAMS += tests/fuzz/fuzz_wire
TESTS += tests/fuzz/fuzz_wire
tests_fuzz_fuzz_wire_SOURCES  = tests/fuzz/fuzz_wire.c
tests_fuzz_fuzz_wire_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_wire_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
