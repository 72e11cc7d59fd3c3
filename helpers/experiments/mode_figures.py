"""The pictures of notebook 04 that are drawn live: one net five times, buffers over time, the wrong mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.training import train

from .train_and_eval import (
    accuracy,
    by_class,
    make_net,
    moving_averages,
    predict_in_train_mode,
    repaired,
    torch_reestimate,
    trained,
    without_statistics,
)

NEUTRAL = "#8a8a8a"
"""For what is no net: a true value, a reference line."""


def copies(split: Split, seed: int = 0) -> dict[str, nn.Module]:
    """Five nets in eval mode whose parameters are the same to the last bit; their running statistics are not.

    A: as trained.  B: after a pass in train mode over the held-out rows, sorted, in pairs.  C: trained with momentum
    0.001.  D: loaded from a checkpoint without buffers.  E: re-estimated on the held-out threes alone.
    """
    (net,) = trained(split, [seed])
    late, _ = train(lambda: make_net(0.001), split, lr=0.1, batch_size=64, steps=300, seed=seed)
    X, y = split.X_test, split.y_test
    _, polluted = predict_in_train_mode(net, X, y, by_class(y), 2)
    narrow = repaired(net, X[y == 3], torch_reestimate, batch_size=len(X))
    return {"A": net, "B": polluted, "C": late, "D": without_statistics(net), "E": narrow}


def five_copies() -> None:
    """Train the net of :func:`copies`, and show the held-out accuracy of all five."""
    split = digits(torch.float64)
    found = {name: 100 * accuracy(net, split.X_test, split.y_test) for name, net in copies(split).items()}
    figure, ax = figures.subplots(width=7.0, height=2.4)
    places = range(len(found))
    ax.barh(places, list(found.values()), color=figures.COLOURS["batch"], height=0.62)
    for place, share in zip(places, found.values(), strict=True):
        ax.text(share + 1, place, f"{share:.0f} %", va="center", fontsize=11)
    ax.set(yticks=places, yticklabels=[f"net {name}" for name in found], xlim=(0, 108), xticks=range(0, 101, 20))
    ax.set_title("digits read rightly, of the same 500, in %")
    ax.invert_yaxis()
    ax.spines["bottom"].set_bounds(0, 100)
    ax.grid(visible=False)
    figures.show(figure, "Five bars, net A to net E: the share of 500 digits that each reads rightly.")


_MOMENTA = {0.1: ("#0072b2", "-", 28), 0.01: ("#2171b5", "--", 190), 0.001: ("#3f86bd", "-.", 300)}
"""Colour, dashes, and the batch at which the curve carries its name."""


def moving_averages_figure(mean: float = 3.0, std: float = 2.0, steps: int = 600) -> None:
    """What the buffers say over 600 batches whose distribution never changes, for three momenta."""
    figure, axes = figures.subplots(1, 2)
    says = "median, range of 20 features"
    averages = {momentum: moving_averages(momentum, steps, mean=mean, std=std) for momentum in _MOMENTA}
    for ax, which, truth in zip(axes, (0, 1), (mean, std**2), strict=True):
        ax.axhline(truth, color=NEUTRAL, linewidth=1)
        line = f"grey line: true value {truth:g}"
        ax.text(steps, 1.13 * truth, line, color="#5a5a5a", ha="right", va="bottom")
        for momentum, seen in averages.items():
            colour, dashes, batch = _MOMENTA[momentum]
            runs, batches = seen[which].T.numpy(), range(steps + 1)
            median = np.median(runs, axis=0)
            ax.plot(batches, median, color=colour, linestyle=dashes)
            name = f"{'momentum ' * (momentum == 0.001)}{momentum:g}"
            ax.text(batch + 12, median[batch] - 0.02 * truth, name, color=colour, va="top")
            ax.fill_between(batches, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        ax.set(xlabel="training batches seen", ylabel="value of the buffer", ylim=(0, 1.25 * truth))
        ax.text(steps, 0.03 * truth, says, color="#5a5a5a", ha="right", va="bottom")
        ax.grid(visible=False)
    axes[0].set_title("running_mean starts at 0")
    axes[1].set_title("running_var starts at 1")
    figures.show(
        figure,
        "Two line charts: running_mean and running_var against the number of batches, for three momenta.",
    )


def train_mode_figure(sizes: Sequence[int], mixed: Any, sorted_: Any, right: float) -> Figure:
    """Accuracy in train mode against batch size, rows mixed and rows sorted by class, each (seeds, sizes)."""
    figure, ax = figures.subplots(width=7.0, height=3.4)
    ax.axhline(right, color=NEUTRAL, linewidth=1.2)
    ax.text(2, right - 0.02, "eval mode, any batch size", color="#5a5a5a", va="top")
    figures.band(ax, sizes, mixed, "batch", "")
    figures.band(ax, sizes, sorted_, "batch", "")
    ax.lines[-1].set_linestyle("--")
    for text, x, y in (("train mode, rows mixed", 5.2, 0.66), ("train mode, rows sorted by class", 2.2, 0.25)):
        ax.text(x, y, text, color=figures.COLOURS["batch"], bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set(xlabel="batch size when predicting", ylim=(0, 1.12))
    ax.set_title("held-out accuracy; line: median of five nets, band: range")
    return figure


def train_mode_accuracies(
    nets: Sequence[nn.Module], X: torch.Tensor, y: torch.Tensor, orders: Sequence[torch.Tensor], sizes: Sequence[int]
) -> list[list[float]]:
    """Accuracy in train mode for each net and batch size, the mean over ``orders`` of the rows."""
    return [
        [float(np.mean([predict_in_train_mode(net, X, y, order, size)[0] for order in orders])) for size in sizes]
        for net in nets
    ]


def median_accuracy(nets: Sequence[nn.Module], X: torch.Tensor, y: torch.Tensor) -> float:
    """The median of the nets' accuracies in eval mode."""
    return float(np.median([accuracy(net, X, y) for net in nets]))
