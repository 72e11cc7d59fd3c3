"""Answers to cards, read by the matcher: ``python -m helpers.drill feedback FILE…``.

Each line of a ``.jsonl`` file is ``{"card": "bn-03", "text": "…"}``; for each, a line is printed:
``{"card": …, "points": {id: true | false | null}, "flags": {id: true | false}}``, null for "not sure".
Of an ``.ipynb`` file the written answers of WRITTEN are read, and each line begins with ``"file"`` and ``"cell"``:
a suggestion to the marker.

``python -m helpers.drill check`` checks the bank; ``anki`` and ``csv`` print it for other programs.

Exit code: 0, or 2 where the input or the bank has a fault, told in one sentence.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import bank, export
from .matcher import feedback

WRITTEN = {
    "interview_pitch": "deep-09",
    "interview_modes": "bn-03",
    "interview_variances": "deep-10",
    "interview_mechanism": "deep-02",
}
"""The answers of Notebook 11 that a person grades: grade_id and card."""


class InputError(ValueError):
    """A fault of an input file, in one sentence that names file and line."""


def text_of(path: Path) -> str:
    """The text of a file. Raises InputError where there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.") from None


def written(path: Path) -> list[tuple[str, str]]:
    """The written answers of a notebook: grade_id and text. Raises InputError where the file is no notebook."""
    try:
        cells = json.loads(text_of(path))["cells"]
        named = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise InputError(f"{path} is no notebook.") from None
    return [(name, named[name]) for name in WRITTEN if name in named]


def answers(path: Path) -> list[tuple[bank.Card, str]]:
    """The answers of a JSON-lines file with their cards. Raises InputError at the first fault."""
    cards = bank.load()
    found = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
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


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".ipynb":
        for cell, text in written(path):
            yield {"file": str(path), "cell": cell, **_found(bank.load()[WRITTEN[cell]], text)}
    else:
        for card, text in answers(path):
            yield _found(card, text)


def _found(card: bank.Card, text: str) -> dict[str, Any]:
    found = feedback(card, text)
    return {"card": card.id, "points": found.points, "flags": found.flags}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m helpers.drill", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    reads = commands.add_parser("feedback", help="key points and red flags of answers")
    reads.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a .jsonl file, or Notebook 11 handed in")
    for name, told in (("check", "check the bank"), ("anki", "print for Anki"), ("csv", "print as CSV")):
        commands.add_parser(name, help=told)
    given = parser.parse_args(arguments)
    try:
        if given.command == "feedback":
            for path in given.files:
                for line in _lines(path):
                    print(json.dumps(line, ensure_ascii=False))
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
