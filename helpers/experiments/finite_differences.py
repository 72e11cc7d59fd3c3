"""Notebook 07: a gradient compared with finite differences, in two formats and for many step sizes."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from helpers.lab.tables import table
from helpers.lab.training import one_thread

STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
DTYPES = {"float32": torch.float32, "float64": torch.float64}


@one_thread()
def gap(dtype: torch.dtype, step: float, seed: int = 0) -> float:
    """Largest difference between batch norm's gradient of x and the slopes of the loss, ÷ the largest gradient.

    A slope is (loss(x + step) − loss(x − step)) / (2 · step), with the loss computed in ``dtype``.
    """
    random = torch.Generator().manual_seed(seed)
    x, upstream = (torch.randn(8, 3, generator=random, dtype=torch.float64) for _ in range(2))

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (F.batch_norm(x, None, None, training=True) * upstream.to(x.dtype)).sum()

    leaf = x.clone().requires_grad_()
    (exact,) = torch.autograd.grad(loss(leaf), leaf)
    slopes = torch.empty_like(x)
    for place in range(x.numel()):
        moved = torch.zeros(x.numel(), dtype=torch.float64)
        moved[place] = step
        ends = [loss((x + sign * moved.view_as(x)).to(dtype)).double() for sign in (1, -1)]
        slopes.view(-1)[place] = (ends[0] - ends[1]) / (2 * step)
    return ((slopes - exact).abs().max() / exact.abs().max()).item()


def steps_table() -> None:
    """The gaps for all step sizes in float32 and in float64."""
    body = [[f"{step:.0e}", *(f"{gap(dtype, step):.0e}" for dtype in DTYPES.values())] for step in STEPS]
    table(["step", *DTYPES], body, "Largest gap between gradient and slope, relative to the largest gradient")
