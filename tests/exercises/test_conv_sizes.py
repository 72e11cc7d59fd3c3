"""Counts written in other ways pass, wrong ones that no suspect is fail; the references agree with layers of torch."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.exercises.answers.conv_sizes import flop_count, parameter_count, receptive_field
from helpers.exercises.conv_sizes import (
    Conv,
    flop_count_exercise,
    parameter_count_exercise,
    receptive_field_exercise,
)


def as_torch(conv, **other):
    sizes = {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation} | other
    return nn.Conv2d(conv.c_in, conv.c_out, conv.kernel, groups=conv.groups, bias=conv.bias, **sizes)


# --- parameters


def built(conv):
    layers = [as_torch(conv)] + ([nn.BatchNorm2d(conv.c_out)] if conv.norm else [])
    return sum(p.numel() for layer in layers for p in layer.parameters())


def step_by_step(conv):
    total = conv.c_out * conv.c_in * conv.kernel * conv.kernel / conv.groups
    if conv.bias:
        total += conv.c_out
    if conv.norm:
        total += 2 * conv.c_out
    return total


def group_by_group(conv):
    a, b = conv.c_in // conv.groups, conv.c_out // conv.groups
    shapes = [(b, a, conv.kernel, conv.kernel)] * conv.groups
    learned = [(conv.c_out,)] * (int(conv.bias) + 2 * int(conv.norm))
    return sum(math.prod(shape) for shape in shapes + learned)


def on_meta(conv):
    with torch.device("meta"):
        net = nn.Sequential(as_torch(conv), nn.BatchNorm2d(conv.c_out) if conv.norm else nn.Identity())
    return torch.tensor(sum(map(torch.numel, net.parameters())))


def in_a_loop(conv):
    n = 0
    for _ in range(conv.c_out):
        n += conv.kernel**2 * (conv.c_in // conv.groups)
        n += 1 if conv.bias else 0
        n += 2 if conv.norm else 0
    return n


# --- FLOPs


def map_of_torch(conv, height, width):
    out = as_torch(conv)(torch.zeros(1, conv.c_in, height, width))
    return 2 * out.numel() * conv.kernel**2 * conv.c_in // conv.groups


def counted_by_torch(conv, height, width):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        as_torch(conv)(torch.zeros(1, conv.c_in, height, width))
    return counter.get_total_flops()


def positions(conv, height, width):
    def fit(side):
        side += 2 * conv.padding
        return sum(1 for start in range(0, side, conv.stride) if start + conv.dilation * (conv.kernel - 1) < side)

    return fit(height) * fit(width) * conv.c_out * conv.c_in / conv.groups * conv.kernel**2 * 2


def by_floor(conv, height, width):
    def fit(n):
        return math.floor((n + 2 * conv.padding - conv.dilation * (conv.kernel - 1) - 1) / conv.stride + 1)

    h, w = fit(height), fit(width)
    macs = h * w * conv.kernel * conv.kernel * (conv.c_in / conv.groups) * conv.c_out
    return 2 * macs


def by_parameters(conv, height, width):
    weights = parameter_count(Conv(conv.c_in, conv.c_out, conv.kernel, groups=conv.groups))
    reach = (conv.kernel - 1) * conv.dilation
    h = (height + 2 * conv.padding - reach + conv.stride - 1) // conv.stride
    w = (width + 2 * conv.padding - reach + conv.stride - 1) // conv.stride
    return 2 * h * w * weights


# --- receptive field


def from_the_end(convs):
    side = 1
    for conv in reversed(convs):
        side = (side - 1) * conv.stride + conv.dilation * (conv.kernel - 1) + 1
    return side


def recursive(convs):
    if not convs:
        return 1
    first, *rest = convs
    return (recursive(rest) - 1) * first.stride + first.dilation * (first.kernel - 1) + 1


def ends(convs):
    low = high = 0
    for conv in convs[::-1]:
        low, high = low * conv.stride, high * conv.stride + (conv.kernel - 1) * conv.dilation
    return high - low + 1


def as_a_sum(convs):
    strides = [math.prod(conv.stride for conv in convs[:i]) for i in range(len(convs))]
    return 1 + sum((c.kernel - 1) * c.dilation * s for c, s in zip(convs, strides, strict=True))


def by_gradient(convs):
    """Count the pixels in a row that have a gradient."""
    side = from_the_end(convs)
    layers = [nn.Conv2d(1, 1, c.kernel, c.stride, dilation=c.dilation, bias=False) for c in convs]
    x = torch.ones(1, 1, side + 40, side + 40, requires_grad=True)
    out = x
    for layer in layers:
        nn.init.ones_(layer.weight)
        out = layer(out)
    out[0, 0, 0, 0].backward()
    seen = x.grad[0, 0].any(0).nonzero()
    return seen.max() - seen.min() + 1


def positions_seen(convs):
    seen = {0}
    for conv in reversed(convs):
        seen = {p * conv.stride + conv.dilation * k for p in seen for k in range(conv.kernel)}
    return max(seen) - min(seen) + 1


RIGHT = {
    parameter_count_exercise: (parameter_count, built, step_by_step, group_by_group, on_meta, in_a_loop),
    flop_count_exercise: (flop_count, map_of_torch, counted_by_torch, positions, by_floor, by_parameters),
    receptive_field_exercise: (receptive_field, from_the_end, recursive, ends, as_a_sum, by_gradient, positions_seen),
}


def cases(of):
    return [pytest.param(e, answer, id=f"{e.id}-{name}") for e, named in of.items() for name, answer in named.items()]


@pytest.mark.parametrize(("exercise", "answer"), cases({e: {f.__name__: f for f in fs} for e, fs in RIGHT.items()}))
def test_right_answers_in_other_styles(exercise, answer):
    found = exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


WRONG = {
    parameter_count_exercise: {
        "bias of the norm": lambda c: parameter_count(c) - c.c_out * (c.bias and c.norm),
        "norm in groups": lambda c: parameter_count(c) + 2 * c.norm * (c.c_out - c.c_in),
        "padding": lambda c: parameter_count(c) + c.padding,
        "bytes": lambda c: 4 * parameter_count(c),
        "c_in squared": lambda c: c.c_in**2 * c.kernel**2,
        "three for the norm": lambda c: parameter_count(c) + c.c_out * c.norm,
        "one for a bias and a norm": lambda c: parameter_count(c) - (c.c_out if c.bias or c.norm else 0),
        "bias times kernel": lambda c: parameter_count(c) + c.c_out * c.bias * (c.kernel**2 - 1),
        "depthwise only": lambda c: c.c_out * c.kernel**2 + c.c_out * (c.bias + 2 * c.norm),
        "nothing": lambda c: None,
        "a pair": lambda c: (parameter_count(c), 0),
        "a fan": lambda c: c.c_in // c.groups * c.kernel**2,
        "transposed groups": lambda c: parameter_count(c) + (c.groups - 1),
        "kernel + 1": lambda c: c.c_out * (c.c_in // c.groups * (c.kernel + 1) ** 2 + c.bias + 2 * c.norm),
        "rounded": lambda c: round(parameter_count(c), -2),
        "weights without outputs": lambda c: c.c_in * c.kernel**2 + c.c_out,
    },
    flop_count_exercise: {
        "four": lambda c, h, w: 2 * flop_count(c, h, w),
        "with one addition": lambda c, h, w: flop_count(c, h, w) + 1,
        "backward too": lambda c, h, w: 3 * flop_count(c, h, w),
        "width and height": lambda c, h, w: flop_count(c, w, w),
        "the larger side": lambda c, h, w: flop_count(c, max(h, w), max(h, w)),
        "the smaller side": lambda c, h, w: flop_count(c, min(h, w), min(h, w)),
        "stride squared away": lambda c, h, w: flop_count(c, h, w) // c.stride,
        "in megaflops": lambda c, h, w: flop_count(c, h, w) / 1e6,
        "with activation": lambda c, h, w: flop_count(c, h, w) + h * w * c.c_out,
        "always padded": lambda c, h, w: 2 * -(-h // c.stride) * -(-w // c.stride) * parameter_count(c),
        "as if square": lambda c, h, w: flop_count(c, round((h * w) ** 0.5), round((h * w) ** 0.5)),
        "no dilation": lambda c, h, w: flop_count(replace(c, dilation=1), h, w),
        "no padding": lambda c, h, w: flop_count(replace(c, padding=0), h, w),
        "nothing": lambda c, h, w: None,
        "floats of a map": lambda c, h, w: h * w * c.c_out,
        "shape": lambda c, h, w: (h, w),
    },
    receptive_field_exercise: {
        "one more": lambda cs: receptive_field(cs) + 1,
        "one less": lambda cs: receptive_field(cs) - 1,
        "first layer twice": lambda cs: receptive_field([cs[0], *cs]),
        "turned round": lambda cs: receptive_field(cs[::-1]),
        "sorted by kernel": lambda cs: receptive_field(sorted(cs, key=lambda c: c.kernel)),
        "last stride": lambda cs: receptive_field(cs) * cs[-1].stride,
        "radius": lambda cs: receptive_field(cs) // 2,
        "pixels": lambda cs: receptive_field(cs) ** 2,
        "total stride": lambda cs: math.prod(c.stride for c in cs),
        "without 1×1 but one more each": lambda cs: receptive_field(cs) + sum(c.kernel == 1 for c in cs),
        "both ways": lambda cs: 2 * receptive_field(cs) - 1,
        "padding added": lambda cs: receptive_field(cs) + 2 * sum(c.padding for c in cs),
        "dilation squared": lambda cs: receptive_field([replace(c, dilation=c.dilation**2) for c in cs]),
        "groups": lambda cs: receptive_field(cs) // max(c.groups for c in cs),
        "nothing": lambda cs: None,
        "all sides": lambda cs: [receptive_field(cs[: i + 1]) for i in range(len(cs))],
    },
}  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer"), cases(WRONG))
def test_unseen_wrong_answers_fail(exercise, answer):
    assert not exercise.assessed(answer).passed


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    groups=st.integers(1, 3),
    a=st.integers(1, 4),
    b=st.integers(1, 4),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    bias=st.booleans(),
    norm=st.booleans(),
    side=st.integers(10, 14),
)
def test_the_references_agree_with_torch(groups, a, b, kernel, stride, padding, dilation, bias, norm, side):
    conv = Conv(groups * a, groups * b, kernel, stride, padding, dilation, groups, bias, norm)
    assert parameter_count(conv) == built(conv)
    assert flop_count(conv, side, side + 1) == counted_by_torch(conv, side, side + 1)
    assert receptive_field([conv, conv]) == positions_seen([conv, conv])
