"""The nets of notebook 06: batch norm, noise behind it, other lengths to divide by, and nets without a norm.

What is shown over many seeds was computed in advance; see :mod:`helpers.experiments.why_it_works_seeds`.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import nn

from helpers.lab.nets import MLP, Norm

from . import stored
from .fair import widths

load = functools.partial(stored.load, "why_it_works")
"""One stored result by its name."""

STEPS, BATCH_SIZE, RATE = 200, 64, 0.1

NORMS = {
    "none": "no norm",
    "batch": "batch norm",
    "noisy": "batch norm, then noise",
    "noise": "no norm, the same noise",
    "l1": "divided by ℓ1",
    "l2": "divided by ℓ2",
    "linf": "divided by ℓ∞",
    "loud": "divided by ℓ∞, γ from 2.5",
}
STARTS = {"default": "default init", "he": "He init"}


class Noise(nn.Module):
    """Each element times a factor, plus a shift, both drawn anew for every batch; nothing in eval mode.

    A unit draws a shift within ±0.5 and a factor from 1 to 1.25 for the whole batch; each element departs from them by
    up to 0.1, and by a normal number of standard deviation 0.1.  Source: Santurkar et al. 2018, §2.1 and appendix.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        if not self.training:
            return x
        unit = x[:1]
        shift = torch.rand_like(unit) - 0.5 + 0.2 * (torch.rand_like(x) - 0.5)
        factor = 1 + 0.25 * torch.rand_like(unit) + 0.1 * torch.randn_like(x)
        return factor * x + shift


class LpNorm(nn.Module):
    """Subtracts each unit's mean over the batch, and divides by the p-norm that it had before, a mean over the batch.

    p is 1, 2 or infinity.  As in batch norm there are γ and β.  There are no running statistics, so it is for train
    mode only.  Source: Santurkar et al. 2018, §3.3.
    """

    def __init__(self, features: int, p: float, gamma: float = 1.0):
        super().__init__()
        self.p = p
        self.gamma, self.beta = nn.Parameter(torch.full((features,), gamma)), nn.Parameter(torch.zeros(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C).  Returns the same shape."""
        length = torch.linalg.vector_norm(x, self.p, dim=0) / len(x) ** (1 / self.p)
        y: torch.Tensor = self.gamma * (x - x.mean(dim=0)) / (length + 1e-5) + self.beta
        return y


def title(net: str) -> str:
    """What a table calls a net.

    >>> title("none, he")
    'no norm, He init'
    """
    name, start = net.split(", ")
    return f"{NORMS[name]}, {STARTS[start]}"


def make(net_name: str, depth: int = 6) -> MLP:
    """A net for the digits with ``depth`` hidden layers of 64.

    net_name: a key of NORMS and one of STARTS, as in "batch, he".  Noise comes right before each ReLU.
    """
    name, start = net_name.split(", ")
    norms: dict[str, Norm] = {"batch": nn.BatchNorm1d, "noisy": nn.BatchNorm1d}
    norms |= {f"l{p}": functools.partial(LpNorm, p=float(p)) for p in (1, 2, "inf")}
    norms["loud"] = functools.partial(LpNorm, p=math.inf, gamma=2.5)
    net = MLP(widths(64, 10, depth=depth), norms.get(name), start)
    if name in ("noisy", "noise"):
        for block in net.hidden:
            block.insert(-1, Noise())  # type: ignore[operator]
    return net
