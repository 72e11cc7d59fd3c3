"""References and suspects of notebook 07's backward passes."""

from __future__ import annotations

from typing import Any

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def six_gradients(
    dy: torch.Tensor,
    x: torch.Tensor,
    gamma: torch.Tensor,
    eps: float,
) -> tuple[torch.Tensor, ...]:
    """The six gradients of §3, in the paper's order: (dx_hat, dvar, dmean, dx, dgamma, dbeta).

    dy: (N, C), the gradient at the output.  x: (N, C), the input.  gamma: (C,).
    dx_hat and dx have shape (N, C), the others (C,).
    """
    ### BEGIN SOLUTION
    m = len(x)
    centred = x - x.mean(dim=0)
    var = (centred**2).mean(dim=0)
    std = torch.sqrt(var + eps)
    x_hat = centred / std
    dx_hat = dy * gamma
    dvar = (dx_hat * centred).sum(dim=0) * -0.5 / std**3
    dmean = -dx_hat.sum(dim=0) / std + dvar * (-2 * centred).sum(dim=0) / m
    dx = dx_hat / std + dvar * 2 * centred / m + dmean / m
    dgamma = (dy * x_hat).sum(dim=0)
    dbeta = dy.sum(dim=0)
    ### END SOLUTION
    return dx_hat, dvar, dmean, dx, dgamma, dbeta


def compact_gradient(
    dy: torch.Tensor,
    x_hat: torch.Tensor,
    gamma: torch.Tensor,
    std: torch.Tensor,
) -> torch.Tensor:
    """dx, shape (N, C), in compact form.

    dy, x_hat: (N, C).  gamma: (C,).
    std: (C,), the root of variance + eps, by which the forward pass has divided.
    """
    ### BEGIN SOLUTION
    off_mean = dy.mean(dim=0)
    along_x_hat = x_hat * (dy * x_hat).mean(dim=0)
    return gamma / std * (dy - off_mean - along_x_hat)
    ### END SOLUTION


class BatchNormFunction(torch.autograd.Function):
    """y = gamma · x_hat + beta for a batch x of shape (N, C).

    Called as BatchNormFunction.apply(x, gamma, beta, eps).
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        eps: float,
    ) -> torch.Tensor:
        """x: (N, C).  gamma, beta: (C,).  Returns y: (N, C)."""
        ### BEGIN SOLUTION
        mean = x.mean(dim=0)
        var = ((x - mean) ** 2).mean(dim=0)
        std = torch.sqrt(var + eps)
        x_hat = (x - mean) / std
        ctx.save_for_backward(x_hat, gamma, std)
        return gamma * x_hat + beta
        ### END SOLUTION

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """dy: (N, C).  Returns a gradient or None for each argument of forward, in their order."""
        ### BEGIN SOLUTION
        x_hat, gamma, std = ctx.saved_tensors
        m = len(dy)
        dgamma = (dy * x_hat).sum(dim=0)
        dbeta = dy.sum(dim=0)
        dx = gamma / std * (dy - dbeta / m - x_hat * dgamma / m)
        return dx, dgamma, dbeta, None
        ### END SOLUTION


def layer_norm_backward(
    dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(dx, dgamma, dbeta) of a layer norm over the last dimension.

    dy, x: (N, T, C), N sentences of T tokens with C features.  gamma: (C,).
    dx: (N, T, C); dgamma, dbeta: (C,).
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(dim=-1, keepdim=True)
    std = torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + eps)
    x_hat = centred / std
    dx_hat = dy * gamma
    off_mean = dx_hat.mean(dim=-1, keepdim=True)
    along_x_hat = x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)
    dx = (dx_hat - off_mean - along_x_hat) / std
    dgamma = (dy * x_hat).sum(dim=(0, 1))
    dbeta = dy.sum(dim=(0, 1))
    ### END SOLUTION
    return dx, dgamma, dbeta


def rms_norm_backward(
    dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(dx, dgamma) of y = gamma · x / √(mean of x² + eps), with the mean over the last dimension.

    dy, x: (N, T, C).  gamma: (C,).  dx: (N, T, C); dgamma: (C,).
    """
    ### BEGIN SOLUTION
    rms = torch.sqrt((x**2).mean(dim=-1, keepdim=True) + eps)
    x_hat = x / rms
    dx_hat = dy * gamma
    dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms
    dgamma = (dy * x_hat).sum(dim=(0, 1))
    ### END SOLUTION
    return dx, dgamma


