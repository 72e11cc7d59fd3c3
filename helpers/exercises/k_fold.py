"""Notebook 10: a k-fold pipeline in which held-out rows reach what is fitted, and its repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, asked, matches, near, tensor

from .measuring import SALT, normal

Predict = Callable[[torch.Tensor], torch.Tensor]
Fit = Callable[[torch.Tensor, torch.Tensor], Predict]
Pipeline = Callable[[torch.Tensor, torch.Tensor, int, int, Fit], Any]
ROWS, FEATURES, FOLDS, KEEP = 26, 12, 4, 3
_SEES_OTHERS = asked("does what fit sees change with a held-out row")
_SEES_LABELS = asked("does what fit sees change with a held-out label")


def _data() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows whose features have other means and scales, and labels that depend on a few of them."""
    X = normal(0, (ROWS, FEATURES), np.linspace(-3, 4, FEATURES), np.linspace(0.5, 3, FEATURES)).double()
    y = torch.tensor(np.random.RandomState(1 + SALT).permutation(ROWS) % 2, dtype=torch.float64)
    X[:, 4:8] += y[:, None] * torch.tensor([0.6, -0.8, 1.0, -1.2], dtype=torch.float64)
    return X, y


class _Watched:
    """A model for the pipeline: notes what it is fitted on, and what it is asked for.

    It answers 1 where the sum of a row is positive: the order of the features does not count.
    """

    def __init__(self) -> None:
        self.fitted: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.asked: list[torch.Tensor] = []

    def __call__(self, X: torch.Tensor, y: torch.Tensor) -> Predict:
        if X.ndim != 2 or len(X) != len(y):
            raise BadOutput(
                f"fit is given X {tuple(X.shape)} and y {tuple(y.shape)}; (rows, features) and (rows,) are needed."
            )
        self.fitted.append((X.detach().clone(), y.detach().clone()))

        def predict(rows: torch.Tensor) -> torch.Tensor:
            self.asked.append(rows.detach().clone())
            answer: torch.Tensor = (rows.sum(1) > 0).to(y.dtype)
            return answer

        return predict


def _run(pipeline: Pipeline, X: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, _Watched]:
    model = _Watched()
    scores = pipeline(X, y, FOLDS, KEEP, model)
    if isinstance(scores, (list, tuple)) and scores:
        scores = torch.stack([torch.as_tensor(score, dtype=torch.float64) for score in scores])
    if len(model.fitted) != FOLDS:
        raise BadOutput(f"fit is called {len(model.fitted)} times for {FOLDS} folds.")
    return tensor(scores, "the result"), model


