noinst_LTLIBRARIES += plugins/attest/dice/libdice.la
plugins_attest_dice_libdice_la_SOURCES = plugins/attest/dice/appraise.c \
	plugins/attest/dice/cdi.c plugins/attest/dice/chain.c plugins/attest/dice/dice.h \
	plugins/attest/dice/refs.c plugins/attest/dice/tcb.c plugins/attest/dice/verifier.c \
	plugins/attest/dice/verifier.h plugins/attest/dice/x509.c
plugins_attest_dice_libdice_la_CFLAGS = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/attest/dice/attest_dice.la
plugins_attest_dice_attest_dice_la_SOURCES = plugins/attest/dice/dice-io.c \
	plugins/attest/dice/plugin.c
plugins_attest_dice_attest_dice_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_attest_dice_attest_dice_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_attest_dice_attest_dice_la_LIBADD  = plugins/attest/dice/libdice.la \
	sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/dice/README.md

check_PROGRAMS += tests/unit/attest_dice tests/unit/attest_dice_cdi tests/unit/attest_dice_item
tests_unit_attest_dice_cdi_SOURCES  = tests/unit/attest_dice_cdi.c tests/kit/cdi-forge.c \
	tests/kit/cdi-forge.h tests/kit/dice-forge.c tests/kit/dice-forge.h
tests_unit_attest_dice_cdi_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_dice_cdi_LDADD    = plugins/attest/dice/libdice.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_attest_dice_SOURCES  = tests/unit/attest_dice.c tests/kit/dice-forge.c \
	tests/kit/dice-forge.h
tests_unit_attest_dice_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_dice_LDADD    = plugins/attest/dice/libdice.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
tests_unit_attest_dice_item_SOURCES  = tests/unit/attest_dice_item.c tests/kit/cdi-forge.c \
	tests/kit/cdi-forge.h tests/kit/dice-forge.c tests/kit/dice-forge.h
tests_unit_attest_dice_item_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_attest_dice_item_LDADD    = plugins/attest/dice/libdice.la \
	sdk/lib/libcsnevidence.la sdk/lib/libcsncrypto.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
TESTS += tests/unit/attest_dice tests/unit/attest_dice_cdi tests/unit/attest_dice_item
EXTRA_DIST += plugins/attest/dice/README.md
