#!/usr/bin/env python3
"""Write the migrations, or the built-in models, into a C file, so that they travel inside the program.

usage: embed.py OUTPUT NNNN-name.sql ...
       embed.py --models OUTPUT name.json ...
"""
import hashlib
import pathlib
import re
import sys

NAME = re.compile(r"(\d{4})-([a-z0-9]+(?:-[a-z0-9]+)*)\.sql")
# A quoted text or name as it stands; a comment; white space.
PIECE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|--[^\n]*|/\*.*?\*/|\s+""", re.DOTALL)
ESCAPES = {ord("\\"): r"\\", ord('"'): r"\"", ord("?"): r"\?", ord("\t"): r"\t"}


def digest(sql):
    """A later change of comments or layout leaves it as it is; any other change does not."""
    bare = PIECE.sub(lambda piece: piece[1] or " ", sql)
    bare = PIECE.sub(lambda piece: piece[1] or " ", bare).strip()
    return hashlib.sha256(bare.encode()).hexdigest()


def literal(line):
    text = "".join(ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
                   for byte in line.encode())
    return f'        "{text}\\n"'


def entry(path):
    number, name = NAME.fullmatch(path.name).groups()
    sql = path.read_text(encoding="utf-8")
    lines = "\n".join(literal(line) for line in sql.splitlines())
    return f'    {{{int(number)}, "{name}", "{digest(sql)}",\n{lines}}},\n'


def main(output, paths):
    for path in paths:
        if not NAME.fullmatch(path.name):
            sys.exit(f"{path}: a migration is named NNNN-name.sql, in small letters")
        if not path.read_text(encoding="utf-8").strip():
            sys.exit(f"{path}: is empty")
    paths.sort(key=lambda path: path.name)
    numbers = [int(path.name[:4]) for path in paths]
    if numbers != list(range(1, len(numbers) + 1)):
        sys.exit(f"schema/builtin/migrations: the numbers must be 1, 2, 3 without a gap, not {numbers}")
    output.write_text("/* Made by schema/embed.py from schema/builtin/migrations/. */\n"
                      '#include "store/migrate.h"\n\n'
                      "const struct migration migrations[] = {\n"
                      + "".join(entry(path) for path in paths) + "};\n"
                      f"const size_t migrations_count = {len(paths)};\n", encoding="utf-8")


def model_entry(path):
    lines = "\n".join(literal(line) for line in path.read_text(encoding="utf-8").splitlines())
    return f'    {{"{path.stem}",\n{lines}}},\n'


def models(output, paths):
    """What they say is checked by the program, at every start and in its tests."""
    output.write_text("/* Made by schema/embed.py from schema/builtin/. */\n"
                      '#include "base/model_builtin.h"\n\n'
                      "const struct model_text model_texts[] = {\n"
                      + "".join(model_entry(path) for path in sorted(paths)) + "};\n"
                      f"const size_t model_texts_count = {len(paths)};\n", encoding="utf-8")


if __name__ == "__main__":
    make, arguments = (models, sys.argv[2:]) if sys.argv[1:2] == ["--models"] else (main, sys.argv[1:])
    if len(arguments) < 2:
        sys.exit(__doc__.strip())
    make(pathlib.Path(arguments[0]), [pathlib.Path(name) for name in arguments[1:]])