def eval_backward(
    dy: torch.Tensor,
    x: torch.Tensor,
    gamma: torch.Tensor,
    running_mean: torch.Tensor,
    running_var: torch.Tensor,
    eps: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(dx, dgamma, dbeta) of batch norm in eval mode.

    dy, x: (N, C).  gamma, running_mean, running_var: (C,).  dx: (N, C); dgamma, dbeta: (C,).
    """
    ### BEGIN SOLUTION
    std = torch.sqrt(running_var + eps)
    x_hat = (x - running_mean) / std
    dx = dy * gamma / std
    dgamma = (dy * x_hat).sum(dim=0)
    dbeta = dy.sum(dim=0)
    ### END SOLUTION
    return dx, dgamma, dbeta


def _suspects(original: Any, *rows: tuple[Any, ...]) -> tuple[Suspect, ...]:
    """From rows of (id, category, title, *edits)."""
    return tuple(Suspect(id, category, title, variant(original, *edits)) for id, category, title, *edits in rows)


_MEANS = "means and sums"
_NOT_BIASED = "you divide by N − 1 (as `x.var(dim=0)` does by default); the forward pass divides by N."
_NO_EPS = (
    "the eps that is given has no effect: the forward pass divides by √(variance + eps), so its gradient does too."
)
_EPS_OUTSIDE = "you add eps after the root; the forward pass has √(variance + eps)."
_CONSTANT_EPS = "you use 1e-5 whatever eps is given."
_NO_ROOT = "the root is forgotten: you divide by the variance, the forward pass by √(variance + eps)."
_OTHERS = "autograd or a norm of torch does the work; here you write the gradient yourself."
_IN_PLACE = "you write into a tensor that you were given, which others still need; make a new one."
_FEATURES_COUNTED = "m is the number of examples; you take the number of features."
_GAMMA_IN_DBETA = "dbeta has γ in it: β is added after γ, so it sums dy."

_VAR = "var = (centred**2).mean(dim=0)"
_STD = "std = torch.sqrt(var + eps)"
_DX_HAT = "dx_hat = dy * gamma"
_DVAR = "dvar = (dx_hat * centred).sum(dim=0) * -0.5 / std**3"
_DMEAN = "dmean = -dx_hat.sum(dim=0) / std + dvar * (-2 * centred).sum(dim=0) / m"
_DX = "dx = dx_hat / std + dvar * 2 * centred / m + dmean / m"
_DGAMMA = "dgamma = (dy * x_hat).sum(dim=0)"
_DBETA = "dbeta = dy.sum(dim=0)"

_SIX = _suspects(
    six_gradients,
    (
        "statistics_constant",
        "paths",
        "dx holds the direct path alone, as if mean and variance were constants; two terms are missing.",
        (_DX, "dx = dx_hat / std"),
    ),
    (
        "no_variance_path",
        "paths",
        "in dx the path through σ² is missing, or it is 0: dvar · 2(x − μ)/m.",
        (_DX, "dx = dx_hat / std + dmean / m"),
    ),
    (
        "no_mean_path",
        "paths",
        "in dx the path through μ is missing, or it is 0: dmean / m.",
        (_DX, "dx = dx_hat / std + dvar * 2 * centred / m"),
    ),
    (
        "no_direct_path",
        "paths",
        "in dx the direct path is missing: dx_hat / std.",
        (_DX, "dx = dvar * 2 * centred / m + dmean / m"),
    ),
    (
        "mean_path_times_m",
        _MEANS,
        "dmean enters dx m times too large: the mean of m numbers has the slope 1/m.",
        (_DX, "dx = dx_hat / std + dvar * 2 * centred / m + dmean"),
    ),
    (
        "variance_path_times_m",
        _MEANS,
        "dvar enters dx m times too large: the slope of the variance is 2(x − μ)/m.",
        (_DX, "dx = dx_hat / std + dvar * 2 * centred + dmean / m"),
    ),
    (
        "both_paths_times_m",
        _MEANS,
        "both indirect paths enter dx m times too large; each slope has a 1/m.",
        (_DX, "dx = dx_hat / std + dvar * 2 * centred + dmean"),
    ),
    (
        "two_forgotten",
        "slopes",
        "the slope of the variance is 2(x − μ)/m; in dx its 2 is missing.",
        (_DX, "dx = dx_hat / std + dvar * centred / m + dmean / m"),
    ),
    (
        "x_in_the_variance_path",
        "slopes",
        "in dx the path through σ² has x in place of x − μ.",
        (_DX, "dx = dx_hat / std + dvar * 2 * x / m + dmean / m"),
    ),
    (
        "x_hat_in_the_variance_path",
        "slopes",
        "in dx the path through σ² has x̂ in place of x − μ.",
        (_DX, "dx = dx_hat / std + dvar * 2 * x_hat / m + dmean / m"),
    ),
    (
        "direct_path_undivided",
        "slopes",
        "in dx the direct path is not divided by √(σ² + ε).",
        (_DX, "dx = dx_hat + dvar * 2 * centred / m + dmean / m"),
    ),
    ("no_gamma", "gamma", "dx_hat is dy · γ; your γ is missing.", (_DX_HAT, "dx_hat = dy")),
    (
        "divided_by_gamma",
        "gamma",
        "you divide dy by γ; the chain rule multiplies by it.",
        (_DX_HAT, "dx_hat = dy / gamma"),
    ),
    (
        "half_forgotten",
        "slopes",
        "the factor ½ is missing in dvar: the derivative of v to the power −1/2 is −½ · v to the power −3/2.",
        (_DVAR, "dvar = (dx_hat * centred).sum(dim=0) * -1.0 / std**3"),
    ),
    (
        "sign_of_dvar",
        "signs",
        "dvar has the wrong sign: where the variance grows, x̂ shrinks.",
        (_DVAR, "dvar = (dx_hat * centred).sum(dim=0) * 0.5 / std**3"),
    ),
    (
        "power_of_dvar",
        "slopes",
        "in dvar the power is −1/2; it should be −3/2: divide by std**3.",
        (_DVAR, "dvar = (dx_hat * centred).sum(dim=0) * -0.5 / std"),
    ),
    (
        "square_of_dvar",
        "slopes",
        "in dvar you divide by std²; it should be std³, since the power is −3/2.",
        (_DVAR, "dvar = (dx_hat * centred).sum(dim=0) * -0.5 / std**2"),
    ),
    (
        "x_in_dvar",
        "slopes",
        "dvar sums dx_hat · x; it should be dx_hat · (x − μ).",
        (_DVAR, "dvar = (dx_hat * x).sum(dim=0) * -0.5 / std**3"),
    ),
    (
        "x_hat_in_dvar",
        "slopes",
        "dvar sums dx_hat · x̂; with std³ below it should be dx_hat · (x − μ).",
        (_DVAR, "dvar = (dx_hat * x_hat).sum(dim=0) * -0.5 / std**3"),
    ),
    (
        "dy_in_dvar",
        "gamma",
        "dvar sums dy · (x − μ); it starts from dx_hat, which has γ in it.",
        (_DVAR, "dvar = (dy * centred).sum(dim=0) * -0.5 / std**3"),
    ),
    (
        "mean_in_dvar",
        _MEANS,
        "dvar is a sum over the examples; you take the mean.",
        (_DVAR, "dvar = (dx_hat * centred).mean(dim=0) * -0.5 / std**3"),
    ),
    (
        "sign_of_dmean",
        "signs",
        "dmean has the wrong sign: where the mean grows, x̂ falls.",
        (_DMEAN, "dmean = dx_hat.sum(dim=0) / std"),
    ),
    (
        "dmean_undivided",
        "slopes",
        "dmean is not divided by √(σ² + ε).",
        (_DMEAN, "dmean = -dx_hat.sum(dim=0)"),
    ),
    (
        "mean_in_dmean",
        _MEANS,
        "dmean is a sum over the examples; you take the mean, and then dx divides by m once more.",
        (_DMEAN, "dmean = -dx_hat.mean(dim=0) / std"),
    ),
    (
        "dy_in_dmean",
        "gamma",
        "dmean sums dy; it starts from dx_hat, which has γ in it.",
        (_DMEAN, "dmean = -dy.sum(dim=0) / std"),
    ),
    ("x_for_x_hat", "affine", "dgamma sums dy · x; γ has multiplied x̂.", (_DGAMMA, "dgamma = (dy * x).sum(dim=0)")),
    (
        "centred_for_x_hat",
        "affine",
        "dgamma sums dy · (x − μ); γ has multiplied x̂, which is divided by √(σ² + ε).",
        (_DGAMMA, "dgamma = (dy * centred).sum(dim=0)"),
    ),
    (
        "gamma_in_dgamma",
        "affine",
        "dgamma has γ in it: it sums dy · x̂, from dy and not from dx_hat.",
        (_DGAMMA, "dgamma = (dx_hat * x_hat).sum(dim=0)"),
    ),
    (
        "gamma_in_dbeta",
        "affine",
        _GAMMA_IN_DBETA,
        (_DBETA, "dbeta = dx_hat.sum(dim=0)"),
    ),
    (
        "means_for_sums",
        _MEANS,
        "dgamma and dbeta are sums over the examples; you take means.",
        (_DGAMMA, "dgamma = (dy * x_hat).mean(dim=0)"),
        (_DBETA, "dbeta = dy.mean(dim=0)"),
    ),
    (
        "mean_for_dgamma",
        _MEANS,
        "dgamma is a sum over the examples; you take the mean.",
        (_DGAMMA, "dgamma = (dy * x_hat).mean(dim=0)"),
    ),
    (
        "mean_for_dbeta",
        _MEANS,
        "dbeta is a sum over the examples; you take the mean.",
        (_DBETA, "dbeta = dy.mean(dim=0)"),
    ),
    (
        "not_summed",
        _MEANS,
        "dgamma and dbeta have one number for each example; γ and β are shared by all examples, so sum over dim=0.",
        (_DGAMMA, "dgamma = dy * x_hat"),
        (_DBETA, "dbeta = dy"),
    ),
    (
        "rows",
        "axis",
        "you sum dgamma and dbeta over dim=1, the features of one row; sum over the examples, dim=0.",
        (_DGAMMA, "dgamma = (dy * x_hat).sum(dim=1)"),
        (_DBETA, "dbeta = dy.sum(dim=1)"),
    ),
    (
        "swapped",
        "order",
        "dgamma and dbeta have changed places.",
        ("return dx_hat, dvar, dmean, dx, dgamma, dbeta", "return dx_hat, dvar, dmean, dx, dbeta, dgamma"),
    ),
    (
        "order_of_a_layer",
        "order",
        "dx comes first in your result; the order asked for is dx_hat, dvar, dmean, dx, dgamma, dbeta.",
        ("return dx_hat, dvar, dmean, dx, dgamma, dbeta", "return dx, dgamma, dbeta, dx_hat, dvar, dmean"),
    ),
    (
        "mean_before_variance",
        "order",
        "dvar and dmean have changed places.",
        ("return dx_hat, dvar, dmean, dx", "return dx_hat, dmean, dvar, dx"),
    ),
    ("no_eps", "eps", _NO_EPS, (_STD, "std = torch.sqrt(var)")),
    ("eps_outside", "eps", _EPS_OUTSIDE, (_STD, "std = torch.sqrt(var) + eps")),
    ("constant_eps", "eps", _CONSTANT_EPS, (_STD, "std = torch.sqrt(var + 1e-5)")),
    ("no_root", "normalise", _NO_ROOT, (_STD, "std = var + eps")),
    ("unbiased", "variance", _NOT_BIASED, (_VAR, "var = x.var(dim=0)")),
    (
        "all_unbiased",
        "variance",
        "you divide by N − 1 throughout, in the variance and in its slope; the forward pass divides by N.",
        (_VAR, "var = x.var(dim=0)"),
        (_DX, "dx = dx_hat / std + dvar * 2 * centred / (m - 1) + dmean / m"),
    ),
    (
        "whole",
        "axis",
        "you take one mean and one variance over the whole batch; each feature has its own.",
        ("centred = x - x.mean(dim=0)", "centred = x - x.mean()"),
        (_VAR, "var = (centred**2).mean()"),
    ),
    ("features_counted", "axis", _FEATURES_COUNTED, ("m = len(x)", "m = x.shape[1]")),
    (
        "values_counted",
        "axis",
        "m is the number of examples; you take the number of all values.",
        ("m = len(x)", "m = x.numel()"),
    ),
    ("in_place", "side effect", _IN_PLACE, (_DX_HAT, "dx_hat = dy.mul_(gamma)")),
    ("written_over", "side effect", _IN_PLACE, (_DBETA, "dbeta = dy.sum(dim=0)\n    x.zero_()")),
)

_MEAN_TERM = "off_mean = dy.mean(dim=0)"
_HAT_TERM = "along_x_hat = x_hat * (dy * x_hat).mean(dim=0)"
_RESULT = "return gamma / std * (dy - off_mean - along_x_hat)"

_COMPACT = _suspects(
    compact_gradient,
    (
        "statistics_constant",
        "paths",
        "nothing is taken away from dy, as if mean and variance were constants.",
        (_RESULT, "return gamma / std * dy"),
    ),
    (
        "no_x_hat_term",
        "paths",
        "the third term is missing, or it is 0: what of dy lies along x̂.",
        (_RESULT, "return gamma / std * (dy - off_mean)"),
    ),
    (
        "no_mean_term",
        "paths",
        "the second term is missing: the mean of dy.",
        (_RESULT, "return gamma / std * (dy - along_x_hat)"),
    ),
    (
        "sums_for_means",
        _MEANS,
        "you take sums where the factor 1/m makes them means: dy.mean(dim=0), and the mean of dy · x̂.",
        (_MEAN_TERM, "off_mean = dy.sum(dim=0)"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum(dim=0)"),
    ),
    (
        "sum_in_the_mean_term",
        _MEANS,
        "the second term is a sum; divided by m it is the mean of dy.",
        (_MEAN_TERM, "off_mean = dy.sum(dim=0)"),
    ),
    (
        "sum_in_the_x_hat_term",
        _MEANS,
        "the third term has a sum; divided by m it is the mean of dy · x̂.",
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum(dim=0)"),
    ),
    (
        "m_forgotten",
        _MEANS,
        "the factor m in front of dy is missing, while everything is divided by m.",
        (_MEAN_TERM, "off_mean, m = dy.sum(dim=0), len(dy)"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum(dim=0)"),
        (_RESULT, "return gamma / std / m * (dy - off_mean - along_x_hat)"),
    ),
    (
        "times_m",
        _MEANS,
        "your result is m times too large: the formula divides by m.",
        (_RESULT, "return gamma / std * len(dy) * (dy - off_mean - along_x_hat)"),
    ),
    (
        "over_m",
        _MEANS,
        "your result is m times too small: with means the 1/m is used up.",
        (_RESULT, "return gamma / std / len(dy) * (dy - off_mean - along_x_hat)"),
    ),
    (
        "plus_mean",
        "signs",
        "the mean of dy is added; it is taken away.",
        (_RESULT, "return gamma / std * (dy + off_mean - along_x_hat)"),
    ),
    (
        "plus_x_hat",
        "signs",
        "the term with x̂ is added; it is taken away.",
        (_RESULT, "return gamma / std * (dy - off_mean + along_x_hat)"),
    ),
    (
        "both_added",
        "signs",
        "both terms are added; they are taken away.",
        (_RESULT, "return gamma / std * (dy + off_mean + along_x_hat)"),
    ),
    (
        "brackets",
        "normalise",
        "γ/std multiplies dy alone: brackets are missing, all three terms are scaled.",
        (_RESULT, "return gamma / std * dy - off_mean - along_x_hat"),
    ),
    ("no_gamma", "gamma", "γ is missing.", (_RESULT, "return 1 / std * (dy - off_mean - along_x_hat)")),
    (
        "no_std",
        "normalise",
        "you do not divide by std.",
        (_RESULT, "return gamma * (dy - off_mean - along_x_hat)"),
    ),
    (
        "multiplied",
        "normalise",
        "you multiply by std; the gradient is divided by it, as x was.",
        (_RESULT, "return gamma * std * (dy - off_mean - along_x_hat)"),
    ),
    (
        "divided_by_the_variance",
        "normalise",
        "you divide by std², the variance; the formula divides by std once.",
        (_RESULT, "return gamma / std**2 * (dy - off_mean - along_x_hat)"),
    ),
    (
        "x_hat_once_inside",
        "slopes",
        "x̂ stands twice in the third term; the one in front of the mean is missing.",
        (_HAT_TERM, "along_x_hat = (dy * x_hat).mean(dim=0)"),
    ),
    (
        "x_hat_once_outside",
        "slopes",
        "x̂ stands twice in the third term; the one inside the mean is missing.",
        (_HAT_TERM, "along_x_hat = x_hat * dy.mean(dim=0)"),
    ),
    (
        "no_mean_in_the_x_hat_term",
        "slopes",
        "you take dy · x̂ · x̂ for each example by itself; the mean of dy · x̂ over the examples is missing.",
        (_HAT_TERM, "along_x_hat = x_hat * dy * x_hat"),
    ),
    (
        "gamma_twice",
        "gamma",
        "γ is in your result twice: you start from dy · γ, and multiply by γ again.",
        (_RESULT, "return gamma * gamma / std * (dy - off_mean - along_x_hat)"),
    ),
    (
        "true_projection",
        "eps",
        "you divide by the mean of x̂², so that all of x̂ is taken away; with ε that is a little too much.",
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).mean(dim=0) / (x_hat**2).mean(dim=0)"),
    ),
    (
        "one_less",
        "variance",
        "you divide the two sums by N − 1; the forward pass has means over N.",
        (_MEAN_TERM, "off_mean = dy.sum(dim=0) / (len(dy) - 1)"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum(dim=0) / (len(dy) - 1)"),
    ),
    (
        "rows",
        "axis",
        "you average over dim=1, the features of one row; average over the examples, dim=0.",
        (_MEAN_TERM, "off_mean = dy.mean(dim=1, keepdim=True)"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).mean(dim=1, keepdim=True)"),
    ),
    (
        "whole",
        "axis",
        "you average over the whole batch; each feature has its own means.",
        (_MEAN_TERM, "off_mean = dy.mean()"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).mean()"),
    ),
    (
        "no_dim",
        "axis",
        "your sums run over the whole batch; each feature has its own, over dim=0.",
        (_MEAN_TERM, "off_mean = dy.sum() / len(dy)"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum() / len(dy)"),
    ),
    (
        "features_counted",
        "axis",
        _FEATURES_COUNTED,
        (_MEAN_TERM, "off_mean = dy.sum(dim=0) / dy.shape[1]"),
        (_HAT_TERM, "along_x_hat = x_hat * (dy * x_hat).sum(dim=0) / dy.shape[1]"),
    ),
    (
        "root_again",
        "normalise",
        "you take the root of std; std is √(σ² + ε) already.",
        (_RESULT, "return gamma / torch.sqrt(std) * (dy - off_mean - along_x_hat)"),
    ),
    (
        "autograd",
        "own work",
        _OTHERS,
        (
            _MEAN_TERM,
            f"one = torch.ones((), requires_grad=True)\n    torch.autograd.grad(2 * one, one)\n    {_MEAN_TERM}",
        ),
    ),
    (
        "in_place",
        "side effect",
        _IN_PLACE,
        (_MEAN_TERM, "off_mean = dy.mean(dim=0)\n    given = dy"),
        (_RESULT, "return gamma / std * given.sub_(off_mean).sub_(along_x_hat)"),
    ),
)

_SAVE = "ctx.save_for_backward(x_hat, gamma, std)"
_LOAD = "x_hat, gamma, std = ctx.saved_tensors"
_F_DGAMMA = "dgamma = (dy * x_hat).sum(dim=0)"
_F_DX = "dx = gamma / std * (dy - dbeta / m - x_hat * dgamma / m)"
_F_STD = "std = torch.sqrt(var + eps)"
_F_VAR = "var = ((x - mean) ** 2).mean(dim=0)"
_F_RETURN = "return dx, dgamma, dbeta, None"
_F_OUTPUT = "return gamma * x_hat + beta"

_FUNCTION = _suspects(
    BatchNormFunction,
    (
        "statistics_constant",
        "paths",
        "dx is dy · γ/std, as if mean and variance were constants; two terms are missing.",
        (_F_DX, "dx = gamma / std * dy"),
    ),
    (
        "no_x_hat_term",
        "paths",
        "in dx the term with x̂ is missing, or it is 0.",
        (_F_DX, "dx = gamma / std * (dy - dbeta / m)"),
    ),
    (
        "no_mean_term",
        "paths",
        "in dx the mean of dy is missing.",
        (_F_DX, "dx = gamma / std * (dy - x_hat * dgamma / m)"),
    ),
    (
        "sums_for_means",
        _MEANS,
        "in dx you take the sums themselves; each is divided by the number of examples.",
        (_F_DX, "dx = gamma / std * (dy - dbeta - x_hat * dgamma)"),
    ),
    (
        "means_for_sums",
        _MEANS,
        "dgamma and dbeta are sums over the examples; you take means.",
        (_F_RETURN, "return dx, dgamma / m, dbeta / m, None"),
    ),
    ("no_gamma", "gamma", "γ is missing in dx.", (_F_DX, "dx = 1 / std * (dy - dbeta / m - x_hat * dgamma / m)")),
    ("no_std", "normalise", "dx is not divided by std.", (_F_DX, "dx = gamma * (dy - dbeta / m - x_hat * dgamma / m)")),
    (
        "x_for_x_hat",
        "affine",
        "dgamma sums dy · x; γ has multiplied x̂.",
        (_SAVE, "ctx.save_for_backward(x_hat, gamma, std, x)"),
        (_LOAD, "x_hat, gamma, std, x = ctx.saved_tensors"),
        (_F_RETURN, "return dx, (dy * x).sum(dim=0), dbeta, None"),
    ),
    ("sign", "signs", "dx has the wrong sign.", (_F_RETURN, "return -dx, dgamma, dbeta, None")),
    (
        "swapped",
        "order",
        "dgamma and dbeta have changed places: gradients come in the order of forward's arguments.",
        (_F_RETURN, "return dx, dbeta, dgamma, None"),
    ),
    (
        "nothing_for_eps",
        "order",
        "forward takes four arguments, so backward returns four things; the one for eps is None.",
        (_F_RETURN, "return dx, dgamma, dbeta"),
    ),
    (
        "dx_alone",
        "order",
        "backward returns dx alone; γ and β need their gradients too, and eps a None.",
        (_F_RETURN, "return dx"),
    ),
    (
        "none_for_the_parameters",
        "order",
        "backward returns None for γ and β, so they never learn.",
        (_F_RETURN, "return dx, None, None, None"),
    ),
    ("unbiased", "variance", _NOT_BIASED, (_F_VAR, "var = x.var(dim=0)")),
    ("no_eps", "eps", _NO_EPS, (_F_STD, "std = torch.sqrt(var)")),
    ("eps_outside", "eps", _EPS_OUTSIDE, (_F_STD, "std = torch.sqrt(var) + eps")),
    ("constant_eps", "eps", _CONSTANT_EPS, (_F_STD, "std = torch.sqrt(var + 1e-5)")),
    ("no_root", "normalise", _NO_ROOT, (_F_STD, "std = var + eps")),
    (
        "deviation_without_eps",
        "eps",
        "backward divides by √variance without eps; forward has divided by √(variance + eps).",
        (_SAVE, "ctx.save_for_backward(x_hat, gamma, torch.sqrt(var))"),
    ),
    (
        "backward_without_eps",
        "eps",
        "backward computes std and x̂ without eps; forward has divided by √(variance + eps).",
        (_SAVE, "ctx.save_for_backward((x - mean) / torch.sqrt(var), gamma, torch.sqrt(var))"),
    ),
    (
        "backward_unbiased",
        "variance",
        "backward divides by N − 1 (as `x.var(dim=0)` does by default); forward has divided by N.",
        (
            _SAVE,
            "n_less_1 = torch.sqrt(x.var(dim=0) + eps)\n        ctx.save_for_backward((x - mean) / n_less_1, gamma, n_less_1)",
        ),
    ),
    ("features_counted", "axis", _FEATURES_COUNTED, ("m = len(dy)", "m = dy.shape[1]")),
    (
        "librarys",
        "own work",
        "autograd or a norm of torch does the work; forward and backward are your own here.",
        (_F_OUTPUT, "return torch.batch_norm(x, gamma, beta, None, None, True, 0.0, eps, False)"),
    ),
    (
        "output_for_x_hat",
        "memory",
        "you save the output y in place of x̂; y holds γ and β.",
        (_SAVE, "ctx.save_for_backward(gamma * x_hat + beta, gamma, std)"),
    ),
    (
        "on_the_class",
        "memory",
        "you keep tensors on the class or in a global, one place for all uses: the second forward overwrites what the first "
        "one needs.",
        (_SAVE, "BatchNormFunction.kept = x_hat, gamma, std"),
        (_LOAD, "x_hat, gamma, std = BatchNormFunction.kept"),
    ),
    (
        "last_eps",
        "memory",
        "you keep the deviation on the class: with two uses in one graph both are divided by the last one.",
        (_SAVE, "ctx.save_for_backward(x_hat, gamma)\n        BatchNormFunction.std = std"),
        (_LOAD, "(x_hat, gamma), std = ctx.saved_tensors, BatchNormFunction.std"),
    ),
    (
        "no_affine",
        "affine",
        "the output is x̂: γ and β are not used.",
        (_F_OUTPUT, "return x_hat"),
    ),
    ("no_beta", "affine", "β is not added.", (_F_OUTPUT, "return gamma * x_hat")),
    (
        "in_place",
        "side effect",
        _IN_PLACE,
        (_F_DX, "dx = dy.sub_(dbeta / m + x_hat * dgamma / m).mul_(gamma / std)"),
    ),
    (
        "input_changed",
        "side effect",
        "forward writes into its input; make a new tensor.",
        ("x_hat = (x - mean) / std", "x_hat = x.data.sub_(mean).clone() / std"),
    ),
    (
        "emptied",
        "memory",
        "backward writes over what it has saved: a second backward over the same graph finds other numbers.",
        (_F_RETURN, "x_hat.zero_()\n        return dx, dgamma, dbeta, None"),
    ),
)

_L_STD = "std = torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + eps)"
_L_DX = "dx = (dx_hat - off_mean - along_x_hat) / std"
_L_MEAN = "off_mean = dx_hat.mean(dim=-1, keepdim=True)"
_L_HAT = "along_x_hat = x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)"
_L_DGAMMA = "dgamma = (dy * x_hat).sum(dim=(0, 1))"
_L_DBETA = "dbeta = dy.sum(dim=(0, 1))"

_LAYER_NORM = _suspects(
    layer_norm_backward,
    (
        "gamma_outside",
        "gamma",
        "γ multiplies at the end, as in batch norm; here γ differs within a set, so it goes in before the means.",
        (_DX_HAT, "dx_hat = dy"),
        (_L_DX, "dx = gamma * (dx_hat - off_mean - along_x_hat) / std"),
    ),
    ("no_gamma", "gamma", "γ is missing in dx.", (_DX_HAT, "dx_hat = dy")),
    (
        "statistics_constant",
        "paths",
        "dx is dx_hat / std, as if mean and variance were constants; two terms are missing.",
        (_L_DX, "dx = dx_hat / std"),
    ),
    (
        "no_x_hat_term",
        "paths",
        "in dx the term with x̂ is missing, or it is 0.",
        (_L_DX, "dx = (dx_hat - off_mean) / std"),
    ),
    (
        "no_mean_term",
        "paths",
        "in dx the mean is missing; that would be RMSNorm.",
        (_L_DX, "dx = (dx_hat - along_x_hat) / std"),
    ),
    (
        "batch_axis",
        "axis",
        "the two means in dx run over the examples, as in batch norm; here they run over the features of one token.",
        (_L_MEAN, "off_mean = dx_hat.mean(dim=(0, 1))"),
        (_L_HAT, "along_x_hat = x_hat * (dx_hat * x_hat).mean(dim=(0, 1))"),
    ),
    (
        "all_batch_norm",
        "axis",
        "all means run over examples and tokens: that is batch norm. Here they run over the features of one token.",
        ("centred = x - x.mean(dim=-1, keepdim=True)", "centred = x - x.mean(dim=(0, 1))"),
        (_L_STD, "std = torch.sqrt((centred**2).mean(dim=(0, 1)) + eps)"),
        (_L_MEAN, "off_mean = dx_hat.mean(dim=(0, 1))"),
        (_L_HAT, "along_x_hat = x_hat * (dx_hat * x_hat).mean(dim=(0, 1))"),
    ),
    (
        "sentence",
        "axis",
        "your means run over all tokens of a sentence; each token has its own.",
        ("centred = x - x.mean(dim=-1, keepdim=True)", "centred = x - x.mean(dim=(1, 2), keepdim=True)"),
        (_L_STD, "std = torch.sqrt((centred**2).mean(dim=(1, 2), keepdim=True) + eps)"),
        (_L_MEAN, "off_mean = dx_hat.mean(dim=(1, 2), keepdim=True)"),
        (_L_HAT, "along_x_hat = x_hat * (dx_hat * x_hat).mean(dim=(1, 2), keepdim=True)"),
    ),
    (
        "sums_for_means",
        _MEANS,
        "in dx you take sums over the features; they are means.",
        (_L_MEAN, "off_mean = dx_hat.sum(dim=-1, keepdim=True)"),
        (_L_HAT, "along_x_hat = x_hat * (dx_hat * x_hat).sum(dim=-1, keepdim=True)"),
    ),
    (
        "tokens_counted",
        "axis",
        "in dx m is the number of features of a token; you take the number of tokens.",
        (_L_MEAN, "off_mean = dx_hat.sum(dim=-1, keepdim=True) / (len(dy) * dy.shape[1])"),
        (_L_HAT, "along_x_hat = x_hat * (dx_hat * x_hat).sum(dim=-1, keepdim=True) / (len(dy) * dy.shape[1])"),
    ),
    ("no_std", "normalise", "dx is not divided by std.", (_L_DX, "dx = dx_hat - off_mean - along_x_hat")),
    (
        "sentences_only",
        "affine",
        "dgamma and dbeta are summed over the sentences alone; γ and β serve all tokens, so sum over tokens too.",
        (_L_DGAMMA, "dgamma = (dy * x_hat).sum(dim=0)"),
        (_L_DBETA, "dbeta = dy.sum(dim=0)"),
    ),
    (
        "features_summed",
        "affine",
        "dgamma and dbeta are summed over the features; there is one γ for each feature, so sum over the tokens.",
        (_L_DGAMMA, "dgamma = (dy * x_hat).sum(dim=-1)"),
        (_L_DBETA, "dbeta = dy.sum(dim=-1)"),
    ),
    (
        "means_for_sums",
        _MEANS,
        "dgamma and dbeta are sums over all tokens; you take means.",
        (_L_DGAMMA, "dgamma = (dy * x_hat).mean(dim=(0, 1))"),
        (_L_DBETA, "dbeta = dy.mean(dim=(0, 1))"),
    ),
    (
        "x_for_x_hat",
        "affine",
        "dgamma sums dy · x; γ has multiplied x̂.",
        (_L_DGAMMA, "dgamma = (dy * x).sum(dim=(0, 1))"),
    ),
    (
        "gamma_in_dgamma",
        "affine",
        "dgamma has γ in it: it sums dy · x̂, from dy and not from dx_hat.",
        (_L_DGAMMA, "dgamma = (dx_hat * x_hat).sum(dim=(0, 1))"),
    ),
    ("gamma_in_dbeta", "affine", _GAMMA_IN_DBETA, (_L_DBETA, "dbeta = dx_hat.sum(dim=(0, 1))")),
    ("librarys", "own work", _OTHERS, (_DX_HAT, f"torch.layer_norm(x, gamma.shape)\n    {_DX_HAT}")),
    ("written_over", "side effect", _IN_PLACE, (_L_DBETA, f"{_L_DBETA}\n    dy.zero_()")),
    ("no_eps", "eps", _NO_EPS, (_L_STD, "std = torch.sqrt((centred**2).mean(dim=-1, keepdim=True))")),
    ("eps_outside", "eps", _EPS_OUTSIDE, (_L_STD, "std = torch.sqrt((centred**2).mean(dim=-1, keepdim=True)) + eps")),
    (
        "constant_eps",
        "eps",
        _CONSTANT_EPS,
        (_L_STD, "std = torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + 1e-5)"),
    ),
    ("no_root", "normalise", _NO_ROOT, (_L_STD, "std = (centred**2).mean(dim=-1, keepdim=True) + eps")),
    (
        "unbiased",
        "variance",
        "you divide by C − 1; layer norm divides by C.",
        (_L_STD, "std = torch.sqrt(x.var(dim=-1, keepdim=True) + eps)"),
    ),
    (
        "swapped",
        "order",
        "dgamma and dbeta have changed places.",
        ("return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),
    ),
)

_R_RMS = "rms = torch.sqrt((x**2).mean(dim=-1, keepdim=True) + eps)"
_R_DX = "dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms"

_RMS_NORM = _suspects(
    rms_norm_backward,
    (
        "layer_norm",
        "paths",
        "the mean is taken away in dx, as in layer norm; RMSNorm subtracts no mean, so there is no such path.",
        (
            _R_DX,
            "dx = (dx_hat - dx_hat.mean(dim=-1, keepdim=True) "
            "- x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms",
        ),
    ),
    (
        "centred",
        "normalise",
        "you subtract the mean of x in the forward formula; RMSNorm does not.",
        (_R_RMS, "x = x - x.mean(dim=-1, keepdim=True)\n    rms = torch.sqrt((x**2).mean(dim=-1, keepdim=True) + eps)"),
    ),
    (
        "statistics_constant",
        "paths",
        "dx is dx_hat / rms, as if the mean square were a constant.",
        (_R_DX, "dx = dx_hat / rms"),
    ),
    (
        "gamma_outside",
        "gamma",
        "γ multiplies at the end, as in batch norm; here γ differs within a set, so it goes in before the mean.",
        (_DX_HAT, "dx_hat = dy"),
        (_R_DX, "dx = gamma * (dx_hat - x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms"),
    ),
    ("no_gamma", "gamma", "γ is missing in dx.", (_DX_HAT, "dx_hat = dy")),
    (
        "sum_for_mean",
        _MEANS,
        "in dx you take a sum over the features; it is a mean.",
        (_R_DX, "dx = (dx_hat - x_hat * (dx_hat * x_hat).sum(dim=-1, keepdim=True)) / rms"),
    ),
    (
        "half",
        "slopes",
        "the term with x̂ has a factor ½ too many: the 2 of the square and the ½ of the root cancel.",
        (_R_DX, "dx = (dx_hat - 0.5 * x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms"),
    ),
    (
        "plus",
        "signs",
        "the term with x̂ is added; it is taken away.",
        (_R_DX, "dx = (dx_hat + x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms"),
    ),
    (
        "x_in_the_term",
        "slopes",
        "the term has x where x̂ = x / rms belongs.",
        (_R_DX, "dx = (dx_hat - x * (dx_hat * x).mean(dim=-1, keepdim=True)) / rms"),
    ),
    (
        "x_for_the_first_x_hat",
        "slopes",
        "the term with x̂ is rms times too large: it has x in front of the mean in place of x̂, or it is not divided by rms.",
        (_R_DX, "dx = (dx_hat - x * (dx_hat * x_hat).mean(dim=-1, keepdim=True)) / rms"),
    ),
    (
        "variance",
        "normalise",
        "rms is the root of the variance in your code; RMSNorm has the mean of x², with nothing subtracted.",
        (_R_RMS, "rms = torch.sqrt(x.var(dim=-1, correction=0, keepdim=True) + eps)"),
    ),
    (
        "sum_of_squares",
        _MEANS,
        "rms has the sum of x² under its root; it is the mean.",
        (_R_RMS, "rms = torch.sqrt((x**2).sum(dim=-1, keepdim=True) + eps)"),
        (_R_DX, "dx = (dx_hat - x_hat * (dx_hat * x_hat).sum(dim=-1, keepdim=True)) / rms"),
    ),
    ("librarys", "own work", _OTHERS, (_DX_HAT, f"torch.rms_norm(x, gamma.shape)\n    {_DX_HAT}")),
    ("written_over", "side effect", _IN_PLACE, (_L_DGAMMA, f"{_L_DGAMMA}\n    dy.zero_()")),
    (
        "no_rms",
        "normalise",
        "dx is not divided by rms.",
        (_R_DX, "dx = dx_hat - x_hat * (dx_hat * x_hat).mean(dim=-1, keepdim=True)"),
    ),
    (
        "batch_axis",
        "axis",
        "the mean in dx runs over examples and tokens; it runs over the features of one token.",
        (_R_DX, "dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(dim=(0, 1))) / rms"),
    ),
    (
        "sentences_only",
        "affine",
        "dgamma is summed over the sentences alone; γ serves all tokens, so sum over tokens too.",
        (_L_DGAMMA, "dgamma = (dy * x_hat).sum(dim=0)"),
    ),
    (
        "mean_for_dgamma",
        _MEANS,
        "dgamma is a sum over all tokens; you take the mean.",
        (_L_DGAMMA, "dgamma = (dy * x_hat).mean(dim=(0, 1))"),
    ),
    (
        "x_for_x_hat",
        "affine",
        "dgamma sums dy · x; γ has multiplied x̂.",
        (_L_DGAMMA, "dgamma = (dy * x).sum(dim=(0, 1))"),
    ),
    (
        "gamma_in_dgamma",
        "affine",
        "dgamma has γ in it: it sums dy · x̂, from dy and not from dx_hat.",
        (_L_DGAMMA, "dgamma = (dx_hat * x_hat).sum(dim=(0, 1))"),
    ),
    (
        "no_eps",
        "eps",
        "the eps that is given has no effect; it belongs under the root, beside the mean of x².",
        (_R_RMS, "rms = torch.sqrt((x**2).mean(dim=-1, keepdim=True))"),
    ),
    (
        "eps_outside",
        "eps",
        "you add eps after the root.",
        (_R_RMS, "rms = torch.sqrt((x**2).mean(dim=-1, keepdim=True)) + eps"),
    ),
    (
        "no_root",
        "normalise",
        "the root is forgotten: you divide by the mean square.",
        (_R_RMS, "rms = (x**2).mean(dim=-1, keepdim=True) + eps"),
    ),
)

_E_STD = "std = torch.sqrt(running_var + eps)"
_E_HAT = "x_hat = (x - running_mean) / std"
_E_DX = "dx = dy * gamma / std"

_EVAL = _suspects(
    eval_backward,
    (
        "train_formula",
        "modes",
        "this is train mode: batch statistics and all three paths; in eval mode both come from memory and are constants.",
        (
            _E_HAT,
            "centred = x - x.mean(dim=0)\n    std = torch.sqrt((centred**2).mean(dim=0) + eps)\n    x_hat = centred / std",
        ),
        (_E_DX, "dx = gamma / std * (dy - dy.mean(dim=0) - x_hat * (dy * x_hat).mean(dim=0))"),
    ),
    (
        "three_paths",
        "modes",
        "dx has the terms of train mode; running statistics do not depend on x, so one path is left.",
        (_E_DX, "dx = gamma / std * (dy - dy.mean(dim=0) - x_hat * (dy * x_hat).mean(dim=0))"),
    ),
    (
        "mean_path",
        "modes",
        "dx takes the mean of dy away; running_mean does not depend on x.",
        (_E_DX, "dx = gamma / std * (dy - dy.mean(dim=0))"),
    ),
    (
        "batch_x_hat",
        "modes",
        "dgamma uses the x̂ of the batch's own statistics; in eval mode x̂ is made with the running ones.",
        (_E_HAT, "x_hat = (x - x.mean(dim=0)) / torch.sqrt(x.var(dim=0, correction=0) + eps)"),
    ),
    (
        "all_of_the_batch",
        "modes",
        "you divide by the batch's own deviation; in eval mode mean and variance are the running ones, in dx and in dgamma.",
        (_E_STD, "std = torch.sqrt(x.var(dim=0, correction=0) + eps)"),
        (_E_HAT, "x_hat = (x - x.mean(dim=0)) / std"),
    ),
    ("no_gamma", "gamma", "γ is missing in dx.", (_E_DX, "dx = dy / std")),
    ("no_std", "normalise", "dx is not divided by the running deviation.", (_E_DX, "dx = dy * gamma")),
    (
        "multiplied",
        "normalise",
        "dx is multiplied by the running deviation; it is divided.",
        (_E_DX, "dx = dy * gamma * std"),
    ),
    ("no_root", "normalise", _NO_ROOT, (_E_STD, "std = running_var + eps")),
    ("no_eps", "eps", _NO_EPS, (_E_STD, "std = torch.sqrt(running_var)")),
    ("eps_outside", "eps", _EPS_OUTSIDE, (_E_STD, "std = torch.sqrt(running_var) + eps")),
    ("constant_eps", "eps", _CONSTANT_EPS, (_E_STD, "std = torch.sqrt(running_var + 1e-5)")),
    (
        "not_centred",
        "normalise",
        "x̂ is x / std; running_mean is not subtracted.",
        (_E_HAT, "x_hat = x / std"),
    ),
    ("x_for_x_hat", "affine", "dgamma sums dy · x; γ has multiplied x̂.", (_DGAMMA, "dgamma = (dy * x).sum(dim=0)")),
    (
        "gamma_in_dgamma",
        "affine",
        "dgamma has γ in it; it sums dy · x̂.",
        (_DGAMMA, "dgamma = (dy * gamma * x_hat).sum(dim=0)"),
    ),
    ("gamma_in_dbeta", "affine", _GAMMA_IN_DBETA, (_DBETA, "dbeta = (dy * gamma).sum(dim=0)")),
    (
        "librarys",
        "own work",
        _OTHERS,
        (_E_DX, f"torch.batch_norm(x, None, None, x[0], x[0]**2, False, 0.0, eps, False)\n    {_E_DX}"),
    ),
    ("written_over", "side effect", _IN_PLACE, (_DBETA, f"{_DBETA}\n    dy.zero_()")),
    (
        "means_for_sums",
        _MEANS,
        "dgamma and dbeta are sums over the examples; you take means.",
        (_DGAMMA, "dgamma = (dy * x_hat).mean(dim=0)"),
        (_DBETA, "dbeta = dy.mean(dim=0)"),
    ),
    (
        "frozen",
        "modes",
        "dgamma and dbeta are 0; eval mode fixes the statistics, and γ and β still learn.",
        (_DGAMMA, "dgamma = torch.zeros_like(gamma)"),
        (_DBETA, "dbeta = torch.zeros_like(gamma)"),
    ),
    (
        "nothing_flows",
        "modes",
        "dx is 0; eval mode is not no_grad, the gradient flows on.",
        (_E_DX, "dx = torch.zeros_like(x)"),
    ),
    (
        "swapped",
        "order",
        "dgamma and dbeta have changed places.",
        ("return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),
    ),
)


def _by_autograd(dy: torch.Tensor, x: torch.Tensor, gamma: torch.Tensor, eps: float) -> tuple[torch.Tensor, ...]:
    """All six, asked of autograd."""
    x, gamma, beta = x.clone().requires_grad_(), gamma.clone().requires_grad_(), torch.zeros_like(gamma)
    beta.requires_grad_()
    mean = x.mean(dim=0)
    var = ((x - mean) ** 2).mean(dim=0)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    y = gamma * x_hat + beta
    return torch.autograd.grad(y, (x_hat, var, mean, x, gamma, beta), dy)


REFERENCE = {
    "six_gradients": six_gradients,
    "compact_gradient": compact_gradient,
    "batchnorm_function": BatchNormFunction,
    "layer_norm_backward": layer_norm_backward,
    "rms_norm_backward": rms_norm_backward,
    "eval_backward": eval_backward,
}
SUSPECTS = {
    "six_gradients": (*_SIX, Suspect("autograd", "own work", _OTHERS, _by_autograd)),
    "compact_gradient": _COMPACT,
    "batchnorm_function": _FUNCTION,
    "layer_norm_backward": _LAYER_NORM,
    "rms_norm_backward": _RMS_NORM,
    "eval_backward": _EVAL,
}
