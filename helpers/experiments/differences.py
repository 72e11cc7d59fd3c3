"""Differences as the tables of notebook 08 say them: in few digits, and seed by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from helpers.lab.tables import spread

from .stored import two_digits


def small(value: float) -> str:
    """A difference in as few digits as tell its size.

    >>> small(0.0), small(3.2e-7), small(0.034), small(2.54), small(40.0)
    ('0', '3e-07', '0.034', '2.5', '40')
    """
    return f"{value:.0e}" if 0 < value < 1e-3 else two_digits(value)


def largest(a: torch.Tensor, b: torch.Tensor) -> str:
    """The largest difference of two tensors, as :func:`small` says it.

    >>> largest(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
    '0.5'
    """
    return small((a - b).abs().max().item())


def paired(a: Any, b: Any, digits: int = 1) -> str:
    """Differences a − b, seed by seed: median (range), and in how many seeds a is lower.

    >>> paired([1.0, 2.0], [3.0, 1.5])
    '−0.8 (−2.0 to 0.5), lower in 1 of 2'
    """
    d = np.asarray(a) - np.asarray(b)
    return f"{spread(d, digits)}, lower in {(d < 0).sum()} of {len(d)}"
