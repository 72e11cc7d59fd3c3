"""Held-out loss over the whole plane of learning rate × batch size, computed in advance for the playground.

Three nets (:data:`helpers.experiments.fair.NETS`) in the fair set-up of notebook 03, with
``nn.BatchNorm1d`` as the batch norm.  ``rate_batch_plane_seeds`` computes ``rate_batch_plane.json``.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.lab import figures
from helpers.lab.tables import table

from .fair import FAIR, NETS, STEPS

LRS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
BATCH_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
SEEDS = range(5)
FILE = "rate_batch_plane.json"


@dataclass(frozen=True)
class Plane:
    """Held-out loss by net after ``STEPS`` steps, (batch sizes, learning rates): median and range over the seeds.

    Infinite where the loss was not finite; the median is so where most seeds diverged.  task: one of ``FAIR``.
    """

    task: str
    lrs: tuple[float, ...]
    batch_sizes: tuple[int, ...]
    seeds: int
    median: Mapping[str, NDArray[np.float64]]
    low: Mapping[str, NDArray[np.float64]]
    high: Mapping[str, NDArray[np.float64]]


@functools.cache
def load(task: str = "sine") -> Plane:
    """The precomputed plane of a task.

    >>> plane = load("digits")
    >>> plane.median["batch"].shape, bool((plane.low["none"] <= plane.median["none"]).all())
    ((8, 7), True)
    >>> load("cats")
    Traceback (most recent call last):
    ValueError: task is "sine" or "digits", not 'cats'
    """
    if task not in FAIR:
        raise ValueError(f'task is "sine" or "digits", not {task!r}')
    stored = json.loads((importlib.resources.files(__package__) / FILE).read_text(encoding="utf-8"))

    def array(name: str, kind: str) -> NDArray[np.float64]:
        rows = stored["held-out loss"][task][name][kind]
        return np.array([[np.inf if loss is None else loss for loss in row] for row in rows])

    maps = {kind: {name: array(name, kind) for name in NETS} for kind in ("median", "low", "high")}
    return Plane(task, tuple(stored["learning rates"]), tuple(stored["batch sizes"]), stored["seeds"], **maps)


STALLED = 0.85
"""A net whose loss stays above this share of the best constant's has learned nothing, as in the playground."""
TINT, CLEARLY = 0.22, 2.0
"""How much of its colour a winner's cell has, unless it wins by this factor or more, as in the playground."""


@functools.cache
def constant(task: str, held_out: bool = False) -> float:
    """Loss of the best constant answer, on training rows or on held-out rows.

    >>> round(constant("digits"), 2)
    2.3
    """
    split = FAIR[task]()
    y = split.y_test if held_out else split.y_train
    return float(y.var(correction=0)) if y.is_floating_point() else math.log(10)


def winners(plane: Plane) -> list[list[str]]:
    """Whose worst seed is better than the other net's best, "He", the control, or "BN"; (batch sizes, learning rates).

    "≈" where the seeds' ranges overlap, "✕" where neither median is better than learning nothing.
    """
    he, batch = "none, He", "batch"
    control = plane.high[he] < plane.low[batch]
    normed = plane.high[batch] < plane.low[he]
    neither = ~(np.minimum(plane.median[he], plane.median[batch]) < STALLED * constant(plane.task))
    found: list[list[str]] = np.select([neither, control, normed], ["✕", "He", "BN"], "≈").tolist()
    return found


def counts(plane: Plane) -> dict[str, tuple[int, int, int]]:
    """In how many cells a net, "none, He" or "batch", wins, by what most seeds of the other did.

    They learned too, learned nothing, or diverged.
    """
    found, who = {}, np.array(winners(plane))
    for name, short, other in (("none, He", "He", "batch"), ("batch", "BN", "none, He")):
        others = plane.median[other][who == short]
        learned = others < STALLED * constant(plane.task)
        diverged = ~np.isfinite(others)
        found[name] = int(learned.sum()), int((~learned & ~diverged).sum()), int(diverged.sum())
    return found


def show(task: str) -> None:
    """Show the maps of a task, the best rate of each batch size, and the cells that each net wins."""
    plane, nets = load(task), ("none, He", "batch")
    figures.show(
        figure(plane),
        f"Maps over learning rate and batch size, {task}: held-out loss of the control, of batch norm, and which wins.",
    )
    table(
        ["batch size", *plane.batch_sizes],
        [[NETS[name], *(f"{loss:.2f}" for loss in plane.median[name].min(axis=1))] for name in nets],
        caption="Held-out loss at each net's best learning rate: lowest median of 5 seeds. "
        f"A constant gives {constant(task, held_out=True):.2f}",
    )
    found = counts(plane)
    table(
        ["", "the other learned too", "the other learned nothing", "the other diverged"],
        [[NETS[name], *found[name]] for name in nets],
        caption="Cells of 56 in which a net has learned and its worst seed is better than the other's best, by what "
        "most seeds of the other net did",
    )


def show_good_rates(task: str, below: float, rows: int = 64) -> None:
    """Show the learning rates at which a net's median loss is below a number at all batch sizes of ``rows`` or more."""
    plane = load(task)
    large = [size >= rows for size in plane.batch_sizes]
    lines = []
    for name in ("none, He", "batch"):
        good = [f"{lr:g}" for i, lr in enumerate(plane.lrs) if (plane.median[name][large, i] < below).all()]
        lines.append([NETS[name], ", ".join(good)])
    table(["", "learning rates"], lines, caption=f"Median held-out loss below {below:g} with {rows} rows or more")


def figure(plane: Plane) -> Figure:
    """Three maps in the playground's colours: held-out loss of the control and of batch norm, and which is lower."""
    drawn, axes = figures.subplots(1, 3, width=10.5, height=4.2, sharey=True)
    top, best = constant(plane.task), min(float(plane.median["batch"].min()), float(plane.median["none, He"].min()))
    for ax, name in zip(axes, ("none, He", "batch"), strict=False):
        medians = plane.median[name]
        shares = np.clip(np.log(top / np.minimum(medians, top)) / math.log(top / best), 0, 1)
        texts = [[f"{loss:.2g}".lstrip("0") if np.isfinite(loss) else "div." for loss in row] for row in medians]
        names = [[name] * len(plane.lrs)] * len(texts)
        figures.cells(ax, NETS[name], shares, names, texts, plane.batch_sizes, plane.lrs)
    who, keys = winners(plane), {"He": "none, He", "BN": "batch"}
    control, normed = plane.median["none, He"], plane.median["batch"]
    clearly = np.maximum(control, normed) >= CLEARLY * np.minimum(control, normed)
    shares = np.where(np.isin(who, list(keys)), np.where(clearly, 1.0, TINT), 0.0)
    names = [[keys.get(w, "none") for w in row] for row in who]
    figures.cells(axes[2], "which is lower", shares, names, who, plane.batch_sizes, plane.lrs)
    axes[0].set_ylabel("batch size")
    said = f"held-out loss after {STEPS} steps, median of {plane.seeds} seeds (div.: most diverged)"
    drawn.suptitle(said, x=0.01, ha="left", fontsize=11)
    key = "BN, He: lower, ranges apart (full colour: by a factor of 2 or more)   ≈: ranges overlap   ✕: neither learned"
    drawn.supxlabel(key, x=0.99, ha="right", fontsize=11)
    return drawn
