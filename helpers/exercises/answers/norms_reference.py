"""The layers that notebook 05 builds, as they should be."""

from __future__ import annotations

import torch
from torch import nn


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
    """Layer normalization (Ba et al. 2016): one mean and variance for each block of the last dimensions.

    For tokens, with normalized_shape = C, that is one mean for each token.

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
    """Group normalization (Wu & He 2018): one mean and variance for each example and group of channels.

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
    eps: None stands for the machine epsilon of the dtype in which torch computes, ``torch.finfo(dtype).eps``: float32
    for float16, bfloat16 and float32 input, float64 for float64.
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
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        eps = torch.finfo(dtype).eps if self.eps is None else self.eps
        mean_square = (x.to(dtype) ** 2).mean(dim=self.dims, keepdim=True)
        return self.gamma * (x / torch.sqrt(mean_square + eps)).to(x.dtype)
        ### END SOLUTION
