"""Reference and suspects of notebook 00's exercise."""

from __future__ import annotations

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def feature_statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance of each feature of x, shape (N, C); both results have shape (C,)."""
    ### BEGIN SOLUTION
    mean = x.mean(dim=0)
    variance = ((x - mean) ** 2).mean(dim=0)
    ### END SOLUTION
    return mean, variance


REFERENCE = {"feature_statistics": feature_statistics}

SUSPECTS = {
    "feature_statistics": (
        Suspect(
            "unbiased",
            "variance",
            "you divide by N − 1 (as `x.var(dim=0)` does by default); the biased variance divides by N.",
            variant(feature_statistics, ("((x - mean) ** 2).mean(dim=0)", "x.var(dim=0)")),
        ),
        Suspect(
            "rows",
            "axis",
            "you average over dim=1, the features of one row; average over dim=0, the examples.",
            variant(
                feature_statistics,
                ("x.mean(dim=0)", "x.mean(dim=1)"),
                ("((x - mean) ** 2).mean(dim=0)", "x.var(dim=1, correction=0)"),
            ),
        ),
        Suspect(
            "whole",
            "axis",
            "you take one mean over the whole batch; each feature has its own.",
            variant(
                feature_statistics,
                ("x.mean(dim=0)", "x.mean()"),
                ("((x - mean) ** 2).mean(dim=0)", "x.var(correction=0)"),
            ),
        ),
        Suspect(
            "deviation",
            "variance",
            "this is the standard deviation; the variance is its square.",
            variant(feature_statistics, ("((x - mean) ** 2).mean(dim=0)", "x.std(dim=0, correction=0)")),
        ),
        Suspect(
            "squares",
            "variance",
            "you average x², without subtracting the mean first.",
            variant(feature_statistics, ("((x - mean) ** 2)", "(x ** 2)")),
        ),
        Suspect(
            "swapped",
            "order",
            "you return the two the other way round: mean first, then variance.",
            variant(feature_statistics, ("return mean, variance", "return variance, mean")),
        ),
    )
}
