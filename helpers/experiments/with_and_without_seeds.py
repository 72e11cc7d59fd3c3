"""What notebook 03 shows over many seeds, computed in advance with ``nn.BatchNorm1d``.

``python -m helpers.experiments.with_and_without_seeds`` writes ``with_and_without.json`` again, in some minutes on one
core, or only the results that are named behind it.  Each result is a dict of arrays, (seeds, …) each.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.lab.data import digits
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import Run, sweep, train_stack
from helpers.lab.training import seeded, train

from .fair import HEAD_SCALE, NETS, fair_data, fair_widths, makers, train_three, widths
from .in_advance import Experiments, compute
from .popular_demo import (
    FILE,
    GENTLE,
    HIDDEN,
    LATER,
    LONGER,
    LRS,
    MOVING,
    RAISED,
    RAISED_STEPS,
    SCALED,
    SHOWN,
    STARTS,
    STEPS,
    WIDTH,
    demo_data,
    entering_head,
    limit_of,
)
from .stored import Found
from .with_and_without import DEEP, DEPTHS, DRAWS, LARGE, MAP_LRS, PLACED_LRS, RATES, SCALES

# --- the demo -------------------------------------------------------------------------------------------------------


def curves(seeds: Sequence[int], draw: int = 0, longer: int = LONGER) -> Found:
    """Training losses of the three nets at the steps :data:`SHOWN`, the default net's at :data:`LATER`; and endings.

    "train, …" and "test, …" are the losses at the end in eval mode, on training rows and on held-out rows.
    """
    split, nets = demo_data(draw), makers(nn.BatchNorm1d, widths(20, width=WIDTH))
    found: Found = {}
    for name, make in nets.items():
        steps = longer if name == "none" else min(STEPS, longer)
        run = sweep(make, split, (LRS[name],), seeds, batch_size=512, steps=steps)[0]
        found[name] = run.losses[:, [i for i in (LATER if name == "none" else SHOWN) if i < steps]].numpy()
        found[f"train, {name}"], found[f"test, {name}"] = run.train_loss.numpy(), run.test_loss.numpy()
    return found


def _started(weights: str, biases: str) -> MLP:
    """The demo's default net with the initial weights of one initialisation and the initial biases of another."""
    state = torch.random.get_rng_state()
    net = MLP(widths(20, width=WIDTH), init=weights)
    torch.random.set_rng_state(state)
    other = MLP(widths(20, width=WIDTH), init=biases)
    with torch.no_grad():
        for mine, theirs in zip(net.hidden.modules(), other.hidden.modules(), strict=True):
            if isinstance(mine, nn.Linear) and isinstance(theirs, nn.Linear):
                mine.bias.copy_(theirs.bias)
    return net


def starts(seeds: Sequence[int], draw: int = 0, chosen: Sequence[tuple[str, str]] = STARTS) -> Found:
    """Training loss after 300 steps at learning rate 0.03, (seeds,), by "weights, biases"."""
    split = demo_data(draw)
    return {
        f"{weights}, {biases}": sweep(
            partial(_started, weights, biases), split, (0.03,), seeds, batch_size=512, steps=STEPS
        )
        .losses[0, :, -1]
        .numpy()
        for weights, biases in chosen
    }


def gentle(sizes: list[int], norm: Norm | None, share: float, init: str = "default", head_scale: float = 1.0) -> MLP:
    """A net of ``head_scale`` whose head learns at ``share`` of the learning rate; the rest is as without it.

    The head's weights are stored larger by 1/√share, and its output is multiplied by √share.
    """
    net = MLP(sizes, norm, init, head_scale=head_scale * share**0.5)
    with torch.no_grad():
        for parameter in net.head.parameters():
            parameter.div_(share**0.5)
    return net


