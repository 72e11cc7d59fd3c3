"""Notebook 02: what the layer does with one batch, as a table, by hand, and in histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from helpers.lab import figures
from helpers.lab.tables import decimals, table

COLUMN = (1.0, -1.0, 3.0, 4.0)
BATCH = ((1, 0, 10), (-1, 2, 10), (3, 4, 10), (4, 6, 14))


def columns() -> None:
    """Show a batch of 4 rows and 3 columns twice: what shares a mean in batch norm, and what does not."""
    figures.show(
        columns_figure(),
        "A table of four rows and three columns, twice. Left: a frame around each column, with its mean below, three "
        "means. Right: a frame around each row, with its mean beside it, four means.",
    )


def columns_figure() -> Figure:
    """The table :data:`BATCH` with a frame around each column, and with one around each row."""
    figure, axes = figures.subplots(1, 2, width=8.0, height=3.0)
    titles = ("dim=0: one mean for each feature", "dim=1: one mean for each example")
    rows, width = len(BATCH), len(BATCH[0])
    for ax, title, dim in zip(axes, titles, (0, 1), strict=True):
        for i, numbers in enumerate(BATCH):
            for j, number in enumerate(numbers):
                ax.text(j + 0.5, i + 0.5, f"{number}".replace("-", "−"), ha="center", va="center", fontsize=12)
        means = torch.tensor(BATCH, dtype=torch.float64).mean(dim=dim).tolist()
        colour = figures.COLOURS["batch" if dim == 0 else "layer"]
        for k, mean in enumerate(means):
            frame = ((k + 0.06, 0.06), 0.88, rows - 0.12) if dim == 0 else ((0.06, k + 0.1), width - 0.12, 0.8)
            dash = "-" if dim == 0 else "--"
            ax.add_patch(Rectangle(*frame, fill=False, edgecolor=colour, linewidth=2, linestyle=dash))
            x, y = (k + 0.5, rows + 0.4) if dim == 0 else (width + 0.5, k + 0.5)
            ax.text(x, y, f"{mean:.4g}", ha="center", va="center", fontsize=12, fontweight="bold", color=colour)
        ax.text(-0.15, rows / 2, "N = 4 examples", rotation=90, ha="right", va="center")
        ax.text(width / 2, -0.15, "C = 3 features", ha="center", va="bottom")
        ax.set(title=title, xlim=(-0.6, width + 1.0), ylim=(rows + 0.8, -0.6))
        ax.set_axis_off()
    return figure


@dataclass(frozen=True)
class ByHand:
    """What batch norm makes of one feature, all in float64; see :func:`worked`."""

    mean: float
    deviations: list[float]
    squares: list[float]
    biased: float
    unbiased: float
    normalised: list[float]
    scaled: list[float]
    running_mean: float
    running_var: float
    in_eval: list[float]


def worked(
    x: Sequence[float], gamma: float = 2.0, beta: float = 1.0, eps: float = 1e-5, momentum: float = 0.1
) -> ByHand:
    """Algorithm 1 for one feature in plain numbers, one step of PyTorch's memory from 0 and 1, then Algorithm 2."""
    n = len(x)
    mean = sum(x) / n
    deviations = [value - mean for value in x]
    squares = [d * d for d in deviations]
    biased, unbiased = sum(squares) / n, sum(squares) / (n - 1)
    normalised = [d / math.sqrt(biased + eps) for d in deviations]
    running_mean, running_var = momentum * mean, (1 - momentum) + momentum * unbiased
    in_eval = [gamma * (value - running_mean) / math.sqrt(running_var + eps) + beta for value in x]
    scaled = [gamma * value + beta for value in normalised]
    return ByHand(mean, deviations, squares, biased, unbiased, normalised, scaled, running_mean, running_var, in_eval)


