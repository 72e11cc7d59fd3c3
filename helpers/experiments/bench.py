"""How much faster is a stack of nets than its nets one by one, and the reference layer than the same with ``x.var``?

``python -m helpers.experiments.bench`` times them in turn, in one process on one thread, and prints medians over the
rounds.  Ratios carry over to other machines better than milliseconds.  Where there is a CUDA device, the sweep runs on
it too.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from helpers.exercises.answers.batchnorm1d import REFERENCE
from helpers.experiments.fair import HEAD_SCALE, fair_data, widths
from helpers.lab.data import Split
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import group_size, sweep
from helpers.lab.training import evaluate, one_thread, train

ROUNDS = 5
LRS, SEEDS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0), (0, 1, 2, 3)
NETS = len(LRS) * len(SEEDS)
STEPS = {16: 100, 512: 25}
REPEATS = {16: 200, 512: 40}

LearnersLayer: Any = REFERENCE["batchnorm1d"]


class WithVar(LearnersLayer):  # type: ignore[misc]
    """The same layer with ``x.var`` in place of the formula, and new tensors as its running statistics."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns (N, C)."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(dim=0), x.var(dim=0, correction=0)
            unbiased = x.var(dim=0).detach()
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean.detach()
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
        out: torch.Tensor = self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta
        return out


def main() -> None:
    """Print all measurements."""
    print(f"{NETS} nets with the reference layer, 6 hidden layers, medians of {ROUNDS} rounds, one thread\n")
    print("width  batch  one by one  as a stack  ratio  ÷ its matrix products  reference ÷ x.var, one net's step")
    with one_thread():
        for width in (64, 128):
            for batch_size in STEPS:
                print(_row(width, batch_size))
        if torch.cuda.is_available():
            print(f"\non {torch.cuda.get_device_name()}, the same sweep")
            print("width  batch     GPU     CPU  ratio")
            for width in (64, 128):
                for batch_size in STEPS:
                    print(_gpu_row(width, batch_size))


def _row(width: int, batch_size: int) -> str:
    split, steps = fair_data(), STEPS[batch_size]
    alone, stacked, products, step, step_with_var = medians(
        lambda: _one_by_one(split, width, batch_size, steps),
        lambda: _stacked(split, width, batch_size, steps),
        matrix_products(width, batch_size, steps),
        lambda: _one(split, LearnersLayer, 0.1, 0, width, batch_size, REPEATS[batch_size]),
        lambda: _one(split, WithVar, 0.1, 0, width, batch_size, REPEATS[batch_size]),
    )
    unit = 1e3 / steps
    return (
        f"{width:5}  {batch_size:5}  {unit * alone:7.1f} ms  {unit * stacked:7.1f} ms  {stacked / alone:5.2f}  "
        f"{stacked / products:21.1f}  {step / step_with_var:33.2f}"
    )


def _gpu_row(width: int, batch_size: int) -> str:
    here, steps = fair_data(), STEPS[batch_size]
    there = on(here, "cuda")

    def on_gpu() -> None:
        _stacked(there, width, batch_size, steps)
        torch.cuda.synchronize()

    on_gpu()
    gpu, cpu = medians(on_gpu, lambda: _stacked(here, width, batch_size, steps))
    unit = 1e3 / steps
    return f"{width:5}  {batch_size:5}  {unit * gpu:6.1f}  {unit * cpu:6.1f}  {gpu / cpu:5.2f}   (ms for each step)"


def on(split: Split, device: str) -> Split:
    """The same data on another device."""
    return dataclasses.replace(split, **{name: t.to(device) for name, t in vars(split).items()})


def medians(*runs: Callable[[], object]) -> list[float]:
    """Seconds of each function: median of :data:`ROUNDS`, all functions in turn in each round."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(ROUNDS):
        for run, seen in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            seen.append(time.perf_counter() - start)
    return [statistics.median(seen) for seen in seconds]


def _net(layer: Norm, width: int) -> MLP:
    return MLP(widths(20, width=width), layer, head_scale=HEAD_SCALE)


def _one(split: Split, layer: Norm, lr: float, seed: int, width: int, batch_size: int, steps: int) -> None:
    net, _ = train(lambda: _net(layer, width), split, lr=lr, batch_size=batch_size, steps=steps, seed=seed)
    evaluate(net, split.X_train, split.y_train)  # as the stack does


def _one_by_one(split: Split, width: int, batch_size: int, steps: int) -> None:
    for lr in LRS:
        for seed in SEEDS:
            _one(split, LearnersLayer, lr, seed, width, batch_size, steps)


def _stacked(split: Split, width: int, batch_size: int, steps: int) -> None:
    sweep(lambda: _net(LearnersLayer, width), split, LRS, SEEDS, batch_size=batch_size, steps=steps)


def matrix_products(width: int, batch_size: int, steps: int) -> Callable[[], None]:
    """The products of the Linear layers alone, forward and backward, in groups as the stack takes them."""
    group = group_size(NETS, _net(LearnersLayer, width), fair_data(), batch_size)
    layers = [
        (torch.randn(group, batch_size, a), torch.randn(group, a, b), torch.randn(group, batch_size, b))
        for a, b in pairwise(widths(20, width=width))
    ]

    def run() -> None:
        for _ in range(steps * -(-NETS // group)):
            for i, (x, weight, gradient) in enumerate(layers):
                torch.bmm(x, weight)
                torch.bmm(x.transpose(1, 2), gradient)
                if i:
                    torch.bmm(gradient, weight.transpose(1, 2))

    return run


if __name__ == "__main__":
    main()
