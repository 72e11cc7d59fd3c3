"""Notebook 07: the graph of batch norm, its gradients for one feature by hand, and what dx leaves of dy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch.nn import functional as F

from helpers.lab import figures
from helpers.lab.tables import decimals, table

COLUMN, UPSTREAM = (1.0, -1.0, 3.0, 4.0), (1.0, 0.0, 0.0, 0.0)
"""One feature of a batch of four, and the gradient at its output: the loss is the first example's y."""
GAMMA, EPS = 2.0, 1e-5

_PLACES = {
    "x": (0.0, 0.0),
    "μ": (2.7, 0.15),
    "σ²": (2.7, 1.55),
    "x̂": (5.4, 0.0),
    "γ": (6.3, 1.3),
    "β": (7.5, 1.3),
    "y": (6.9, 0.0),
    "loss": (8.4, 0.0),
}
_LOOKS: dict[str, tuple[str, Any, float]] = {
    "direct": ("#0072b2", "-", 2.6),
    "mean": ("#2c7fb8", (0, (1.2, 1.2)), 2.6),
    "variance": ("#08306b", (0, (5, 2)), 2.6),
    "other": ("#6b6b6b", "-", 1.2),
}
"""Colour, dashes and width of each path; all of it is batch norm, so all of it is blue."""
_EDGES = (
    ("x", "x̂", "direct", 0.42),
    ("x", "μ", "mean", 0.0),
    ("μ", "x̂", "mean", 0.0),
    ("x", "σ²", "variance", -0.25),
    ("σ²", "x̂", "variance", -0.25),
    ("μ", "σ²", "other", 0.0),
    ("x̂", "y", "other", 0.0),
    ("γ", "y", "other", 0.0),
    ("β", "y", "other", 0.0),
    ("y", "loss", "other", 0.0),
)
"""From, to, path, and how much the arrow bends."""
_WORDS = (
    ("direct", (2.7, -0.92), "direct"),
    ("through the mean", (1.35, 0.24), "mean"),
    ("through the variance", (0.35, 1.5), "variance"),
)


def graph() -> None:
    """Show the computational graph with the three paths from x to x̂."""
    figures.show(
        graph_figure(),
        "A graph. Three paths lead from x to x̂: a direct one, one through μ, one through σ². A thin "
        "arrow from μ to σ². Then x̂, γ and β lead to y, and y to the loss.",
    )


def graph_figure() -> Figure:
    """Nodes and arrows of batch norm; each path has a shade and a dash."""
    figure, ax = figures.subplots(width=8.6, height=3.2)
    for start, end, path, bend in _EDGES:
        colour, dash, width = _LOOKS[path]
        arrow = {
            "arrowstyle": "-|>",
            "color": colour,
            "linestyle": dash,
            "linewidth": width,
            "shrinkA": 15,
            "shrinkB": 15,
            "mutation_scale": 15,
            "connectionstyle": f"arc3,rad={bend}",
        }
        ax.annotate("", xy=_PLACES[end], xytext=_PLACES[start], arrowprops=arrow)
    ring = {"boxstyle": "circle,pad=0.3", "fc": "white", "ec": "#333333"}
    for name, place in _PLACES.items():
        ax.text(*place, name, ha="center", va="center", fontsize=13, bbox=ring)
    for text, place, path in _WORDS:
        ax.text(*place, text, color=_LOOKS[path][0], ha="center", va="bottom")
    ax.set(xlim=(-0.9, 8.9), ylim=(-1.25, 2.0))
    ax.set_axis_off()
    return figure


@dataclass(frozen=True)
class ByHand:
    """The gradients of one feature, as §3 of the paper writes them; see :func:`worked`."""

    mean: float
    var: float
    std: float
    centred: list[float]
    x_hat: list[float]
    dx_hat: list[float]
    dvar: float
    dmean: float
    direct: list[float]
    through_variance: list[float]
    through_mean: list[float]
    dx: list[float]
    dgamma: float
    dbeta: float


def worked(
    x: Sequence[float] = COLUMN, dy: Sequence[float] = UPSTREAM, gamma: float = GAMMA, eps: float = EPS
) -> ByHand:
    """The paper's six gradients in plain numbers, and the three parts of dx."""
    m = len(x)
    mean = sum(x) / m
    centred = [value - mean for value in x]
    var = sum(c * c for c in centred) / m
    std = math.sqrt(var + eps)
    x_hat = [c / std for c in centred]
    dx_hat = [gamma * d for d in dy]
    dvar = sum(d * c for d, c in zip(dx_hat, centred, strict=True)) * -0.5 / std**3
    dmean = -sum(dx_hat) / std
    direct = [d / std for d in dx_hat]
    through_variance = [dvar * 2 * c / m for c in centred]
    through_mean = [dmean / m] * m
    dx = [a + b + c for a, b, c in zip(direct, through_variance, through_mean, strict=True)]
    dgamma = sum(d * h for d, h in zip(dy, x_hat, strict=True))
    return ByHand(
        mean, var, std, centred, x_hat, dx_hat, dvar, dmean, direct, through_variance, through_mean, dx, dgamma, sum(dy)
    )


