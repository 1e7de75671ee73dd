noinst_LTLIBRARIES += plugins/attest/tpm2/libtpm2.la
plugins_attest_tpm2_libtpm2_la_SOURCES = plugins/attest/tpm2/judge.c plugins/attest/tpm2/log.c \
	plugins/attest/tpm2/quote.c plugins/attest/tpm2/shape.c plugins/attest/tpm2/tpm2.h \
	plugins/attest/tpm2/verifier.c \
	plugins/attest/tpm2/verifier.h
plugins_attest_tpm2_libtpm2_la_CFLAGS = $(MODULE_CFLAGS) $(TSS2_CFLAGS)
plugins_attest_tpm2_libtpm2_la_LIBADD = $(TSS2_LIBS)

plugin_LTLIBRARIES += plugins/attest/tpm2/attest_tpm2.la
plugins_attest_tpm2_attest_tpm2_la_SOURCES = plugins/attest/tpm2/plugin.c \
	plugins/attest/tpm2/tpm2-io.c
plugins_attest_tpm2_attest_tpm2_la_CFLAGS  = $(MODULE_CFLAGS) $(TSS2_CFLAGS)
plugins_attest_tpm2_attest_tpm2_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_attest_tpm2_attest_tpm2_la_LIBADD  = plugins/attest/tpm2/libtpm2.la \
	sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(TSS2_LIBS) \
	$(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/tpm2/README.md

check_PROGRAMS += tests/unit/attest_tpm2 tests/lab/tpm2_judge
tests_unit_attest_tpm2_SOURCES  = tests/unit/attest_tpm2.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_unit_attest_tpm2_CPPFLAGS = $(TEST_CPPFLAGS) $(TSS2_CFLAGS)
tests_unit_attest_tpm2_LDADD    = plugins/attest/tpm2/libtpm2.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(TSS2_LIBS) $(CRYPTO_LIBS)
tests_lab_tpm2_judge_SOURCES  = tests/lab/tpm2_judge.c
tests_lab_tpm2_judge_CPPFLAGS = $(TEST_CPPFLAGS) $(TSS2_CFLAGS)
tests_lab_tpm2_judge_LDADD    = $(tests_unit_attest_tpm2_LDADD)
dist_check_SCRIPTS += tests/lab/tpm2.sh
TESTS += tests/unit/attest_tpm2 tests/lab/tpm2.sh
