"""Notebook 07: batch norm with a right forward pass and a backward pass that leaves out paths, in a deep MLP.

``python -m helpers.experiments.other_layer`` computes ``other_layer.json``, in some minutes on one
core.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.tables import signed, spread, table
from helpers.lab.training import one_thread, seeded, train

from . import stored
from .stored import Found

SEEDS = range(10)
FILE = "other_layer"
DEPTH, WIDTH, STEPS, BATCH_SIZE, RATE = 4, 64, 300, 64, 0.1
LAST = 20
"""A loss is the mean over so many steps."""
RATES = (0.03, 0.1, 0.3, 1.0)
DEPTHS = (1, 2, 4, 8)
CONTROL = "no norm, He init"
PATHS: dict[str, frozenset[str]] = {
    "all three paths": frozenset({"mean", "variance"}),
    "without the variance path": frozenset({"mean"}),
    "without the mean path": frozenset({"variance"}),
    "the guess: neither": frozenset(),
}
"""Which of the two indirect paths the backward pass has; the direct one it always has."""
RIGHT, *_, GUESS = PATHS
NETS = (*PATHS, CONTROL)
TORCHS, START = "torch's layer", "before the first step"


def normalised(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(x_hat, std) of a batch x, (N, C)."""
    centred = x - x.mean(0)
    std = ((centred**2).mean(0) + 1e-5).sqrt()
    return centred / std, std


def gradients(
    dy: torch.Tensor, x_hat: torch.Tensor, gamma: torch.Tensor, std: torch.Tensor, paths: frozenset[str]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(dx, dgamma, dbeta) of batch norm, dx with the paths that are named."""
    left = dy
    if "mean" in paths:
        left = left - dy.mean(0)
    if "variance" in paths:
        left = left - x_hat * (dy * x_hat).mean(0)
    return gamma / std * left, (dy * x_hat).sum(0), dy.sum(0)


class PartialBackward(torch.autograd.Function):
    """Batch norm of an (N, C) batch whose backward pass has some of the paths."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, paths: frozenset[str]) -> Any:
        x_hat, std = normalised(x)
        ctx.save_for_backward(x_hat, gamma, std)
        ctx.paths = paths
        return gamma * x_hat + beta

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> Any:
        x_hat, gamma, std = ctx.saved_tensors
        return *gradients(dy, x_hat, gamma, std, ctx.paths), None


class GuessedBatchNorm(nn.BatchNorm1d):
    """torch's layer, but for the backward pass in train mode: it has the paths that are named.

    >>> layer, x = GuessedBatchNorm(3, frozenset()), torch.randn(5, 3)
    >>> bool((layer(x) - nn.BatchNorm1d(3)(x)).abs().max() < 1e-5)
    True
    """

    def __init__(self, features: int, paths: frozenset[str]) -> None:
        super().__init__(features)
        self.paths = paths

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        y = super().forward(x)  # in train mode it moves the running statistics
        return PartialBackward.apply(x, self.weight, self.bias, self.paths) if self.training else y  # type: ignore[no-untyped-call]


def make_net(name: str, depth: int = DEPTH) -> nn.Module:
    """One of :data:`NETS`, or one with torch's layer, for digits; hidden weights start as He's in all of them."""
    widths, others = [64, *[WIDTH] * depth, 10], {CONTROL: None, TORCHS: nn.BatchNorm1d}
    norm = others[name] if name in others else partial(GuessedBatchNorm, paths=PATHS[name])
    return MLP(widths, norm, "he")


def run(split: Split, name: str, seed: int, rate: float = RATE, depth: int = DEPTH) -> tuple[list[float], float]:
    """(losses of the steps, held-out accuracy)."""
    _, seen = train(partial(make_net, name, depth), split, lr=rate, batch_size=BATCH_SIZE, steps=STEPS, seed=seed)
    return seen.losses, seen.test_accuracy[-1] if len(seen.losses) == STEPS else np.nan


def opening(seed: int = 0) -> None:
    """Train nets with torch's layer, with the guess, and the control; show loss and accuracy."""
    split = digits()
    looks = (
        (TORCHS, TORCHS, "-", figures.COLOURS["batch"]),
        (GUESS, "the other layer", "--", "#08306b"),
        (CONTROL, CONTROL, ":", figures.COLOURS["none, He"]),
    )
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.2, width_ratios=(2, 1))
    for place, (name, label, style, colour) in enumerate(looks):
        losses, accuracy = run(split, name, seed)
        axes[0].plot(range(LAST, STEPS + 1), _smooth(losses), color=colour, linestyle=style, label=label)
        axes[1].barh(place, 100 * accuracy, color=colour, height=0.6)
        axes[1].text(100 * accuracy + 2, place, f"{100 * accuracy:.0f}", va="center")
    axes[0].set(title=f"training loss, mean of the last {LAST} steps", xlabel="step", ylim=(0, 2.5))
    axes[0].legend()
    labels = [label for _, label, *_ in looks]
    axes[1].set(title="held-out accuracy in %", yticks=range(3), yticklabels=labels, xlim=(0, 125), xticks=[])
    axes[1].invert_yaxis()
    axes[1].grid(visible=False)
    figures.show(
        figure,
        "Left: training loss against steps for nets with torch's batch norm, the other layer and no norm. "
        "Right: the held-out accuracy of the three.",
    )


