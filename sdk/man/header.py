#!/usr/bin/env python3
"""The manual page of one public header, as mdoc: header.py HEADER.

Everything on it stands in the header: its first comment, each declaration, and the comment
that belongs to it.  So the page cannot say something else than the contract.
"""
import pathlib
import re
import sys

FAMILIES = ["attest", "ceremony", "channel", "format", "gate", "host", "keys", "media", "plugin",
            "prompt", "store", "types"]


def escape(text):
    """A line of prose that mdoc takes as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def words_of(comment):
    """The words of a comment, without its marks; @name is the argument name."""
    comment = re.sub(r"^/\*+|\*+/$", "", comment.strip())
    lines = [re.sub(r"^\s*\*( |$)", "", line).strip() for line in comment.splitlines()]
    return re.sub(r"@(\w+)", r"\1", " ".join(line for line in lines if line)).strip()


def prose(text):
    """One sentence a line, as mdoc wants it."""
    if not text:
        return []
    return [escape(part.strip()) for part in re.split(r"(?<=[a-z0-9)][.])\s+(?=[A-Z\"@*])", text)]


class Member:
    def __init__(self, declaration, comment):
        self.declaration = re.sub(r"\s+", " ", declaration).strip()
        self.declaration = re.sub(r"__attribute__\(\(.*?\)\)\) ?", "", self.declaration)
        self.comment = comment


def split_members(text, end):
    """Declarations up to END characters, each with the comments before and behind it."""
    members, comment, at, declaration = [], "", 0, ""
    depth = 0
    while at < len(text):
        if text.startswith("/*", at):
            stop = text.index("*/", at) + 2
            words = words_of(text[at:stop])
            line = text[text.rfind("\n", 0, at) + 1:at]
            if not line.strip() and not declaration.strip():
                comment = (comment + " " + words).strip()  # of what follows
            elif declaration.strip():
                comment = (comment + " " + words).strip()  # in the middle of it
            elif members:
                members[-1].comment = (members[-1].comment + " " + words).strip()
            else:
                comment = (comment + " " + words).strip()
            at = stop
            continue
        char = text[at]
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(char, 0)
        if char == end and depth == 0:
            members.append(Member(declaration, comment))
            declaration, comment = "", ""
        else:
            declaration += char
        at += 1
    if declaration.strip():
        members.append(Member(declaration, comment))
    return [m for m in members if m.declaration]


def brace(text, start):
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise SystemExit("a brace without its partner")


def blocks(text):
    """(kind, name, comment, inside) of every struct, enum and macro."""
    pattern = re.compile(r"(?P<comment>/\*(?:(?!\*/).)*\*/\n)?"
                         r"(?:^(?P<kind>struct|enum)(?: (?P<name>\w+))? \{"
                         r"|^#define (?P<macro>CSN_\w+)(?P<args>\([^)]*\))?"
                         r"|^typedef (?P<type>[^;]*);)", re.S | re.M)
    at = 0
    while found := pattern.search(text, at):
        comment = words_of(found["comment"]) if found["comment"] else ""
        at = found.end()
        if found["macro"]:
            line = text[found.start("macro"):text.index("\n", at)]
            behind = re.search(r"/\*.*?\*/", line)
            yield "macro", found["macro"] + (found["args"] or ""), comment or (
                words_of(behind.group(0)) if behind else ""), ""
        elif found["type"]:
            yield "typedef", re.sub(r"\s+", " ", found["type"]), comment, ""
        else:
            stop = brace(text, found.end() - 1)
            inside = text[found.end():stop]
            at = stop
            lead = re.match(r"\s*/\*.*?\*/", inside.split("\n", 1)[0])
            if lead:  # "enum x { /* what it is */"
                comment = (comment + " " + words_of(lead.group(0))).strip()
                inside = inside[lead.end():]
            yield found["kind"], found["name"] or "", comment, inside


def write_block(kind, name, comment, inside, out):
    if kind == "macro":
        out += [".Ss " + escape(name), *prose(comment)]
        return
    if kind == "typedef":
        out += [".Ss typedef", ".Bd -literal", escape(name), ".Ed", *prose(comment)]
        return
    out += [f".Ss {kind} {name}".rstrip(), *prose(comment), ".Bl -tag -width Ds"]
    for member in split_members(inside, ";" if kind == "struct" else ","):
        out += [".It Li " + escape(member.declaration).replace('"', "\\(dq"), *prose(member.comment)]
    out += [".El"]


def main():
    path = pathlib.Path(sys.argv[1])
    family, text = path.stem, path.read_text(encoding="utf-8")
    head = text[:text.index("*/") + 2]
    paragraphs = [words_of(part) for part in re.split(r"\n \*\n", head)]
    about = re.split(r"(?<=[.:])\s", paragraphs[0])[0].rstrip(".:")
    rest = text[len(head):]
    out = [".Dd November 25, 2026", f".Dt CSN_{family.upper()} 3", ".Os", ".Sh NAME",
           f".Nm csn_{family}", ".Nd " + escape(about[0].lower() + about[1:]), ".Sh SYNOPSIS",
           f".In countersign/{family}.h", ".Sh DESCRIPTION"]
    for number, paragraph in enumerate(paragraphs):
        out += ([".Pp"] if number else []) + prose(paragraph)
    for block in blocks(rest):
        if block[1] != f"COUNTERSIGN_{family.upper()}_H":
            write_block(*block, out)
    out += [".Sh THREADS",
            "What is marked [loop] is called on the loop's thread only, what is marked [any] from any",
            "thread.",
            ".Sh RETURN VALUES",
            "0, or a negative number of",
            ".Vt enum csn_result .",
            ".Sh SEE ALSO",
            ".Xr countersign 1 ,"]
    others = [f for f in FAMILIES if f != family]
    out += [f".Xr csn_{other} 3" + (" ," if other != others[-1] else "") for other in others]
    out += [".Sh HISTORY",
            "All of it is of contract 0.9 but what says since when it is there."]
    sys.stdout.write("\n".join(line for line in out if line) + "\n")


main()
