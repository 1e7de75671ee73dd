#!/bin/bash
# Every refusal code of docs/protocol.md section 6, and what reaches it: a vector that
# csn-vectors runs (vectors.sh holds each to its code), or a test that is named here.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
data=${CSN_SHARED:-$top_srcdir/../shared}/data/csgn1
[ -d "$data" ] || {
	echo "1..0 # SKIP no vectors at $data"
	exit 0
}
"$top_builddir/tests/unit/csgn1_ceremony" >"$top_builddir/tests/vectors/codes.tap" || exit 1
python3 - "$top_srcdir/docs/protocol.md" "$data" "$top_builddir/tests/vectors/codes.tap" <<'EOF'
import glob, json, os, re, sys

# No message can hold back an answer: time alone reaches this one.
tests = {246: "two way, no hello in time"}

text = open(sys.argv[1]).read()
section = text[text.index("\n## 6."):text.index("\n### 6.3")]
codes = {}
for code, name in re.findall(r"(?m)^\|[^|]*\| (\d{3}) \| (\w+) \|", section):
    codes.setdefault(int(code), name)

reached = {}
def walk(node, file, row):
    if isinstance(node, dict):
        row = node.get("name", row) if isinstance(node.get("name", row), str) else row
        if isinstance(node.get("code"), int):
            reached.setdefault(node["code"], []).append(f"{file}: {row}")
        for value in node.values():
            walk(value, file, row)
    elif isinstance(node, list):
        for value in node:
            walk(value, file, row)
for path in sorted(glob.glob(os.path.join(sys.argv[2], "*.json"))):
    if not path.endswith("index.json"):
        walk(json.load(open(path)), os.path.basename(path), "")
passed = [line.split(" - ", 1)[1].strip() for line in open(sys.argv[3]) if line.startswith("ok")]

bad = 0
for n, (code, name) in enumerate(sorted(codes.items()), 1):
    rows = reached.get(code, [])
    if rows:
        what = f"{len(rows)} vector{'s'[len(rows) < 2:]}, {rows[0]}"
    else:
        what = tests.get(code, "nothing")
    good = bool(rows) or any(tests.get(code, "?") in line for line in passed)
    bad += not good
    print(f"{'ok' if good else 'not ok'} {n} - {code} {name}: {what}")
strange = sorted(set(reached) - set(codes) - {0})
print(f"{'not ok' if strange else 'ok'} {len(codes) + 1} - no vector wants a code that is none {strange or ''}")
print(f"1..{len(codes) + 1}")
sys.exit(bad + len(strange) > 0)
EOF
