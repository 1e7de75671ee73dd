noinst_LTLIBRARIES += plugins/attest/eat/libeat.la
plugins_attest_eat_libeat_la_SOURCES = plugins/attest/eat/cca.c plugins/attest/eat/claims.c \
	plugins/attest/eat/eat.h plugins/attest/eat/token.c plugins/attest/eat/verifier.c \
	plugins/attest/eat/verifier.h
plugins_attest_eat_libeat_la_CFLAGS = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/attest/eat/attest_eat.la
plugins_attest_eat_attest_eat_la_SOURCES = plugins/attest/eat/eat-io.c plugins/attest/eat/plugin.c
plugins_attest_eat_attest_eat_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_attest_eat_attest_eat_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_attest_eat_attest_eat_la_LIBADD  = plugins/attest/eat/libeat.la \
	sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/eat/README.md

check_PROGRAMS += tests/unit/attest_eat tests/unit/attest_cca
tests_unit_attest_eat_SOURCES  = tests/unit/attest_eat.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_unit_attest_eat_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_eat_LDADD    = plugins/attest/eat/libeat.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_attest_cca_SOURCES  = tests/unit/attest_cca.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_unit_attest_cca_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_cca_LDADD    = $(tests_unit_attest_eat_LDADD)
TESTS += tests/unit/attest_eat tests/unit/attest_cca
