noinst_LTLIBRARIES += plugins/attest/psk/libpsk.la
plugins_attest_psk_libpsk_la_SOURCES = plugins/attest/psk/psk.c plugins/attest/psk/psk.h
plugins_attest_psk_libpsk_la_CFLAGS  = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += attest_psk.la
attest_psk_la_SOURCES = plugins/attest/psk/plugin.c plugins/attest/psk/psk-io.c
attest_psk_la_CFLAGS  = $(MODULE_CFLAGS)
attest_psk_la_LDFLAGS = $(MODULE_LDFLAGS)
attest_psk_la_LIBADD  = plugins/attest/psk/libpsk.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/psk/README.md
