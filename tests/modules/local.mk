# What holds modules to the contract is itself held to modules that break it.
dist_check_SCRIPTS += tests/modules/check.sh
TESTS += tests/modules/check.sh
EXTRA_DIST += tests/modules/wrong
