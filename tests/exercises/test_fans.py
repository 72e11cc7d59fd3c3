"""Fans counted in other ways pass, wrong ones that no suspect is fail; the reference agrees with counting by ones."""

import math
from functools import reduce
from operator import mul

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.fans import fan_in_and_fan_out
from helpers.exercises.fans import fan_in_and_fan_out_exercise
from helpers.experiments.counted_fans import LAYERS, counted


def by_ones(layer):
    """Ones in, ones for weights, stride 1: what comes out is a count."""
    if isinstance(layer, nn.Linear):
        return torch.tensor(layer.weight.shape[::-1])
    kind = type(layer)
    same = kind(layer.in_channels, layer.out_channels, layer.kernel_size, groups=layer.groups, bias=False)
    nn.init.ones_(same.weight)
    x = torch.ones(1, layer.in_channels, *[31] * len(layer.kernel_size), requires_grad=True)
    y = same(x)
    y.sum().backward()
    middle = (0, 0, *[15] * len(layer.kernel_size))
    return y[middle].item(), x.grad[middle].item()


def by_shape(layer):
    w = layer.weight
    taps = w[0, 0].numel() if w.ndim > 2 else 1
    rows, columns = w.shape[:2]
    groups = getattr(layer, "groups", 1)
    if getattr(layer, "transposed", False):
        return [rows // groups * taps, columns * taps]
    return [columns * taps, rows // groups * taps]


def by_kind(layer):
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    taps = reduce(mul, layer.kernel_size)
    return layer.in_channels * taps / layer.groups, layer.out_channels * taps / layer.groups


def by_torch_and_mended(layer):
    a, b = nn.init._calculate_fan_in_and_fan_out(layer.weight)
    if isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
        a, b = b // layer.groups, a
        return a, b
    return a, b // getattr(layer, "groups", 1)


def by_weights_a_channel(layer):
    """All weights over the number of output channels, and over that of input channels."""
    total = layer.weight.numel()
    if type(layer) is nn.Linear:
        return total // layer.out_features, total // layer.in_features
    return total // layer.out_channels, total // layer.in_channels


def in_a_loop(layer):
    if isinstance(layer, nn.Linear):
        fan_in, fan_out = layer.in_features, layer.out_features
    else:
        fan_in, fan_out = layer.in_channels // layer.groups, layer.out_channels // layer.groups
        for k in layer.kernel_size:
            fan_in *= k
            fan_out *= k
    return fan_in, fan_out


def as_array(layer):
    return np.array(fan_in_and_fan_out(layer))


RIGHT = (fan_in_and_fan_out, by_ones, by_shape, by_kind, by_torch_and_mended, by_weights_a_channel, in_a_loop, as_array)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda f: f.__name__)
def test_right_answers_in_other_styles(answer):
    found = fan_in_and_fan_out_exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


def wrong(change):
    """The reference's numbers, changed."""

    def answer(layer):
        return change(layer, *fan_in_and_fan_out(layer))

    return answer


WRONG = {
    "both the larger": wrong(lambda layer, a, b: (max(a, b), max(a, b))),
    "sorted": wrong(lambda layer, a, b: (min(a, b), max(a, b))),
    "one more": wrong(lambda layer, a, b: (a + 1, b)),
    "bias in fan-out": wrong(lambda layer, a, b: (a, b + (layer.bias is not None))),
    "their mean": wrong(lambda layer, a, b: ((a + b) / 2, (a + b) / 2)),
    "their sum": wrong(lambda layer, a, b: (a + b, a + b)),
    "stride divides fan-in": wrong(lambda layer, a, b: (a // math.prod(getattr(layer, "stride", (1,))), b)),
    "stride multiplies fan-out": wrong(lambda layer, a, b: (a, b * math.prod(getattr(layer, "stride", (1,))))),
    "padding counted": wrong(lambda layer, a, b: (a + 2 * (getattr(layer, "padding", (0,))[0]), b)),
    "kernel less one": wrong(lambda layer, a, b: (a - getattr(layer, "groups", 0), b)),
    "roots": wrong(lambda layer, a, b: (a**0.5, b**0.5)),
    "inverse": wrong(lambda layer, a, b: (1 / a, 1 / b)),
    "groups squared": wrong(lambda layer, a, b: (a // getattr(layer, "groups", 1), b // getattr(layer, "groups", 1))),
    "transposed stride": wrong(lambda layer, a, b: (a // (2 if layer.__class__.__name__[-5:] == "ose1d" else 1), b)),
    "depthwise one": wrong(lambda layer, a, b: (1, 1) if getattr(layer, "groups", 1) > 1 else (a, b)),
    "a dict": lambda layer: dict(zip(("fan_in", "fan_out"), fan_in_and_fan_out(layer), strict=True)),
    "three": lambda layer: (*fan_in_and_fan_out(layer), 0),
    "weights changed": lambda layer: (nn.init.ones_(layer.weight), fan_in_and_fan_out(layer))[1],
    "shape": lambda layer: (layer.weight.shape[0], layer.weight[0].numel()),
    "nothing": lambda layer: None,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_unseen_wrong_answers_fail(name):
    assert not fan_in_and_fan_out_exercise.assessed(WRONG[name]).passed


@pytest.mark.parametrize("name", LAYERS)
def test_the_reference_agrees_with_counting(name):
    assert counted(LAYERS[name]) == fan_in_and_fan_out(LAYERS[name])
