"""Notebook 04: what train and eval mode do to a small net on digits, and what repairs it.

Everything runs in float64, so that the results do not hang on the rounding of one machine.  ``Reestimate`` stands for
a function that replaces a net's running statistics by those of some batches: the learner's, or torch's.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.optim.swa_utils import update_bn

from helpers.judge.exercise import Exercise
from helpers.lab import figures
from helpers.lab.data import Split
from helpers.lab.nets import MLP
from helpers.lab.training import History, evaluate, loss_of, one_thread, seeded, sgd, train

SEEDS = range(5)
WIDTHS = [64, 64, 64, 64, 10]

Reestimate = Callable[[nn.Module, Iterable[torch.Tensor]], Any]


def make_net(momentum: float | None = 0.1, norm: bool = True) -> MLP:
    """Three hidden layers of 64 units with He initialisation; with ``norm``, BatchNorm1d before each ReLU."""
    return MLP(WIDTHS, (lambda c: nn.BatchNorm1d(c, momentum=momentum)) if norm else None, init="he")


def trained(split: Split, seeds: Iterable[int] = SEEDS) -> list[nn.Module]:
    """One net for each seed: 300 steps of SGD, learning rate 0.1, batches of 64; in eval mode."""
    return [train(make_net, split, lr=0.1, batch_size=64, steps=300, seed=seed)[0] for seed in seeds]


def accuracy(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    """Share of right answers in eval mode; the net's mode is afterwards as before."""
    return evaluate(net, X, y)[1]


# --- running statistics as a moving average -------------------------------------------------------------------------


def steps_until(share: float, momentum: float) -> int:
    """Batches until the starting value counts for at most ``share`` of the running statistics: (1 − m)ᵗ ≤ share.

    >>> steps_until(0.01, 0.1), steps_until(0.01, 0.01)
    (44, 459)
    """
    return math.ceil(math.log(share) / math.log(1 - momentum))


@one_thread()
def moving_averages(
    momentum: float, steps: int, features: int = 20, mean: float = 3.0, std: float = 2.0
) -> torch.Tensor:
    """running_mean and running_var of ``nn.BatchNorm1d`` after each of ``steps`` batches of 64 normal rows.

    Returns (2, steps + 1, features), the starting values first.  The data never change: only the average lags.
    """
    layer = nn.BatchNorm1d(features, momentum=momentum).double()
    random = torch.Generator().manual_seed(0)
    seen = [_statistics(layer)]
    for _ in range(steps):
        layer(mean + std * torch.randn(64, features, generator=random, dtype=torch.float64))
        seen.append(_statistics(layer))
    return torch.stack(seen, dim=1)


def _statistics(layer: nn.BatchNorm1d) -> torch.Tensor:
    assert layer.running_mean is not None and layer.running_var is not None
    return torch.stack([layer.running_mean, layer.running_var])


_MOMENTUM_STYLE = {0.1: ("#08306b", "-"), 0.01: ("#2171b5", "--"), 0.001: ("#6baed6", "-."), None: ("#5e3c99", ":")}


def moving_average_figure(averages: dict[float, torch.Tensor], mean: float = 3.0, std: float = 2.0) -> Figure:
    """What the buffers say over time, median and range over the features, and the truth as a grey line."""
    figure, axes = figures.subplots(1, 2)
    for ax, which, truth in zip(axes, (0, 1), (mean, std**2), strict=True):
        ax.axhline(truth, color=figures.COLOURS["none"], linewidth=1, label="truth")
        for momentum, seen in averages.items():
            _band(ax, range(seen.shape[1]), seen[which].T.numpy(), momentum, f"momentum {momentum:g}")
        ax.set_xlabel("training batches seen")
    axes[0].set_ylabel("value of the buffer")
    axes[0].set_title("running_mean starts at 0", loc="left")
    axes[1].set_title("running_var starts at 1", loc="left")
    axes[0].legend(loc=(0.47, 0.44), frameon=False)
    return figure


