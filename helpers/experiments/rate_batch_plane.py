"""Held-out loss over the whole plane of learning rate × batch size, computed in advance for the playground.

Three nets (:data:`helpers.experiments.fair.NETS`) in the fair set-up of notebook 03, with
``nn.BatchNorm1d`` as the batch norm.  ``python -m helpers.experiments.rate_batch_plane`` computes
``rate_batch_plane.json`` again, in some minutes on one core.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures

from .fair import FAIR, NETS, STEPS, over_learning_rates

LRS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
BATCH_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
SEEDS = range(5)
FILE = "rate_batch_plane.json"


@dataclass(frozen=True)
class Plane:
    """Held-out loss by net after ``STEPS`` steps, (batch sizes, learning rates): median and range over the seeds.

    Infinite where the loss was not finite; the median is so where most seeds diverged.
    """

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
    return Plane(tuple(stored["learning rates"]), tuple(stored["batch sizes"]), stored["seeds"], **maps)


def compute(task: str, lrs: Sequence[float] = LRS, batch_sizes: Sequence[int] = BATCH_SIZES) -> Plane:
    """Train all nets of a task, at each batch size as three stacks of learning rates × seeds."""
    found = [over_learning_rates(nn.BatchNorm1d, lrs, size, task, SEEDS) for size in batch_sizes]
    losses = {name: torch.stack([nets[name].test_loss for nets in found]).double().numpy() for name in NETS}
    median, low, high = (
        {name: reduce(np.where(np.isnan(loss), np.inf, loss), axis=2) for name, loss in losses.items()}
        for reduce in (np.median, np.min, np.max)
    )
    return Plane(tuple(lrs), tuple(batch_sizes), len(SEEDS), median, low, high)


def winners(plane: Plane) -> list[list[str]]:
    """Of the control and batch norm, which has the lower loss in every seed, "He" or "BN"; "≈" where they overlap.

    (batch sizes, learning rates).
    """
    he, batch = "none, He", "batch"
    control = plane.high[he] < plane.low[batch]
    normed = plane.high[batch] < plane.low[he]
    found: list[list[str]] = np.where(control, "He", np.where(normed, "BN", "≈")).tolist()
    return found


def figure(plane: Plane) -> Figure:
    """Three maps: median held-out loss of the control and of batch norm, and who wins."""
    drawn, axes = figures.subplots(1, 3, width=10.5, height=3.8, sharey=True)
    control, normed = (np.log10(np.minimum(plane.median[name], 10)) for name in ("none, He", "batch"))
    limits = float(normed.min()), float(normed.max())
    for ax, name, logs in ((axes[0], "none, He", control), (axes[1], "batch", normed)):
        texts = [[f"{loss:.2g}" if np.isfinite(loss) else "div." for loss in row] for row in plane.median[name]]
        figures.heat(ax, NETS[name], logs, texts, plane.batch_sizes, plane.lrs, limits, "cividis_r")
    gain = np.clip(control - normed, -0.5, 0.5)
    title = "who is lower (≈: seeds overlap)"
    figures.heat(axes[2], title, gain, winners(plane), plane.batch_sizes, plane.lrs, (-0.5, 0.5), "RdBu")
    axes[0].set_ylabel("batch size")
    return drawn


def _rounded(losses: NDArray[np.float64]) -> list[list[float | None]]:
    return [[float(f"{loss:.3g}") if np.isfinite(loss) else None for loss in row] for row in losses]


def main() -> None:
    """Write ``rate_batch_plane.json`` beside this module."""
    planes = {task: compute(task) for task in FAIR}
    stored: dict[str, Any] = {
        "command": "python -m helpers.experiments.rate_batch_plane",
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seeds": len(SEEDS),
        "steps": STEPS,
        "learning rates": LRS,
        "batch sizes": BATCH_SIZES,
        "null": "not finite",
        "held-out loss": {
            task: {
                name: {kind: _rounded(getattr(plane, kind)[name]) for kind in ("median", "low", "high")}
                for name in NETS
            }
            for task, plane in planes.items()
        },
    }
    Path(__file__).with_name(FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
