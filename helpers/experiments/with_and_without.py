"""Notebook 03: one deep MLP with and without batch norm.

Three nets appear in every comparison: without a norm from PyTorch's default initialisation, without a norm from He
initialisation (the control), and with batch norm.  What takes many seeds was computed in advance with
``nn.BatchNorm1d``: ``python -m helpers.experiments.with_and_without`` writes ``with_and_without.json`` again, in some
minutes on one core, or only the results that are named behind it.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Sequence
from functools import partial

import matplotlib
import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import Results, Run, sweep, train_stack
from helpers.lab.tables import rows, spread, table
from helpers.lab.training import loss_of, one_thread, seeded

from . import popular_demo
from .fair import HEAD_SCALE, NETS, fair_data, fair_widths, line, makers, over_learning_rates, train_three, widths
from .stored import Found, brief, load, merged

FILE = "with_and_without"
LRS = (0.03, 0.1, 0.3, 1.0, 3.0)
DRAWS = (1, 2, 3)
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
    """Train the three nets in the fair set-up at :data:`LRS`, batches of 32, and show their held-out losses."""
    found = over_learning_rates(layer, LRS, batch_size=32)
    figures.show(rates_figure(LRS, found), "Held-out loss of three nets against the learning rate.")
    table(
        ["learning rate", *NETS.values()],
        rows(LRS, [net.test_loss for net in found.values()]),
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


def draws(seeds: Sequence[int], chosen: Sequence[int] = DRAWS) -> Found:
    """Held-out loss in the fair set-up on other draws of the data, (seeds, :data:`LRS`), by "net; draw"."""
    found = Found()
    for draw in chosen:
        split = fair_data(draw)
        nets = train_three(nn.BatchNorm1d, split, fair_widths(split), LRS, 32, 200, HEAD_SCALE, seeds)
        found |= {f"{name}; {draw}": net.test_loss.T.numpy() for name, net in nets.items() if name != "none"}
    return found


def show_draws() -> None:
    """Show the control and batch norm on three other draws of the data."""
    found = load(FILE, "draws")
    table(
        ["draw of the data", "net", *(f"learning rate {lr:g}" for lr in LRS)],
        [
            [draw, NETS[name], *map(brief, found[f"{name}; {draw}"].T)]
            for draw in DRAWS
            for name in ("none, He", "batch")
        ],
        caption="Held-out loss, batches of 32, 200 steps: median and range of 5 seeds",
        left=(1,),
    )


def large_batches(seeds: Sequence[int], draw: int = 0) -> Found:
    """Losses of the control and batch norm, eval mode, (seeds, :data:`LARGE`), by "training, net", "held-out, net"."""
    split, found = fair_data(draw), {}
    nets = makers(nn.BatchNorm1d, fair_widths(split), HEAD_SCALE)
    for name in ("none, He", "batch"):
        runs = [sweep(nets[name], split, (lr,), seeds, batch_size=size, steps=200)[0] for size, lr in LARGE]
        found[f"training, {name}"] = torch.stack([run.train_loss for run in runs], dim=1).numpy()
        found[f"held-out, {name}"] = torch.stack([run.test_loss for run in runs], dim=1).numpy()
    return found


def show_large_batches() -> None:
    """Show training and held-out losses where the control's held-out loss is the lower one."""
    found = load(FILE, "large_batches")
    table(
        [
            "batch size",
            "learning rate",
            *(f"{rows}: {NETS[n]}" for rows in ("training", "held-out") for n in ("none, He", "batch")),
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
            ]
            for i, (size, lr) in enumerate(LARGE)
        ],
        caption="Mean squared error in eval mode after 200 steps: median and range of 10 seeds",
    )


# --- digits ---------------------------------------------------------------------------------------------------------


