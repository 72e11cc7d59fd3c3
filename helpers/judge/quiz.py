"""Exercises that are answered by choosing: each row is told by itself, and no right answer is printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .compare import agree
from .exercise import Exercise
from .model import Assessment, Explanation, Finding, Observations, Raised, Verdict
from .source import Source

NOTED = "Your answer is noted. It is judged after you hand in this notebook."

Options = tuple[tuple[Any, str], ...]
"""What may be chosen: (value in the answer, words)."""


@dataclass(frozen=True)
class Question:
    """One row of a quiz.

    ``key`` is its key in the answer, a dict; "" where the answer is this row's choice alone.  ``check``: the check
    that it belongs to.  ``fields``: the options of each part; a row of several parts is answered by a tuple.
    ``observed``: the observations that tell whether it is right, "probe/quantity".
    """

    key: str
    check: str
    text: str
    fields: tuple[Options, ...]
    observed: tuple[str, ...]


@dataclass(frozen=True)
class Quiz(Exercise):
    """An exercise whose cards tell every wrong row with its reason, and print no right answer."""

    questions: tuple[Question, ...] = ()

    secret: ClassVar[tuple[str, ...]] = ("",)

    def assess(self, seen: Observations, source: str | Source = "") -> Assessment:
        """As in Exercise; the causes are the wrong rows.  Where the answers did not travel, nothing is judged."""
        if not self.record.right:
            return self._noted(seen)
        found = super().assess(seen, source)
        red = {v.check.id for v in found.verdicts if v.passed is False}
        if any(isinstance(value, Raised) for value in seen.values()):
            return dataclasses.replace(found, causes=tuple(e for e in found.causes if e.kind != "cause"))
        wrong = [(q, why) for q in self.questions if q.check in red and (why := self.wrong(q, seen))]
        rows = (Explanation("", "choice", _titled(q, why), True, "", together=True, kind="row") for q, why in wrong)
        return dataclasses.replace(found, causes=tuple(rows))

    def _noted(self, seen: Observations) -> Assessment:
        problem = next((value for value in seen.values() if isinstance(value, Raised)), None)
        said = NOTED if problem is None else "" if problem.not_attempted else str(problem)
        nothing = Finding(False, self.probes[0].id, "", "")
        return Assessment(tuple(Verdict(check, None, nothing, "") for check in self.checks), (), said)

    def wrong(self, question: Question, seen: Observations) -> str:
        """Why the choice in a row is wrong, "" where it is right."""
        right = self.record.right
        off = [k for k in question.observed if not agree(seen.get(k), right.get(k))]
        if not off:
            return ""
        deviations = self.record.deviations
        known = [s for s in self.record.suspects if all(k in deviations[s.id].keys for k in off)]
        same = [s for s in known if all(agree(seen.get(k), self.record.lineup[s.id].get(k)) for k in question.observed)]
        if same:
            return min(same, key=lambda s: len(deviations[s.id].keys)).title.removeprefix(f"{question.key}: ")
        parts = len(question.fields)
        return "one of the two fits, the other does not." if parts > 1 and len(off) < parts else "not this one."

    def answered(self, choices: Sequence[Any]) -> Callable[[], Any]:
        """The function that a learner would write, for one choice (or tuple of them) a question."""
        alone = len(self.questions) == 1 and not self.questions[0].key
        answer = choices[0] if alone else {q.key: c for q, c in zip(self.questions, choices, strict=True)}
        return lambda: answer


def _titled(question: Question, why: str) -> str:
    return f"{question.key}: {why}" if question.key else why
