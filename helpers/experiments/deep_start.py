"""Notebook 06: what a very deep net sends forward and back before its first step, with batch norm and without."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split
from helpers.lab.nets import MLP, Norm
from helpers.lab.tables import spread, table
from helpers.lab.training import loss_of, one_thread, seeded

from .fair import widths
from .stored import brief
from .why_it_works import load

THEORY = math.sqrt(math.pi / (math.pi - 1))
"""Growth of the gradient's length a layer, towards the input: batch norm and ReLU, large batches (Yang et al. 2019)."""
LAYERS, WIDTH, ROWS = 50, 256, 128
FIT = slice(4, 40)
"""Layers over which the growth is fitted: 5 to 40."""
STORED = (0, *range(4, LAYERS, 5))
"""Layers whose gradient is stored, counted from 0."""

NETS = {
    "none, default": ("no norm, default init", "none", (0, (1, 1.2))),
    "none, he": ("no norm, He init", "none, He", "--"),
    "batch, he": ("batch norm, He init", "batch", "-"),
    "skips, he": ("batch norm and skips, He init", "batch", (0, (6, 2, 1, 2))),
}
"""The nets: what they are called, and their colour and line."""
TRAINED = {name: label for name, (label, _, _) in list(NETS.items())[1:]} | {
    "batch, default": "batch norm, default init",
    "bare skips, he": "skips without a norm, He init",
    "quiet skips, he": "skips without a norm, each branch begins at 0, He init",
}
"""The nets that are trained, and what they are called."""


class Skips(MLP):
    """An MLP whose hidden layers, but for the first, add to their input: x + layer(x), or x + α · layer(x).

    quiet: with α, a learned number for each layer that begins at 0 (De & Smith 2020, SkipInit).
    """

    def __init__(self, widths: list[int], norm: Norm | None, start: str, quiet: bool = False):
        super().__init__(widths, norm, start)
        self.alpha = nn.Parameter(torch.zeros(len(self.hidden))) if quiet else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, widths[0]).  Returns (N, widths[-1])."""
        first, *others = self.hidden
        x = first(x)
        for i, layer in enumerate(others):
            x = x + layer(x) if self.alpha is None else x + self.alpha[i] * layer(x)
        out: torch.Tensor = self.head(x)
        return out


def deep(name: str, layers: int = LAYERS, width: int = WIDTH) -> MLP:
    """One of NETS or TRAINED, for the digits."""
    kind, start = name.split(", ")
    norm = nn.BatchNorm1d if kind in ("batch", "skips") else None
    sizes = widths(64, 10, width, layers)
    return Skips(sizes, norm, start, kind == "quiet skips") if "skips" in kind else MLP(sizes, norm, start)


@one_thread()
def at_the_start(name: str, split: Split, seed: int) -> dict[str, list[float]]:
    """What one net sends through itself before its first step, and the gradient after one.

    gradients: lengths at the layers STORED.  growth: a layer, fitted on a log scale.  alike: the mean cosine of what
    leaves the last hidden layer for two images.  same: for two images of one digit.  dead: the share of its units that
    are 0 for all rows.  again: the gradient of the first layer after one step with learning rate 0.1.  shortened: the
    same once each hidden matrix has its first length back.
    """
    with seeded(seed):
        net = deep(name).train()
        rows = torch.randperm(len(split.X_train))[:ROWS]
    X, y = split.X_train[rows], split.y_train[rows]
    left: list[torch.Tensor] = []
    net.hidden[-1].register_forward_hook(lambda *seen: left.append(seen[2].detach()))
    lengths = _gradients(net, X, y)
    slope = np.polyfit(np.arange(LAYERS)[FIT], np.log(lengths)[FIT], 1)[0]
    hidden = [block[0].weight for block in net.hidden]  # type: ignore[index]
    first = [W.norm().item() for W in hidden]
    with torch.no_grad():
        for p in net.parameters():
            assert p.grad is not None
            p.sub_(0.1 * p.grad)
    found = {
        "gradients": [lengths[i] for i in STORED],
        "growth": [math.exp(-slope)],
        "alike": [_alike(left[0])],
        "same": [_alike(left[0], y)],
        "dead": [(left[0] <= 0).all(dim=0).double().mean().item()],
        "again": [_gradients(net, X, y)[0]],
    }
    with torch.no_grad():
        for W, length in zip(hidden, first, strict=True):
            W.mul_(length / W.norm())
    return found | {"shortened": [_gradients(net, X, y)[0]]}


def _gradients(net: MLP, X: torch.Tensor, y: torch.Tensor) -> list[float]:
    net.zero_grad()
    loss_of(net, X, y).backward()
    return [block[0].weight.grad.norm().item() for block in net.hidden]  # type: ignore[index]


def _alike(rows: torch.Tensor, y: torch.Tensor | None = None) -> float:
    """Mean cosine of two different rows; with labels, of two rows of one label."""
    unit = rows / rows.norm(dim=1, keepdim=True)
    pairs = torch.ones(len(rows), len(rows), dtype=torch.bool) if y is None else y == y[:, None]
    return float((unit @ unit.T)[pairs.fill_diagonal_(False)].mean())


def growth() -> None:
    """Show the gradient's length in each layer, before the first step."""
    figures.show(
        growth_figure(),
        "Length of the gradient of each hidden layer's weights in nets of 50 layers before training, on a log axis: no "
        "norm from two starts, batch norm, batch norm with skips, and a line for the theory.",
    )


