"""Notebook 05: held-out error against batch size for batch, layer and group norm, in an MLP and in small CNNs.

What differs between the nets is how many values share one mean: N in the MLP, N·H·W in a CNN.  Everything runs in
float64.  The learning rate is 0.05 · N / 32, with momentum 0.9 and a cosine to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split
from helpers.lab.stack import sweep
from helpers.lab.training import one_thread

SEEDS = range(3)
ROWS = 800
GROUPS = 8
NORMS = ("batch", "layer", "group")
SIZES = (2, 4, 8, 32)

Net = Callable[[str], nn.Module]


def norm1d(name: str, features: int) -> nn.Module:
    """torch's layer for (N, features): "batch", "layer" or "group" (8 groups)."""
    if name == "batch":
        return nn.BatchNorm1d(features)
    return nn.LayerNorm(features) if name == "layer" else nn.GroupNorm(GROUPS, features)


def norm2d(name: str, channels: int) -> nn.Module:
    """torch's layer for (N, channels, H, W): "batch", "layer" (over C, H, W: one group) or "group" (8 groups)."""
    if name == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(1 if name == "layer" else GROUPS, channels)


def mlp(norm: str) -> nn.Module:
    """Three hidden layers of 64 units: Linear, norm, ReLU."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(64, 64, bias=False), norm1d(norm, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def cnn(norm: str, smallest_map: int = 2) -> nn.Module:
    """Convolutions that halve an 8×8 image until its maps are ``smallest_map`` wide (4, 2 or 1); 16 to 64 channels.

    Each block is Conv2d (3×3, stride 2), norm, ReLU; a Linear head reads the last maps.
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
    channels, width = 1, 8
    while width > smallest_map:
        wider = 16 if channels == 1 else 2 * channels
        layers += [nn.Conv2d(channels, wider, 3, 2, 1, bias=False), norm2d(norm, wider), nn.ReLU()]
        channels, width = wider, width // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * width**2, 10))


@one_thread()
def smallest_count(net: nn.Module, rows: int) -> int:
    """The fewest values that share one mean in any batch norm layer, for a batch of ``rows`` digits.

    >>> smallest_count(mlp("batch"), 2), smallest_count(cnn("batch"), 2)
    (2, 8)
    """
    counts: list[int] = []

    def note(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        counts.append(inputs[0].numel() // inputs[0].shape[1])

    layers = [m for m in net.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    with torch.no_grad():
        net(torch.zeros(rows, 64))
    for handle in handles:
        handle.remove()
    return min(counts)


def errors(
    net: Net, split: Split, norms: Sequence[str] = NORMS, sizes: Sequence[int] = SIZES, epochs: int = 3
) -> dict[str, list[list[float]]]:
    """Held-out error in % for each norm, as (seeds 0, 1, 2) × (batch sizes), trained on the first 800 rows."""
    small = Split(split.X_train[:ROWS], split.y_train[:ROWS], split.X_test, split.y_test)
    found: dict[str, list[list[float]]] = {}
    for norm in norms:
        columns = []
        for size in sizes:
            options: dict[str, Any] = {"batch_size": size, "steps": epochs * len(small.X_train) // size}
            lr = 0.05 * size / 32
            nets = sweep(partial(net, norm), small, (lr,), SEEDS, momentum=0.9, cosine=True, **options)
            columns.append([100 * (1 - accuracy) for accuracy in nets.test_accuracy[0].tolist()])
        found[norm] = [list(row) for row in zip(*columns, strict=True)]
    return found


def error_figure(panels: dict[str, dict[str, Any]], smaller_maps: Any, sizes: Sequence[int] = SIZES) -> Figure:
    """One panel for each net: error against batch size, median and range over seeds, on log axes.

    panels: title → what :func:`errors` returns.  smaller_maps: (seeds, sizes), batch norm in the CNN with 1×1 maps,
    drawn dashed into the last panel.
    """
    figure, axes = figures.subplots(1, len(panels), width=9.0, height=3.6, sharey=True)
    for ax, (title, runs) in zip(axes, panels.items(), strict=True):
        for norm, marker in zip(runs, "osD", strict=False):
            figures.band(ax, sizes, runs[norm], norm, f"{norm} norm")
            ax.lines[-1].set_marker(marker)
        ax.set_title(title)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.set_yscale("log")
        ax.set_yticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
        ax.minorticks_off()
        ax.set_xlabel("batch size N")
    figures.band(axes[-1], sizes, smaller_maps, "batch", "batch norm, 1×1 maps")
    axes[-1].lines[-1].set(linestyle="--", marker="o")
    axes[0].set_ylabel("held-out error (%)")
    axes[-1].legend(loc="upper right")
    return figure


@one_thread()
def worth(maps: torch.Tensor) -> float:
    """How many independent values one H×W map is worth for the mean of its channel; median over channels.

    maps: (N, C, H, W).  The mean of n independent values of variance σ² has variance σ²/n, so n = σ² / Var(mean),
    with σ² over N, H and W and the variance of the maps' means over N.

    >>> worth(torch.randn(1000, 1, 3, 1, generator=torch.Generator().manual_seed(0)).expand(-1, -1, -1, 5)) < 4
    True
    """
    variance, of_means = maps.var(dim=(0, 2, 3)), maps.mean(dim=(2, 3)).var(dim=0)
    return float(np.median((variance / of_means).numpy()))


CHANGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "one image × 3": lambda x: torch.cat([3 * x[:1], x[1:]]),
    "one image + 2": lambda x: torch.cat([x[:1] + 2, x[1:]]),
    "one channel of one image × 3": lambda x: torch.cat([torch.cat([3 * x[:1, :1], x[:1, 1:]], 1), x[1:]]),
    "one channel of all images × 3": lambda x: torch.cat([3 * x[:, :1], x[:, 1:]], 1),
    "each position × its own factor": lambda x: x * torch.linspace(1, 3, x[0, 0].numel()).view(x.shape[2:]),
}
"""Changes of an (N, C, H, W) block, by name."""


@one_thread()
def forgotten(norm: nn.Module) -> list[bool]:
    """For each of :data:`CHANGES`, whether the norm's output (train mode) stays the same but for ε."""
    x = torch.randn(4, 8, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    norm = norm.double().train()
    return [torch.allclose(norm(x), norm(change(x)), atol=1e-3) for change in CHANGES.values()]


class OverChannels(nn.Module):
    """A norm of the last dimension, applied to the channels at each position of an (N, C, H, W) block."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, H, W).  Returns the same shape."""
        y: torch.Tensor = self.norm(x.movedim(1, -1))
        return y.movedim(-1, 1)
