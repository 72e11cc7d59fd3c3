"""What notebook 05 shows over ten seeds, computed in advance: errors by norm and batch size, and by use of a net.

``python -m helpers.experiments.batch_size_seeds`` writes ``batch_size.json`` again, in some minutes on one core.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import vmap
from torch.optim.swa_utils import update_bn

from helpers.lab.data import Split, digits
from helpers.lab.stack import sweep
from helpers.lab.training import evaluate, one_thread, train

from . import stored
from .batch_size import (
    AGAIN,
    AGAIN_64,
    AVERAGED,
    DEEP,
    EPOCHS,
    EVAL,
    FILE,
    NETS,
    NORMS,
    PAIRS,
    PARTNERS,
    POSITIONS,
    SEEDS,
    SIZES,
    Net,
    options,
    rate,
    small,
)
from .stored import Found

COMMAND = "python -m helpers.experiments.batch_size_seeds"


class EachPosition(nn.Module):
    """Batch norm of (N, C, H, W) with a mean for each channel and position, N values behind each; γ, β as always."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels * width**2, affine=False)
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, H, W).  Returns the same shape."""
        x_hat: torch.Tensor = self.norm(x.flatten(1)).view_as(x)
        return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]


def each_position(norm: str = "batch") -> nn.Module:
    """The CNN with 2×2 maps and three blocks, with batch norm; its last norm has a mean for each position."""
    layers = list(NETS[DEEP](norm))  # type: ignore[call-overload]
    place = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.BatchNorm2d))
    layers[place] = EachPosition(layers[place].num_features, 2)
    return nn.Sequential(*layers)


def errors(
    net: Net,
    split: Split,
    norm: str,
    sizes: Sequence[int] = SIZES,
    seeds: Sequence[int] = SEEDS,
    epochs: int = EPOCHS,
) -> NDArray[np.float64]:
    """Held-out error in % of a net with one norm, (seeds, sizes), in eval mode."""
    columns = []
    for size in sizes:
        how = options(size, len(split.X_train), epochs)
        found = sweep(partial(net, norm), split, (rate(size),), seeds, **how)
        columns.append(100 * (1 - found.test_accuracy[0].double().numpy()))
    return np.stack(columns, axis=1)


def uses(net: Net, split: Split, seeds: Sequence[int] = SEEDS, epochs: int = EPOCHS) -> Found:
    """Held-out error in % of the batch norm net trained on batches of 2, (seeds,), by how its statistics are taken.

    Eval mode; eval mode with statistics re-estimated on the training rows; train mode, with each test row in a batch
    of two: with another test row, or with 16 training rows in turn, its probabilities averaged.
    """
    found: dict[str, list[float]] = {}
    for seed in seeds:
        trained, _ = train(
            partial(net, "batch"), split, lr=rate(2), seed=seed, **options(2, len(split.X_train), epochs)
        )
        for use, error in used(trained, split, seed).items():
            found.setdefault(use, []).append(error)
    return {use: np.array(values) for use, values in found.items()}


@one_thread()
def used(net: nn.Module, split: Split, seed: int) -> dict[str, float]:
    """The error of one trained net by use; see :func:`uses`."""

    def wrong(net: nn.Module) -> float:
        return 100 * (1 - evaluate(net, split.X_test, split.y_test)[1])

    random = torch.Generator().manual_seed(seed)
    found = {EVAL: wrong(net)}
    for use, size in ((AGAIN, 2), (AGAIN_64, 64)):
        other = copy.deepcopy(net)
        order = torch.randperm(len(split.X_train), generator=random)
        update_bn([split.X_train[rows] for rows in order.split(size) if len(rows) == size], other)
        found[use] = wrong(other)
    X, y = split.X_test, split.y_test
    order = torch.randperm(len(X), generator=random)
    mate = torch.empty_like(order).scatter_(0, order, order.roll(1))  # another row for each row
    found[PAIRS] = _wrong_in_pairs(net, X, y, X[mate][None])
    partners = torch.stack([torch.randperm(len(split.X_train), generator=random)[: len(X)] for _ in range(PARTNERS)])
    found[AVERAGED] = _wrong_in_pairs(net, X, y, split.X_train[partners])
    return found


@torch.no_grad()
def _wrong_in_pairs(net: nn.Module, X: torch.Tensor, y: torch.Tensor, partners: torch.Tensor) -> float:
    """Error in %, in train mode, of rows X each in a batch of two with each of its partners, (K, N, D)."""
    bare = copy.deepcopy(net).train()
    for layer in bare.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.track_running_stats, layer.running_mean, layer.running_var = False, None, None
            layer.num_batches_tracked = None
    pairs = torch.stack([X.expand_as(partners), partners], dim=2)  # (K, N, 2, D)
    out = vmap(bare)(pairs.flatten(0, 1))[:, 0].unflatten(0, partners.shape[:2])
    error: float = 100 * (out.softmax(-1).mean(0).argmax(1) != y).double().mean().item()
    return error


def compute(net: Net, seeds: Sequence[int] = SEEDS) -> tuple[Found, Found]:
    """What is stored of a net, (norms, uses); batch norm's error at N = 2 is that of its use in eval mode."""
    split = small(digits(torch.float64))
    by_use = uses(net, split, seeds)
    by_norm = {}
    for norm in NORMS:
        if norm == "batch":
            by_norm[norm] = np.column_stack([by_use[EVAL], errors(net, split, norm, SIZES[1:], seeds)])
        else:
            by_norm[norm] = errors(net, split, norm, SIZES, seeds)
    return by_norm, by_use


def main() -> None:
    """Write ``batch_size.json`` beside this module."""
    results: dict[str, Found] = {}
    for name, net in NETS.items():
        results[f"{name}: norms"], results[f"{name}: uses"] = compute(net)
    results[f"{DEEP}: {POSITIONS}"] = {"batch": errors(each_position, small(digits(torch.float64)), "batch")}
    for name, found in results.items():
        stored.write(FILE, name, SEEDS, found, COMMAND)


if __name__ == "__main__":
    main()
