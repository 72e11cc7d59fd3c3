"""Notebook 06: the noise of batch statistics as a regulariser, with everything else about the batch left alone."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.tables import signed, spread, table

from .fair import widths
from .why_it_works import load

BATCH, LONG, RATE, DEPTH = 128, 400, 0.1, 3
PARTS = (128, 32, 16, 8, 4)
"""How many examples share a mean and a variance; a step always sees 128."""
CONTROL = "no norm, He init"
WRONG = 0.2
"""The share of labels that are drawn again where labels are noisy."""
LABELS = ("as they are", "noisy")


class InParts(nn.BatchNorm1d):
    """Batch norm that normalises a batch in parts of ``size`` rows, each by its own mean and variance.

    The running statistics take in the means over the parts.  (Hoffer et al. 2017 call it ghost batch norm.)
    """

    def __init__(self, features: int, size: int):
        super().__init__(features)
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C); in train mode N is a multiple of the size.  Returns the same shape."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        parts = x.unflatten(0, (-1, self.size))
        variance, mean = torch.var_mean(parts, dim=1, correction=0, keepdim=True)
        with torch.no_grad():
            self.running_mean.lerp_(mean.mean(dim=(0, 1)), self.momentum)
            unbiased = variance.mean(dim=(0, 1)) * self.size / (self.size - 1)
            self.running_var.lerp_(unbiased, self.momentum)
        y: torch.Tensor = self.weight * (parts - mean) * torch.rsqrt(variance + self.eps) + self.bias
        return y.flatten(0, 1)


def net(size: int) -> MLP:
    """Three hidden layers of 64 with batch norm in parts; size 0: no norm, He init."""
    sizes = widths(64, 10, depth=DEPTH)
    return MLP(sizes, partial(InParts, size=size)) if size else MLP(sizes, init="he")


def data(labels: str) -> Split:
    """The digits; "noisy": a fifth of the training labels is drawn again at random, always the same ones."""
    split = digits()
    if labels == "as they are":
        return split
    random = torch.Generator().manual_seed(0)
    chosen = torch.rand(len(split.y_train), generator=random) < WRONG
    y = torch.where(chosen, torch.randint(10, split.y_train.shape, generator=random), split.y_train)
    return Split(split.X_train, y, split.X_test, split.y_test)


COLUMNS = {
    "training loss, train mode": 3,
    "training loss, eval mode": 3,
    "held-out loss": 3,
    "held-out accuracy": 3,
}
"""What is stored of each net, in this order, and how many digits a table shows."""
STOPPED = "128, stopped early"
OTHER_SEEDS = 10
"""The first of the ten seeds with which the gain is looked at again."""
PAIRS = {
    "8 − 128": ("8", "128"),
    "128 stopped − 128": (STOPPED, "128"),
    "8 − 128 stopped": ("8", STOPPED),
    "8 − no norm": ("8", "0"),
}
"""What is subtracted from what, by the name of its column."""


def parts_table(labels: str) -> None:
    """Losses and accuracy by how many examples share their statistics."""
    found = load("parts")
    names = {f"{size}": f"{size} (sd of a mean: {size**-0.5:.2f} σ)" for size in PARTS}
    if labels == "noisy":
        names[STOPPED] = "128, stopped where its training loss is that of 8"
    names["0"] = CONTROL
    rows = []
    for key, text in names.items():
        columns = zip(found[f"{key}, {labels}"].T, COLUMNS.values(), strict=True)
        rows.append([text, *(spread(values, digits) for values, digits in columns)])
    table(
        ["examples that share their statistics", *COLUMNS],
        rows,
        f"Labels {labels}; {LONG} steps of {BATCH} examples, learning rate {RATE}: median (range) of ten seeds.",
    )


def pairs_table() -> None:
    """Held-out accuracy with noisy labels: differences paired by seed, for the table's seeds and for ten others."""
    of_table = {key: load("parts")[f"{key}, noisy"][:, 3] for key in ("128", "8", STOPPED, "0")}
    others = load("parts, other seeds")
    rows = [
        [seeds, *(signed(100 * (found[a] - found[b])) for a, b in PAIRS.values())]
        for seeds, found in (("those of the table", of_table), (f"{OTHER_SEEDS}–{OTHER_SEEDS + 9}", others))
    ]
    table(
        ["ten seeds", *PAIRS],
        rows,
        "Held-out accuracy, differences in points, paired by seed: median (range).",
    )
