# The contract only grows.
dist_check_SCRIPTS += tests/abi/abi.sh tests/abi/doxygen.sh tests/abi/report.sh
TESTS += tests/abi/abi.sh
EXTRA_DIST += tests/abi/0.9 tests/abi/all.c tests/abi/ledger tests/abi/ledger.py tests/abi/later.c tests/abi/later.py \
	tests/abi/members.py