def _smooth(losses: Sequence[float]) -> NDArray[np.float64]:
    return np.convolve(losses, np.ones(LAST) / LAST, "valid")


def forward_table() -> None:
    """Largest differences from torch's layer in train mode, in eval mode, and in the running statistics."""
    torchs, other = nn.BatchNorm1d(WIDTH), GuessedBatchNorm(WIDTH, PATHS[GUESS])
    x = 3 + 5 * torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        gaps = {"output, train mode": (torchs(x) - other(x)).abs().max()}
        gaps["running_mean"] = (torchs.running_mean - other.running_mean).abs().max()  # type: ignore[operator]
        gaps["running_var"] = (torchs.running_var - other.running_var).abs().max()  # type: ignore[operator]
        gaps["output, eval mode"] = (torchs.eval()(x) - other.eval()(x)).abs().max()
    table(
        ["quantity", "largest difference"],
        [[name, f"{gap.item():.1g}"] for name, gap in gaps.items()],
        "Differences from torch's layer, for 64 rows of mean 3 and standard deviation 5",
    )


def cosines(net: nn.Module, split: Split) -> list[float]:
    """Cosine of the angle between the right gradient and the guessed one of each Linear's weights, on one batch."""
    right, guessed = (_weight_gradients(net, split, paths) for paths in (PATHS[RIGHT], PATHS[GUESS]))
    return [float(nn.functional.cosine_similarity(a, b, dim=0)) for a, b in zip(right, guessed, strict=True)]


@one_thread()
def _weight_gradients(net: nn.Module, split: Split, paths: frozenset[str]) -> list[torch.Tensor]:
    net = copy.deepcopy(net).train()
    for layer in net.modules():
        if isinstance(layer, GuessedBatchNorm):
            layer.paths = paths
    X, y = split.X_train[:BATCH_SIZE], split.y_train[:BATCH_SIZE]
    weights = [m.weight for m in net.modules() if isinstance(m, nn.Linear)]
    return [g.flatten() for g in torch.autograd.grad(nn.functional.cross_entropy(net(X), y), weights)]


