"""A page for the instructor: what to teach again, which items are hard, who needs a human, what is alike."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.exercises import catalogue

from . import alike, pages
from .assignment import Released
from .feedback import title
from .record import MISSING, Record

WIDTH = 160
"""Pixels of the bar of a mistake that the whole class shares."""
SHOWN = 40
"""Rows of a table that could grow with the class."""


@dataclass
class _Item:
    tried: int = 0
    solved: int = 0
    open: int = 0


@dataclass
class _Learner:
    cells: list[str] = field(default_factory=list)
    points: float = 0.0
    open: float = 0.0


def class_page(records: Iterable[Record], notes: Mapping[str, Sequence[str]], released: Mapping[str, Released]) -> str:
    """The page as HTML; ``records`` has one for each learner and released notebook, those of a learner together."""
    items: dict[str, _Item] = defaultdict(_Item)
    learners: dict[str, _Learner] = defaultdict(_Learner)
    mistakes: Counter[tuple[str, str, str]] = Counter()
    humans: list[dict[str, str]] = []
    answers: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for record in records:
        learner = learners[record.learner]
        learner.cells.append(_cell(record))
        learner.points += record.points
        learner.open += sum(record.scores[name].most for name in record.open)
        mistakes.update({(record.notebook, cause.exercise, cause.title) for cause in record.causes})
        humans += _for_humans(record)
        for name, score in record.scores.items() if record.status != MISSING else ():
            items[name].open += score.points is None
            items[name].tried += score.points is not None and score.why != "not attempted"
            items[name].solved += score.points is not None and score.points == score.most
        for name, text in record.answers.items():
            answers[record.notebook, name].append((record.learner, text))
    for learner_name, said in notes.items():
        humans += [{"learner": learner_name, "notebook": "", "why": note} for note in said]
    most = sum(one.points for one in released.values())
    found = [
        group
        for (notebook, name), texts in answers.items()
        for group in alike.groups(name, texts, released[notebook].cells[name].source)
    ]
    return pages.made(
        "class.html",
        learners=len(learners),
        median=f"{statistics.median([one.points for one in learners.values()] or [0]):g}",
        most=f"{most:g}",
        mistakes=[_mistake(key, count, len(learners)) for key, count in mistakes.most_common(SHOWN)],
        items=_hardest_first(items, released),
        humans=humans,
        waiting=len({row["learner"] for row in humans}),
        alike=[
            {"learners": ", ".join(group.learners), "answer": group.answer, "share": f"{100 * group.share:.0f} %"}
            for group in sorted(found, key=lambda group: -group.share)[:SHOWN]
        ],
        shortest=alike.SHORTEST,
        notebooks=list(released),
        scores=[
            {"learner": name, "points": f"{one.points:g}", "open": f"{one.open:g}", "cells": one.cells}
            for name, one in learners.items()
        ],
    )


def _cell(record: Record) -> str:
    """Points of a notebook in the table of learners; "open" where none are decided, "–" where it was not handed in."""
    if record.status == MISSING:
        return "–"
    return "open" if len(record.open) == len(record.scores) else f"{record.points:g}"


def _for_humans(record: Record) -> list[dict[str, str]]:
    if record.reason and record.status != MISSING:
        whys = [record.reason]
    else:
        whys = [*dict.fromkeys(record.scores[name].why for name in record.open)]
    whys += [f"{name}: {why}" for name, why in record.review.items() if name not in record.scores]
    return [{"learner": record.learner, "notebook": record.notebook, "why": why} for why in whys]


def _mistake(key: tuple[str, str, str], count: int, everybody: int) -> dict[str, Any]:
    notebook, exercise, words = key
    width = round(WIDTH * count / max(1, everybody))
    return {
        "title": words, "count": count, "width": width, "exercise": catalogue()[exercise].title, "notebook": notebook
    }  # fmt: skip


def _hardest_first(items: Mapping[str, _Item], released: Mapping[str, Released]) -> list[dict[str, Any]]:
    rows = []
    for notebook, one in released.items():
        for item in one.items:
            count = items.get(item.id) or _Item()
            if count.tried or count.open:
                share = count.solved / count.tried if count.tried else None
                rows.append((2.0 if share is None else share, {
                    "title": title(item), "notebook": notebook, "tried": count.tried, "open": count.open,
                    "share": "–" if share is None else f"{100 * share:.0f} %",
                }))  # fmt: skip
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]
