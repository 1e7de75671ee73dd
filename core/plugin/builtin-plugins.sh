#!/bin/sh
# Makes one object of plugins: builtin-plugins.sh OUT.o MODULE.la...
#
# Each module becomes one object in which only its descriptor is left to see, so that two
# plugins may use one name for different things as they may when each is a file.  With them
# comes the table that libltdl looks in, and beside OUT.o the file OUT.libs with what they
# have to be linked with.  CC, LD and OBJCOPY may be set.
set -eu
out=$1
shift
work=$out.d
rm -rf "$work"
mkdir -p "$work"
table=$work/table.c
: >"$work/libs"
{
	echo '#include <ltdl.h>'
	for la; do
		name=$(basename "$la" .la)
		echo "extern const char ${name}_LTX_csn_plugin[];"
	done
	echo 'extern const lt_dlsymlist lt__PROGRAM__LTX_preloaded_symbols[];'
	echo 'const lt_dlsymlist lt__PROGRAM__LTX_preloaded_symbols[] = {'
	echo '	{ "@PROGRAM@", 0 },'
} >"$table"
for la; do
	name=$(basename "$la" .la)
	archive=$(dirname "$la")/.libs/$name.a
	${LD:-ld} -r -o "$work/$name.whole.o" --whole-archive "$archive"
	${OBJCOPY:-objcopy} --keep-global-symbol="${name}_LTX_csn_plugin" "$work/$name.whole.o" \
		"$work/$name.o"
	printf '\t{ "%s.a", 0 },\n\t{ "%s_LTX_csn_plugin", (void *)(unsigned long)%s_LTX_csn_plugin },\n' \
		"$name" "$name" "$name" >>"$table"
	sed -n "s/^dependency_libs='\\(.*\\)'/\\1/p; s/^inherited_linker_flags='\\(.*\\)'/\\1/p" "$la" |
		tr ' ' '\n' >>"$work/libs"
done
echo '	{ 0, 0 },
};' >>"$table"
${CC:-cc} -c -fPIC -o "$work/table.o" "$table"
rm -f "$work"/*.whole.o
${LD:-ld} -r -o "$out" "$work"/*.o
# Ours are in the objects already; a library is named once.
grep -e '^-' "$work/libs" | sort -u | tr '\n' ' ' >"${out%.o}.libs"
rm -rf "$work"
