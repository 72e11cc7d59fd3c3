"""One notebook in, one record out: repaired, run in a sandbox exercise by exercise, and judged here."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy
import torch

from helpers.grading.report import assessed, salted
from helpers.grading.sandbox import Limits, Sandbox
from helpers.grading.submission import NotJudged, Submission
from helpers.judge.exercise import Exercise
from helpers.judge.model import Assessment
from helpers.judge.show import VerdictCard

from . import assignment, repair
from .assignment import Item, Released
from .needed import needed
from .record import JUDGED, UNREADABLE, Cause, Record, Score, same_for_all

GRADER = "1"
"""Raised when the same notebook may get other points than before, or a page says something else."""
ENVIRONMENT = f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {numpy.__version__}"
_NAMED = ("cause", "names", "crash")


@dataclass(frozen=True)
class HandIn:
    """One notebook of one learner as it came; ``released`` is the name of the notebook that it answers."""

    learner: str
    released: str
    file: str
    data: bytes


@dataclass(frozen=True)
class Setting:
    """Everything besides the hand-in that its record depends on; ``release`` is the folder of what was handed out."""

    release: str
    salt: int
    limits: Limits
    jail: bool

    @property
    def notebooks(self) -> dict[str, Released]:
        """What was handed out, by name."""
        return _released(self.release)

    def key(self, hand_in: HandIn) -> str:
        """Equal keys, equal records."""
        released = self.notebooks[hand_in.released]
        parts = [hand_in.learner, hand_in.released, hand_in.file, hashlib.sha256(hand_in.data).hexdigest()]
        parts += [released.digest, ENVIRONMENT, GRADER, str(self.salt), repr(self.limits)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.lru_cache(4)
def _released(folder: str) -> dict[str, Released]:
    return assignment.load(Path(folder))


class Marker:
    """Marks notebooks of one setting; holds the processes that wait for learners' code.  Close it, or use ``with``.

    What is fed differs from the released probes by the setting's salt, and the references run beside it.
    """

    def __init__(self, setting: Setting):
        self.setting = setting
        self._sandbox = Sandbox(setting.salt, jail=setting.jail)
        self._answers: Sandbox | None = None
        self._compared: dict[str, Exercise] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for sandbox in (self._sandbox, self._answers):
            if sandbox is not None:
                sandbox.__exit__(None, None, None)

    def mark(self, hand_in: HandIn) -> Record:
        """The record of one notebook."""
        released = self.setting.notebooks[hand_in.released]
        record = Record(
            hand_in.learner, hand_in.released, hand_in.file, self.setting.key(hand_in), JUDGED,
            isolation=self._sandbox.isolation(), limits=_in_words(self.setting.limits),
            notebook_sha256=hashlib.sha256(hand_in.data).hexdigest(), release_sha256=released.digest,
            environment=ENVIRONMENT,
        )  # fmt: skip
        try:
            cells, record.repairs = repair.read(hand_in.data)
        except repair.Unreadable as problem:
            record.status, record.reason = UNREADABLE, f"{hand_in.file}: {problem}."
            record.scores = same_for_all(released.items, None, record.reason)
            return record
        repaired = repair.repair(cells, released)
        record.repairs += repaired.repairs
        record.review, record.answers = repaired.review, repaired.answers
        code = _code(repaired, released)
        for exercise in released.exercises:
            self._mark(record, exercise, released, code)
        for item in released.items:
            if item.written:
                record.scores[item.id] = _written(item, record, released)
        record.scores = {item.id: record.scores[item.id] for item in released.items}
        return record

    def _mark(self, record: Record, exercise: Exercise, released: Released, code: _Code) -> None:
        items = [item for item in released.items if item.exercise == exercise.id]
        submission = Submission(record.file, "", needed(code.cells, exercise.builds, code.learners))
        if not submission.defines(exercise.builds):
            record.scores |= same_for_all(items, 0.0, f"nothing defines {exercise.builds}")
            return
        try:
            outcome = self._sandbox.observe(submission, exercise, self.setting.limits)
            record.seconds += outcome.seconds or 0.0
            found = assessed(outcome, self._with_reference(exercise, released), submission)
            if any(verdict.passed is False for verdict in found.verdicts):
                found = self._explained(found, exercise, submission)
            if found.not_judged:
                raise NotJudged(found.not_judged)
        except NotJudged as problem:
            record.scores |= same_for_all(items, None, f"not judged: {problem}")
            return
        record.scores |= {item.id: _score(item, found) for item in items}
        card = VerdictCard(exercise.title, found)
        record.cards[exercise.id] = (repr(card), card._repr_html_())
        record.causes += [
            Cause(exercise.id, cause.id, cause.title, cause.evidence, cause.exact)
            for cause in found.causes
            if cause.kind in _NAMED
        ]

    def _with_reference(self, exercise: Exercise, released: Released) -> Exercise:
        """The exercise, to be compared with what its reference does under the salt; all of a notebook's at once."""
        if exercise.id not in self._compared:
            self._answers = self._answers or Sandbox(self.setting.salt, answers=True)
            self._compared |= {other.id: salted(other, self._answers) for other in released.exercises}
        return self._compared[exercise.id]

    def _explained(self, found: Assessment, exercise: Exercise, submission: Submission) -> Assessment:
        """The verdicts, with causes from a second look under the numbers that the suspects were recorded with."""
        outcome = self._sandbox.observe(submission, exercise, self.setting.limits, recorded=True)
        seen = assessed(outcome, exercise.whole, submission)
        return dataclasses.replace(found, causes=seen.causes)


class _Code(NamedTuple):
    """The code of a repaired notebook: the teacher's cells, then the learner's; and which are the learner's."""

    cells: list[str]
    learners: list[bool]


def _code(repaired: repair.Repaired, released: Released) -> _Code:
    teachers = [
        cell.source for cell in released.notebook.cells if cell.cell_type == "code" and not assignment.grade_id(cell)
    ]
    learners = [
        repaired.answers[entry] if isinstance(entry, str) else repaired.others[entry] for entry in repaired.order
    ]
    return _Code([*teachers, *learners], [False] * len(teachers) + [True] * len(learners))


def _score(item: Item, found: Assessment) -> Score:
    verdict = next(v for v in found.verdicts if v.check.id == item.check)
    if verdict.passed is None:
        return Score(0.0, item.points, "not attempted")
    if verdict.passed:
        return Score(item.points, item.points)
    return Score(0.0, item.points, f"expected {verdict.finding.expected}; measured {verdict.finding.measured}")


def _written(item: Item, record: Record, released: Released) -> Score:
    if item.id in record.review:
        return Score(None, item.points, record.review[item.id])
    if record.answers[item.id].strip() in ("", released.cells[item.id].source.strip()):
        return Score(0.0, item.points, "not attempted")
    return Score(None, item.points, "a human marks this written answer")


def _in_words(limits: Limits) -> str:
    return (
        f"{limits.seconds:g} s of processor time and {limits.wall:g} s on the clock for each exercise, "
        f"{limits.memory >> 20} MB beyond torch"
    )
