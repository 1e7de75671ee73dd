# The command.
bin_PROGRAMS += countersign
countersign_SOURCES = \
	core/cli/attach.c core/cli/attach.h core/cli/audit.c core/cli/audit.h core/cli/audit-results.c \
	core/cli/bulk.h core/cli/bulk-send.c core/cli/bulk-take.c \
	core/cli/channels.c core/cli/channels.h core/cli/channels-ear.c core/cli/channels-listen.c \
	core/cli/channels-test.c core/cli/probe.c core/cli/probe.h core/cli/probe-seal.c \
	core/isolate/sandbox.c core/isolate/sandbox.h core/isolate/landlock.c core/isolate/landlock.h core/cli/wav.c core/cli/wav.h \
	core/cli/lab.c core/cli/lab.h core/cli/lab-constellation.c core/cli/lab-picture.c core/cli/lab-spectrogram.c \
	core/cli/lab-success.c core/cli/lab-watch.c core/cli/svg.c core/cli/svg.h core/cli/wav-load.c \
	core/cli/cli.h core/cli/commands.c core/cli/config.c \
	core/cli/demo.c core/cli/device.c core/cli/device.h core/cli/device-evidence.c core/cli/explain.c core/cli/fetch.c core/cli/fetch.h core/cli/files.c \
	core/cli/main.c core/cli/man.c core/cli/man.h core/cli/man-plugin.c core/cli/manufacture.c \
	core/cli/misc.c core/cli/out.c core/cli/pki.c core/cli/pki.h \
	core/cli/plugins.c core/cli/plugins.h core/cli/policy.c core/cli/quarantine.c core/cli/provision.c core/cli/reasons.c core/cli/reasons-evidence.c core/cli/release.c core/cli/resume.c core/cli/resume.h core/cli/run.c \
	core/cli/new.c core/cli/sign.c core/cli/check.c core/cli/check.h \
	core/cli/runner.c core/cli/runner.h core/cli/setup.c
countersign_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -DPLUGINDIR=\"$(plugindir)\" \
	-DPKGLIBEXECDIR=\"$(pkglibexecdir)\" \
	-DTEMPLATEDIR=\"$(datadir)/countersign/template\" \
	-D_GNU_SOURCE -DPACKAGE_VERSION=\"$(PACKAGE_VERSION)\" \
	$(POPT_CFLAGS) $(JANSSON_CFLAGS) $(SECCOMP_CFLAGS)
countersign_LDFLAGS = $(AM_LDFLAGS)
countersign_LDADD = core/libcsncore.la sdk/device/libcsndevice.la sdk/lib/libcsncrypto.la \
	sdk/lib/libcsnstream.la sdk/lib/libcsnsdk.la $(POPT_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(SECCOMP_LIBS) -lm

# The manual page is what the program says of itself.
man_MANS += core/man/countersign.1
CLEANFILES += core/man/countersign.1
core/man/countersign.1: countersign$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) core/man && ./countersign$(EXEEXT) man >$@.tmp && mv $@.tmp $@
dist_man_MANS = core/man/countersign.conf.5

# One program with every plugin in it.
EXTRA_DIST += core/plugin/builtin-plugins.sh
if STATIC_PLUGINS
countersign_CPPFLAGS += -DBUILTIN_PLUGINS
countersign_LDFLAGS += `cat core/builtin-plugins.libs`
countersign_LDADD += core/builtin-plugins.o
CLEANFILES += core/builtin-plugins.o core/builtin-plugins.libs
core/builtin-plugins.o: $(plugin_LTLIBRARIES) $(top_srcdir)/core/plugin/builtin-plugins.sh
	$(AM_V_GEN)$(MKDIR_P) core && CC='$(CC)' LD='$(LD)' OBJCOPY='$(OBJCOPY)' \
		$(SHELL) $(top_srcdir)/core/plugin/builtin-plugins.sh $@ $(plugin_LTLIBRARIES)
endif