def growth_figure() -> Figure:
    """Median and range over the stored seeds, and the line of the theory through batch norm's last layer."""
    found = load("deep")
    figure, ax = figures.subplots(width=8.0, height=3.8)
    x = np.array(STORED) + 1
    for name, (label, colour, dash) in NETS.items():
        figures.band(ax, x, found[f"{name}: gradients"], colour, label)
        ax.lines[-1].set_linestyle(dash)
    last = np.median(found["batch, he: gradients"][:, -1])
    ax.plot(x, last * THEORY ** (x[-1] - x), color="#888888", linewidth=1, label="theory: × 1.211 a layer")
    ax.set(title="‖gradient of W‖ before the first step", xlabel="hidden layer (1 is next to the input)", yscale="log")
    ax.set_ylim(1e-9, 3e4)  # the dotted line goes on below
    ax.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1, 100, 10000], ["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1", "100", "10⁴"])
    ax.minorticks_off()
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def start_table() -> None:
    """What the stored seeds say of nets of 50 layers before the first step, and after it: gradients, then images."""
    first = {"growth": spread, "gradients": brief, "again": brief, "shortened": brief}
    _start_table(
        ["growth a layer", "‖gradient‖, layer 1", "the same after one step", "… with the old lengths ‖W‖"], first
    )
    _start_table(
        ["cosine of two images", "of two images of one digit", "share of dead units"],
        {"alike": spread, "same": spread, "dead": spread},
    )


def _start_table(head: Sequence[str], columns: Mapping[str, Callable[[NDArray[np.float64]], str]]) -> None:
    found = load("deep")
    rows = [
        [label, *(show(found[f"{name}: {key}"][:, 0]) for key, show in columns.items())]
        for name, (label, _, _) in NETS.items()
    ]
    where = ", last hidden layer" if "alike" in columns else ""
    table(["net", *head], rows, f"{LAYERS} layers of {WIDTH}, {ROWS} digits{where}. Median (range) of ten seeds.")


DEPTHS = (10, 50)
RATES = (0.01, 0.1)


def training_table() -> None:
    """Held-out accuracy of narrower nets after 200 steps, by depth and learning rate."""
    found = load("deep training")
    rows = [
        [
            label,
            *(spread(found[f"{name}, {layers}"][:, i]) for layers in DEPTHS for i in range(len(RATES))),
        ]
        for name, label in TRAINED.items()
    ]
    table(
        ["net", *(f"{layers} layers, rate {rate:g}" for layers in DEPTHS for rate in RATES)],
        rows,
        "Width 64, 200 steps of SGD, batches of 64. Held-out accuracy, eval mode: median (range) of five seeds.",
    )
