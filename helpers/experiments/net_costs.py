"""Notebook 09: what a net costs, what it sees, and what depth, width and a bottleneck are worth on the digits."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.exercises.conv_sizes import Conv
from helpers.judge.exercise import Exercise
from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP
from helpers.lab.stack import sweep
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, seeded

from . import stored
from .stored import Found

FILE = "net_costs"

Counts = tuple[Callable[[Conv], int], Callable[[Conv, int, int], int], Callable[[Sequence[Conv]], int]]
"""The learner's parameter_count, flop_count and receptive_field."""


def ready(*pairs: tuple[Exercise, Any]) -> bool:
    """True where every function passes its exercise; else says what the next cells wait for."""
    waiting = [exercise.builds for exercise, function in pairs if not exercise.assessed(function).passed]
    if waiting:
        print(f"The next cells count with your functions. They wait for: {', '.join(waiting)}.")
    return not waiting


# --- counted with the learner's functions ---------------------------------------------------------------------------


def side_after(conv: Conv, side: int) -> int:
    """Side of the map that comes out."""
    return (side + 2 * conv.padding - conv.dilation * (conv.kernel - 1) - 1) // conv.stride + 1


def totals(convs: Sequence[Conv], side: int, counts: Counts) -> dict[str, int]:
    """Parameters, FLOPs, values that are kept for backward (all outputs), and receptive field of a stack of layers."""
    parameters, flops, field = counts
    found = {"parameters": 0, "FLOPs": 0, "activations": 0, "receptive field": field(convs)}
    for conv in convs:
        found["parameters"] += parameters(conv)
        found["FLOPs"] += flops(conv, side, side)
        side = side_after(conv, side)
        found["activations"] += conv.c_out * side**2
    return found | {"side of the last map": side}


def compare(nets: Mapping[str, Sequence[Conv]], side: int, counts: Counts) -> None:
    """One row for each net, on square maps of that side."""
    rows = [[name, *(f"{n:,}" for n in totals(convs, side, counts).values())] for name, convs in nets.items()]
    head = ["layers", "parameters", "FLOPs", "activations", "receptive field", "side of the last map"]
    table(head, rows, f"One image, input map of {side}×{side}")


def separable(c_in: int, c_out: int, stride: int = 1) -> tuple[Conv, Conv]:
    """A depthwise 3×3 convolution and a 1×1 convolution behind it, each with batch norm."""
    return Conv(c_in, c_in, 3, stride, 1, groups=c_in, norm=True), Conv(c_in, c_out, 1, norm=True)


BLOCKS: dict[str, tuple[Conv, ...]] = {
    "two 3×3, 256 channels": (Conv(256, 256, 3, padding=1, norm=True),) * 2,
    "bottleneck 256 → 64 → 64 → 256": (
        Conv(256, 64, 1, norm=True),
        Conv(64, 64, 3, padding=1, norm=True),
        Conv(64, 256, 1, norm=True),
    ),
    "two depthwise-separable, 256 channels": separable(256, 256) * 2,
}
"""Three blocks that take and give 256 channels."""


def resolution_table(flops: Callable[[Conv, int, int], int]) -> None:
    """FLOPs of a convolution and of attention between all positions, for four sides of the map."""
    conv, channels, rows = Conv(64, 64, 3, padding=1), 64, []
    for side in (16, 32, 64, 128):
        tokens = side**2
        work = flops(conv, side, side), 4 * tokens**2 * channels
        rows.append([f"{side}×{side}", *(f"{n / 1e6:,.0f}" for n in work)])
    table(["map", "3×3 convolution", "attention between all positions"], rows, "Millions of FLOPs, 64 channels")


# --- measured -------------------------------------------------------------------------------------------------------


def built(convs: Sequence[Conv]) -> nn.Sequential:
    """The layers as torch has them, with ReLU behind each."""
    layers: list[nn.Module] = []
    for c in convs:
        layers.append(nn.Conv2d(c.c_in, c.c_out, c.kernel, c.stride, c.padding, c.dilation, c.groups, c.bias))
        layers += [nn.BatchNorm2d(c.c_out)] * c.norm + [nn.ReLU()]
    return nn.Sequential(*layers).eval()


