"""The command ``python -m helpers.judge``: each file runs in a child process, is judged here, and gets a card."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.exercises import catalogue
from helpers.judge.exercise import Exercise
from helpers.judge.model import Assessment, Observations, Raised
from helpers.judge.show import verdict_card

from .sandbox import Limits, observe_file
from .submission import NotJudged, Submission, read

DEFAULT = "batchnorm1d"


_NOTHING = Assessment(())


@dataclass(frozen=True)
class Report:
    """The result for one file; ``error`` says what kept the judge from seeing all of it, or is None."""

    found: Assessment = _NOTHING
    error: str | None = None
    title: str = ""

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return bool(self.found.verdicts) and self.found.passed and self.error is None

    @property
    def exit_code(self) -> int:
        """0 right, 1 wrong, 2 could not be judged."""
        return 0 if self.passed else 1 if self.found.verdicts else 2

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints for one file."""
        return {
            "passed": self.passed,
            "checks": [
                {
                    "id": v.check.id,
                    "passed": v.passed is True,
                    "expected": v.finding.expected,
                    "measured": v.finding.measured,
                }
                for v in self.found.verdicts
            ],
            "suspects": [
                {"id": s.id, "category": s.category, "title": s.title, "exact": s.exact} for s in self.found.causes
            ],
            "error": self.error,
        }

    def as_text(self) -> str:
        """The card; where the run broke off, its last row says why, unless a suspect does."""
        card = verdict_card(self.title, self.found)
        if self.error:
            rows = card.rows if self.found.causes else [row for row in card.rows if row[0] != "→"]
            card = dataclasses.replace(card, rows=(*rows, ("!", self.error)))
        return repr(card)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            _list(find_exercise(options.exercise or DEFAULT), options.json)
            return 0
        if not options.files:
            raise NotJudged("No file was named; see --help.")
        exercise = find_exercise(options.exercise) if options.exercise else None
    except NotJudged as problem:
        print(problem, file=sys.stderr)
        return 2
    reports = []
    for path in options.files:
        report = judge_file(path, exercise, Limits(seconds=options.timeout))
        reports.append(report)
        if report.exit_code == 2:
            print(report.error, file=sys.stderr)
        elif not options.json:
            print(*([f"{path}:"] if len(options.files) > 1 else []), report.as_text(), sep="\n", flush=True)
    if options.json:
        results = [report.as_json() for report in reports]
        print(json.dumps(results if len(results) > 1 else results[0], indent=1))
    return max(report.exit_code for report in reports)


def judge_file(path: Path, exercise: Exercise | None, limits: Limits) -> Report:
    """The report on one file; without an exercise, the one whose name the file defines."""
    try:
        submission = read(path)
        exercise = exercise or _exercise_of(submission)
        outcome = observe_file(submission, exercise, limits)
    except NotJudged as problem:
        return Report(error=str(problem))
    try:
        found = exercise.whole.assess(_every_quantity(outcome.seen, exercise.record.right))
    except Exception as error:  # the files after this one are judged all the same
        return Report(error=f"{path}: the judge failed on what it saw: {type(error).__name__}: {error}.")
    return Report(found, outcome.problem or None, exercise.title)


def find_exercise(id: str) -> Exercise:
    """The exercise of that id.  Raises NotJudged where there is none."""
    known = catalogue()
    if id not in known:
        raise NotJudged(f"There is no exercise {id!r}; there are {', '.join(known)}.")
    return known[id]


def _exercise_of(submission: Submission) -> Exercise:
    """The default exercise, unless the file defines only the name that another one asks for."""
    default, *others = sorted(catalogue().values(), key=lambda e: e.id != DEFAULT)
    return next((e for e in (default, *others) if submission.defines(e.builds)), default)


def _every_quantity(seen: Observations, right: Observations) -> Observations:
    """``seen`` with a note where a quantity is missing whose probe raised nothing: only a forger leaves one out."""
    missing = {key for key in right if key not in seen and key.partition("/")[0] not in seen}
    return seen | {key: Raised("Missing", "your code's process did not send this") for key in missing}


def _list(exercise: Exercise, as_json: bool) -> None:
    checks = [{"id": c.id, "title": c.title} for c in exercise.whole.checks]
    suspects = [{"id": s.id, "category": s.category, "title": s.title} for s in exercise.record.suspects]
    if as_json:
        print(json.dumps({"checks": checks, "suspects": suspects}, indent=1))
        return
    for name, entries in (("Checks", checks), ("Suspects", suspects)):
        print(f"{name} of {exercise.id}:")
        for entry in entries:
            print("  " + "  ".join(entry.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.judge", description="Judge .py and .ipynb files; exit 0 right, 1 wrong, 2 not judged."
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a .py or .ipynb file")
    parser.add_argument("--exercise", metavar="ID", help=f"what to judge; else found by name, or {DEFAULT}")
    parser.add_argument("--json", action="store_true", help="print JSON: an object, or a list for several files")
    parser.add_argument("--list", action="store_true", help="print the checks and suspects of an exercise")
    parser.add_argument("--timeout", type=float, default=20.0, metavar="S", help="seconds for a file (default: 20)")
    return parser
