"""Notebook 03: one deep MLP with and without batch norm.

Three nets appear in every comparison: without a norm from PyTorch's default initialisation, without a norm from He
initialisation (the control), and with batch norm.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits, sine
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import Results, Run, sweep, train_stack
from helpers.lab.training import History, evaluate, one_thread, seeded, train

from .fair import NETS, SEEDS, makers, widths

DEMO_SEEDS = (0, 1)


# --- the popular demo -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Demo:
    """One net over several seeds: its curves, and its losses at the end in eval mode."""

    histories: list[History]
    train_loss: list[float]
    test_loss: list[float]


def demo_data() -> Split:
    """512 rows of 20 features, target sin(2·√20·w·x) and a little noise: w·x varies so much that no net learns it."""
    return sine(scale=20**0.5)


def demo(layer: Norm) -> dict[str, Demo]:
    """The demo as it goes around: 6 hidden layers of 128, SGD, learning rate 0.05, full batch, 300 steps."""
    split = demo_data()
    nets = makers(layer, widths(20, width=128))
    return {name: _demo(nets[name], split) for name in ("none", "batch")}


def _demo(make: Callable[[], MLP], split: Split) -> Demo:
    found = Demo([], [], [])
    for seed in DEMO_SEEDS:
        net, history = train(
            make, split, lr=0.05, batch_size=len(split.X_train), steps=300, seed=seed, evaluate_every=50
        )
        found.histories.append(history)
        found.train_loss.append(evaluate(net, split.X_train, split.y_train)[0])
        found.test_loss.append(history.test_loss[-1])
    return found


def demo_figure(results: dict[str, Demo]) -> Figure:
    """Training loss of every step and held-out loss every 50 steps; median and range over seeds."""
    figure, (left, right) = figures.subplots(1, 2)
    for name, found in results.items():
        losses = [history.losses for history in found.histories]
        figures.band(left, np.arange(len(losses[0])), losses, name, NETS[name])
        held_out = [history.test_loss for history in found.histories]
        figures.band(right, found.histories[0].steps, held_out, name, NETS[name])
    mean_only = float(demo_data().y_test.var(correction=0))
    right.axhline(mean_only, color="#d55e00", linestyle=":", label="predict the mean")
    left.set(title="training loss", xlabel="step", ylabel="mean squared error", yscale="log")
    right.set(title="held-out loss", xlabel="step", ylim=(0, 1))
    left.legend(loc="center right")
    right.legend(loc="lower right")
    return figure


@one_thread()
def signal(split: Split, norm: Norm | None = None, init: str = "default") -> list[float]:
    """Standard deviation over the rows of what leaves each hidden layer (mean over its 64 units) before training."""
    with seeded(0), torch.no_grad():
        net = MLP(widths(split.X_train.shape[1]), norm, init)
        x, found = split.X_train, []
        for layer in net.hidden:
            x = layer(x)
            found.append(x.std(dim=0).mean().item())
    return found


def demo_losses(init: str, lr: float = 0.05, width: int = 64, steps: int = 300) -> torch.Tensor:
    """Training losses (seeds, steps) of the demo's plain net from another initialisation, rate, width or time."""
    make = partial(MLP, widths(20, width=width), init=init)
    return sweep(make, demo_data(), (lr,), DEMO_SEEDS, batch_size=512, steps=steps).losses[0]


def plateau_figure(found: dict[str, torch.Tensor]) -> Figure:
    """Training loss against steps; median and range over seeds."""
    figure, axes = figures.subplots(width=7)
    for name, losses in found.items():
        figures.band(axes, np.arange(losses.shape[1]), losses, name, NETS[name])
    axes.axvline(300, color="#d55e00", linestyle=":", label="where the demo stops")
    axes.set(xlabel="step", ylabel="training loss", yscale="log", ylim=(0.02, 1), title="the demo's plain net, longer")
    axes.legend(loc="lower right")
    return figure


