# Sessions, links, policy and the audit log.
SESSION_TEST_LIBS = core/libcsncore.la sdk/lib/libcsnsdk.la $(CRYPTO_LIBS)
SESSION_TESTS = \
	tests/unit/session_audit \
	tests/unit/session_link \
	tests/unit/session_policy \
	tests/unit/session_run \
	tests/unit/session_station
check_PROGRAMS += $(SESSION_TESTS)
TESTS += $(SESSION_TESTS)
EXTRA_DIST += tests/unit/session_note.inc

tests_unit_session_audit_SOURCES   = tests/unit/session_audit.c
tests_unit_session_audit_CPPFLAGS  = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_audit_LDADD     = $(SESSION_TEST_LIBS)
tests_unit_session_link_SOURCES    = tests/unit/session_link.c
tests_unit_session_link_CPPFLAGS   = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_link_LDADD      = $(SESSION_TEST_LIBS)
tests_unit_session_policy_SOURCES  = tests/unit/session_policy.c
tests_unit_session_policy_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_policy_LDADD    = $(SESSION_TEST_LIBS)
tests_unit_session_run_SOURCES     = tests/unit/session_run.c
tests_unit_session_run_CPPFLAGS    = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_run_LDADD       = sdk/lib/libcsncrypto.la $(SESSION_TEST_LIBS)
tests_unit_session_station_SOURCES  = tests/unit/session_station.c
tests_unit_session_station_CPPFLAGS = $(TEST_CPPFLAGS) -D_GNU_SOURCE
tests_unit_session_station_LDADD    = $(SESSION_TEST_LIBS)
