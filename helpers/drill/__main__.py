"""Answers to cards, read by the matcher: ``python -m helpers.drill feedback FILE.jsonl``.

Each line of the file is ``{"card": "bn-03", "text": "…"}``; for each, a line is printed:
``{"card": …, "points": {id: true | false | null}, "flags": {id: true | false}}``, null for "not sure".

``python -m helpers.drill check`` checks the bank; ``anki`` and ``csv`` print it for other programs.

Exit code: 0, or 2 where the input or the bank has a fault, told in one sentence.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from . import bank, export
from .matcher import feedback


class InputError(ValueError):
    """A fault of an input file, in one sentence that names file and line."""


def answers(path: Path) -> list[tuple[bank.Card, str]]:
    """The answers of a JSON-lines file with their cards. Raises InputError at the first fault."""
    cards = bank.load()
    found = []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON ({error}).") from None
        if not isinstance(data, dict):
            raise InputError(f"{where}: an object with card and text is expected, not {type(data).__name__}.")
        for key in ("card", "text"):
            if not isinstance(data.get(key), str):
                raise InputError(f"{where}: {key} is missing or no text.")
        if data["card"] not in cards:
            raise InputError(f"{where}: there is no card {data['card']!r}.")
        found.append((cards[data["card"]], data["text"]))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m helpers.drill", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("feedback", help="key points and red flags of answers").add_argument("file", type=Path)
    for name, told in (("check", "check the bank"), ("anki", "print for Anki"), ("csv", "print as CSV")):
        commands.add_parser(name, help=told)
    given = parser.parse_args(arguments)
    try:
        if given.command == "feedback":
            for card, text in answers(given.file):
                found = feedback(card, text)
                print(json.dumps({"card": card.id, "points": found.points, "flags": found.flags}))
        elif given.command == "check":
            faults = bank.validate()
            print("\n".join(faults) if faults else f"{len(bank.load())} cards, no fault found.")
            return 2 if faults else 0
        else:
            print((export.anki if given.command == "anki" else export.table)(bank.load().values()), end="")
    except (InputError, bank.BankError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
