#!/bin/bash
# campaign.sh [-k] [-b FOLDER] [-n EXECUTIONS] [-s SECONDS] [-t SECONDS] [READER...]
# Every reader of evidence under the engine, with the suites as corpus, until it has had
# EXECUTIONS, those of earlier runs counted, or -s SECONDS, and all of them no longer than
# -t.  FOLDER/executions.tsv has a line a run.  -k: what FOLDER has is not built again.
# Exits 1 at the first finding.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$top/build-fuzz runs=10000000 seconds=600 total=1000000 keep='' data=${CSN_SHARED:-$top/../shared}/data
tests=${CSN_TEST_PROGRAMS:-$top/build/tests} # what makes seeds of devices
while getopts kb:n:s:t: option; do
	case $option in
	k) keep=1 ;;
	t) total=$OPTARG ;;
	b) dir=$OPTARG ;;
	n) runs=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
lib=sdk/lib
shared="$lib/libcsnevidence.la $lib/libcsncrypto.la $lib/libcsnsdk.la"
x509="plugins/attest/x509/libx509.la plugins/attest/psk/libpsk.la"
evidence="plugins/attest/dice/libdice.la plugins/attest/eat/libeat.la plugins/attest/tpm2/libtpm2.la"
# What is wrapped is called from inside of OpenSSL, too: its archive is linked.
wrap=''
for f in EVP_DigestVerify EVP_DigestVerifyInit EVP_PKEY_copy_parameters \
	EVP_PKEY_set1_encoded_public_key X509_verify OCSP_basic_verify OCSP_id_issuer_cmp \
	OSSL_DECODER_CTX_new_for_pkey OSSL_DECODER_from_data OSSL_DECODER_CTX_free; do
	wrap+=" -Wl,--wrap=$f"
done
flags="-g -O2 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"

built() { for f; do echo "${f%/*}/.libs/$(basename "$f" .la).a"; done; }

# program NAME ARCHIVE...
program() {
	local name=$1 objects=() f
	shift
	for f in "fuzz/fuzz_$name" fuzz/drive fuzz/fakes kit/pki; do
		# shellcheck disable=SC2086 # options, separately
		$cc $flags -std=gnu11 -DFUZZ_ENGINE -DTEST_SRCDIR="\"$top\"" -I"$top/sdk/include" \
			-I"$top/sdk" -I"$top/tests" -I"$top" -c "$top/tests/$f.c" -o "fuzz-${f##*/}.o"
		objects+=("fuzz-${f##*/}.o")
	done
	# shellcheck disable=SC2086
	clang -fsanitize=fuzzer,address,undefined $wrap -o "fuzz-$name" "${objects[@]}" \
		-Wl,--start-group "$@" -Wl,--end-group -ltss2-mu \
		"$(pkg-config --variable=libdir libcrypto)/libcrypto.a" -ldl -lpthread
}

cc="clang"
! command -v ccache >/dev/null || cc="ccache clang"
make_all() {
	[ -f libtool ] || "$top/configure" --quiet --enable-sanitizers CC="$cc" CXX="$cc++" \
		CFLAGS="-g -O2 -fsanitize=fuzzer-no-link" CXXFLAGS="-g -O2 -fsanitize=fuzzer-no-link"
	# shellcheck disable=SC2086
	make -j"$(nproc)" $evidence $x509 $shared >make.log
	# shellcheck disable=SC2046,SC2086
	program evidence $(built $evidence $shared)
	# shellcheck disable=SC2046,SC2086
	program x509 $(built $x509 $shared)
	mkdir -p corpus found
	./fuzz-evidence -w corpus >evidence.readers
	./fuzz-x509 -w corpus >x509.readers
	[ ! -d "$data/x509" ] || python3 "$top/tests/fuzz/corpus_x509.py" "$data" corpus
	for f in device revocation; do
		[ ! -x "$tests/unit/x509_$f" ] || CSN_SEEDS=$PWD/corpus "$tests/unit/x509_$f" >"$f.tap"
	done
}

# run PROGRAM READER KIND: what is left for it, as far as time allows.
run() {
	local left from=$SECONDS time=$((total - SECONDS)) had
	left=$(awk -v n="$runs" -v r="$2" '$1 == r { n -= $3 } END { print n }' executions.tsv)
	[ "$time" -lt "$seconds" ] || time=$seconds
	[ "$left" -gt 0 ] && [ "$time" -gt 0 ] || return 0
	CSN_FUZZ_READER=$2 ASAN_OPTIONS=malloc_context_size=3:quarantine_size_mb=16 \
		"./fuzz-$1" -runs="$left" -max_total_time="$time" -max_len=4096 \
		-artifact_prefix="found/$2-" -print_final_stats=1 "corpus/$2" >"$2.log" 2>&1 || {
		tail -n 30 "$2.log"
		echo "campaign: $2 has a finding"
		exit 1
	}
	had=$(sed -n 's/^stat::number_of_executed_units: *//p' "$2.log")
	printf '%s\t%s\t%s\t%d\n' "$2" "$3" "$had" "$((SECONDS - from))" | tee -a executions.tsv
}

mkdir -p "$dir" && cd "$dir"
[ -n "$keep" ] || make_all
touch executions.tsv
for program in evidence x509; do
	while read -r reader kind; do
		[ $# -eq 0 ] || [[ " $* " = *" $reader "* ]] || continue
		run "$program" "$reader" "${kind:-fakes}"
	done <"$program.readers"
done
