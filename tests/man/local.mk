dist_check_SCRIPTS += tests/man/man.sh
TESTS += tests/man/man.sh
EXTRA_DIST += tests/man/names.py tests/man/marks.py
