noinst_LTLIBRARIES += plugins/attest/x509/libx509.la
plugins_attest_x509_libx509_la_SOURCES = plugins/attest/x509/x509.c plugins/attest/x509/x509.h \
	plugins/attest/x509/device-profile.c plugins/attest/x509/device-profile.h \
	plugins/attest/x509/device.c plugins/attest/x509/device.h \
	plugins/attest/x509/matter-cd.c plugins/attest/x509/matter-cd.h \
	plugins/attest/x509/matter.c plugins/attest/x509/matter.h \
	plugins/attest/x509/ocsp.c plugins/attest/x509/ocsp.h \
	plugins/attest/x509/path.c plugins/attest/x509/path.h plugins/attest/x509/path-cert.c \
	plugins/attest/x509/path-checks.h plugins/attest/x509/path-crl.c \
	plugins/attest/x509/path-der.c plugins/attest/x509/path-names.c \
	plugins/attest/x509/quick.c plugins/attest/x509/quick.h
plugins_attest_x509_libx509_la_CFLAGS  = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/attest/x509/attest_x509.la
plugins_attest_x509_attest_x509_la_SOURCES = plugins/attest/x509/plugin.c \
	plugins/attest/x509/crl-numbers.c plugins/attest/x509/device-io.c \
	plugins/attest/x509/device-io.h
plugins_attest_x509_attest_x509_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_attest_x509_attest_x509_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_attest_x509_attest_x509_la_LIBADD  = plugins/attest/x509/libx509.la sdk/lib/libcsnanchors.la sdk/lib/libcsnevidence.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/attest/x509/README.md
