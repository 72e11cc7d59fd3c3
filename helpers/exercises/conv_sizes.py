"""Notebook 09: count a convolutional net before it is built: parameters, FLOPs, receptive field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from helpers.judge.api import BadOutput, Check, Exercise, Probe, all_of

from .drawn import drawn


@dataclass(frozen=True)
class Conv:
    """A square convolution as numbers: channels, kernel × kernel places, and the rest as nn.Conv2d has it.

    norm: batch norm behind it.  A pooling layer is one with kernel and stride, whose weights nobody counts.
    """

    c_in: int
    c_out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    norm: bool = False


def _one(value: Any) -> Any:
    """The result if it is one number; else BadOutput with a sentence."""
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise BadOutput(f"the result is a tensor of shape {tuple(value.shape)}; one number is needed.")
    if isinstance(value, (tuple, list)):
        raise BadOutput(f"the result is {value!r:.60}; one number is needed.")
    return value.reshape(()) if isinstance(value, torch.Tensor) else value


def _said(conv: Conv) -> str:
    """The layer as it would be written, without what is as usual."""
    usual = Conv(0, 0, 0)
    rest = [f"{name}={value}" for name, value in vars(conv).items() if value != vars(usual)[name]]
    return f"Conv({', '.join(rest)})"


# --- parameters and FLOPs -------------------------------------------------------------------------------------------

_FEW, _MANY, _GROUPS, _SIDE = drawn(40, range(3, 6), range(8, 12), (2, 3), range(11, 16))

_COUNTED = {
    "full": Conv(_FEW, _MANY, 3, padding=1),
    "bias": Conv(_FEW, _MANY, 5, bias=True),
    "pointwise": Conv(_MANY, _FEW, 1),
    "grouped": Conv(_FEW * _GROUPS, _MANY * _GROUPS, 3, groups=_GROUPS),
    "depthwise": Conv(_MANY, _MANY, 3, padding=1, groups=_MANY, bias=True, norm=True),
    "norm": Conv(_FEW, _MANY, 3, norm=True),
    "norm_and_bias": Conv(_FEW, _MANY, 3, groups=1, bias=True, norm=True),
}


def _counted(id: str) -> Probe:
    conv = _COUNTED[id]
    return Probe(id, _said(conv), lambda parameter_count: {"parameters": _one(parameter_count(conv))})


parameter_count_exercise = Exercise(
    id="parameter_count",
    title="Count parameters",
    module=__name__,
    builds="parameter_count",
    probes=tuple(map(_counted, _COUNTED)),
    checks=(
        Check(
            "numbers",
            "weights, bias, and what batch norm learns",
            (all_of(*_COUNTED),),
            "Parameters are what is stored, sent over the network, and given to the optimiser.",
            (
                "How many weights has one output channel? You counted that above.",
                "c_in / groups · kernel² for each output channel, one more with a bias; batch norm learns two numbers for each.",
                "`conv.c_out * (conv.c_in // conv.groups * conv.kernel**2 + conv.bias + 2 * conv.norm)`",
            ),
        ),
    ),
)

_MAPS = {
    "same": (Conv(_FEW, _MANY, 3, padding=1), _SIDE, _SIDE),
    "no_padding": (Conv(_FEW, _MANY, 5), _SIDE, _SIDE + 3),
    "stride": (Conv(_FEW, _MANY, 3, stride=2, padding=1), 2 * _SIDE, 2 * _SIDE + 3),
    "stride3": (Conv(_FEW, _MANY, 4, stride=3, padding=2), 3 * _SIDE + 1, 3 * _SIDE + 2),
    "dilation": (Conv(_FEW, _MANY, 3, padding=1, dilation=3), _SIDE, _SIDE + 2),
    "grouped": (Conv(_FEW * _GROUPS, _MANY * _GROUPS, 3, padding=1, groups=_GROUPS), _SIDE, _SIDE),
    "bias_and_norm": (Conv(_FEW, _MANY, 3, padding=1, bias=True, norm=True), _SIDE, _SIDE),
    "one_pixel": (Conv(_MANY, _FEW, 1, bias=True), 1, 1),
}


def _worked(id: str) -> Probe:
    conv, height, width = _MAPS[id]

    def run(flop_count: Callable[[Conv, int, int], Any]) -> Mapping[str, Any]:
        return {"FLOPs": _one(flop_count(conv, height, width))}

    return Probe(id, f"{_said(conv)}, a map of {height}×{width}", run)


flop_count_exercise = Exercise(
    id="flop_count",
    title="Count FLOPs",
    module=__name__,
    builds="flop_count",
    probes=tuple(map(_worked, _MAPS)),
    checks=(
        Check(
            "numbers",
            "two for each weight that goes into each output value",
            (all_of(*_MAPS),),
            "FLOPs are what a chip has to do; how long that takes is another question.",
            (
                "How many output values are there, and how many weights go into one?",
                "The map that comes out has (height + 2·padding − dilation·(kernel − 1) − 1) // stride + 1 rows.",
                "`2 * rows * columns * conv.c_out * conv.c_in // conv.groups * conv.kernel**2`",
            ),
        ),
    ),
)

# --- receptive field ------------------------------------------------------------------------------------------------

_A, _B, _C = drawn(41, (3, 5), (4, 7), (2, 3))
_STACKS: dict[str, Sequence[Conv]] = {
    "one": (Conv(3, 8, _A),),
    "three": (Conv(3, 8, 3), Conv(8, 8, _A), Conv(8, 8, 3)),
    "pointwise": (Conv(3, 8, _B), Conv(8, 8, 1), Conv(8, 4, 1)),
    "stride_first": (Conv(3, 8, 3, stride=_C), Conv(8, 8, _A), Conv(8, 8, 3)),
    "stride_last": (Conv(3, 8, 3), Conv(8, 8, _A), Conv(8, 8, 3, stride=_C)),
    "strides": (Conv(3, 8, _B, stride=2, padding=3), Conv(8, 8, 3, stride=_C, padding=1), Conv(8, 8, 3, padding=1)),
    "dilated": (Conv(3, 8, 3), Conv(8, 8, 3, dilation=2), Conv(8, 8, _A, dilation=4)),
    "both": (Conv(3, 8, 3, stride=2), Conv(8, 8, _A, dilation=2), Conv(8, 8, 2, stride=2), Conv(8, 8, 3, dilation=_C)),
    "grouped": (Conv(3, 9, _A, groups=3, norm=True), Conv(9, 9, 3, groups=9, bias=True)),
}


def _reached(id: str) -> Probe:
    convs = _STACKS[id]

    def run(receptive_field: Callable[[Sequence[Conv]], Any]) -> Mapping[str, Any]:
        return {"side": _one(receptive_field(list(convs)))}

    return Probe(id, ", then ".join(map(_said, convs)), run)


receptive_field_exercise = Exercise(
    id="receptive_field",
    title="Receptive field",
    module=__name__,
    builds="receptive_field",
    probes=tuple(map(_reached, _STACKS)),
    checks=(
        Check(
            "side",
            "the side of the square of input pixels behind one output value",
            (all_of(*_STACKS),),
            "A net cannot use what lies outside: to read a word it has to see the word.",
            (
                "Begin with one value of the last map: how many values of the map before does it see, in a row? Then one map further.",
                "A kernel of 3 adds two *steps* to the field. A step of a map behind strides is several pixels of the input.",
                "`side += (conv.kernel - 1) * conv.dilation * step`, and then `step *= conv.stride`",
            ),
        ),
    ),
)
