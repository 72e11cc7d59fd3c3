"""Ioffe & Szegedy (2015): Figure 1 on digits, Figure 3 redrawn from its table, and §3.3 measured.

The net of §4.1: three fully connected layers of 100 sigmoid units, normal weights, zero biases, SGD without
momentum, batches of 60.  The nets of all seeds are trained at once, as stacks of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from helpers.lab.data import Split, digits
from helpers.lab.figures import COLOURS, band, subplots
from helpers.lab.nets import MLP
from helpers.lab.stack import Stack, losses_of
from helpers.lab.training import batches, one_thread, seeded

WIDTHS = [64, 100, 100, 100, 10]
BATCH_SIZE = 60
SEEDS = (0, 1, 2)
PERCENTILES = (15, 50, 85)


@dataclass(frozen=True)
class Curve:
    """One setting, several seeds.

    steps: (T,) the steps at which the nets were tested.  accuracy: (T, seeds), on the held-out digits.
    inputs: (T, 3, seeds, 100), the 15th, 50th and 85th percentile, over the held-out digits, of what enters
    each sigmoid of the last hidden layer.
    """

    steps: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    inputs: NDArray[np.float64]


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


def train_curve(
    norm: bool,
    lr: float,
    std: float = 0.1,
    standardised: bool = False,
    steps: int = 2000,
    stop_at: float | None = None,
    seeds: Sequence[int] = SEEDS,
) -> Curve:
    """Train the net of §4.1 once for each seed, with or without batch normalization in its hidden layers.

    std: of the initial weights.  standardised: inputs with mean 0 and std 1; otherwise pixels from 0 to 1,
    nearer to the paper's binary images.  stop_at: end as soon as every seed has reached this accuracy.  A seed
    fixes the initial weights and the batches.
    """
    seen = []
    with one_thread():
        for step, accuracy, entering in _tested(norm, (lr,), std, standardised, steps, seeds):
            seen.append((step, accuracy[0], np.percentile(entering[0].numpy(), PERCENTILES, axis=1)))
            highest = np.max([right for _, right, _ in seen], axis=0)
            if stop_at is not None and (highest >= stop_at).all():
                break
    tested, right, inputs = zip(*seen, strict=True)
    return Curve(np.array(tested), np.array(right), np.array(inputs))


def _tested(
    norm: bool, lrs: Sequence[float], std: float, standardised: bool, steps: int, seeds: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float64], torch.Tensor]]:
    """Train a net for each learning rate and seed, all at once; yields at each tested step what is found.

    That is: the step, the accuracy, (learning rates, seeds), and what enters the last hidden sigmoids,
    (learning rates, seeds, N, 100).
    """
    split = digits() if standardised else unit_pixels()
    total, grid = len(split.X_train), (len(lrs), len(seeds))
    started = [_net(norm, std, seed) for seed in seeds]
    nets = Stack(started * len(lrs))
    rates = torch.tensor(lrs).repeat_interleave(len(seeds))
    order = zip(*(batches(total, BATCH_SIZE, steps + 1, seed) for seed in seeds), strict=True)
    for step, rows in enumerate(order):
        if step % (10 if step < 200 else 50) == 0:
            right, entering = _test(nets, split, len(rates))
            yield step, right.reshape(grid), entering.unflatten(0, grid)
        at = torch.stack(rows * len(lrs))
        _update(nets, split.X_train[at], split.y_train[at], rates)


def steps_to(run: Curve, accuracy: float = 0.95) -> NDArray[np.float64]:
    """(seeds,) the first tested step with at least this held-out accuracy; infinite where there is none."""
    reached = run.accuracy >= accuracy
    return np.where(reached.any(0), run.steps[reached.argmax(0)], np.inf)


def tune(
    norm: bool, lrs: Sequence[float], std: float = 0.1, standardised: bool = False, patience: int = 1500
) -> dict[float, NDArray[np.float64]]:
    """``{learning rate: steps to 95 % for each seed}``.

    All learning rates are trained at once.  One is given up after ``patience`` steps, or after three times the steps
    that the slowest seed of the best learning rate has needed.
    """
    tuned = {lr: np.full(len(SEEDS), np.inf) for lr in lrs}
    with one_thread():
        for step, accuracy, _ in _tested(norm, lrs, std, standardised, patience, SEEDS):
            for lr, right in zip(lrs, accuracy, strict=True):
                tuned[lr] = np.where(right >= 0.95, np.minimum(tuned[lr], step), tuned[lr])
            there = [steps for steps in tuned.values() if np.isfinite(steps).all()]
            if len(there) == len(lrs) or (there and step >= 3 * tuned[best(tuned)].max()):
                break
    return tuned


def best(tuned: Mapping[float, NDArray[np.float64]]) -> float:
    """The learning rate with the fewest steps to 95 % (median over seeds)."""
    return min(tuned, key=lambda lr: float(np.median(tuned[lr])))


def span(steps: NDArray[np.float64]) -> str:
    """Median and range as text.

    >>> span(np.array([700.0, 1200.0, 800.0])), span(np.array([700.0, np.inf, 800.0]))
    ('800 (700–1200)', 'given up')
    """
    if not np.isfinite(steps).all():
        return "given up"
    return f"{np.median(steps):.0f} ({steps.min():.0f}–{steps.max():.0f})"


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


def accuracy_figure(plain: Curve, norm: Curve) -> Figure:
    """Figure 1(a): held-out accuracy against steps, median and range over seeds."""
    figure, axes = subplots(1, 1, width=7.0, height=3.2)
    for run, name, label in ((plain, "none", "without BN"), (norm, "batch", "with BN")):
        band(axes, run.steps, 100 * run.accuracy.T, name, label)
    axes.axhline(95, color="#999999", linewidth=1, linestyle=":")
    axes.set(xlabel="update step", ylabel="held-out accuracy (%)", ylim=(0, 101))
    axes.set_title("(a) test accuracy: median and range over seeds; dotted: 95 %")
    axes.legend(loc="lower right")
    return figure


def inputs_figure(plain: Curve, norm: Curve) -> Figure:
    """Figures 1(b) and 1(c): percentiles of what enters one typical sigmoid, over training."""
    figure, panels = subplots(1, 2, width=9.0, height=3.2, sharey=True)
    for axes, run, name, title in (
        (panels[0], plain, "none", "(b) without BN"),
        (panels[1], norm, "batch", "(c) with BN"),
    ):
        unit = typical_unit(run)
        low, middle, high = run.inputs[:, :, 0, unit].T
        axes.fill_between(run.steps, low, high, color=COLOURS[name], alpha=0.18, linewidth=0)
        for line, style in ((low, "--"), (middle, "-"), (high, "--")):
            axes.plot(run.steps, line, style, color=COLOURS[name])
        for line, label in ((low, "15th"), (middle, "50th"), (high, "85th")):
            end = (run.steps[-1], line[-1])
            axes.annotate(label, end, (4, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_title(f"{title}: unit {unit} of seed 0")
        axes.set_xlabel("update step")
    panels[0].set_ylabel("input of the sigmoid")
    return figure


def ladder_figure(rows: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]]) -> Figure:
    """Steps to 95 % for each (setting, plain net, BN net): median and range over seeds, and their ratio."""
    figure, axes = subplots(1, 1, width=8.0, height=0.8 + 0.55 * len(rows))
    for place, (_, plain, norm) in enumerate(rows):
        middles = []
        for steps, name, label in ((plain, "none", "without BN"), (norm, "batch", "with BN")):
            middle = float(np.median(steps))
            middles.append(middle)
            axes.plot([steps.min(), steps.max()], [place, place], color=COLOURS[name], linewidth=3, alpha=0.4)
            axes.plot(middle, place, "o", color=COLOURS[name], label=label if place == 0 else None)
        centre = float(np.sqrt(middles[0] * middles[1]))
        axes.annotate(f"× {middles[0] / middles[1]:.2g}", (centre, place), ha="center", va="center")
    axes.set_yticks(range(len(rows)), [setting for setting, _, _ in rows])
    axes.set(xscale="log", xlabel="steps to 95 % (logarithmic scale)", ylim=(len(rows) - 0.5, -0.5))
    axes.legend(loc="lower right")
    return figure


def table_figure(table: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Figure 3 of the paper from its numbers: steps to 72.2 % and best accuracy of each model."""
    figure, (left, right) = subplots(1, 2, width=9.0, height=2.9, sharey=True)
    for place, row in enumerate(table.values()):
        bar: dict[str, Any] = {"color": COLOURS["batch" if row["changes"] else "none"], "edgecolor": "white"}
        if len(row["changes"]) > 1:
            bar |= {"alpha": 0.45, "hatch": "///"}
        if row["steps"] is None:
            left.annotate("never reaches 72.2 %", (0.3, place), va="center")
        else:
            left.barh(place, row["steps"] / 1e6, **bar)
            left.annotate(f"{row['steps'] / 1e6:.1f}", (row["steps"] / 1e6 + 0.4, place), va="center")
        right.plot(row["accuracy"], place, "o", color=bar["color"], alpha=bar.get("alpha"))
        right.annotate(f"{row['accuracy']:.1f}", (row["accuracy"] + 0.2, place), va="center")
    names = [f"{name}\n{_changes(row)}" for name, row in table.items()]
    left.set_yticks(range(len(table)), names, fontsize=9)
    left.set(xlabel="steps to 72.2 % (millions)", xlim=(0, 36), ylim=(len(table) - 0.5, -0.5))
    right.set(xlabel="best accuracy (%)", xlim=(69, 76))
    return figure


