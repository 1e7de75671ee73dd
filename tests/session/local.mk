# Whole programs, run as their users run them.
dist_check_SCRIPTS += tests/session/cli.sh tests/session/demo.sh tests/session/tamper.sh
EXTRA_DIST += tests/kit/tap.sh
TESTS += tests/session/cli.sh
