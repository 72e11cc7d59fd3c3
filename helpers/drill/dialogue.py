"""The interview as a dialogue: six beats, and for each key point of a beat the question that is asked if it is missing.

The beats are in ``dialogue.toml``::

    [[beat]]
    card = "deep-09"
    says = "What the interviewer says."
    strong = "deep-03"           # the card asked after an answer with every point
    [beat.missing]               # every point of the card: [card, what the interviewer says, which of its points count]
    mechanism = ["bn-01", "Slower, please: …", ["standardize"]]     # without the last: all
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from . import bank, state
from .bank import Card

BEFORE = "practice"
"""What the dialogue is kept under while there is no drill."""


@dataclass(frozen=True)
class Beat:
    """One question of the interview and all that may follow it: cards in the interviewer's words."""

    asks: Card
    missing: Mapping[str, Card]
    strong: Card

    def follow_up(self, ticks: Mapping[str, bool | None]) -> Card:
        """The question that belongs to the first point that the answer lacks; "not sure" lacks it too."""
        for point in self.asks.points:
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
        missing = {
            point: _asked(cards[card], says, *counts) for point, (card, says, *counts) in data["missing"].items()
        }
        made.append(Beat(replace(cards[data["card"]], question=data["says"]), missing, cards[data["strong"]]))
    return tuple(made)


def _asked(card: Card, says: str, counts: Sequence[str] = ()) -> Card:
    """The card with another question, to which only some of its points belong; the model answer names its own."""
    if not counts:
        return replace(card, question=says)
    points = {point.id: point for point in card.points}
    answer = f"*{card.question}* {card.answer}"
    return replace(card, question=says, points=tuple(points[id] for id in counts), touches="", answer=answer)


def adopt(drill: str) -> None:
    """Count what was answered in the dialogue before the first drill to this drill."""
    for kind in ("draft", "ticks", "beat"):
        for about, entry in state.latest(kind).items():
            if about == BEFORE or about.startswith(f"{BEFORE}/dialogue/"):
                rest = {key: value for key, value in entry.items() if key not in ("key", "at", "kind", "about")}
                state.add(kind, drill + about.removeprefix(BEFORE), **rest)
