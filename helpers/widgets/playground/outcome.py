"""Which of two nets did better in a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum

from helpers.experiments.rate_batch_plane import STALLED, constant

from .setting import Kind, Setting, Trace, label


class Outcome(Enum):
    """Whose held-out loss is lower; the value says it of a first and a second net."""

    SECOND = "{second} wins"
    SAME = "about the same"
    FIRST = "{first} wins"
    NEITHER = "both fail"

    def of(self, rivals: tuple[Kind, Kind]) -> str:
        """The outcome in words.

        >>> Outcome.SECOND.of((("none", "he"), ("batch", "default")))
        'batch norm wins'
        """
        first, second = map(label, rivals)
        return self.value.format(first=first, second=second)


def last(values: Sequence[float]) -> float:
    """The last value, NaN where there is none."""
    return values[-1] if values else math.nan


SAME = 1.25
"""Losses within this factor are about the same."""


def outcome_of(setting: Setting, traces: Mapping[Kind, Trace]) -> Outcome | None:
    """Which of the rivals has the lower held-out loss; see :func:`lower_of`.  None: no rivals, or a layer stopped."""
    if setting.rivals is None or any(traces[kind].note and not traces[kind].diverged for kind in setting.rivals):
        return None
    first, second = (held_out(traces[kind]) for kind in setting.rivals)
    return lower_of(first, second, setting.task)


def lower_of(first: float, second: float, task: str) -> Outcome:
    """Whose loss is lower; NEITHER where both nets diverged (their loss is not finite) or learned nothing.

    >>> [lower_of(*losses, "digits").name for losses in ((0.2, 0.1), (0.2, 0.19), (0.1, math.inf), (2.4, math.inf))]
    ['SECOND', 'SAME', 'FIRST', 'NEITHER']
    """
    if not min(first, second) < STALLED * constant(task):
        return Outcome.NEITHER
    if max(first, second) < SAME * min(first, second):
        return Outcome.SAME
    return Outcome.SECOND if second < first else Outcome.FIRST


def held_out(trace: Trace) -> float:
    """Held-out loss at the end; infinite where the net diverged or stopped."""
    return math.inf if trace.note or not trace.test else trace.test[-1]
