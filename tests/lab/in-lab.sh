# shellcheck shell=bash
# Sourced by the scripts beside it: in_lab WHAT [OPTION...] -- COMMAND... runs it with a
# stand-in of the lab; a lab that is not there is a skip with its reason.
lab=${CSN_LAB:-$top_srcdir/../shared/lab}

in_lab() {
	what=$1
	shift
	if [ ! -f "$lab/$what/run.sh" ]; then
		echo "1..0 # SKIP no lab at $lab/$what (set CSN_LAB)"
		exit 0
	fi
	output=$(bash "$lab/$what/run.sh" "$@")
	rc=$?
	if [ $rc -eq 125 ]; then
		echo "1..0 # SKIP lab/$what cannot run on this machine"
		exit 0
	fi
	printf '%s\n' "$output"
	exit $rc
}
