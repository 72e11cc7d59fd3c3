"""An exercise: what it asks, how it is judged, and the verbs that a notebook uses."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

from . import progress
from .explain import explain
from .model import Assessment, Check, Observations, Probe
from .observe import observe
from .record import Record, from_bytes
from .rules import verdicts_of
from .show import Card, cause_rows, show, verdict_card
from .unpatched import unpatched


@dataclass(frozen=True)
class Exercise:
    """Something a learner builds.

    ``module`` is the name of the module that defines it (``__name__``), ``builds`` the name of the class or function
    that is asked for.  What its reference and suspects do is recorded in ``recorded/<record_id>.xz`` beside that
    module.  ``further`` are checks that go beyond those of the card; see :attr:`beyond`.
    """

    id: str
    title: str
    module: str
    builds: str
    probes: tuple[Probe, ...]
    checks: tuple[Check, ...]
    further: tuple[Check, ...] = ()
    record_id: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "record_id", self.record_id or self.id)

    @functools.cached_property
    def beyond(self) -> Exercise:
        """The same exercise with its further checks alone."""
        return dataclasses.replace(
            self, id=f"{self.id}_beyond", title=f"{self.title}, beyond six", checks=self.further, further=()
        )

    @functools.cached_property
    def whole(self) -> Exercise:
        """The same exercise with all its checks on one card."""
        return dataclasses.replace(self, checks=(*self.checks, *self.further), further=())

    @functools.cached_property
    def record(self) -> Record:
        """Observations of the reference and the suspects; FileNotFoundError where the builder has not made them."""
        package = f"{self.module.rpartition('.')[0]}.recorded"
        return from_bytes((resources.files(package) / f"{self.record_id}.xz").read_bytes())

    def assess(self, seen: Observations) -> Assessment:
        """Judge every check and explain what differs.  Pure: notebook, command and matrix all come through here."""
        record = self.record
        verdicts = verdicts_of(self.checks, self.probes, seen, record.right)
        wrong = any(v.passed is False for v in verdicts)
        return Assessment(verdicts, explain(seen, record) if wrong else ())

    def assessed(self, obj: Any) -> Assessment:
        """Observe ``obj`` here, in this process, and assess what was seen; shows and records nothing."""
        with unpatched():
            return self.assess(observe(obj, self.probes))

    def check(self, obj: Any) -> None:
        """Show how ``obj`` does on every check.  Never raises for a wrong answer."""
        found = self.assessed(obj)
        progress.attempted(self.id, {v.check.id: v.passed for v in found.verdicts})
        show(verdict_card(self.title, found))

    def grade(self, obj: Any, check: str) -> None:
        """One check, for a graded cell: shows its card, and raises unless it passed.

        Raises AssertionError where the answer is wrong and NotImplementedError where it was not attempted, each with
        the card's text in place of a traceback.
        """
        found = self.assessed(obj)
        (verdict,) = [v for v in found.verdicts if v.check.id == check]
        progress.attempted(self.id, {check: verdict.passed})
        show(verdict_card(f"{self.title} · {verdict.check.title}", Assessment((verdict,), found.causes)))
        if verdict.passed is None:
            raise _quiet(NotImplementedError("not attempted yet"))
        if not verdict.passed:
            raise _quiet(AssertionError(f"expected {verdict.finding.expected}; measured {verdict.finding.measured}"))

    def hint(self, obj: Any) -> None:
        """The next hint for the first check that ``obj`` does not pass: a nudge, a pointer, almost the line."""
        found = self.assessed(obj)
        verdict = next((v for v in found.verdicts if not v.passed), None)
        if verdict is None:
            show(Card(f"{self.title}: every check passes, no hint needed", (), True))
            return
        step = progress.next_hint(self.id, verdict.check.id, len(verdict.check.hints))
        rows = [(str(step + 1), verdict.check.hints[step])]
        if verdict.passed is False and found.causes:
            rows += cause_rows(found.causes[:1])
        title = f"{verdict.check.title}: hint {step + 1} of {len(verdict.check.hints)}"
        show(Card(title, tuple(rows)))

    def solution(self, obj: Any) -> None:
        """The reference's code.  Asks once: the first call says what it would show, the second shows it."""
        source = self.record.source
        if not source:
            show(Card(f"{self.title}: the solution is not in this class edition", (("→", "Ask your instructor."),)))
            return
        if not (self.assessed(obj).passed or progress.solution_confirmed(self.id)):
            rows = (("→", "Run this cell again to see it. A hint may be enough."),)
            show(Card(f"{self.title}: show the whole solution?", rows))
            return
        show(Card(f"{self.title}: one solution", (), None, source))


def _quiet(error: Exception) -> Exception:
    """Let IPython show the message alone: the card above already tells the rest."""
    text = f"{type(error).__name__}: {error}"
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]
    return error
