noinst_LTLIBRARIES += plugins/attest/dice/libdice.la
plugins_attest_dice_libdice_la_SOURCES = plugins/attest/dice/appraise.c \
	plugins/attest/dice/cdi.c plugins/attest/dice/chain.c plugins/attest/dice/dice.h \
	plugins/attest/dice/tcb.c plugins/attest/dice/x509.c
plugins_attest_dice_libdice_la_CFLAGS = $(MODULE_CFLAGS)
EXTRA_DIST += plugins/attest/dice/README.md