@one_thread()
def scale_sweep(scales: Sequence[float], eps: float = 1e-5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What becomes of BN(Wu) and its gradient when W becomes a·W, for every a in ``scales``.

    Returns the largest change of the output, and the norm of a loss's gradient with respect to a·W divided by that
    with respect to W.  32 rows u of 8 normal numbers, W is 5×8 with std 0.3, the loss is a random weighting of the
    output; float64.
    """
    random = np.random.RandomState(0)
    u, W, upstream = (torch.tensor(random.normal(size=shape)) for shape in ((32, 8), (5, 8), (32, 5)))

    def run(a: float) -> tuple[torch.Tensor, torch.Tensor]:
        weights = (a * 0.3 * W).requires_grad_()
        y = nn.functional.batch_norm(u @ weights.T, None, None, training=True, eps=eps)
        (gradient,) = torch.autograd.grad((y * upstream).sum(), weights)
        return y.detach(), gradient

    y, gradient = run(1.0)
    pairs = [run(a) for a in scales]
    changes = np.array([(y_a - y).abs().max().item() for y_a, _ in pairs])
    return changes, np.array([(g.norm() / gradient.norm()).item() for _, g in pairs])


def scale_figure(scales: Sequence[float], changes: NDArray[np.float64], ratios: NDArray[np.float64]) -> Figure:
    """The two results of :func:`scale_sweep` against a; dashed: what §3.3 says, which has no ε."""
    figure, (left, right) = subplots(1, 2, width=9.0, height=3.0)
    left.plot(scales, changes, color=COLOURS["batch"])
    left.axhline(0, color="#999999", linestyle="--", linewidth=1)
    left.set(xscale="log", xlabel="a", title="largest change of the output")
    right.plot(scales, ratios, color=COLOURS["batch"], label="measured")
    right.plot(scales, 1 / np.asarray(scales), color="#999999", linestyle="--", linewidth=1, label="1/a")
    right.set(xscale="log", yscale="log", xlabel="a", title="gradient at a·W over gradient at W")
    right.legend()
    return figure


def unit_pixels() -> Split:
    """The course's digits with pixels from 0 to 1 in place of standardised ones."""
    split = digits()
    low, high = split.X_train.min(), split.X_train.max()
    return Split((split.X_train - low) / (high - low), split.y_train, (split.X_test - low) / (high - low), split.y_test)


def _changes(row: Mapping[str, Any]) -> str:
    count = len(row["changes"])
    return "the baseline" if count == 0 else "BN alone" if count == 1 else "BN and other changes"


def _net(norm: bool, std: float, seed: int) -> SigmoidMLP:
    with seeded(seed):
        return SigmoidMLP(norm, std)


def _update(nets: Stack, x: torch.Tensor, y: torch.Tensor, lrs: torch.Tensor) -> None:
    logits, _ = nets(x, training=True)
    loss = losses_of(logits, y).sum()
    nets.descend(torch.autograd.grad(loss, list(nets.parameters.values())), lrs)


@torch.no_grad()
def _test(nets: Stack, split: Split, count: int) -> tuple[NDArray[np.float64], torch.Tensor]:
    """Accuracy, (seeds,), on the held-out digits, and the inputs of the last hidden sigmoids, (seeds, N, 100).

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