def accuracy_while_training(
    split: Split,
    seed: int,
    momentum: float | None,
    reestimate: Reestimate | None = None,
    steps: int = 200,
    every: int = 10,
) -> list[float]:
    """Held-out accuracy in eval mode after every 10 of 200 steps (learning rate 0.1, batches of 64).

    The running statistics move with ``momentum``; with ``reestimate``, a copy with re-estimated ones is measured.
    The weights are the same in all cases, since train mode never reads the buffers.
    """
    seen = []
    with one_thread():
        with seeded(seed):
            net = make_net(momentum).to(split.X_train.dtype)
        for step, _ in enumerate(sgd(net, split, History(), 0.1, 64, steps, seed), 1):
            if step % every == 0:
                measured = repaired(net, split.X_train, reestimate) if reestimate else net
                seen.append(accuracy(measured, split.X_test, split.y_test))
    return seen


def usable_figure(curves: dict[Any, list[list[float]]], every: int = 10) -> Figure:
    """The curves of :func:`accuracy_while_training` by momentum, or "re-estimated": median and range of the seeds."""
    figure, ax = figures.subplots(width=7.0, height=3.4)
    for momentum, runs in curves.items():
        steps = range(every, every * len(runs[0]) + 1, every)
        if momentum == "re-estimated":
            ax.plot(steps, np.median(runs, axis=0), color="#111111", linewidth=1, label="re-estimated")
        else:
            name = "momentum None (plain average)" if momentum is None else f"momentum {momentum:g}"
            _band(ax, steps, runs, momentum, name)
    ax.set(xlabel="training step", ylabel="held-out accuracy in eval mode", ylim=(0, 1.02))
    ax.legend(loc="lower right", frameon=False)
    return figure


def _band(ax: Any, x: Any, runs: Any, momentum: float | None, label: str) -> None:
    colour, line = _MOMENTUM_STYLE[momentum]
    ax.plot(x, np.median(runs, axis=0), color=colour, linestyle=line, label=label)
    ax.fill_between(x, np.min(runs, axis=0), np.max(runs, axis=0), color=colour, alpha=0.18, linewidth=0)


# --- re-estimating --------------------------------------------------------------------------------------------------


@one_thread()
def torch_reestimate(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """torch's own precise BN, ``update_bn``: the plain average over batches of the paper's Algorithm 2."""
    update_bn(batches, model)


def yours_or_torch(yours: Reestimate, exercise: Exercise) -> Reestimate:
    """``yours`` where it passes every check of its exercise, else torch's; says which in one line."""
    if exercise.assessed(yours).passed:
        print("The repairs below use your reestimate_statistics.")
        return yours
    print("Your reestimate_statistics does not pass yet: the repairs below use torch.optim.swa_utils.update_bn.")
    return torch_reestimate


@one_thread()
def repaired(net: nn.Module, X: torch.Tensor, reestimate: Reestimate, batch_size: int = 64, seed: int = 0) -> nn.Module:
    """A copy of the net with statistics re-estimated on the rows of X, shuffled, in equal batches (no rest)."""
    other = copy.deepcopy(net)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
    reestimate(other, [X[rows] for rows in order.split(batch_size) if len(rows) == min(batch_size, len(X))])
    return other.eval()


# --- the wrong mode -------------------------------------------------------------------------------------------------


def shuffled(y: torch.Tensor, seed: int) -> torch.Tensor:
    """The rows in random order."""
    return torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))


def by_class(y: torch.Tensor) -> torch.Tensor:
    """The rows sorted by class: first all zeros, then all ones, …"""
    return torch.argsort(y, stable=True)


@one_thread()
@torch.no_grad()
def predict_in_train_mode(
    net: nn.Module, X: torch.Tensor, y: torch.Tensor, order: torch.Tensor, batch_size: int
) -> tuple[float, nn.Module]:
    """The bug: predict in batches without ``eval()``.  Returns the accuracy and the net with its polluted buffers."""
    net = copy.deepcopy(net).train()
    right = [(net(X[rows]).argmax(1) == y[rows]).double() for rows in order.split(batch_size)]
    return torch.cat(right).mean().item(), net.eval()


