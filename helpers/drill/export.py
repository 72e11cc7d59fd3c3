"""The bank for other programs: Anki's own text import, with tags, and CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable

from .bank import Card

COLUMNS = ("id", "topic", "chip", "question", "touches", "answer", "points", "flags", "sources", "decks", "pills")


def anki(cards: Iterable[Card], deck: str = "Batch norm course") -> str:
    """A text for Anki's File > Import: one note a card, with HTML, MathJax and tags.

    A note carries the card's id, so that importing again renews notes instead of doubling them.
    """
    head = f"#separator:Tab\n#html:true\n#notetype:Basic\n#deck:{deck}\n#columns:Guid\tFront\tBack\tTags\n"
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    for card in cards:
        points = "".join(f"<li>{_html(p.fact)}</li>" for p in card.points)
        flags = "".join(f"<li>{_html(f.fact)}</li>" for f in card.flags)
        back = f"{_html(card.answer)}<hr>Key points<ul>{points}</ul>Red flags<ul>{flags}</ul>"
        back += f"<small>{_html('; '.join(card.sources))}</small>"
        writer.writerow([f"batchnorm-course-{card.id}", _html(card.question), back, " ".join(tags(card))])
    return head + "#guid column:1\n#tags column:4\n" + out.getvalue()


def tags(card: Card) -> list[str]:
    """The tags of a card: topic, chip, pills and decks, without spaces.

    >>> from . import bank
    >>> tags(bank.load()["bn-01"])
    ['topic::bn', 'chip::easy', 'batch-norm', 'training', 'deck::batch-norm-15', 'deck::five-topics-75']
    """
    pills = [re.sub(r"\s+", "-", pill) for pill in card.topics]
    return [f"topic::{card.topic}", f"chip::{card.chip}", *pills, *(f"deck::{deck}" for deck in card.decks)]


def table(cards: Iterable[Card]) -> str:
    """The cards as CSV, with a line of names first; lists stand one item a line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for card in cards:
        points, flags = ("\n".join(i.fact for i in several) for several in (card.points, card.flags))
        rest = ("\n".join(texts) for texts in (card.sources, card.decks, card.topics))
        first = (card.id, card.topic, card.chip, card.question, card.touches, card.answer)
        writer.writerow([*first, points, flags, *rest])
    return out.getvalue()


def _html(text: str) -> str:
    """Markdown of a card as Anki shows it: code, formulas for MathJax, paragraphs."""
    made = []
    for i, part in enumerate(re.split(r"\$([^$]*)\$", text)):
        safe = html.escape(part, quote=False)
        made.append(rf"\({safe}\)" if i % 2 else re.sub(r"`([^`]*)`", r"<code>\1</code>", safe))
    return "".join(made).replace("\n\n", "<br><br>").replace("\n", " ")