def raised(seeds: Sequence[int], draw: int = 0, chosen: Sequence[int] = (64, WIDTH)) -> Found:
    """Training loss after :data:`RAISED_STEPS` steps, (seeds, :data:`RAISED`), by "net; width"; chosen: the widths."""
    split, found = demo_data(draw), {}
    for width in chosen:
        sizes = widths(20, width=width)
        nets: dict[str, Any] = {NETS[name]: make for name, make in makers(nn.BatchNorm1d, sizes).items()}
        nets[SCALED] = partial(MLP, sizes, nn.BatchNorm1d, head_scale=width**-0.5)
        nets[GENTLE] = partial(gentle, sizes, nn.BatchNorm1d, 1 / width)
        nets[HIDDEN] = partial(gentle, sizes, nn.BatchNorm1d, width)  # at the learning rate ÷ width
        for name, make in nets.items():
            rates = [lr / width if name == HIDDEN else lr for lr in RAISED]
            run = sweep(make, split, rates, seeds, batch_size=512, steps=RAISED_STEPS)
            found[f"{name}; {width}"] = run.losses[:, :, -1].T.numpy()
    return found


def moving(seeds: Sequence[int], draw: int = 0) -> Found:
    """Batch norm above its head's limit, (seeds,) each, by "quantity; width; learning rate", for :data:`MOVING`.

    Quantities: "2/λ before" and "2/λ after" training, the "largest loss" on the way, the "last loss", and the share of
    the last hidden layer's values, over units and rows, that are "not 0".
    """
    split, found = demo_data(draw), Found()
    for width, lr in MOVING:
        make = partial(MLP, widths(20, width=width), nn.BatchNorm1d)
        seen: dict[str, list[float]] = {}
        for seed in seeds:
            with seeded(seed):
                before = limit_of(entering_head(make(), split.X_train))
            net, history = train(make, split, lr=lr, batch_size=512, steps=RAISED_STEPS, seed=seed)
            entering = entering_head(net.train(), split.X_train)
            values = {"2/λ before": before, "largest loss": max(history.losses), "last loss": history.losses[-1]}
            values |= {"2/λ after": limit_of(entering), "not 0": float((entering > 0).double().mean())}
            for name, value in values.items():
                seen.setdefault(f"{name}; {width}; {lr:g}", []).append(value)
        found |= {name: np.array(values) for name, values in seen.items()}
    return found


def fair_head(seeds: Sequence[int], draw: int = 0) -> Found:
    """Held-out loss in the fair set-up after 200 steps of 32 rows, where the head's limit is moved or lifted."""
    split, sizes = fair_data(draw), widths(20)
    runs = {
        "control, learning rate 3": (partial(MLP, sizes, init="he", head_scale=HEAD_SCALE), 3.0),
        "control, learning rate 3, head's 0.03": (partial(gentle, sizes, None, 0.01, "he", HEAD_SCALE), 3.0),
        "batch norm, learning rate 10": (partial(MLP, sizes, nn.BatchNorm1d, head_scale=HEAD_SCALE), 10.0),
        "batch norm, learning rate 10, output ÷ 32": (partial(MLP, sizes, nn.BatchNorm1d, head_scale=1 / 32), 10.0),
    }
    return {
        name: sweep(make, split, (lr,), seeds, batch_size=32, steps=200).test_loss[0].numpy()
        for name, (make, lr) in runs.items()
    }


# --- the fair set-up and digits ---------------------------------------------------------------------------------------


def draws(seeds: Sequence[int], chosen: Sequence[int] = DRAWS) -> Found:
    """Held-out loss in the fair set-up on other draws of the data, (seeds, :data:`RATES`), by "net; draw"."""
    found = Found()
    for draw in chosen:
        split = fair_data(draw)
        nets = train_three(nn.BatchNorm1d, split, fair_widths(split), RATES, 32, 200, HEAD_SCALE, seeds)
        found |= {f"{name}; {draw}": net.test_loss.T.numpy() for name, net in nets.items() if name != "none"}
    return found


def large_batches(seeds: Sequence[int], draw: int = 0) -> Found:
    """Losses of the control and batch norm, eval mode, (seeds, :data:`LARGE`), by "training, net", "held-out, net"."""
    split, found = fair_data(draw), {}
    nets = makers(nn.BatchNorm1d, fair_widths(split), HEAD_SCALE)
    for name in ("none, He", "batch"):
        runs = [sweep(nets[name], split, (lr,), seeds, batch_size=size, steps=200)[0] for size, lr in LARGE]
        found[f"training, {name}"] = torch.stack([run.train_loss for run in runs], dim=1).numpy()
        found[f"held-out, {name}"] = torch.stack([run.test_loss for run in runs], dim=1).numpy()
    return found


