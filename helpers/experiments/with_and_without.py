"""Notebook 03: one deep MLP with and without batch norm, in a fair set-up and on digits.

Three nets appear in every comparison: without a norm from PyTorch's default initialisation, without a norm from He
initialisation (the control), and with batch norm.  What takes many seeds is read from ``with_and_without.json``, which
``with_and_without_seeds`` computes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import Results
from helpers.lab.tables import rows, spread, table
from helpers.lab.training import loss_of, one_thread, seeded

from .fair import HEAD_SCALE, NETS, fair_widths, line, makers, over_learning_rates, train_three, widths
from .stored import Found, brief, load

FILE = "with_and_without"
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
DRAWS = (0, 1, 2, 3)
"""Draws of the data; 0 is that of all other experiments."""
LARGE = tuple((size, lr) for size in (128, 256) for lr in (0.1, 0.3))
"""Batch size and learning rate where the control's held-out loss is the lower one."""
MAP_LRS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SCALES = (0.1, 0.3, 0.6, 1.0, 2.0, 5.0)
DEPTHS = (2, 4, 8, 12)
DEEP = {
    "none, default": ("no norm, default init", None, "default"),
    "none, he": ("no norm, He init", None, "he"),
    "batch, default": ("batch norm, default init", nn.BatchNorm1d, "default"),
    "batch, he": ("batch norm, He init", nn.BatchNorm1d, "he"),
}
PLACED_LRS = (0.1, 1.0)


# --- the net --------------------------------------------------------------------------------------------------------


def bias_gradients(layer: Norm) -> dict[str, float]:
    """Largest gradient of a Linear's bias on the digits, by what follows the Linear and by the norm's mode; float64."""
    orders = {
        "Linear, norm, ReLU; train mode": (("norm", "relu"), True),
        "Linear, norm, ReLU; eval mode": (("norm", "relu"), False),
        "Linear, ReLU, norm; train mode": (("relu", "norm"), True),
    }
    split, found = digits(torch.float64), {}
    for name, (order, training) in orders.items():
        with seeded(0):
            linear, head = nn.Linear(64, 32), nn.Linear(32, 10)
        parts: dict[str, nn.Module] = {"norm": layer(32), "relu": nn.ReLU()}
        net = nn.Sequential(linear, *(parts[part] for part in order), head).double().train(training)
        F.cross_entropy(net(split.X_train), split.y_train).backward()
        found[name] = 0.0 if linear.bias.grad is None else linear.bias.grad.abs().max().item()
    return found


def show_bias_gradients(layer: Norm) -> None:
    """Show :func:`bias_gradients`; what is below 1e-12 is rounding."""
    table(
        ["hidden layer", "largest gradient of the bias"],
        [[name, "0 but for rounding" if g < 1e-12 else f"{g:.3f}"] for name, g in bias_gradients(layer).items()],
        caption="One hidden layer, cross-entropy on the digits, before training",
    )


# --- the fair set-up ------------------------------------------------------------------------------------------------


def show_rates(layer: Norm) -> None:
    """Train the three nets in the fair set-up at :data:`RATES`, batches of 32, and show their held-out losses."""
    found = over_learning_rates(layer, RATES, batch_size=32)
    figures.show(rates_figure(RATES, found), "Held-out loss against the learning rate: only batch norm is low at 3.")
    table(
        ["learning rate", *NETS.values()],
        rows(RATES, [net.test_loss for net in found.values()]),
        caption="Held-out loss, batches of 32, 200 steps: median and range of 3 seeds",
    )


