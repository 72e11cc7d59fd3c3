"""References and suspects of notebook 03's exercises."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from helpers.exercises.make_mlp import BIAS, BUILT, LAST, NEGATIVE, NUMBERS, SIZES
from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def make_mlp(widths: list[int], norm: Callable[[int], nn.Module] | None = None) -> nn.Module:
    """A multilayer perceptron: Linear, norm, ReLU for each hidden layer, then a Linear head.

    widths: sizes of the input, the hidden layers and the output.
    norm: builds a norm for a number of features, for example nn.BatchNorm1d; None leaves the norms
    out.  A Linear right before a norm, whichever it is, has no bias.
    """
    ### BEGIN SOLUTION
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers.append(nn.Linear(fan_in, fan_out, bias=norm is None))
        if norm is not None:
            layers.append(norm(fan_out))
        layers.append(nn.ReLU())
    layers.append(nn.Linear(widths[-2], widths[-1]))
    return nn.Sequential(*layers)
    ### END SOLUTION


def count_parameters(widths: list[int], norm: bool) -> int:
    """How many numbers gradient descent may change in make_mlp(widths); norm: with nn.BatchNorm1d?"""
    ### BEGIN SOLUTION
    total = 0
    for fan_in, fan_out in pairwise(widths[:-1]):
        total += fan_in * fan_out
        total += 2 * fan_out if norm else fan_out
    return total + widths[-2] * widths[-1] + widths[-1]
    ### END SOLUTION


def why_plain_stalls() -> str:
    """One letter, "a" to "e"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


def why_batch_norm_diverges() -> str:
    """One letter, "a" to "e"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


def where_plain_wins() -> str:
    """One letter, "a" to "e"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


_LINEAR = "layers.append(nn.Linear(fan_in, fan_out, bias=norm is None))"
_NORM = "        if norm is not None:\n            layers.append(norm(fan_out))\n"
_RELU = "        layers.append(nn.ReLU())\n"
_HEAD = "layers.append(nn.Linear(widths[-2], widths[-1]))"


def _net(id: str, category: str, title: str, shows: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, category, title, variant(make_mlp, *edits), shows)


class _PlainList(nn.Module):
    """The right layers in a plain Python list, which nn.Module does not look into."""

    def __init__(self, widths: list[int], norm: Callable[[int], nn.Module] | None = None):
        super().__init__()
        self.layers = list(make_mlp(widths, norm).children())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


