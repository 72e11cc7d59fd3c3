"""Reference and suspects of notebook 07's stable variance."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def stable_variance(chunks: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance, each (C,), of all rows of all chunks together.

    chunks: (n, C) tensors in float32, n differs from chunk to chunk.
    Each comes once and is not to be kept.
    """
    ### BEGIN SOLUTION
    count, mean, squares = 0, torch.zeros(()), torch.zeros(())
    for x in chunks:
        n = len(x)
        inside = ((x - x.mean(dim=0)) ** 2).sum(dim=0)
        gap = x.mean(dim=0) - mean
        squares = squares + inside + gap**2 * count * n / (count + n)
        mean = mean + gap * n / (count + n)
        count += n
    var = squares / count
    ### END SOLUTION
    return mean, var


REFERENCE = {"stable_variance": stable_variance}

_INSIDE = "inside = ((x - x.mean(dim=0)) ** 2).sum(dim=0)"
_SQUARES = "squares = squares + inside + gap**2 * count * n / (count + n)"
_MEAN = "mean = mean + gap * n / (count + n)"
_VAR = "var = squares / count"
_EACH_ROW = "for x in (row[None] for chunk in chunks for row in chunk):"
_TWICE = "you go through the chunks twice; they come once, so the second loop sees nothing."
_START = "count, mean, squares = 0, torch.zeros(()), torch.zeros(())"


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "", also: str = "") -> Suspect:
    return Suspect(id, category, title, variant(stable_variance, *edits), shows, also)


