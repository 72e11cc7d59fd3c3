"""The drill on a page: four blocks on one clock, what is read, said and checked in them, and the report."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from helpers.drill import bank, page, report, rubric
from helpers.drill.narration import narration
from helpers.drill.session import AWAY, BLOCKS
from helpers.widgets import answer_box, drill_clock, drill_report, drill_room

from .cards import KEEPING, STYLE, address, entry, front, text
from .formulas import mathml
from .fragments import fragment as made

SCRIPTS = ("record.js", "answer_box.js", "session.js", "report.js", "drill.js")
NOTEBOOK = "11_mock_interview"
WORDS = {
    "report": "Rubric and report",
    "implement": f'This page runs no Python. Write the layer in <a href="{NOTEBOOK}.html" {page.ASIDE}>notebook 11</a>'
    ", where the check names your mistake, or in an editor of your own; the clock here runs meanwhile.",
    "code": "The layer is judged in notebook 11, not on this page.",
    "blocks": "Blocks",
    "said": "What did you say?",
}
"""What only the page says."""
_SOURCE = Path(__file__).resolve().parents[2] / "solutions" / f"{NOTEBOOK}.ipynb"
_STYLE = """
.content:has(.bn-drill-bar){overflow:visible}
.bn-drill-bar{position:sticky;top:0;z-index:2;padding:6px 0;background:var(--color-background-primary,Canvas);
border-bottom:1px solid var(--line)}
@media(max-width:63em){.bn-drill-bar{top:var(--header-height,0px)}}
.bn-drill-bar p{margin:4px 0!important}
.bn .bn-time{min-width:0;margin-right:8px}
.bn-panel{border-top:1px solid var(--line);margin-top:12px;padding-top:6px}
.bn-panel>summary{padding:4px 0}
.bn-panel>summary h2{display:inline;font-size:18px;margin:0}
.bn-panel h3{font-size:16px;margin:16px 0 4px}
.bn-panel,.bn-panel>summary{scroll-margin-top:120px}
.bn-panel .bn-ask{margin-top:16px}
.bn-sheet img{max-width:100%}
.bn .bn-sheet td,.bn .bn-sheet th,.bn .bn-report td,.bn .bn-report th{text-align:left!important;vertical-align:top}
.bn-sheet .math.block{overflow-x:auto;padding:4px 0}
.bn-report h3{font-size:16px;margin:16px 0 4px}
.bn-report h2{font-size:18px;margin:0 0 4px}
"""


def fragment() -> str:
    """The drill; where scripts do not run, its blocks and their minutes."""
    blocks = "".join(f"<li>{block.title}: {block.long:g} minutes, or {block.short:g}</li>" for block in BLOCKS)
    still = f"<noscript><p>With JavaScript a clock runs here. Its four blocks:</p><ol>{blocks}</ol></noscript>"
    return made("drill", data(), still, [page.STYLE, drill_clock.STYLE, STYLE, _STYLE])


def data() -> dict[str, Any]:
    """The blocks, what is in them, the rubric, and every word."""
    cards = bank.load()
    texts = {block.id: _markdown(_cell(f"Block {i + 1} ·")) for i, block in enumerate(BLOCKS)}
    explain = [
        {**entry(cards[id], "deck.html"), "front": front(cards[id], ask)} for id, ask in drill_room.EXPLAIN.items()
    ]
    sections = {cards[id].section for id in drill_room.EXPLAIN} | {
        line.section for line in (*rubric.POSITIVES, *rubric.FLAGS)
    }
    return {
        "blocks": [dataclasses.asdict(block) for block in BLOCKS],
        "away": AWAY,
        "texts": texts,
        "sheet": "".join(_sheet()),
        "notes": drill_room.NOTES,
        "explain": explain,
        "plain": {id: _plain(cards[id]) for id in drill_room.EXPLAIN},
        "narration": [
            {"id": one.id, "asks": text(one.asks), "points": [text(point) for point in one.points]}
            for one in narration()
        ],
        "rubric": {
            "points": [dataclasses.asdict(line) for line in rubric.POSITIVES],
            "flags": [dataclasses.asdict(line) for line in rubric.FLAGS],
            "needs": {
                name: {id: sorted(points) for id, points in needs.items()} for name, needs in rubric.NEEDS.items()
            },
            "checks": rubric.CHECKS,
            "closed": sorted(rubric.CLOSED),
        },
        "sections": {where: [report.place(where, False), address(where)] for where in sorted(sections) if where},
        "words": {
            "clock": drill_clock.WORDS,
            "room": drill_room.WORDS,
            "box": answer_box.WORDS,
            "rubric": drill_report.WORDS,
            "report": report.WORDS,
            "page": WORDS,
        },
        "keeping": KEEPING,
    }


def _plain(card: bank.Card) -> dict[str, Any]:
    """What the report says of a card, as text."""
    return {
        "points": {point.id: report.plain(point.fact) for point in card.points},
        "flags": {flag.id: report.plain(flag.fact) for flag in card.flags},
        "pills": card.topics,
        "section": card.section,
    }


def _cell(heading: str) -> str:
    """The text of the notebook's cell with this heading, without the heading."""
    found: str = next(c.source for c in _cells() if re.match(rf"#+ {re.escape(heading)}", c.source))
    return found.partition("\n")[2]


def _sheet() -> Iterator[str]:
    """The sheet of the first block: the paper on two pages, with its pictures and tables."""
    cells = _cells()
    first = next(i for i, cell in enumerate(cells) if cell.source.startswith("### The sheet"))
    for cell in cells[first:]:
        if cell.source.startswith("## "):
            return
        if cell.cell_type == "markdown":
            yield _markdown(cell.source)
        for output in cell.get("outputs", []):
            yield re.sub(r"<style>.*?</style>", "", output["data"]["text/html"], flags=re.DOTALL)


def _cells() -> list[Any]:
    return list(nbformat.read(_SOURCE, 4).cells)


def _markdown(source: str) -> str:
    """A cell's text as HTML."""
    known = MarkdownIt("commonmark").enable("table")
    return str(known.use(dollarmath_plugin, renderer=_formula).render(source))


def _formula(tex: str, options: dict[str, Any]) -> str:
    return mathml(tex.strip(), "block" if options["display_mode"] else "inline")
