"""References and suspects of the layers and the quiz of notebook 05."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


class BatchNorm2d(nn.Module):
    """Batch normalization of an (N, C, H, W) batch: one mean and variance for each channel (paper, §3.2).

    num_features: C.  eps: added to the variance under the root.  momentum: share of the new batch in the
    running statistics, as in PyTorch.
    Learnable: gamma (C,), starts at 1; beta (C,), starts at 0.
    Buffers: running_mean (C,), starts at 0; running_var (C,), starts at 1.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.eps = eps
        self.momentum = momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, H, W).  Returns (N, C, H, W), same dtype.  In train mode N·H·W = 1 raises ValueError."""
        ### BEGIN SOLUTION
        if self.training:
            n = x.numel() // x.shape[1]
            if n < 2:
                raise ValueError("batch statistics need at least 2 values per channel in train mode, got 1")
            mean = x.mean(dim=(0, 2, 3))
            var = ((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))
            with torch.no_grad():
                unbiased = var * n / (n - 1)
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (unbiased - self.running_var)
        else:
            mean = self.running_mean
            var = self.running_var
        x_hat = (x - mean[:, None, None]) / torch.sqrt(var + self.eps)[:, None, None]
        return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]
        ### END SOLUTION


class LayerNorm(nn.Module):
    """Layer normalization (Ba et al. 2016): one mean and variance for each sample, over its last dimensions.

    normalized_shape: sizes of the last dimensions to normalise over; an int stands for one dimension.
    eps: added to the variance under the root.
    Learnable: gamma and beta of shape normalized_shape; they start at 1 and 0.  No buffers.
    """

    def __init__(self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5):
        super().__init__()
        ### BEGIN SOLUTION
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.dims = tuple(range(-len(shape), 0))
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., *normalized_shape).  Returns the same shape and dtype, alike in train and eval mode."""
        ### BEGIN SOLUTION
        mean = x.mean(dim=self.dims, keepdim=True)
        var = ((x - mean) ** 2).mean(dim=self.dims, keepdim=True)
        x_hat = (x - mean) / torch.sqrt(var + self.eps)
        return self.gamma * x_hat + self.beta
        ### END SOLUTION


class GroupNorm(nn.Module):
    """Group normalization (Wu & He 2018): one mean and variance for each sample and group of channels.

    num_groups: G; neighbouring channels form a group, C / G in each.  num_channels: C.
    eps: added to the variance under the root.
    Learnable: gamma (C,), starts at 1; beta (C,), starts at 0.  No buffers.
    Raises ValueError where C is no multiple of G.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5):
        super().__init__()
        ### BEGIN SOLUTION
        if num_channels % num_groups:
            raise ValueError(f"{num_channels} channels cannot be split into {num_groups} equal groups")
        self.num_groups = num_groups
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(num_channels))
        self.beta = nn.Parameter(torch.zeros(num_channels))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, ...), any number of dimensions after C.  Returns the same shape and dtype."""
        ### BEGIN SOLUTION
        groups = x.reshape(x.shape[0], self.num_groups, -1)
        mean = groups.mean(dim=2, keepdim=True)
        var = ((groups - mean) ** 2).mean(dim=2, keepdim=True)
        x_hat = ((groups - mean) / torch.sqrt(var + self.eps)).reshape(x.shape)
        per_channel = (-1,) + (1,) * (x.ndim - 2)
        return self.gamma.view(per_channel) * x_hat + self.beta.view(per_channel)
        ### END SOLUTION


class InstanceNorm2d(GroupNorm):
    """Instance normalization (Ulyanov et al. 2016): group normalization with one channel in a group (G = C).

    num_features: C.  The same as ``nn.InstanceNorm2d(C, eps, affine=True)``; no running statistics.
    """

    def __init__(self, num_features: int, eps: float = 1e-5):
        super().__init__(num_groups=num_features, num_channels=num_features, eps=eps)


