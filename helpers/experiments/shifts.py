"""Notebook 06: internal covariate shift, measured as it was defined in 2015 and as it was defined in 2018."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import spread, table
from helpers.lab.training import History, loss_of, one_thread, seeded, sgd
from helpers.look.style import COLOURS

from .why_it_works import BATCH_SIZE, RATE, STARTS, STEPS, load, make, title

PROBE = 256
"""Training rows on which the distribution of an activation is taken."""
LAYERS = (2, 4, 6)
"""The layers whose gradient is compared, counted from 1."""

_LOOK = {
    "none, default": ("none", (0, (1, 1.2))),
    "none, he": ("none, He", "--"),
    "batch, default": ("batch", "-"),
    "noisy, default": ("batch", (0, (3, 1))),
}
"""The nets of the opening: colour and line."""


# --- two definitions ------------------------------------------------------------------------------------------------


@torch.no_grad()
def entering(net: nn.Module, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(mean, standard deviation) of what enters the ReLUs of the last hidden layer, for rows X: (units,) each."""
    for block in net.hidden:  # type: ignore[union-attr]
        *parts, relu = block
        for part in parts:
            X = part(X)
        entered, X = X, relu(X)
    return entered.mean(dim=0), entered.std(dim=0)


def moved(before: nn.Module, after: nn.Module, X: torch.Tensor) -> float:
    """The shift of 2015 in the last hidden layer: how far a unit's mean moves, in its standard deviations.

    A mean over the units.
    """
    (old, deviation), (new, _) = (entering(copy.deepcopy(net).train(), X) for net in (before, after))
    return ((new - old).abs() / deviation).mean().item()


def agreement(before: nn.Module, after: nn.Module, X: torch.Tensor, y: torch.Tensor, layer: int) -> float:
    """The shift of 2018 at one hidden layer, counted from 1: the cosine of G and G′, 1 where there is no shift.

    G is the gradient of its weights before the update; for G′ the layers below it, and no others, are updated.  Both
    see the same batch, and the same noise.
    """
    mixed = copy.deepcopy(before)
    for old, new in list(zip(mixed.hidden, after.hidden, strict=True))[: layer - 1]:  # type: ignore[arg-type]
        old.load_state_dict(new.state_dict())
    G, H = (_gradient(copy.deepcopy(net), X, y, layer) for net in (before, mixed))
    return torch.cosine_similarity(G, H, dim=0, eps=1e-30).item()


def _gradient(net: nn.Module, X: torch.Tensor, y: torch.Tensor, layer: int) -> torch.Tensor:
    weight = net.hidden[layer - 1][0].weight  # type: ignore[index, union-attr]
    with seeded(0):
        return torch.autograd.grad(loss_of(net.train(), X, y), [weight])[0].flatten()


# --- the opening ----------------------------------------------------------------------------------------------------


@one_thread()
def watched(split: Split, net_name: str, seed: int = 0, steps: int = STEPS) -> tuple[list[float], list[float]]:
    """Train a net; for each step the mean that enters unit 0 of the last hidden layer, and the training loss."""
    means, history = [], History()
    with seeded(seed):
        net = make(net_name).train()
        for _ in sgd(net, split, history, RATE, BATCH_SIZE, steps, seed):
            means.append(entering(net, split.X_train[:PROBE])[0][0].item())
    return means, history.losses


def opening() -> None:
    """Train four nets and show how the mean that enters one unit moves, and how the loss falls."""
    runs = {net: watched(digits(), net) for net in _LOOK}
    figures.show(
        opening_figure(runs),
        "Two charts over 200 steps, each with four nets: no norm from two starts, batch norm, and batch norm with "
        "noise behind it. Left the mean of what enters one ReLU of the last hidden layer, right the training loss.",
    )


def opening_figure(runs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """runs: net → (means, losses), one number for each step."""
    figure, (left, right) = figures.subplots(1, 2, width=9.5, height=3.6)
    for net in reversed(list(runs)):  # the one that jumps lies below the others, the dotted one above
        means, losses = (torch.tensor(values) for values in runs[net])
        norm, dash = _LOOK[net]
        look = {"color": COLOURS[norm], "linestyle": dash}
        width = 0.8 if net.startswith("noisy") else 1.8
        left.plot(range(1, len(means) + 1), means, linewidth=width, **look)
        smooth = losses.view(-1, 5).mean(dim=1)
        right.plot(range(5, len(losses) + 1, 5), smooth, label=title(net), **look)
    left.set(title="mean that enters one ReLU of the last hidden layer", xlabel="step")
    right.set(title="training loss (means of 5 steps)", xlabel="step", ylim=(0, 2.5))
    right.legend()
    return figure


# --- tables ---------------------------------------------------------------------------------------------------------


def shift_table() -> None:
    """Both shifts in nets without noise, over the stored seeds."""
    found, rows = load("shift"), []
    for net in ("none, default", "none, he", "batch, default", "batch, he"):
        cells = [spread(found[f"{net}: moved"], 4), *(spread(column) for column in found[f"{net}: cosine"].T)]
        rows.append([title(net), *cells, spread(found[f"{net}: quiet"], 3)])
    layers = [f"2018: cosine of G and G′, layer {layer}" for layer in LAYERS]
    table(
        ["net", "2015: a mean moves by (in standard deviations)", *layers, QUIET],
        rows,
        _caption("One step of SGD, learning rate 0.1"),
    )


def noise_table() -> None:
    """What noise behind batch norm does to the shift of 2015, the loss and the accuracy, from both starts."""
    found, rows = load("shift"), []
    for start in STARTS:
        for name in ("none", "noise", "batch", "noisy"):
            net = f"{name}, {start}"
            rows.append([title(net), *(spread(found[f"{net}: {what}"], digits) for what, digits in MEASURES.values())])
    table(["net", *MEASURES], rows, _caption("Nets with and without noise before each ReLU"))


QUIET = "training loss, eval mode"
MEASURES = {
    "a mean moves by (in standard deviations)": ("moved", 4),
    "training loss, train mode": ("loss", 2),
    QUIET: ("quiet", 3),
    "held-out accuracy": ("accuracy", 3),
}


def _caption(what: str) -> str:
    return (
        f"{what}: median (range) of ten seeds. A move or a cosine is a median of nine steps. Train mode: last 20 "
        "steps; eval mode: all rows at the end."
    )
