"""Ioffe & Szegedy (2015), §4.1: the nets of Figure 1 on digits, and how they train.

Three fully connected layers of 100 sigmoid units, normal weights, zero biases, SGD without momentum, batches of 60.
The nets of all seeds and learning rates are trained at once, as stacks of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.stack import Stack, losses_of
from helpers.lab.training import batches, one_thread, seeded

WIDTHS = [64, 100, 100, 100, 10]
BATCH_SIZE = 60
PERCENTILES = (15, 50, 85)
_LAST = "hidden.2"


class SigmoidMLP(MLP):
    """The net of §4.1; a hidden layer is g(BN(Wu)) (§3.2).  Returns what entered its last sigmoids, too."""

    def __init__(self, norm: bool, std: float):
        super().__init__(WIDTHS, nn.BatchNorm1d if norm else None, init=std, activation="sigmoid")

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """x: (N, 64).  Returns the logits, (N, 10), and the inputs of the last hidden sigmoids, (N, 100)."""
        for layer in self.hidden[:-1]:
            x = layer(x)
        last = self.hidden[-1]
        assert isinstance(last, nn.Sequential)
        entering = last[:-1](x)
        return self.head(last[-1](entering)), entering


class Seen(NamedTuple):
    """A grid of nets at one step; every array starts with (learning rates, seeds).

    accuracy: on the held-out digits, from 0 to 1.  entering: (…, 500, 100), what enters the last hidden sigmoids for
    each held-out digit.  gamma: (…, 100), |γ| of the last hidden layer, 1 without BN.  length: (…, 100), the length
    of each unit's weights in that layer.
    """

    step: int
    accuracy: NDArray[np.float64]
    entering: torch.Tensor
    gamma: NDArray[np.float64]
    length: NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One setting, several seeds.

    steps: (T,) the steps at which the nets were tested.  accuracy: (T, seeds), on the held-out digits.
    inputs: (T, 3, seeds, 100), the 15th, 50th and 85th percentile, over the held-out digits, of what enters
    each sigmoid of the last hidden layer.  gamma: (T, seeds, 100), |γ| of that layer, 1 without BN.
    """

    steps: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    inputs: NDArray[np.float64]
    gamma: NDArray[np.float64]


def train_curve(
    norm: bool, lr: float, std: float = 0.1, standardised: bool = False, steps: int = 2000, seeds: Sequence[int] = (0,)
) -> Curve:
    """Train the net of §4.1 once for each seed, with or without batch normalization in its hidden layers.

    std: of the initial weights.  standardised: inputs with mean 0 and std 1, over all pixels together; otherwise
    pixels from 0 to 1, nearer to the paper's binary images.  A seed fixes the initial weights and the batches.
    """
    with one_thread():
        seen = [
            (t.step, t.accuracy[0], np.percentile(t.entering[0].numpy(), PERCENTILES, axis=1), t.gamma[0])
            for t in watched(norm, (lr,), std, standardised, steps, seeds)
        ]
    return Curve(*(np.array(column) for column in zip(*seen, strict=True)))


def tune(
    norm: bool,
    lrs: Sequence[float],
    std: float = 0.1,
    standardised: bool = False,
    patience: int = 1500,
    seeds: Sequence[int] = (0,),
) -> dict[float, NDArray[np.float64]]:
    """``{learning rate: steps to 95 % for each seed}``, infinite where a run ended before it was there.

    All learning rates are trained at once.  Runs end after ``patience`` steps, or once they have taken three times
    as many as the slowest seed of the best learning rate has needed.
    """
    tuned = {lr: np.full(len(seeds), np.inf) for lr in lrs}
    with one_thread():
        for t in watched(norm, lrs, std, standardised, patience, seeds):
            for lr, right in zip(lrs, t.accuracy, strict=True):
                tuned[lr] = np.where(right >= 0.95, np.minimum(tuned[lr], t.step), tuned[lr])
            there = [steps for steps in tuned.values() if np.isfinite(steps).all()]
            if len(there) == len(lrs) or (there and t.step >= 3 * tuned[best(tuned)].max()):
                break
    return tuned


def best(tuned: Mapping[float, NDArray[np.float64]]) -> float:
    """The learning rate with the fewest steps to 95 % (median over seeds)."""
    return min(tuned, key=lambda lr: float(np.median(tuned[lr])))


def steps_to(steps: NDArray[np.int64], accuracy: NDArray[np.float64], level: float = 0.95) -> NDArray[np.float64]:
    """(seeds,) the first of the tested ``steps``, (T,), with this held-out accuracy, (T, seeds); infinite if none."""
    reached = accuracy >= level
    return np.where(reached.any(0), steps[reached.argmax(0)], np.inf)


