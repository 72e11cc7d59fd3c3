"""Foldings written in other ways pass; the references agree with the layers they fold, to rounding."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import fusion

from helpers.exercises.answers.fold import fold_conv, fold_linear
from helpers.exercises.fold import fold_conv_exercise, fold_linear_exercise


def read_off(linear, bn):
    """Feed zeros and unit rows to a copy in eval mode."""
    bn = copy.deepcopy(bn).eval()
    bias = bn(linear(torch.zeros(1, linear.in_features, dtype=linear.weight.dtype)))
    rows = bn(linear(torch.eye(linear.in_features, dtype=linear.weight.dtype)))
    made = nn.Linear(linear.in_features, linear.out_features, dtype=linear.weight.dtype)
    made.load_state_dict({"weight": (rows - bias).T, "bias": bias[0]})
    return made


def diagonal(linear, bn):
    s = torch.diag(bn.weight.detach() * torch.rsqrt(bn.running_var + bn.eps))
    made = copy.deepcopy(linear)
    made.weight.data = s @ linear.weight.data
    b = torch.zeros_like(bn.bias) if linear.bias is None else linear.bias.data
    made.bias = nn.Parameter(s @ (b - bn.running_mean) + bn.bias.data)
    return made


def in_place_on_a_copy(linear, bn):
    made = nn.Linear(*linear.weight.shape[::-1]).to(linear.weight)
    with torch.no_grad():
        std = (bn.running_var + bn.eps).sqrt()
        for i in range(len(std)):
            made.weight[i] = linear.weight[i] * bn.weight[i] / std[i]
            b = linear.bias[i] if linear.bias is not None else 0.0
            made.bias[i] = bn.bias[i] + bn.weight[i] * (b - bn.running_mean[i]) / std[i]
    return made


def torchs(linear, bn):
    return fusion.fuse_linear_bn_eval(copy.deepcopy(linear).eval(), copy.deepcopy(bn).eval())


def state_by_state(linear, bn):
    numbers, made = bn.state_dict(), nn.Linear(linear.in_features, linear.out_features, bias=True)
    s = numbers["weight"] / (numbers["running_var"] + bn.eps) ** 0.5
    shift = numbers["bias"] - numbers["running_mean"] * s
    made.weight = nn.Parameter(torch.einsum("o,oi->oi", s, linear.weight).detach())
    made.bias = nn.Parameter((shift if linear.bias is None else shift + s * linear.bias).detach().clone())
    return made


LINEAR = (fold_linear, read_off, diagonal, in_place_on_a_copy, torchs, state_by_state)


def by_kind(conv, bn):
    s = (bn.weight / (bn.running_var + bn.eps).sqrt()).detach()
    b = conv.bias.detach() if conv.bias is not None else torch.zeros_like(s)
    made = copy.deepcopy(conv)
    ones = (1,) * (conv.weight.ndim - 2)
    if isinstance(conv, (nn.ConvTranspose1d, nn.ConvTranspose2d)):
        parts = conv.weight.detach().chunk(conv.groups), s.chunk(conv.groups)
        weight = torch.cat([w * part.view(1, -1, *ones) for w, part in zip(*parts, strict=True)])
    else:
        weight = conv.weight.detach() * s.view(-1, 1, *ones)
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(s * (b - bn.running_mean) + bn.bias.detach())
    return made


def each_output(conv, bn):
    made = copy.deepcopy(conv)
    made.bias = nn.Parameter(torch.zeros_like(bn.bias))
    outputs, inputs = conv.out_channels // conv.groups, conv.in_channels // conv.groups
    for o in range(conv.out_channels):
        s = bn.weight[o].item() / float(bn.running_var[o] + bn.eps) ** 0.5
        g = o // outputs
        where = (slice(g * inputs, (g + 1) * inputs), o % outputs) if conv.transposed else (o,)
        made.weight.data[where] *= s
        old = 0.0 if conv.bias is None else conv.bias[o].item()
        made.bias.data[o] = s * (old - bn.running_mean[o].item()) + bn.bias[o].item()
    return made


def grouped_view(conv, bn):
    s = bn.weight.data / torch.sqrt(bn.running_var + bn.eps)
    made = copy.deepcopy(conv)
    w = conv.weight.data
    if conv.transposed:
        w = w.unflatten(0, (conv.groups, -1)) * s.view(conv.groups, 1, -1, *[1] * (w.ndim - 2))
        made.weight = nn.Parameter(w.flatten(0, 1))
    else:
        made.weight = nn.Parameter((w.movedim(0, -1) * s).movedim(-1, 0).contiguous())
    b = conv.bias.data if conv.bias is not None else 0
    made.bias = nn.Parameter((b - bn.running_mean) * s + bn.bias.data)
    return made


def parts_by_torch(conv, bn):
    """torch's function, one group after another for transposed convolutions."""
    if not conv.transposed:
        return fusion.fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(bn).eval())
    size = conv.out_channels // conv.groups
    made, weights, biases = copy.deepcopy(conv), [], []
    for g, w in enumerate(conv.weight.chunk(conv.groups)):
        at = slice(g * size, (g + 1) * size)
        b = None if conv.bias is None else conv.bias[at]
        numbers = bn.running_mean[at], bn.running_var[at], bn.eps, bn.weight[at], bn.bias[at]
        weight, bias = fusion.fuse_conv_bn_weights(w, b, *numbers, transpose=True)
        weights.append(weight)
        biases.append(bias)
    made.weight = nn.Parameter(torch.cat(weights).detach())
    made.bias = nn.Parameter(torch.cat(biases).detach())
    return made