_MAKE_MLP = (
    Suspect(
        "plain_list",
        "layers",
        "your net has no parameters to learn: layers in a plain Python list are not part of a module. Put them into "
        "nn.Sequential or nn.ModuleList.",
        _PlainList,
        f"plain/{NUMBERS}",
    ),
    _net(
        "last_hidden_without_norm",
        "placement",
        "the last hidden layer has no norm; every hidden layer gets one.",
        f"normed/{LAST}",
        ("layers.append(norm(fan_out))", "layers.append(norm(fan_out) if fan_out != widths[-2] else nn.Identity())"),
    ),
    _net(
        "first_hidden_without_norm",
        "placement",
        "the first hidden layer has no norm; every hidden layer gets one.",
        "normed/number of norms that are called",
        ("layers.append(norm(fan_out))", "layers.append(norm(fan_out) if len(layers) > 1 else nn.Identity())"),
    ),
    _net(
        "softmax_at_the_end",
        "layers",
        "the outputs are probabilities (a softmax); the head is a plain Linear.",
        "plain/output",
        (_HEAD, _HEAD + "\n    layers.append(nn.Softmax(dim=1))"),
    ),
    _net(
        "sigmoid",
        "layers",
        "a sigmoid stands where a ReLU is asked for.",
        "plain/output",
        ("nn.ReLU()", "nn.Sigmoid()"),
    ),
    _net(
        "tanh",
        "layers",
        "a tanh stands where a ReLU is asked for.",
        "plain/output",
        ("nn.ReLU()", "nn.Tanh()"),
    ),
    _net(
        "norm_on_input",
        "placement",
        "there is a norm before the first Linear as well; the first norm comes behind it.",
        f"normed/{BUILT}",
        (
            "    for fan_in, fan_out",
            "    if norm is not None:\n        layers.append(norm(widths[0]))\n    for fan_in, fan_out",
        ),
    ),
    _net(
        "norm_not_called",
        "norm",
        "norm itself is put among the layers; call it with a number of features to build one: norm(fan_out).",
        "normed",
        ("layers.append(norm(fan_out))", "layers.append(norm)"),
    ),
    _net(
        "built_twice",
        "norm",
        "you build two norms for each hidden layer and use one; call norm once.",
        f"normed/{BUILT}",
        ("layers.append(norm(fan_out))", "norm(fan_out), layers.append(norm(fan_out))"),
    ),
    _net(
        "bias_kept",
        "bias",
        "the Linear layers before a norm keep their bias; here it is dropped before every norm (batch norm would subtract it).",
        f"normed/{BIAS}",
        (_LINEAR, "layers.append(nn.Linear(fan_in, fan_out))"),
    ),
    _net(
        "bias_never",
        "bias",
        "your hidden layers have no bias even without a norm; there nothing takes its place.",
        f"plain/{BIAS}",
        (_LINEAR, "layers.append(nn.Linear(fan_in, fan_out, bias=False))"),
    ),
    _net(
        "head_without_bias",
        "bias",
        "the head has lost its bias too; no norm follows it, so it needs one.",
        f"normed/{BIAS}",
        (_HEAD, "layers.append(nn.Linear(widths[-2], widths[-1], bias=norm is None))"),
    ),
    _net(
        "norm_after_relu",
        "placement",
        "your norm comes after the ReLU; the paper's z = g(BN(Wu)) has it before.",
        f"normed/{NEGATIVE}",
        (_NORM + _RELU, _RELU + _NORM),
    ),
    _net(
        "norm_before_linear",
        "placement",
        "your norm comes before the Linear, so it normalises the input of the layer; it belongs behind it.",
        f"normed/{BUILT}",
        ("        " + _LINEAR + "\n" + _NORM, _NORM.replace("fan_out", "fan_in") + "        " + _LINEAR + "\n"),
    ),
    _net(
        "norm_on_head",
        "placement",
        "there is a norm behind the head as well; it would force the outputs to mean 0 and variance 1.",
        "normed/number of norms that are called",
        (_HEAD, _HEAD + "\n    if norm is not None:\n        layers.append(norm(widths[-1]))"),
    ),
    _net(
        "relu_on_head",
        "layers",
        "there is a ReLU behind the head, so the net can never output a negative number.",
        "plain/output",
        (_HEAD, _HEAD + "\n    layers.append(nn.ReLU())"),
    ),
    _net(
        "no_relu",
        "layers",
        "there is no nonlinearity, so all your layers together are one linear map.",
        "plain/output",
        (_RELU, ""),
    ),
    _net(
        "head_is_hidden",
        "layers",
        "the head is built as a hidden layer, Linear, norm, ReLU; it is a plain Linear.",
        "plain/output",
        ("pairwise(widths[:-1])", "pairwise(widths)"),
        (_HEAD, "pass"),
    ),
    _net(
        "no_head",
        "layers",
        "the last width is missing: there is no head.",
        f"plain/{SIZES}",
        (_HEAD, "pass"),
    ),
    _net(
        "always_batch_norm",
        "norm",
        "you do not build what is given: with any norm the net holds nn.BatchNorm1d. Call norm(fan_out).",
        "normed/number of norms that are called",
        ("layers.append(norm(fan_out))", "layers.append(nn.BatchNorm1d(fan_out))"),
    ),
    _net(
        "norm_ignored",
        "norm",
        "no hidden layer calls a norm, though one is given.",
        "normed/number of norms that are called",
        ("layers.append(norm(fan_out))", "pass"),
    ),
    _net(
        "shared_norm",
        "norm",
        "all hidden layers share one norm; build one for each layer.",
        f"normed/{BUILT}",
        ("    for fan_in", "    shared = norm(widths[1]) if norm is not None else None\n    for fan_in"),
        ("layers.append(norm(fan_out))", "layers.append(shared)"),
    ),
    _net(
        "norm_of_fan_in",
        "norm",
        "your norms are built for the features that enter the Linear; they see those that leave it.",
        f"normed/{BUILT}",
        ("norm(fan_out)", "norm(fan_in)"),
    ),
)


def _count(id: str, title: str, *edits: tuple[str, str]) -> Suspect:
    return Suspect(id, "count", title, variant(count_parameters, *edits))


_NUMBERS = "2 * fan_out if norm else fan_out"
_LAST = "return total + widths[-2] * widths[-1] + widths[-1]"