def excursion(run: Curve) -> NDArray[np.float64]:
    """(seeds, 100) how far the median input of each last hidden sigmoid wanders: largest − smallest."""
    wander: NDArray[np.float64] = np.ptp(run.inputs[:, 1], axis=0)
    return wander


def width(run: Curve) -> NDArray[np.float64]:
    """(T, seeds, 100) from the 15th to the 85th percentile of each last hidden sigmoid's input."""
    return run.inputs[:, 2] - run.inputs[:, 0]


def typical_unit(run: Curve) -> int:
    """The unit of the first seed whose :func:`excursion` is the middle one of its 100: a rule, no choice."""
    return int(np.argsort(excursion(run)[0], kind="stable")[50])


def watched(
    norm: bool,
    lrs: Sequence[float],
    std: float,
    standardised: bool,
    steps: int,
    seeds: Sequence[int],
    hold: float | None = None,
) -> Iterator[Seen]:
    """Train a net for each learning rate and seed, all at once; yields what is found every 5, later every 50 steps.

    hold: before each step stretch the weights of every hidden unit to this many times their length at the start.
    """
    split = digits() if standardised else unit_pixels()
    total, grid = len(split.X_train), (len(lrs), len(seeds))
    started = [_net(norm, std, seed) for seed in seeds]
    nets = Stack(started * len(lrs))
    lengths = {} if hold is None else {name: hold * length for name, length in _lengths(nets).items()}
    rates = torch.tensor(lrs).repeat_interleave(len(seeds))
    order = zip(*(batches(total, BATCH_SIZE, steps + 1, seed) for seed in seeds), strict=True)
    for step, rows in enumerate(order):
        _stretch(nets, lengths)
        if step % (5 if step < 200 else 50) == 0:
            right, entering = _test(nets, split, len(rates))
            length = nets.parameters[f"{_LAST}.0.weight"].detach().norm(dim=2)
            gamma = nets.parameters[f"{_LAST}.1.weight"].detach().abs() if norm else torch.ones_like(length)
            of = [t.double().numpy().reshape(*grid, -1) for t in (gamma, length)]
            yield Seen(step, right.reshape(grid), entering.unflatten(0, grid), *of)
        at = torch.stack(rows * len(lrs))
        _update(nets, split.X_train[at], split.y_train[at], rates)


def unit_pixels() -> Split:
    """The course's digits with pixels from 0 to 1 in place of standardised ones."""
    split = digits()
    low, high = split.X_train.min(), split.X_train.max()
    return Split((split.X_train - low) / (high - low), split.y_train, (split.X_test - low) / (high - low), split.y_test)


def _net(norm: bool, std: float, seed: int) -> SigmoidMLP:
    with seeded(seed):
        return SigmoidMLP(norm, std)


def _update(nets: Stack, x: torch.Tensor, y: torch.Tensor, lrs: torch.Tensor) -> None:
    logits, _ = nets(x, training=True)
    loss = losses_of(logits, y).sum()
    nets.descend(torch.autograd.grad(loss, list(nets.parameters.values())), lrs)


@torch.no_grad()
def _lengths(nets: Stack) -> dict[str, torch.Tensor]:
    """The lengths of the weights of every hidden unit, by the name of the parameter."""
    names = [name for name in nets.parameters if name.startswith("hidden.") and name.endswith(".0.weight")]
    return {name: nets.parameters[name].norm(dim=2, keepdim=True) for name in names}


@torch.no_grad()
def _stretch(nets: Stack, lengths: Mapping[str, torch.Tensor]) -> None:
    for name, length in lengths.items():
        weights = nets.parameters[name]
        weights.mul_(length / weights.norm(dim=2, keepdim=True))


@torch.no_grad()
def _test(nets: Stack, split: Split, count: int) -> tuple[NDArray[np.float64], torch.Tensor]:
    """Accuracy, (nets,), on the held-out digits, and the inputs of the last hidden sigmoids, (nets, N, 100).

    The statistics are those of the whole training set (Algorithm 2).
    """
    for module in nets.net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 1.0
    if nets.buffers:
        nets(split.X_train.expand(count, -1, -1), training=True)
    logits, entering = nets(split.X_test.expand(count, -1, -1), training=False)
    right: NDArray[np.float64] = (logits.argmax(2) == split.y_test).double().mean(1).numpy()
    return right, entering
