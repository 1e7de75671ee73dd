plugin_LTLIBRARIES += plugins/keys/file/keys_file.la
plugins_keys_file_keys_file_la_SOURCES = \
	plugins/keys/file/file-io.c \
	plugins/keys/file/file.c \
	plugins/keys/file/file.h \
	plugins/keys/file/plugin.c
plugins_keys_file_keys_file_la_CFLAGS  = $(MODULE_CFLAGS)
plugins_keys_file_keys_file_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_keys_file_keys_file_la_LIBADD  = $(CRYPTO_LIBS)
EXTRA_DIST += plugins/keys/file/README.md
