noinst_LTLIBRARIES += plugins/attest/psk/libpsk.la
plugins_attest_psk_libpsk_la_SOURCES = plugins/attest/psk/psk.c plugins/attest/psk/psk.h
plugins_attest_psk_libpsk_la_CFLAGS  = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/attest/psk/attest_psk.la
plugins_attest_psk_attest_psk_la_SOURCES = plugins/attest/psk/plugin.c plugins/attest/psk/psk-io.c
plugins_attest_psk_attest_psk_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_attest_psk_attest_psk_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_attest_psk_attest_psk_la_LIBADD  = plugins/attest/psk/libpsk.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/psk/README.md
