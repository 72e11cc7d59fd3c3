"""The data that passes between observe, judge, explain and show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


OURS = frozenset({"BadOutput", "Missing", "Stopped"})
"""Kinds of :class:`Raised` that are the judge's own sentences: their names are not shown."""


@dataclass(frozen=True)
class Raised:
    """An exception from the learner's code, kept as text so that nothing of the learner's stays alive.

    ``kind`` is the class name, ``where`` the learner's own line ("line 7: `y = x.vra(0)`") or "", where none of
    the learner's lines was reached.
    """

    kind: str
    message: str
    where: str = ""

    @property
    def not_attempted(self) -> bool:
        """True for the stub's own ``raise NotImplementedError()``, not for one that torch raises."""
        if self.kind != "NotImplementedError":
            return False
        return self.line.startswith("raise NotImplementedError") if self.line else bool(self.where)

    @property
    def line(self) -> str:
        """The text of the learner's own line, "" where it is not known."""
        return self.where.partition("`")[2].rpartition("`")[0]

    @property
    def refusal(self) -> bool:
        """True where the learner's own line says ``raise`` or ``assert``."""
        return self.line.startswith(("raise ", "assert "))

    def __str__(self) -> str:
        named = self.message and self.kind in OURS
        text = self.message if named else f"{self.kind}: {self.message}" if self.message else self.kind
        return f"{text} ({self.where})" if self.where else text


Observations = dict[str, Array | Raised]
"""What one run of all probes saw: ``"probe/quantity"`` -> float64 array, or ``"probe"`` -> Raised."""


@dataclass(frozen=True)
class Probe:
    """One experiment on the learner's object.

    ``run(obj)`` returns ``{quantity: tensor, array or number}``; the quantity's name is plain English, because
    messages show it.  ``fed`` says in words what goes in.
    """

    id: str
    fed: str
    run: Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """What a rule saw.  ``key`` is the observation it speaks of; ``measured`` and ``expected`` are short texts."""

    passed: bool
    key: str
    expected: str
    measured: str


Rule = Callable[[Observations, Observations], Finding]
"""``rule(seen, right)``: compares the learner's observations with those of the reference; pure."""


@dataclass(frozen=True)
class Check:
    """A named group of rules.  It passes when all of them do.

    ``why`` says when a user of the layer would meet the mistake; ``hints`` go from nudge to almost the line.
    """

    id: str
    title: str
    rules: tuple[Rule, ...]
    why: str = ""
    hints: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True)
class Verdict:
    """The result of one check: ``passed`` is None where the learner has not attempted it."""

    check: Check
    passed: bool | None
    finding: Finding
    fed: str


@dataclass(frozen=True)
class Suspect:
    """A deliberately wrong implementation: ``make`` replaces the learner's object, ``title`` names the mistake.

    ``category`` groups suspects that share a misconception (for example ``variance`` or ``eps``).  ``shows`` is the
    observation that tells it best; "" leaves the choice to the explainer.  ``also`` is what holds beside it only
    where the whole layer behaves exactly so ("running_var is right."), "" where there is nothing to say.  ``needs``
    and ``refuted_by`` are patterns for the learner's source: the suspect is not named where none of the first, or one
    of the second, occurs; see :mod:`helpers.judge.source` for what holds of every suspect.
    """

    id: str
    category: str
    title: str
    make: Any
    shows: str = ""
    also: str = ""
    needs: tuple[str, ...] = ()
    refuted_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """One sentence about what is wrong, and the numbers that show it.

    ``kind`` says what sort of sentence it is: "names" (other names than asked for), "crash" (an exception), "cause"
    (a suspect, named by ``id``), "like" (the nearest suspect, which it is not), "unknown" (where to start), "half"
    (what is not written yet), "row" (a wrong row of a quiz).  ``exact`` means: the same on every probe.  ``together``
    says that it comes on top of the explanation before it; otherwise it stands in its place.
    """

    id: str
    category: str
    title: str
    exact: bool
    evidence: str
    together: bool = False
    kind: str = "cause"


@dataclass(frozen=True)
class Assessment:
    """What follows from some observations: a verdict for each check, and the likely causes of what is red.

    ``not_judged`` says in a sentence what kept the judge from judging, for example a package that is missing, or "".
    """

    verdicts: tuple[Verdict, ...]
    causes: tuple[Explanation, ...] = ()
    not_judged: str = ""

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        return all(v.passed for v in self.verdicts)

    @property
    def red(self) -> frozenset[str]:
        """Ids of the checks that did not pass."""
        return frozenset(v.check.id for v in self.verdicts if not v.passed)
