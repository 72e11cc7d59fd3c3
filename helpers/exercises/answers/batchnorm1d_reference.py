"""The layer that notebook 02 builds."""

from __future__ import annotations

import torch
from torch import nn


class BatchNorm1d(nn.Module):
    """Batch normalization of an (N, C) batch, as in Ioffe & Szegedy (2015), Algorithms 1 and 2.

    num_features: C.  eps: added to the variance under the root.  momentum: share of the new batch in the running
    statistics, as in PyTorch.
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
        """x: (N, C).  Returns (N, C), same dtype.

        One row in train mode raises ValueError, as in PyTorch, or leaves running_var as it is.
        """
        ### BEGIN SOLUTION
        if self.training:
            n = x.shape[0]
            if n < 2:
                raise ValueError("batch statistics need at least 2 rows in train mode, got 1")
            mean = x.mean(dim=0)
            var = ((x - mean) ** 2).mean(dim=0)
            with torch.no_grad():
                unbiased = var * n / (n - 1)
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (unbiased - self.running_var)
        else:
            mean = self.running_mean
            var = self.running_var
        x_hat = (x - mean) / torch.sqrt(var + self.eps)
        return self.gamma * x_hat + self.beta
        ### END SOLUTION
