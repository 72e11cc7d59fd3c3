"""A page for one learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .assignment import Released
from .record import Record


def page(learner: str, records: Sequence[Record], notes: Sequence[str], released: Mapping[str, Released]) -> str:
    """The page as HTML."""
    return ""
