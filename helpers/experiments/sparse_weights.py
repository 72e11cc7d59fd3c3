"""Notebook 10: which penalty makes weights exactly 0, and what Adam does to an L2 penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread

INPUTS, USED, ROWS, STEPS, RATE, STRENGTH = 60, 10, 200, 1000, 0.1, 0.2
SEEDS = range(10)
Step = Callable[[torch.Tensor, torch.Tensor, float, float], torch.Tensor]


def problem(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(X, y) of a linear regression in which 10 of 60 features count, by 1 or −1 each, with noise of deviation 1."""
    random = torch.Generator().manual_seed(50_000 + seed)
    X = torch.randn(ROWS, INPUTS, generator=random, dtype=torch.float64)
    w = torch.zeros(INPUTS, dtype=torch.float64)
    w[:USED] = 1 - 2.0 * (torch.arange(USED) % 2)
    return X, X @ w + torch.randn(ROWS, generator=random, dtype=torch.float64)


def subgradient(w: torch.Tensor, gradient: torch.Tensor, lr: float, strength: float) -> torch.Tensor:
    """A step along the gradient of loss + strength · Σ|w|, with sign(w) as the slope of |w|."""
    return w - lr * (gradient + strength * w.sign())


def decayed(w: torch.Tensor, gradient: torch.Tensor, lr: float, strength: float) -> torch.Tensor:
    """A step along the gradient of loss + strength · ½ Σw²."""
    return w - lr * (gradient + strength * w)


@one_thread()
def descend(step: Step, seed: int, strength: float = STRENGTH) -> torch.Tensor:
    """The weights after 1,000 steps on half the mean squared error."""
    X, y = problem(seed)
    w = torch.randn(INPUTS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for _ in range(STEPS):
        w = step(w, X.T @ (X @ w - y) / ROWS, RATE, strength)
    return w


def zeros_table(proximal: Step) -> None:
    """How many weights are 0, or nearly, after the same steps under three penalties.  proximal: the learner's step."""
    body = []
    for name, step in {"L1, soft threshold (yours)": proximal, "L1, subgradient": subgradient, "L2": decayed}.items():
        found = [descend(step, seed) for seed in SEEDS]
        rest, used = [w[USED:].abs() for w in found], [w[:USED].abs() for w in found]
        counts = ([(w == 0).sum() for w in rest], [(w < 0.05).sum() for w in rest], [(w == 0).sum() for w in used])
        body.append(
            [name, *(spread(map(float, count), 0) for count in counts), spread(float(w.median()) for w in used)]
        )
    head = [
        "penalty",
        "exactly 0, of the 50 idle",
        "below 0.05, of the 50",
        "exactly 0, of the 10 in use",
        "size of those in use",
    ]
    table(head, body, f"{STEPS:,} steps, learning rate {RATE}, strength {STRENGTH}: median (range), ten seeds")


# --- L2 under Adam --------------------------------------------------------------------------------------------------

SIZES = (10.0, 1.0, 0.1)
"""Standard deviations of the gradients of three weights."""


@one_thread()
def adam(decoupled: bool, seed: int, steps: int = 1000, lr: float = 1e-3, strength: float = 0.1) -> torch.Tensor:
    """Three groups of 100 weights that start at 1, (3, 100), after some steps; gradients are noise of three sizes.

    decoupled: w ← w − lr · (u + strength · w), AdamW; else strength · w is added to the gradient.
    """
    random = torch.Generator().manual_seed(60_000 + seed)
    w, sizes = torch.ones(3, 100, dtype=torch.float64), torch.tensor(SIZES, dtype=torch.float64)[:, None]
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t in range(1, steps + 1):
        g = sizes * torch.randn(3, 100, generator=random, dtype=torch.float64)
        if not decoupled:
            g = g + strength * w
        m, v = m.lerp(g, 0.1), v.lerp(g**2, 0.001)
        update = m / (1 - 0.9**t) / (torch.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = w - lr * (update + (strength * w if decoupled else 0))
    return w


def adam_table() -> None:
    """What is left of weights that start at 1, by the size of their gradients."""
    body: list[list[Any]] = []
    for name, decoupled in (("Adam, L2 in the gradient", False), ("AdamW, decay beside it", True)):
        left = np.array([adam(decoupled, seed).mean(1).numpy() for seed in SEEDS])
        body.append([name, *(spread(left[:, i]) for i in range(3))])
    head = ["optimiser", *(f"gradients of size {size:g}" for size in SIZES)]
    table(
        head,
        body,
        "Mean of 100 weights that start at 1, after 1,000 steps, η = 0.001, λ = 0.1: median (range), ten seeds",
    )
