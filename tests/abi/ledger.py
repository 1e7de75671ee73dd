#!/usr/bin/env python3
"""Compares what the headers say today with the ledger.  ledger.py LEDGER TODAY FROZEN MINOR

TODAY and FROZEN hold the lines of members.py for today's headers and for those of 0.9.
Prints what is wrong, one a line; nothing when all is well.
"""
import sys


def main():
    ledger_path, today_path, frozen_path, minor = sys.argv[1:5]
    sections, section = {}, None
    for line in open(ledger_path, encoding="utf-8").read().splitlines():
        if line.startswith("# 0."):
            section = line[2:]
            sections[section] = []
        elif not line.startswith("#"):
            sections[section].append(line)
    held = [line for lines in sections.values() for line in lines]
    today = open(today_path, encoding="utf-8").read().splitlines()
    frozen = open(frozen_path, encoding="utf-8").read().splitlines()
    for line in held:
        if line not in today:
            print(f"changed or gone: {line}")
    for line in today:
        if line not in held:
            print(f"not in the ledger; add it under the contract that brings it: {line}")
    if sections.get("0.9") != frozen:
        print("the lines of 0.9 are not those of the frozen headers")
    last = list(sections)[-1]
    if int(last.split(".")[1]) > int(minor):
        print(f"the ledger has {last}, the headers say 0.{minor}")
    if len(set(held)) != len(held):
        print("a line stands there twice")


main()
