# Shared by all tests; each room lists its own tests in its own local.mk.
EXTRA_DIST += tests/kit/tap.h
dist_check_SCRIPTS = tests/floors.sh
TESTS += tests/floors.sh
