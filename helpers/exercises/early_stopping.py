"""Notebook 10: early stopping with patience, and the way back to the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from helpers.judge.api import BadOutput, Check, Exercise, Probe, asked, matches, near

from .measuring import normal

Stopper = Callable[[int], Any]
NEVER = 0
SCRIPTS: dict[str, tuple[int, tuple[float, ...]]] = {
    "valley": (2, (5, 4, 3, 4, 5, 6, 7)),
    "one": (1, (5, 4, 3, 3.5, 2, 1)),
    "bumps": (3, (5, 4, 4.5, 4.2, 3.9, 4.1, 4.0, 3.95, 3.94, 3.93)),
    "slow": (2, (5, 4, 6, 5.5, 5, 4.5, 4.2)),
    "equal": (2, (3, 3, 3, 3, 3)),
    "falling": (2, (-1, -2, -3, -4)),
    "nan": (2, (6, 5, math.nan, 4, math.nan, math.nan, 3)),
    "from_nan": (3, (math.nan, math.nan, 4, 3, 2)),
    "between": (2, (5, math.nan, 4.9999, math.nan, 5.5, 6, 7, 8)),
}
"""Patience, and the validation loss after each epoch."""


def _net() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with torch.no_grad():
        for seed, value in enumerate(net.state_dict().values()):
            if value.is_floating_point():
                value.copy_(normal(seed, value.shape).abs() + 0.5)
    return net


@torch.no_grad()
def _epoch(net: nn.Module, number: int) -> None:
    """Stands for an epoch of training: every weight and every buffer becomes another one."""
    for seed, value in enumerate(net.state_dict().values()):
        value.add_(1) if not value.is_floating_point() else value.add_(0.1 * normal(100 * number + seed, value.shape))


def _stops(made: Any, net: nn.Module, losses: Sequence[float]) -> int:
    """The epoch after which it says stop, from 1 on; NEVER where it does not."""
    for epoch, loss in enumerate(losses, 1):
        _epoch(net, epoch)
        said = made.step(loss, net)
        if said is None:
            raise BadOutput("step returned None; True or False is needed. Does every path end with a return?")
        if said:
            return epoch
    return NEVER


def _script(name: str) -> Callable[[Stopper], dict[str, Any]]:
    patience, losses = SCRIPTS[name]

    def run(stopper: Stopper) -> dict[str, Any]:
        return {"epoch after which it stops (0: never)": _stops(stopper(patience), _net(), losses)}

    return run


def _two(stopper: Stopper) -> dict[str, Any]:
    first, second = stopper(2), stopper(2)
    _stops(first, _net(), (1, 2, 3))
    return {"epoch after which the second one stops (0: never)": _stops(second, _net(), (9, 8, 9, 9, 9))}


def _numbers(net: nn.Module) -> dict[str, torch.Tensor]:
    state = net.state_dict()
    return {
        "weights of the first layer": state["0.weight"].clone(),
        "γ": state["1.weight"].clone(),
        "running_mean": state["1.running_mean"].clone(),
        "running_var": state["1.running_var"].clone(),
        "batches that the norm has counted": state["1.num_batches_tracked"].clone(),
    }


def _restored(name: str) -> Callable[[Stopper], dict[str, Any]]:
    patience, losses = SCRIPTS[name]

    def run(stopper: Stopper) -> dict[str, Any]:
        net, made = _net(), stopper(patience)
        _stops(made, net, losses)
        made.restore(net)
        return _numbers(net)

    return run


def _twice(stopper: Stopper) -> dict[str, Any]:
    net, made = _net(), stopper(2)
    _stops(made, net, SCRIPTS["valley"][1])
    made.restore(net)
    first = net.state_dict()["0.weight"].clone()
    _epoch(net, 50)
    made.restore(net)
    net(normal(9, (4, 3))).sum().backward()
    return {
        "largest difference of a second restore": (net.state_dict()["0.weight"] - first).abs().max(),
        asked("do the weights still get a gradient"): all(p.grad is not None for p in net.parameters()),
    }


_STOPS = "epoch after which it stops (0: never)"
_KEPT = ("weights of the first layer", "γ", "running_mean", "running_var", "batches that the norm has counted")
_FED = "patience {}, validation losses {}"

early_stopping_exercise = Exercise(
    id="early_stopping",
    title="Early stopping",
    module=__name__,
    builds="EarlyStopping",
    probes=(
        *(
            Probe(name, _FED.format(patience, ", ".join(f"{loss:g}" for loss in losses)), _script(name))
            for name, (patience, losses) in SCRIPTS.items()
        ),
        Probe("two", "two objects, patience 2: losses 1, 2, 3 to the first, then 9, 8, 9, 9, 9 to the second", _two),
        Probe("restored", "losses 5, 4, 3, 4, 5 with patience 2, then restore", _restored("valley")),
        Probe(
            "last",
            "losses −1, −2, −3, −4 with patience 2, then restore: the last epoch is the best",
            _restored("falling"),
        ),
        Probe("twice", "restore, one epoch more, restore again; then a backward pass", _twice),
    ),
    checks=(
        Check(
            "when",
            "1 · it stops after `patience` epochs in a row that are no better than the best",
            (
                *(matches(f"{name}/{_STOPS}", atol=0.0, rtol=0.0) for name in SCRIPTS),
                matches("two/epoch after which the second one stops (0: never)", atol=0.0, rtol=0.0),
            ),
            "The validation loss is noisy: who stops at the first bad epoch stops too early.",
            (
                "Two things have to be remembered from epoch to epoch. What sets the second back to 0?",
                "Compare with the lowest loss so far, not with the one before. NaN is lower than nothing: `nan < 3` is False.",
                "`if loss < self.best: self.best, self.waited = loss, 0`, else `self.waited += 1`; return `self.waited >= self.patience`",
            ),
        ),
        Check(
            "restored",
            "2 · restore brings back weights and buffers of the best epoch",
            (
                *(matches(f"{probe}/{name}", atol=1e-6) for probe in ("restored", "last") for name in _KEPT),
                near("twice/largest difference of a second restore", 0.0, 0.0),
                near("twice/" + asked("do the weights still get a gradient"), 1.0, 0.0),
            ),
            "Without the way back one serves the last epoch: the one that was worse `patience` times.",
            (
                "`model.state_dict()` holds the tensors themselves. What happens to them in the next epoch?",
                "Keep a copy of all of it, buffers too, at each new best. Load it into the model that you are given.",
                "`self.kept = copy.deepcopy(model.state_dict())`, and `model.load_state_dict(self.kept)`",
            ),
        ),
    ),
)
