"""The tables of notebook 04 that are measured live, one call each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.lab import figures
from helpers.lab.data import Split
from helpers.lab.tables import spread, table
from helpers.lab.training import seeded

from .mode_figures import median_accuracy, train_mode_accuracies, train_mode_figure
from .mode_seeds import points
from .train_and_eval import (
    Reestimate,
    accuracy,
    by_class,
    moving_averages,
    predict_in_train_mode,
    repaired,
    shifts,
    shuffled,
    steps_until,
    without_statistics,
)

SIZES = (2, 4, 8, 16, 32, 64, 128, 500)
_FIVE = "Held-out accuracy of five nets: median (range)"


def accuracies(nets: Iterable[nn.Module], X: torch.Tensor, y: torch.Tensor) -> str:
    """Accuracy of each net in eval mode, as median (range)."""
    return spread([accuracy(net, X, y) for net in nets])


def _said(*seen: bool) -> list[str]:
    return ["yes" if s else "no" for s in seen]


def two_switches() -> None:
    """Mode and gradients, in all four settings: what the layer uses, and what it changes."""
    x, rows = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)) + 3, []
    for mode, gradients in product(("train", "eval"), ("on", "off")):
        layer = nn.BatchNorm1d(4).train(mode == "train")
        with torch.set_grad_enabled(gradients == "on"):
            y = layer(x)
        assert layer.running_mean is not None
        used_batch, moved = y.mean().abs().item() < 1e-5, layer.running_mean.abs().max().item() > 0
        rows.append([mode, gradients, *_said(used_batch, moved, y.requires_grad)])
    head = ["mode", "gradients", "normalised with the batch", "buffers moved", "graph kept"]
    table(head, rows, "One batch of 8 rows around 3 through a new `nn.BatchNorm1d(4)`")


def momenta() -> None:
    """How fast three momenta forget the start value, and how many batches they average."""
    rows = [
        [m, f"{1 - m:g}", steps_until(0.1, m), steps_until(0.01, m), round((2 - m) / m)] for m in (0.1, 0.01, 0.001)
    ]
    head = ["PyTorch momentum", "in Keras", "batches until 10 %", "until 1 %", "settled: noise as of a mean of"]
    table(head, rows, "Batches until the start value weighs 10 % and 1 %")


def lean(batches: int = 50) -> None:
    """Where the buffers are after some batches of mean 3 and variance 4: by the formula, and measured."""
    rows = []
    for m in (0.1, 0.01, 0.001):
        seen, left = moving_averages(m, batches)[:, -1].mean(dim=1), (1 - m) ** batches
        rows.append([m, f"{3 * (1 - left):.1f}", f"{seen[0]:.1f}", f"{1 + 3 * (1 - left):.1f}", f"{seen[1]:.1f}"])
    head = ["momentum", "mean: formula", "measured", "variance: formula", "measured"]
    table(head, rows, f"The buffers after {batches} batches, mean of 20 features; the truth is 3 and 4")


def plain_averages(split: Split) -> None:
    """The plain average of the batches' variances against the variance of all rows, for the pixels of the digits."""
    X, y, rows = split.X_train, split.y_train, []
    pixels = X.var(dim=0) > 0.05
    for name, orders in {
        "mixed, six times": [shuffled(y, i) for i in range(6)],
        "sorted by class": [by_class(y)],
    }.items():
        plain = [torch.stack([batch.var(dim=0) for batch in X[order].split(64)]).mean(dim=0) for order in orders]
        rows.append([name, spread([(p / X.var(dim=0))[pixels].median().item() for p in plain])])
    caption = f"Batches of 64 digits: the median of the {pixels.sum()} pixels with a variance above 0.05"
    table(["rows", "plain average ÷ variance of all rows"], rows, caption)


def predicting_in_train_mode(nets: Sequence[nn.Module], split: Split) -> None:
    """Bug 1: figure and table of the accuracy by batch size, for mixed and for sorted rows."""
    X, y = split.X_test, split.y_test
    mixed, sorted_ = (
        train_mode_accuracies(nets, X, y, orders, SIZES)
        for orders in ([shuffled(y, seed) for seed in range(5)], [by_class(y)])
    )
    figures.show(
        train_mode_figure(SIZES, mixed, sorted_, median_accuracy(nets, X, y)),
        "Held-out accuracy in train mode against batch size, for mixed and for sorted rows; eval mode as a line.",
    )
    in_eval, rows = np.array([accuracy(net, X, y) for net in nets]), []
    for size, some, others in zip(SIZES, np.transpose(mixed), np.transpose(sorted_), strict=True):
        rows.append([size, spread(some), f"{points(some, in_eval)} higher", spread(others)])
    head = ["batch size", "rows mixed", "points: mixed − eval mode", "sorted by class"]
    table(head, rows, f"{_FIVE}, in train mode; mixed: each net's mean of five orders")


