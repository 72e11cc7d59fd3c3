"""Whole numbers that probes feed as sizes: the same on every machine, and other ones under a grader's salt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .measuring import SALT


def drawn(seed: int, *pools: Sequence[int]) -> tuple[int, ...]:
    """One number from each pool.

    >>> drawn(0, (7,), range(2, 3))
    (7, 2)
    """
    random = np.random.RandomState(seed + SALT)
    return tuple(int(random.choice(list(pool))) for pool in pools)
