"""An exercise: what it asks, how it is judged, and the verbs that a notebook uses."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

from . import progress
from .explain import explain
from .model import Check, Explanation, Probe, Verdict
from .observe import observe
from .original import originals
from .record import Answers, from_bytes
from .rules import judge
from .show import Card, cause_rows, show, verdict_card


@dataclass(frozen=True)
class Exercise:
    """Something a learner builds.

    ``home`` is the name of the module that defines it (``__name__``).  What its reference and suspects do is recorded
    in ``recorded/<id>.xz`` beside that module; ``shares`` is the id of an exercise with the same probes, whose record
    then serves both.
    """

    id: str
    title: str
    home: str
    probes: tuple[Probe, ...]
    checks: tuple[Check, ...]
    shares: str = ""

    @property
    def record(self) -> str:
        """The name of its record."""
        return self.shares or self.id

    def check(self, obj: Any) -> None:
        """Show how ``obj`` does on every check.  Never raises for a wrong answer."""
        verdicts, explanations = self.verdicts(obj)
        progress.attempted(self.id, {v.check.id: v.passed for v in verdicts})
        show(verdict_card(self.title, verdicts, explanations))

    def grade(self, obj: Any, check: str) -> None:
        """One check, for a graded cell: shows its card, and raises unless it passed.

        Raises AssertionError where the answer is wrong and NotImplementedError where it was not attempted, each with
        the card's text in place of a traceback.
        """
        verdicts, explanations = self.verdicts(obj)
        (verdict,) = [v for v in verdicts if v.check.id == check]
        progress.attempted(self.id, {check: verdict.passed})
        card = verdict_card(f"{self.title} · {verdict.check.title}", [verdict], explanations)
        show(card)
        if verdict.passed is None:
            raise _quiet(NotImplementedError("not attempted yet"))
        if not verdict.passed:
            raise _quiet(AssertionError(f"expected {verdict.finding.expected}; measured {verdict.finding.measured}"))

    def hint(self, obj: Any) -> None:
        """The next hint for the first check that ``obj`` does not pass: a nudge, a pointer, almost the line."""
        verdicts, explanations = self.verdicts(obj)
        open_checks = [v for v in verdicts if not v.passed]
        if not open_checks:
            show(Card(f"{self.title}: every check passes, no hint needed", (), True))
            return
        verdict = open_checks[0]
        step = progress.next_hint(self.id, verdict.check.id, len(verdict.check.hints))
        rows = [(str(step + 1), verdict.check.hints[step])]
        if verdict.passed is False and explanations:
            rows += cause_rows(explanations[:1])
        title = f"{verdict.check.title}: hint {step + 1} of {len(verdict.check.hints)}"
        show(Card(title, tuple(rows)))

    def solution(self, obj: Any) -> None:
        """The reference's code.  Asks once: the first call says what it would show, the second shows it."""
        source = self.answers.source
        if not source:
            show(Card(f"{self.title}: the solution is not in this class edition", (("→", "Ask your instructor."),)))
            return
        verdicts, _ = self.verdicts(obj)
        solved = all(v.passed for v in verdicts)
        if not (solved or progress.solution_confirmed(self.id)):
            rows = (("→", "Run this cell again to see it. A hint may be enough."),)
            show(Card(f"{self.title}: show the whole solution?", rows))
            return
        show(Card(f"{self.title}: one solution", (), None, source))

    def verdicts(self, obj: Any) -> tuple[tuple[Verdict, ...], tuple[Explanation, ...]]:
        """Observe ``obj``, judge every check, and explain what differs; shows and records nothing."""
        with originals():
            seen = observe(obj, self.probes)
            answers = self.answers
            verdicts = judge(self.checks, self.probes, seen, answers.right)
            wrong = any(v.passed is False for v in verdicts)
            found = explain(seen, answers.right, answers.suspects, answers.lineup) if wrong else ()
        return verdicts, found

    @functools.cached_property
    def answers(self) -> Answers:
        """Observations of the reference and the suspects, from ``recorded/<record>.xz`` beside the module."""
        package = f"{self.home.rpartition('.')[0]}.recorded"
        return from_bytes((resources.files(package) / f"{self.record}.xz").read_bytes())


def _quiet(error: Exception) -> Exception:
    """Let IPython show the message alone: the card above already tells the rest."""
    text = f"{type(error).__name__}: {error}"
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]
    return error