@one_thread()
def head_limit(norm: Norm | None = None, width: int = 64, head_scale: float = 1.0) -> float:
    """2/λ of the head before training: above this learning rate, gradient descent on the head alone diverges.

    The squared error is a quadratic function of the head's weights and bias.  Its curvature is the largest
    eigenvalue λ of 2·s²·HᵀH/N, where the rows of H are what enters the head, with a 1 for the bias, and s is
    ``head_scale``.
    """
    split = demo_data()
    with seeded(0), torch.no_grad():
        x = split.X_train
        for layer in MLP(widths(20, width=width), norm).hidden:
            x = layer(x)
        entering = torch.cat([x, torch.ones(len(x), 1)], dim=1).double()
        curvature = 2 * head_scale**2 * entering.T @ entering / len(x)
        return 2 / float(torch.linalg.eigvalsh(curvature)[-1])


def faster(layer: Norm, lrs: Sequence[float], steps: int = 60) -> dict[str, Results]:
    """The demo at width 64 and larger learning rates, tensors (learning rates, seeds): two nets, and a third.

    The third is the batch norm net with its output divided by √64, so that the head, which no norm follows, is
    less steep.
    """
    nets = {
        NETS["none"]: partial(MLP, widths(20)),
        NETS["batch"]: partial(MLP, widths(20), layer),
        "batch norm, output ÷ √64": partial(MLP, widths(20), layer, head_scale=64**-0.5),
    }
    split = demo_data()
    return {name: sweep(make, split, lrs, SEEDS, batch_size=512, steps=steps) for name, make in nets.items()}


# --- the fair set-up ------------------------------------------------------------------------------------------------


def rates_figure(lrs: Sequence[float], found: dict[str, Results]) -> Figure:
    """Held-out loss against the learning rate: median and range over seeds; what diverged is at the top."""
    figure, axes = figures.subplots(width=6.5, height=3.4)
    for name, label in NETS.items():
        figures.band(axes, lrs, _capped(found[name].test_loss.T, 1.0), name, label)
    axes.set(xlabel="learning rate", xscale="log", xticks=lrs, xticklabels=[f"{lr:g}" for lr in lrs])
    ticks = [0.03, 0.1, 0.3, 1.0]
    axes.set(ylabel="held-out loss (diverged: at the top)", yscale="log", ylim=(0.03, 1.1))
    axes.set(yticks=ticks, yticklabels=[f"{t:g}" for t in ticks])
    axes.minorticks_off()
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _capped(values: torch.Tensor, top: float) -> torch.Tensor:
    """Values no larger than ``top``; what diverged is at ``top``."""
    return values.nan_to_num(nan=top, posinf=top).clamp(max=top)


# --- digits: learning rate × initialisation, depth, placement -------------------------------------------------------


def heat_map(
    layer: Norm, lrs: Sequence[float], scales: Sequence[float], steps: int = 150
) -> tuple[torch.Tensor, torch.Tensor]:
    """Held-out accuracy on digits without and with batch norm, (scales, learning rates, seeds) each.

    Four hidden layers of 64, batches of 32.  A scale multiplies He's standard deviation, √(2/64), in every layer.
    """

    def accuracy(norm: Norm | None) -> torch.Tensor:
        sizes, he = widths(64, 10, depth=4), (2 / 64) ** 0.5
        makes = [partial(MLP, sizes, norm, scale * he) for scale in scales]
        runs = [Run(make, lr, seed) for make in makes for lr in lrs for seed in SEEDS]
        found = train_stack(runs, digits(), batch_size=32, steps=steps)
        return found.test_accuracy.view(len(scales), len(lrs), len(SEEDS))

    return accuracy(None), accuracy(layer)


def heat_map_figure(lrs: Sequence[float], scales: Sequence[float], plain: torch.Tensor, normed: torch.Tensor) -> Figure:
    """Two maps of accuracy in percent, and their difference in percentage points; medians over seeds."""
    figure, axes = figures.subplots(1, 3, width=10.5, height=3.6, sharey=True)
    percent = [(100 * accuracy.median(dim=2).values).numpy() for accuracy in (plain, normed)]
    panels = [
        ("no norm", percent[0], "cividis", (10, 100)),
        ("batch norm", percent[1], "cividis", (10, 100)),
        ("batch norm − no norm", percent[1] - percent[0], "RdBu", (-90, 90)),
    ]
    for ax, (title, values, colours, limits) in zip(axes, panels, strict=True):
        texts = [[f"{value:.0f}" for value in row] for row in values]
        figures.heat(ax, title, values, texts, scales, lrs, limits, colours)
    axes[0].set_ylabel("initial std ÷ He's std")
    return figure


