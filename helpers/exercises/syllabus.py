"""The table of the course: which notebook holds which exercises, how long it takes, what it is worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Notebook:
    """One notebook: file name without suffix, title, minutes to expect, points; ``exercises``: id and checks, in order."""

    name: str
    title: str
    minutes: int
    points: float
    builds: str
    exercises: dict[str, int]


def notebooks() -> tuple[Notebook, ...]:
    """The notebooks of the course in order, from ``syllabus.json``, which the builder writes."""
    text = (resources.files(__package__) / "syllabus.json").read_text(encoding="utf-8")
    return tuple(Notebook(**entry) for entry in json.loads(text)["notebooks"])