def rates_figure(lrs: Sequence[float], found: dict[str, Results]) -> Figure:
    """Held-out loss against the learning rate: median and range over seeds; what diverged is at the top."""
    figure, axes = figures.subplots(width=6.5, height=3.4)
    for name in NETS:
        line(axes, lrs, _capped(found[name].test_loss.T.numpy(), 1.0), name)
    axes.set(xlabel="learning rate", xscale="log", xticks=lrs, xticklabels=[f"{lr:g}" for lr in lrs])
    ticks = [0.03, 0.1, 0.3, 1.0]
    axes.set(title="held-out loss, median and range of 3 seeds", ylabel="mean squared error", yscale="log")
    axes.set(ylim=(0.03, 1.1), yticks=ticks, yticklabels=[*(f"{t:g}" for t in ticks[:-1]), "diverged"])
    axes.minorticks_off()
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _capped(values: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    """Values no larger than ``top``; what diverged is at ``top``."""
    return np.minimum(np.nan_to_num(values, nan=top, posinf=top), top)


def show_draws() -> None:
    """Show in how many seeds batch norm is lower than the control, on each draw of the data."""
    found = load(FILE, "draws")
    lines = []
    for draw in DRAWS:
        lower = _lower(found[f"batch; {draw}"], found[f"none, He; {draw}"])
        lines.append([draw, *(f"{count} of {len(lower)}" for count in lower.sum(axis=0))])
    table(
        ["draw", *(f"learning rate {lr:g}" for lr in RATES)],
        lines,
        caption="Seeds in which batch norm has a lower held-out loss than the control, batches of 32, 200 steps; draw "
        "0 is the one above",
    )


def _lower(losses: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which losses are lower than the others of the same seeds; one that is not finite is the highest.

    >>> _lower(np.array([0.1, 0.2, np.nan]), np.array([np.nan, 0.1, 0.3])).tolist()
    [True, False, False]
    """
    lower: NDArray[np.bool_] = np.nan_to_num(losses, nan=np.inf) < np.nan_to_num(others, nan=np.inf)
    return lower


def show_large_batches() -> None:
    """Show training and held-out losses where the control's held-out loss is the lower one."""
    found = load(FILE, "large_batches")
    lower = _lower(found["held-out, none, He"], found["held-out, batch"])
    table(
        [
            "batch size",
            "learning rate",
            *(f"{rows}: {NETS[n]}" for rows in ("training", "held-out") for n in ("none, He", "batch")),
            "held-out: control lower in",
        ],
        [
            [
                size,
                f"{lr:g}",
                *(
                    brief(found[f"{kind}, {n}"][:, i])
                    for kind in ("training", "held-out")
                    for n in ("none, He", "batch")
                ),
                f"{lower[:, i].sum()} of {len(lower)}",
            ]
            for i, (size, lr) in enumerate(LARGE)
        ],
        caption="Mean squared error in eval mode after 200 steps: median and range of 10 seeds",
    )


# --- digits ---------------------------------------------------------------------------------------------------------


def show_digits(layer: Norm) -> None:
    """Train the three nets on the digits at :data:`RATES`, batches of 64, and show their held-out accuracies."""
    found = train_three(layer, digits(), fair_widths(digits()), RATES, batch_size=64, steps=200)
    table(
        ["learning rate", *NETS.values()],
        rows(RATES, [net.test_accuracy for net in found.values()]),
        caption="Held-out accuracy, batches of 64, 200 steps, no factor on the output: median and range of 3 seeds",
    )


@one_thread()
def shrunk(layer: Norm, seed: int = 0) -> dict[str, list[float]]:
    """How many times the factor 1/8 on the output makes the gradient of each hidden weight matrix smaller.

    At the start, on all training digits, for the control and for batch norm.
    """
    split, found = digits(), {}
    for name, make in makers(layer, fair_widths(split)).items():
        with seeded(seed):
            net = make()
        weights = [module.weight for module in net.hidden.modules() if isinstance(module, nn.Linear)]
        norms = []
        for scale in (1.0, HEAD_SCALE):
            net.head_scale = scale
            norms.append(
                [g.norm().item() for g in torch.autograd.grad(loss_of(net, split.X_train, split.y_train), weights)]
            )
        found[name] = [a / b for a, b in zip(*norms, strict=True)]
    return found


def show_shrunk(layer: Norm) -> None:
    """Show the range of :func:`shrunk` over hidden layers and 10 seeds."""
    found = [shrunk(layer, seed) for seed in range(10)]
    lines = []
    for name, label in NETS.items():
        values = [value for each in found for value in each[name]]
        lines.append([label, f"{min(values):.1f} to {max(values):.1f}"])
    table(
        ["", "times smaller"],
        lines,
        caption="Gradient of the hidden weights on all training digits, before training: how many times smaller it is "
        "with the factor 1/8; range over 6 layers and 10 seeds",
    )


SMALL_RATE, AT_SCALES = 0.003, (0.1, 1.0, 2.0)
"""A column of the map, and the scales at which it is shown in numbers."""


def show_heat_map() -> None:
    """Show the map of accuracies, how much of it each net fills, and the smallest learning rate in numbers."""
    found = load(FILE, "heat_map")
    figures.show(
        heat_map_figure(found),
        "Three maps over learning rate and initial scale: held-out accuracy without a norm, with, and the difference. "
        "Batch norm has many more cells above 90 %; at large scales and small rates the net without a norm is ahead.",
    )
    said, column = {"none": "no norm", "batch": "batch norm"}, MAP_LRS.index(SMALL_RATE)
    table(
        ["", "cells above 90 %, of 42", *(f"accuracy at {SMALL_RATE:g}, {scale:g} × He" for scale in AT_SCALES)],
        [
            [
                label,
                spread((found[name] > 0.9).sum(axis=(1, 2)), 0),
                *(spread(found[name][:, SCALES.index(scale), column]) for scale in AT_SCALES),
            ]
            for name, label in said.items()
        ],
        caption=f"Median and range of {len(found['none'])} seeds",
    )


def heat_map_figure(found: Found) -> Figure:
    """Two maps of accuracy in percent, and their difference in percentage points; medians over seeds."""
    figure, axes = figures.subplots(1, 3, width=10.5, height=4.0, sharey=True)
    plain, normed = (100 * np.median(found[name], axis=0) for name in ("none", "batch"))
    ahead = np.where(normed < plain, "none, He", "batch")
    panels = [
        ("no norm", plain, np.full_like(ahead, "none, He")),
        ("batch norm", normed, np.full_like(ahead, "batch")),
        ("batch norm − no norm, points", normed - plain, ahead),
    ]
    for ax, (title, values, names) in zip(axes, panels, strict=True):
        texts = [[f"{value:.0f}".replace("-", "−") for value in row] for row in values]
        figures.cells(ax, title, abs(values) / 100, names, texts, SCALES, MAP_LRS)
    axes[0].set_ylabel("initial hidden weights ÷ He's")
    said = f"held-out accuracy on digits, %, after 150 steps; median of {len(found['none'])} seeds"
    figure.suptitle(said, x=0.01, ha="left", fontsize=11)
    return figure


@one_thread()
def turns(
    layer: Norm, factors: Sequence[float], head: bool = False, lr: float = 0.1
) -> list[tuple[float, float, float, float]]:
    """What multiplying the weights before a norm by a factor does to the first SGD step of an MLP on digits.

    For each factor: the largest change of the output, and, for the first weight matrix W, ‖gradient‖ and the share of
    ‖W‖ that the step moves, both relative to the first factor's, and the angle between step and W in degrees.  head:
    multiply the head's weights too.  float64, 256 rows.
    """
    split = digits(torch.float64)
    X, y = split.X_train[:256], split.y_train[:256]
    seen: list[tuple[torch.Tensor, float, float, float]] = []
    for factor in factors:
        with seeded(0):
            net = MLP(widths(64, 10, depth=4), layer, init="he").double()
        weights = [module.weight for module in net.hidden.modules() if isinstance(module, nn.Linear)]
        with torch.no_grad():
            for weight in [*weights, net.head.weight][: None if head else -1]:
                weight.mul_(factor)
        out = net(X)
        (gradient,) = torch.autograd.grad(F.cross_entropy(out, y), weights[:1])
        size, long = gradient.norm().item(), weights[0].norm().item()
        cosine = (gradient * weights[0]).sum().item() / (size * long)
        seen.append((out.detach(), size, lr * size / long, math.degrees(math.acos(cosine))))
    first = seen[0]
    return [((o - first[0]).abs().max().item(), g / first[1], share / first[2], angle) for o, g, share, angle in seen]


def show_turns(layer: Norm) -> None:
    """Show :func:`turns` for factors 1, 3 and 10: of the hidden weights alone, and of the head's too."""
    factors = (1, 3, 10)
    alone, all_of_them = turns(layer, factors), turns(layer, factors, head=True)
    table(
        [
            "hidden weights ×",
            "output changes by",
            "‖gradient‖",
            "angle of step and W",
            "step ÷ ‖W‖",
            "the same, head × too",
        ],
        [
            [
                a,
                "less than 0.01" if change < 0.01 else f"{change:.2f}",
                f"{size:.2f}",
                f"{angle:.0f}°",
                f"{share:.2f}",
                f"{other:.2f}",
            ]
            for a, (change, size, share, angle), (_, _, other, _) in zip(factors, alone, all_of_them, strict=True)
        ],
        caption="First SGD step of the first layer's W; gradient and step relative to the first row",
    )


MEASURES = {
    "train mode": "training loss, train mode, last 20 batches",
    "eval mode": "training loss, eval mode, all rows",
    "accuracy": "held-out accuracy",
}


def show_depth() -> None:
    """Show training loss in both modes and held-out accuracy against depth, and who is lower in how many seeds."""
    found = load(FILE, "by_depth")
    figures.show(
        depth_figure(found),
        "Training loss in both modes and held-out accuracy against depth: from 8 layers on the default net fails.",
    )
    for measure, title in MEASURES.items():
        table(
            ["hidden layers", *(label for label, _, _ in DEEP.values())],
            [[d, *(spread(found[f"{measure}, {n}"][:, i]) for n in DEEP)] for i, d in enumerate(DEPTHS)],
            caption=f"{title[0].upper()}{title[1:]}: median and range of 10 seeds",
        )
    pairs = [(mode, net) for mode in ("train mode", "eval mode") for net in ("batch, default", "batch, he")]
    lower = [_lower(found[f"{mode}, none, he"], found[f"{mode}, {net}"]) for mode, net in pairs]
    table(
        ["hidden layers", *(f"{mode}: {DEEP[net][0]}" for mode, net in pairs)],
        [[d, *(f"{wins[:, i].sum()} of {len(wins)}" for wins in lower)] for i, d in enumerate(DEPTHS)],
        caption="Seeds in which the control's training loss is lower than that of this net",
    )


def depth_figure(found: Found) -> Figure:
    """Training loss in both modes and held-out accuracy against depth; median and range over seeds."""
    figure, axes = figures.subplots(1, 3, width=10.5, height=3.8)
    for name, (label, norm, init) in DEEP.items():
        colour = "batch" if norm else "none, He" if init == "he" else "none"
        for ax, measure in zip(axes, MEASURES, strict=True):
            dashes = (0, (1, 1.2)) if colour == "none" else "--" if init == "he" else "-"
            line(ax, DEPTHS, _capped(found[f"{measure}, {name}"], 10.0), colour, label, dashes)
            ax.lines[-1].set(marker="o", markersize=4)
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        ax.set(
            title=title.replace(", last 20 batches", "").replace(", all rows", ""),
            xlabel="hidden layers",
            xticks=DEPTHS,
        )
        if measure != "accuracy":
            ax.set(yscale="log", ylabel="cross-entropy", ylim=(0.005, 5))
    axes[2].set(ylim=(0, 1.02), ylabel="accuracy")
    said = f"digits, after 300 steps: median and range of {len(found['accuracy, none, he'])} seeds"
    figure.suptitle(said, x=0.01, ha="left", fontsize=11)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


# --- before or after the nonlinearity -------------------------------------------------------------------------------


def show_placement() -> None:
    """Show held-out accuracy with the norm before and after the ReLU, and the differences of pairs of seeds."""
    found = load(FILE, "placement")
    lines = []
    for i, lr in enumerate(PLACED_LRS):
        points = 100 * (found["before"][:, i] - found["after"][:, i])
        wins = f"{int((points > 0).sum())} of {len(points)}"
        lines.append([f"{lr:g}", *(spread(found[w][:, i]) for w in ("before", "after")), spread(points, 1), wins])
    table(
        ["learning rate", "before the ReLU", "after the ReLU", "before − after, points", "before is higher in"],
        lines,
        caption="Held-out accuracy after 100 steps: median and range of 10 seeds; the differences are within a seed",
    )
