"""A page for one learner: points, what to do next, the judge's cards, what was restored, and what was graded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.exercises import catalogue

from . import pages
from .assignment import Item, Released
from .record import MISSING, UNREADABLE, Record


def page(learner: str, records: Sequence[Record], notes: Sequence[str], released: Mapping[str, Released]) -> str:
    """The page as HTML; ``records`` has one for each released notebook."""
    waiting = sum(record.scores[name].most for record in records for name in record.open)
    here = [record for record in records if record.status != MISSING]
    return pages.made(
        "feedback.html",
        learner=learner,
        points=f"{sum(record.points for record in records):g}",
        most=f"{_most(records):g}",
        waiting=f"{waiting:g}" if waiting else "",
        next=_next(records, released).removesuffix("."),
        notes=notes,
        missing=", ".join(record.notebook for record in records if record.status == MISSING),
        notebooks=[_notebook(record, released[record.notebook]) for record in here],
        how=sorted({line for one in here for line in (one.isolation, one.limits, one.environment) if line}),
    )


def title(item: Item) -> str:
    """What a graded cell asks, in words."""
    if item.written:
        return item.id.replace("_", " ")
    exercise = catalogue()[item.exercise]
    (check,) = [check for check in exercise.whole.checks if check.id == item.check]
    return f"{exercise.title} · {check.title}"


def _most(records: Sequence[Record]) -> float:
    return sum(score.most for record in records for score in record.scores.values())


def _next(records: Sequence[Record], released: Mapping[str, Released]) -> str:
    """The first thing to do: another file for one that cannot be read, else the cause named first, else the first item
    without points."""
    for record in records:
        if record.status == UNREADABLE:
            return f"save {record.notebook} in Jupyter once more, see that it opens, and hand that file in"
    for record in records:
        if record.causes:
            return f"{record.notebook}, {record.causes[0].title}"
    for record in records:
        for item in released[record.notebook].items if record.status != MISSING else ():
            if record.scores[item.id].points == 0:
                return f"{record.notebook}, {title(item)} ({record.scores[item.id].why})"
    return ""


def _notebook(record: Record, released: Released) -> dict[str, Any]:
    rows = [
        {"title": title(item), "points": _points(record, item), "why": record.scores[item.id].why}
        for item in released.items
    ]
    return {
        "name": record.notebook,
        "points": f"{record.points:g}",
        "most": f"{_most([record]):g}",
        "reason": record.reason,
        "repairs": record.repairs,
        "rows": rows,
        "cards": [pages.card(html) for _, html in record.cards.values()],
        "answers": list(record.answers.items()),
    }


def _points(record: Record, item: Item) -> str:
    score = record.scores[item.id]
    return f"open, up to {score.most:g}" if score.points is None else f"{score.points:g} of {score.most:g}"
