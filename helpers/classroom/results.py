"""The tables of points: ``results.csv``, one row a learner whatever happened, and those for learning platforms."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from .platforms import Row, canvas, moodle
from .record import MISSING, Record

COLUMNS = ("learner", "points", "of", "waits_for_a_human", "status", "reason")


class Results:
    """A row for each learner; points that are not decided yet are no zero: they stand under ``waits_for_a_human``."""

    def __init__(self, notebooks: Sequence[str]):
        self._rows: list[Sequence[str]] = [[*COLUMNS, *notebooks]]
        self._platform: list[Row] = []

    def add(self, learner: str, records: Sequence[Record], notes: Sequence[str]) -> None:
        """Enter a learner: a record for each notebook, and what is to be said of what was handed in."""
        waits = sum(record.scores[name].most for record in records for name in record.open)
        here = [record for record in records if record.status != MISSING]
        status = "graded" if here and not waits else "needs a human" if here else "nothing handed in"
        reasons = [record.reason for record in here if record.reason] + ([] if here else list(notes))
        total = sum(record.points for record in records)
        most = sum(score.most for record in records for score in record.scores.values())
        row = [learner, f"{total:g}", f"{most:g}", f"{waits:g}", status, " ".join(reasons), *map(_cell, records)]
        self._rows.append([_harmless(text) for text in row])
        self._platform.append(Row(learner, None if waits else total, most))

    def write(self, folder: Path) -> None:
        """Write all tables into a folder."""
        with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(self._rows)
        moodle(folder / "moodle.csv", self._platform)
        canvas(folder / "canvas.csv", self._platform)


def _cell(record: Record) -> str:
    """Points of a notebook, "" where none are decided and "missing" where it was not handed in."""
    if record.status == MISSING:
        return "missing"
    decided = [score.points for score in record.scores.values() if score.points is not None]
    return f"{sum(decided):g}" if decided else ""


def _harmless(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
