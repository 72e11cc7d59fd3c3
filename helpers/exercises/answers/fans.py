"""Reference and suspects of notebook 09's fans."""

from __future__ import annotations

import math

from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d


def fan_in_and_fan_out(layer: Layer) -> tuple[int, int]:
    """(fan_in, fan_out) of an nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d or nn.ConvTranspose2d.

    fan_in: how many input values are multiplied by a weight and summed in one output value.  fan_out: in how many output
    values one input value is used.  Both for stride 1 and away from the border, whatever stride and padding the layer has.
    """
    ### BEGIN SOLUTION
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taps = math.prod(layer.kernel_size)
    fan_in = layer.in_channels // layer.groups * taps
    fan_out = layer.out_channels // layer.groups * taps
    return fan_in, fan_out
    ### END SOLUTION


def _suspect(id: str, category: str, title: str, shows: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(fan_in_and_fan_out, *edits), shows)


_LINEAR = "return layer.in_features, layer.out_features"
_IN, _OUT = "layer.in_channels // layer.groups * taps", "layer.out_channels // layer.groups * taps"
_TAPS = "math.prod(layer.kernel_size)"

_SUSPECTS = (
    _suspect(
        "swapped",
        "direction",
        "the two are exchanged: fan-in counts what goes into one output, fan-out where one input goes.",
        "linear/fan_in",
        (_LINEAR, "return layer.out_features, layer.in_features"),
        ("return fan_in, fan_out", "return fan_out, fan_in"),
    ),
    _suspect(
        "linear_swapped",
        "direction",
        "of a linear layer the two are exchanged; the shape of its weight is (out, in).",
        "linear/fan_in",
        (_LINEAR, "return tuple(layer.weight.shape)"),
    ),
    _suspect(
        "groups_forgotten",
        "groups",
        "groups are left out: an output sees only the inputs of its group, and an input goes only to the outputs of its group.",
        "grouped/fan_in",
        (_IN, "layer.in_channels * taps"),
        (_OUT, "layer.out_channels * taps"),
    ),
    _suspect(
        "groups_in_fan_in_only",
        "groups",
        "fan-out without the groups: an input goes to the outputs of its own group only. (torch's own function for the fans counts as you do.)",
        "grouped/fan_out",
        (_OUT, "layer.out_channels * taps"),
    ),
    _suspect(
        "groups_in_fan_out_only",
        "groups",
        "fan-in without the groups: an output sees the inputs of its own group only.",
        "grouped/fan_in",
        (_IN, "layer.in_channels * taps"),
    ),
    _suspect(
        "groups_multiplied",
        "groups",
        "you multiply by the groups; they cut the channels into parts, so divide.",
        "grouped/fan_in",
        (_IN, "layer.in_channels * layer.groups * taps"),
        (_OUT, "layer.out_channels * layer.groups * taps"),
    ),
    _suspect(
        "as_torchs_function",
        "shape",
        "these are the fans that torch reads off the shape of the weight: fan-out without the groups, and both turned round for transposed layers.",
        "transposed/fan_in",
        ("layer.in_channels // layer.groups", "layer.weight.shape[1]"),
        ("layer.out_channels // layer.groups", "layer.weight.shape[0]"),
    ),
    _suspect(
        "transposed_turned_round",
        "shape",
        "of transposed layers the two are exchanged: `in_channels` is what goes in there too, only the weight has another shape.",
        "transposed/fan_in",
        (
            "return fan_in, fan_out",
            'return (fan_out, fan_in) if "Transpose" in type(layer).__name__ else (fan_in, fan_out)',
        ),
    ),
    _suspect(
        "transposed_by_shape",
        "shape",
        "the weight of a transposed layer has the shape (in, out / groups, …): there `weight[0]` belongs to one input, and not to one output.",
        "transposed/fan_in",
        (_IN, "layer.weight[0].numel()"),
    ),
    _suspect(
        "kernel_forgotten",
        "kernel",
        "the kernel is left out: each output value sums over all its places.",
        "conv2d/fan_in",
        (_TAPS, "1"),
    ),
    _suspect(
        "kernel_in_fan_in_only",
        "kernel",
        "fan-out without the kernel: an input value is used wherever the kernel covers it.",
        "conv2d/fan_out",
        (_OUT, "layer.out_channels // layer.groups"),
    ),
    _suspect(
        "kernel_in_fan_out_only",
        "kernel",
        "fan-in without the kernel: an output sums over all places of the kernel.",
        "conv2d/fan_in",
        (_IN, "layer.in_channels // layer.groups"),
    ),
    _suspect(
        "one_side_of_the_kernel",
        "kernel",
        "only one side of the kernel is counted.",
        "conv2d/fan_in",
        (_TAPS, "layer.kernel_size[0]"),
    ),
    _suspect(
        "kernel_squared",
        "kernel",
        "the first side of the kernel is squared; a kernel may be 3×5, or have one dimension.",
        "conv1d/fan_in",
        (_TAPS, "layer.kernel_size[0] ** 2"),
    ),
    _suspect(
        "kernel_summed",
        "kernel",
        "the sides of the kernel are added; multiply them.",
        "conv2d/fan_in",
        (_TAPS, "sum(layer.kernel_size)"),
    ),
    _suspect(
        "two_dimensions_only",
        "kernel",
        "you read two sides of the kernel; a Conv1d has one.",
        "conv1d",
        (_TAPS, "layer.kernel_size[0] * layer.kernel_size[1]"),
    ),
    _suspect(
        "dilation_counted",
        "kernel",
        "places between the taps of a dilated kernel are counted; they have no weight.",
        "stepped/fan_in",
        (
            _TAPS,
            "math.prod(d * (k - 1) + 1 for k, d in zip(layer.kernel_size, layer.dilation))",
        ),
    ),
    _suspect(
        "stride_counted",
        "kernel",
        "fan-out is divided by the stride; it is asked for stride 1.",
        "stepped/fan_out",
        (_OUT, "layer.out_channels // layer.groups * taps // math.prod(layer.stride)"),
    ),
    _suspect(
        "bias_counted",
        "count",
        "the bias is counted in fan-in; no input is multiplied by it.",
        "linear/fan_in",
        (_LINEAR, "return layer.in_features + 1, layer.out_features"),
        (_IN, "layer.in_channels // layer.groups * taps + (layer.bias is not None)"),
    ),
    _suspect(
        "all_weights",
        "count",
        "these are all weights of the layer; count those of one output value, and of one input value.",
        "linear/fan_in",
        (_LINEAR, "return layer.weight.numel(), layer.weight.numel()"),
        (_IN, "layer.weight.numel()"),
        (_OUT, "layer.weight.numel()"),
    ),
    _suspect(
        "one_number_twice",
        "count",
        "fan-out is your fan-in again; it counts output channels.",
        "linear/fan_out",
        (_LINEAR, "return layer.in_features, layer.in_features"),
        (_OUT, "layer.in_channels // layer.groups * taps"),
    ),
    _suspect(
        "no_linear_layer",
        "crash",
        "a linear layer has no kernel and no channels: give it a way of its own, with `in_features` and `out_features`.",
        "linear",
        ("if isinstance(layer, nn.Linear):", "if False:"),
    ),
    _suspect(
        "kernel_as_it_is",
        "crash",
        "`kernel_size` is a tuple, and a tuple times a number is a longer tuple; multiply its numbers with `math.prod`.",
        "conv2d/fan_in",
        (_TAPS, "layer.kernel_size"),
    ),
    _suspect(
        "fan_in_alone",
        "crash",
        "the result is fan-in alone; return both.",
        "conv2d",
        (_LINEAR, "return layer.in_features"),
        ("return fan_in, fan_out", "return fan_in"),
    ),
)

REFERENCE = {"fan_in_and_fan_out": fan_in_and_fan_out}
SUSPECTS = {"fan_in_and_fan_out": _SUSPECTS}
