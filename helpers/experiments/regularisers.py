"""Notebook 10: eight ways to regularise one net, each with the same number of runs to choose its strength."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from helpers.lab.tables import signed, spread, table
from helpers.lab.training import batches, evaluate, one_thread, seeded

from . import stored
from .memorising import Rows, mlp, rows
from .shards import ghost

FILE = "regularisers"
TRAIN, WIDTH, STEPS, BATCH, RATE, WRONG, EVERY = 400, 64, 360, 60, 0.2, 0.2, 20
CONTROL, NORM, PARTS = "nothing", "batch norm, 60 rows a mean", "batch norm, parts"
WAYS: dict[str, tuple[float, ...]] = {
    CONTROL: (0, 1, 2, 3),
    "early stopping": (1, 2, 4, 8),
    "dropout": (0.1, 0.3, 0.5, 0.7),
    "L2": (0.003, 0.01, 0.03, 0.1),
    "L1, soft threshold": (0.0003, 0.001, 0.003, 0.01),
    "label smoothing": (0.05, 0.1, 0.2, 0.4),
    "noise on inputs": (0.3, 0.6, 1.0, 1.5),
    NORM: (0, 1, 2, 3),
    PARTS: (15, 10, 6, 4),
}
"""Four runs for each way: its strengths, or for those that have none four starts.

