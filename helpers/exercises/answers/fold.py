# mypy: disable-error-code="operator, arg-type"
"""References and suspects of notebook 08's foldings."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

Conv = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d


@torch.no_grad()
def fold_linear(linear: nn.Linear, bn: nn.BatchNorm1d) -> nn.Linear:
    """A new nn.Linear with a bias: it computes what bn(linear(x)) is in eval mode.

    The running statistics are meant, whatever mode bn is in.  linear may have no bias.  dtype as in linear.
    Both layers stay as they are, and the result shares no memory with them.
    """
    ### BEGIN SOLUTION
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    bias = 0 if linear.bias is None else linear.bias
    folded = copy.deepcopy(linear)
    folded.weight = nn.Parameter(linear.weight * scale[:, None])
    folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)
    return folded
    ### END SOLUTION


@torch.no_grad()
def fold_conv(conv: Conv, bn: Norm) -> Conv:
    """A new layer like conv, with a bias: it computes what bn(conv(x)) is in eval mode.

    conv: nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d or nn.ConvTranspose2d, with any stride, padding, dilation and groups,
    a transposed one also with any output_padding.  Else as fold_linear.
    """
    ### BEGIN SOLUTION
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    bias = 0 if conv.bias is None else conv.bias
    if conv.transposed:  # weight: (in, out / groups, ...)
        rows = conv.in_channels // conv.groups
        factors = scale.view(conv.groups, -1).repeat_interleave(rows, dim=0)
    else:  # weight: (out, in / groups, ...)
        factors = scale[:, None]
    folded = copy.deepcopy(conv)
    folded.weight = nn.Parameter(conv.weight * factors.view(*factors.shape, *[1] * (conv.weight.ndim - 2)))
    folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)
    return folded
    ### END SOLUTION


_SCALE = "bn.weight / torch.sqrt(bn.running_var + bn.eps)"
_BIAS = "(bias - bn.running_mean) * scale + bn.bias"


def _both(layer: str) -> tuple[tuple[Any, ...], ...]:
    """Rows of suspects that a linear layer and a convolution have in common: (id, category, title, shows, *edits)."""
    copied = f"folded = copy.deepcopy({layer})"
    first = {"linear": "linear", "conv": "conv2d"}[layer]
    without = {"linear": "no_bias", "conv": "grouped"}[layer]
    return (
        (
            "bias_not_scaled",
            "bias",
            "the old bias is added as it is; batch norm scales it too, as it scales all that the layer puts out.",
            f"{first}/bias",
            (_BIAS, "bias - bn.running_mean * scale + bn.bias"),
        ),
        (
            "shift_not_scaled",
            "bias",
            "bias and mean are not scaled: the bias is (b − μ) · s + β.",
            f"{first}/bias",
            (_BIAS, "bias - bn.running_mean + bn.bias"),
        ),
        (
            "mean_not_scaled",
            "bias",
            "the running mean is not scaled: the bias is (b − μ) · s + β.",
            f"{first}/bias",
            (_BIAS, "bias * scale - bn.running_mean + bn.bias"),
        ),
        (
            "turned_round",
            "bias",
            "b and μ have changed places: the bias is (b − μ) · s + β.",
            f"{first}/bias",
            ("(bias - bn.running_mean)", "(bn.running_mean - bias)"),
        ),
        (
            "bias_only_scaled",
            "bias",
            "the bias is the old one times the scale; mean and beta belong into it.",
            f"{first}/bias",
            (_BIAS, "bias * scale + torch.zeros_like(scale)"),
        ),
        (
            "mean_left_out",
            "bias",
            "the running mean is not subtracted in the bias.",
            f"{first}/bias",
            (_BIAS, "bias * scale + bn.bias"),
        ),
        (
            "mean_added",
            "bias",
            "the running mean is added in the bias; it is to be subtracted.",
            f"{first}/bias",
            ("bias - bn.running_mean", "bias + bn.running_mean"),
        ),
        (
            "old_bias_left_out",
            "bias",
            "the old bias is left out: the bias is (b − μ) · s + β.",
            f"{first}/bias",
            ("(bias - bn.running_mean)", "(-bn.running_mean)"),
        ),
        (
            "bias_as_it_was",
            "bias",
            "the bias is the old one; mean and beta belong into it.",
            f"{first}/bias",
            (_BIAS, "bias + torch.zeros_like(scale)"),
        ),
        (
            "beta_left_out",
            "affine",
            "beta (`bn.bias`) is left out.",
            f"{first}/bias",
            (_BIAS, "(bias - bn.running_mean) * scale"),
        ),
        (
            "beta_scaled",
            "affine",
            "beta is scaled as well; it is added after the scaling.",
            f"{first}/bias",
            (_BIAS, "(bias - bn.running_mean + bn.bias) * scale"),
        ),
        (
            "gamma_left_out",
            "affine",
            "gamma (`bn.weight`) is left out.",
            f"{first}/weight",
            (_SCALE, "1 / torch.sqrt(bn.running_var + bn.eps)"),
        ),
        (
            "gamma_not_in_bias",
            "affine",
            "gamma (`bn.weight`) is in the weights, and left out in the bias: both are scaled by the same s.",
            f"{first}/bias",
            (_BIAS, "(bias - bn.running_mean) / torch.sqrt(bn.running_var + bn.eps) + bn.bias"),
        ),
        (
            "eps_left_out",
            "scale",
            "eps is left out.",
            f"{first}/weight",
            (_SCALE, "bn.weight / torch.sqrt(bn.running_var)"),
        ),
        (
            "eps_default",
            "scale",
            "eps is 0.00001 in your code; it is `bn.eps`.",
            f"{first}/weight",
            ("+ bn.eps", "+ 1e-5"),
        ),
        (
            "eps_outside",
            "scale",
            "eps stands outside the root; it is added to the variance.",
            f"{first}/weight",
            (_SCALE, "bn.weight / (torch.sqrt(bn.running_var) + bn.eps)"),
        ),
        (
            "variance_for_deviation",
            "scale",
            "the root is missing: you divide by the variance.",
            f"{first}/weight",
            (_SCALE, "bn.weight / (bn.running_var + bn.eps)"),
        ),
        (
            "multiplied",
            "scale",
            "you multiply by the deviation; batch norm divides by it.",
            f"{first}/weight",
            (_SCALE, "bn.weight * torch.sqrt(bn.running_var + bn.eps)"),
        ),
        (
            "weight_as_it_was",
            "scale",
            "the weights are the old ones; they are to be scaled.",
            f"{first}/weight",
            (f"folded.weight = nn.Parameter({layer}.weight *", f"folded.weight = nn.Parameter({layer}.weight + 0 *"),
        ),
        (
            "changes_the_layer",
            "untouched",
            "you write into the layer that was passed in; make a new one.",
            "rest/largest change of the two layers",
            (copied, f"folded = {layer}"),
        ),
        (
            "mode_changed",
            "untouched",
            "`eval()` switches a layer that was passed in, and it stays so; read the buffers, or work on a copy.",
            "rest/are the two layers in another mode than before (1 yes, 0 no)",
            ("scale = bn.weight", "bn.eval()\n    scale = bn.weight"),
        ),
        (
            "beta_shared",
            "untouched",
            "the bias of the result is `bn.bias` itself, so what you write into it changes the norm; make a new tensor.",
            "rest/largest change of the two layers",
            (
                f"folded.bias = nn.Parameter({_BIAS})",
                "folded.bias = bn.bias\n    folded.bias += (bias - bn.running_mean) * scale",
            ),
        ),
        (
            "no_bias_stays_none",
            "bias",
            "a layer without a bias stays without one, and mean and beta are lost; the folded layer needs a bias.",
            f"{without}/bias",
            ("folded.bias = nn.Parameter(", f"folded.bias = None if {layer}.bias is None else nn.Parameter("),
        ),
        (
            "none_as_a_number",
            "bias",
            "a layer with bias=False has None for a bias; take 0 for it.",
            without,
            (f"0 if {layer}.bias is None else {layer}.bias", f"{layer}.bias"),
        ),
        (
            "buffers_for_parameters",
            "untouched",
            "weight and bias of the result are no parameters; wrap them in `nn.Parameter`.",
            "rest/are weight and bias of the result parameters (1 yes, 0 no)",
            (
                "folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)",
                "folded.bias = nn.Parameter((bias - bn.running_mean) * scale + bn.bias)\n    values = folded.weight.data, folded.bias.data\n    del folded.weight, folded.bias\n    folded.weight, folded.bias = values",
            ),
        ),
        (
            "one_layer_returned",
            "untouched",
            "the result is the old layer; return the new one.",
            f"{first}/weight",
            ("return folded", f"return {layer}"),
        ),
    )


def _suspects(right: Any, rows: tuple[tuple[Any, ...], ...]) -> tuple[Suspect, ...]:
    return tuple(
        Suspect(id, category, title, variant(right, *edits), shows) for id, category, title, shows, *edits in rows
    )


_LINEAR = (
    (
        "columns",
        "axis",
        "the scale runs along the inputs; `scale[:, None]` gives each row of the weight, one output, its own.",
        "square/weight",
        ("scale[:, None]", "scale"),
    ),
    (
        "float32_layer",
        "dtype",
        "`nn.Linear(…)` makes a float32 layer; a folded float64 layer is float64: copy the old one, or pass its dtype.",
        "rest",
        ("copy.deepcopy(linear)", "nn.Linear(linear.in_features, linear.out_features)"),
        ("folded.weight = nn.Parameter(", "folded.weight.copy_("),
        ("folded.bias = nn.Parameter(", "folded.bias.copy_("),
    ),
    (
        "batch_of_unit_rows",
        "mode",
        "in train mode `bn(…)` uses the batch that it is given, here the rows that you feed to read off the numbers. Use its buffers.",
        "rest/largest difference from the two layers in float64",
        (
            "nn.Parameter(linear.weight * scale[:, None])",
            "nn.Parameter((copy.deepcopy(bn)(linear(torch.eye(linear.in_features).to(linear.weight))) - copy.deepcopy(bn)(linear(torch.zeros(2, linear.in_features).to(linear.weight)))[0]).T.contiguous())",
        ),
    ),
)

_FACTORS = "scale.view(conv.groups, -1).repeat_interleave(rows, dim=0)"
_PLAIN = "if conv.transposed:"
_CONVS = (
    (
        "transposed_as_plain",
        "axis",
        "transposed: the first dimension of its weight counts the inputs, the second the outputs of a group.",
        "transposed1d/weight",
        (_PLAIN, "if False:"),
    ),
    (
        "groups_forgotten",
        "axis",
        "transposed with groups: each group of inputs has its own outputs, so each has its own part of the scale.",
        "transposed_grouped",
        (_FACTORS, "scale[None, :]"),
    ),
    (
        "groups_interleaved",
        "axis",
        "transposed with groups: rows of one group stand next to each other; `repeat_interleave`, not `repeat`.",
        "transposed_grouped/weight",
        (_FACTORS, "scale.view(conv.groups, -1).repeat(rows, 1)"),
    ),
    (
        "first_group_everywhere",
        "axis",
        "transposed with groups: every group gets the scale of the first one.",
        "transposed_grouped/weight",
        (_FACTORS, "scale.view(conv.groups, -1)[:1].expand(conv.in_channels, -1)"),
    ),
    (
        "two_dimensions_only",
        "axis",
        "the scale is given two further dimensions, so a one-dimensional convolution gets a weight of four; count the dimensions of its weight.",
        "conv1d",
        ("*[1] * (conv.weight.ndim - 2)", "1, 1"),
    ),
    (
        "settings_lost",
        "settings",
        "stride, padding, dilation or groups are lost: the new layer has the default ones.",
        "conv2d/output",
        (
            "folded = copy.deepcopy(conv)",
            "folded = copy.deepcopy(conv)\n    folded.stride, folded.padding, folded.dilation, folded.output_padding = ((n,) * (conv.weight.ndim - 2) for n in (1, 0, 1, 0))",
        ),
    ),
    (
        "one_kind_of_transposed",
        "axis",
        "a ConvTranspose1d is folded as a plain convolution; `conv.transposed` is True for it too.",
        "transposed1d/weight",
        (_PLAIN, "if isinstance(conv, nn.ConvTranspose2d):"),
    ),
    (
        "dilation_lost",
        "settings",
        "dilation is lost: the new layer has the default one.",
        "conv1d/output",
        (
            "folded = copy.deepcopy(conv)",
            "folded = copy.deepcopy(conv)\n    folded.dilation = (1,) * (conv.weight.ndim - 2)",
        ),
    ),
    (
        "arguments_by_place",
        "settings",
        "a transposed convolution has its arguments in another order: the sixth is output_padding, not dilation. Name them.",
        "transposed2d/output",
        (
            "copy.deepcopy(conv)",
            "type(conv)(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, dtype=conv.weight.dtype)",
        ),
    ),
    (
        "output_padding_lost",
        "settings",
        "output_padding is lost: a transposed convolution has this one setting more.",
        "transposed_padded/output",
        (
            "folded = copy.deepcopy(conv)",
            "folded = copy.deepcopy(conv)\n    folded.output_padding = (0,) * (conv.weight.ndim - 2)",
        ),
    ),
    (
        "float32_layer",
        "dtype",
        "a convolution made anew is a float32 layer; a folded float64 layer is float64: copy the old one, or pass its dtype.",
        "rest",
        (
            "copy.deepcopy(conv)",
            "type(conv)(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, dilation=conv.dilation, groups=conv.groups, **({'output_padding': conv.output_padding} if conv.transposed else {}))",
        ),
        ("folded.weight = nn.Parameter(", "folded.weight.copy_("),
        ("folded.bias = nn.Parameter(", "folded.bias.copy_("),
    ),
)

REFERENCE = {"fold_linear": fold_linear, "fold_conv": fold_conv}
SUSPECTS = {
    "fold_linear": _suspects(fold_linear, (*_both("linear"), *_LINEAR)),
    "fold_conv": _suspects(fold_conv, (*_both("conv"), *_CONVS)),
}
