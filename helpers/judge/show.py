"""Cards: what is shown of a check, as a compact piece of HTML with a plain-text twin in the same words and order."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers.look.parts import KINDS, MARKS, Card, Table, card_of, details, first, mark, marked_up, segments

from .model import Assessment, Explanation, Verdict

__all__ = ["Card", "VerdictCard", "cause_rows", "shell", "show"]

DETAILED = 6
"""At most so many failed checks show their numbers in the text."""


@dataclass(frozen=True)
class VerdictCard:
    """How an answer does on every check: what to do first, the difference that shows it, and the rest folded.

    ``ask`` is the call that prints a check's own source, with ``{}`` for the id of the check.  ``printed`` is what the
    learner's code printed, the first of ``count`` lines; ``judged`` says what was judged.
    """

    title: str
    found: Assessment
    ask: str = ""
    printed: tuple[str, ...] = ()
    count: int = 0
    judged: str = ""

    @property
    def outcome(self) -> bool | None:
        """True where every check passed; None where nothing was attempted, or could be judged."""
        verdicts = self.found.verdicts
        if self.found.not_judged or all(v.passed is None for v in verdicts):
            return None
        return all(v.passed for v in verdicts)

    @property
    def counted(self) -> str:
        """How many checks passed, or that nothing can be said of it."""
        verdicts = self.found.verdicts
        if self.found.not_judged:
            return "could not be judged"
        if len(verdicts) == 1 and verdicts[0].passed is not None:
            return "right" if verdicts[0].passed else "not yet"
        if self.outcome is None:
            return "not attempted"
        return f"{sum(v.passed is True for v in verdicts)} of {len(verdicts)} checks passed"

    def first(self) -> tuple[str, str]:
        """The largest words of the card: (a label, what to do first or what was achieved)."""
        causes, red = self.found.causes, self._red
        if self.found.not_judged:
            return "Not judged", self.found.not_judged
        if self.outcome:
            return "Right", "Every check passes." if len(self.found.verdicts) > 1 else "The check passes."
        if causes:
            return ("Start here" if causes[0].kind == "unknown" else "Mend this first"), _said(causes, 0)
        if self.outcome is None:
            return "To do", "Replace `raise NotImplementedError()` with your code, run that cell, then this one."
        return "Start here", f"I do not know this mistake. Start here: {red[0].check.title}."

    @property
    def _red(self) -> list[Verdict]:
        return [v for v in self.found.verdicts if v.passed is False]

    def differences(self) -> list[tuple[str, str, str]]:
        """(quantity, right, yours): those that show the first cause, and that of the first red check."""
        causes, red = self.found.causes, self._red
        if self.outcome is not False or (causes and causes[0].kind in ("crash", "half", "names")):
            return []
        found = [_evidence(causes[0].evidence)] if causes else []
        found += [_row(v.finding.expected, v.finding.measured) for v in red[:1]]
        return list({row[0]: row for row in reversed(found) if row and row[1]}.values())[::-1]

    def __repr__(self) -> str:
        label, words = self.first()
        lines = [f"{MARKS[self.outcome]} {self.title}: {self.counted}"]
        if not self.outcome:
            lines.append(f"  → {label}: {words}" if label not in words else f"  → {words}")
        lines += [f"    {name}: right {right}, yours {yours}" for name, right, yours in self.differences()]
        lines += [f"  → {text}" for text in self._then()]
        told: set[str] = set()
        for v in self._red:
            lines.append(f"  ✗ {v.check.title}")
            if v.finding.measured not in told and len(told) < DETAILED:
                lines += [f"    {name}: {text}" for name, text in _numbers(v)]
            told.add(v.finding.measured)
        for passed, words in ((None, "not reached"), (True, "passed")):
            titles = [v.check.title for v in self.found.verdicts if v.passed is passed]
            if titles and len(self.found.verdicts) > 1 and self.outcome is not None:
                lines.append(f"  {MARKS[passed]} {words}: {'; '.join(titles)}")
        if self.printed:
            lines += [f"  {self._printed}", *(f"    {line}" for line in self.printed)]
        if self.judged:
            lines.append(f"  {self.judged}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        verdicts, kind = self.found.verdicts, KINDS[self.outcome]
        head = (
            f'<div class="bn-head">{mark(self.outcome)} <b>{marked_up(self.title)}</b> '
            f"{segments([v.passed for v in verdicts])}<span>{self.counted}</span></div>"
        )
        label, words = self.first()
        one_right = self.outcome and len(verdicts) == 1  # the head says it already
        top = "" if one_right else first(kind, label, marked_up(words))
        then = "".join(f"<p>{marked_up(text)}</p>" for text in self._then())
        return card_of(head + top + self._table() + then + self._folded())

    def _table(self) -> str:
        table = Table(("the difference that shows it", "right", "yours"), tuple(self.differences()))
        return f'<table class="bn-shows">{table.body()}</table>' if table.rows else ""

    def _then(self) -> list[str]:
        """The causes after the first, each with its lead."""
        return [_said(self.found.causes, i) for i in range(1, len(self.found.causes))]

    def _folded(self) -> str:
        """What passes in one line, and all numbers one click away."""
        parts = []
        for passed, words in ((True, "passed"), (None, "not reached")):
            titles = [v.check.title for v in self.found.verdicts if v.passed is passed]
            if titles and len(self.found.verdicts) > 1:
                parts.append(details(f"{len(titles)} {words}", (f"{mark(passed)} {marked_up(t)}" for t in titles)))
        if self._red and self.outcome is False:
            parts.append(details("All numbers", map(self._in_full, self._red)))
        if self.printed:
            parts.append(details(self._printed, [f"<pre>{html.escape(chr(10).join(self.printed))}</pre>"]))
        if self.judged:
            parts.append(f"<p><small>{marked_up(self.judged)}</small></p>")
        return "".join(parts)

    @property
    def _printed(self) -> str:
        kept = len(self.printed)
        lines = f"{self.count:,} line{'s' * (self.count != 1)}"
        return f"Your code printed ({lines if kept == self.count else f'{kept} of {lines}'})"

    def _in_full(self, v: Verdict) -> str:
        rows = "".join(f"<dd>{name}: {marked_up(text)}</dd>" for name, text in _numbers(v))
        why = f"<dd>{marked_up(v.check.why)}</dd>" if v.check.why else ""
        how = f"To see how it is measured: `{self.ask.format(v.check.id)}`"
        ask = f"<dd>{marked_up(how)}</dd>" if self.ask else ""
        return f"<dl><dt>{mark(False)} {marked_up(v.check.title)}</dt>{why}{rows}{ask}</dl>"


def show(card: Card | VerdictCard) -> None:
    """Display a card: HTML in a notebook, text in a terminal."""
    if shell() is None:
        print(card)
    else:
        from IPython.display import display  # not above: the command and its worker do without IPython

        display(card)


def shell() -> Any:
    """IPython's shell, None outside of it: whoever runs in it has imported IPython."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def cause_rows(causes: Sequence[Explanation]) -> list[tuple[str, str]]:
    """Causes as rows of a :class:`Card`, each followed by its numbers."""
    rows: list[tuple[str, str]] = []
    for i, cause in enumerate(causes):
        rows.append(("→", _said(causes, i)))
        rows += [("", cause.evidence)] if cause.evidence else []
    return rows


