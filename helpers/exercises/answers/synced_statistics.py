"""Reference and suspects of synced_statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def synced_statistics(
    shard: torch.Tensor, all_reduce: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance, (C,) each, of the rows of all processes together.

    shard: (n, C), the rows of this process; n is at least 1 and differs from process to process.
    all_reduce(t): the sum of the tensors t that all processes pass in this call, of equal shape in all of them.  Every
    process has to make the same calls in the same order; gradients flow through it.
    """
    ### BEGIN SOLUTION
    n = all_reduce(torch.tensor(float(len(shard))))
    mean = all_reduce(shard.sum(dim=0)) / n
    var = all_reduce(((shard - mean) ** 2).sum(dim=0)) / n
    return mean, var
    ### END SOLUTION


_N = "n = all_reduce(torch.tensor(float(len(shard))))"
_MEAN = "mean = all_reduce(shard.sum(dim=0)) / n"
_VAR = "var = all_reduce(((shard - mean) ** 2).sum(dim=0)) / n"
_PROCESSES = "processes = all_reduce(torch.tensor(1.0))"
_U, _E, _F = (f"{probe}/variance in each process" for probe in ("unequal", "equal", "far"))
_M = "unequal/mean in each process"
_LOCAL_MEAN = "shard.mean(dim=0)"
_LOCAL_VAR = "((shard - shard.mean(dim=0)) ** 2).mean(dim=0)"


def _suspect(id: str, category: str, title: str, shows: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(synced_statistics, *edits), shows)


