"""The command ``python -m helpers.judge``: each file runs in a process of its own, is judged here, and gets a card."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .sandbox import Limits, Sandbox
from .submission import NotJudged

if TYPE_CHECKING:
    from helpers.judge.exercise import Exercise

# .report imports torch.  It is imported late, so that the process in which the file will run imports it meanwhile.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            return _list(options.exercise, options.json)
        if not options.files:
            raise NotJudged("No file was named; see --help.")
        with Sandbox(options.salt) as sandbox:
            return _judge(options, sandbox)
    except NotJudged as problem:
        print(problem, file=sys.stderr)
        return 2


@contextlib.contextmanager
def _to_stay() -> Iterator[None]:
    """What is imported inside is not searched for garbage: neither meanwhile nor when the command ends."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def _judge(options: argparse.Namespace, sandbox: Sandbox) -> int:
    with _to_stay():
        from .report import find_exercise, judge_file

    exercise = find_exercise(options.exercise) if options.exercise else None
    reports = []
    for path in options.files:
        report = judge_file(path, exercise, sandbox, Limits(seconds=options.timeout), options.salt)
        reports.append(report)
        if report.exit_code == 2:
            print(f"could not be judged: {report.error}", file=sys.stderr)
        elif not options.json:
            print(*([f"{path}:"] if len(options.files) > 1 else []), report.as_text(), sep="\n", flush=True)
    if options.json:
        results = [report.as_json() for report in reports]
        print(json.dumps(results if len(results) > 1 else results[0], indent=1))
    return max(report.exit_code for report in reports)


def _list(id: str | None, as_json: bool) -> int:
    with _to_stay():
        from .report import DEFAULT, find_exercise

    exercise: Exercise = find_exercise(id or DEFAULT)
    checks = [{"id": c.id, "title": c.title} for c in exercise.whole.checks]
    suspects = [{"id": s.id, "category": s.category, "title": s.title} for s in exercise.record.suspects]
    if as_json:
        print(json.dumps({"checks": checks, "suspects": suspects}, indent=1))
        return 0
    for name, entries in (("Checks", checks), ("Suspects", suspects)):
        print(f"{name} of {exercise.id}:")
        for entry in entries:
            print("  " + "  ".join(entry.values()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.judge", description="Judge .py and .ipynb files; exit 0 right, 1 wrong, 2 not judged."
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a .py or .ipynb file")
    parser.add_argument("--exercise", metavar="ID", help="what to judge; else found by name, or batchnorm1d")
    parser.add_argument("--json", action="store_true", help="print JSON: an object, or a list for several files")
    parser.add_argument("--list", action="store_true", help="print the checks and suspects of an exercise")
    parser.add_argument(
        "--timeout", type=float, default=20.0, metavar="S",
        help="seconds of processor time for a file, and ten times as many on the clock (default: 20)",
    )  # fmt: skip
    parser.add_argument(
        "--salt", type=int, default=0, metavar="N",
        help="feed other numbers than the recorded ones, and run the reference beside the file",
    )  # fmt: skip
    return parser
