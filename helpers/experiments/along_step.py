"""Notebook 06: the loss and its gradient along one step, and what of it belongs to the weights' scale alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP
from helpers.lab.tables import spread, table
from helpers.lab.training import loss_of, one_thread, train

from .why_it_works import BATCH_SIZE, RATE, load, make, title

FACTORS = (0.5, 1.0, 2.0, 3.0, 4.0)
"""Lengths of the steps, in learning rates: from ½ to 4, as Santurkar et al. (2018, §3.2) take them."""
SHORT = (0.01, 0.03, 0.1, 0.25)
"""Shorter ones, for what is over before half a step."""
DEPTH = 4
LOOKS = tuple(range(20, 200, 20))
"""Training steps at which a net is looked at."""


@dataclass(frozen=True)
class Along:
    """What lies along one step from the weights w in the direction −∇L: arrays, one number for each factor.

    loss: L at w.  slope: ‖∇L‖ at w.  losses: L there.  changes: ‖∇L there − ∇L at w‖.  distances: how far it is.
    """

    loss: float
    slope: float
    losses: NDArray[np.float64]
    changes: NDArray[np.float64]
    distances: NDArray[np.float64]

    @property
    def loss_range(self) -> float:
        """Highest minus lowest loss, the start included."""
        losses = (self.loss, *self.losses)
        return float(max(losses) - min(losses))

    @property
    def gradient_change(self) -> float:
        """The largest change of the gradient."""
        return float(self.changes.max())

    @property
    def beta(self) -> float:
        """Effective β: the largest change of the gradient for the distance."""
        return float((self.changes / self.distances).max())


@one_thread()
def along(
    net: nn.Module, X: torch.Tensor, y: torch.Tensor, lr: float = RATE, factors: Sequence[float] = FACTORS
) -> Along:
    """Go from the net's weights along the gradient of one batch, in train mode.  The net stays as it was."""
    net = copy.deepcopy(net).train()
    parameters = list(net.parameters())
    start = [p.detach().clone() for p in parameters]

    def here() -> tuple[float, list[torch.Tensor]]:
        loss = loss_of(net, X, y)
        return loss.item(), list(torch.autograd.grad(loss, parameters))

    loss, gradient = here()
    slope = _length(gradient)
    losses, changes = [], []
    for factor in factors:
        with torch.no_grad():
            for parameter, was, g in zip(parameters, start, gradient, strict=True):
                parameter.copy_(was - factor * lr * g)
        there, other = here()
        losses.append(there)
        changes.append(_length([b - a for a, b in zip(gradient, other, strict=True)]))
    return Along(loss, slope, np.array(losses), np.array(changes), np.array(factors) * lr * slope)


def _length(parts: Sequence[torch.Tensor]) -> float:
    return math.hypot(*(part.norm().item() for part in parts))


# --- weights of another scale ---------------------------------------------------------------------------------------


@torch.no_grad()
def rescaled(net: MLP, a: float) -> MLP:
    """A copy that computes the same function with other weights.

    With batch norm every hidden matrix is multiplied by a: in train mode the norm takes it out again.  Without a norm
    every second hidden layer is multiplied by a, and the next one divided (their number is even): ReLU(az) = a·ReLU(z).
    """
    net = copy.deepcopy(net)
    linears: list[nn.Linear] = [block[0] for block in net.hidden]  # type: ignore[index]
    normed = linears[0].bias is None
    for i, linear in enumerate(linears):
        linear.weight.mul_(a if normed or i % 2 == 0 else 1 / a)
        if linear.bias is not None and i % 2 == 0:
            linear.bias.mul_(a)
    return net


@one_thread()
def show_rescaled(factors: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0), seed: int = 0) -> None:
    """Train both nets for 100 steps, then write them with other weights, and show what that does to effective β."""
    split, rows = digits(torch.float64), []
    X, y = split.X_train[:PART], split.y_train[:PART]
    nets = {name: trained(f"{name}, he", 100, seed) for name in ("none", "batch")}
    for a in factors:
        cells: list[str] = []
        for net in nets.values():
            other = rescaled(net, a)
            with torch.no_grad():
                change = (copy.deepcopy(net).train()(X) - other.train()(X)).abs().max().item()
            cells += [f"{change:.2g}", f"{along(other, X, y).beta:.3g}"]
        rows.append([f"× {a:g}", *cells])
    table(
        ["weights", "no norm: output changes by", "no norm: β", "batch norm: output changes by", "batch norm: β"],
        rows,
        f"Both from He init, trained for 100 steps, seed {seed}; one batch of {PART} digits, train mode.",
    )


PART = 256


def trained(net_name: str, steps: int, seed: int = 0) -> MLP:
    """A net of four hidden layers after some steps on the digits, float64."""
    make_net = partial(make, net_name, DEPTH)
    net, _ = train(make_net, digits(torch.float64), lr=RATE, batch_size=BATCH_SIZE, steps=steps, seed=seed)
    assert isinstance(net, MLP)
    return net


