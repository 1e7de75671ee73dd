# The pure part is a library of its own, so that the vector runner can reach the parser.
noinst_LTLIBRARIES += plugins/format/json/libjson.la
plugins_format_json_libjson_la_SOURCES = \
	plugins/format/json/json-in.c \
	plugins/format/json/json-out.c \
	plugins/format/json/json-text.c \
	plugins/format/json/json.h
plugins_format_json_libjson_la_CFLAGS = $(MODULE_CFLAGS) $(JANSSON_CFLAGS)

plugin_LTLIBRARIES += plugins/format/json/format_json.la
plugins_format_json_format_json_la_SOURCES = \
	plugins/format/json/json.c \
	plugins/format/json/plugin.c
plugins_format_json_format_json_la_CFLAGS  = $(MODULE_CFLAGS) $(JANSSON_CFLAGS)
plugins_format_json_format_json_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_format_json_format_json_la_LIBADD  = \
	plugins/format/json/libjson.la sdk/lib/libcsnsdk.la $(JANSSON_LIBS)
EXTRA_DIST += plugins/format/json/README.md

check_PROGRAMS += tests/modules/format_json
tests_modules_format_json_SOURCES  = tests/modules/format_json.c
tests_modules_format_json_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_format_json_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/format_json
