"""The nets of the experiments."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

Norm = Callable[[int], nn.Module]
"""Builds a normalisation layer for a number of features, for example ``nn.BatchNorm1d``."""


class MLP(nn.Module):
    """A multilayer perceptron: Linear → norm → activation, repeated, then a Linear head.

    widths: sizes of input, hidden layers and output.  norm: None or a :data:`Norm`; with one, hidden Linear layers
    have no bias (paper, §3.2).  init: "default" (PyTorch's), "he", or a number, the standard deviation of normal
    weights with zero biases; it sets the hidden layers, and with a number the head too.  activation: "relu" or
    "sigmoid".  head_scale: a constant factor on the output.
    """

    def __init__(
        self,
        widths: list[int],
        norm: Norm | None = None,
        init: str | float = "default",
        activation: str = "relu",
        head_scale: float = 1.0,
    ):
        super().__init__()
        self.hidden = nn.ModuleList()
        for fan_in, fan_out in pairwise(widths[:-1]):
            linear = nn.Linear(fan_in, fan_out, bias=norm is None)
            _initialise(linear, init)
            parts: list[nn.Module] = [linear] if norm is None else [linear, norm(fan_out)]
            parts.append(nn.ReLU() if activation == "relu" else nn.Sigmoid())
            self.hidden.append(nn.Sequential(*parts))
        self.head = nn.Linear(widths[-2], widths[-1])
        if not isinstance(init, str):
            _initialise(self.head, init)
        self.head_scale = head_scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, widths[0]).  Returns (N, widths[-1])."""
        for layer in self.hidden:
            x = layer(x)
        out: torch.Tensor = self.head(x)
        return out * self.head_scale if self.head_scale != 1.0 else out


def _initialise(linear: nn.Linear, init: str | float) -> None:
    if init == "he":
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    elif not isinstance(init, str):
        nn.init.normal_(linear.weight, std=init)
    elif init != "default":
        raise ValueError(f'init is "default", "he" or a number, not {init!r}')
    if init != "default" and linear.bias is not None:
        nn.init.zeros_(linear.bias)
