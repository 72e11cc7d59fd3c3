"""Notebook 09: the standard deviation of a layer's first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, all_of

from .drawn import drawn
from .measuring import SALT

Std = Callable[..., Any]


def _number(value: Any) -> Any:
    """The result if it is one number; else BadOutput with a sentence."""
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise BadOutput(f"the result is a tensor of shape {tuple(value.shape)}; one number is needed.")
    return value.reshape(()) if isinstance(value, torch.Tensor) else value


def _probe(id: str, **given: float) -> Probe:
    fed = ", ".join(f"{name} = {value:g}" for name, value in given.items())
    return Probe(id, fed, lambda std: {"std": _number(std(*given.values()))})


def _between(seed: int, low: float, high: float) -> float:
    return round(float(np.random.RandomState(seed + SALT).uniform(low, high)), 2)


_FEW, _MANY = drawn(20, range(20, 60), range(200, 400))
_GAIN, _SLOPE = _between(21, 1.2, 1.9), _between(22, 0.2, 0.6)

xavier_std_exercise = Exercise(
    id="xavier_std",
    title="Xavier's standard deviation",
    module=__name__,
    builds="xavier_std",
    probes=(
        _probe("narrowing", fan_in=_MANY, fan_out=_FEW),
        _probe("widening", fan_in=_FEW, fan_out=2 * _MANY),
        _probe("gain", fan_in=_MANY, fan_out=_FEW, gain=_GAIN),
    ),
    checks=(
        Check(
            "std",
            "a standard deviation between the two wishes, times the gain",
            (all_of("narrowing", "widening", "gain"),),
            "An error here is one factor in each layer: its power by the number of layers is what arrives.",
            (
                "Write down the variance that forward wants and the one that backward wants. Of which two numbers is the mean taken?",
                "The mean of fan_in and fan_out takes the place of the fan. That gives a variance; a gain multiplies the standard deviation.",
                "`gain * math.sqrt(1 / fan)` with `fan = (fan_in + fan_out) / 2`",
            ),
        ),
    ),
)

he_std_exercise = Exercise(
    id="he_std",
    title="He's standard deviation",
    module=__name__,
    builds="he_std",
    probes=(
        _probe("relu", fan=_MANY),
        _probe("leaky", fan=_FEW, negative_slope=_SLOPE),
        _probe("linear", fan=_MANY, negative_slope=1.0),
    ),
    checks=(
        Check(
            "std",
            "a standard deviation that makes up for what the activation takes",
            (all_of("relu", "leaky", "linear"),),
            "A net of thirty layers forgives a wrong factor thirty times.",
            (
                "Which part of the mean square passes, for z and −z together, when the negative one is multiplied by the slope?",
                "(1 + a²) / 2 of it passes. The variance of the weights has to make up for that, and for the fan terms of the sum.",
                "`math.sqrt(1 / (fan * passes))`",
            ),
        ),
    ),
)
