"""Notebook 09: fans counted by sending ones through a layer, beside what the learner's function and torch's say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from helpers.lab.tables import table

LAYERS: dict[str, nn.Module] = {
    "Linear(64, 10)": nn.Linear(64, 10),
    "Conv2d(16, 32, 3)": nn.Conv2d(16, 32, 3),
    "Conv2d(64, 64, 3), 64 groups": nn.Conv2d(64, 64, 3, groups=64),
    "Conv2d(64, 128, 3), 4 groups": nn.Conv2d(64, 128, 3, groups=4),
    "ConvTranspose2d(16, 32, 3)": nn.ConvTranspose2d(16, 32, 3),
}


@torch.no_grad()
def _of_ones(layer: nn.Module) -> nn.Module:
    """A copy whose weights are all 1 and whose bias is 0."""
    made = copy.deepcopy(layer)
    for name, p in made.named_parameters():
        nn.init.constant_(p, float(name == "weight"))
    return made


def counted(layer: nn.Module, side: int = 9) -> tuple[int, int]:
    """(fan_in, fan_out) of a layer with stride 1: ones go in, all weights are 1, and a value in the middle is a count.

    >>> counted(nn.Conv2d(2, 5, 3))
    (18, 45)
    """
    ones = _of_ones(layer)
    linear = isinstance(layer, nn.Linear)
    x = torch.ones(1, layer.weight.shape[1]) if linear else torch.ones(1, int(layer.in_channels), side, side)  # type: ignore[index, arg-type]
    x.requires_grad_()
    y = ones(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    return round(_middle(y)), round(_middle(gradient))


def _middle(values: torch.Tensor) -> float:
    while values.ndim:
        values = values[len(values) // 2]
    return values.item()


def fans_table(fan_in_and_fan_out: Callable[[Any], Any]) -> None:
    """Fans of five layers: by the learner's function, by counting, by the function that torch's starts use."""
    rows = []
    for name, layer in LAYERS.items():
        yours = tuple(int(fan) for fan in fan_in_and_fan_out(layer))
        torchs = nn.init._calculate_fan_in_and_fan_out(layer.weight)  # type: ignore[arg-type]
        rows.append([name, *(f"{fans[0]}, {fans[1]}" for fans in (yours, counted(layer), torchs))])
    table(["layer", "your function", "counted with ones", "torch's function"], rows, "fan_in, fan_out")