def _said(causes: Sequence[Explanation], i: int) -> str:
    """A cause with the words that say how sure it is."""
    cause = causes[i]
    if cause.kind == "cause":
        again = any(earlier.kind == "cause" for earlier in causes[:i])
        lead = ("And" if cause.together else "Or, which behaves the same") if again else "Most likely"
        lead = f"Then, {lead.lower()}" if i and not again else lead
    else:
        lead = "This looks like, but is not exactly" if cause.kind == "like" else "Then" if i else ""
    return f"{lead}: {cause.title}" if lead else cause.title


def _numbers(v: Verdict) -> list[tuple[str, str]]:
    """(name, text) of what was fed, expected and measured."""
    return [("fed", v.fed), ("expected", v.finding.expected), ("measured", v.finding.measured)]


def _evidence(text: str) -> tuple[str, str, str] | None:
    """A cause's "yours: q = 1; right: q = 2" as (q, 2, 1)."""
    found = re.fullmatch(r"yours: (.*); right: (.*)", text)
    return _row(found[2], found[1]) if found else None


def _row(right: str, yours: str) -> tuple[str, str, str]:
    """(quantity, right, yours) of two texts of the form "quantity = value" or "question: yes"."""
    for between in (" = ", ": "):
        (name, _, mine), (same, _, theirs) = yours.rpartition(between), right.rpartition(between)
        if name and name == same:
            return name, theirs, mine
    name, _, mine = yours.partition(" = ")
    if mine and "`" not in name:  # else it is a line of code, in the text of an exception
        return name, right, mine
    name, shape, mine = yours.partition(" of shape ")
    return (f"shape of {name}", right.removeprefix("shape "), mine) if shape else (right, "", yours)
