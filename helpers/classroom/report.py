"""A page for the instructor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .assignment import Released
from .record import Record


def class_page(records: Iterable[Record], notes: Mapping[str, Sequence[str]], released: Mapping[str, Released]) -> str:
    """The page as HTML."""
    return ""