_GIVEN: tuple[Any, ...] = (
    (
        "own_rows",
        "reduce",
        "mean and variance are those of each process alone; nothing is exchanged.",
        _M,
        (_N, "n = len(shard)"),
        (_MEAN, f"mean = {_LOCAL_MEAN}"),
        (_VAR, f"var = {_LOCAL_VAR}"),
    ),
    (
        "own_mean",
        "reduce",
        "the mean is that of each process alone; sum the rows of all processes.",
        _M,
        (_MEAN, f"mean = {_LOCAL_MEAN}"),
    ),
    (
        "own_variance",
        "reduce",
        "the mean is that of all rows, but the variance is that of each process around its own mean.",
        _E,
        (_VAR, f"var = {_LOCAL_VAR}"),
    ),
    (
        "own_deviations",
        "reduce",
        "the deviations from the common mean are averaged in each process alone; sum them over the processes.",
        _E,
        (_VAR, "var = ((shard - mean) ** 2).mean(dim=0)"),
    ),
    (
        "means_averaged",
        "weights",
        "you average means and variances of the processes: each process counts the same, however many rows it has, and the distance between their means is left out.",
        _M,
        (_N, _PROCESSES),
        (_MEAN, f"mean = all_reduce({_LOCAL_MEAN}) / processes"),
        (_VAR, f"var = all_reduce({_LOCAL_VAR}) / processes"),
    ),
    (
        "each_process_once",
        "weights",
        "you average the means and the mean squares of the processes: each process counts the same, however many rows it has.",
        _M,
        (_N, _PROCESSES),
        (_MEAN, f"mean = all_reduce({_LOCAL_MEAN}) / processes"),
        (_VAR, "var = all_reduce(((shard - mean) ** 2).mean(dim=0)) / processes"),
    ),
    (
        "mean_of_means",
        "weights",
        "the mean is a mean of means: each process counts the same, however many rows it has.",
        _M,
        (_MEAN, f"{_PROCESSES}\n    mean = all_reduce({_LOCAL_MEAN}) / processes"),
    ),
    (
        "mean_squares_averaged",
        "weights",
        "the variance is an average over the processes in which each counts the same, however many rows it has.",
        _U,
        (_VAR, f"{_PROCESSES}\n    var = all_reduce(((shard - mean) ** 2).mean(dim=0)) / processes"),
    ),
    (
        "variances_averaged",
        "between",
        "the variances of the processes are averaged by their rows, but the distance between their means is left out.",
        _E,
        (_VAR, "var = all_reduce(((shard - shard.mean(dim=0)) ** 2).sum(dim=0)) / n"),
    ),
    (
        "between_not_weighted",
        "between",
        "the distances between the means are averaged over the processes; each counts as often as its process has rows.",
        _U,
        (
            _VAR,
            f"{_PROCESSES}\n    var = all_reduce(((shard - shard.mean(dim=0)) ** 2).sum(dim=0)) / n + all_reduce((shard.mean(dim=0) - mean) ** 2) / processes",
        ),
    ),
    (
        "elements_counted",
        "count",
        "`numel()` counts rows times features; a mean of a feature has as many values as there are rows.",
        _M,
        (_N, "n = all_reduce(torch.tensor(float(shard.numel())))"),
    ),
    (
        "means_divided_by_rows",
        "count",
        "means of processes are summed and then divided by the number of rows once more; sum the rows.",
        _M,
        (_MEAN, f"mean = all_reduce({_LOCAL_MEAN}) / n"),
        (_VAR, "var = all_reduce(((shard - mean) ** 2).mean(dim=0)) / n"),
    ),
    (
        "sums_not_divided",
        "count",
        "the sums are not divided by the number of rows.",
        _E,
        (_MEAN, "mean = all_reduce(shard.sum(dim=0))"),
        (_VAR, "var = all_reduce(((shard - mean) ** 2).sum(dim=0))"),
    ),
    (
        "divided_by_own_rows",
        "count",
        "the sums run over all processes, but are divided by the rows of this one.",
        _M,
        (_N, "n = len(shard)"),
    ),
    (
        "equal_shards",
        "count",
        "the count is your own rows times the processes; that is right for equal shards only.",
        _M,
        (_N, f"{_PROCESSES}\n    n = len(shard) * processes"),
    ),
    (
        "divided_by_processes",
        "count",
        "sums of rows are divided by the number of processes; divide by the number of rows.",
        _E,
        (_N, "n = all_reduce(torch.tensor(1.0))"),
    ),
    (
        "unbiased",
        "variance",
        "the variance is the unbiased one (n − 1); batch norm normalises with the biased one.",
        _E,
        (_VAR, "var = all_reduce(((shard - mean) ** 2).sum(dim=0)) / (n - 1)"),
    ),
    (
        "deviation",
        "variance",
        "the second result is the standard deviation; the variance is asked for.",
        _E,
        (_VAR, f"{_VAR}\n    var = torch.sqrt(var)"),
    ),
    (
        "mean_square",
        "variance",
        "the second result is the mean square; the square of the mean is still in it.",
        _E,
        (_VAR, "var = all_reduce((shard**2).sum(dim=0)) / n"),
    ),
    (
        "squares_minus_square",
        "precision",
        "E[x²] − E[x]² takes one large number from another: around 1000 hardly a digit is left in float32. Sum the squared deviations from the mean.",
        _F,
        (_VAR, "var = all_reduce((shard**2).sum(dim=0)) / n - mean**2"),
    ),
    (
        "detached",
        "gradient",
        "mean and variance are cut from the graph (`no_grad` or `detach`), so the gradient does not pass through them.",
        "backward/gradient of shard 0",
        ("return mean, var", "return mean.detach(), var.detach()"),
    ),
    (
        "variance_detached",
        "gradient",
        "the variance is cut from the graph (`no_grad` or `detach`).",
        "backward/gradient of shard 0",
        ("return mean, var", "return mean, var.detach()"),
    ),
    (
        "mean_detached",
        "gradient",
        "the mean is cut from the graph (`no_grad` or `detach`).",
        "backward/gradient of shard 0",
        ("return mean, var", "return mean.detach(), var"),
    ),
    (
        "count_as_a_number",
        "crash",
        "`all_reduce` takes a tensor; `len(shard)` is a Python number: `torch.tensor(len(shard))`.",
        "equal",
        (_N, "n = all_reduce(len(shard))"),
    ),
    (
        "rows_reduced",
        "crash",
        "a tensor with a row for each row of the shard goes into `all_reduce`; the processes have different numbers of rows. Sum over the rows first.",
        "unequal",
        (_MEAN, "mean = all_reduce(shard).sum(dim=0) / n"),
    ),
    (
        "features_summed",
        "axis",
        "the sums run over the features (dim=1); they run over the rows, dim=0.",
        "unequal",
        (_MEAN, "mean = all_reduce(shard.sum(dim=1)) / n"),
        (_VAR, "var = all_reduce(((shard - mean[:, None]) ** 2).sum(dim=1)) / n"),
    ),
    (
        "swapped",
        "order",
        "mean and variance are returned in the wrong order.",
        _M,
        ("return mean, var", "return var, mean"),
    ),
)

REFERENCE = {"synced_statistics": synced_statistics}
SUSPECTS = {"synced_statistics": tuple(_suspect(*row) for row in _GIVEN)}
