#!/usr/bin/env python3
"""The manual page of a plugin: plugin.py README.md <PAGE

PAGE is what `countersign man MODULE` writes; the prose of README.md comes in at its mark.
The table of options stays out: the page has them from the option rows.
"""
import pathlib
import re
import sys


def escape(text):
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"\*\*(.+?)\*\*", r"\\fB\1\\fR", text)
    text = re.sub(r"`([^`]*)`", r"\\fI\1\\fR", text)
    return "\\&" + text if text.startswith((".", "'")) else text


def prose(text):
    return [escape(part.strip()) for part in re.split(r"(?<=[\w)\]`*\"][.!?])\s+", text)]


def table(rows):
    """The rows of a table, each as one item, the first cell its tag."""
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in rows]
    head, lines = cells[0], [".Bl -tag -width Ds"]
    for row in cells[2:]:
        lines.append(".It " + (escape(row[0]).strip() or "\\&"))
        said = [f"{name}: {cell}" if name and len(head) > 2 else cell
                for name, cell in zip(head[1:], row[1:]) if cell]
        lines.append(escape("; ".join(said)) + "." if said else "\\&")
    return lines + [".El"]


def convert(text):
    blocks, out = re.split(r"\n\s*\n", text), []
    for block in blocks:
        lines = [line for line in block.strip("\n").splitlines() if line.strip()]
        if not lines or lines[0].startswith("# "):
            lines = lines[1:]
        if not lines:
            continue
        if lines[0].startswith("#"):
            out += [".Ss " + escape(lines[0].lstrip("# "))]
        elif lines[0].startswith("|"):
            if not re.match(r"\|\s*option\s*\|", lines[0]):
                out += [".Pp"] + table(lines)
        elif lines[0].startswith(("```", "    ")):
            body = [line for line in lines if not line.startswith("```")]
            out += [".Bd -literal"] + [escape(line) for line in body] + [".Ed"]
        elif re.match(r"([-*]|\d+\.) ", lines[0]):
            items = re.split(r"^(?:[-*]|\d+\.) ", "\n".join(lines), flags=re.M)[1:]
            out += [".Bl -bullet"]
            for item in items:
                out += [".It"] + prose(re.sub(r"\s+", " ", item).strip())
            out += [".El"]
        else:
            out += [".Pp"] + prose(re.sub(r"\s+", " ", " ".join(lines)).strip())
    # A paragraph begins by itself behind a heading and before a list.
    kept = []
    for at, line in enumerate(out):
        before = out[at - 1] if at else ".Ss"
        behind = out[at + 1] if at + 1 < len(out) else ""
        if line != ".Pp" or not (before.startswith(".Ss") or behind.startswith(".Bl")):
            kept.append(line)
    return "\n".join(kept)


def main():
    readme = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    page = sys.stdin.read()
    if '.\\" README\n' not in page:
        raise SystemExit("the page has no place for its prose")
    sys.stdout.write(page.replace('.\\" README\n', convert(readme) + "\n"))


main()
