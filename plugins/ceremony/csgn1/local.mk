# The pure halves are a library of their own, so that tests reach them without the module.
noinst_LTLIBRARIES += plugins/ceremony/csgn1/libcsgn1.la
plugins_ceremony_csgn1_libcsgn1_la_SOURCES = \
	plugins/ceremony/csgn1/csgn1-answer.c \
	plugins/ceremony/csgn1/csgn1-offer.c \
	plugins/ceremony/csgn1/csgn1-prepare.c \
	plugins/ceremony/csgn1/csgn1-resume.c \
	plugins/ceremony/csgn1/csgn1.c \
	plugins/ceremony/csgn1/csgn1.h \
	plugins/ceremony/csgn1/station-check.c \
	plugins/ceremony/csgn1/station-offer.c \
	plugins/ceremony/csgn1/station-rows.c \
	plugins/ceremony/csgn1/station.h
plugins_ceremony_csgn1_libcsgn1_la_CFLAGS = $(MODULE_CFLAGS)

plugin_LTLIBRARIES += plugins/ceremony/csgn1/ceremony_csgn1.la
plugins_ceremony_csgn1_ceremony_csgn1_la_SOURCES = plugins/ceremony/csgn1/plugin.c
plugins_ceremony_csgn1_ceremony_csgn1_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_ceremony_csgn1_ceremony_csgn1_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_ceremony_csgn1_ceremony_csgn1_la_LIBADD  = plugins/ceremony/csgn1/libcsgn1.la sdk/lib/libcsnanchors.la \
	sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la $(CRYPTO_LIBS)
EXTRA_DIST += plugins/ceremony/csgn1/README.md
