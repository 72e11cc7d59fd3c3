"""What notebook 06 shows over many seeds, computed in advance.

``python -m helpers.experiments.why_it_works_seeds`` writes ``why_it_works.json`` again, in some twenty minutes on one
core, or only the results that are named behind it.  Each result is a dict of arrays, (seeds, …) each.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from helpers.lab.data import Split, digits
from helpers.lab.stack import sweep
from helpers.lab.training import History, batches, evaluate, one_thread, seeded, sgd

from . import along_step, batch_noise, deep_start, shifts, weight_length
from .along_step import FACTORS, FOUR_NETS, LENGTHS, SHORT, along
from .in_advance import Experiments, compute
from .stored import Found
from .why_it_works import BATCH_SIZE, RATE, STARTS, STEPS, Noise, make

ALL = tuple(f"{name}, {start}" for name in ("none", "batch", "noisy", "noise") for start in STARTS)
"""Nets with noise and without."""
COMMAND = "python -m helpers.experiments.why_it_works_seeds"


def _over(seeds: Sequence[int], name: str, one: Callable[[int], Mapping[str, Any]]) -> Found:
    """What ``one`` finds for each seed, as arrays whose first axis is the seeds, under "name: key"."""
    rows = [one(seed) for seed in seeds]
    return {f"{name}: {key}": np.array([row[key] for row in rows]) for key in rows[0]}


# --- shifts and noise -----------------------------------------------------------------------------------------------


def shift(seeds: Sequence[int], chosen: Sequence[str] = ALL) -> Found:
    """Both shifts at nine steps, their medians; training loss; loss and accuracy in eval mode (:func:`_quiet`)."""
    found = Found()
    for net in chosen:
        found |= _over(seeds, net, partial(shift_of, net))
    return found


@one_thread()
def shift_of(net_name: str, seed: int) -> Mapping[str, Any]:
    """What :func:`shift` says of one net and seed."""
    split, history = digits(), History()
    order = list(batches(len(split.X_train), BATCH_SIZE, STEPS, seed))
    moves, cosines = [], []
    with seeded(seed):
        net = make(net_name).train()
        training = sgd(net, split, history, RATE, BATCH_SIZE, STEPS, seed)
        for step, rows in enumerate(order):
            before = copy.deepcopy(net) if step in along_step.LOOKS else None
            next(training)
            if before is not None:
                X, y = split.X_train[rows], split.y_train[rows]
                with torch.random.fork_rng(devices=[]):
                    moves.append(shifts.moved(before, net, split.X_train[: shifts.PROBE]))
                    cosines.append([shifts.agreement(before, net, X, y, layer) for layer in shifts.LAYERS])
    return {
        "moved": np.median(moves),
        "cosine": np.median(cosines, axis=0),
        "loss": np.mean(history.losses[-20:]),
        **_quiet(net, split),
    }


class Mean(nn.Module):
    """What the noise does on average: a factor of 1.125 and no shift."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: any shape.  Returns the same shape."""
        return 1.125 * x


def _quiet(net: nn.Module, split: Split) -> Mapping[str, float]:
    """Loss of all training rows and held-out accuracy in eval mode, with the noise's mean in place of the noise.

    Statistics are estimated again with it.
    """
    net = copy.deepcopy(net)
    for block in net.hidden:  # type: ignore[union-attr]
        for i, layer in enumerate(block):
            if isinstance(layer, Noise):
                block[i] = Mean()
    update_bn(split.X_train.split(128), net)
    loss, _ = evaluate(net.eval(), split.X_train, split.y_train)
    return {"quiet": loss, "accuracy": evaluate(net, split.X_test, split.y_test)[1]}


# --- along a step ---------------------------------------------------------------------------------------------------


def along_four(seeds: Sequence[int], chosen: Sequence[str] = (*FOUR_NETS, *LENGTHS)) -> Found:
    """Three quantities at nine steps of training, (seeds, looks), for nets of four hidden layers; training loss."""
    found = Found()
    for net in chosen:
        found |= _over(seeds, net, partial(along_of, net, along_step.DEPTH))
    return found


def along_twelve(seeds: Sequence[int], chosen: Sequence[str] = FOUR_NETS) -> Found:
    """The same for twelve hidden layers, medians over the looks."""
    found = Found()
    for net in chosen:
        found |= _over(seeds, net, partial(along_of, net, 12))
    return {key: np.median(values, axis=1) if values.ndim > 1 else values for key, values in found.items()}


@one_thread()
def along_of(net_name: str, depth: int, seed: int) -> Mapping[str, Any]:
    """Loss range, change of the gradient and effective β of one net and seed at each look, and its training loss.

    fine: β with shorter steps too, a median over the looks.  quiet: the loss of all training rows in eval mode, where a
    net has one.
    """
    split, history = digits(), History()
    order = list(batches(len(split.X_train), BATCH_SIZE, STEPS, seed))
    seen, fine = [], []
    with seeded(seed):
        net = make(net_name, depth).train()
        for step, _ in enumerate(sgd(net, split, history, RATE, BATCH_SIZE, STEPS, seed), 1):
            if step in along_step.LOOKS:
                rows = order[step]
                X, y = split.X_train[rows], split.y_train[rows]
                seen.append(along(net, X, y))
                fine.append(along(net, X, y, factors=(*SHORT, *FACTORS)).beta)
    quiet = _quiet(net, split)["quiet"] if net_name in FOUR_NETS else math.nan
    return {
        "range": [look.loss_range for look in seen],
        "change": [look.gradient_change for look in seen],
        "beta": [look.beta for look in seen],
        "fine": np.median(fine),
        "loss": np.mean(history.losses[-20:]),
        "quiet": quiet,
    }


