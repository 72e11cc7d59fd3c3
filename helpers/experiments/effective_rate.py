"""Notebook 08: what weight decay does to weights in front of batch norm, with SGD and with AdamW.

Two hidden layers of 32 on the digits, 30 % of the training labels drawn anew, so that gradients never die down.
Watched is the weight of the second layer: its norm, and the angle by which one step turns it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.tables import spread, table
from helpers.lab.training import batches, evaluate, loss_of, one_thread, seeded

from . import stored
from .differences import small

FILE = "effective_rate"
STEPS = 2000
EVERY = 100
PAIRS = {
    "SGD": ((0.1, 0.02), (0.4, 0.005), (0.4, 0.02), (0.1, 0.0)),
    "AdamW": ((0.01, 0.2), (0.002, 1.0), (0.01, 0.8), (0.01, 0.0)),
}
"""Learning rate and decay: two pairs of one product, one of four times that, one without decay."""
SCALES = (0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Setting:
    """How a net is trained.

    scale: a factor on the first weights of the hidden layers; faster: one on their learning rate.
    affine: γ, β and the bias of the head decay as well.
    """

    optimiser: str
    lr: float
    decay: float
    norm: bool = True
    scale: float = 1.0
    affine: bool = False
    faster: float = 1.0

    def __str__(self) -> str:
        net = "batch norm" if self.norm else "no norm"
        return f"{self.optimiser}, {net}, {self.lr:g}, {self.decay:g}, × {self.scale:g}{', all' if self.affine else ''}"


_FROM_THREE_STARTS = [
    Setting("SGD", 0.1, decay, norm, scale)
    for decay, scale in (*((0.02, scale) for scale in SCALES), (0.0, 1.0))
    for norm in (True, False)
]
"""Those whose norms are drawn."""


def net_of(norm: bool) -> MLP:
    """64 → 32 → 32 → 10, He initialisation."""
    return MLP([64, 32, 32, 10], nn.BatchNorm1d if norm else None, init="he")


def with_noise(split: Split, seed: int, share: float = 0.3) -> Split:
    """The split with a share of its training labels drawn anew."""
    random = torch.Generator().manual_seed(1000 + seed)
    y = split.y_train.clone()
    anew = torch.rand(len(y), generator=random) < share
    y[anew] = torch.randint(0, 10, (int(anew.sum()),), generator=random)
    return Split(split.X_train, y, split.X_test, split.y_test)


class Optimiser:
    """SGD or AdamW, written out: decoupled decay λ, that is w ← w − η (u + λ w), with u the gradient or Adam's step."""

    def __init__(self, net: nn.Module, how: Setting, hidden: list[nn.Parameter], eps: float = 1e-8):
        self.how, self.eps, self.count = how, eps, 0
        self.parameters = list(net.parameters())
        inside = [any(p is weight for weight in hidden) for p in self.parameters]
        self.rates = [how.lr * how.faster if within else how.lr for within in inside]
        one_number_each = [p.ndim == 1 for p in self.parameters]  # γ, β and the bias of the head
        self.decays = [
            how.decay if within or (how.affine and single) else 0.0
            for within, single in zip(inside, one_number_each, strict=True)
        ]
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients that are there."""
        self.count += 1
        for p, lr, decay, m, v in zip(self.parameters, self.rates, self.decays, self.first, self.second, strict=True):
            assert p.grad is not None
            update = p.grad
            if self.how.optimiser == "AdamW":
                m.lerp_(p.grad, 0.1)
                v.lerp_(p.grad**2, 0.001)
                update = m / (1 - 0.9**self.count) / (torch.sqrt(v / (1 - 0.999**self.count)) + self.eps)
            p.sub_(lr * (update + decay * p))


def trained(
    split: Split, seed: int, how: Setting, steps: int, eps: float = 1e-8
) -> Iterator[tuple[MLP, float, float, float]]:
    """Train; after each step (net, loss before it, norm of the second layer's weight, angle of the step in radians)."""
    with seeded(seed):
        net = net_of(how.norm).to(split.X_train.dtype)
    hidden = [layer[0].weight for layer in net.hidden]  # type: ignore[index]
    with torch.no_grad():
        for weight in hidden:
            weight.mul_(how.scale)
    optimiser = Optimiser(net, how, hidden, eps)
    for rows in batches(len(split.X_train), 64, steps, seed):
        loss = loss_of(net, split.X_train[rows], split.y_train[rows])
        net.zero_grad()
        loss.backward()
        before = hidden[1].detach().clone()
        optimiser.step()
        now = hidden[1].detach()
        turned = (now / now.norm() - before / before.norm()).norm().item()
        yield net, loss.item(), now.norm().item(), 2 * math.asin(min(1.0, turned / 2))


# --- computed in advance --------------------------------------------------------------------------------------------


def settings() -> list[Setting]:
    """All that is computed in advance."""
    found = [
        Setting(name, lr, decay, norm)
        for name, pairs in PAIRS.items()
        for (lr, decay), norm in itertools.product(pairs, (True, False))
    ]
    found += [Setting("SGD", 0.1, 0.02, norm, scale) for scale in SCALES if scale != 1 for norm in (True, False)]
    return [*found, Setting("SGD", 0.1, 0.02, affine=True)]


@one_thread()
def turning(seed: int, steps: int = STEPS) -> dict[str, float | list[float]]:
    """One seed: for each setting the median angle of the last quarter, the norm over time, γ and accuracy."""
    split = with_noise(digits(), seed)
    found: dict[str, float | list[float]] = {}
    for how in settings():
        runs = list(trained(split, seed, how, steps))
        net = runs[-1][0].eval()
        found[f"angle: {how}"] = float(np.median([angle for *_, angle in runs[-steps // 4 :]]))
        if how in _FROM_THREE_STARTS:
            found[f"norm: {how}"] = [norm for _, _, norm, _ in runs[EVERY - 1 :: EVERY]]
        found[f"accuracy: {how}"] = evaluate(net, split.X_test, split.y_test)[1]
        if how.norm:
            gammas = [layer[1].weight for layer in net.hidden]  # type: ignore[index]
            found[f"gamma: {how}"] = torch.cat(gammas).abs().mean().item()
    return found


# --- what the notebook shows ----------------------------------------------------------------------------------------


@one_thread()
def same_losses(steps: int = 50) -> None:
    """Twice the hidden weights and a higher rate for them: how far the losses of 50 steps are apart, at most."""
    split, rows = digits(torch.float64), []
    for name, lr in (("SGD", 0.1), ("AdamW", 0.01)):
        for faster in (1.0, 2.0, 4.0):
            cells = []
            for norm in (True, False):
                ways = (Setting(name, lr, 0.0, norm), Setting(name, lr, 0.0, norm, scale=2.0, faster=faster))
                one, other = ([loss for _, loss, _, _ in trained(split, 0, how, steps, eps=0.0)] for how in ways)
                cells.append(small(max(abs(a - b) for a, b in zip(one, other, strict=True))))
            rows.append([name, f"× {faster:g}", *cells])
    head = ["optimiser", "their learning rate", "batch norm", "no norm"]
    table(head, rows, f"Hidden weights × 2 at the start: largest difference of the losses, {steps} steps, one seed")


def norms_figure() -> None:
    """The norm of a weight over time, from three starts, with batch norm and without."""
    found, steps = stored.load(FILE, "turning"), range(EVERY, STEPS + 1, EVERY)
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.6, sharey=True)
    for ax, norm, colour in zip(axes, (True, False), ("batch", "none, He"), strict=True):
        for scale, dashes in zip(SCALES, (":", "-", "--"), strict=True):
            figures.band(
                ax, steps, found[f"norm: {Setting('SGD', 0.1, 0.02, norm, scale)}"], colour, f"start × {scale:g}"
            )
            ax.lines[-1].set_linestyle(dashes)
        figures.band(ax, steps, found[f"norm: {Setting('SGD', 0.1, 0.0, norm)}"], colour, "start × 1, no decay")
        ax.lines[-1].set_linestyle("-.")
        ax.set(title=f"{'batch' if norm else 'no'} norm (band: ten seeds)", xlabel="training step", yscale="log")
        ax.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
        ax.minorticks_off()
    axes[0].set_ylabel("norm of W, layer 2")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figures.show(
        figure,
        "Norm of the second layer's weight against training step, from three starts with decay and from one without: "
        "left with batch norm, right without.",
    )


def angles_table() -> None:
    """The angle of a step, by learning rate and decay, beside √(2ηλ)."""
    found, rows = stored.load(FILE, "turning"), []
    for name, pairs in PAIRS.items():
        for lr, decay in pairs:
            cells = [spread(1000 * found[f"angle: {Setting(name, lr, decay, norm)}"], 0) for norm in (True, False)]
            rows.append([name, f"{lr:g}", f"{decay:g}", f"{1000 * math.sqrt(2 * lr * decay):.0f}", *cells])
    table(
        ["optimiser", "η", "λ", "√(2ηλ)", "batch norm", "no norm"],
        rows,
        "Angle by which one step turns the weight, in milliradians: median (range), ten seeds, last 500 of 2,000 steps",
    )


def accuracy_table() -> None:
    """Held-out accuracy with and without decay, with batch norm and without; what decay adds, seed by seed."""
    found, rows = stored.load(FILE, "turning"), []
    for name, lr, decay in (("SGD", 0.1, 0.02), ("AdamW", 0.01, 0.2), ("AdamW", 0.01, 0.8)):
        for norm in (True, False):
            without, with_decay = (found[f"accuracy: {Setting(name, lr, d, norm)}"] for d in (0.0, decay))
            gain = spread(100 * (with_decay - without), 1)
            net = "batch norm" if norm else "no norm"
            rows.append([name, net, f"{decay:g}", spread(without), spread(with_decay), gain])
    head = ["optimiser", "net", "λ", "accuracy at λ = 0", "at this λ", "points that decay adds"]
    table(head, rows, "Accuracy on held-out digits with their true labels: median (range), ten seeds", left=[1])


def exempt_table() -> None:
    """γ and β with and without decay: their size, and the accuracy."""
    found = stored.load(FILE, "turning")
    ways = {
        "weights only": Setting("SGD", 0.1, 0.02),
        "γ, β and the last bias too": Setting("SGD", 0.1, 0.02, affine=True),
    }
    rows = [[name, *(spread(found[f"{what}: {how}"]) for what in ("gamma", "accuracy"))] for name, how in ways.items()]
    few, every = (found[f"accuracy: {how}"] for how in ways.values())
    rows.append(["points: with − without γ, β", "", spread(100 * (every - few), 1)])
    table(
        ["what decays", "mean of γ, absolute, both layers", "accuracy"],
        rows,
        "SGD, η = 0.1, λ = 0.02, after 2,000 steps: median (range), ten seeds",
    )