def _scaled(norm: Norm | None, scale: float) -> MLP:
    """Four hidden layers of 64 from He initialisation, their weights times ``scale``; the head is PyTorch's."""
    net = MLP(widths(64, 10, depth=4), norm, "he")
    with torch.no_grad():
        for module in net.hidden.modules():
            if isinstance(module, nn.Linear):
                module.weight.mul_(scale)
    return net


def heat_map(
    seeds: Sequence[int], lrs: Sequence[float] = MAP_LRS, scales: Sequence[float] = SCALES, steps: int = 150
) -> Found:
    """Held-out accuracy on digits without ("none") and with ("batch") batch norm, (seeds, scales, learning rates) each.

    Batches of 32.  A scale multiplies the initial weights of the hidden layers (He's), not those of the head.
    """
    found = {}
    for name, norm in (("none", None), ("batch", nn.BatchNorm1d)):
        makes = [partial(_scaled, norm, scale) for scale in scales]
        runs = [Run(make, lr, seed) for seed in seeds for make in makes for lr in lrs]
        accuracy = train_stack(runs, digits(), batch_size=32, steps=steps).test_accuracy
        found[name] = accuracy.view(len(seeds), len(scales), len(lrs)).numpy()
    return found


def by_depth(seeds: Sequence[int], depths: Sequence[int] = DEPTHS, steps: int = 300) -> Found:
    """Digits, width 64, learning rate 0.1, batches of 32: (seeds, depths) for the four nets of :data:`DEEP`.

    By "train mode, net" (training loss, mean over the last 20 batches), "eval mode, net" (training loss on all rows)
    and "accuracy, net" (held-out).
    """
    found: dict[str, list[NDArray[np.float64]]] = {}
    for depth in depths:
        for name, (_, norm, init) in DEEP.items():
            make = partial(MLP, widths(64, 10, depth=depth), norm, init)
            run = sweep(make, digits(), (0.1,), seeds, batch_size=32, steps=steps)[0]
            found.setdefault(f"train mode, {name}", []).append(run.losses[:, -20:].mean(dim=1).numpy())
            found.setdefault(f"eval mode, {name}", []).append(run.train_loss.numpy())
            found.setdefault(f"accuracy, {name}", []).append(run.test_accuracy.numpy())
    return {key: np.stack(values, axis=1) for key, values in found.items()}


def placed(layer: Norm, sizes: list[int], after: bool) -> nn.Sequential:
    """An MLP with its norms after the nonlinearity, where the bias stays, or before it, where it is dropped."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        linear = nn.Linear(fan_in, fan_out, bias=after)
        parts += [linear, nn.ReLU(), layer(fan_out)] if after else [linear, layer(fan_out), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(sizes[-2], sizes[-1]))


def placement(seeds: Sequence[int], steps: int = 100) -> Found:
    """Held-out accuracy on digits by "before" or "after", (seeds, :data:`PLACED_LRS`).  Depth 6, batches of 64."""
    return {
        where: sweep(
            partial(placed, nn.BatchNorm1d, widths(64, 10), where == "after"),
            digits(),
            PLACED_LRS,
            seeds,
            batch_size=64,
            steps=steps,
        ).test_accuracy.T.numpy()
        for where in ("before", "after")
    }


# --- the command ------------------------------------------------------------------------------------------------------

COMMAND = "python -m helpers.experiments.with_and_without_seeds"
EXPERIMENTS: Experiments = {
    "curves": (curves, 10),
    "starts": (starts, 10),
    "raised": (raised, 10),
    "moving": (moving, 10),
    "fair_head": (fair_head, 10),
    "draws": (draws, 10),
    "large_batches": (large_batches, 10),
    "heat_map": (heat_map, 10),
    "by_depth": (by_depth, 10),
    "placement": (placement, 10),
}
"""What is computed in advance."""


if __name__ == "__main__":
    compute(FILE, EXPERIMENTS, COMMAND, sys.argv[1:])
