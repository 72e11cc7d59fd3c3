"""Tables of points as learning platforms import them.

A platform knows people by number, which stands in the names of what it exports (``Grace Hu_1042``); who has none is not
in these tables.  Points that wait for a human leave the cell empty, so that an import changes nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TITLE = "Batch normalization"


@dataclass(frozen=True)
class Row:
    """``points`` of ``most`` for somebody as the platform calls them; None while a human has to look."""

    learner: str
    points: float | None
    most: float


def moodle(path: Path, rows: Iterable[Row]) -> None:
    """Moodle's grading worksheet (assignment → *Upload grading worksheet*)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Identifier", "Full name", "Grade", "Maximum Grade"])
        for name, number, row in _known(rows):
            table.writerow([f"Participant {number}", name, _points(row), f"{row.most:g}"])


def canvas(path: Path, rows: Iterable[Row]) -> None:
    """Canvas's gradebook import (Grades → *Import*); its second row tells the points that can be had."""
    known = list(_known(rows))
    most = f"{known[0][2].most:g}" if known else ""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TITLE])
        table.writerow(["    Points Possible", "", "", "", "", most])
        for name, number, row in known:
            table.writerow([name, number, "", "", "", _points(row)])


def _points(row: Row) -> str:
    return "" if row.points is None else f"{row.points:g}"


def _known(rows: Iterable[Row]) -> Iterable[tuple[str, str, Row]]:
    for row in rows:
        if match := re.fullmatch(r"(.+)_(\d+)", row.learner):
            yield match[1].lstrip("=+-@\t\r"), match[2], row