def by_hand(x: Sequence[float] = COLUMN) -> None:
    """Show every number of :func:`worked` with how it comes about."""
    got, n = worked(x), len(x)
    total = sum(got.squares)
    rows = [
        ("x", "the feature in the four rows", decimals(x)),
        ("mean μ", f"({' '.join(_signed(x))}) / {n}", decimals([got.mean])),
        ("x − μ", "", decimals(got.deviations)),
        ("(x − μ)²", "", decimals(got.squares)),
        ("biased variance σ²", f"{total:g} / {n}", decimals([got.biased])),
        ("unbiased variance", f"{total:g} / {n - 1}", decimals([got.unbiased])),
        ("x̂", "(x − μ) / √(σ² + 0.00001)", decimals(got.normalised)),
        ("y", "2 · x̂ + 1", decimals(got.scaled)),
        ("running_mean, next", f"0.9 · 0 + 0.1 · {got.mean:.4g}", decimals([got.running_mean])),
        ("running_var, next", f"0.9 · 1 + 0.1 · {got.unbiased:.4f}", decimals([got.running_var])),
        ("y in eval mode, then", "2 · (x − running_mean) / √(running_var + 0.00001) + 1", decimals(got.in_eval)),
    ]
    caption = "One feature of a batch of four; γ = 2, β = 1, ε = 0.00001, momentum = 0.1; four decimals."
    table(("quantity", "how", "value"), rows, caption, (1,))


def _signed(values: Sequence[float]) -> list[str]:
    """Numbers as the terms of a sum.

    >>> _signed((1.0, -1.0, 3.0))
    ['1', '− 1', '+ 3']
    """
    first, *rest = values
    return [f"{first:g}".replace("-", "−"), *(f"{'−' if value < 0 else '+'} {abs(value):g}" for value in rest)]


def two_divisors(sizes: Sequence[int] = (2, 4, 32, 101, 102, 1024)) -> None:
    """Show by how much the unbiased variance exceeds the biased one, for some numbers of rows."""
    rows = [(n, f"{100 / (n - 1):.2f}") for n in sizes]
    table(
        ("rows N", "unbiased − biased, in % of biased"),
        rows,
        "By how much the unbiased variance exceeds the biased one: N / (N − 1) − 1.",
    )


def histograms() -> None:
    """Show one feature before the layer, as x̂, and after γ and β: in train mode, and in eval mode with other data."""
    figures.show(
        histogram_figure(),
        "Six histograms of one feature. Upper row, train mode: x, x̂, and γx̂ + β. Lower row, the same in eval mode for "
        "data with another mean and spread. A line marks each mean.",
    )


def one_feature(seed: int = 0) -> dict[str, tuple[torch.Tensor, ...]]:
    """x, x̂ and γx̂ + β, (1024,) each, by mode.  γ = 2, β = 1.

    The feature is skewed, with mean 5 and deviation 3; the layer has seen 200 batches of 64.  In eval mode it gets
    data with mean 8 and deviation 1.5.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(rows: int, mean: float, std: float) -> torch.Tensor:
        return mean + std * (-torch.rand(rows, 1, generator=generator).clamp(min=1e-6).log() - 1)

    layer = nn.BatchNorm1d(1)
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
        for _ in range(200):
            layer(draw(64, 5.0, 3.0))
        found: dict[str, tuple[torch.Tensor, ...]] = {}
        for mode, x in (("train mode", draw(1024, 5.0, 3.0)), ("eval mode", draw(1024, 8.0, 1.5))):
            y = layer.train(mode == "train mode")(x)
            found[mode] = (x.flatten(), (y.flatten() - 1) / 2, y.flatten())
    return found


def histogram_figure() -> Figure:
    """The numbers of :func:`one_feature` as histograms on one scale, with mean and deviation."""
    figure, axes = figures.subplots(2, 3, width=9.0, height=4.4, sharex=True, sharey=True)
    names = ("x", "x̂", "y")
    for row, (mode, parts) in zip(axes, one_feature().items(), strict=True):
        for ax, name, values in zip(row, names, parts, strict=True):
            blue = figures.COLOURS["batch"]
            look: Any = {"color": blue} if mode == "train mode" else {"hatch": "///", "fc": "none", "ec": blue}
            ax.hist(values.numpy(), bins=60, range=(-3, 16), histtype="stepfilled", **look)
            ax.axvline(values.mean().item(), color="black", linestyle="--", linewidth=1.2)
            told = f"mean {values.mean():z.2f}, std {values.std(correction=0):.2f}".replace("-", "−")
            ax.set(title=f"{name}: {told}")
        row[0].set_ylabel(f"{mode}\nexamples")
    for ax in axes[1]:
        ax.set_xlabel("value of the feature")
    return figure
