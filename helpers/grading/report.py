"""Judge one file: it runs in a sandbox, and what was seen of it is judged here, after its process has ended."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.exercises import catalogue
from helpers.judge.exercise import Exercise
from helpers.judge.model import Assessment, Observations, Raised
from helpers.judge.record import Record
from helpers.judge.show import VerdictCard

from .package import ANSWERS
from .sandbox import Limits, Outcome, Sandbox
from .submission import NotJudged, Submission, read

DEFAULT = "batchnorm1d"
NOTHING = Assessment(())


@dataclass(frozen=True)
class Report:
    """The result for one file; ``error`` says what kept it from being run or judged, or is None."""

    found: Assessment = NOTHING
    error: str | None = None
    title: str = ""
    seconds: float | None = None

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
        """The card; where the file could not be run, its last line says why, unless the card does."""
        card = repr(VerdictCard(self.title, self.found))
        return f"{card}\n  ! {self.error}" if self.error and not self.found.causes else card


def judge_file(path: Path, exercise: Exercise | None, sandbox: Sandbox, limits: Limits, salt: int = 0) -> Report:
    """The report on one file; without an exercise, the one whose name the file defines.

    ``salt`` is that of the sandbox.  Where it is not 0, the file is compared with the reference under the same salt.
    """
    try:
        submission = read(path)
        exercise = exercise or _exercise_of(submission)
        outcome = sandbox.observe(submission, exercise, limits)
        whole = _salted(exercise.id, salt) if salt else exercise.whole
    except NotJudged as problem:
        return Report(error=str(problem))
    try:
        found = assessed(outcome, whole, submission)
    except Exception as error:  # the files after this one are judged all the same
        return Report(error=f"{path}: the judge failed on what it saw: {type(error).__name__}: {error}.")
    return Report(found, outcome.problem or None, exercise.title, outcome.seconds)


def assessed(outcome: Outcome, exercise: Exercise, submission: Submission) -> Assessment:
    """What follows from what a sandbox saw of a file; the exercise has the record to compare with."""
    code = submission.code_of(exercise.builds)
    return exercise.assess(_every_quantity(outcome.seen, exercise.record.right), code)


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


@functools.cache
def _salted(id: str, salt: int) -> Exercise:
    with Sandbox(salt, answers=True) as sandbox:
        return salted(find_exercise(id), sandbox)


def salted(exercise: Exercise, sandbox: Sandbox) -> Exercise:
    """The exercise with all its checks, and in place of its record what the reference does under the sandbox's salt.

    The sandbox holds the answers.  Raises NotJudged where the reference's code is not here.
    """
    room, _, name = exercise.module.rpartition(".")
    answers = f"{room}.{ANSWERS}"
    if not importlib.util.find_spec(answers) or not importlib.util.find_spec(f"{answers}.{name}"):
        raise NotJudged("A salt needs the reference's code, which this class edition does not have.")
    code = f"from {answers}.{name} import REFERENCE\n{exercise.builds} = REFERENCE[{exercise.record_id!r}]\n"
    right = sandbox.observe(Submission("reference.py", "", (code,)), exercise, Limits(seconds=120.0)).seen
    if lost := [key for key in exercise.record.right if key not in right]:
        problem = right.get(lost[0].partition("/")[0], "it is silent")
        raise NotJudged(f"The reference of {exercise.id} does not do here what was recorded: {problem}.")
    made = dataclasses.replace(exercise.whole)
    vars(made)["record"] = Record(right, (), {})
    return made


def _every_quantity(seen: Observations, right: Observations) -> Observations:
    """``seen`` with a note where a quantity is missing whose probe raised nothing: only a forger leaves one out."""
    missing = {key for key in right if key not in seen and key.partition("/")[0] not in seen}
    return seen | {key: Raised("Missing", "your code's process did not send this") for key in missing}
