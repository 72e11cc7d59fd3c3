"""What cards and tables are made of: marked-up text, marks, folded details, and a table with its text twin."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .style import styled

MARKS = {True: "✓", False: "✗", None: "○"}
KINDS = {True: "good", False: "bad", None: "todo"}
"""The class of what is right, wrong, and not attempted."""


def marked_up(text: str) -> str:
    """Escaped text in which what stands in backticks is code.

    >>> marked_up("`a < b`, no more")
    '<code>a &lt; b</code>, no more'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def mark(outcome: bool | None) -> str:
    """The coloured mark of an outcome."""
    return f'<span class="bn-{KINDS[outcome]}">{MARKS[outcome]}</span>'


def first(kind: str, label: str, words: str) -> str:
    """The largest words of a card: a label, and HTML; ``kind`` is one of KINDS.  Without styles a colon parts them."""
    return f'<div class="bn-first {kind}"><b>{label}<i>: </i></b>{words}</div>'


def segments(outcomes: Sequence[bool | None]) -> str:
    """A bar of one segment for each outcome, "" for fewer than two; what is wrong is hatched."""
    body = "".join(f'<i class="{KINDS[outcome]}"></i>' for outcome in outcomes)
    return f'<span class="bn-seg" aria-hidden="true">{body}</span>' if len(outcomes) > 1 else ""


def details(summary: str, lines: Iterable[str]) -> str:
    """Lines of HTML, one click away."""
    return f"<details><summary>{summary}</summary>{''.join(f'<p>{line}</p>' for line in lines)}</details>"


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head, shown as HTML and, in a terminal, in columns; ``caption`` stands above.

    The first column is aligned to the left, and so are those whose places are in ``left``; the others to the right.

    >>> Table(("batch", "accuracy"), (("2", "0.5"), ("16", "0.95")), caption="Held-out accuracy, one seed")
    Held-out accuracy, one seed
    batch  accuracy
    2           0.5
    16         0.95
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    left: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        cells = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if i == 0 or i in self.left else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        return "\n".join([self.caption, *lines] if self.caption else lines)

    def _repr_html_(self) -> str:
        table = f"<table>{self.body()}</table>"
        if self.caption:
            table = f"<figure><figcaption>{marked_up(self.caption)}</figcaption>{table}</figure>"
        return styled(table, "bn-table")

    def body(self) -> str:
        """Head and rows as HTML, without the element around them."""
        head = "".join(f'<th scope="col"{self._side(i)}>{marked_up(text)}</th>' for i, text in enumerate(self.head))
        rows = "".join(f"<tr>{''.join(self._cell(i, text) for i, text in enumerate(row))}</tr>" for row in self.rows)
        return f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"

    def _cell(self, i: int, text: str) -> str:
        tag = "td" if i else 'th scope="row"'
        whole = re.sub(r"\([^()<]{,20}\)(; \d+)?", r'<span class="bn-whole">\g<0></span>', marked_up(text))
        return f"<{tag}{self._side(i)}>{whole}</{tag[:2]}>"

    def _side(self, i: int) -> str:
        return ' class="bn-left"' if i in self.left else ""


@dataclass(frozen=True)
class Card:
    """A titled list of rows, shown as HTML in a notebook and as text elsewhere.

    ``outcome`` is True (right), False (wrong) or None (neutral); ``rows`` are (mark, text) pairs; ``code`` is shown
    in a fixed-width block below.
    """

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    outcome: bool | None = None
    code: str = ""

    def __repr__(self) -> str:
        lines = [f"{MARKS[self.outcome]} {self.title}"]
        lines += [f"  {mark:1} {text}" for mark, text in self.rows]
        if self.code:
            lines += ["", *(f"    {line}".rstrip() for line in self.code.splitlines())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = f'<div class="bn-head">{mark(self.outcome)} <b>{marked_up(self.title)}</b></div>'
        rows = "".join(f"<p>{_mark_of(sign)} {marked_up(text)}</p>" for sign, text in self.rows)
        code = f"<pre>{html.escape(self.code)}</pre>" if self.code else ""
        return card_of(head + rows + code)


def card_of(body: str) -> str:
    """A card around some HTML."""
    return styled(body, "bn-card", 'role="status"')


def _mark_of(sign: str) -> str:
    """A row's mark, coloured where it is one of MARKS."""
    outcome = next((outcome for outcome, known in MARKS.items() if known == sign), ...)
    return html.escape(sign) if outcome is ... else mark(outcome)
