"""Notebook 08: fold batch norm into the linear or convolutional layer before it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from helpers.judge.api import BadOutput, Check, Exercise, Probe, all_of, asked, near

from .measuring import normal

Fold = Callable[[Any, Any], Any]
Make = Callable[[], nn.Module]

_DOUBLE = "largest difference from the two layers in float64"
_SAME = asked("is the result one of the layers that were passed in")
_MODE = asked("are the two layers in another mode than before")


def _filled(layer: Any, norm: Any, seed: int) -> tuple[Any, Any]:
    """The pair with numbers that no fresh layer has: variances from 0.001 on, so that eps counts."""
    values = [*layer.parameters(), norm.weight, norm.bias, norm.running_mean]
    with torch.no_grad():
        for number, value in enumerate(values):
            value.copy_(normal(seed + number, value.shape))
        norm.running_var.copy_(normal(seed + 9, norm.running_var.shape).square() + 1e-3)
    return layer, norm


def _outputs(layer: Any) -> int:
    found: int = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    return found


def _folded(fold: Fold, layer: Any, norm: Any) -> Any:
    """The result if it is a layer of the kind that was passed in; else BadOutput with a sentence."""
    result, kind = fold(layer, norm), type(layer).__name__
    if result is None:
        raise BadOutput("the result is None. Does every path of your code end with a return?")
    if not isinstance(result, type(layer)):
        raise BadOutput(f"the result is a {type(result).__name__}; an nn.{kind} is needed.")
    return result


def _alike(make: Make, norm: type[Any], seed: int, size: tuple[int, ...]) -> Callable[[Fold], dict[str, Any]]:
    """What the folded layer holds and gives; ``size``: that of the input, (N, C, …)."""

    def run(fold: Fold) -> dict[str, Any]:
        layer = make()
        channels = _outputs(layer)
        layer, bn = _filled(layer, norm(channels, eps=1e-3).eval(), seed)
        result = _folded(fold, layer, bn)
        bias = torch.full((channels,), torch.nan) if result.bias is None else result.bias
        return {"weight": result.weight, "bias": bias, "output": result(normal(seed + 20, size))}

    return run


def _rest(make: Make, norm: type[Any], size: tuple[int, ...], fold: Fold) -> dict[str, Any]:
    """A pair in train mode and float64: what becomes of it, and of the result when the pair changes afterwards."""
    layer = make()
    layer, bn = _filled(layer.double(), norm(_outputs(layer)).double(), 40)
    before = [value.clone() for value in (*layer.state_dict().values(), *bn.state_dict().values())]
    modes = [layer.training, bn.training]
    x = normal(60, size).double()
    right = copy.deepcopy(bn).eval()(layer(x))
    result = _folded(fold, layer, bn)
    first = result(x).detach().clone()
    after = [*layer.state_dict().values(), *bn.state_dict().values()]
    moved = max((a - b).abs().max() for b, a in zip(before, after, strict=True))
    with torch.no_grad():
        for value in (*layer.parameters(), *bn.parameters()):
            value.add_(1.0)
    return {
        _DOUBLE: (first - right).abs().max(),
        "largest change of the two layers": moved,
        _SAME: result is layer,
        _MODE: [layer.training, bn.training] != modes,
        "largest change of the output when the two layers are changed afterwards": (result(x) - first).abs().max(),
        asked("are weight and bias of the result parameters"): {"weight", "bias"}
        <= {n for n, _ in result.named_parameters()},
    }


def _untouched(probe: str) -> tuple[Any, ...]:
    return (
        near(f"{probe}/{_DOUBLE}", 0.0, 1e-10),
        near(f"{probe}/largest change of the two layers", 0.0, 0.0),
        near(f"{probe}/{_SAME}", 0.0, 0.0),
        near(f"{probe}/{_MODE}", 0.0, 0.0),
        near(f"{probe}/largest change of the output when the two layers are changed afterwards", 0.0, 0.0),
        near(f"{probe}/{asked('are weight and bias of the result parameters')}", 1.0, 0.0),
    )


def _probe(id: str, fed: str, make: Make, norm: type[Any], seed: int, size: tuple[int, ...]) -> Probe:
    return Probe(id, fed, _alike(make, norm, seed, size))


fold_linear_exercise = Exercise(
    id="fold_linear",
    title="Fold into a linear layer",
    module=__name__,
    builds="fold_linear",
    probes=(
        _probe(
            "linear",
            "Linear(4, 3) and BatchNorm1d(3, eps=0.001), eval mode",
            lambda: nn.Linear(4, 3),
            nn.BatchNorm1d,
            0,
            (5, 4),
        ),
        _probe("no_bias", "the same with bias=False", lambda: nn.Linear(4, 3, bias=False), nn.BatchNorm1d, 20, (5, 4)),
        _probe(
            "square",
            "Linear(3, 3) and BatchNorm1d(3, eps=0.001), eval mode",
            lambda: nn.Linear(3, 3),
            nn.BatchNorm1d,
            80,
            (5, 3),
        ),
        Probe(
            "rest",
            "Linear(4, 3) and BatchNorm1d(3) in float64 and in train mode; afterwards their numbers are changed",
            functools.partial(_rest, lambda: nn.Linear(4, 3), nn.BatchNorm1d, (5, 4)),
        ),
    ),
    checks=(
        Check(
            "folded",
            "one linear layer with the numbers of the two in eval mode, and the two are left as they were",
            (all_of("linear", "no_bias", "square"), *_untouched("rest")),
            "A folded net has to answer as the one that was tested.",
            (
                "Write eval mode as y = s · (W x + b − μ) + β, with s = γ / √(σ² + ε). What stands before x, and what is left?",
                "s has one number for each output. Row i of W belongs to output i. Without a bias b is 0. Make new tensors.",
                "`weight = linear.weight * scale[:, None]` and `bias = (b - bn.running_mean) * scale + bn.bias`",
            ),
        ),
    ),
)


_CONV = {
    "conv2d": (
        "Conv2d(4, 6, 3) with padding, stride 2 and a bias",
        lambda: nn.Conv2d(4, 6, 3, 2, 1),
        nn.BatchNorm2d,
        (2, 4, 5, 6),
    ),
    "grouped": (
        "Conv2d(4, 6, 3) with 2 groups and bias=False",
        lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False),
        nn.BatchNorm2d,
        (2, 4, 5, 6),
    ),
    "conv1d": ("Conv1d(3, 4, 3) with dilation 2", lambda: nn.Conv1d(3, 4, 3, dilation=2), nn.BatchNorm1d, (2, 3, 8)),
}
_TRANSPOSED = {
    "transposed2d": (
        "ConvTranspose2d(4, 6, 3) with stride 2 and bias=False",
        lambda: nn.ConvTranspose2d(4, 6, 3, 2, bias=False),
        nn.BatchNorm2d,
        (2, 4, 3, 2),
    ),
    "transposed_grouped": (
        "ConvTranspose2d(4, 6, 3) with 2 groups",
        lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
        nn.BatchNorm2d,
        (2, 4, 3, 2),
    ),
    "transposed1d": ("ConvTranspose1d(4, 4, 3)", lambda: nn.ConvTranspose1d(4, 4, 3), nn.BatchNorm1d, (2, 4, 5)),
    "transposed_padded": (
        "ConvTranspose2d(4, 6, 3) with stride 2, padding and output_padding",
        lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1),
        nn.BatchNorm2d,
        (2, 4, 3, 2),
    ),
}

fold_conv_exercise = Exercise(
    id="fold_conv",
    title="Fold into a convolution",
    module=__name__,
    builds="fold_conv",
    probes=(
        *(
            _probe(id, fed, make, norm, 100 + 30 * number, size)
            for number, (id, (fed, make, norm, size)) in enumerate((_CONV | _TRANSPOSED).items())
        ),
        Probe(
            "rest",
            "Conv2d(4, 6, 3) and BatchNorm2d(6) in float64 and in train mode; afterwards their numbers are changed",
            functools.partial(_rest, lambda: nn.Conv2d(4, 6, 3), nn.BatchNorm2d, (2, 4, 5, 6)),
        ),
        Probe(
            "rest_transposed",
            "ConvTranspose2d(4, 6, 3) with 2 groups and BatchNorm2d(6) in float64 and in train mode; afterwards their numbers are changed",
            functools.partial(_rest, lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d, (2, 4, 3, 2)),
        ),
    ),
    checks=(
        Check(
            "convolutions",
            "1 · Conv1d and Conv2d, with and without groups or a bias",
            (all_of(*_CONV), *_untouched("rest")),
            "Depthwise convolutions, common in nets for phones, have as many groups as channels.",
            (
                "Which dimension of `conv.weight` counts the output channels?",
                "The first one, with groups too: the shape is (out, in / groups, …). All further dimensions get size 1 in the scale.",
                "`conv.weight * scale.view(-1, *[1] * (conv.weight.ndim - 1))`",
            ),
        ),
        Check(
            "transposed",
            "2 · ConvTranspose1d and ConvTranspose2d, with and without groups",
            (all_of(*_TRANSPOSED), *_untouched("rest_transposed")),
            "Decoders and generators enlarge their maps by transposed convolutions, and have batch norm behind them.",
            (
                "Print `conv.weight.shape` of an `nn.ConvTranspose2d(4, 6, 3, groups=2)`. Where are the six outputs?",
                "The shape is (in, out / groups, …). The first half of the rows belongs to the first half of the outputs.",
                "`scale.view(conv.groups, -1).repeat_interleave(conv.in_channels // conv.groups, dim=0)`, shape (in, out / groups)",
            ),
        ),
    ),
)
