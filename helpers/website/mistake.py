"""A layer with a mistake that is often made: the front page shows what the judge says of it."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.show import VerdictCard


class BatchNorm1d(nn.Module):
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            mean, var = x.mean(0), x.var(0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


def code() -> str:
    """The method in which the mistake is."""
    return inspect.cleandoc("\n" + inspect.getsource(BatchNorm1d.forward))


def card() -> VerdictCard:
    """The judge's card for this layer."""
    return VerdictCard(batchnorm1d_exercise.title, batchnorm1d_exercise.assessed(BatchNorm1d))
