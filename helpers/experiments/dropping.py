"""Notebook 10: dropout of other things than single values, and dropout in eval mode."""

from __future__ import annotations

import copy

import torch
from torch import nn

from helpers.lab.data import digits
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, seeded

from . import stored
from .memorising import epochs, mlp

FILE = "dropping"
DRAWS = 50
MANY, DEPTHS = 200, 1000
"""Passes for the mean answer of one row, and nets drawn for stochastic depth."""


# --- what is dropped can be read off its neighbours -----------------------------------------------------------------


def maps(seed: int, count: int = 200) -> torch.Tensor:
    """Maps of digits, (count, 8, 8, 8): eight fixed random 3×3 filters over the 8×8 images, then ReLU."""
    images = digits(torch.float64).X_train.view(-1, 1, 8, 8)
    random = torch.Generator().manual_seed(70_000 + seed)
    chosen = images[torch.randperm(len(images), generator=random)[:count]]
    filters = torch.randn(8, 1, 3, 3, generator=random, dtype=torch.float64) / 3
    return torch.relu(nn.functional.conv2d(chosen, filters, padding=1))


@one_thread()
def recovered(seed: int, p: float = 0.5) -> dict[str, float]:
    """How much of what dropout takes can be guessed: the share of its variance that a linear fit finds.

    The fit sees what is left in the 3×3 window of the same channel, and which places of it were kept; it is judged on
    maps that it was not fitted on.
    """
    x, random = maps(seed), torch.Generator().manual_seed(80_000 + seed)
    found = {}
    for name, shape in {"single values": x.shape, "whole channels": (*x.shape[:2], 1, 1)}.items():
        keep = (torch.rand(shape, generator=random) >= p).expand(x.shape).double()
        windows = [
            nn.functional.unfold((t * keep).flatten(0, 1)[:, None], 3, padding=1) for t in (x, torch.ones_like(x))
        ]
        seen = torch.cat([*windows, torch.ones_like(windows[0][:, :1])], 1).mT.flatten(0, 1)  # (maps · places, 19)
        gone, target = keep.flatten() == 0, x.flatten()
        half = torch.arange(len(target)) < len(target) // 2
        weights = torch.linalg.lstsq(seen[gone & half], target[gone & half, None], driver="gelsd").solution
        left = (seen[gone & ~half] @ weights)[:, 0] - target[gone & ~half]
        found[name] = 1 - float(left.var() / target[gone & ~half].var())
    return found


def recovered_table() -> None:
    """The share of the variance of what was dropped that can be guessed."""
    body = [[name, spread(100 * values, 0)] for name, values in stored.load(FILE, "recovered").items()]
    caption = "What a linear guess finds of the dropped values: median (range), ten draws of filters and masks"
    table(["dropped, p = 0.5", "in % of its variance"], body, caption)


# --- stochastic depth -----------------------------------------------------------------------------------------------


