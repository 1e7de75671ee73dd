#!/usr/bin/env python3
"""Headers of a contract that is still to come: later.py FROM TO

Copies FROM/countersign to TO/countersign and lets some tables and structs grow.
"""
import pathlib
import re
import sys

GROWN = {
    "csn_host": "int (*later)(const struct csn_host *host);",
    "csn_channel_caps": "uint32_t later;",
    "csn_channel_ops": "int (*later)(void *self);",
    "csn_component": "const void *later;",
    "csn_plugin": "const char *later;",
}


def main():
    source, target = pathlib.Path(sys.argv[1], "countersign"), pathlib.Path(sys.argv[2], "countersign")
    target.mkdir(parents=True, exist_ok=True)
    grown = set()
    for header in source.glob("*.h"):
        text = header.read_text(encoding="utf-8")
        for name, member in GROWN.items():
            text, count = re.subn(rf"(^struct {name} \{{\n.*?^)(\}};)", rf"\1\t{member}\n\2", text,
                                  count=1, flags=re.S | re.M)
            if count:
                grown.add(name)
        text = re.sub(r"(#define CSN_ABI_MINOR) \d+", r"\1 99", text)
        (target / header.name).write_text(text, encoding="utf-8")
    if grown != set(GROWN):
        raise SystemExit(f"not found: {sorted(set(GROWN) - grown)}")


main()