# --- the length of the weights --------------------------------------------------------------------------------------


def length(seeds: Sequence[int], chosen: Sequence[str] = tuple(weight_length.WAYS)) -> Found:
    """Angle and length, (seeds, shown steps), means of ten steps, and the training loss, for each way to train.

    Ways that are not drawn keep the first and the last of the shown steps.
    """
    found = Found()
    for way in chosen:
        found |= _over(seeds, way, partial(_path, way))
    return found


def _path(way: str, seed: int) -> Mapping[str, Any]:
    seen = list(weight_length.steps(digits(), weight_length.WAYS[way], seed))
    kept = slice(None) if way in weight_length.DRAWN else [0, -1]
    angle, long = (np.array([getattr(step, name) for step in seen]) for name in ("angle", "length"))
    return {
        "angle": angle.reshape(-1, 10).mean(axis=1)[kept],
        "length": long.reshape(-1, 10).mean(axis=1)[kept],
        "loss": np.mean([step.loss for step in seen[-20:]]),
    }


# --- very deep nets -------------------------------------------------------------------------------------------------


def deep(seeds: Sequence[int], chosen: Sequence[str] = tuple(deep_start.NETS)) -> Found:
    """What nets of 50 layers send through themselves before the first step."""
    split, found = digits(), Found()
    for net in chosen:
        found |= _over(seeds, net, partial(deep_start.at_the_start, net, split))
    return found


def deep_training(
    seeds: Sequence[int], depths: Sequence[int] = deep_start.DEPTHS, chosen: Sequence[str] = tuple(deep_start.TRAINED)
) -> Found:
    """Held-out accuracy after 200 steps, (seeds, learning rates), for each net and depth."""
    found = Found()
    for layers in depths:
        for net in chosen:
            build = partial(deep_start.deep, net, layers, 64)
            runs = sweep(build, digits(), deep_start.RATES, seeds, batch_size=BATCH_SIZE, steps=STEPS)
            found[f"{net}, {layers}"] = runs.test_accuracy.T.double().numpy()
    return found


# --- the noise of the batch -----------------------------------------------------------------------------------------


def parts(seeds: Sequence[int], chosen: Sequence[str] = batch_noise.LABELS) -> Found:
    """What :data:`batch_noise.COLUMNS` names, (seeds, columns), for each size of the parts and without a norm."""
    found = Found()
    for labels in chosen:
        split, sizes = batch_noise.data(labels), (*batch_noise.PARTS, 0)
        for seed in seeds:
            runs = {size: _in_parts(size, split, seed) for size in sizes}
            rows = {f"{size}, {labels}": run[-1] for size, run in runs.items()}
            enough = runs[8][-1][1]
            early = next((row for row in runs[128] if row[1] <= enough), runs[128][-1])
            for key, row in (rows | {f"{batch_noise.STOPPED}, {labels}": early}).items():
                found.setdefault(key, []).append(row)  # type: ignore[arg-type, attr-defined]
    return {key: np.array(rows) for key, rows in found.items()}


def parts_again(seeds: Sequence[int]) -> Found:
    """Held-out accuracy with noisy labels for seeds that the table does not use: each plus OTHER_SEEDS."""
    split, found = batch_noise.data("noisy"), Found()
    for seed in seeds:
        runs = {size: _in_parts(size, split, seed + batch_noise.OTHER_SEEDS) for size in (128, 8, 0)}
        early = next((row for row in runs[128] if row[1] <= runs[8][-1][1]), runs[128][-1])
        rows = {f"{size}": run[-1] for size, run in runs.items()} | {batch_noise.STOPPED: early}
        for key, row in rows.items():
            found.setdefault(key, []).append(row[3])  # type: ignore[arg-type, attr-defined]
    return {key: np.array(rows) for key, rows in found.items()}


@one_thread()
def _in_parts(size: int, split: Split, seed: int) -> list[tuple[float, ...]]:
    """The columns every ten steps, for one net and seed."""
    history = History()
    seen: list[tuple[float, ...]] = []
    with seeded(seed):
        net = batch_noise.net(size).train()
    for step, _ in enumerate(sgd(net, split, history, batch_noise.RATE, batch_noise.BATCH, batch_noise.LONG, seed), 1):
        if step % 10 == 0:
            loss, _ = evaluate(net, split.X_train, split.y_train)
            seen.append((float(np.mean(history.losses[-20:])), loss, *evaluate(net, split.X_test, split.y_test)))
    return seen


# --- the command ----------------------------------------------------------------------------------------------------

EXPERIMENTS: Experiments = {
    "shift": (shift, 10),
    "along": (along_four, 10),
    "along, 12 layers": (along_twelve, 10),
    "length": (length, 10),
    "deep": (deep, 10),
    "deep training": (deep_training, 5),
    "parts": (parts, 10),
    "parts, other seeds": (parts_again, 10),
}
"""What is computed in advance."""


if __name__ == "__main__":
    compute("why_it_works", EXPERIMENTS, COMMAND, sys.argv[1:])
