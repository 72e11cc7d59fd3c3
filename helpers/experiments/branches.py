"""Notebook 09: thirty layers in fifteen residual branches, started in several ways, with batch norm and without."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from helpers.lab.data import Split, digits
from helpers.lab.stack import sweep
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, seeded

from . import stored
from .differences import small
from .stored import Found, brief

FILE = "branches"
BLOCKS, WIDTH, ROWS = 15, 32, 128
RATES = (0.01, 0.03, 0.1)
STEPS = 200


@dataclass(frozen=True)
class Kind:
    """A way to build the branches F of x + F(x), where F is Linear, ReLU, Linear, each Linear with a norm if ``norm``.

    skip: without it the layers are a plain stack.  scale: a fixed factor on every branch.  alpha: a learned one for
    each branch, from 0 on.  zero: what starts at 0: "gamma", the last norm's, or "weight", the last layer's.  first: a
    factor on the first weights of the branch.
    """

    norm: bool = False
    skip: bool = True
    scale: float = 1.0
    alpha: bool = False
    zero: str = ""
    first: float = 1.0


KINDS = {
    "no skips, no norm": Kind(skip=False),
    "no skips, batch norm": Kind(norm=True, skip=False),
    "skips": Kind(),
    "skips, batch norm": Kind(norm=True),
    "skips, branch × 1/√15": Kind(scale=1 / math.sqrt(BLOCKS)),
    "skips, branch × α, α = 0 (SkipInit)": Kind(alpha=True),
    "skips, last layer 0, first × 1/√15 (Fixup's start)": Kind(zero="weight", first=1 / math.sqrt(BLOCKS)),
    "skips, batch norm, last γ = 0": Kind(norm=True, zero="gamma"),
    "skips, batch norm, last layer 0": Kind(norm=True, zero="weight"),
}


class Block(nn.Module):
    """One branch and what it is added to, as :class:`Kind` says."""

    def __init__(self, kind: Kind, width: int):
        super().__init__()
        self.kind = kind
        layers = [nn.Linear(width, width, bias=not kind.norm) for _ in range(2)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.first = layers[0]
        self.first_norm = nn.BatchNorm1d(width) if kind.norm else nn.Identity()
        self.last = layers[1]
        self.last_norm = nn.BatchNorm1d(width) if kind.norm else nn.Identity()
        self.alpha = nn.Parameter(torch.zeros(1)) if kind.alpha else None
        with torch.no_grad():
            self.first.weight.mul_(kind.first)
        if kind.zero:
            nn.init.zeros_(self.last.weight if kind.zero == "weight" else self.last_norm.weight)  # type: ignore[arg-type]

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        """What is added to x."""
        out: torch.Tensor = self.last_norm(self.last(torch.relu(self.first_norm(self.first(x)))))
        return out * (self.kind.scale if self.alpha is None else self.alpha)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, width).  Returns the same shape; a block without a skip ends with a ReLU."""
        out = self.branch(x)
        return x + out if self.kind.skip else torch.relu(out)


class Deep(nn.Module):
    """Linear into the width, the blocks, and a Linear head; the inputs and outputs of the digits."""

    def __init__(self, kind: Kind, blocks: int = BLOCKS, width: int = WIDTH):
        super().__init__()
        self.stem = nn.Linear(64, width)
        nn.init.normal_(self.stem.weight, std=1 / 8)
        nn.init.zeros_(self.stem.bias)
        self.blocks = nn.ModuleList(Block(kind, width) for _ in range(blocks))
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, 64).  Returns (N, 10)."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        out: torch.Tensor = self.head(x)
        return out


# --- before the first step ------------------------------------------------------------------------------------------


@one_thread()
def at_the_start(kind: Kind, split: Split, seed: int) -> dict[str, float]:
    """What arrives behind the last block, what of it the last branch brought, and the gradients, before training.

    Ratios of mean squares.  grown: behind the last block over behind the first Linear.  branch: the last branch over
    the sum that it enters.  back: a random gradient in front of the first block over behind the last.  alike: the mean
    cosine of what two digits send to the head.
    """
    with seeded(seed):
        net = Deep(kind).train()
        rows = torch.randperm(len(split.X_train))[:ROWS]
        upstream = torch.randn(ROWS, WIDTH)
    x = first = net.stem(split.X_train[rows])
    for block in net.blocks[:-1]:
        x = block(x)
    last: Block = net.blocks[-1]  # type: ignore[assignment]
    out, added = last(x), last.branch(x)
    (gradient,) = torch.autograd.grad(out, first, upstream)
    unit = out / out.norm(dim=1, keepdim=True)
    alike = ((unit @ unit.T).sum() - ROWS) / (ROWS * (ROWS - 1))
    return {
        "grown": (_square(out) / _square(first)),
        "branch": (_square(added) / _square(out)),
        "back": (_square(gradient) / _square(upstream)),
        "alike": alike.item(),
    }