def compute(names: Sequence[str] = NETS, seeds: Sequence[int] = SEEDS) -> dict[str, Found]:
    """What is stored: loss (mean of the last steps) and held-out accuracy, (seeds, cases); cosines, (seeds, layers)."""
    split = digits()
    cases: Mapping[str, Sequence[dict[str, Any]]] = {
        "rate": [{"rate": rate} for rate in RATES],
        "depth": [{"depth": depth} for depth in DEPTHS],
    }
    found: dict[str, Found] = {}
    for axis, options in cases.items():
        for name in names:
            runs = [[run(split, name, seed, **option) for option in options] for seed in seeds]
            found[f"{axis}: {name}"] = {
                "loss": np.array([[last(losses) for losses, _ in row] for row in runs]),
                "accuracy": np.array([[accuracy for _, accuracy in row] for row in runs]),
            }
    for trained in (START, RIGHT, GUESS):
        found[f"cosine: {trained}"] = {"cosine": np.array([cosines(_net(split, trained, s), split) for s in seeds])}
    return found


def _net(split: Split, trained: str, seed: int) -> nn.Module:
    """The net before its first step, or after the last one with the layer that is named."""
    if trained == START:
        with seeded(seed):
            return make_net(GUESS)
    return train(partial(make_net, trained), split, lr=RATE, batch_size=BATCH_SIZE, steps=STEPS, seed=seed)[0]


def last(losses: Sequence[float]) -> float:
    """Mean of the last losses, NaN where training has diverged."""
    return float(np.mean(losses[-LAST:])) if len(losses) == STEPS and np.isfinite(losses).all() else np.nan


def _stored(axis: str, name: str, what: str) -> NDArray[np.float64]:
    return stored.load(FILE, f"{axis}: {name}")[what]


def rates_table() -> None:
    """Held-out accuracy of the five nets, by learning rate."""
    columns = [(100 * _stored("rate", name, "accuracy")).T for name in NETS]
    body = [[f"{rate:g}", *(spread(column[i], 0) for column in columns)] for i, rate in enumerate(RATES)]
    table(
        ["learning rate", *NETS],
        body,
        f"Held-out accuracy in %, {DEPTH} hidden layers: median (range), {len(SEEDS)} seeds",
    )


def paired_table(axis: str, what: str) -> None:
    """Loss or accuracy against that of the right layer with the same seed, by learning rate or by depth."""
    head, cases = {"rate": ("learning rate", RATES), "depth": ("hidden layers", DEPTHS)}[axis]
    title, unit, sign, places = {
        "loss": ("Training loss", 1, 1, 2),
        "accuracy": ("Held-out accuracy in points", 100, -1, 1),
    }[what]
    columns = [unit * (_stored(axis, name, what) - _stored(axis, RIGHT, what)).T for name in NETS[1:]]
    body = [
        [f"{case:g}", *(f"{signed(c[i], places)}; {(~(sign * c[i] <= 0)).sum()}" for c in columns)]
        for i, case in enumerate(cases)
    ]
    table(
        [head, *NETS[1:]],
        body,
        f"{title}, minus the right layer's, same seed: median (range); in how many of {len(SEEDS)} it is worse",
    )


def depths_table() -> None:
    """Held-out accuracy of the five nets, by depth."""
    columns = [(100 * _stored("depth", name, "accuracy")).T for name in NETS]
    body = [[depth, *(spread(column[i], 0) for column in columns)] for i, depth in enumerate(DEPTHS)]
    table(
        ["hidden layers", *NETS],
        body,
        f"Held-out accuracy in %, learning rate {RATE:g}: median (range), {len(SEEDS)} seeds",
    )


def cosines_table() -> None:
    """The cosines of :func:`cosines` before training, and after it with the right layer and with the guess."""
    rows = {name: _stored("cosine", name, "cosine") for name in (START, RIGHT, GUESS)}
    table(
        ["net", *(f"layer {i}" for i in range(1, DEPTH + 1)), "head"],
        [[name if name == START else f"after {STEPS} steps: {name}", *map(spread, c.T)] for name, c in rows.items()],
        f"Cosine between right and guessed gradient of the weights: median (range), {len(SEEDS)} seeds",
    )


def main() -> None:
    """Write ``other_layer.json`` beside this module."""
    for name, found in compute().items():
        stored.write(FILE, name, SEEDS, found, "python -m helpers.experiments.other_layer")


if __name__ == "__main__":
    main()
