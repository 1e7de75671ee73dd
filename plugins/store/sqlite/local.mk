plugin_LTLIBRARIES += store_sqlite.la
store_sqlite_la_SOURCES = \
	plugins/store/sqlite/plugin.c \
	plugins/store/sqlite/sqlite-io.c \
	plugins/store/sqlite/sqlite.c \
	plugins/store/sqlite/sqlite.h
store_sqlite_la_CFLAGS  = $(MODULE_CFLAGS) $(SQLITE_CFLAGS)
store_sqlite_la_LDFLAGS = $(MODULE_LDFLAGS)
store_sqlite_la_LIBADD  = $(SQLITE_LIBS)
EXTRA_DIST += plugins/store/sqlite/README.md
