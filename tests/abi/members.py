#!/usr/bin/env python3
"""Every public member, enumerator and fixed size of the contract's headers, one a line.

members.py FOLDER COMPILER...: FOLDER holds countersign/*.h.  Names come from the text of
the headers, numbers from the compiler.  Lines are sorted as the headers have them:

    struct csn_host.log 8 8           offset and size of a member
    sizeof csn_bytes 16               of a struct that has no size member, so never grows
    enum CSN_E_NOMEM -1
    define CSN_VERDICT_FACTS 16
"""
import pathlib
import re
import subprocess
import sys
import tempfile


def plain(text):
    """Without comments, continuation lines and attributes."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", text)
    return text


def body(text, start):
    """What stands between the brace at START and its partner, and where that ends."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 1:at], at
    raise SystemExit("a brace without its partner")


def declarators(declaration):
    """The names that one declaration of a struct gives."""
    pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
    if pointer:
        return [pointer.group(1)]
    names = []
    for part in declaration.split(","):
        name = re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*$", part)
        if name:
            names.append(name.group(1))
    return names


def members(struct_body):
    names, at = [], 0
    while at < len(struct_body):
        semicolon = struct_body.find(";", at)
        brace = struct_body.find("{", at)
        if semicolon < 0:
            break
        if 0 <= brace < semicolon:  # a union: by the name behind it
            _, end = body(struct_body, brace)
            semicolon = struct_body.find(";", end)
            names += declarators(struct_body[end + 1:semicolon])
        else:
            names += declarators(struct_body[at:semicolon])
        at = semicolon + 1
    return names


def header_lines(text):
    """(kind, name, member) in the order of the header."""
    for found in re.finditer(r"^(struct|enum)\s+(\w+)?\s*(?=\{)|^#define\s+(CSN_\w+)\s+\(?(-?\w+)\)?\s*$",
                             text, re.M):
        if found.group(3):
            if re.fullmatch(r"-?(0x[0-9a-fA-F]+u?|\d+u?)", found.group(4)):
                yield "define", found.group(3), None
            continue
        inside, _ = body(text, text.index("{", found.end(0) - 1))
        if found.group(1) == "enum":
            for part in inside.split(","):
                name = re.match(r"\s*(\w+)", part)
                if name:
                    yield "enum", name.group(1), None
            continue
        names = members(inside)
        for name in names:
            yield "struct", found.group(2), name
        if "size" not in names:
            yield "sizeof", found.group(2), None


def main():
    folder, compiler = pathlib.Path(sys.argv[1]), sys.argv[2:]
    headers = sorted((folder / "countersign").glob("*.h"))
    rows = [row for header in headers for row in header_lines(plain(header.read_text()))]
    code = ["#include <stdio.h>"] + [f"#include <countersign/{h.name}>" for h in headers]
    code.append("int main(void) {")
    for kind, name, member in rows:
        if kind == "struct":
            code.append(f'printf("struct {name}.{member} %zu %zu\\n", offsetof(struct {name}, {member}),'
                        f' sizeof(((struct {name} *)0)->{member}));')
        elif kind == "sizeof":
            code.append(f'printf("sizeof {name} %zu\\n", sizeof(struct {name}));')
        else:
            code.append(f'printf("{kind} {name} %lld\\n", (long long)({name}));')
    code.append("return 0; }")
    with tempfile.TemporaryDirectory() as scratch:
        source, program = pathlib.Path(scratch, "m.c"), pathlib.Path(scratch, "m")
        source.write_text("\n".join(code) + "\n")
        subprocess.run([*compiler, "-std=gnu11", f"-I{folder}", "-o", str(program), str(source)],
                       check=True)
        lines = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    # What changes by design is not part of the promise.
    print("".join(line + "\n" for line in lines.splitlines() if not line.startswith("define CSN_ABI_")),
          end="")


main()