SUSPECTS = {
    "stable_variance": (
        _suspect(
            "single_pass",
            "cancellation",
            "your variance is E[x²] − E[x]² in float32: far from 0 that is the difference of two large numbers, and its "
            "digits are gone.",
            (_INSIDE, "inside = (x**2).sum(dim=0)"),
            (_SQUARES, "squares = squares + inside"),
            (_VAR, "var = squares / count - mean**2"),
        ),
        _suspect(
            "gap_left_out",
            "merge",
            "you add what each chunk has inside, and leave out how far apart the chunks' means are.",
            (_SQUARES, "squares = squares + inside"),
        ),
        _suspect(
            "average_of_variances",
            "merge",
            "you average over the chunks, each counted once; a chunk of 40 rows counts 40 times one of 1.",
            (_INSIDE, "inside = x.var(dim=0, correction=0)"),
            (_SQUARES, "squares = squares + inside"),
            (_MEAN, "mean = mean + x.mean(dim=0)"),
            ("count += n", "count += 1"),
            (_VAR, "mean, var = mean / count, squares / count"),
            also="And how far apart the chunks' means are adds to the variance.",
        ),
        _suspect(
            "mean_of_means",
            "merge",
            "your mean is the plain average of the chunks' means; a chunk of 40 rows counts 40 times one of 1.",
            (_START, "count, mean, squares, seen = 0, torch.zeros(()), torch.zeros(()), 0"),
            (_MEAN, "seen += 1\n        mean = mean + gap / seen"),
        ),
        _suspect(
            "gap_without_weights",
            "merge",
            "the squared gap is added without its weight n_a · n_b / (n_a + n_b).",
            (_SQUARES, "squares = squares + inside + gap**2 * (count > 0)"),
        ),
        _suspect(
            "gap_times_rows",
            "merge",
            "you weight the squared gap with the rows of the new chunk alone; its weight is n_a · n_b / (n_a + n_b).",
            (_SQUARES, "squares = squares + inside + gap**2 * n * (count > 0)"),
        ),
        _suspect(
            "gap_not_squared",
            "merge",
            "the gap between the means is added as it is; it has to be squared.",
            (_SQUARES, "squares = squares + inside + gap * count * n / (count + n)"),
        ),
        _suspect(
            "mean_first",
            "merge",
            "you move the mean before you take the gap, so the gap is too small.",
            ("gap = x.mean(dim=0) - mean", "gap = (x.mean(dim=0) - mean) * count / (count + n)"),
            (_MEAN, "mean = (count * mean + n * x.mean(dim=0)) / (count + n)"),
        ),
        _suspect(
            "weights_swapped",
            "merge",
            "the mean moves by the gap times n_a / n; its weight is n_b / n, the share of the new rows.",
            (_MEAN, "mean = mean + gap * (count / (count + n) if count else 1)"),
        ),
        _suspect(
            "old_rows_not_corrected",
            "merge",
            "you take deviations from the mean so far; when it moves on, the sum for the rows before has to be corrected.",
            (_SQUARES, "squares = squares + ((x - mean - gap * n / (count + n)) ** 2).sum(dim=0)"),
        ),
        _suspect(
            "old_deviation_squared",
            "merge",
            "row by row you add the squared deviation from the old mean; it is the old deviation times the new one.",
            ("for x in chunks:", _EACH_ROW),
            (_SQUARES, "squares = squares + gap**2"),
        ),
        _suspect(
            "unbiased",
            "variance",
            "you divide by n − 1; the biased variance divides by the number of all rows.",
            (_VAR, "var = squares / (count - 1)"),
        ),
        _suspect(
            "unbiased_chunks",
            "variance",
            "inside a chunk you take the unbiased variance times n; with x.var(correction=0) it fits, and a chunk of one row "
            "is not NaN.",
            (_INSIDE, "inside = x.var(dim=0) * n"),
        ),
        _suspect(
            "not_divided",
            "variance",
            "you return the sum of squared deviations; divide it by the number of rows.",
            (_VAR, "var = squares"),
        ),
        _suspect(
            "deviation",
            "variance",
            "you return the standard deviation; the variance is asked for, without the root.",
            (_VAR, "var = torch.sqrt(squares / count)"),
        ),
        _suspect(
            "last_chunk",
            "merge",
            "only the last chunk counts: what was known is overwritten.",
            (_SQUARES, "squares = inside"),
            (_MEAN, "mean = x.mean(dim=0)"),
            ("count += n", "count = n"),
        ),
        _suspect(
            "count_stands",
            "merge",
            "the number of rows seen so far is not counted on.",
            ("count += n", "count = n"),
        ),
        _suspect(
            "running_average",
            "merge",
            "you keep a moving average of the chunks' statistics, as running statistics do; here every row counts the same.",
            (_INSIDE, "inside = x.var(dim=0, correction=0)"),
            (_SQUARES, "squares = 0.9 * squares + 0.1 * inside"),
            (_MEAN, "mean = 0.9 * mean + 0.1 * x.mean(dim=0)"),
            (_VAR, "var = squares"),
        ),
        _suspect(
            "all_kept",
            "memory",
            "you keep all chunks and compute at the end; each is to be forgotten once it has been seen.",
            ("for x in chunks:", "for x in [torch.cat(list(chunks))]:"),
            shows="chunks/are all chunks kept (1 yes, 0 no)",
        ),
        _suspect(
            "two_passes",
            "memory",
            _TWICE,
            ("for x in chunks:", "for x in chunks:\n        count += len(x)\n    for x in chunks:"),
        ),
        _suspect(
            "mean_in_a_first_pass",
            "memory",
            _TWICE,
            (
                "for x in chunks:",
                "for x in chunks:\n        count, mean = count + len(x), mean + x.sum(dim=0)\n"
                "    mean, squares = mean / count, torch.zeros_like(mean)\n    for x in chunks:",
            ),
        ),
        _suspect(
            "rows_summed",
            "axis",
            "you average over dim=1, the features of one row; average over the rows, dim=0.",
            (_INSIDE, "inside = ((x - x.mean(dim=1, keepdim=True)) ** 2).sum()"),
            ("gap = x.mean(dim=0) - mean", "gap = x.mean(dim=1).mean() - mean"),
        ),
    )
}
