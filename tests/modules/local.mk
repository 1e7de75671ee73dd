# What holds modules to the contract is itself held to modules that break it.
dist_check_SCRIPTS += tests/modules/check.sh tests/modules/host.sh tests/modules/created.sh
TESTS += tests/modules/check.sh tests/modules/host.sh tests/modules/created.sh
EXTRA_DIST += tests/modules/README.md tests/modules/build.sh tests/modules/wrong
check_PROGRAMS += tests/modules/host
tests_modules_host_SOURCES  = tests/modules/host.c
tests_modules_host_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_host_LDADD    = core/libcsncore.la sdk/lib/libcsnsdk.la