class RMSNorm(nn.Module):
    """Root mean square normalization (Zhang & Sennrich 2019): x / √(mean x² + eps), no mean subtracted.

    normalized_shape: sizes of the last dimensions, or an int for one.
    eps: None stands for ``torch.finfo(x.dtype).eps``, as in PyTorch.
    Learnable: gamma of shape normalized_shape, starts at 1.  No beta, no buffers.
    """

    def __init__(self, normalized_shape: int | tuple[int, ...], eps: float | None = None):
        super().__init__()
        ### BEGIN SOLUTION
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.dims = tuple(range(-len(shape), 0))
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(shape))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (..., *normalized_shape).  Returns the same shape and dtype, alike in train and eval mode."""
        ### BEGIN SOLUTION
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        mean_square = (x**2).mean(dim=self.dims, keepdim=True)
        return self.gamma * (x / torch.sqrt(mean_square + eps))
        ### END SOLUTION


def which_norm() -> dict[str, tuple[str, str]]:
    """For each situation a–h the norm and the letter of the reason, as in {"a": ("layer", "P"), ...}."""
    ### BEGIN SOLUTION
    return {
        "a": ("batch", "P"),
        "b": ("group", "Q"),
        "c": ("frozen batch", "R"),
        "d": ("instance", "S"),
        "e": ("layer", "T"),
        "f": ("rms", "U"),
        "g": ("layer", "V"),
        "h": ("ghost batch", "W"),
    }
    ### END SOLUTION


_BN_VAR = "var = ((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))"
_BN_HAT = "x_hat = (x - mean[:, None, None]) / torch.sqrt(var + self.eps)[:, None, None]"
_BN_OUT = "return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]"
_GROUPS = "groups = x.reshape(x.shape[0], self.num_groups, -1)"
_GN_HAT = "x_hat = ((groups - mean) / torch.sqrt(var + self.eps)).reshape(x.shape)"
_GN_VAR = "var = ((groups - mean) ** 2).mean(dim=2, keepdim=True)"
_LN_MEAN = "mean = x.mean(dim=self.dims, keepdim=True)"
_LN_VAR = "var = ((x - mean) ** 2).mean(dim=self.dims, keepdim=True)"
_LN_HAT = "x_hat = (x - mean) / torch.sqrt(var + self.eps)"
_DIMS = "self.dims = tuple(range(-len(shape), 0))"
_RMS_OUT = "return self.gamma * (x / torch.sqrt(mean_square + eps))"
_SQUARE = "mean_square = (x**2).mean(dim=self.dims, keepdim=True)"


def _suspects(layer: Any, *rows: tuple[Any, ...]) -> tuple[Suspect, ...]:
    """Suspects of one layer; a row is (id, category, observation that tells it best, title, *edits)."""
    return tuple(
        Suspect(id, category, title, variant(layer, *edits), shows) for id, category, shows, title, *edits in rows
    )


_BATCHNORM2D = _suspects(
    BatchNorm2d,
    (
        "each_image",
        "axis",
        "train/output",
        "you average over H and W only, image by image (that is instance normalization); pool over N, H and W.",
        ("mean = x.mean(dim=(0, 2, 3))", "mean = x.mean(dim=(2, 3))[..., None, None]"),
        (_BN_VAR, "var = ((x - mean) ** 2).mean(dim=(2, 3))[..., None, None]"),
        ("(mean - self.running_mean)", "(mean.mean(dim=(0, 2, 3)) - self.running_mean)"),
        ("(unbiased - self.running_var)", "(unbiased.mean(dim=(0, 2, 3)) - self.running_var)"),
        ("mean = self.running_mean", "mean = self.running_mean[:, None, None]"),
        ("var = self.running_var", "var = self.running_var[:, None, None]"),
        (_BN_HAT, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
    ),
    (
        "each_pixel",
        "axis",
        "train/output",
        "you average over N only, so every pixel has its own statistics; one channel has one mean: pool over N, H and W.",
        ("mean = x.mean(dim=(0, 2, 3))", "mean = x.mean(dim=0)"),
        (_BN_VAR, "var = ((x - mean) ** 2).mean(dim=0)"),
        ("(mean - self.running_mean)", "(mean.mean(dim=(1, 2)) - self.running_mean)"),
        ("(unbiased - self.running_var)", "(unbiased.mean(dim=(1, 2)) - self.running_var)"),
        ("mean = self.running_mean", "mean = self.running_mean[:, None, None]"),
        ("var = self.running_var", "var = self.running_var[:, None, None]"),
        (_BN_HAT, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
    ),
    (
        "whole",
        "axis",
        "train/output",
        "you take one mean and variance over the whole batch; each channel has its own.",
        ("mean = x.mean(dim=(0, 2, 3))", "mean = x.mean().expand(x.shape[1])"),
        (_BN_VAR, "var = ((x - mean[0]) ** 2).mean().expand(x.shape[1])"),
    ),
    (
        "lined_up_with_width",
        "shape",
        "train/output",
        "mean and var have shape (C,), and `x - mean` lines them up with W, the last dimension; write mean[:, None, None].",
        (_BN_VAR, "var = ((x - mean) ** 2).mean(dim=(0, 2, 3))"),
        (_BN_HAT, "x_hat = (x - mean) / torch.sqrt(var + self.eps)"),
    ),
    (
        "gamma_lined_up_with_width",
        "shape",
        "gradients/output",
        "gamma and beta have shape (C,), and the product lines them up with W, the last dimension; write gamma[:, None, None].",
        (_BN_OUT, "return self.gamma * x_hat + self.beta"),
    ),
    (
        "counts_images",
        "running statistics",
        "memory/running_var",
        "your unbiased variance uses n = N, the number of images; each channel has n = N·H·W values.",
        ("n = x.numel() // x.shape[1]", "n = max(x.shape[0], 2)"),
    ),
    (
        "refuses_one_image",
        "count",
        "",
        "you refuse one image; it still has H·W values for each channel. Only N·H·W = 1 leaves no variance.",
        ("if n < 2:", "if x.shape[0] < 2:"),
    ),
    (
        "biased_running_var",
        "running statistics",
        "memory/running_var",
        "your running_var moves by the biased variance (÷n); torch moves it by the unbiased one (÷(n−1)).",
        ("unbiased = var * n / (n - 1)", "unbiased = var"),
    ),
    (
        "unbiased_normalisation",
        "variance",
        "train/output",
        "you normalise with the unbiased variance (the default of x.var); the batch itself is normalised with ÷n.",
        (_BN_VAR, "var = x.var(dim=(0, 2, 3))"),
        ("unbiased = var * n / (n - 1)", "unbiased = var"),
    ),
    (
        "momentum_swapped",
        "running statistics",
        "memory/running_mean",
        "your momentum is the other way round: torch keeps 1 − momentum of the old value and adds momentum of the new.",
        ("self.momentum * (mean", "(1 - self.momentum) * (mean"),
        ("self.momentum * (unbiased", "(1 - self.momentum) * (unbiased"),
    ),
    (
        "always_batch",
        "modes",
        "memory/eval output",
        "in eval mode you still use the statistics of the batch; use running_mean and running_var.",
        ("mean = self.running_mean", "mean = x.mean(dim=(0, 2, 3))"),
        ("var = self.running_var", _BN_VAR),
    ),
    (
        "eps_outside",
        "eps",
        "gradients/output",
        "you add eps after the square root: √σ² + ε; it belongs under it: √(σ² + ε).",
        ("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),
    ),
    (
        "detached",
        "gradient",
        "gradients/gradient of the input",
        "the batch mean and variance are cut out of the graph; the gradient must flow through them.",
        (_BN_HAT, "mean, var = mean.detach(), var.detach()\n        " + _BN_HAT),
    ),
)

_LAYERNORM = _suspects(
    LayerNorm,
    (
        "over_the_batch",
        "axis",
        "tokens/output",
        "you average over dim=0, the samples (that is batch normalization); average over the last dimensions.",
        (_DIMS, "self.dims = (0,)"),
    ),
    (
        "all_but_the_batch",
        "axis",
        "tokens/output",
        "you average over everything but dim=0; with (N, T, C) tokens and normalized_shape = C each token has its own mean.",
        (_LN_MEAN, "self.dims = tuple(range(1, x.ndim))\n        " + _LN_MEAN),
    ),
    (
        "last_only",
        "axis",
        "image/output",
        "you average over the last dimension alone; normalized_shape may name several, for example (C, H, W).",
        (_DIMS, "self.dims = (-1,)"),
    ),
    (
        "whole",
        "axis",
        "tokens/output",
        "you take one mean and variance over the whole tensor; each sample has its own.",
        (_LN_MEAN, "mean = x.mean()"),
        (_LN_VAR, "var = ((x - mean) ** 2).mean()"),
    ),
    (
        "unbiased",
        "variance",
        "tokens/output",
        "your variance is unbiased (÷(n−1), the default of x.var); layer normalization divides by n.",
        (_LN_VAR, "var = x.var(dim=self.dims, keepdim=True)"),
    ),
    (
        "no_root",
        "variance",
        "tokens/output",
        "you divide by the variance; divide by its square root.",
        ("torch.sqrt(var + self.eps)", "(var + self.eps)"),
    ),
    (
        "running_statistics",
        "modes",
        "modes/output in eval mode",
        "in eval mode you use remembered statistics; layer normalization remembers none and does the same in both modes.",
        (
            _LN_HAT,
            "if self.training:\n            self.kept = mean.mean().detach(), var.mean().detach()\n"
            "        else:\n            mean, var = self.kept\n        " + _LN_HAT,
        ),
    ),
    (
        "one_gamma",
        "affine",
        "",
        "gamma and beta hold one number; they have the shape normalized_shape, one number for each position.",
        ("nn.Parameter(torch.ones(shape))", "nn.Parameter(torch.ones(1))"),
        ("nn.Parameter(torch.zeros(shape))", "nn.Parameter(torch.zeros(1))"),
    ),
    (
        "no_affine",
        "affine",
        "gradients/output",
        "gamma and beta are not applied; return gamma · x̂ + beta.",
        ("return self.gamma * x_hat + self.beta", "return x_hat"),
    ),
    (
        "eps_outside",
        "eps",
        "gradients/output",
        "you add eps after the square root: √σ² + ε; it belongs under it: √(σ² + ε).",
        ("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),
    ),
    (
        "detached",
        "gradient",
        "gradients/gradient of the input",
        "the mean and variance are cut out of the graph; the gradient must flow through them.",
        (_LN_HAT, "mean, var = mean.detach(), var.detach()\n        " + _LN_HAT),
    ),
)

_GROUPNORM = _suspects(
    GroupNorm,
    (
        "each_position",
        "axis",
        "groups/output",
        "you average over the channels of a group at each position; the group's mean is taken over its channels, H and W together.",
        (_GROUPS, "groups = x.reshape(x.shape[0], self.num_groups, len(self.gamma) // self.num_groups, -1)"),
    ),
    (
        "interleaved",
        "groups",
        "groups/output",
        "your groups take every G-th channel; a group is made of neighbours: channels 0 to C/G − 1 are the first.",
        (
            _GROUPS,
            "size = len(self.gamma) // self.num_groups\n        "
            "groups = x.reshape(x.shape[0], size, self.num_groups, -1).transpose(1, 2)\n        "
            "split = groups.shape\n        groups = groups.reshape(x.shape[0], self.num_groups, -1)",
        ),
        (
            _GN_HAT,
            "x_hat = ((groups - mean) / torch.sqrt(var + self.eps)).reshape(split).transpose(1, 2).reshape(x.shape)",
        ),
    ),
    (
        "group_size",
        "groups",
        "groups/output",
        "you take num_groups as the number of channels in a group; it is the number of groups, with C / G channels in each.",
        ("self.num_groups = num_groups", "self.num_groups = num_channels // num_groups"),
    ),
    (
        "each_channel",
        "groups",
        "groups/output",
        "each channel has its own mean whatever G is (that is instance normalization); the channels of a group share one.",
        ("self.num_groups = num_groups", "self.num_groups = num_channels"),
    ),
    (
        "one_group",
        "groups",
        "groups/output",
        "all channels share one mean whatever G is; each of the G groups has its own.",
        ("self.num_groups = num_groups", "self.num_groups = 1"),
    ),
    (
        "across_the_batch",
        "axis",
        "groups/output",
        "your mean is taken over the samples too; in group normalization no sample sees another.",
        ("mean = groups.mean(dim=2, keepdim=True)", "mean = groups.mean(dim=(0, 2), keepdim=True)"),
        (_GN_VAR, "var = ((groups - mean) ** 2).mean(dim=(0, 2), keepdim=True)"),
    ),
    (
        "gamma_for_each_group",
        "affine",
        "",
        "gamma and beta have one number for each group; they have one for each channel, shape (C,).",
        ("nn.Parameter(torch.ones(num_channels))", "nn.Parameter(torch.ones(num_groups))"),
        ("nn.Parameter(torch.zeros(num_channels))", "nn.Parameter(torch.zeros(num_groups))"),
        (
            "return self.gamma.view(per_channel) * x_hat + self.beta.view(per_channel)",
            "size = x.shape[1] // self.num_groups\n        "
            "gamma, beta = (v.repeat_interleave(size).view(per_channel) for v in (self.gamma, self.beta))\n        "
            "return gamma * x_hat + beta",
        ),
    ),
    (
        "splits_a_channel",
        "groups",
        "special/did it refuse 6 channels in 4 groups (1 yes, 0 no)",
        "6 channels in 4 groups pass in silence, and a group then ends inside a channel; raise ValueError.",
        ("if num_channels % num_groups:", "if num_channels < num_groups:"),
    ),
    (
        "unbiased",
        "variance",
        "groups/output",
        "your variance is unbiased (÷(n−1), the default of x.var); group normalization divides by n.",
        (_GN_VAR, "var = groups.var(dim=2, keepdim=True)"),
    ),
    (
        "no_affine",
        "affine",
        "gradients/output",
        "gamma and beta are not applied; return gamma · x̂ + beta, channel by channel.",
        ("return self.gamma.view(per_channel) * x_hat + self.beta.view(per_channel)", "return x_hat"),
    ),
    (
        "eps_outside",
        "eps",
        "gradients/output",
        "you add eps after the square root: √σ² + ε; it belongs under it: √(σ² + ε).",
        ("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),
    ),
    (
        "detached",
        "gradient",
        "gradients/gradient of the input",
        "the mean and variance are cut out of the graph; the gradient must flow through them.",
        (_GN_HAT, "mean, var = mean.detach(), var.detach()\n        " + _GN_HAT),
    ),
)

_RMSNORM = _suspects(
    RMSNorm,
    (
        "centred",
        "mean",
        "tokens/output",
        "you subtract the mean (that is layer normalization without β); RMSNorm leaves the mean in.",
        (_SQUARE, "x = x - x.mean(dim=self.dims, keepdim=True)\n        " + _SQUARE),
    ),
    (
        "divides_by_deviation",
        "mean",
        "tokens/output",
        "you divide by the standard deviation; divide by the root of the mean of x², with no mean subtracted anywhere.",
        (_SQUARE, "mean_square = x.var(dim=self.dims, correction=0, keepdim=True)"),
    ),
    (
        "sum_of_squares",
        "count",
        "tokens/output",
        "you divide by the length √(Σ x²); RMSNorm divides by √(mean x²), which is √n times smaller.",
        ("(x**2).mean(", "(x**2).sum("),
    ),
    (
        "no_root",
        "root",
        "tokens/output",
        "you divide by the mean of x²; divide by its square root.",
        ("torch.sqrt(mean_square + eps)", "(mean_square + eps)"),
    ),
    (
        "mean_of_absolutes",
        "root",
        "tokens/output",
        "you divide by the mean of |x|; RMS means the root of the mean of the squares.",
        (_SQUARE, "mean_square = x.abs().mean(dim=self.dims, keepdim=True) ** 2"),
    ),
    (
        "over_the_batch",
        "axis",
        "tokens/output",
        "you average over dim=0, the samples; average over the last dimensions.",
        (_DIMS, "self.dims = (0,)"),
    ),
    (
        "last_only",
        "axis",
        "image/output",
        "you average over the last dimension alone; normalized_shape may name several.",
        (_DIMS, "self.dims = (-1,)"),
    ),
    (
        "eps_of_layer_norm",
        "eps",
        "tiny/float32 output",
        "without eps you use 1e-5, the default of layer normalization; torch's RMSNorm uses torch.finfo(x.dtype).eps.",
        ("torch.finfo(x.dtype).eps if self.eps is None", "1e-5 if self.eps is None"),
    ),
    (
        "eps_of_float32",
        "eps",
        "tiny/float64 output",
        "without eps you use float32's machine epsilon for every dtype; use that of x: torch.finfo(x.dtype).eps.",
        ("torch.finfo(x.dtype).eps if", "torch.finfo(torch.float32).eps if"),
    ),
    (
        "eps_zero",
        "eps",
        "tiny/float32 output",
        "without eps you add nothing, so a row of zeros gives NaN; torch adds torch.finfo(x.dtype).eps.",
        ("torch.finfo(x.dtype).eps if self.eps is None", "0.0 if self.eps is None"),
    ),
    (
        "eps_outside",
        "eps",
        "gradients/output",
        "you add eps after the square root; it belongs under it: √(mean x² + ε).",
        ("torch.sqrt(mean_square + eps)", "(torch.sqrt(mean_square) + eps)"),
    ),
    (
        "has_beta",
        "affine",
        "tiny/learnable numbers of RMSNorm(6)",
        "your layer has a beta too; RMSNorm has only gamma.",
        (
            "self.gamma = nn.Parameter(torch.ones(shape))",
            "self.gamma = nn.Parameter(torch.ones(shape))\n        self.beta = nn.Parameter(torch.zeros(shape))",
        ),
        (_RMS_OUT, _RMS_OUT + " + self.beta"),
    ),
    (
        "no_gamma",
        "affine",
        "gradients/output",
        "gamma is not applied; return gamma · x / √(mean x² + ε).",
        (_RMS_OUT, "return x / torch.sqrt(mean_square + eps)"),
    ),
    (
        "detached",
        "gradient",
        "gradients/gradient of the input",
        "the mean square is cut out of the graph; the gradient must flow through it.",
        (_RMS_OUT, "mean_square = mean_square.detach()\n        " + _RMS_OUT),
    ),
)

_WHICH_NORM = _suspects(
    which_norm,
    (
        "group_everywhere",
        "choice",
        "",
        "a: at 32 images per GPU Wu & He's table gives BN the lower validation error; GN is for small batches.",
        ('("batch", "P")', '("group", "Q")'),
    ),
    (
        "small_batch_norm",
        "choice",
        "",
        "b: in Wu & He's table BN at 2 images per GPU is 11 points worse than at 32.",
        ('("group", "Q")', '("batch", "P")'),
    ),
    (
        "keeps_space",
        "reason",
        "",
        "b: GN keeps no more of the space than BN does: both pool H and W.",
        ('("group", "Q")', '("group", "X")'),
    ),
    (
        "ghost_for_small",
        "choice",
        "",
        "b: Ghost BN cuts a large batch into smaller ones, so it makes this worse.",
        ('("group", "Q")', '("ghost batch", "W")'),
    ),
    (
        "throws_statistics_away",
        "choice",
        "",
        "c: a new norm throws away what the pretrained weights were fitted to: their γ, β and running statistics.",
        ('("frozen batch", "R")', '("group", "Q")'),
    ),
    (
        "moving_statistics",
        "choice",
        "",
        "c: with 2 images at a time BN's statistics are noisy, and its buffers drift away from the pretrained ones.",
        ('("frozen batch", "R")', '("batch", "P")'),
    ),
    (
        "layer_for_style",
        "choice",
        "",
        "d: LN over (C, H, W) has one scale for the whole image; here each channel's own contrast must go.",
        ('("instance", "S")', '("layer", "V")'),
    ),
    (
        "batch_for_text",
        "choice",
        "",
        "e: BN's statistics would mix sentences and count padding; a token must not depend on its neighbours in the batch.",
        ('"e": ("layer", "T")', '"e": ("batch", "P")'),
    ),
    (
        "layer_for_scale_only",
        "choice",
        "",
        "f: LN subtracts the mean too; here only the scale is to be removed.",
        ('("rms", "U")', '("layer", "T")'),
    ),
    (
        "batch_of_one",
        "choice",
        "",
        "g: an MLP that sees one example at a time has one value per feature, N·H·W = 1: BN in train mode raises ValueError.",
        ('"g": ("layer", "V")', '"g": ("batch", "P")'),
    ),
    (
        "instance_of_one",
        "choice",
        "",
        "g: without H and W each instance and channel has one value; minus its own mean it is 0.",
        ('"g": ("layer", "V")', '"g": ("instance", "S")'),
    ),
    (
        "group_for_large",
        "choice",
        "",
        "h: GN does not depend on the batch, so it has none of the noise that is wanted here.",
        ('("ghost batch", "W")', '("group", "Q")'),
    ),
)

REFERENCE = {
    "batchnorm2d": BatchNorm2d,
    "layernorm": LayerNorm,
    "groupnorm": GroupNorm,
    "rmsnorm": RMSNorm,
    "which_norm": which_norm,
}
SUSPECTS = {
    "batchnorm2d": _BATCHNORM2D,
    "layernorm": _LAYERNORM,
    "groupnorm": _GROUPNORM,
    "rmsnorm": _RMSNORM,
    "which_norm": _WHICH_NORM,
}