# --- linear regression ----------------------------------------------------------------------------------------------

U, V = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
"""Two columns of mean 0 and variance 1 that are not correlated."""
REGRESSIONS = {
    "spreads 1 and 10": np.stack([U, 10 * V], axis=1),
    "means 3 and 0": np.stack([U + 3, V], axis=1),
    "correlation 0.96": np.stack([7 * U + V, 7 * U - V], axis=1) / 5,
}


def condition(X: NDArray[np.float64]) -> float:
    """Largest ÷ smallest eigenvalue of the Hessian of a linear regression with a bias: 2/n · [1 X]ᵀ[1 X].

    >>> round(condition(REGRESSIONS["spreads 1 and 10"]), 6)
    100.0
    """
    full = np.column_stack([np.ones(len(X)), X])
    eigenvalues = np.linalg.eigvalsh(2 / len(X) * full.T @ full)
    return float(eigenvalues[-1] / eigenvalues[0])


def descent_steps(X: NDArray[np.float64], shrink: float = 1e-6) -> int:
    """Steps of gradient descent at its best rate until the excess loss is ``shrink`` of what it was, in the worst case.

    The best rate is 2/(λ₁+λₙ); each step then leaves (κ−1)/(κ+1) of the error.
    """
    left = (condition(X) - 1) / (condition(X) + 1)
    return 1 if left < 1e-9 else int(np.ceil(np.log(shrink) / (2 * np.log(left))))


def normalised(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column minus its mean, divided by its standard deviation."""
    columns: NDArray[np.float64] = (X - X.mean(axis=0)) / X.std(axis=0)
    return columns


def regression_table() -> None:
    """Condition number of three small regressions, before and after their features are normalised."""
    rows = []
    for name, X in REGRESSIONS.items():
        cells = [f"{condition(Z):.4g}" for Z in (X, normalised(X))], [descent_steps(Z) for Z in (X, normalised(X))]
        rows.append([name, *cells[0], *cells[1]])
    table(
        ["two features and a bias", "κ", "κ, normalised", "steps", "steps, normalised"],
        rows,
        "Condition number κ of the Hessian; steps at the best rate until the excess loss is a millionth, worst case.",
    )


# --- over seeds -----------------------------------------------------------------------------------------------------

FOUR_NETS = ("none, default", "none, he", "batch, default", "batch, he")
LENGTHS = ("l1, he", "l2, he", "linf, he", "loud, he")
QUANTITIES = {"range": "loss range", "change": "change of the gradient", "beta": "effective β"}
_LOOK = {
    "none, he": ("none, He", "--"),
    "batch, he": ("batch", "-"),
    "batch, default": ("batch", (0, (3, 1))),
    "none, default": ("none", (0, (1, 1.2))),
}


def bands() -> None:
    """Show the three quantities against training steps, with and without batch norm."""
    figures.show(
        bands_figure(),
        "Three charts against training steps, on log axes: loss range, change of the gradient and effective β along a "
        "step. Each has a line and a band over ten seeds for no norm and for batch norm, from two starts.",
    )


def bands_figure() -> Figure:
    """Median and range over the stored seeds."""
    found = load("along")
    figure, axes = figures.subplots(1, 3, width=10.0, height=3.7)
    for ax, (key, name) in zip(axes, QUANTITIES.items(), strict=True):
        for net, (norm, dash) in _LOOK.items():
            figures.band(ax, LOOKS, found[f"{net}: {key}"], norm, title(net))
            ax.lines[-1].set_linestyle(dash)
        ax.set(title=name, xlabel="training step", yscale="log")
        ax.set_xticks(range(0, 201, 50))
    axes[0].set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes[1].set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes[2].set_yticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    for ax in axes:
        ax.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def along_table() -> None:
    """The three quantities and the training loss of all nets of four hidden layers."""
    _table("along", (*FOUR_NETS, *LENGTHS), DEPTH)


def deeper_table() -> None:
    """The same for nets of twelve hidden layers."""
    _table("along, 12 layers", FOUR_NETS, 12)


def _table(result: str, nets: Sequence[str], depth: int) -> None:
    found, rows = load(result), []
    for net in nets:
        looks = [found[f"{net}: {key}"] for key in QUANTITIES]
        medians = [runs if runs.ndim == 1 else np.median(runs, axis=1) for runs in looks]
        losses = [found[f"{net}: loss"], found[f"{net}: quiet"]]
        shown = [spread(runs, 3) if np.isfinite(runs).any() else "–" for runs in losses]
        rows.append([title(net), *map(spread, (*medians, found[f"{net}: fine"])), *shown])
    table(
        ["net", *QUANTITIES.values(), "β, steps from 1/100", "training loss, train mode", "training loss, eval mode"],
        rows,
        f"{depth} hidden layers, learning rate 0.1: medians of nine looks during training, then median (range) of ten "
        "seeds. Train mode: last 20 steps; eval mode: all rows at the end.",
    )
