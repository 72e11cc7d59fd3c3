"""Cards: the result of a check as a compact piece of HTML with a plain-text twin."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from IPython.display import display

from .model import Assessment, Explanation

MARKS = {True: ("✓", "right", "#1a7f5a"), False: ("✗", "not yet", "#c2410c"), None: ("○", "not attempted", "#6b7280")}

DETAILED = 6
"""At most so many failed checks of a card show their numbers."""


@dataclass(frozen=True)
class Card:
    """A titled list of rows, shown as HTML in a notebook and as text elsewhere.

    ``outcome`` is True (right), False (wrong) or None (neutral); ``rows`` are (mark, text) pairs; ``code`` is shown
    in a fixed-width block below.
    """

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    outcome: bool | None = None
    code: str = ""

    def __repr__(self) -> str:
        lines = [f"{MARKS[self.outcome][0]} {self.title}"]
        lines += [f"  {mark:1} {text}" for mark, text in self.rows]
        if self.code:
            lines += ["", *(f"    {line}".rstrip() for line in self.code.splitlines())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        outcome, _, colour = MARKS[self.outcome]
        cells = "".join(f"<div>{_coloured(mark)}</div><div>{_marked_up(text)}</div>" for mark, text in self.rows)
        grid = "display:grid;grid-template-columns:auto 1fr;column-gap:8px;margin-top:4px"
        rows = f'<div style="{grid}">{cells}</div>' if cells else ""
        code = f'<pre style="margin:6px 0 0 0;white-space:pre-wrap">{html.escape(self.code)}</pre>' if self.code else ""
        return (
            f'<div class="bn-card" role="status" style="border-left:4px solid {colour};padding:6px 12px;'
            f'background:rgba(127,127,127,.08);max-width:52em;line-height:1.45">'
            f"<b>{_coloured(outcome)} {_marked_up(self.title)}</b>{rows}{code}</div>"
        )


def _coloured(mark: str) -> str:
    colour = next((colour for known, _, colour in MARKS.values() if known == mark), "inherit")
    return f'<span style="color:{colour}">{html.escape(mark)}</span>'


def _marked_up(text: str) -> str:
    """Escaped text in which what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def show(card: Card) -> None:
    """Display a card: HTML in a notebook, text in a terminal."""
    display(card)


def verdict_card(title: str, found: Assessment) -> Card:
    """The card for an assessment; for what failed: what was fed, expected, measured, and the likely cause."""
    verdicts = found.verdicts
    if found.not_judged:
        return Card(f"{title}: could not be judged", (("→", found.not_judged),))
    passed = sum(v.passed is True for v in verdicts)
    attempted = any(v.passed is not None for v in verdicts)
    rows: list[tuple[str, str]] = []
    told: set[str] = set()
    for v in verdicts:
        if len(verdicts) > 1:
            rows.append((MARKS[v.passed][0], v.check.title))
        if v.passed is False and v.finding.measured not in told and len(told) < DETAILED:
            told.add(v.finding.measured)
            rows.append(("", f"fed: {v.fed}"))
            rows.append(("", f"expected: {v.finding.expected}"))
            rows.append(("", f"measured: {v.finding.measured}"))
    failed = sum(v.passed is False for v in verdicts)
    if failed > DETAILED:
        rows.append(("", f"{failed} checks fail; only the first of them show their numbers."))
    rows += cause_rows(found.causes, told)
    if len(verdicts) == 1:
        summary = MARKS[verdicts[0].passed][1]
    else:
        summary = f"{passed} of {len(verdicts)} checks passed" if attempted else "not attempted"
    outcome = None if not attempted else passed == len(verdicts)
    if not attempted:
        rows.append(("→", "Replace `raise NotImplementedError()` with your code, then run this cell again."))
    return Card(f"{title}: {summary}", tuple(rows), outcome)


def _lead(e: Explanation, first: bool) -> str:
    if e.kind == "like":
        return "This looks like, but is not exactly: "
    if e.kind != "cause":
        return ""
    if first:
        return "Most likely: "
    return "And: " if e.together else "Or, which behaves the same: "


def cause_rows(explanations: Sequence[Explanation], told: Collection[str] = ()) -> list[tuple[str, str]]:
    """Rows that say what to mend, the first thing first; evidence in ``told`` is left out."""
    rows: list[tuple[str, str]] = []
    causes = 0
    for e in explanations:
        rows.append(("→", f"{_lead(e, causes == 0)}{e.title}"))
        causes += e.kind == "cause"
        if e.evidence and not any(text in e.evidence for text in told):
            rows.append(("", e.evidence))
    return rows
