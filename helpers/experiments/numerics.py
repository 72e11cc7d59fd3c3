"""Notebook 07: four ways to a variance far from 0, 16-bit statistics, and what stays of a moving average in 16 bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from helpers.lab import figures
from helpers.lab.tables import table
from helpers.lab.training import one_thread

MEANS = tuple(10.0**k for k in range(7))
ROWS, FEATURES, SEEDS = 1024, 16, 5
HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def single_pass(x: torch.Tensor) -> torch.Tensor:
    """E[x²] − E[x]², (C,), the biased variance of x, (N, C)."""
    return (x**2).mean(0) - x.mean(0) ** 2


def two_pass(x: torch.Tensor) -> torch.Tensor:
    """The mean first, then the mean squared deviation from it."""
    return ((x - x.mean(0)) ** 2).mean(0)


def welford(x: torch.Tensor) -> torch.Tensor:
    """Row by row: the mean so far, and the sum of squared deviations from it (Welford 1962)."""
    mean, squares = torch.zeros_like(x[0]), torch.zeros_like(x[0])
    for count, row in enumerate(x, 1):
        gap = row - mean
        mean = mean + gap / count
        squares = squares + gap * (row - mean)
    return squares / len(x)


def pairwise(x: torch.Tensor) -> torch.Tensor:
    """Halves, halves of halves, and so on, merged two by two (Chan, Golub & LeVeque 1983)."""
    return _merged(x)[1] / len(x)


def _merged(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if len(x) <= 4:
        return x.mean(0), ((x - x.mean(0)) ** 2).sum(0)
    n = len(x) // 2
    (mean, squares), (other, others) = _merged(x[:n]), _merged(x[n:])
    gap = other - mean
    return mean + gap * (len(x) - n) / len(x), squares + others + gap**2 * n * (len(x) - n) / len(x)


WAYS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "E[x²] − E[x]²": single_pass,
    "two passes": two_pass,
    "Welford, row by row": welford,
    "pairwise (Chan)": pairwise,
}


@one_thread()
def variance_errors(seeds: Sequence[int] = range(SEEDS)) -> dict[str, NDArray[np.float64]]:
    """Relative errors in float32, against float64 on the same numbers, (means, seeds · features), by way.

    The numbers have standard deviation 1.
    """
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in WAYS}
    for mean in MEANS:
        draws = [torch.Generator().manual_seed(seed) for seed in seeds]
        x = torch.cat([mean + torch.randn(ROWS, FEATURES, generator=draw) for draw in draws], dim=1)
        exact = x.double().var(0, correction=0)
        for name, way in WAYS.items():
            found[name].append(((way(x).double() - exact).abs() / exact).numpy())
    return {name: np.array(errors) for name, errors in found.items()}


def variance_figure() -> None:
    """The errors against the mean, for the four ways."""
    figure, ax = figures.subplots(width=8.0, height=3.6)
    looks = (("#b3261e", "-", "o"), ("#1b7837", "--", "s"), ("#5e4fa2", "-.", "^"), ("#8c510a", ":", "D"))
    for (name, errors), (colour, dash, mark) in zip(variance_errors().items(), looks, strict=True):
        ax.plot(MEANS, np.median(errors, 1), color=colour, linestyle=dash, marker=mark, markersize=5, label=name)
        ax.fill_between(MEANS, *np.quantile(errors, (0.05, 0.95), axis=1), color=colour, alpha=0.13, linewidth=0)
    ax.axhline(1, color="#8a8a8a", linewidth=1)
    ax.text(1, 0.6, "above: no digit is right", color="#5a5a5a", va="top")
    ax.set(xscale="log", yscale="log", xlabel="mean of the feature ÷ its standard deviation", ylim=(1e-8, 1e7))
    ax.set_xticks(MEANS, ["1", "10", "100", "1,000", "10,000", "100,000", "1,000,000"])
    ax.set_yticks([1e-7, 1e-5, 1e-3, 1e-1, 1e1, 1e3, 1e5], ["10⁻⁷", "10⁻⁵", "10⁻³", "0.1", "10", "10³", "10⁵"])
    ax.set_title(f"relative error of the variance in float32 (line: median, band: 90 % of {SEEDS * FEATURES} features)")
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.98), frameon=True, framealpha=1, edgecolor="white")
    figures.show(
        figure,
        "Relative error of the variance in float32 against the mean, log axes: E[x²] − E[x]², two passes, Welford, "
        "and pairwise merging.",
    )


def by_hand() -> None:
    """What float32 makes of the two terms of E[x²] − E[x]², for three pairs of numbers two apart."""
    rows = []
    for pair in ((3.0, 5.0), (999.0, 1001.0), (9999.0, 10001.0)):
        x = torch.tensor(pair)
        squares = (x**2).mean(), x.mean() ** 2
        rows.append(
            [
                f"{pair[0]:,.0f} and {pair[1]:,.0f}",
                *(f"{s.item():,.0f}" for s in squares),
                f"{(squares[0] - squares[1]).item():g}",
            ]
        )
    table(["numbers", "E[x²]", "E[x]²", "difference"], rows, "In float32; the variance of each pair is 1")


def halves_table(seed: int = 0) -> None:
    """Largest error of x̂, over 256 × 64 numbers of deviation 1, by what is computed in 16 bits and what in float32."""
    rows = []
    for name, dtype in HALVES.items():
        for mean in (0.0, 3.0, 30.0, 300.0, 301.0):
            errors = half_errors(dtype, mean, seed)
            rows.append([name, f"{mean:g}", *errors])
    table(
        [
            "x is",
            "mean",
            "E[x²] − E[x]², 16 bits",
            "two passes, 16 bits",
            "float32 statistics, rounded before use",
            "all in float32, result rounded",
            "torch's batch norm",
        ],
        rows,
        "Largest error of x̂, against float64 on the same 16-bit numbers (256 rows, 64 features, standard deviation 1)",
    )


@one_thread()
def half_errors(dtype: torch.dtype, mean: float, seed: int) -> list[str]:
    """The cells of one row of :func:`halves_table`."""
    x = (mean + torch.randn(256, 64, generator=torch.Generator().manual_seed(seed))).to(dtype)
    exact, ones, zeros = _normalised(x.double(), two_pass), torch.ones(64), torch.zeros(64)
    middle, std = x.float().mean(0), (two_pass(x.float()) + 1e-5).sqrt()
    found = (
        _normalised(x, single_pass),
        _normalised(x, two_pass),
        (x - middle.to(dtype)) / std.to(dtype),
        _normalised(x.float(), two_pass).to(dtype),
        F.batch_norm(x, None, None, ones, zeros, training=True),
    )
    return [_worst(x_hat.double() - exact) for x_hat in found]


def _normalised(x: torch.Tensor, variance: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    return (x - x.mean(0)) / (variance(x) + 1e-5).sqrt()


def _worst(errors: torch.Tensor) -> str:
    if errors.isnan().any():
        return f"NaN in {100 * errors.isnan().double().mean().item():.0f} %"
    return f"{errors.abs().max().item():.2g}"


def formats_table() -> None:
    """Largest finite number, digits, and the step to the next number above 1, 30 and 300, of three formats."""
    rows = []
    for name, dtype in {"float32": torch.float32, **HALVES}.items():
        about = torch.finfo(dtype)
        steps = [about.eps * 2.0 ** math.floor(math.log2(value)) for value in (1, 30, 300)]
        rows.append([name, f"{about.max:.3g}", *(f"{step:.2g}" for step in steps)])
    table(["format", "largest number", "step at 1", "at 30", "at 300"], rows, "How finely three formats count")


def moving_average_table(steps: int = 1000, momenta: Sequence[float] = (0.01, 0.1)) -> None:
    """A running variance that starts at 1 and is fed 1.3 in every step, kept in three formats."""
    rows = []
    for name, dtype in {"float32": torch.float32, **HALVES}.items():
        batch, ends = torch.tensor(1.3, dtype=dtype), []
        for momentum in momenta:
            value = torch.ones((), dtype=dtype)
            for _ in range(steps):
                value = value + momentum * (batch - value)
            ends.append(f"{value.item():.4f}")
        rows.append([name, *ends])
    head = ["kept in", *(f"momentum {momentum:g}" for momentum in momenta)]
    table(head, rows, f"Start 1, every batch says 1.3: the running variance after {steps:,} steps")
