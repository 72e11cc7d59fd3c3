"""Notebook 10: nets that learn labels by heart, the curves that show it, and the epoch at which to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import signed, spread, table
from helpers.lab.training import History, evaluate, one_thread, seeded, sgd

from . import stored
from .differences import paired

FILE = "memorising"
BATCH, RATE, MOMENTUM = 64, 0.05, 0.9
EPOCHS = 60
WRONG = 0.3
PATIENCES = (1, 3, 10, 30)
TO_VALIDATE = 297
INK = {"training": "#1a1a1a", "validation": "#b04a00", "memory": "#6a3d9a"}
"""Colours of what is no norm: the curves of this notebook, each with a dash of its own."""


def mlp(norm: bool = False, dropout: float = 0.0, width: int = 128) -> nn.Sequential:
    """Two hidden layers, He initialisation; a norm stands before each ReLU, a dropout behind it."""
    layers: list[nn.Module] = []
    for inputs in (64, width):
        linear = nn.Linear(inputs, width)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, *([nn.BatchNorm1d(width)] if norm else []), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Linear(width, 10))


@dataclass(frozen=True)
class Rows:
    """Rows to train on, to decide with, and to judge at the end.

    wrong: (N,), True where the label of a training row was replaced by another digit's; true: its labels before.
    heard: labels of the validation rows with as many wrong ones.
    """

    train: Split
    validation: tuple[torch.Tensor, torch.Tensor]
    heard: torch.Tensor
    wrong: torch.Tensor
    true: torch.Tensor


def relabelled(y: torch.Tensor, share: float, random: torch.Generator) -> torch.Tensor:
    """The labels, a share of them replaced by one of the nine others."""
    chosen = torch.rand(len(y), generator=random) < share
    return torch.where(chosen, (y + torch.randint(1, 10, y.shape, generator=random)) % 10, y)


def rows(seed: int, wrong: float = 0.0) -> Rows:
    """1,000 digits to train on, 297 for validation, 500 for the test; the seed draws them, and the wrong labels."""
    split, random = digits(), torch.Generator().manual_seed(10_000 + seed)
    order = torch.randperm(len(split.X_train), generator=random)
    kept, aside = order[TO_VALIDATE:], order[:TO_VALIDATE]
    true, clean = split.y_train[kept], split.y_train[aside]
    y = relabelled(true, wrong, random)
    train = Split(split.X_train[kept], y, split.X_test, split.y_test)
    return Rows(train, (split.X_train[aside], clean), relabelled(clean, wrong, random), y != true, true)


def epochs(net: nn.Module, split: Split, count: int, seed: int, rate: float = RATE) -> Iterator[float]:
    """Train, and yield after each epoch its training loss as a progress bar prints it: the mean over its steps."""
    history, length = History(), math.ceil(len(split.X_train) / BATCH)
    net.train()
    for step, _ in enumerate(sgd(net, split, history, rate, BATCH, count * length, seed, MOMENTUM), 1):
        if step % length == 0:
            yield float(np.mean(history.losses[-length:]))


# --- random labels --------------------------------------------------------------------------------------------------


def shuffled(split: Split, seed: int) -> Split:
    """The split with its training labels drawn anew: they say nothing about the rows."""
    random = torch.Generator().manual_seed(20_000 + seed)
    return Split(split.X_train, torch.randint(0, 10, split.y_train.shape, generator=random), split.X_test, split.y_test)


@one_thread()
def by_heart(split: Split, seed: int, count: int, **net: Any) -> tuple[list[float], float]:
    """(training accuracy after each epoch, held-out accuracy at the end), both in eval mode."""
    with seeded(seed):
        model = mlp(**net)
        found = []
        for _ in epochs(model, split, count, seed):
            found.append(evaluate(model, split.X_train, split.y_train)[1])
    return found, evaluate(model, split.X_test, split.y_test)[1]


def opening(seed: int = 0) -> None:
    """Two nets on the same digits, one with their labels and one with labels from a lottery: accuracy by epoch."""
    split = digits()
    figure, ax = figures.subplots(width=7.0, height=3.0)
    ways = (("labels of the digits", split, "-"), ("labels from a lottery", shuffled(split, seed), "--"))
    for label, data, style in ways:
        curve, _ = by_heart(data, seed, EPOCHS)
        ax.plot(range(1, EPOCHS + 1), [100 * value for value in curve], style, color=INK["training"], label=label)
    ax.set(title="training accuracy in %, eval mode", xlabel="epoch", ylim=(0, 105))
    ax.legend(loc="center right")
    figures.show(
        figure,
        "Training accuracy against epochs for one net trained on the digits' labels and one trained on labels that "
        "were drawn at random.",
    )


TRUE = "nothing, the digits' labels"
NETS: dict[str, dict[str, Any]] = {
    TRUE: {},
    "nothing": {},
    "batch norm": {"norm": True},
    "dropout 0.2": {"dropout": 0.2},
    "dropout 0.5": {"dropout": 0.5},
}


def random_labels(seed: int) -> dict[str, float]:
    """One seed: training accuracy on random labels after 20 and after 60 epochs, by what the net has."""
    split, found = digits(), dict[str, float]()
    for name, net in NETS.items():
        curve, held_out = by_heart(split if name == TRUE else shuffled(split, seed), seed, EPOCHS, **net)
        found |= {f"20: {name}": curve[19], f"{EPOCHS}: {name}": curve[-1], f"held out: {name}": held_out}
    return found


def random_labels_table() -> None:
    """Accuracy on labels from a lottery, and in the first row on those of the digits."""
    found = stored.load(FILE, "random_labels")
    body = [
        [name, *(spread(100 * found[f"{what}: {name}"], 0) for what in ("20", EPOCHS, "held out"))] for name in NETS
    ]
    head = ["the net has", "training, 20 epochs", f"training, {EPOCHS} epochs", f"held out, {EPOCHS} epochs"]
    table(head, body, "Accuracy in %, labels from a lottery but in the first row, eval mode: median (range), ten seeds")


# --- label noise ----------------------------------------------------------------------------------------------------

CURVES = ("training loss, train mode", "training loss", "validation loss", "validation accuracy", "test accuracy")


@one_thread()
def curves(
    seed: int, wrong: float = WRONG, count: int = EPOCHS, dropout: float = 0.0, norm: bool = False
) -> dict[str, list[float]]:
    """One training: after each epoch what :data:`CURVES` names, and what became of the rows with wrong labels.

    All in eval mode but for the first.  "given back": the share of the wrong labels that the net repeats; "seen
    through": the share of these rows that it gives their true label.
    """
    data = rows(seed, wrong)
    X, y = data.train.X_train[data.wrong], data.train.y_train[data.wrong]
    found: dict[str, list[float]] = {
        name: [] for name in (*CURVES, "validation loss, noisy", "given back", "seen through")
    }
    with seeded(seed):
        net = mlp(norm, dropout)
        for printed in epochs(net, data.train, count, seed):
            loss, accuracy = evaluate(net, *data.validation)
            noisy, _ = evaluate(net, data.validation[0], data.heard)
            values = [printed, evaluate(net, data.train.X_train, data.train.y_train)[0], loss, accuracy]
            values += [evaluate(net, data.train.X_test, data.train.y_test)[1], noisy]
            values += [evaluate(net, X, labels)[1] for labels in (y, data.true[data.wrong])] if len(y) else [0.0, 0.0]
            for into, value in zip(found.values(), values, strict=True):
                into.append(value)
    return found


def label_noise(seed: int) -> dict[str, list[float]]:
    """:func:`curves` with three tenths of the labels wrong."""
    return curves(seed)


def gap(seed: int) -> dict[str, float]:
    """One seed, labels as they are, dropout of 0.5: the two training losses and the held-out one at epochs 5 and 60."""
    found = curves(seed, wrong=0.0, dropout=0.5)
    return {f"{epoch}: {name}": found[name][epoch - 1] for epoch in (5, EPOCHS) for name in CURVES[:3]}


def gap_table() -> None:
    """The training loss as it is printed, the same in eval mode, and the validation loss."""
    found, body = stored.load(FILE, "gap"), []
    for epoch in (5, EPOCHS):
        printed, training, validation = (found[f"{epoch}: {name}"] for name in CURVES[:3])
        body.append([epoch, *(spread(v, 3) for v in (printed, training, validation))])
        body[-1] += [spread(validation - other, 3) for other in (printed, training)]
    head = [
        "epoch",
        "training, as printed",
        "training, eval mode",
        "validation",
        "validation − printed",
        "validation − training",
    ]
    first, last = ([found[f"{epoch}: {name}"] for name in CURVES[:3]] for epoch in (5, EPOCHS))
    gaps = [[values[2] - values[i] for i in (0, 1)] for values in (first, last)]
    pairs = zip((*last, *gaps[1]), (*first, *gaps[0]), strict=True)
    body.append([f"{EPOCHS} − 5", *(paired(now, before, 3) for now, before in pairs)])
    table(head, body, "Losses of a net with dropout of 0.5, labels as they are: median (range), ten seeds")


def noise_figure() -> None:
    """Losses and accuracies over the epochs, three tenths of the labels wrong."""
    found, x = stored.load(FILE, "label_noise"), range(1, EPOCHS + 1)
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.8)
    lines = (
        (0, "training loss", "training", "-", "training, wrong labels and all"),
        (0, "validation loss", "validation", "--", "validation, true labels"),
        (1, "validation accuracy", "validation", "--", "validation accuracy, true labels"),
        (1, "given back", "memory", "-", "wrong labels that it repeats"),
        (1, "seen through", "memory", ":", "true labels that it says in their place"),
    )
    for place, name, ink, style, label in lines:
        runs = (100 if place else 1) * found[name]
        axes[place].plot(x, np.median(runs, axis=0), style, color=INK[ink], label=label)
        axes[place].fill_between(x, runs.min(axis=0), runs.max(axis=0), color=INK[ink], alpha=0.15, linewidth=0)
    axes[0].set(title="loss (band: ten seeds)", xlabel="epoch", ylim=(0, 1.7))
    axes[1].set(title="share of rows in % (band: ten seeds)", xlabel="epoch", ylim=(0, 105))
    keys = [axes[0].lines[0], *axes[1].lines]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    figures.show(
        figure,
        "Against epochs, three tenths of the training labels wrong. Left: training and validation loss. Right: "
        "validation accuracy, the share of wrong labels that the net repeats, and that of true labels in their place.",
    )


def noise_table() -> None:
    """What the figure shows, in numbers, at a few epochs."""
    found = stored.load(FILE, "label_noise")
    names = ("validation loss", "validation accuracy", "given back", "seen through")
    body = [
        [e, *(spread((1 if "loss" in n else 100) * found[n][:, e - 1], 2 if "loss" in n else 0) for n in names)]
        for e in (1, 3, 10, 20, EPOCHS)
    ]
    head = ["epoch", "validation loss", "validation accuracy", "wrong labels repeated", "true labels said instead"]
    loss, accuracy = found["validation loss"], found["validation accuracy"]
    table(head, body, "Three tenths of the training labels wrong; the last three in %: median (range), ten seeds")
    body = [
        ["lowest validation loss, at epoch", spread(loss.argmin(axis=1) + 1, 0)],
        ["highest validation accuracy, at epoch", spread(accuracy.argmax(axis=1) + 1, 0)],
        [f"validation loss, epoch {EPOCHS} − epoch 10", signed(loss[:, -1] - loss[:, 9], 2)],
    ]
    table(["the same nets", "median (range)"], body)


# --- when to stop ---------------------------------------------------------------------------------------------------


def best_epoch(losses: Sequence[float], patience: int) -> int:
    """The epoch, from 0 on, that is brought back: the best before ``patience`` in a row were no better.

    >>> best_epoch([5, 4, 4.5, 3, 6, 7, 1], 2), best_epoch([5, 4, 4.5, 3], 1)
    (3, 1)
    """
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best


def stopping_table() -> None:
    """Test accuracy of the epoch that comes back, by patience and by the labels of the validation rows."""
    found, body = stored.load(FILE, "label_noise"), []
    accuracy = 100 * found["test accuracy"]
    last = accuracy[:, -1]
    for patience in PATIENCES:
        cells = []
        for name in ("validation loss", "validation loss, noisy"):
            epoch = np.array([best_epoch(losses, patience) for losses in found[name]])
            reached = accuracy[np.arange(len(epoch)), epoch]
            cells += [spread(epoch + 1, 0), spread(reached, 1), spread(reached - last, 1)]
        body.append([patience, *cells])
    body.append(["never stopped", str(EPOCHS), spread(last, 1), "–", str(EPOCHS), spread(last, 1), "–"])
    head = [
        "patience",
        *(f"{what}, {labels}" for labels in ("true labels", "noisy labels") for what in ("epoch", "test", "gain")),
    ]
    table(
        head,
        body,
        "Test accuracy in % at the epoch brought back, and points gained on the last epoch: median (range), ten seeds",
    )


@one_thread()
def with_stopper(stopper: Callable[[int], Any], patience: int = 10, seed: int = 0) -> None:
    """Train with an early stopping of the learner's: where it stops, and the test accuracy before and after restore."""
    data, stopper_made, count = rows(seed, WRONG), stopper(patience), 0
    body: list[list[str]] = []
    with seeded(seed):
        net = mlp()
        for _ in epochs(net, data.train, EPOCHS, seed):
            count += 1
            if stopper_made.step(evaluate(net, *data.validation)[0], net):
                break
        parts = data.validation, (data.train.X_test, data.train.y_test)
        for name in (f"after epoch {count}, where it stopped", "after restore"):
            body.append([name, *(f"{100 * evaluate(net, *part)[1]:.1f}" for part in parts)])
            stopper_made.restore(net)
    table(["the net", "validation", "test"], body, f"Your EarlyStopping({patience}), one seed: accuracy in %")