def by_hand() -> None:
    """Every number of :func:`worked` with how it comes about, and torch's dx below."""
    got = worked()
    x = torch.tensor(COLUMN, dtype=torch.float64)[:, None].requires_grad_()
    one = torch.ones(1, dtype=torch.float64)
    y = F.batch_norm(x, None, None, GAMMA * one, one, training=True, eps=EPS)
    (torchs,) = torch.autograd.grad(y, x, torch.tensor(UPSTREAM, dtype=torch.float64)[:, None])
    rows = [
        ("x − μ", "μ = 1.75", decimals(got.centred)),
        ("√(σ² + ε)", "σ² = 14.75 / 4", decimals([got.std])),
        ("dx̂", "2 · dy", decimals(got.dx_hat)),
        ("dσ²", "2 · (−0.75) · (−½) / 1.9203³", decimals([got.dvar])),
        ("dμ", "−2 / 1.9203", decimals([got.dmean])),
        ("dx: direct", "dx̂ / √(σ² + ε)", decimals(got.direct)),
        ("dx: through the variance", "dσ² · 2(x − μ) / 4", decimals(got.through_variance)),
        ("dx: through the mean", "dμ / 4", decimals(got.through_mean)),
        ("dx", "the sum of the three", decimals(got.dx)),
        ("dx, from torch", "", decimals(torchs.flatten().tolist())),
        ("dγ", "1 · x̂ of the first example", decimals([got.dgamma])),
        ("dβ", "1 + 0 + 0 + 0", decimals([got.dbeta])),
    ]
    table(
        ("quantity", "how", "value"),
        rows,
        "One feature of four examples: x = 1, −1, 3, 4; dy = 1, 0, 0, 0; γ = 2, ε = 0.00001; four decimals",
        (1,),
    )


def parts(x: Sequence[float], dy: Sequence[float], eps: float) -> tuple[NDArray[np.float64], ...]:
    """(mean, along x̂, rest): what the compact form takes away from dy, and what it leaves; they add up to dy."""
    x_hat, d = np.array(worked(x, dy, 1.0, eps).x_hat), np.array(dy)
    mean, along = np.full_like(d, d.mean()), x_hat * (d * x_hat).mean()
    return mean, along, d - mean - along


def taken_away() -> None:
    """Show dy of the worked example as bars, the two parts that go, and the rest."""
    figures.show(
        taken_away_figure(),
        "Four bar charts over the four examples: dy, its mean, its part along x̂, and what is left of it.",
    )


def taken_away_figure() -> Figure:
    """dy = mean + part along x̂ + rest, four bars each."""
    figure, axes = figures.subplots(1, 4, width=9.6, height=2.9, sharey=True)
    mean, along, rest = parts(COLUMN, UPSTREAM, EPS)
    shown = (
        ("dy", np.array(UPSTREAM), "#6b6b6b"),
        ("− the mean", mean, _LOOKS["mean"][0]),
        ("− the part along x̂", along, _LOOKS["variance"][0]),
        ("= what is left", rest, "#8c510a"),
    )
    for ax, (title, values, colour) in zip(axes, shown, strict=True):
        ax.bar(range(1, 5), values, color=colour, width=0.62)
        ax.axhline(0, color="#333333", linewidth=0.8)
        for place, value in enumerate(values, 1):
            at, side = (0.04, "bottom") if value >= 0 else (-0.04, "top")
            ax.text(place, value + at, f"{value:.2f}".replace("-", "−"), ha="center", va=side)
        ax.set(title=title, xticks=range(1, 5), xlabel="example", ylim=(-0.62, 1.25))
        ax.grid(visible=False)
    return figure


def projection_table(deviations: Sequence[float] = (1.0, 0.1, 0.01, 0.003, 0.001)) -> None:
    """What is left, in %, of a dy that lies along x̂, and of one along (1, 1, 1, 1), by the deviation of the feature."""
    rows = []
    for deviation in deviations:
        x = [deviation * h for h in worked(eps=0.0).x_hat]
        x_hat = worked(x).x_hat
        left = [np.linalg.norm(parts(x, dy, EPS)[2]) / np.linalg.norm(dy) for dy in (x_hat, [1.0] * 4)]
        rows.append([f"{deviation:g}", f"{np.mean(np.square(x_hat)):.4f}", *(f"{100 * share:.3f}" for share in left)])
    table(
        ["standard deviation of x", "variance of x̂", "left of dy = x̂, in %", "left of dy = 1, in %"],
        rows,
        "What the compact form leaves, ε = 0.00001",
    )
