plugin_LTLIBRARIES += keys_file.la
keys_file_la_SOURCES = \
	plugins/keys/file/file-io.c \
	plugins/keys/file/file.c \
	plugins/keys/file/file.h \
	plugins/keys/file/plugin.c
keys_file_la_CFLAGS  = $(MODULE_CFLAGS)
keys_file_la_LDFLAGS = $(MODULE_LDFLAGS)
keys_file_la_LIBADD  = $(CRYPTO_LIBS)
EXTRA_DIST += plugins/keys/file/README.md
