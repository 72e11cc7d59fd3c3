"""When a card comes back: Leitner's boxes, the same in every front end.

A card that you knew when it was due moves one box up and comes back after 1, 3, 7 and then every 14 days. A card that
you did not know goes back to the first box and is due at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .bank import Card

DAYS = (0, 1, 3, 7, 14)
"""Days until a card of box 0, 1, 2, 3, 4 is due again."""
CHOICES = ("all", "due", "weak", "new")


@dataclass(frozen=True)
class Place:
    """Where a card stands: its box, the day from which it is due, and whether it was known the last time."""

    box: int
    due: date
    known: bool


def place(answers: Iterable[tuple[date, bool]]) -> Place | None:
    """Where a card stands after these answers, ``(day, known)`` from the oldest on; None where there are none.

    An answer before the card is due does not move it up.

    >>> place([(date(2026, 5, 1), True)])
    Place(box=1, due=datetime.date(2026, 5, 2), known=True)
    >>> place([(date(2026, 5, 1), True), (date(2026, 5, 1), True)]).box
    1
    >>> place([(date(2026, 5, 1), True), (date(2026, 5, 2), True), (date(2026, 5, 5), False)])
    Place(box=0, due=datetime.date(2026, 5, 5), known=False)
    """
    now: Place | None = None
    for day, known in answers:
        if not known:
            now = Place(0, day, False)
        elif now is None or day >= now.due:
            box = min(now.box + 1 if now else 1, len(DAYS) - 1)
            now = Place(box, day + timedelta(DAYS[box]), True)
        else:
            now = Place(now.box, now.due, True)
    return now


def select(
    cards: Iterable[Card],
    answers: Mapping[str, list[tuple[date, bool]]],
    *,
    topic: str = "",
    chip: str = "",
    deck: str = "",
    choice: str = "all",
    today: date | None = None,
) -> list[Card]:
    """The cards of a deck that are wanted: the longest due first, then the new ones in the order of the bank.

    ``choice`` is "all", "due" (seen, and due by ``today``), "weak" (not known the last time) or "new" (never answered).
    ``today`` is the computer's date by default. Raises ValueError at another choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice is one of {', '.join(CHOICES)}, not {choice!r}")
    today = today or date.today()
    chosen = []
    for card in cards:
        if (topic and card.topic != topic) or (chip and card.chip != chip) or (deck and deck not in card.decks):
            continue
        now = place(answers.get(card.id, []))
        wanted = {
            "all": True,
            "new": now is None,
            "due": now is not None and now.due <= today,
            "weak": now is not None and not now.known,
        }
        if wanted[choice]:
            chosen.append((now.due if now else date.max, card))
    return [card for _, card in sorted(chosen, key=lambda pair: pair[0])]
