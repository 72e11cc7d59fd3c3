"""Notebook 07: mean and variance of rows that come in chunks, in one pass, also far from 0."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from helpers.judge.api import Check, Exercise, Probe, asked, matches, near, tensors

from .measuring import normal

Chunks = Iterable[torch.Tensor]
SIZES = (1, 40, 7, 24)
FAR = 10_000.0
AT_ONCE = 3
"""So many chunks are alive where none is kept: the caller's, the loop's, and one more."""
_KEPT = asked("are all chunks kept")


def _chunks(x: torch.Tensor, sizes: Sequence[int], alive: list[int]) -> Iterator[torch.Tensor]:
    """The rows of x in chunks of these sizes; notes in ``alive`` how many of them somebody holds at each step."""
    given: list[weakref.ref[torch.Tensor]] = []
    for rows in x.split(list(sizes)):
        chunk = rows.clone()
        given.append(weakref.ref(chunk))
        alive.append(sum(ref() is not None for ref in given))
        yield chunk


def _statistics(
    stable_variance: Callable[[Chunks], Any], x: torch.Tensor, sizes: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    alive: list[int] = []
    mean, var = tensors(stable_variance(_chunks(x, sizes, alive)), "mean", "var")
    return mean.flatten(), var.flatten(), alive


def _drifting(seed: int) -> torch.Tensor:
    """72 rows whose mean moves from chunk to chunk."""
    return normal(seed, (72, 3), 3.0, 2.0) + torch.linspace(-6, 6, 72)[:, None]


def _numbers(stable_variance: Callable[[Chunks], Any]) -> dict[str, Any]:
    mean, var, alive = _statistics(stable_variance, _drifting(0), SIZES)
    return {"mean": mean, "var": var, _KEPT: max(alive, default=0) > AT_ONCE}


def _one_chunk(stable_variance: Callable[[Chunks], Any]) -> dict[str, Any]:
    mean, var, _ = _statistics(stable_variance, _drifting(1), (72,))
    return {"mean": mean, "var": var}


def _far(stable_variance: Callable[[Chunks], Any]) -> dict[str, Any]:
    x = normal(2, (72, 3), FAR, 1.0)
    mean, var, _ = _statistics(stable_variance, x, SIZES)
    exact = x.double()
    truth = exact.var(0, correction=0)
    return {
        asked("is the mean within 0.01 of the exact one"): bool(((mean - exact.mean(0)).abs() < 0.01).all()),
        asked("is the variance within 1 % of the exact one"): bool(((var - truth).abs() < 0.01 * truth).all()),
    }


stable_variance_exercise = Exercise(
    id="stable_variance",
    title="A stable variance",
    module=__name__,
    builds="stable_variance",
    probes=(
        Probe("chunks", "72 rows of 3 features in chunks of 1, 40, 7 and 24, each with another mean", _numbers),
        Probe("one_chunk", "72 rows in one chunk", _one_chunk),
        Probe("far", "72 rows of mean 10,000 and standard deviation 1 in float32, in the same chunks", _far),
    ),
    checks=(
        Check(
            "variance",
            "mean and biased variance of all rows, seen once, also at mean 10,000",
            (
                matches("chunks/mean", "chunks/var", rtol=1e-3),
                near(f"chunks/{_KEPT}", 0.0, 0.0),
                matches("one_chunk/mean", "one_chunk/var", rtol=1e-3),
                near("far/" + asked("is the mean within 0.01 of the exact one"), 1.0, 0.0),
                near("far/" + asked("is the variance within 1 % of the exact one"), 1.0, 0.0),
            ),
            "Statistics over several devices are merged in just this way.",
            (
                "Two groups of rows: what do they add to the squared deviations, beside what each has inside?",
                "The gap between their means: gap² · n_a · n_b / (n_a + n_b). Never subtract two large squares.",
                "`squares += ((x - x.mean(0)) ** 2).sum(0) + gap**2 * count * n / (count + n)`",
            ),
        ),
    ),
)
