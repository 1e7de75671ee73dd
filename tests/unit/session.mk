# Sessions, links, policy and the audit log.
SESSION_TEST_LIBS = core/libcsncore.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
check_PROGRAMS += tests/unit/session_run
tests_unit_session_run_SOURCES  = tests/unit/session_run.c
tests_unit_session_run_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_run_LDADD    = $(SESSION_TEST_LIBS)
TESTS += tests/unit/session_run
