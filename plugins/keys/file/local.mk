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

check_PROGRAMS += tests/modules/keys_file
tests_modules_keys_file_SOURCES  = tests/modules/keys_file.c
tests_modules_keys_file_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_modules_keys_file_LDADD    = tests/kit/libfakehost.la $(CRYPTO_LIBS)
TESTS += tests/modules/keys_file
