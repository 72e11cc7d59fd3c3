"""One record for each notebook of each learner, whatever happened to it: plain data, to be stored and sent."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .assignment import Item

JUDGED, UNREADABLE, ASIDE, MISSING = "judged", "unreadable", "set aside", "missing"
"""What can have become of a notebook.  Only JUDGED ones have scores."""


@dataclass
class Score:
    """Points of one graded cell; None where a human decides, and then ``why`` says why."""

    points: float | None
    most: float
    why: str = ""


def same_for_all(items: Iterable[Item], points: float | None, why: str) -> dict[str, Score]:
    """The same for each of some graded cells: ``points``, and why."""
    return {item.id: Score(points, item.points, why) for item in items}


@dataclass
class Cause:
    """A mistake that the judge named in an answer: the suspect's ``id`` ("" for what is no suspect's) and its words."""

    exercise: str
    id: str
    title: str
    evidence: str = ""
    exact: bool = False


@dataclass
class Record:
    """What became of one notebook.

    ``key`` is made of everything that the outcome depends on: the file, the release, the environment, the salt.
    ``reason`` is one sentence where ``status`` is not JUDGED.  ``answers`` are the learner's texts by grade_id,
    ``cards`` what the judge says of each exercise (as text and as HTML), ``isolation`` and ``limits`` how it was run,
    ``seconds`` of processor time that the learner's code took.
    """

    learner: str
    notebook: str
    file: str
    key: str
    status: str
    reason: str = ""
    scores: dict[str, Score] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    cards: dict[str, tuple[str, str]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    review: dict[str, str] = field(default_factory=dict)
    isolation: str = ""
    limits: str = ""
    notebook_sha256: str = ""
    release_sha256: str = ""
    environment: str = ""
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """The points that are decided."""
        return sum(score.points or 0.0 for score in self.scores.values())

    @property
    def open(self) -> list[str]:
        """The graded cells that wait for a human."""
        return [name for name, score in self.scores.items() if score.points is None]

    def as_json(self) -> str:
        """The record as one line; half a character, as only a broken file has it, becomes a question mark."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")

    @classmethod
    def from_json(cls, line: str) -> Record:
        """The record that :meth:`as_json` wrote.

        >>> record = Record("ada", "02", "02.ipynb", "key", JUDGED, scores={"a": Score(None, 2.0)})
        >>> Record.from_json(record.as_json()).open
        ['a']
        """
        raw: dict[str, Any] = json.loads(line)
        raw["scores"] = {name: Score(**score) for name, score in raw["scores"].items()}
        raw["causes"] = [Cause(**cause) for cause in raw["causes"]]
        raw["cards"] = {name: tuple(card) for name, card in raw["cards"].items()}
        return cls(**raw)
