#!/usr/bin/env python3
"""Every function of the public headers says on which thread it runs, and whose the things
are that it hands out or takes.  marks.py INCLUDE

The mark, [loop] or [any], stands in the comment above a function or behind it, or in the
comment above its struct: beside its name, or as "all [loop]".  Whose a thing is stands
there in words: see OWNERS.  Prints what has none.
"""
import pathlib
import re
import sys

MARK = re.compile(r"\[(loop|any)\]")
COMMENT = r"/\*(?:[^*]|\*(?!/))*\*/"

# What a declaration holds, and one of the words its comment has to have then.
OWNERS = (
    (r"struct csn_buf \*\*ret_", ("new reference",)),
    (r"struct csn_bytes \*ret_", ("borrowed",)),
    (r"struct csn_buf \*take\b", ("takes over",)),
    (r"^const (?:char|void) \*\(", ("lives as long as", "or null")),
    (r"struct csn_frame \*frame\b", ("its memory is", "queues")),
)


def bodies(text):
    """Comment above, name and body of each struct; what lies outside of all, as one more."""
    outside = text
    for found in re.finditer(rf"(?:^({COMMENT})\n)?^struct (\w+) \{{(.*?)^\}};", text, re.S | re.M):
        yield found.group(1) or "", found.group(2), found.group(3)
        outside = outside.replace(found.group(0), "")
    yield "", "", outside


def functions(body):
    """Name and declaration of each function, and the comments that are its own."""
    place = 0
    for found in re.finditer(r"\(\*(\w+)\)\(|^typedef [\w ]+ (\w+_fn)\(|^static inline .*?(\w+)\(", body, re.M):
        above = body[place:found.start()]
        end = re.compile(r"[;{]").search(body, found.end())
        end = end.end() if end else len(body)
        behind = re.match(rf"[ \t]*({COMMENT})", body[end:])
        bare = re.sub(COMMENT, lambda c: " " * len(c.group(0)), above)
        comments = re.findall(COMMENT, above[max(bare.rfind(";"), bare.rfind("}")) + 1:])
        if behind:
            comments.append(behind.group(1))
            end += behind.end()
        declared = re.search(r"[^;{}/]*$", bare).group(0).split("\n")[-1] + body[found.start():end]
        yield next(name for name in found.groups() if name), declared.strip(), " ".join(comments)
        place = end


def main():
    count = 0
    for header in sorted(pathlib.Path(sys.argv[1], "countersign").glob("*.h")):
        for above, struct, body in bodies(header.read_text()):
            for name, declared, own in functions(body):
                count += 1
                own = re.sub(r"\s*\n\s*\*\s*", " ", own)
                for shape, words in OWNERS:
                    if re.search(shape, declared) and not any(word in (own + above).lower() for word in words):
                        print(f"{header.name}: {name} does not say whose it is: {' or '.join(words)}")
                if not (MARK.search(own) or re.search(r"all \[(loop|any)\]", above) or
                        re.search(rf"\b{name} \[(loop|any)\]", above)):
                    print(f"{header.name}: {struct + '.' if struct else ''}{name} has no [loop] or [any]")
    if count == 0:
        print("there are no functions")


main()
