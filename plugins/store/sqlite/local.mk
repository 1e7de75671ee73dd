plugin_LTLIBRARIES += plugins/store/sqlite/store_sqlite.la
plugins_store_sqlite_store_sqlite_la_SOURCES = \
	plugins/store/sqlite/plugin.c \
	plugins/store/sqlite/sqlite-io.c \
	plugins/store/sqlite/sqlite.c \
	plugins/store/sqlite/sqlite.h
plugins_store_sqlite_store_sqlite_la_CFLAGS  = $(MODULE_CFLAGS) $(SQLITE_CFLAGS)
plugins_store_sqlite_store_sqlite_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_store_sqlite_store_sqlite_la_LIBADD  = $(SQLITE_LIBS)
EXTRA_DIST += plugins/store/sqlite/README.md

check_PROGRAMS += tests/modules/store_sqlite
tests_modules_store_sqlite_SOURCES  = tests/modules/store_sqlite.c
tests_modules_store_sqlite_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE $(SQLITE_CFLAGS)
tests_modules_store_sqlite_LDADD    = tests/kit/libfakehost.la $(SQLITE_LIBS)
TESTS += tests/modules/store_sqlite

check_PROGRAMS += tests/modules/store_sqlite_kill
tests_modules_store_sqlite_kill_SOURCES  = tests/modules/store_sqlite_kill.c
tests_modules_store_sqlite_kill_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_modules_store_sqlite_kill_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/store_sqlite_kill
