noinst_LTLIBRARIES += plugins/attest/x509/libx509.la
plugins_attest_x509_libx509_la_SOURCES = plugins/attest/x509/x509.c plugins/attest/x509/x509.h
plugins_attest_x509_libx509_la_CFLAGS  = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += attest_x509.la
attest_x509_la_SOURCES = plugins/attest/x509/plugin.c
attest_x509_la_CFLAGS  = $(MODULE_CFLAGS)
attest_x509_la_LDFLAGS = $(MODULE_LDFLAGS)
attest_x509_la_LIBADD  = plugins/attest/x509/libx509.la sdk/lib/libcsnanchors.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/x509/README.md