@one_thread()
def turns(layer: Norm, factors: Sequence[float], lr: float = 0.1) -> list[tuple[float, float, float]]:
    """What multiplying the weights before a norm by a factor does to the first SGD step of an MLP on digits.

    For each factor: the largest change of the output, and, for the first weight matrix W, ‖gradient‖ and the share of
    ‖W‖ that the step moves, both relative to the first factor's.  float64, 256 rows.
    """
    split = digits(torch.float64)
    X, y = split.X_train[:256], split.y_train[:256]
    seen: list[tuple[torch.Tensor, float, float]] = []
    for factor in factors:
        with seeded(0):
            net = MLP(widths(64, 10, depth=4), layer, init="he").double()
        weights = [module.weight for module in net.hidden.modules() if isinstance(module, nn.Linear)]
        with torch.no_grad():
            for weight in weights:
                weight.mul_(factor)
        out = net(X)
        (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(out, y), weights[:1])
        size = gradient.norm().item()
        seen.append((out.detach(), size, lr * size / weights[0].norm().item()))
    first = seen[0]
    return [((o - first[0]).abs().max().item(), g / first[1], share / first[2]) for o, g, share in seen]


def by_depth(
    layer: Norm, depths: Sequence[int], steps: int = 300
) -> dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor]]:
    """Digits, width 64, learning rate 0.1, batches of 32, for (norm, init) in all four pairs.

    Returns the training loss (mean over the last 20 batches, in train mode) and the held-out accuracy, both
    (depths, seeds).
    """
    found: dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor]] = {}
    for name, norm in (("none", None), ("batch", layer)):
        nets = []
        for depth in depths:
            makes = [partial(MLP, widths(64, 10, depth=depth), norm, init) for init in ("default", "he")]
            runs = [Run(make, 0.1, seed) for make in makes for seed in SEEDS]
            nets.append(train_stack(runs, digits(), batch_size=32, steps=steps).grid(2, len(SEEDS)))
        for i, init in enumerate(("default", "he")):
            losses = torch.stack([n[i].losses[:, -20:].mean(dim=1) for n in nets])
            found[name, init] = losses, torch.stack([n[i].test_accuracy for n in nets])
    return found


def depth_figure(depths: Sequence[int], found: dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor]]) -> Figure:
    """Training loss and held-out accuracy against depth; median and range over seeds."""
    figure, (left, right) = figures.subplots(1, 2, height=3.6)
    for (norm, init), (losses, accuracy) in found.items():
        colour = "none, He" if (norm, init) == ("none", "he") else norm
        label = f"{'no norm' if norm == 'none' else 'batch norm'}, {'He' if init == 'he' else 'default'} init"
        for ax, values in ((left, _capped(losses, 10.0)), (right, accuracy)):
            figures.band(ax, depths, values.T, colour, label)
            ax.lines[-1].set(linestyle="--" if init == "he" else "-", marker="o", markersize=4)
    left.set(title="training loss (last 20 batches)", xlabel="hidden layers", yscale="log")
    left.set(ylabel="cross-entropy")
    right.set(title="held-out accuracy", xlabel="hidden layers", ylim=(0, 1.02))
    for ax in (left, right):
        ax.set_xticks(depths)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def placed(layer: Norm, sizes: list[int], after: bool) -> nn.Sequential:
    """An MLP with its norms after the nonlinearity, where the bias stays, or before it, where it is dropped."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        linear = nn.Linear(fan_in, fan_out, bias=after)
        parts += [linear, nn.ReLU(), layer(fan_out)] if after else [linear, layer(fan_out), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-2], sizes[-1]))


def placement(layer: Norm, lrs: Sequence[float]) -> dict[tuple[str, float], list[float]]:
    """Held-out accuracy on digits for each seed, by ("before" or "after", learning rate).

    Depth 6, batches of 64, 100 steps, float64.
    """
    split, sizes = digits(torch.float64), widths(64, 10)
    return {
        (where, lr): [
            train(
                lambda where=where: placed(layer, sizes, where == "after"),  # type: ignore[misc]
                split,
                lr=lr,
                batch_size=64,
                steps=100,
                seed=seed,
            )[1].test_accuracy[-1]
            for seed in SEEDS
        ]
        for where in ("before", "after")
        for lr in lrs
    }