Early stopping: patience, in evaluations.  Noise: its standard deviation, that of all pixels is 1.  Parts: rows that
share their mean and variance in training; the step sees 60.
"""
MEASURED = ("validation loss", "test loss", "test accuracy", "wrong labels repeated")


def data(seed: int) -> Rows:
    """400 rows to train on, a fifth of their labels wrong; 297 for validation, labels right; 500 for the test."""
    found = rows(seed, WRONG)
    split = found.train
    few = type(split)(split.X_train[:TRAIN], split.y_train[:TRAIN], split.X_test, split.y_test)
    return Rows(few, found.validation, found.heard, found.wrong[:TRAIN], found.true[:TRAIN])


def measure(net: nn.Module, found: Rows) -> list[float]:
    """What :data:`MEASURED` names, in eval mode."""
    split, wrong = found.train, found.wrong
    test = evaluate(net, split.X_test, split.y_test)
    repeated = evaluate(net, split.X_train[wrong], split.y_train[wrong])[1]
    return [evaluate(net, *found.validation)[0], *test, repeated]


@one_thread()
def run(way: str, strength: float, seed: int) -> list[float]:
    """Train one net with one regulariser; what :data:`MEASURED` names.  The learning rate falls along a line to 0."""
    found = data(seed)
    split, start = found.train, 100 * seed + (int(strength) if way in (CONTROL, NORM) else 0)
    norm = way in (NORM, PARTS)
    best, since = [np.inf], 0
    noise = torch.Generator().manual_seed(start)
    with seeded(start):
        net = mlp(norm, strength if way == "dropout" else 0.0, WIDTH).train()
        net = ghost(net, BATCH // int(strength)) if way == PARTS else net
        weights = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
        smoothing = strength if way == "label smoothing" else 0.0
        for step, chosen in enumerate(batches(TRAIN, BATCH, STEPS, start)):
            x, lr = split.X_train[chosen], RATE * (1 - step / STEPS)
            if way == "noise on inputs":
                x = x + strength * torch.randn(x.shape, generator=noise)
            loss = F.cross_entropy(net(x), split.y_train[chosen], label_smoothing=smoothing)
            net.zero_grad()
            loss.backward()
            with torch.no_grad():
                for p in net.parameters():
                    p.sub_(lr * p.grad)  # type: ignore[operator]
                for w in weights:
                    if way == "L2":
                        w.mul_(1 - lr * strength)
                    elif way == "L1, soft threshold":
                        w.copy_(F.softshrink(w, lr * strength))
            if way == "early stopping" and step % EVERY == EVERY - 1:
                now = measure(net, found)
                best, since = (now, 0) if now[0] < best[0] else (best, since + 1)
                if since == strength:
                    return best
    return best if way == "early stopping" else measure(net, found)


def same_budget(seed: int) -> dict[str, list[list[float]]]:
    """One seed: for each way its four runs, (4, measured)."""
    return {way: [run(way, strength, seed) for strength in strengths] for way, strengths in WAYS.items()}


def chosen(found: stored.Found, way: str) -> tuple[Any, Any]:
    """(place of the run with the lowest validation loss, what it measured) for each seed."""
    runs = found[way]
    place = runs[:, :, 0].argmin(axis=1)
    return place, runs[np.arange(len(runs)), place]


def budget_table() -> None:
    """Test loss and accuracy at the strength that validation chose, and the differences from the control, by seed."""
    found, body = stored.load(FILE, "same_budget"), []
    control = chosen(found, CONTROL)[1]
    for way, strengths in WAYS.items():
        place, values = chosen(found, way)
        names, counts = np.unique(place, return_counts=True)
        often = "–" if way in (CONTROL, NORM) else f"{strengths[names[counts.argmax()]]:g} ({counts.max()})"
        loss, accuracy = values[:, 1], 100 * values[:, 2]
        cells = (
            ["–", "–"]
            if way == CONTROL
            else [
                f"{signed(loss - control[:, 1], 2)}; {(loss < control[:, 1]).sum()}",
                f"{signed(accuracy - 100 * control[:, 2])}; {(accuracy > 100 * control[:, 2]).sum()}",
            ]
        )
        body.append([way, often, spread(loss), cells[0], spread(accuracy, 1), cells[1], spread(100 * values[:, 3], 0)])
    head = [
        "regulariser",
        "chosen most often (in)",
        "test loss",
        "− nothing; lower in",
        "test accuracy, %",
        "− nothing; higher in",
        "wrong labels repeated, %",
    ]
    table(
        head,
        body,
        "Four runs each, the best by validation loss: median (range), ten seeds; in how many of ten it is better",
    )
    accuracy = {way: 100 * chosen(found, way)[1][:, 2] for way in ("noise on inputs", PARTS, "L2", "dropout")}
    dropout = accuracy.pop("dropout")
    body = [[way, signed(v - dropout), (v > dropout).sum(), (v < dropout).sum()] for way, v in accuracy.items()]
    table(["test accuracy against dropout's", "points", "higher in", "lower in"], body, "The same runs, seed by seed")


def parts_table() -> None:
    """Batch norm whose means have fewer and fewer rows behind them, against the one with 60, seed by seed."""
    found, body = stored.load(FILE, "same_budget"), []
    whole = found[NORM][:, 0]
    body.append(
        [
            "60",
            f"{60**-0.5:.2f}",
            spread(whole[:, 1]),
            "–",
            spread(100 * whole[:, 2], 1),
            "–",
            spread(100 * whole[:, 3], 0),
        ]
    )
    for i, size in enumerate(WAYS[PARTS]):
        part = found[PARTS][:, i]
        loss, accuracy = part[:, 1] - whole[:, 1], 100 * (part[:, 2] - whole[:, 2])
        body.append(
            [
                f"{size:g}",
                f"{size**-0.5:.2f}",
                spread(part[:, 1]),
                f"{signed(loss, 2)}; {(loss < 0).sum()}",
                spread(100 * part[:, 2], 1),
                f"{signed(accuracy)}; {(accuracy > 0).sum()}",
                spread(100 * part[:, 3], 0),
            ]
        )
    head = [
        "rows behind a mean",
        "its deviation, in σ",
        "test loss",
        "− 60 rows; lower in",
        "test accuracy, %",
        "− 60 rows; higher in",
        "wrong labels repeated, %",
    ]
    table(
        head,
        body,
        "Batch norm and nothing else, steps of 60 rows: median (range), ten seeds; in how many of ten it is better",
    )
