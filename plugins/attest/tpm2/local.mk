noinst_LTLIBRARIES += plugins/attest/tpm2/libtpm2.la
plugins_attest_tpm2_libtpm2_la_SOURCES = plugins/attest/tpm2/judge.c plugins/attest/tpm2/log.c \
	plugins/attest/tpm2/quote.c plugins/attest/tpm2/tpm2.h plugins/attest/tpm2/verifier.c \
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