def show_digits(layer: Norm) -> None:
    """Train the three nets on the digits at :data:`LRS`, batches of 64, and show their held-out accuracies."""
    found = train_three(layer, digits(), fair_widths(digits()), LRS, batch_size=64, steps=200)
    table(
        ["learning rate", *NETS.values()],
        rows(LRS, [net.test_accuracy for net in found.values()]),
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
    """Show the range of :func:`shrunk` over hidden layers and 5 seeds."""
    found = [shrunk(layer, seed) for seed in range(5)]
    lines = []
    for name, label in NETS.items():
        values = [value for each in found for value in each[name]]
        lines.append([label, f"{min(values):.1f} to {max(values):.1f}"])
    table(
        ["", "times smaller"],
        lines,
        caption="Gradient of the hidden weights on all training digits, before training: how many times smaller it is "
        "with the factor 1/8; range over 6 layers and 5 seeds",
    )


def _scaled(norm: Norm | None, scale: float) -> MLP:
    """Four hidden layers of 64 from He initialisation, their weights times ``scale``; the head is PyTorch's."""
    net = MLP(widths(64, 10, depth=4), norm, "he")
    with torch.no_grad():
        for module in net.hidden.modules():
            if isinstance(module, nn.Linear):
                module.weight.mul_(scale)
    return net


def heat_map(
    seeds: Sequence[int], lrs: Sequence[float] = MAP_LRS, scales: Sequence[float] = SCALES, steps: int = 150
) -> Found:
    """Held-out accuracy on digits without ("none") and with ("batch") batch norm, (seeds, scales, learning rates) each.

    Batches of 32.  A scale multiplies the initial weights of the hidden layers (He's), not those of the head.
    """
    found = {}
    for name, norm in (("none", None), ("batch", nn.BatchNorm1d)):
        makes = [partial(_scaled, norm, scale) for scale in scales]
        runs = [Run(make, lr, seed) for seed in seeds for make in makes for lr in lrs]
        accuracy = train_stack(runs, digits(), batch_size=32, steps=steps).test_accuracy
        found[name] = accuracy.view(len(seeds), len(scales), len(lrs)).numpy()
    return found


CORNER = (SCALES.index(2.0), MAP_LRS.index(0.003))
"""A cell of the map with large weights and a small learning rate."""


def show_heat_map() -> None:
    """Show the map of accuracies, how much of it each net fills, and one corner in numbers."""
    found = load(FILE, "heat_map")
    figures.show(
        heat_map_figure(found),
        "Three maps over learning rate and initial scale: held-out accuracy without a norm, with, and the difference.",
    )
    said = {"none": "no norm", "batch": "batch norm"}
    table(
        ["", "cells above 90 %, of 42", "accuracy at 2 × He and learning rate 0.003"],
        [
            [label, spread((found[name] > 0.9).sum(axis=(1, 2)), 0), spread(found[name][:, *CORNER])]
            for name, label in said.items()
        ],
        caption="Median and range of 5 seeds",
    )


def heat_map_figure(found: Found) -> Figure:
    """Two maps of accuracy in percent, and their difference in percentage points; medians over seeds."""
    figure, axes = figures.subplots(1, 3, width=10.5, height=4.0, sharey=True)
    plain, normed = (100 * np.median(found[name], axis=0) for name in ("none", "batch"))
    black, blue = figures.COLOURS["none, He"], figures.COLOURS["batch"]
    panels = [
        ("no norm", plain, _ramp("white", black), (0, 100)),
        ("batch norm", normed, _ramp("white", blue), (0, 100)),
        ("batch norm − no norm, points", normed - plain, _ramp(black, "white", blue), (-100, 100)),
    ]
    for ax, (title, values, colours, limits) in zip(axes, panels, strict=True):
        texts = [[f"{value:.0f}" for value in row] for row in values]
        figures.heat(ax, title, values, texts, SCALES, MAP_LRS, limits, colours)
    axes[0].set_ylabel("initial hidden weights ÷ He's")
    figure.suptitle(
        "held-out accuracy on digits, %, after 150 steps; median of 5 seeds", x=0.01, ha="left", fontsize=11
    )
    return figure


def _ramp(*colours: str) -> str:
    """A colour map from one colour to the next, known to matplotlib by the name returned."""
    name = "bn-" + "-".join(colours)
    if name not in matplotlib.colormaps:
        matplotlib.colormaps.register(LinearSegmentedColormap.from_list(name, colours))
    return name


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


def by_depth(seeds: Sequence[int], depths: Sequence[int] = DEPTHS, steps: int = 300) -> Found:
    """Digits, width 64, learning rate 0.1, batches of 32: (seeds, depths) for the four nets of :data:`DEEP`.

    By "train mode, net" (training loss, mean over the last 20 batches), "eval mode, net" (training loss on all rows)
    and "accuracy, net" (held-out).
    """
    found: dict[str, list[NDArray[np.float64]]] = {}
    for depth in depths:
        for name, (_, norm, init) in DEEP.items():
            make = partial(MLP, widths(64, 10, depth=depth), norm, init)
            run = sweep(make, digits(), (0.1,), seeds, batch_size=32, steps=steps)[0]
            found.setdefault(f"train mode, {name}", []).append(run.losses[:, -20:].mean(dim=1).numpy())
            found.setdefault(f"eval mode, {name}", []).append(run.train_loss.numpy())
            found.setdefault(f"accuracy, {name}", []).append(run.test_accuracy.numpy())
    return {key: np.stack(values, axis=1) for key, values in found.items()}


MEASURES = {
    "train mode": "training loss, train mode, last 20 batches",
    "eval mode": "training loss, eval mode, all rows",
    "accuracy": "held-out accuracy",
}


def show_depth() -> None:
    """Show training loss in both modes and held-out accuracy against depth, and who is lower in how many seeds."""
    found = load(FILE, "by_depth")
    figures.show(
        depth_figure(found), "Training loss in train mode and in eval mode, and held-out accuracy, against depth."
    )
    for measure, title in MEASURES.items():
        table(
            ["hidden layers", *(label for label, _, _ in DEEP.values())],
            [[d, *(spread(found[f"{measure}, {n}"][:, i]) for n in DEEP)] for i, d in enumerate(DEPTHS)],
            caption=f"{title[0].upper()}{title[1:]}: median and range of 10 seeds",
        )
    lines = []
    for i, depth in enumerate(DEPTHS):
        counts = []
        for mode in ("train mode", "eval mode"):
            normed = np.minimum(*(found[f"{mode}, batch, {init}"][:, i] for init in ("default", "he")))
            counts.append(f"{int((found[f'{mode}, none, he'][:, i] < normed).sum())} of {len(normed)}")
        lines.append([depth, *counts])
    table(
        ["hidden layers", "in train mode", "in eval mode"],
        lines,
        caption="Seeds in which the control's training loss is lower than that of both batch norm nets",
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
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


# --- before or after the nonlinearity -------------------------------------------------------------------------------


def placed(layer: Norm, sizes: list[int], after: bool) -> nn.Sequential:
    """An MLP with its norms after the nonlinearity, where the bias stays, or before it, where it is dropped."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        linear = nn.Linear(fan_in, fan_out, bias=after)
        parts += [linear, nn.ReLU(), layer(fan_out)] if after else [linear, layer(fan_out), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-2], sizes[-1]))


def placement(seeds: Sequence[int], steps: int = 100) -> Found:
    """Held-out accuracy on digits by "before" or "after", (seeds, :data:`PLACED_LRS`).  Depth 6, batches of 64."""
    return {
        where: sweep(
            partial(placed, nn.BatchNorm1d, widths(64, 10), where == "after"),
            digits(),
            PLACED_LRS,
            seeds,
            batch_size=64,
            steps=steps,
        ).test_accuracy.T.numpy()
        for where in ("before", "after")
    }


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


# --- the command ------------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, tuple[Callable[[Sequence[int]], Found], int]] = {
    "curves": (popular_demo.curves, 5),
    "starts": (popular_demo.starts, 5),
    "raised": (popular_demo.raised, 5),
    "moving": (popular_demo.moving, 5),
    "fair_head": (popular_demo.fair_head, 5),
    "draws": (draws, 5),
    "large_batches": (large_batches, 10),
    "heat_map": (heat_map, 5),
    "by_depth": (by_depth, 10),
    "placement": (placement, 10),
}
"""What is computed in advance: from seeds to a result, and over how many seeds."""


def main(names: Sequence[str] = ()) -> None:
    """Write the results of these names, or of all, into ``with_and_without.json`` beside this module."""
    for name in names or EXPERIMENTS:
        experiment, count = EXPERIMENTS[name]
        merged(FILE, name, range(count), experiment(range(count)))
        print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
