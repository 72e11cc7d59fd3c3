"""Notebook 08: batch statistics over several processes, judged in one process with a stand-in for the collective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

from helpers.judge.api import Array, BadOutput, Check, Exercise, Probe, all_of, matches, tensor, tensors

from .measuring import gradients_of, normal

AllReduce = Callable[[torch.Tensor], torch.Tensor]
Statistics = Callable[[torch.Tensor, AllReduce], Any]
Pair = tuple[torch.Tensor, torch.Tensor]
Result = TypeVar("Result")


class _Asked(BaseException):
    """A shard asks for a sum that is not known yet; no learner's ``except`` takes it for an error."""

    def __init__(self, part: torch.Tensor):
        self.part = part


def together(run: Callable[[torch.Tensor, AllReduce], Result], shards: Sequence[torch.Tensor]) -> list[Result]:
    """What ``run(shard, all_reduce)`` returns for each shard, as if each ran in a process of its own.

    Every shard runs until it asks for a sum that is not known yet.  When all have asked, the sum is known, and all
    begin again with it.  The sums stay in the graph of all shards, so gradients flow as between processes.
    Raises BadOutput where one shard asks more often than another, or for a tensor of another shape: real processes
    would wait for ever, or fail.
    """
    sums: list[torch.Tensor] = []
    while True:
        asked: dict[int, torch.Tensor] = {}
        found: list[Result] = []
        for number, shard in enumerate(shards):
            try:
                found.append(run(shard, _summing(iter(sums))))
            except _Asked as asking:
                asked[number] = asking.part
        if not asked:
            return found
        if found:
            raise BadOutput(
                f"{len(asked)} of {len(shards)} processes call all_reduce once more; they would wait for ever."
            )
        shapes = {tuple(part.shape) for part in asked.values()}
        if len(shapes) > 1:
            raise BadOutput(
                f"the processes pass all_reduce tensors of different shapes: {', '.join(map(str, sorted(shapes)))}."
            )
        sums.append(torch.stack(list(asked.values())).sum(0))


def _summing(known: Iterator[torch.Tensor]) -> AllReduce:
    def all_reduce(part: torch.Tensor) -> torch.Tensor:
        if not isinstance(part, torch.Tensor):
            raise TypeError(f"all_reduce takes a tensor, not {type(part).__name__}")
        for total in known:
            return total.clone()
        raise _Asked(part)

    return all_reduce


def _statistics(synced: Statistics, shards: Sequence[torch.Tensor]) -> list[Pair]:
    """Mean and variance of every process."""
    return together(lambda shard, all_reduce: _pair(synced(shard, all_reduce), shard), shards)


def _pair(result: Any, shard: torch.Tensor) -> Pair:
    mean, var = (
        tensor(t, name)
        for t, name in zip(tensors(result, "the mean", "the variance"), ("the mean", "the variance"), strict=True)
    )
    size = shard.shape[1:]
    if mean.numel() != size.numel() or var.numel() != size.numel():
        raise BadOutput(
            f"mean and variance have shapes {tuple(mean.shape)} and {tuple(var.shape)}; both should be {tuple(size)}."
        )
    return mean.reshape(size), var.reshape(size)


def _shards(seed: int, rows: Sequence[int], mean: float = 0.0, spread: float = 2.0) -> list[torch.Tensor]:
    """One shard of 4 features for each number of rows; their means lie ``spread`` apart."""
    return [normal(seed + i, (n, 4), mean + spread * i) for i, n in enumerate(rows)]


def _forward(
    seed: int, rows: Sequence[int], mean: float = 0.0, spread: float = 2.0
) -> Callable[[Statistics], dict[str, Any]]:
    def run(synced: Statistics) -> dict[str, Any]:
        means, variances = zip(*_statistics(synced, _shards(seed, rows, mean, spread)), strict=True)
        return {"mean in each process": torch.stack(means), "variance in each process": torch.stack(variances)}

    return run


def _backward(rows: Sequence[int]) -> Callable[[Statistics], dict[str, Any]]:
    def run(synced: Statistics) -> dict[str, Array]:
        shards = [shard.requires_grad_() for shard in _shards(20, rows)]
        loss = torch.zeros(())
        for i, (shard, (mean, var)) in enumerate(zip(shards, _statistics(synced, shards), strict=True)):
            weight = normal(30 + i, shard.shape)
            loss = loss + (weight * (shard - mean) / torch.sqrt(var + 1e-5)).sum()
        return {f"gradient of shard {i}": g for i, g in enumerate(gradients_of(loss, shards))}

    return run


synced_statistics_exercise = Exercise(
    id="synced_statistics",
    title="Statistics of all processes",
    module=__name__,
    builds="synced_statistics",
    probes=(
        Probe("equal", "two processes with 4 rows of 4 features each", _forward(0, (4, 4))),
        Probe("unequal", "three processes with 6, 3 and 1 rows", _forward(10, (6, 3, 1))),
        Probe("alone", "one process with 5 rows", _forward(15, (5,))),
        Probe(
            "far",
            "two processes with 8 and 4 rows around 1000, deviation 1, float32",
            _forward(40, (8, 4), 1000.0, 0.5),
        ),
        Probe(
            "backward",
            "three processes with 6, 3 and 1 rows; a weighted sum of the normalised rows, backward",
            _backward((6, 3, 1)),
        ),
    ),
    checks=(
        Check(
            "forward",
            "1 · forward: every process has mean and biased variance of all rows, also of unequal shards and far from 0",
            (
                all_of("equal", "unequal", "alone"),
                matches("far/mean in each process", "far/variance in each process", rtol=1e-3, atol=1e-3),
            ),
            "The last batch of an epoch seldom divides evenly; a mean of means then counts some rows more than others.",
            (
                "A mean of means counts each process the same. What has to be summed so that each row counts the same?",
                "Sum the rows and their number over all processes, then divide. Only then are deviations from the common mean known, and a second sum follows.",
                "`mean = all_reduce(shard.sum(0)) / n`, then `var = all_reduce(((shard - mean) ** 2).sum(0)) / n`",
            ),
        ),
        Check(
            "backward",
            "2 · backward: the gradient passes through the statistics to the rows of all processes",
            (all_of("backward"),),
            "A row moves the mean of every process. Without that part the gradient is that of another layer.",
            (
                "all_reduce knows its gradient. What in your code cuts it off?",
                "No detach, no no_grad, no .item() and no .data between shard and result.",
                "The forward lines as they are, under no decorator: autograd does the rest.",
            ),
        ),
    ),
)
