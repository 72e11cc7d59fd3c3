"""Notebook 08: one batch on several devices, and what else normalises a batch in parts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread, seeded, train

from . import stored
from .differences import largest, paired

FILE = "shards"
BATCHES = (4, 8, 16)
GHOSTS = (1, 8, 32, 128)
"""In how many parts the batch of 512 is normalised."""


class InParts(nn.BatchNorm1d):
    """Batch norm that normalises each of ``parts`` equal parts of the batch alone, in train mode.

    Parts are neighbouring rows.  ``first``: the buffers take in the first part only, as those of the first device;
    else the average of the parts' statistics.
    """

    def __init__(self, features: int, parts: int, first: bool = False):
        super().__init__(features)
        self.parts, self.first = parts, first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C), N a multiple of parts."""
        if not self.training:
            return super().forward(x)
        split = x.unflatten(0, (self.parts, -1))
        with torch.no_grad():
            var, mean = torch.var_mean(split[:1] if self.first else split, dim=1)
            assert self.running_mean is not None and self.running_var is not None
            self.running_mean.lerp_(mean.mean(0), 0.1)
            self.running_var.lerp_(var.mean(0), 0.1)
        wide = split.transpose(0, 1).flatten(1)  # (rows of a part, parts · C): each part has columns of its own
        y = F.batch_norm(wide, None, None, self.weight.repeat(self.parts), self.bias.repeat(self.parts), training=True)
        back: torch.Tensor = y.unflatten(1, (self.parts, -1)).transpose(0, 1).flatten(0, 1)
        return back


# --- one step, five ways --------------------------------------------------------------------------------------------


def ghost(net: nn.Sequential, parts: int) -> nn.Sequential:
    """The net with its norm replaced by one that works in parts, with the same γ and β."""
    net = copy.deepcopy(net)
    for i, layer in enumerate(net):
        if isinstance(layer, nn.BatchNorm1d):
            net[i] = InParts(layer.num_features, parts).to(layer.weight.dtype)
            net[i].load_state_dict(layer.state_dict())
    return net


def _gradient(net: nn.Module, loss: torch.Tensor) -> torch.Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])


@one_thread()
def one_step() -> dict[str, torch.Tensor]:
    """The gradient of one net on 8 rows, by how the rows are put together; float64."""
    split = digits(torch.float64)
    X, y = split.X_train[:8], split.y_train[:8]
    with seeded(0):
        net = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)).double()
    halves = [(X[:4], y[:4]), (X[4:], y[4:])]
    found = {"one device, 8 rows": _gradient(net, F.cross_entropy(net(X), y))}
    devices = [_gradient(copy_, F.cross_entropy(copy_(x), t)) for x, t in halves for copy_ in [copy.deepcopy(net)]]
    found["two devices, 4 rows each, gradients averaged"] = torch.stack(devices).mean(0)
    net.zero_grad()
    for x, t in halves:
        (F.cross_entropy(net(x), t) / 2).backward()
    found["one device, two times 4 rows, accumulated"] = torch.cat(
        [p.grad.flatten() for p in net.parameters() if p.grad is not None]
    )
    parted = ghost(net, 2)
    found["one device, 8 rows, ghost batches of 4"] = _gradient(parted, F.cross_entropy(parted(X), y))
    return found


def one_step_table() -> None:
    """How far each way's gradient is from that of one device with all rows, and from that of two devices."""
    found = one_step()
    whole, two = list(found.values())[:2]
    rows = [[name, largest(g, whole), largest(g, two)] for name, g in found.items()]
    table(
        ["8 rows as", "from one device", "from two devices"], rows, "Largest difference of the gradient of the same net"
    )


# --- computed in advance --------------------------------------------------------------------------------------------


def _net(norm: Callable[[int], nn.Module] | None) -> Callable[[], MLP]:
    return lambda: MLP([64, 64, 64, 64, 10], norm, init="he")


def small_shards(seed: int, split: Split | None = None, epochs: int = 3) -> dict[str, float]:
    """Held-out error in % of nets trained on one device and on two, by the size of the whole batch."""
    split = split or digits()
    norms: dict[str, Callable[[int], nn.Module]] = {
        "one device": nn.BatchNorm1d,
        "two devices": lambda c: InParts(c, 2, first=True),
        "group norm": lambda c: nn.GroupNorm(8, c),
    }
    found = {}
    for size in BATCHES:
        for name, norm in norms.items():
            how: dict[str, Any] = {"momentum": 0.9, "cosine": True, "steps": epochs * len(split.X_train) // size}
            _, seen = train(_net(norm), split, lr=0.05 * size / 32, batch_size=size, seed=seed, **how)
            found[f"{name}, {size}"] = 100 * (1 - seen.test_accuracy[-1])
    return found


def ghosts(seed: int, split: Split | None = None, steps: int = 150) -> dict[str, float]:
    """Held-out loss and error in % after training with batches of 512, normalised in parts."""
    split = split or digits()
    found = {}
    for parts in GHOSTS:
        _, seen = train(_net(lambda c, p=parts: InParts(c, p)), split, lr=0.5, batch_size=512, steps=steps, seed=seed)  # type: ignore[misc]
        found[f"loss, {512 // parts}"], found[f"error, {512 // parts}"] = (
            seen.test_loss[-1],
            100 * (1 - seen.test_accuracy[-1]),
        )
    return found


def small_shards_table() -> None:
    """Held-out error of one device and of two."""
    found, rows = stored.load(FILE, "small_shards"), []
    for size in BATCHES:
        one, two, group = (found[f"{name}, {size}"] for name in ("one device", "two devices", "group norm"))
        rows.append([size, f"{size // 2} + {size // 2}", *(spread(e, 1) for e in (one, two, group)), paired(two, one)])
    head = ["rows in all", "on two", "one device, BN", "two devices, BN", "group norm", "points: two − one"]
    table(head, rows, "Held-out error in %, eval mode: median (range), ten seeds")


def ghosts_table() -> None:
    """Held-out loss and error by the size of the parts."""
    found, rows = stored.load(FILE, "ghosts"), []
    for parts in GHOSTS:
        size = 512 // parts
        loss, error = found[f"loss, {size}"], found[f"error, {size}"]
        differences = [
            "–" if parts == 1 else paired(loss, found["loss, 512"], 3),
            "–" if parts == 1 else paired(error, found["error, 512"]),
        ]
        rows.append([size, spread(loss, 3), differences[0], spread(error, 1), differences[1]])
    head = ["rows in a part", "held-out loss", "loss: it − 512", "held-out error in %", "error: it − 512"]
    table(head, rows, "Batches of 512, normalised in parts; after 150 steps: median (range), ten seeds")
