"""The command ``python -m helpers.judge``: each file runs in a child process, is judged here, and gets a card."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .exercise import Exercise
from .explain import explain
from .model import Check, Explanation, Observations, Raised, Verdict
from .record import Answers
from .rules import judge
from .sandbox import Limits, observe_file
from .show import verdict_card
from .submission import NotJudged, Submission, read

DEFAULT = "batchnorm1d"
_ROOM = "helpers.exercises"  # imported by name at run time: exercises import the judge, not the judge them


@dataclass(frozen=True)
class Report:
    """The result for one file; ``error`` says what kept the judge from seeing all of it, or is None."""

    verdicts: tuple[Verdict, ...] = ()
    suspects: tuple[Explanation, ...] = ()
    error: str | None = None
    title: str = ""

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return bool(self.verdicts) and all(v.passed for v in self.verdicts) and self.error is None

    @property
    def exit_code(self) -> int:
        """0 right, 1 wrong, 2 could not be judged."""
        return 0 if self.passed else 1 if self.verdicts else 2

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
                for v in self.verdicts
            ],
            "suspects": [
                {"id": s.id, "category": s.category, "title": s.title, "exact": s.exact} for s in self.suspects
            ],
            "error": self.error,
        }

    def as_text(self) -> str:
        """The card; where the run broke off, its last row says why, unless a suspect does."""
        card = verdict_card(self.title, self.verdicts, self.suspects)
        if self.error:
            rows = card.rows if self.suspects else [row for row in card.rows if row[0] != "→"]
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
        answers = exercise.answers
        outcome = observe_file(submission, exercise, _expects(answers), limits)
    except NotJudged as problem:
        return Report(error=str(problem))
    seen = _every_quantity(outcome.seen, answers.right)
    try:
        verdicts = judge(_checks(exercise), exercise.probes, seen, answers.right)
        wrong = any(v.passed is False for v in verdicts)
        found = explain(seen, answers.right, answers.suspects, answers.lineup) if wrong else ()
    except Exception as error:  # the files after this one are judged all the same
        return Report(error=f"{path}: the judge failed on what it saw: {type(error).__name__}: {error}.")
    return Report(verdicts, found, outcome.problem or None, exercise.title)


def find_exercise(id: str) -> Exercise:
    """The exercise of that id.  Raises NotJudged where there is none."""
    home = f"{_ROOM}.{id}"
    if id.isidentifier() and importlib.util.find_spec(home):
        found = getattr(importlib.import_module(home), id, None)
        if isinstance(found, Exercise):
            return found
    catalogue = importlib.import_module(_ROOM).catalogue()
    if id not in catalogue:
        raise NotJudged(f"There is no exercise {id!r}; there are {', '.join(catalogue)}.")
    exercise: Exercise = catalogue[id]
    return exercise


def _exercise_of(submission: Submission) -> Exercise:
    """The default exercise, unless the file defines only the name that another one asks for."""
    default = find_exercise(DEFAULT)
    if submission.defines(_expects(default.answers)):
        return default
    catalogue = importlib.import_module(_ROOM).catalogue()
    return next((e for e in catalogue.values() if submission.defines(_expects(e.answers))), default)


def _expects(answers: Answers) -> str:
    """The name of the class or function that an exercise asks for: the reference's."""
    found = re.search(r"^(?:class|def) (\w+)", answers.source, re.MULTILINE)
    if found is None:
        raise NotJudged("This is a class edition, in which the command has no reference to compare with.")
    return found[1]


def _checks(exercise: Exercise) -> tuple[Check, ...]:
    """The checks of all exercises that share a record: of batchnorm1d the six and those beyond."""
    home = vars(importlib.import_module(exercise.home)).values()
    together = {e.id: e for e in home if isinstance(e, Exercise) and e.record == exercise.record}
    return tuple(check for e in together.values() for check in e.checks)


def _every_quantity(seen: Observations, right: Observations) -> Observations:
    """``seen`` with a note where a quantity is missing whose probe raised nothing: only a forger leaves one out."""
    missing = {key for key in right if key not in seen and key.partition("/")[0] not in seen}
    return seen | {key: Raised("Missing", "your code's process did not send this") for key in missing}


def _list(exercise: Exercise, as_json: bool) -> None:
    checks = [{"id": c.id, "title": c.title} for c in _checks(exercise)]
    suspects = [{"id": s.id, "category": s.category, "title": s.title} for s in exercise.answers.suspects]
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
