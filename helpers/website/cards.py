"""What deck and drill share on a page: a card of the bank with its formulas set, and the words of its box."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from docutils.nodes import make_id

from helpers.drill import bank, page
from helpers.drill.bank import Card
from helpers.widgets import answer_box

from .formulas import with_formulas

KEEPING = {
    "kept": "What you write and tick is kept in this browser, on this computer; nothing is sent anywhere.",
    "lost": "This browser keeps nothing for this page: save your record before you close it.",
    "save": "Save my record",
    "load": "Read a saved record",
    "saved": "Saved as drill.json. Notebook 11 reads it under “Your record”; this page on another computer does, too.",
    "loaded": "{new} entries were new.",
    "wrong": "This is not a saved record: {error}.",
}
"""Where the record is kept, and how it is carried between this page and the notebook."""
STYLE = """
.bn-site{max-width:820px}
.bn-site button,.bn-site select,.bn-site textarea{font:inherit;color:inherit;background:transparent;
border:1px solid var(--todo);border-radius:6px;padding:4px 12px}
.bn-site select{padding:4px 6px;max-width:100%}.bn-site option{color:CanvasText;background:Canvas}
.bn-site button{cursor:pointer;min-height:32px}
.bn-site button.first{border-color:var(--link);color:var(--link);font-weight:650}
.bn-site button.good{border-color:var(--good);color:var(--good);font-weight:650}
.bn-site button:disabled{opacity:.5;cursor:default}
.bn-site textarea{display:block;box-sizing:border-box;width:100%;padding:6px 8px;margin:6px 0;resize:vertical}
.bn-site :focus-visible{outline:3px solid var(--link);outline-offset:2px}
.bn-site [tabindex="-1"]:focus{outline:none}
.bn-box{margin:12px 0 0;scroll-margin-top:72px}
.bn-row{display:flex;flex-flow:row wrap;gap:8px}.bn .bn-row{margin:10px 0}
.bn-site h2,.bn-site h3{padding:0}
.bn-site [hidden]{display:none!important}
.bn-site fieldset{border:0;margin:10px 0 0;padding:0;min-width:0}.bn-site legend{padding:0}
.bn-site label.bn-tick{display:flex;gap:8px;align-items:baseline;padding:3px 0}
.bn-site label.bn-tick input{flex:none;width:16px;height:16px;margin:0;transform:translateY(2px)}
.bn-site math{font-size:1.1em;math-style:normal}
.bn-site p:has(math){overflow-x:auto;overflow-y:hidden}
"""
_STYLES = re.compile(r"<style>.*?</style>", re.DOTALL)


def entry(card: Card, deck: str = "") -> dict[str, Any]:
    """A card as its page needs it: what is on its two sides as HTML, and by what it is found.

    ``deck``: the page with the cards of its follow-up questions, where that is another one; it then opens beside.
    """
    return {
        "id": card.id,
        "topic": card.topic,
        "chip": card.chip,
        "pills": card.topics,
        "decks": card.decks,
        "asks": card.question,
        "question": page.text(card.question),
        "front": front(card),
        "points": {point.id: text(point.fact) for point in card.points},
        "flags": {flag.id: answer_box.WORDS["flag"].format(fact=text(flag.fact)) for flag in card.flags},
        "model": _model(card, deck),
    }


def text(markdown: str) -> str:
    """The bank's Markdown as HTML, its formulas as MathML."""
    return with_formulas(lambda held: page.text(held(markdown)))


def front(card: Card, ask: str = "") -> str:
    """The side with the question; ``{told}`` stands for what is said beside the chip."""
    return with_formulas(
        lambda held: _bare(page.front(dataclasses.replace(card, touches=held(card.touches)), held(ask), "{told}"))
    )


def address(section: str) -> str:
    """The address of a section on the notebook's page.

    >>> address("04_train_and_eval#1 · Two switches")
    '04_train_and_eval.html#two-switches'
    """
    notebook, _, heading = section.partition("#")
    return f"{notebook}.html" + (f"#{make_id(heading)}" if heading else "")


def _model(card: Card, deck: str) -> str:
    """The model answer as in the notebook; follow-up questions lead to their cards, the section to its page."""
    made = with_formulas(lambda held: _bare(page.model_answer(dataclasses.replace(card, answer=held(card.answer)))))
    aside = f" {page.ASIDE}" if deck else ""
    if card.section:
        there = f'href="{address(card.section)}"{aside}'
        made = made.replace(f'href="{page.address(card.section)}" {page.ASIDE}', there)
    for follow in card.follow_ups:
        question = page.text(bank.load()[follow].question)
        made = made.replace(f"<li>{question}</li>", f'<li><a href="{deck}#{follow}"{aside}>{question}</a></li>')
    return made


def _bare(shown: str) -> str:
    """HTML without the style sheets that it brings along."""
    return _STYLES.sub("", shown)
