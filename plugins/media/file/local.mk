plugin_LTLIBRARIES += plugins/media/file/media_file.la
plugins_media_file_media_file_la_SOURCES = \
	plugins/media/file/formats.c \
	plugins/media/file/formats.h \
	plugins/media/file/media.c \
	plugins/media/file/media.h \
	plugins/media/file/picture.c \
	plugins/media/file/plugin.c \
	plugins/media/file/read.c \
	plugins/media/file/write.c
plugins_media_file_media_file_la_CFLAGS  = $(MODULE_CFLAGS) $(PNG_CFLAGS)
plugins_media_file_media_file_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_media_file_media_file_la_LIBADD  = $(PNG_LIBS)
EXTRA_DIST += plugins/media/file/README.md

check_PROGRAMS += tests/modules/media_file tests/unit/media_formats
tests_modules_media_file_SOURCES  = tests/modules/media_file.c
tests_modules_media_file_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_media_file_CFLAGS   = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_modules_media_file_LDADD    = tests/kit/libfakehost.la $(PNG_LIBS)
tests_unit_media_formats_SOURCES  = tests/unit/media_formats.c plugins/media/file/formats.c
tests_unit_media_formats_CPPFLAGS = $(TEST_CPPFLAGS)
TESTS += tests/modules/media_file tests/unit/media_formats