def polluted_buffers(nets: Sequence[nn.Module], split: Split, reestimate: Reestimate) -> None:
    """Bug 2: accuracy in eval mode after one pass in train mode, and after re-estimating."""
    X, y, rows = split.X_test, split.y_test, []
    for size in (2, 8, 64):
        mixed, sorted_ = (
            [predict_in_train_mode(net, X, y, order, size)[1] for net in nets]
            for order in (shuffled(y, 0), by_class(y))
        )
        again = [repaired(net, split.X_train, reestimate) for net in sorted_]
        rows.append([size, *(accuracies(some, X, y) for some in (mixed, sorted_, again))])
    head = ["batch size", "after mixed rows", "after sorted rows", "then re-estimated"]
    table(head, rows, f"{_FIVE}, in eval mode")


def rests(rows: int) -> None:
    """Bug 5: what is left of an epoch, by batch size."""
    sizes = (2, 4, 8, 16, 32, 64)
    table(
        ["batch size", "full batches", "rows left"],
        [[n, rows // n, rows % n] for n in sizes],
        f"An epoch of {rows:,} rows",
    )


def classes_in_batches(split: Split, batch_size: int = 64) -> None:
    """Bug 6: how many classes the batches hold when the rows are sorted, and when they are mixed."""
    y, rows = split.y_train, []
    for name, order in {"mixed": shuffled(y, 0), "sorted by class": by_class(y)}.items():
        counts = [len(y[batch].unique()) for batch in order.split(batch_size)]
        rows.append(
            [name, len(counts), counts.count(1), counts.count(2), len(counts) - counts.count(1) - counts.count(2)]
        )
    head = ["rows", "batches", "of one class", "of two", "of more"]
    table(head, rows, f"{len(y):,} training rows in batches of {batch_size}")


def lost_buffers(nets: Sequence[nn.Module], split: Split, reestimate: Reestimate) -> None:
    """Bug 7: a checkpoint of parameters only."""
    lost = [without_statistics(net) for net in nets]
    again = [repaired(net, split.X_train, reestimate) for net in lost]
    made = {"as saved": nets, "loaded": lost, "loaded, then re-estimated": again}
    rows = [[name, accuracies(some, split.X_test, split.y_test)] for name, some in made.items()]
    table(["net", "accuracy"], rows, f"{_FIVE}, in eval mode")


def shifted_rows(nets: Sequence[nn.Module], split: Split, reestimate: Reestimate) -> None:
    """Section 5: five changes of the held-out digits, with old and with re-estimated statistics."""
    rows, y = [], split.y_test
    for name, X in shifts(split.X_test).items():
        adapted = [repaired(net, X, reestimate, batch_size=100) for net in nets]
        rows.append([name, accuracies(nets, X, y), accuracies(adapted, X, y)])
    table(["change", "training statistics", "re-estimated on the new rows"], rows, _FIVE)


def some_classes(nets: Sequence[nn.Module], split: Split, reestimate: Reestimate) -> None:
    """Section 5: fewer classes arrive than in training; the control is as many rows of all classes."""
    rows = []
    for name, classes in {"all digits": range(10), "3 and 8": (3, 8), "only 3": (3,)}.items():
        some = torch.isin(split.y_test, torch.tensor(list(classes)))
        X, y = split.X_test[some], split.y_test[some]
        mixed = split.X_test[shuffled(split.y_test, 0)[: len(X)]]
        adapted, control = ([repaired(net, used, reestimate, len(X)) for net in nets] for used in (X, mixed))
        rows.append([name, len(y), *(accuracies(some, X, y) for some in (nets, adapted, control))])
    head = ["what arrives", "rows", "training statistics", "re-estimated on it", "on as many rows of all classes"]
    table(head, rows, _FIVE)


def four_freezes() -> None:
    """Section 6: one step of SGD with weight decay under the four freezes, and with an old gradient left over."""
    rows = [
        [statistics, affine, *_said(*one_step(statistics == "frozen", affine == "frozen"))]
        for statistics, affine in product(("free", "frozen"), repeat=2)
    ]
    rows.append(["frozen", "frozen after a backward()", *_said(*one_step(True, True, old_gradient=True))])
    table(
        ["statistics", "gamma and beta", "buffers moved", "gamma moved"],
        rows,
        "One step of SGD with weight decay 0.1",
        (1,),
    )


def one_step(statistics: bool, affine: bool, old_gradient: bool = False) -> tuple[bool, bool]:
    """(Did the buffers move, did γ move); ``old_gradient``: γ has a gradient from before its freeze."""
    random = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, 4, generator=random) + 3, torch.arange(8) % 3
    with seeded(0):
        net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    layer = net[1]
    assert isinstance(layer, nn.BatchNorm1d) and layer.running_mean is not None
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.1)
    if old_gradient:
        cross_entropy(net(x), y).backward()
        layer.reset_running_stats()
    layer.train(not statistics).requires_grad_(not affine)
    cross_entropy(net(x), y).backward()
    optimiser.step()
    return layer.running_mean.abs().max().item() > 0, not torch.equal(layer.weight, torch.ones(4))
