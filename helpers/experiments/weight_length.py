"""Notebook 06: the length of a weight matrix before batch norm acts as a learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import spread, table
from helpers.lab.training import batches, loss_of, one_thread, seeded
from helpers.look.style import COLOURS

from .why_it_works import BATCH_SIZE, STARTS, load, make

DEPTH, LAYER = 4, 1
"""Hidden layers of the net, and the one whose matrix is watched, counted from 0."""


@dataclass(frozen=True)
class Way:
    """How a net is trained: learning rates, whether lengths are held, and a factor on the hidden matrices.

    net: one with batch norm from default init, where no other is named.  rate: that of the hidden matrices.  rest: that
    of everything else, the head above all.  held: after each step every hidden matrix gets its first length back.
    """

    rate: float
    rest: float
    held: bool = False
    scale: float = 1.0
    net: str = "batch, default"


WAYS = {
    "rate 0.1": Way(0.1, 0.1),
    "rate 1": Way(1.0, 1.0),
    "rate 1, rest at 0.1": Way(1.0, 0.1),
    "rate 0.1, lengths held": Way(0.1, 0.1, held=True),
    "rate 1, rest at 0.1, lengths held": Way(1.0, 0.1, held=True),
    "rate 3, rest at 0.1": Way(3.0, 0.1),
    "rate 3, rest at 0.1, lengths held": Way(3.0, 0.1, held=True),
    "He init: rate 3, rest at 0.1": Way(3.0, 0.1, net="batch, he"),
    "He init: rate 3, rest at 0.1, lengths held": Way(3.0, 0.1, held=True, net="batch, he"),
} | {
    f"no norm, {start}: rate {rate:g}, rest at 0.1, lengths held": Way(rate, 0.1, held=True, net=f"none, {key}")
    for key, start in STARTS.items()
    for rate in (1.0, 3.0)
}
LONG = 300
"""Steps of training."""
SHOWN = tuple(range(0, LONG, 10))
"""Steps at which angle and length are stored: each a mean of ten steps."""


@dataclass(frozen=True)
class Seen:
    """One step: the loss before it, the angle in degrees by which the matrix turns, its length after it ÷ at the start.

    slant: the cosine of the matrix and its gradient.
    """

    loss: float
    angle: float
    length: float
    slant: float


@one_thread()
def steps(split: Split, way: Way, seed: int, count: int = LONG, eps: float = 1e-5) -> Iterator[Seen]:
    """Train a net in one way, and tell of each step.  eps: that of its norms."""
    with seeded(seed):
        net = make(way.net, DEPTH).train().to(split.X_train.dtype)
    hidden = [block[0].weight for block in net.hidden]  # type: ignore[index]
    rest = [p for p in net.parameters() if all(p is not W for W in hidden)]
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.eps = eps
    with torch.no_grad():
        for W in hidden:
            W.mul_(way.scale)
    first = [W.norm().item() for W in hidden]
    watched = hidden[LAYER]
    for rows in batches(len(split.X_train), BATCH_SIZE, count, seed):
        loss = loss_of(net, split.X_train[rows], split.y_train[rows])
        gradients = torch.autograd.grad(loss, [*hidden, *rest])
        with torch.no_grad():
            before = watched.clone()
            for i, (p, gradient) in enumerate(zip((*hidden, *rest), gradients, strict=True)):
                p.sub_((way.rate if i < DEPTH else way.rest) * gradient)
            angle = turned(before, watched)
            if way.held:
                for W, length in zip(hidden, first, strict=True):
                    W.mul_(length / W.norm())
        yield Seen(loss.item(), angle, watched.norm().item() / first[LAYER], _cosine(before, gradients[LAYER]))


def turned(before: torch.Tensor, after: torch.Tensor) -> float:
    """The angle between two matrices taken as vectors, in degrees; exact for small angles too.

    >>> round(turned(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])), 3)
    45.0
    """
    a, b = before / before.norm(), after / after.norm()
    return math.degrees(2 * math.atan2((a - b).norm().item(), (a + b).norm().item()))


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm()))


# --- the first step, and the same path ------------------------------------------------------------------------------


def first_steps_table() -> None:
    """One step at four pairs of weights and learning rate: cosine with the gradient, angle, length."""
    split, rows = digits(torch.float64), []
    for scale, rate in ((1.0, 0.1), (1.0, 0.2), (10.0, 0.1), (10.0, 10.0)):
        (seen,) = steps(split, Way(rate, 0.1, scale=scale), 0, 1, eps=1e-12)
        cosine = "less than 1e-6" if abs(seen.slant) < 1e-6 else f"{seen.slant:.2g}"
        rows.append([f"× {scale:g}", f"{rate:g}", cosine, f"{seen.angle:.4f}"])
    table(
        ["hidden matrices", "their learning rate", "cosine of W and its gradient", "W turns by (degrees)"],
        rows,
        "The first SGD step of the second hidden layer; seed 0, float64, ε = 1e-12.",
    )


def same_path_table(count: int = 50) -> None:
    """Training with tenfold hidden matrices: which learning rates make it the same training?"""
    split = digits(torch.float64)
    ways = {
        "× 10, rate 0.1 everywhere": Way(0.1, 0.1, scale=10),
        "× 10, rate 10 everywhere": Way(10.0, 10.0, scale=10),
        "× 10, rate 10 for these matrices, 0.1 for the rest": Way(10.0, 0.1, scale=10),
    }
    base = _losses(split, Way(0.1, 0.1), count)
    rows = [["× 1, rate 0.1 everywhere", f"{base[-10:].mean():.2f}", "–"]]
    for name, way in ways.items():
        losses = _losses(split, way, count)
        gap = np.abs(losses - base).max()
        rows.append([name, f"{losses[-10:].mean():.2f}", "less than 1e-4" if gap < 1e-4 else f"{gap:.2f}"])
    table(
        ["hidden matrices", "loss, last 10 steps", "largest difference from the first row"],
        rows,
        f"Training loss over {count} steps; seed 0, float64, ε = 1e-12.",
    )


def _losses(split: Split, way: Way, count: int) -> np.ndarray:
    return np.array([seen.loss for seen in steps(split, way, 0, count, eps=1e-12)])


# --- over seeds -----------------------------------------------------------------------------------------------------

DRAWN = {
    "rate 0.1": (COLOURS["batch"], "-"),
    "rate 1": (COLOURS["batch"], (0, (1, 1.2))),
    "rate 1, rest at 0.1": (COLOURS["batch"], "--"),
    "rate 1, rest at 0.1, lengths held": ("#08306b", (0, (6, 2, 1, 2))),
}
"""All are nets with batch norm, so all are blue; dashes and the legend tell them apart."""


def paths() -> None:
    """Show the angle of each step and the length of the matrix against steps."""
    figures.show(
        paths_figure(),
        "Two charts against training steps, each with four nets with batch norm: the angle by which a hidden matrix "
        "turns in one step, and its length relative to the start. Bands show ten seeds.",
    )


def paths_figure() -> Figure:
    """Median and range over the stored seeds."""
    found = load("length")
    figure, axes = figures.subplots(1, 2, width=9.5, height=3.8)
    for ax, what, name in zip(
        axes, ("angle", "length"), ("W turns by (degrees a step)", "‖W‖ ÷ ‖W‖ at the start"), strict=True
    ):
        for way, (colour, dash) in DRAWN.items():
            runs = found[f"{way}: {what}"]
            ax.plot(SHOWN, np.median(runs, axis=0), color=colour, linestyle=dash, label=way)
            ax.fill_between(SHOWN, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.12, linewidth=0)
        ax.set(title=name, xlabel="step")
    axes[0].set_yscale("log")
    axes[0].set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    axes[0].minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def lengths_table() -> None:
    """Angles, length and losses of all ways to train."""
    found, rows = load("length"), []
    for way in WAYS:
        angle, length = found[f"{way}: angle"], found[f"{way}: length"]
        rows.append(
            [
                way,
                spread(angle[:, 0]),
                spread(angle[:, -1]),
                spread(length[:, -1]),
                spread(found[f"{way}: loss"]),
            ]
        )
    table(
        ["training", "turns by, steps 1–10", "turns by, last 10 steps", "‖W‖ ÷ start, at the end", "training loss"],
        rows,
        f"Batch norm, default init, where a row names no other; {LONG} steps. Degrees a step; loss in train mode, last "
        "20 steps: median (range) of ten seeds.",
    )
