#!/usr/bin/env python3
"""Write a JSON file into a C file as one text, so that it travels inside the program.

usage: embed_json.py OUTPUT HEADER NAME FILE.json     defines NAME, which HEADER declares
"""
import json
import pathlib
import sys

ESCAPES = {ord("\\"): r"\\", ord('"'): r"\"", ord("?"): r"\?"}
LINE = 100


def refuse_twice(pairs):
    """A name that is there twice would hide the first one."""
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"these names are there twice: {sorted(twice)}")
    return dict(pairs)


def literal(text):
    return '    "' + "".join(ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
                             for byte in text.encode()) + '"'


def main(output, header, name, path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=refuse_twice)
    except ValueError as problem:
        sys.exit(f"{path}: {problem}")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = [literal(text[start:start + LINE]) for start in range(0, len(text), LINE)]
    output.write_text(f"/* Made by schema/embed_json.py from {path.name}. */\n"
                      f'#include "{header}"\n\n'
                      f"const char {name}[] =\n" + "\n".join(lines) + ";\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__.strip())
    main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4]))
