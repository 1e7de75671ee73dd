#!/bin/bash
# The public headers through doxygen, every warning an error.  doxygen.sh TOP [FOLDER]: the
# pages go to FOLDER.  The headers keep plain comments: a filter makes them doxygen's.
set -u
top=${1:?} out=${2:-$(mktemp -d)}
[ $# -ge 2 ] || trap 'rm -rf "$out"' EXIT
mkdir -p "$out"
cat >"$out/filter" <<'END'
#!/bin/sh
# Words with @ are parameters, words in angle brackets are headers.
sed -e 's:^\(\t*\)/\*\( \|$\):\1/**\2:' -e 's:\([;,{]\)\(\t* *\)/\* :\1\2/**< :' \
	-e 's:@\([a-z_]*\):\\p \1:g' "$1"
END
chmod +x "$out/filter"
doxygen - >"$out/log" 2>&1 <<END
PROJECT_NAME = Countersign
INPUT = $top/sdk/include/countersign
INPUT_FILTER = $out/filter
FILTER_SOURCE_FILES = NO
OUTPUT_DIRECTORY = $out
OPTIMIZE_OUTPUT_FOR_C = YES
EXTRACT_ALL = YES
GENERATE_LATEX = NO
HAVE_DOT = NO
QUIET = YES
WARNINGS = YES
WARN_IF_DOC_ERROR = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
JAVADOC_AUTOBRIEF = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = "__attribute__(x)="
END
rc=$?
cat "$out/log"
exit $rc
