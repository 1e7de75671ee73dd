#!/bin/bash
# Manual pages: what is documented, declared and exported is the same, and mandoc is content.
set -u
. "${top_srcdir:?}/tests/kit/tap.sh"
build=${top_builddir:?}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
read -ra cc <<<"${CC:-cc}"
if ! python3 "$top_srcdir/tests/abi/members.py" "$top_srcdir/sdk/include" "${cc[@]}" >"$dir/members"; then
	tap_ok 1 "the headers' members are listed"
	tap_done
fi
names() { python3 "$top_srcdir/tests/man/names.py" "$@" 2>&1; }

same "what is documented, declared and exported agrees" "$(names "$top_srcdir" "$build" "$dir/members")" ""
echo 'struct csn_host.nobody 176 8' | cat "$dir/members" - >"$dir/more"
same "a member without a word is noticed" "$(names "$top_srcdir" "$build" "$dir/more")" \
	"declared and not documented: csn_host.nobody"
mkdir "$dir/top"
ln -s "$top_srcdir/sdk" "$dir/top/sdk"
(cd "$top_srcdir" && cp --parents plugins/*/*/README.md "$dir/top")
sed -i 's/^| `poll_ms`/| `poll_s`/' "$dir/top/plugins/channel/file/README.md"
same "a README that has fallen behind is noticed" "$(names "$dir/top" "$build" "$dir/members")" \
	"channel/file/README.md does not have the option poll_ms
channel/file/README.md has an option poll_s that is not there"
marks() { python3 "$top_srcdir/tests/man/marks.py" "$1" 2>&1; }
same "every function of the headers has its thread, and its things an owner" \
	"$(marks "$top_srcdir/sdk/include")" ""
mkdir -p "$dir/include/countersign"
cp "$top_srcdir"/sdk/include/countersign/{format,keys}.h "$dir/include/countersign"
sed -i 's/a new reference/a buffer/; s/\[loop\] Record/Record/; s:\[loop\]  *\*/:*/:' \
	"$dir/include/countersign/"*.h
same "one that has none is noticed" "$(marks "$dir/include")" \
	"format.h: encode does not say whose it is: new reference
format.h: csn_format_ops.encode has no [loop] or [any]
format.h: decode does not say whose it is: new reference
keys.h: public_key does not say whose it is: new reference
keys.h: csn_keys_ops.cancel has no [loop] or [any]"
if command -v mandoc >/dev/null; then
	same "mandoc finds nothing to warn of" "$(mandoc -Tlint -W warning "$build"/sdk/man/*.[37] \
		"$build/core/man/countersign.1" "$top_srcdir/core/man/countersign.conf.5" 2>&1)" ""
else
	tap_ok 1 "mandoc is here (apt-get install mandoc)"
fi
same "countersign(1) has every command of its help" "$(for word in $("$build/countersign" --help |
	sed -n 's/^  \([a-z]*\)  .*/\1/p' | sort -u); do
	grep -q "^\.Ss countersign $word" "$build/core/man/countersign.1" || echo "$word"
done)" ""
tap_done
