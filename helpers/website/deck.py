"""The deck on a page: the cards of the bank, the rule of their boxes, and the quick review."""

from __future__ import annotations

from typing import Any

from helpers.drill import bank, page, schedule
from helpers.drill.checklist import review
from helpers.widgets import answer_box
from helpers.widgets import deck as notebook

from .cards import KEEPING, STYLE, entry
from .fragments import fragment as made

SCRIPTS = ("record.js", "answer_box.js", "deck.js")
_STYLE = """
.bn-filters{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:6px 16px}
.bn-filters label{display:grid;min-width:0}.bn-filters select{width:100%}
.bn-review,.bn-record{border-top:1px solid var(--line);margin-top:16px;padding-top:8px}
.bn-review h2{margin:0 0 4px;font-size:18px}
.bn-line{display:flex;flex-flow:row wrap;align-items:baseline;gap:0 12px}
.bn-cards{display:flex;gap:6px;margin-left:24px;font-size:13px}
.bn-line a,.bn-progress td{white-space:nowrap}
.bn-progress th{min-width:76px}
@media(max-width:600px){.bn .bn-progress .bn-bar{min-width:32px}.bn .bn-progress td{padding-left:8px!important}}
"""


def fragment() -> str:
    """The deck; where scripts do not run, its questions."""
    return made("deck", data(), f"<noscript>{_still()}</noscript>", [page.STYLE, STYLE, _STYLE])


def data() -> dict[str, Any]:
    """The cards, what they can be chosen by, the rule of the boxes, and every word."""
    cards = bank.load()
    return {
        "cards": [entry(card) for card in cards.values()],
        "topics": {topic.id: topic.title for topic in bank.topics().values()},
        "chips": {chip: f"{page.SIGNS[chip]} {chip}" for chip in bank.CHIPS},
        "decks": {id: name for name, id in notebook.DECKS.items()},
        "choices": {id: name for name, id in notebook.CHOICES.items()},
        "days": schedule.DAYS,
        "review": [{"id": item.id, "says": item.says, "cards": item.cards} for item in review()],
        "quick": notebook.REVIEW,
        "words": {
            **answer_box.WORDS,
            **notebook.WORDS,
            "bar": page.BAR,
            "quick": "Quick review",
            "rule": f"{notebook.RULE} {_five()} {notebook.KEYS}",
        },
        "keeping": KEEPING,
    }


def _five() -> str:
    """Which topics the selection of five has."""
    name, deck = next((name, id) for name, id in notebook.DECKS.items() if name.startswith("five topics"))
    titles = [topic.title for topic in bank.topics().values() if any(deck in card.decks for card in topic.cards)]
    return f"“{name}” has those on {', '.join(titles).lower()}."


def _still() -> str:
    """The questions by topic."""
    topics = "".join(
        f"<h2>{topic.title}</h2><ul>{''.join(f'<li>{page.text(card.question)}</li>' for card in topic.cards)}</ul>"
        for topic in bank.topics().values()
    )
    return f"<p>With JavaScript each card opens here. Without it, these are the questions.</p>{topics}"