def train_mode_figure(sizes: Sequence[int], mixed: Any, sorted_: Any, right: float) -> Figure:
    """Accuracy in train mode against batch size, rows mixed and rows sorted by class; ``mixed``: (seeds, sizes)."""
    figure, ax = figures.subplots(width=7.0, height=3.4)
    ax.axhline(right, color="#111111", linewidth=1, label="eval mode (median)")
    figures.band(ax, sizes, mixed, "batch", "train mode, rows mixed")
    figures.band(ax, sizes, sorted_, "batch", "train mode, rows sorted by class")
    ax.lines[-1].set_linestyle("--")
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set(xlabel="batch size when predicting", ylabel="held-out accuracy", ylim=(0, 1.02))
    ax.legend(loc="lower right", frameon=False)
    return figure


def without_statistics(net: nn.Module) -> nn.Module:
    """A new net that loads the parameters of ``net`` but not its buffers, as a careless checkpoint does."""
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    other = make_net().to(next(iter(parameters.values())).dtype)
    other.load_state_dict(parameters, strict=False)
    return other.eval()


# --- training loops -------------------------------------------------------------------------------------------------


def train_epochs(
    split: Split,
    seed: int,
    *,
    order: str = "mixed",
    back_to_train: bool = True,
    norm: bool = True,
    batch_size: int = 64,
    lr: float = 0.1,
    momentum: float = 0.0,
    epochs: int = 5,
) -> nn.Module:
    """SGD over whole epochs, as a hand-written loop does it; returns the net in eval mode.

    order: "mixed", or "blocks": every batch comes from the rows sorted by class, and the batches are shuffled.
    back_to_train: False forgets ``net.train()`` after the validation that ends each epoch.
    """
    with one_thread(), seeded(seed):
        net = make_net(norm=norm).to(split.X_train.dtype)
        optimiser = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
        for epoch in range(epochs):
            net.train(back_to_train or epoch == 0)
            rows = by_class(split.y_train) if order == "blocks" else torch.randperm(len(split.y_train))
            batches = [b for b in rows.split(batch_size) if len(b) > 1]
            for i in torch.randperm(len(batches)) if order == "blocks" else range(len(batches)):
                _step(net, optimiser, split.X_train[batches[i]], split.y_train[batches[i]])
    return net.eval()


def fine_tune(net: nn.Module, X: torch.Tensor, y: torch.Tensor, freeze: str, batch_size: int, seed: int) -> nn.Module:
    """Three epochs of SGD (learning rate 0.03) on a copy of the net with a new head; returns it in eval mode.

    freeze: "never", "before" (once, before the loop, which then calls ``train()``) or "always" (again after each
    ``train()``).  Frozen means that the statistics are fixed; γ and β learn.
    """
    net = copy.deepcopy(net)
    with one_thread(), seeded(seed):
        net.head = nn.Linear(WIDTHS[-2], WIDTHS[-1]).to(X.dtype)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.03)
        if freeze == "before":
            _freeze_statistics(net)
        for _ in range(3):
            net.train()
            if freeze == "always":
                _freeze_statistics(net)
            for rows in torch.randperm(len(X)).split(batch_size):
                _step(net, optimiser, X[rows], y[rows])
    return net.eval()


def _freeze_statistics(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def _step(net: nn.Module, optimiser: torch.optim.Optimizer, X: torch.Tensor, y: torch.Tensor) -> None:
    loss = loss_of(net, X, y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


# --- shifted inputs -------------------------------------------------------------------------------------------------


def shifts(X: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same digits as another camera might deliver them; pixels are in units of their standard deviation."""
    noise = torch.randn(X.shape, generator=torch.Generator().manual_seed(0), dtype=X.dtype)
    return {
        "contrast × 0.4": 0.4 * X,
        "contrast × 3": 3 * X,
        "brighter by 1": X + 1,
        "noise of std 1": X + noise,
        "inverted": -X,
    }