def made_anew(conv, bn):
    """The constructor again, each setting by its name."""
    names = ["kernel_size", "stride", "padding", "dilation", "groups", *["output_padding"] * conv.transposed]
    made = type(conv)(conv.in_channels, conv.out_channels, **{name: getattr(conv, name) for name in names})
    made = made.to(conv.weight.dtype)
    made.load_state_dict(by_kind(conv, bn).state_dict())
    return made


CONV = (fold_conv, by_kind, each_output, grouped_view, parts_by_torch, made_anew)
CASES = [*((fold_linear_exercise, f) for f in LINEAR), *((fold_conv_exercise, f) for f in CONV)]


@pytest.mark.parametrize(("exercise", "answer"), CASES, ids=lambda x: getattr(x, "__name__", getattr(x, "id", "")))
def test_right_answers_in_other_styles(exercise, answer):
    found = exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


def pair_of(kind, channels, groups, bias, dtype, random):
    """A layer and its norm, with numbers that no fresh layer has."""
    if kind is nn.Linear:
        layer, norm = nn.Linear(channels, 2 * channels, bias), nn.BatchNorm1d(2 * channels)
    else:
        norm = (nn.BatchNorm1d if "1d" in kind.__name__ else nn.BatchNorm2d)(2 * channels)
        layer = kind(channels, 2 * channels, 3, stride=2, padding=1, groups=groups, bias=bias)
    with torch.no_grad():
        for value in (norm.weight, norm.bias, norm.running_mean):
            value.copy_(torch.tensor(random.normal(size=value.shape)))
        norm.running_var.copy_(torch.tensor(random.uniform(0.5, 2, norm.running_var.shape)))
    return layer.to(dtype).eval(), norm.to(dtype).eval()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d]),
    groups=st.integers(1, 3),
    bias=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_references_agree_with_the_two_layers(kind, groups, bias, double, seed):
    random, dtype = np.random.RandomState(seed), torch.float64 if double else torch.float32
    layer, norm = pair_of(kind, 2 * groups, groups, bias, dtype, random)
    size = {nn.Linear: (3, 2 * groups), nn.Conv1d: (3, 2 * groups, 8), nn.ConvTranspose1d: (3, 2 * groups, 8)}
    x = torch.tensor(random.normal(size=size.get(kind, (3, 2 * groups, 6, 5))), dtype=dtype)
    with torch.no_grad():
        right = norm(layer(x))
        folded = (fold_linear if kind is nn.Linear else fold_conv)(layer, norm)(x)
    assert (folded - right).abs().max() / right.abs().max().clamp(min=1) < (1e-12 if double else 1e-6)
