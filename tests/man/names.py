#!/usr/bin/env python3
"""Compares what is documented, declared and exported.  names.py TOP BUILD MEMBERS

MEMBERS holds the lines of tests/abi/members.py.  Prints what does not agree, one a line.
"""
import json
import pathlib
import re
import subprocess
import sys


def plain(page):
    """The text of an mdoc page without its escapes."""
    return page.replace("\\-", "-").replace("\\&", "").replace("\\(dq", '"').replace("\\e", "\\")


def declared(members):
    """Names the headers declare, as they have to stand on the pages: struct, name."""
    for line in members:
        kind, name = line.split()[:2]
        if kind == "struct":
            yield tuple(name.split("."))
        elif kind in ("enum", "define"):
            yield (None, name)


def contract(top, build, members):
    pages = {p.stem: plain(p.read_text()) for p in sorted((build / "sdk/man").glob("csn_*.3"))}
    headers = sorted(h.stem for h in (top / "sdk/include/countersign").glob("*.h"))
    for header in headers:
        if f"csn_{header}" not in pages:
            print(f"header {header}.h has no page csn_{header}(3)")
    text = "\n".join(pages.values())
    for struct, name in declared(members):
        where = text
        if struct:
            found = re.search(rf"^\.Ss struct {struct}$(.*?)(?=^\.S[sh] )", text, re.S | re.M)
            where = found.group(1) if found else ""
        if not re.search(rf"^\.It Li .*\b{name}\b|^\.Ss {name}\b", where, re.M):
            print(f"declared and not documented: {struct + '.' if struct else ''}{name}")
    source = "\n".join(h.read_text() for h in (top / "sdk/include/countersign").glob("*.h"))
    for found in re.finditer(r"^\.It Li (.*)$", text, re.M):
        for name in re.findall(r"\b(CSN_\w+|\(\*(\w+)\))", found.group(1)):
            word = name[1] or name[0]
            if word not in source:
                print(f"documented and not declared: {word}")


def readme_options(readme):
    """The first cells of its tables of options."""
    names, inside = set(), False
    for line in readme.splitlines():
        if re.match(r"\|\s*option\s*\|", line):
            inside = True
        elif inside and line.startswith("|"):
            names |= set(re.findall(r"`([\w.]+)`", line.split("|")[1]))
        else:
            inside = False
    return names


def plugins(top, build, modules):
    for module in modules:
        name = module.stem
        kind, _, rest = name.partition("_")
        page = build / "sdk/man" / f"countersign-{name.replace('_', '-')}.7"
        symbols = subprocess.run(["nm", "-D", "--defined-only", str(module)], check=True,
                                 capture_output=True, text=True).stdout.split()[2::3]
        symbols = [s for s in symbols if not s.startswith("__odr_asan")]  # the sanitizer's
        if symbols != [f"{name}_LTX_csn_plugin"]:
            print(f"{name} exports {symbols}")
        if not page.exists():
            print(f"{name} has no page {page.name}")
            continue
        text = plain(page.read_text())
        answer = subprocess.run([str(build / "countersign"), "plugins", "info", name, "--json",
                                 "--plugin-path", str(module.parent)], check=True,
                                capture_output=True, text=True).stdout
        rows = {o["name"] for c in json.loads(answer)["components"] for o in c["options"]}
        listed = set(re.findall(r"^\.It Ic (\S+)$", text, re.M))
        if rows != listed:
            print(f"{page.name} has the options {sorted(listed ^ rows)} on one side only")
        folder = next(f for f in (top / "plugins").glob("*/*")
                      if f"{f.parent.name}_{f.name.replace('-', '_')}" == name)
        told = readme_options((folder / "README.md").read_text())
        for option in sorted(rows - told):
            print(f"{folder.parent.name}/{folder.name}/README.md does not have the option {option}")
        for option in sorted(told - rows):
            print(f"{folder.parent.name}/{folder.name}/README.md has an option {option} that is not there")


def main():
    top, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    members = pathlib.Path(sys.argv[3]).read_text().splitlines()
    contract(top, build, members)
    plugins(top, build, sorted(build.glob("plugins/*/*/.libs/*.so")))


main()