@one_thread()
@torch.no_grad()
def times_table(counts: Counts, side: int = 14, images: int = 4, rounds: int = 5) -> None:
    """FLOPs and time of the blocks, each over those of the first; the rounds of all are interleaved."""
    nets = {name: built(convs) for name, convs in BLOCKS.items()}
    x = torch.randn(images, 256, side, side)
    for net in nets.values():
        net(x)
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    for _ in range(rounds):
        for name, net in nets.items():
            seconds[name].append(min(_seconds(net, x) for _ in range(5)))
    first = next(iter(nets))
    work = {name: totals(convs, side, counts) for name, convs in BLOCKS.items()}
    rows = []
    for name in nets:
        ratio = np.array(seconds[first]) / np.array(seconds[name])
        rows.append(
            [
                name,
                *(f"{work[first][key] / work[name][key]:.1f}" for key in ("parameters", "FLOPs", "activations")),
                spread(ratio, 1),
            ]
        )
    head = ["block", "parameters", "FLOPs", "activations", "time"]
    what = "The first block's number over this one's: how many times less"
    table(head, rows, f"{what}. Time: shortest of five runs, median (range) of {rounds}")


def _seconds(net: nn.Module, x: torch.Tensor) -> float:
    began = time.perf_counter()
    net(x)
    return time.perf_counter() - began


# --- the field that counts ------------------------------------------------------------------------------------------


