"""Notebook 10: bias, variance and double descent, over training sets that are drawn again and again.

The model is least squares on p random ReLU features of the input; where many weights fit, the shortest are taken, which
gradient descent from 0 finds too.  The truth is known, so that bias, variance and noise can be told apart.
"""

from __future__ import annotations

import numpy as np
import torch

from helpers.lab import figures
from helpers.lab.tables import signed, spread, table
from helpers.lab.training import one_thread

from . import stored

FILE = "more_parameters"
ROWS, INPUTS, NOISE, SETS, POINTS = 40, 5, 0.3, 100, 200
FEATURES = (2, 5, 10, 20, 30, 36, 40, 44, 50, 70, 100, 200, 400, 1000)
RIDGES = (0.01, 0.1, 1.0, 10.0)
SHOWN = (5, 20, 40, 44, 100, 1000)
PARTS = ("bias²", "variance", "noise", "error")
INK = {"bias²": ("#6a3d9a", "--"), "variance": ("#b04a00", ":"), "error": ("#1a1a1a", "-")}


def truth(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The noiseless target, (N,): sin of a random direction of x, (N, INPUTS)."""
    return torch.sin(2 * x @ w)


def solve(A: torch.Tensor, y: torch.Tensor, ridge: float = 0.0) -> torch.Tensor:
    """Weights (sets, p): least squares with the penalty ridge · ‖w‖², the shortest solution where many fit.

    A: (sets, N, p).  y: (sets, N).  Solves with the smaller of AᵀA and AAᵀ: the weights are the same.
    """
    wide = A.shape[1] <= A.shape[2]
    square = A @ A.mT if wide else A.mT @ A
    square = square + ridge * torch.eye(square.shape[-1], dtype=A.dtype)
    right = y[..., None] if wide else A.mT @ y[..., None]
    found = torch.linalg.pinv(square, hermitian=True) @ right  # a feature may be 0 in every row
    weights: torch.Tensor = ((A.mT @ found) if wide else found)[..., 0]
    return weights


@one_thread()
def parts(seed: int, features: int, noise: float = NOISE, ridge: float = 0.0) -> dict[str, float]:
    """bias², variance and noise, their measured sum, and the training error, over :data:`SETS` training sets.

    The seed draws the truth, the features, the training sets, and the points at which all models are asked.
    """
    random = torch.Generator().manual_seed(30_000 + seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    w, points, X = normal(INPUTS) / INPUTS**0.5, normal(POINTS, INPUTS), normal(SETS, ROWS, INPUTS)
    y = truth(X, w) + noise * normal(SETS, ROWS)
    answers = truth(points, w) + noise * normal(SETS, POINTS)
    V, b = normal(INPUTS, features), normal(features)
    A, B = (torch.relu(x @ V + b) / features**0.5 for x in (X, points))
    weights = solve(A, y, ridge)
    predicted = weights @ B.T
    mean = predicted.mean(0)
    return {
        "bias²": float(((mean - truth(points, w)) ** 2).mean()),
        "variance": float(predicted.var(0, correction=0).mean()),
        "noise": noise**2,
        "error": float(((predicted - answers) ** 2).mean()),
        "training": float((((A @ weights[..., None])[..., 0] - y) ** 2).mean()),
    }


def over_features(seed: int) -> dict[str, list[float]]:
    """One seed: all parts by number of features; the error without noise, and with the ridge that is best at each."""
    runs = [parts(seed, p) for p in FEATURES]
    found = {name: [run[name] for run in runs] for name in (*PARTS, "training")}
    found["error, no noise"] = [parts(seed, p, noise=0.0)["error"] for p in FEATURES]
    found["error, ridge"] = [min(parts(seed, p, ridge=ridge)["error"] for ridge in RIDGES) for p in FEATURES]
    return found


def by_hand() -> None:
    """Three predictions for one point whose truth is 2: their mean, bias², variance and squared error."""
    predictions = np.array([1.0, 2.0, 6.0])
    errors = (predictions - 2.0) ** 2
    bias, variance = (predictions.mean() - 2.0) ** 2, predictions.var()
    table(
        ["mean", "bias²", "variance", "bias² + variance", "mean squared error"],
        [[f"{v:.2f}" for v in (predictions.mean(), bias, variance, bias + variance, errors.mean())]],
        "Predictions 1, 2 and 6 for a point whose truth is 2",
    )


def parts_table() -> None:
    """Bias², variance and noise beside the error that is measured, by number of features."""
    found, body = stored.load(FILE, "over_features"), []
    for p in SHOWN:
        now = {name: values[:, FEATURES.index(p)] for name, values in found.items()}
        cells = [spread(now["training"]), *(stored.brief(now[name]) for name in ("bias²", "variance"))]
        total = now["bias²"] + now["variance"] + now["noise"]
        more = stored.brief(now["error"] - now["error, no noise"]) if p != ROWS else "–"
        body.append([p, *cells, f"{NOISE**2:.2f}", stored.brief(total), stored.brief(now["error"]), more])
    head = [
        "features",
        "training error",
        "bias²",
        "variance",
        "noise",
        "sum of the three",
        "error",
        "added by noise",
    ]
    table(head, body, f"{ROWS} training rows, {SETS} training sets each: median (range), ten seeds")


def valleys_table() -> None:
    """The error with few features and with 1,000, without a penalty and with the best of four."""
    found, body = stored.load(FILE, "over_features"), []
    few = np.array(FEATURES) <= 20
    for name, key in {"none": "error", "best of four": "error, ridge"}.items():
        error = found[key]
        best, last = error[:, few].min(axis=1), error[:, -1]
        over_all = stored.brief(error.max(axis=1) / error.min(axis=1))
        body.append([name, spread(best), spread(last), signed(last - best, 2), over_all])
    head = ["penalty", "best with at most 20", "1,000", "difference", "largest ÷ smallest, all numbers of features"]
    table(head, body, "Error by number of features: median (range), ten seeds")


def descent_figure() -> None:
    """Error, bias² and variance over the number of features; right: without noise, and with a tuned ridge."""
    found = stored.load(FILE, "over_features")
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.7, sharey=True)
    lines = [(0, name, *INK[name], name) for name in INK]
    lines += [
        (1, "error", *INK["error"], "error"),
        (1, "error, no noise", "#00695c", "--", "labels without noise"),
    ]
    lines += [(1, "error, ridge", "#8a1c4a", ":", "best of four penalties")]
    for place, name, ink, style, label in lines:
        runs = found[name]
        axes[place].plot(FEATURES, np.median(runs, axis=0), style, color=ink, label=label)
        axes[place].fill_between(FEATURES, runs.min(axis=0), runs.max(axis=0), color=ink, alpha=0.15, linewidth=0)
    for ax, title in zip(axes, ("squared error and its parts", "error in three settings"), strict=True):
        ax.axvline(ROWS, color="#888888", linewidth=1)
        ax.set(
            title=f"{title} (band: ten seeds)",
            xscale="log",
            yscale="log",
            xlabel=f"random features (line: {ROWS}, as many as rows)",
        )
        ax.set_xticks([2, 10, 40, 200, 1000], ["2", "10", "40", "200", "1000"])
        ax.set_yticks([0.1, 1, 10, 100, 1e4, 1e6], ["0.1", "1", "10", "100", "10,000", "million"])
        ax.minorticks_off()
    keys = [*axes[0].lines[:3], *axes[1].lines[1:3]]
    figure.legend(handles=keys, loc="outside lower center", ncols=5, frameon=False)
    figures.show(
        figure,
        "Squared error on new rows against the number of random features, both axes logarithmic. Left: its parts bias "
        "squared and variance. Right: with noisy labels, with labels without noise, and with a tuned ridge penalty.",
    )