def _square(x: torch.Tensor) -> float:
    return x.square().mean().item()


def start_table() -> None:
    """The kinds before the first step, over ten seeds."""
    split, rows = digits(), []
    for name, kind in KINDS.items():
        found = [at_the_start(kind, split, seed) for seed in range(10)]
        grown, branch, back, alike = ([one[key] for one in found] for key in ("grown", "branch", "back", "alike"))
        shown = spread(branch) if kind.skip else "–"
        rows.append([name, brief(grown), brief(back), shown, spread(alike)])
    table(
        ["net", "signal: last over first", "gradient: first over last", "share of last branch", "cosine of two digits"],
        rows,
        f"{BLOCKS} blocks of two layers of {WIDTH}, before the first step; mean squares: median (range) of ten seeds",
    )


# --- training, computed in advance ----------------------------------------------------------------------------------


def trained(seeds: Sequence[int]) -> Found:
    """Held-out accuracy of every kind at every rate, (seeds, rates) by name."""
    found: Found = {}
    for name, kind in KINDS.items():
        found[f"{name}: accuracy"] = accuracies(kind, seeds)
    return found


def accuracies(kind: Kind, seeds: Sequence[int], rates: Sequence[float] = RATES) -> NDArray[np.float64]:
    """Held-out accuracy of one kind, (seeds, rates); NaN where the loss is not finite at the end."""
    runs = sweep(functools.partial(Deep, kind), digits(), rates, seeds, batch_size=64, steps=STEPS)
    return np.asarray(np.where(runs.train_loss.isfinite(), runs.test_accuracy, np.nan).T, dtype=np.float64)


def training_table() -> None:
    """Held-out accuracy of the kinds by learning rate."""
    found = stored.load(FILE, "branches")
    rows = [[name, *(spread(found[f"{name}: accuracy"][:, i]) for i in range(len(RATES)))] for name in KINDS]
    head = ["net", *(f"rate {rate:g}" for rate in RATES)]
    table(head, rows, f"Held-out accuracy after {STEPS} steps of SGD, batches of 64: median (range) of ten seeds.")


# --- zero in front of batch norm ------------------------------------------------------------------------------------


@one_thread()
def zero_before_norm(seed: int, eps: float = 1e-5) -> dict[str, float]:
    """Gradient of the last layer's weight when it starts at 0, over that when it does not, and what σ/√ε says.

    One block alone, with a random gradient from above.
    """
    with seeded(seed):
        block = Block(Kind(norm=True), WIDTH).double()
        x, upstream = torch.randn(ROWS, WIDTH).double(), torch.randn(ROWS, WIDTH).double()
    norms: nn.BatchNorm1d = block.last_norm  # type: ignore[assignment]
    norms.eps = eps
    inside = block.last(torch.relu(block.first_norm(block.first(x))))
    sigma = inside.std(0, correction=0).mean().item()

    def gradient() -> float:
        (found,) = torch.autograd.grad(block(x), block.last.weight, upstream)
        return float(found.norm())

    usual = gradient()
    nn.init.zeros_(block.last.weight)
    return {"ratio": gradient() / usual, "theory": sigma / math.sqrt(eps)}


def zero_table() -> None:
    """The gradient of a weight that starts at 0 in front of batch norm, for two ε."""
    rows = []
    for eps in (1e-5, 1e-3):
        found = [zero_before_norm(seed, eps) for seed in range(10)]
        rows.append([small(eps), *(spread([one[key] for one in found], 0) for key in ("ratio", "theory"))])
    head = ["ε", "‖gradient‖ from 0, over that from He's start", "σ/√ε"]
    table(head, rows, "The weight in front of a branch's last batch norm. Median (range) of ten seeds.")