_COUNT = (
    _count(
        "weights_only",
        "you count weights only; biases, γ and β are learned too.",
        (_NUMBERS, "0"),
        (_LAST, "return total + widths[-2] * widths[-1]"),
    ),
    _count(
        "weights_and_affine",
        "no bias is in your count, not even the head's.",
        (_NUMBERS, "2 * fan_out if norm else 0"),
        (_LAST, "return total + widths[-2] * widths[-1]"),
    ),
    _count(
        "head_bias_lost",
        "with a norm no bias is in your count; the head has one in both nets.",
        (_LAST, "return total + widths[-2] * widths[-1] + (0 if norm else widths[-1])"),
    ),
    _count(
        "norm_behind_head",
        "you count γ and β behind the head as well; only hidden layers have a norm.",
        (_LAST, "return total + widths[-2] * widths[-1] + (3 if norm else 1) * widths[-1]"),
    ),
    _count(
        "norm_of_the_input",
        "you count γ and β for the input as well; only hidden layers have a norm.",
        (_LAST, "return total + widths[-2] * widths[-1] + widths[-1] + (2 * widths[0] if norm else 0)"),
    ),
    _count(
        "norm_of_fan_in",
        "you count γ and β of the width that enters the Linear; the norm sees the width that leaves it.",
        (_NUMBERS, "2 * fan_in if norm else fan_out"),
    ),
    _count(
        "state_dict_summed",
        "you count the buffers too (running_mean, running_var and num_batches_tracked, as state_dict() holds them); "
        "gradient descent does not change them.",
        (_NUMBERS, "4 * fan_out + 1 if norm else fan_out"),
    ),
    _count(
        "all_and_biases",
        "you count the bias before the norm and the buffers besides γ and β.",
        (_NUMBERS, "5 * fan_out + 1 if norm else fan_out"),
    ),
    _count(
        "tensors_counted",
        "you count tensors; count the numbers in them.",
        ("total += fan_in * fan_out", "total += 1"),
        (_NUMBERS, "2 if norm else 1"),
        (_LAST, "return total + 2"),
    ),
    _count(
        "two_per_norm",
        "you count two numbers for each norm; it has two for each of its features.",
        (_NUMBERS, "2 if norm else fan_out"),
    ),
    _count(
        "widths_summed",
        "a Linear of a → b has a·b weights; you add its widths.",
        ("total += fan_in * fan_out", "total += fan_in + fan_out"),
    ),
    _count(
        "affine_always",
        "you count γ and β for the net without a norm too; its hidden layers have a bias there.",
        (_NUMBERS, "2 * fan_out"),
    ),
    _count(
        "bias_and_affine",
        "you count a bias besides γ and β; before a norm there is none.",
        (_NUMBERS, "3 * fan_out if norm else fan_out"),
    ),
    _count(
        "buffers_counted",
        "you count running_mean and running_var; they are buffers, which gradient descent does not change.",
        (_NUMBERS, "4 * fan_out if norm else fan_out"),
    ),
    _count(
        "gamma_forgotten",
        "with a norm each feature has two learnable numbers, γ and β; you count one.",
        (_NUMBERS, "fan_out"),
    ),
    _count(
        "affine_forgotten",
        "γ and β are learnable too; you count none.",
        (_NUMBERS, "0 if norm else fan_out"),
    ),
    _count("no_bias", "you count no hidden bias where there is no norm.", (_NUMBERS, "2 * fan_out if norm else 0")),
    _count(
        "head_bias_forgotten",
        "the head has a bias too, one number for each output.",
        (_LAST, "return total + widths[-2] * widths[-1]"),
    ),
    _count("head_forgotten", "the head is missing from your count.", (_LAST, "return total")),
    _count(
        "norm_on_head",
        "with a norm you count γ and β in place of the head's bias; the head has a bias and no norm.",
        (_LAST, "return total + widths[-2] * widths[-1] + (2 if norm else 1) * widths[-1]"),
    ),
)


def _answers(question: Callable[[], str], right: str, **wrong: str) -> tuple[Suspect, ...]:
    """A suspect for each wrong letter, with the measurement that speaks against it."""
    return tuple(
        Suspect(
            f"{question.__name__}_{letter}",
            "answer",
            text,
            variant(question, (f'return "{right}"', f'return "{letter}"')),
            f"letter/answer {letter}",
        )
        for letter, text in wrong.items()
    )


REFERENCE = {
    "make_mlp": make_mlp,
    "count_parameters": count_parameters,
    "why_plain_stalls": why_plain_stalls,
    "why_batch_norm_diverges": why_batch_norm_diverges,
    "where_plain_wins": where_plain_wins,
}

SUSPECTS = {
    "make_mlp": _MAKE_MLP,
    "count_parameters": _COUNT,
    "why_plain_stalls": _answers(
        why_plain_stalls,
        "c",
        a="the curve of 1,200 steps does fall in the end: the same layers, and no norm.",
        b="a loss that jumps up is seen in its curve; this one lies flat.",
        d="the loss that stays near 0.5 is the one on the 512 training rows.",
        e="the demo is full batch: every step sees the same 512 rows.",
    ),
    "why_batch_norm_diverges": _answers(
        why_batch_norm_diverges,
        "d",
        a="the bias is one input that is always 1, at every width.",
        b="the demo is full batch: mean and variance come from all 512 rows at every width.",
        c="PyTorch's default draws them smaller for a layer with more inputs: its variance is 1/(3 · fan-in).",
        e="a norm takes the length out of weights that stand before it; none follows the head.",
    ),
    "where_plain_wins": _answers(
        where_plain_wins,
        "b",
        a="after 150 steps the start counts for 0.9¹⁵⁰, less than a millionth; and smaller weights, as many steps, do well.",
        c="the norm stands before each ReLU and brings its input to the scale of γ, whatever the weights are.",
        d="the batches are the same in every row of the map, and x̂ does not change with the scale of the weights.",
        e="before a norm larger weights have smaller gradients: the output stays the same if they double.",
    ),
}
