"""The interview as a dialogue: six beats, and for each key point of a beat the question that is asked if it is missing.

The beats are in ``dialogue.toml``::

    [[beat]]
    card = "deep-09"
    says = "What the interviewer says."
    strong = "deep-03"           # the card asked after an answer with every point
    [beat.missing]               # every point of the card: [card, what the interviewer says]
    mechanism = ["bn-01", "Slower, please: …"]
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from . import bank
from .bank import Card


@dataclass(frozen=True)
class Question:
    """A question as the interviewer words it, and its card."""

    card: Card
    says: str


@dataclass(frozen=True)
class Beat:
    """One question of the interview and all that may follow it."""

    asks: Question
    missing: Mapping[str, Question]
    strong: Question

    def follow_up(self, ticks: Mapping[str, bool | None]) -> Question:
        """The question that belongs to the first point that the answer lacks; "not sure" lacks it too."""
        for point in self.asks.card.points:
            if not ticks.get(point.id):
                return self.missing[point.id]
        return self.strong


@functools.cache
def beats() -> tuple[Beat, ...]:
    """The beats in order."""
    text = resources.files(__package__).joinpath("dialogue.toml").read_text(encoding="utf-8")
    cards = bank.load()
    made = []
    for data in tomllib.loads(text)["beat"]:
        missing = {point: Question(cards[card], says) for point, (card, says) in data["missing"].items()}
        strong = cards[data["strong"]]
        asks = Question(cards[data["card"]], data["says"])
        made.append(Beat(asks, missing, Question(strong, strong.question)))
    return tuple(made)
