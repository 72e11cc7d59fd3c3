"""Results over seeds as text: one cell, and a table of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from IPython.display import display

from helpers.look.parts import Table


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Median and range over seeds, to a number of decimals; diverged runs are counted in words.

    >>> spread([0.4, 0.5, 0.7]), spread([-1, 0, 1], 0), spread([0.5, math.nan, 0.5]), spread([math.nan, math.inf])
    ('0.50 (0.40–0.70)', '0 (−1 to 1)', '0.50 (0.50–0.50), 1 of 3 diverged', 'diverged')
    """
    runs = [float(v) for v in values]
    kept = [v for v in runs if math.isfinite(v)]
    if not kept:
        return "diverged"
    to = " to " if min(kept) < 0 else "–"
    found = f"{np.median(kept):.{digits}f} ({min(kept):.{digits}f}{to}{max(kept):.{digits}f})".replace("-", "−")
    return found if len(kept) == len(runs) else f"{found}, {len(runs) - len(kept)} of {len(runs)} diverged"


def decimals(values: Iterable[float]) -> str:
    """Numbers with four decimals, less the zeros at their ends.

    >>> decimals([0.25, -1.0, 1 / 3])
    '0.25, −1, 0.3333'
    """
    return ", ".join(f"{value:.4f}".rstrip("0").rstrip(".").replace("-", "−") for value in values)


def signed(values: Iterable[float], digits: int = 1) -> str:
    """Median and range of differences, each with its sign; what is not finite is left out.

    >>> signed([-1.0, 0.5, 2.0, math.nan])
    '+0.5 (−1.0 to +2.0)'
    """
    kept = [v for v in map(float, values) if math.isfinite(v)]
    middle, low, high = (f"{v:+.{digits}f}" for v in (np.median(kept), min(kept), max(kept)))
    return f"{middle} ({low} to {high})".replace("-", "−")


def rows(labels: Iterable[Any], columns: Iterable[Any]) -> list[list[str]]:
    """Rows of a table: a label, and of each column, (labels, seeds), the :func:`spread` of that label's seeds.

    >>> rows(["lr 1"], [[[0.5, 0.5]], [[0.25, 0.75]]])
    [['lr 1', '0.50 (0.50–0.50)', '0.50 (0.25–0.75)']]
    """
    cells = [[spread(seeds) for seeds in column] for column in columns]
    return [[str(label), *row] for label, row in zip(labels, zip(*cells, strict=True), strict=True)]


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "", left: Iterable[int] = ()) -> None:
    """Show rows under a head: a table in a notebook, in a terminal the same in columns; ``caption`` stands above.

    The first column and those whose places are in ``left`` (words) are aligned to the left, the others to the right.
    """
    display(Table(tuple(map(str, head)), tuple(tuple(map(str, row)) for row in rows), caption, frozenset(left)))
