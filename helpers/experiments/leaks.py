"""Notebook 10: what a leak in cross-validation makes of pure noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread

ROWS, FEATURES, FOLDS, KEEP = 50, 1000, 10, 10
SEEDS = range(10)
Predict = Callable[[torch.Tensor], torch.Tensor]


def noise(seed: int, rows: int = ROWS) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and labels, 0.0 or 1.0, that have nothing to do with each other; half of the labels are 1."""
    random = torch.Generator().manual_seed(40_000 + seed)
    X = 2 + 3 * torch.randn(rows, FEATURES, generator=random, dtype=torch.float64)
    return X, (torch.randperm(rows, generator=random) % 2).double()


def nearest_mean(X: torch.Tensor, y: torch.Tensor) -> Predict:
    """Fits the mean row of each class, and returns predict(X): the class whose mean is nearer."""
    means = torch.stack([X[y == label].mean(0) for label in (0.0, 1.0)])
    return lambda rows: torch.cdist(rows, means).argmin(dim=1).to(y.dtype)


def _scaled(X: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return (X - by.mean(0)) / by.std(0)


def _strongest(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (X.T @ (y - y.mean())).abs().topk(KEEP).indices


def scores(X: torch.Tensor, y: torch.Tensor, leaks: Iterable[str], folds: int = FOLDS) -> torch.Tensor:
    """Accuracy of each fold.  leaks: what is fitted on all rows, "scaling" or "choice"; the rest inside the fold."""
    leaks, found = set(leaks), []
    for i in range(folds):
        out = torch.arange(len(X)) % folds == i
        Z = _scaled(X, X if "scaling" in leaks else X[~out])
        best = _strongest(_scaled(X, X), y) if "choice" in leaks else _strongest(_scaled(X[~out], X[~out]), y[~out])
        predict = nearest_mean(Z[~out][:, best], y[~out])
        found.append((predict(Z[out][:, best]) == y[out]).double().mean())
    return torch.stack(found)


@one_thread()
def surprise() -> None:
    """Ten data sets, ten folds each: the accuracy that is announced, and that on 1,000 rows that come afterwards."""
    announced, new = [], []
    for seed in SEEDS:
        X, y = noise(seed, ROWS + 1000)
        first = torch.arange(len(X)) < ROWS
        announced.append(float(scores(X[first], y[first], ("scaling", "choice")).mean()))
        best = _strongest(_scaled(X[first], X[first]), y[first])
        predict = nearest_mean(_scaled(X[first], X[first])[:, best], y[first])
        new.append(float((predict(_scaled(X, X[first])[~first][:, best]) == y[~first]).double().mean()))
    body = [
        ["ten-fold cross-validation", spread(100 * np.array(announced), 0)],
        ["1,000 rows that come later", spread(100 * np.array(new), 0)],
    ]
    table(
        ["accuracy in % on", "the model"], body, f"{ROWS} rows, {FEATURES} features: median (range) over ten data sets"
    )


@one_thread()
def which_leak_table() -> None:
    """The same data with one leak at a time."""
    ways = {
        "both, as found": ("scaling", "choice"),
        "the choice of features": ("choice",),
        "the scaling": ("scaling",),
        "nothing": (),
    }
    found = {name: np.array([float(scores(*noise(s), leaks).mean()) for s in SEEDS]) for name, leaks in ways.items()}
    body = [
        [name, spread(100 * values, 0), "–" if name == "nothing" else spread(100 * (values - found["nothing"]), 0)]
        for name, values in found.items()
    ]
    table(
        ["fitted on all rows", "accuracy in %", "points, − nothing"],
        body,
        "Ten-fold cross-validation on noise: median (range), ten data sets",
    )


@one_thread()
def yours_table(k_fold_accuracy: Callable[..., Any]) -> None:
    """The learner's pipeline on the ten data sets."""
    found = [
        float(torch.as_tensor(k_fold_accuracy(*noise(s), FOLDS, KEEP, nearest_mean)).double().mean()) for s in SEEDS
    ]
    table(
        ["your pipeline"], [[spread(100 * np.array(found), 0)]], "Accuracy in % on noise: median (range), ten data sets"
    )
