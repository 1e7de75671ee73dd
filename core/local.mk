# All of core but the command; no GLib.  One file a line.
noinst_LTLIBRARIES += core/libcsncore.la
core_libcsncore_la_SOURCES = \
	core/audit/audit.c \
	core/audit/audit.h \
	core/audit/tail.c \
	core/audit/tail.h \
	core/audit/unsettled.c \
	core/audit/unsettled.h \
	core/base/buf.c \
	core/base/buf.h \
	core/base/error.c \
	core/base/error.h \
	core/base/log.c \
	core/base/log.h \
	core/base/nearest.c \
	core/base/nearest.h \
	core/base/sanitized.h \
	core/config/check.c \
	core/config/config.c \
	core/config/config.h \
	core/config/file.h \
	core/config/values.c \
	core/config/text.c \
	core/config/text.h \
	core/isolate/attest.c \
	core/isolate/channel.c \
	core/isolate/doors.c \
	core/isolate/doors.h \
	core/isolate/int.h \
	core/isolate/isolate.c \
	core/isolate/isolate.h \
	core/isolate/media-once.c \
	core/isolate/media-once.h \
	core/isolate/spawn.c \
	core/isolate/wire-items.c \
	core/isolate/wire.c \
	core/isolate/wire.h \
	core/link/int.h \
	core/link/link.c \
	core/link/link.h \
	core/link/receive.c \
	core/link/send.c \
	core/loop/clock.c \
	core/loop/int.h \
	core/loop/loop.c \
	core/loop/loop.h \
	core/loop/op.c \
	core/loop/op.h \
	core/loop/timers.c \
	core/loop/timers.h \
	core/plugin/descriptor.c \
	core/plugin/descriptor.h \
	core/plugin/loader.c \
	core/plugin/loader.h \
	core/plugin/option.c \
	core/plugin/option.h \
	core/plugin/trust.c \
	core/plugin/trust.h \
	core/policy/facts.c \
	core/policy/int.h \
	core/policy/judge.c \
	core/policy/policy.c \
	core/policy/policy.h \
	core/policy/rule.c \
	core/session/calls.c \
	core/session/decide.c \
	core/session/facts.c \
	core/session/int.h \
	core/session/record.c \
	core/session/results.c \
	core/session/session.c \
	core/session/session.h \
	core/station/flow.c \
	core/station/int.h \
	core/station/open.c \
	core/station/registry.c \
	core/station/registry.h \
	core/station/log.c \
	core/station/station.c \
	core/station/station.h \
	core/station/try.c \
	core/station/workers.c \
	core/host.c \
	core/host.h
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
tests_modules_prison_channel_prisoner_la_SOURCES = tests/modules/channel_prisoner.c \
	tests/modules/prisoner-attempts.h tests/modules/prisoner-doors.h
tests_modules_prison_channel_prisoner_la_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
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
check_PROGRAMS += tests/unit/core_isolate tests/unit/isolate_prison
TESTS += tests/unit/core_isolate tests/unit/isolate_prison
tests_unit_isolate_prison_SOURCES  = tests/unit/isolate_prison.c tests/unit/isolate_kit.h \
	core/isolate/landlock.c
tests_unit_isolate_prison_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_isolate_prison_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
EXTRA_tests_unit_isolate_prison_DEPENDENCIES = countersign-worker$(EXEEXT) \
	tests/modules/prison/channel_prisoner.la
tests_unit_core_isolate_SOURCES  = tests/unit/core_isolate.c tests/unit/isolate_kit.h
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