class DeepBranches(nn.Module):
    """Twelve residual blocks x + f(x), each left out in training with a probability of its own.

    survive: the probabilities that a block is kept, the first first.  rescaled: in eval mode a branch is multiplied by
    its probability, as in Huang et al. (2016, §3).
    """

    def __init__(self, survive: list[float], rescaled: bool = True, width: int = 32):
        super().__init__()
        self.survive, self.rescaled = survive, rescaled
        branches = [nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)) for _ in survive]
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, width), the same shape out; a block is dropped for the whole batch."""
        for branch, p in zip(self.branches, self.survive, strict=True):
            if not self.training:
                x = x + (p if self.rescaled else 1.0) * branch(x)
            elif torch.rand(()) < p:
                x = x + branch(x)
        return x


def survival(blocks: int = 12, last: float = 0.5) -> list[float]:
    """Probabilities that fall linearly to that of the last block.

    >>> survival(4)
    [0.875, 0.75, 0.625, 0.5]
    """
    return [1 - (1 - last) * block / blocks for block in range(1, blocks + 1)]


@one_thread()
@torch.no_grad()
def depths(seed: int, draws: int = DEPTHS) -> dict[str, float]:
    """How far eval mode is from the mean over draws, in % of what the blocks add there."""
    found = {}
    with seeded(seed):
        net, x = DeepBranches(survival()).double(), torch.randn(20, 32, dtype=torch.float64)
        mean = torch.stack([net.train()(x) for _ in range(draws)]).mean(0) - x
        for name, rescaled in {"rescaled": True, "not rescaled": False}.items():
            net.rescaled = rescaled
            found[name] = float(100 * ((net.eval()(x) - x) - mean).norm() / mean.norm())
    return found


def depths_table() -> None:
    """How far the full net in eval mode is from the average of the shallow ones."""
    body = [[name, spread(values, 0)] for name, values in stored.load(FILE, "depths").items()]
    caption = f"From the mean of {DEPTHS:,} nets with {sum(survival()):.2f} of 12 blocks on average: ten seeds"
    table(["eval mode", "distance, in % of what the blocks add"], body, caption)


# --- dropout that stays on ------------------------------------------------------------------------------------------


def dropout_only(net: nn.Module) -> nn.Module:
    """A copy of the net in eval mode, but for its dropout layers."""
    net = copy.deepcopy(net).eval()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()
    return net


@torch.no_grad()
def sampled(net: nn.Module, x: torch.Tensor, draws: int = DRAWS) -> torch.Tensor:
    """Class probabilities of several passes, (draws, N, 10)."""
    return torch.stack([net(x).softmax(1) for _ in range(draws)])


def _first_mean(net: nn.Module) -> torch.Tensor:
    """The running mean of the first norm."""
    return next(value for name, value in net.named_buffers() if name.endswith("running_mean"))


@one_thread()
def mc_dropout(seed: int) -> dict[str, float]:
    """One net with batch norm and dropout: what its mean answer owes to other rows, and what the spread tells."""
    split, found = digits(), dict[str, float]()
    with seeded(seed):
        net = mlp(norm=True, dropout=0.2)
        list(epochs(net, split, 5, seed))
        before = _first_mean(net).clone()
        for name, made in {
            "dropout only": dropout_only(net),
            "whole net in train mode": copy.deepcopy(net).train(),
        }.items():
            nines, zeros = (split.X_test[split.y_test == digit][:31] for digit in (9, 0))
            row = split.X_test[:1]
            means = [sampled(made, torch.cat([row, others]), MANY)[:, 0].mean(0) for others in (nines, zeros)]
            found[f"neighbours: {name}"] = float((means[0] - means[1]).abs().sum() / 2)
            found[f"buffers: {name}"] = float((_first_mean(made) - before).abs().max())
        draws = sampled(dropout_only(net), split.X_test)
        mean, spread_of = draws.mean(0), draws.std(0).mean(1)
        wrong = mean.argmax(1) != split.y_test
        found["spread: wrong"], found["spread: right"] = (float(spread_of[w].mean()) for w in (wrong, ~wrong))
        found["errors among the 10 % with the largest spread"] = float(
            wrong[spread_of.topk(50).indices].double().mean()
        )
        found["errors among the rest"] = float(wrong[spread_of.topk(450, largest=False).indices].double().mean())
    return found


def mc_tables() -> None:
    """Ten nets: dropout alone switched on, or the whole net; then what the spread tells of errors."""
    found = stored.load(FILE, "mc_dropout")
    body = [
        [name, *(spread(found[f"{what}: {name}"], 3) for what in ("neighbours", "buffers"))]
        for name in ("dropout only", "whole net in train mode")
    ]
    caption = f"The same row among 31 nines and among 31 zeros, {MANY} draws each: median (range), ten nets"
    table(["in train mode", "change of a row's answer", "change of a running mean"], body, caption)
    names = ("errors among the 10 % with the largest spread", "errors among the rest")
    body = [[name.removeprefix("errors among "), spread(100 * found[name], 1)] for name in names]
    caption = f"Mean of {DRAWS} passes with dropout on: median (range), ten nets"
    table(["held-out digits", "wrong, in %"], body, caption)
