"""Notebook 11: the control of a comparison, a net without a norm that starts well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.judge.api import Check, Exercise, Probe, matches

from .measuring import SALT

WIDTH = 300 + SALT % 50
SIZES = ((WIDTH, 900), (900, WIDTH))
RATIO = "standard deviation of the weights ÷ √(2 / fan-in), in each hidden layer"
CENTRE = "mean of the weights ÷ their standard deviation, in each hidden layer"
BIASES = "are the biases 0, in each hidden layer"
FRESH = "does a second net get other weights"
SHAPES = "shape of the weights, in each hidden layer"
TRAIN = "do all weights and biases still get gradients"


def _net() -> nn.Sequential:
    """Its hidden layers sit in blocks, as those of the net that is trained with this start."""
    blocks = [nn.Sequential(nn.Linear(*sizes), nn.ReLU()) for sizes in SIZES]
    return nn.Sequential(*blocks, nn.Linear(SIZES[-1][1], 1))


def _hidden(net: nn.Sequential) -> list[nn.Linear]:
    return [m for m in net.modules() if isinstance(m, nn.Linear)][:-1]


@torch.no_grad()
def _started(he_start: Callable[[nn.Module], Any]) -> dict[str, Any]:
    net, other = _net(), _net()
    with torch.enable_grad():
        he_start(net)
        he_start(other)
    hidden, others = _hidden(net), _hidden(other)
    stds = np.array([float(m.weight.std(correction=0)) for m in hidden])
    means = np.array([float(m.weight.mean()) for m in hidden])
    right = np.array([(2 / m.in_features) ** 0.5 for m in hidden])
    return {  # one digit: drawn weights differ in the next
        RATIO: np.round(stds / right, 1),
        CENTRE: np.abs(np.round(means / np.maximum(stds, 1e-12), 1)),
        BIASES: np.array([m.bias is None or not bool(m.bias.any()) for m in hidden]),
        SHAPES: np.array([m.weight.shape for m in hidden]),
        FRESH: not any(torch.equal(a.weight, b.weight) for a, b in zip(hidden, others, strict=True)),
        TRAIN: all(p.requires_grad for p in net.parameters()),
    }


he_start_exercise = Exercise(
    id="he_start",
    title="The control",
    module=__name__,
    builds="he_start",
    probes=(Probe("start", f"nets with hidden layers {WIDTH} → 900 → {WIDTH} and a head", _started),),
    checks=(
        Check(
            "control",
            "hidden weights of variance 2 / fan-in, mean 0, drawn anew; biases 0",
            (matches(*(f"start/{name}" for name in (RATIO, CENTRE, BIASES, SHAPES, FRESH, TRAIN))),),
            "Without this net nobody knows whether the norm helps, or only the scale at the start.",
            (
                "fan-in: how many numbers does one unit of the layer read?",
                "`net.modules()` gives every Linear, in order; the last one is the head. `linear.in_features` is the fan-in, and the "
                "standard deviation is the root of the variance.",
                "`nn.init.normal_(linear.weight, std=(2 / linear.in_features) ** 0.5)`, then `nn.init.zeros_(linear.bias)`.",
            ),
        ),
    ),
)
