"""Notebook 09: how many numbers go into an output value, and into how many an input value goes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from helpers.judge.api import BadOutput, Check, Exercise, Probe, all_of, near

from .drawn import drawn

Fans = Callable[[nn.Module], Any]
KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
_CHANGED = "largest change of the weight"


def _pair(value: Any) -> tuple[Any, Any]:
    """The two fans; BadOutput with a sentence where there are not two."""
    if value is None:
        raise BadOutput("the result is None. Does every path of your code end with a return?")
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise BadOutput(f"the result is {value!r:.60}; two numbers are needed: fan_in, fan_out.")
    return value[0], value[1]


def _probe(id: str, layer: nn.Module) -> Probe:
    def run(fan_in_and_fan_out: Fans) -> dict[str, Any]:
        fan_in, fan_out = _pair(fan_in_and_fan_out(copy.deepcopy(layer)))
        return {"fan_in": fan_in, "fan_out": fan_out}

    return Probe(id, str(layer), run)


def _same_kernel_twice(fan_in_and_fan_out: Fans) -> dict[str, Any]:
    layer = nn.Conv2d(2, 3, 3)
    before = layer.weight.detach().clone()
    _pair(fan_in_and_fan_out(layer))
    return {_CHANGED: (layer.weight - before).abs().max()}


def _layers() -> dict[str, nn.Module]:
    """The layers that are fed: all sizes of one layer differ, so that no two of them can be taken for each other."""
    few, many, inside, outside = range(2, 5), range(10, 15), range(2, 5), range(6, 9)
    a, b, i, o = drawn(0, few, many, inside, outside)
    c, d, tall, wide, k = drawn(1, few, many, (2, 3), (4, 5), (3, 5, 7))
    return {
        "linear": nn.Linear(b, a),
        "conv2d": nn.Conv2d(c, d, (tall, wide)),
        "conv1d": nn.Conv1d(d, c, k, bias=False),
        "stepped": nn.Conv2d(i, o, 3, stride=2, padding=1, dilation=2),
        "grouped": nn.Conv2d(3 * i, 3 * o, (tall, wide), groups=3),
        "depthwise": nn.Conv2d(b, b, k, groups=b),
        "two_each": nn.Conv1d(b, 2 * b, k, groups=b),
        "transposed": nn.ConvTranspose2d(i, o, (tall, wide)),
        "transposed1d": nn.ConvTranspose1d(d, c, k, stride=2),
        "transposed_grouped": nn.ConvTranspose2d(3 * i, 3 * o, k, groups=3),
    }


_LAYERS = _layers()

fan_in_and_fan_out_exercise = Exercise(
    id="fan_in_and_fan_out",
    title="Fan-in and fan-out",
    module=__name__,
    builds="fan_in_and_fan_out",
    probes=(
        *(_probe(id, layer) for id, layer in _LAYERS.items()),
        Probe("kept", "Conv2d(2, 3, 3), whose weight is compared before and after", _same_kernel_twice),
    ),
    checks=(
        Check(
            "plain",
            "1 · linear layers and convolutions, with and without groups",
            (
                all_of("linear", "conv2d", "conv1d", "stepped", "grouped", "depthwise", "two_each"),
                near(f"kept/{_CHANGED}", 0.0, 0.0),
            ),
            "A depthwise layer that is started with the fans of a full one is too small by the root of the number of channels.",
            (
                "Take one output value. Which numbers are multiplied by a weight and added up in it?",
                "Those under the kernel, in the input channels that this output sees: with groups only those of its group. The other direction alike.",
                "`conv.in_channels // conv.groups * math.prod(conv.kernel_size)`",
            ),
        ),
        Check(
            "transposed",
            "2 · transposed convolutions",
            (all_of("transposed", "transposed1d", "transposed_grouped"),),
            "torch's own starts read the fans off the shape of the weight, and for these layers that shape is turned round.",
            (
                "What does `in_channels` mean for a transposed convolution, and what is the first dimension of its weight?",
                "The definition does not change: channels that go in, channels that come out. Only the shape of `weight` is (in, out / groups, …).",
                "Read `in_channels`, `out_channels` and `groups` off the layer, not `weight.shape`.",
            ),
        ),
    ),
)
