"""The fair set-up: three nets, a target that all of them can learn, a head scaled alike, several seeds.

The three are a net without a norm from PyTorch's default initialisation, one without a norm from He initialisation
(the control), and one with batch norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from helpers.lab import figures
from helpers.lab.data import Split, digits, sine
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import Results, Run, train_stack

NETS = {"none": "no norm, default init", "none, He": "no norm, He init", "batch": "batch norm"}
"""The three nets by their colour in figures, and what they are called."""
DASHES: dict[str, Any] = {"none": (0, (1, 1.2)), "none, He": "--", "batch": "-"}
"""The three nets by their line in figures."""

SEEDS = (0, 1, 2)
DEPTH = 6
HEAD_SCALE = 64**-0.5
STEPS = 200


def widths(features: int, out: int = 1, width: int = 64, depth: int = DEPTH) -> list[int]:
    """Sizes of an MLP with ``depth`` equal hidden layers.

    >>> widths(20, depth=2)
    [20, 64, 64, 1]
    """
    return [features, *[width] * depth, out]


def makers(layer: Norm, sizes: list[int], head_scale: float = 1.0) -> dict[str, Callable[[], MLP]]:
    """The three nets of :data:`NETS`, each as a function that builds a fresh one."""
    return {
        "none": partial(MLP, sizes, head_scale=head_scale),
        "none, He": partial(MLP, sizes, init="he", head_scale=head_scale),
        "batch": partial(MLP, sizes, layer, head_scale=head_scale),
    }


def train_three(
    layer: Norm,
    split: Split,
    sizes: list[int],
    lrs: Sequence[float],
    batch_size: int,
    steps: int,
    head_scale: float = 1.0,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Results]:
    """The three nets at several learning rates; the tensors of each result start with (learning rates, seeds)."""
    nets = makers(layer, sizes, head_scale)
    runs = {name: [Run(make, lr, seed) for lr in lrs for seed in seeds] for name, make in nets.items()}
    plain = train_stack(runs["none"] + runs["none, He"], split, batch_size=batch_size, steps=steps)
    none, he = plain.grid(2, len(lrs), len(seeds))
    batch = train_stack(runs["batch"], split, batch_size=batch_size, steps=steps).grid(len(lrs), len(seeds))
    return {"none": none, "none, He": he, "batch": batch}


def fair_data(draw: int = 0) -> Split:
    """512 rows of 20 features, target sin(w·x) and a little noise: every net here can learn it.  draw: another draw."""
    return sine(scale=0.5, seed=draw)


FAIR: dict[str, Callable[[], Split]] = {"sine": fair_data, "digits": digits}
"""The two tasks of the fair set-up: a regression, and digits with cross-entropy.  Nets and head scale are the same."""


def fair_widths(split: Split, depth: int = DEPTH) -> list[int]:
    """Sizes of the fair set-up's MLPs for the data of one of :data:`FAIR`.

    >>> fair_widths(digits(), depth=2)
    [64, 64, 64, 10]
    """
    out = 1 if split.y_train.is_floating_point() else 10
    return widths(split.X_train.shape[1], out, depth=depth)


def over_learning_rates(
    layer: Norm, lrs: Sequence[float], batch_size: int, task: str = "sine", seeds: Sequence[int] = SEEDS
) -> dict[str, Results]:
    """The three nets in the fair set-up; tensors (learning rates, seeds).  task: one of :data:`FAIR`."""
    split = FAIR[task]()
    return train_three(layer, split, fair_widths(split), lrs, batch_size, STEPS, HEAD_SCALE, seeds)


def line(axes: Any, x: Any, runs: Any, name: str, label: str = "", dashes: Any = "") -> None:
    """Median and range over seeds in a net's colour and dashes.  ``runs``: (seeds, len(x)); name: a key of NETS."""
    figures.band(axes, x, runs, name, label or NETS[name])
    axes.lines[-1].set_linestyle(dashes or DASHES[name])