def _columns(fitted: tuple[torch.Tensor, torch.Tensor], X: torch.Tensor, y: torch.Tensor, fold: int) -> list[int]:
    """Which feature of X fit saw in each column, its rows in any order, but with their labels; -1: none."""
    seen, train = fitted[0], torch.arange(len(X)) % FOLDS != fold
    rows = train if len(seen) == int(train.sum()) else train | True
    if int(rows.sum()) != len(seen):
        return [-1] * seen.shape[1]

    def unit(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        centred = values.double() - values.double().mean(0)
        scaled = centred / centred.norm(dim=0).clamp(min=1e-12)
        return torch.sort(scaled * (2 * labels.reshape(-1, 1) - 1), 0).values

    alike = unit(*fitted).T @ unit(X[rows], y[rows])
    return [int(row.argmax()) if row.max() > 0.999 else -1 for row in alike]


def _fitted(pipeline: Pipeline) -> dict[str, Any]:
    X, y = _data()
    given = X.clone()
    _, model = _run(pipeline, X, y)
    chosen = torch.zeros(FOLDS, FEATURES + 1)
    for fold, fitted in enumerate(model.fitted):
        chosen[fold, _columns(fitted, given, y, fold)] = 1
    return {
        "rows that fit sees in each fold": [len(seen) for seen, _ in model.fitted],
        "features of each fold (1 chosen)": chosen[:, :-1],
        "largest mean of a feature that fit sees": max(seen.mean(0).abs().max() for seen, _ in model.fitted),
        "smallest standard deviation of a feature that fit sees": min(s.std(0).min() for s, _ in model.fitted),
        "largest standard deviation of a feature that fit sees": max(s.std(0).max() for s, _ in model.fitted),
        "largest change of X": (X - given).abs().max(),
    }


def _held_out(pipeline: Pipeline) -> dict[str, Any]:
    X, y = _data()
    scores, model = _run(pipeline, X, y)
    if len(model.asked) != FOLDS:
        raise BadOutput(f"predict is called {len(model.asked)} times for {FOLDS} folds.")
    return {
        "rows that predict is asked for in each fold": [len(rows) for rows in model.asked],
        "sum of each held-out row": torch.cat([rows.sum(1) for rows in model.asked]),
        "scores": scores,
    }


def _changed(pipeline: Pipeline) -> dict[str, Any]:
    """Fold 1 holds out the rows 1, 5, 9, …: change them, and see whether its fit notices."""
    X, y = _data()
    held_out = torch.arange(ROWS) % FOLDS == 1
    other_rows, other_labels = X.clone(), y.clone()
    other_rows[held_out] = 50 * normal(5, (int(held_out.sum()), FEATURES)).double()
    other_labels[held_out] = 1 - other_labels[held_out]
    before, rows, labels = (_run(pipeline, *data)[1].fitted[1] for data in ((X, y), (other_rows, y), (X, other_labels)))

    def differ(a: tuple[torch.Tensor, torch.Tensor], b: tuple[torch.Tensor, torch.Tensor]) -> bool:
        return not all(s.shape == t.shape and torch.allclose(s, t) for s, t in zip(a, b, strict=True))

    return {_SEES_OTHERS: differ(before, rows), _SEES_LABELS: differ(before, labels)}


_FED = f"{ROWS} rows of {FEATURES} features, {FOLDS} folds, {KEEP} features kept; a model that notes what it is given"

k_fold_exercise = Exercise(
    id="k_fold",
    title="A leak in a k-fold pipeline",
    module=__name__,
    builds="k_fold_accuracy",
    probes=(
        Probe("fitted", _FED, _fitted),
        Probe("changed", "the same, and again with other held-out rows, or other held-out labels, in fold 1", _changed),
        Probe("held_out", _FED, _held_out),
    ),
    checks=(
        Check(
            "fitted",
            "1 · no held-out row or label reaches what is fitted",
            (
                matches("fitted/rows that fit sees in each fold", atol=0.0, rtol=0.0),
                near(f"changed/{_SEES_OTHERS}", 0.0, 0.0),
                near(f"changed/{_SEES_LABELS}", 0.0, 0.0),
                matches("fitted/features of each fold (1 chosen)", atol=0.0, rtol=0.0),
                near("fitted/largest mean of a feature that fit sees", 0.0, 1e-6),
                near("fitted/smallest standard deviation of a feature that fit sees", 1.0, 0.05),
                near("fitted/largest standard deviation of a feature that fit sees", 1.0, 0.05),
                near("fitted/largest change of X", 0.0, 0.0),
            ),
            "With many features and few rows a leak makes noise look like skill.",
            (
                "Which lines compute something from all rows? What would each of them know of a held-out row?",
                "Means, deviations and the choice of features are fitted too. All three belong inside the loop, from the rows of training alone.",
                "`train = X[~held_out]` first; then `mean, std = train.mean(0), train.std(0)`, and correlations with `y[~held_out]`",
            ),
        ),
        Check(
            "held_out",
            "2 · held-out rows go through what was fitted without them",
            (
                matches("held_out/rows that predict is asked for in each fold", atol=0.0, rtol=0.0),
                matches("held_out/sum of each held-out row", atol=0.02, rtol=0.05),
                matches("held_out/scores", atol=1e-6),
            ),
            "A row scaled by its own fold's mean is another row in every fold, and none in production.",
            (
                "In production one row comes alone. Whose mean is subtracted from it?",
                "Use the mean, the deviation and the features of the training rows for the held-out rows as well.",
                "`predict(((X[held_out] - mean) / std)[:, chosen])`",
            ),
        ),
    ),
)
