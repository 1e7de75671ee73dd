# A host for tests of one plugin.
check_LTLIBRARIES += tests/kit/libfakehost.la
tests_kit_libfakehost_la_SOURCES  = tests/kit/fakehost.c tests/kit/fakehost.h
tests_kit_libfakehost_la_CPPFLAGS = $(TEST_CPPFLAGS)
# Preloaded by session tests, which build it themselves.
EXTRA_DIST += tests/kit/skew.c
