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

_MEAN = "mean = x.mean(dim=0)"
_VARIANCE = "variance = ((x - mean) ** 2).mean(dim=0)"


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(feature_statistics, *edits))


SUSPECTS = {
    "feature_statistics": (
        _suspect(
            "unbiased",
            "variance",
            "you divide by N − 1 (as `x.var(dim=0)` does by default); the biased variance divides by N.",
            (_VARIANCE, "variance = x.var(dim=0)"),
        ),
        _suspect(
            "bessel_wrong_way",
            "variance",
            "your variance is the unbiased one times N / (N − 1); the biased one is the unbiased one times (N − 1) / N.",
            (_VARIANCE, "variance = x.var(dim=0) * len(x) / (len(x) - 1)"),
        ),
        _suspect(
            "rows",
            "axis",
            "you average over the features of one row (dim=1); average over the examples, dim=0.",
            (_MEAN, "mean = x.mean(dim=1)"),
            (_VARIANCE, "variance = x.var(dim=1, correction=0)"),
        ),
        _suspect(
            "whole",
            "axis",
            "you take one mean and one variance over the whole batch; each feature has its own.",
            (_MEAN, "mean = x.mean()"),
            (_VARIANCE, "variance = x.var(correction=0)"),
        ),
        _suspect(
            "one_number_for_all",
            "axis",
            "every feature gets the mean and the variance of the whole batch; each feature has its own.",
            (_MEAN, "mean = x.mean().expand(x.shape[1])"),
            (_VARIANCE, "variance = x.var(correction=0).expand(x.shape[1])"),
        ),
        _suspect(
            "whole_mean",
            "axis",
            "your variance is about one mean of the whole batch; each feature has its own mean.",
            (_VARIANCE, "variance = ((x - x.mean()) ** 2).mean(dim=0)"),
        ),
        _suspect(
            "deviation",
            "variance",
            "this is the standard deviation; the variance is its square.",
            (_VARIANCE, "variance = x.std(dim=0, correction=0)"),
        ),
        _suspect(
            "unbiased_deviation",
            "variance",
            "this is the standard deviation, of the unbiased variance (÷(N − 1)); the biased variance is asked for.",
            (_VARIANCE, "variance = x.std(dim=0)"),
        ),
        _suspect(
            "squares",
            "variance",
            "you average x², without subtracting the mean first.",
            (_VARIANCE, "variance = (x ** 2).mean(dim=0)"),
        ),
        _suspect(
            "squared_too_late",
            "variance",
            "you square after averaging: the mean of x − mean is 0 in every feature. Square first, then average.",
            (_VARIANCE, "variance = (x - mean).mean(dim=0) ** 2"),
        ),
        _suspect(
            "absolute",
            "variance",
            "you average the absolute deviations; the variance averages their squares.",
            (_VARIANCE, "variance = (x - mean).abs().mean(dim=0)"),
        ),
        _suspect(
            "sum_not_divided",
            "divisor",
            "your variance is the sum of the squared deviations; divide it by N.",
            (_VARIANCE, "variance = ((x - mean) ** 2).sum(dim=0)"),
        ),
        _suspect(
            "sums",
            "divisor",
            "your mean is a sum; divide it by N, the number of examples.",
            (_MEAN, "mean = x.sum(dim=0)"),
        ),
        _suspect(
            "divides_by_features",
            "divisor",
            "you divide the sums by C, the number of features; divide by N, the number of rows.",
            (_MEAN, "mean = x.sum(dim=0) / x.shape[1]"),
            (_VARIANCE, "variance = ((x - mean) ** 2).sum(dim=0) / x.shape[1]"),
        ),
        _suspect(
            "variance_by_features",
            "divisor",
            "your variance is divided by C, the number of features; divide by N, the number of rows.",
            (_VARIANCE, "variance = ((x - mean) ** 2).sum(dim=0) / x.shape[1]"),
        ),
        _suspect(
            "keepdim_left",
            "shape",
            "your results have shape (1, C) where (C,) is asked for (`keepdim=True` keeps the averaged dimension).",
            (_MEAN, "mean = x.mean(dim=0, keepdim=True)"),
            (_VARIANCE, "variance = ((x - mean) ** 2).mean(dim=0, keepdim=True)"),
        ),
        _suspect(
            "swapped",
            "order",
            "you return the two the other way round: mean first, then variance.",
            ("return mean, variance", "return variance, mean"),
        ),
    )
}
