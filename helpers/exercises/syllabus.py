"""The table of the course: which notebook holds which exercises, how long it takes, what it is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Task:
    """An exercise as a notebook uses it: its title, and what each of its checks is worth there, 0 if not graded."""

    title: str
    checks: dict[str, float]


@dataclass(frozen=True)
class Notebook:
    """One notebook: file name without suffix, title, minutes to expect, points; ``exercises``: by id, in order.

    ``points`` are those of all graded cells, also of those that a person grades; ``answers`` the ids of the cells that
    a learner fills in.
    """

    name: str
    title: str
    minutes: int
    points: float
    builds: str
    exercises: dict[str, Task]
    answers: Sequence[str]


def notebooks() -> tuple[Notebook, ...]:
    """The notebooks of the course in order, from ``syllabus.json``, which the builder writes."""
    text = (resources.files(__package__) / "syllabus.json").read_text(encoding="utf-8")
    return tuple(_notebook(**entry) for entry in json.loads(text)["notebooks"])


def _notebook(exercises: dict[str, Any], **rest: Any) -> Notebook:
    return Notebook(exercises={id: Task(**task) for id, task in exercises.items()}, **rest)
