"""What the probes of several exercises share: numbers to feed, and what is read off a layer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from helpers.judge.api import Array, BadOutput, as_array, tensor

SALT = int(os.environ.get("BATCHNORM_SALT") or 0)
"""Added to every seed.  A grader sets it, and runs the reference beside it, so that replayed numbers do not fit."""


def normal(seed: int, shape: Sequence[int], mean: Any = 0.0, std: Any = 1.0) -> torch.Tensor:
    """Normal float32 numbers from NumPy's frozen legacy generator: the same on every machine and version."""
    return torch.tensor(np.random.RandomState(seed + SALT).normal(mean, std, tuple(shape)), dtype=torch.float32)


def output(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """``layer(x)``; BadOutput where that is no tensor of the shape of x."""
    y = tensor(layer(x), "the output of forward")
    if y.shape != x.shape:
        raise BadOutput(f"the output of forward has shape {tuple(y.shape)}, its input {tuple(x.shape)}.")
    return y


def gradients_of(loss: torch.Tensor, wanted: Sequence[torch.Tensor]) -> list[Array]:
    """Gradient of each tensor; NaN where there is none, also where the tensor requires none."""
    asked = [w for w in wanted if w.requires_grad]
    found = torch.autograd.grad(loss, asked, allow_unused=True) if loss.requires_grad and asked else [None] * len(asked)
    of = {id(w): g for w, g in zip(asked, found, strict=True)}
    gradients = [(w, of.get(id(w))) for w in wanted]
    return [np.full(w.shape, np.nan) if g is None else as_array(g) for w, g in gradients]