def field_of(layers: int, seed: int, kernel: int = 3, channels: int = 16) -> NDArray[np.float64]:
    """Mean squared gradient of the middle output value with respect to each input pixel; sums to 1.

    A stack of convolutions with He weights and ReLU, on one channel of noise; the last layer has no ReLU.
    """
    side = 2 * (layers * (kernel - 1) // 2) + 1
    with seeded(seed):
        convs = [nn.Conv2d(1 if i == 0 else channels, channels, kernel, bias=False) for i in range(layers)]
        for conv in convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        x = torch.randn(16, 1, side, side, requires_grad=True)
        upstream = torch.randn(16, channels, 1, 1)
    out = x
    for i, conv in enumerate(convs):
        out = conv(out)
        out = torch.relu(out) if i < layers - 1 else out
    (gradient,) = torch.autograd.grad(out, x, upstream)
    squares = gradient.square().mean(dim=(0, 1)).double().numpy()
    return np.asarray(squares / squares.sum(), dtype=np.float64)


def width_of(field: NDArray[np.float64]) -> int:
    """Side of the smallest centred square that holds 95 % of the squared gradient."""
    middle = len(field) // 2
    for reach in range(middle + 1):
        inside = field[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1].sum()
        if inside >= 0.95:
            return 2 * reach + 1
    return len(field)


DEPTHS = (2, 5, 10, 20)
FIELD_SEEDS = range(5)


@one_thread()
def fields_figure() -> None:
    """Where the gradient of one output value falls, for four depths, and the two sides for each."""
    figure, axes = figures.subplots(1, len(DEPTHS), width=9.0, height=2.9)
    rows = []
    for ax, layers in zip(axes, DEPTHS, strict=True):
        fields = [field_of(layers, seed) for seed in FIELD_SEEDS]
        sides = [width_of(field) for field in fields]
        side = len(fields[0])
        mean = np.mean(fields, axis=0)
        ax.imshow(np.sqrt(mean), cmap="Greys", extent=(0, side, 0, side))
        half = float(np.median(sides)) / 2
        low, high = side / 2 - half, side / 2 + half
        ax.plot([low, high, high, low, low], [low, low, high, high, low], color="black", linewidth=1.5)
        ax.set(title=f"{layers} layers", xticks=[0, side], yticks=[0, side], xlabel="pixels")
        ax.grid(visible=False)
        rows.append([layers, side, spread(sides, 0), spread([100 * (s / side) ** 2 for s in sides], 0)])
    figures.show(
        figure,
        "Four squares, the receptive fields of one output value behind 2, 5, 10 and 20 convolutions of 3×3: the "
        "stronger the grey, the larger the gradient. A frame holds 95 % of its square.",
    )
    head = [
        "layers",
        "side of the receptive field",
        "side with 95 % of the squared gradient",
        "its part of the area, %",
    ]
    table(head, rows, "Convolutions of 3×3 with He's weights, before training: median (range) of five seeds")


# --- depth, width, bottleneck: computed in advance ------------------------------------------------------------------

SHAPES = {1: 270, 2: 111, 4: 70, 8: 47, 16: 33}
"""Hidden layers and their width: about 20,000 parameters each."""
RATES = (0.03, 0.1)
STEPS = 200
NARROW = (1, 2, 4, 8, 64)
STARTS: dict[str, tuple[Any, str]] = {
    "no norm, default": (None, "default"),
    "no norm, He": (None, "he"),
    "batch norm, default": (nn.BatchNorm1d, "default"),
}


def shapes(seeds: Sequence[int]) -> Found:
    """Training loss and held-out accuracy for each depth, start and rate, (seeds, rates) by name."""
    found: Found = {}
    for depth, width in SHAPES.items():
        for name, (norm, init) in STARTS.items():
            make = functools.partial(MLP, [64, *[width] * depth, 10], norm, init)
            runs = sweep(make, digits(), RATES, seeds, batch_size=64, steps=STEPS)
            found[f"{name}, {depth}: loss"] = runs.train_loss.numpy().T.astype(np.float64)
            found[f"{name}, {depth}: accuracy"] = np.where(runs.train_loss.isfinite(), runs.test_accuracy, np.nan).T
    return found


def bottlenecks(seeds: Sequence[int]) -> Found:
    """Training loss and held-out accuracy of 64 → 64 → k → 64 → 10 for several k, (seeds,) by name."""
    found: Found = {}
    for k in NARROW:
        found |= {f"{k}: {what}": values for what, values in bottleneck(k, seeds).items()}
    return found


def bottleneck(k: int, seeds: Sequence[int]) -> Found:
    """One width of the narrow layer: loss and accuracy, (seeds,) each."""
    make = functools.partial(MLP, [64, 64, k, 64, 10], nn.BatchNorm1d, "he")
    runs = sweep(make, digits(), (0.1,), seeds, batch_size=64, steps=600)
    return {"loss": runs.train_loss[0].numpy(), "accuracy": runs.test_accuracy[0].numpy()}


def shapes_table() -> None:
    """Held-out accuracy by depth at one number of parameters, each start at its rate of lowest median training loss."""
    found, rows = stored.load(FILE, "shapes"), []
    for depth, width in SHAPES.items():
        net = MLP([64, *[width] * depth, 10])
        cells = []
        for name in STARTS:
            losses = np.nan_to_num(found[f"{name}, {depth}: loss"], nan=np.inf)
            best = int(np.argmin(np.median(losses, axis=0)))
            cells.append(f"{spread(found[f'{name}, {depth}: accuracy'][:, best], 3)} at {RATES[best]:g}")
        rows.append([depth, width, f"{sum(p.numel() for p in net.parameters()):,}", *cells])
    head = ["hidden layers", "width", "parameters, no norm", *STARTS]
    what = "at the rate of the lowest training loss: median (range) of ten seeds"
    table(head, rows, f"Held-out accuracy after {STEPS} steps, {what}")


def bottlenecks_table() -> None:
    """Training loss and held-out accuracy by the width of the narrow layer."""
    found = stored.load(FILE, "bottlenecks")
    rows = [[k, *(spread(found[f"{k}: {what}"], 3) for what in ("loss", "accuracy"))] for k in NARROW]
    head = ["narrow layer", "training loss, eval mode", "held-out accuracy"]
    table(head, rows, "64 → 64 → narrow → 64 → 10 with batch norm, 600 steps at rate 0.1: median (range) of ten seeds")


# --- the design question --------------------------------------------------------------------------------------------

BUDGET = {"parameters": 60_000, "FLOPs": 20_000_000}
SIDE, OBJECT = 96, 48


def judge_design(convs: Sequence[Conv], counts: Counts) -> None:
    """The counts of a design for images of 96×96 beside its budget; says what fits, not whether it is a good net."""
    found = totals(convs, SIDE, counts)
    fits = {
        "layers": all(a.c_out == b.c_in for a, b in pairwise(convs)) and convs[0].c_in == 3,
        "parameters": found["parameters"] <= BUDGET["parameters"],
        "FLOPs": found["FLOPs"] <= BUDGET["FLOPs"],
        "receptive field": found["receptive field"] >= OBJECT,
    }
    rows: list[list[Any]] = [
        ["channels fit together", "", "from 3 on", "yes" if fits["layers"] else "no"],
        *(
            [name, f"{found[name]:,}", f"at most {most:,}", "yes" if fits[name] else "no"]
            for name, most in BUDGET.items()
        ),
        ["receptive field", found["receptive field"], f"at least {OBJECT}", "yes" if fits["receptive field"] else "no"],
        ["activations", f"{found['activations']:,}", "–", ""],
        ["side of the last map", found["side of the last map"], "–", ""],
    ]
    table(["", "yours", "asked for", "fits"], rows, f"{len(convs)} layers, images of {SIDE}×{SIDE}", [3])
