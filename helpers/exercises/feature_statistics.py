"""Notebook 00: the mean and the biased variance of each feature of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.judge.api import Check, Exercise, Probe, matches, tensors

from .measuring import normal


def _small_batch(statistics: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    mean, variance = tensors(statistics(normal(0, (6, 3), 3.0, 5.0)), "mean", "variance")
    return {"mean": mean, "variance": variance}


feature_statistics_exercise = Exercise(
    id="feature_statistics",
    title="Mean and variance of each feature",
    module=__name__,
    builds="feature_statistics",
    probes=(Probe("batch", "a 6×3 batch: 6 rows, 3 features", _small_batch),),
    checks=(
        Check(
            "mean",
            "one mean for each feature",
            (matches("batch/mean"),),
            hints=(
                "A batch x has shape (N, C): rows are examples, columns are features. The result has C numbers.",
                "`x.mean(dim=...)` averages over the dimension you name. Which one holds the examples?",
                "`mean = x.mean(dim=0)`",
            ),
        ),
        Check(
            "variance",
            "one biased variance for each feature",
            (matches("batch/variance"),),
            hints=(
                "Biased means: the sum of squared deviations is divided by N, not by N − 1.",
                "Subtract the mean, square, and average over the same dimension as before.",
                "`variance = ((x - mean) ** 2).mean(dim=0)`",
            ),
        ),
    ),
)
