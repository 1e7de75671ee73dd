noinst_LTLIBRARIES += plugins/attest/dice/libdice.la
plugins_attest_dice_libdice_la_SOURCES = plugins/attest/dice/appraise.c \
	plugins/attest/dice/cdi.c plugins/attest/dice/chain.c plugins/attest/dice/dice.h \
	plugins/attest/dice/tcb.c plugins/attest/dice/x509.c
plugins_attest_dice_libdice_la_CFLAGS = $(MODULE_CFLAGS)
EXTRA_DIST += plugins/attest/dice/README.md

check_PROGRAMS += tests/unit/attest_dice
tests_unit_attest_dice_SOURCES  = tests/unit/attest_dice.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_unit_attest_dice_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_dice_LDADD    = plugins/attest/dice/libdice.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/attest_dice
