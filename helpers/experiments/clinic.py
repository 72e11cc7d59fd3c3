"""Notebook 08: five incidents on small nets, and what can be measured of each.

``chart(incident)`` makes the nets of an incident and returns its measurements by name; nothing is stored.
"""

from __future__ import annotations

import copy
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from helpers.lab.data import Split, digits
from helpers.lab.nets import MLP, Norm
from helpers.lab.tables import table
from helpers.lab.training import batches, evaluate, loss_of, one_thread, seeded, train

from .differences import small
from .train_and_eval import repaired, torch_reestimate

Chart = Mapping[str, str]
"""Measurements by name, each a line."""


class ByHand(nn.BatchNorm1d):
    """Batch norm as it is often written: the variance to be stored is divided by n − 1, whatever n is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C)."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        n, mean = len(x), x.mean(dim=0)
        var = ((x - mean) ** 2).mean(dim=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, 0.1)
            self.running_var.lerp_(var * n / torch.tensor(n - 1), 0.1)
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias


def _net(norm: Norm = nn.BatchNorm1d) -> MLP:
    return MLP([64, 64, 64, 64, 10], norm, init="he")


def _trained(split: Split, norm: Norm = nn.BatchNorm1d, steps: int = 300) -> MLP:
    net, _ = train(lambda: _net(norm), split, lr=0.1, batch_size=64, steps=steps)
    assert isinstance(net, MLP)
    return net


# --- what is measured -----------------------------------------------------------------------------------------------


def _norms(net: nn.Module) -> list[nn.BatchNorm1d]:
    return [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm1d)]


def _modes(net: nn.Module) -> str:
    modules = list(net.modules())
    return f"{sum(m.training for m in modules)} of {len(modules)} modules in train mode"


def _stored(net: nn.Module) -> str:
    """What each norm has stored, in order."""
    return "; ".join(f"norm {i}: {_buffers(layer)}" for i, layer in enumerate(_norms(net), 1))


def _buffers(layer: nn.BatchNorm1d) -> str:
    if layer.running_mean is None or layer.running_var is None:
        return "nothing"
    low, high = layer.running_var.min().item(), layer.running_var.max().item()
    variance = "NaN" if math.isnan(low) else f"{low:.2f} to {high:.2f}"
    return f"mean up to {layer.running_mean.abs().max().item():.2f}, variance {variance}"


def _largest(a: Iterable[torch.Tensor], b: Iterable[torch.Tensor]) -> str:
    """The largest difference, in words."""
    return small(max((x - y).abs().max().item() for x, y in zip(a, b, strict=True)))


def _moved(a: nn.Module, b: nn.Module) -> str:
    return f"largest difference {_largest(a.parameters(), b.parameters())}"


@torch.no_grad()
def _train_loss(net: nn.Module, split: Split) -> str:
    """Loss of 256 training rows in train mode, of a copy."""
    return f"{loss_of(copy.deepcopy(net).train(), split.X_train[:256], split.y_train[:256]).item():.3f}"


def _held_out(net: nn.Module, split: Split) -> str:
    loss, accuracy = evaluate(net, split.X_test, split.y_test)
    return f"loss {loss:.2f}, accuracy {accuracy:.2f}" if math.isfinite(loss) else "loss NaN"


def _again(net: nn.Module, split: Split) -> str:
    return _held_out(repaired(net, split.X_train, torch_reestimate), split)


@torch.no_grad()
def _alone(net: nn.Module, split: Split) -> str:
    """How much the answers to eight rows change when other rows come with them."""
    rows, more = split.X_test[:8], split.X_test[:64]
    return f"largest difference {_largest([net(rows)], [net(more)[:8]])}"


def _sizes(sizes: Iterable[int]) -> str:
    return ", ".join(f"{count} of {size}" for size, count in sorted(Counter(sizes).items(), reverse=True))


# --- the incidents --------------------------------------------------------------------------------------------------


def _neighbours(split: Split) -> Chart:
    made = [0]

    def norm(features: int) -> nn.Module:
        made[0] += 1
        return nn.BatchNorm1d(features, track_running_stats=made[0] != 2)

    net = _trained(split, norm)
    return {
        "modes": _modes(net),
        "what the norms have stored": _stored(net),
        "eight rows alone, and with 56 others": _alone(net, split),
        "the same eight rows twice": f"largest difference {_largest([net(split.X_test[:8])], [net(split.X_test[:8])])}",
        "held-out rows, 500 at once": _held_out(net, split),
    }


def _resumed(split: Split) -> Chart:
    before = _trained(split)
    after = _net().to(split.X_train.dtype)
    kept = {name: p for name, p in before.named_parameters()}
    after.load_state_dict(kept, strict=False)
    after.eval()
    return {
        "modes, while validating": _modes(after),
        "weights, before and after": _moved(before, after),
        "training loss in train mode, before → after": f"{_train_loss(before, split)} → {_train_loss(after, split)}",
        "held-out, before → after": f"{_held_out(before, split)} → {_held_out(after, split)}",
        "keys of the net": f"{len(after.state_dict())}; in the file {len(kept)}",
        "what the norms have stored, before": _stored(before),
        "what the norms have stored, after": _stored(after),
        "held-out, statistics estimated on training rows": _again(after, split),
    }


def _not_a_number(split: Split) -> Chart:
    with seeded(0):
        net = _net(ByHand).to(split.X_train.dtype)
        order = torch.randperm(len(split.X_train))
    losses = []
    for rows in order.split(48):
        loss = loss_of(net, split.X_train[rows], split.y_train[rows])
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                assert p.grad is not None
                p.sub_(0.1 * p.grad)
        losses.append(loss.item())
    net.eval()
    finite = all(bool(torch.isfinite(p).all()) for p in net.parameters())
    return {
        "modes, while validating": _modes(net),
        "training loss, first and last batch but one": f"{losses[0]:.2f}, {losses[-2]:.2f}",
        "batches of the epoch": _sizes(len(rows) for rows in order.split(48)),
        "weights": "all finite" if finite else "not all finite",
        "largest weight": _largest_of(net),
        "what the norms have stored": _stored(net),
        "held-out": _held_out(net, split),
        "held-out, statistics estimated on training rows": _again(net, split),
    }


def _on_devices(split: Split, devices: int, steps: int = 500) -> list[nn.Module]:
    """SGD on batches of 8, shared out to copies of one net: each its own rows and buffers, gradients averaged."""
    with seeded(0):
        nets = [_net().to(split.X_train.dtype)]
    nets += [copy.deepcopy(nets[0]) for _ in range(devices - 1)]
    for rows in batches(len(split.X_train), 8, steps, seed=0):
        for net, part in zip(nets, rows.chunk(devices), strict=True):
            net.zero_grad()
            loss_of(net, split.X_train[part], split.y_train[part]).backward()
        with torch.no_grad():
            for copies in zip(*(net.parameters() for net in nets), strict=True):
                gradient = torch.stack([p.grad for p in copies if p.grad is not None]).mean(0)
                for p in copies:
                    p.sub_(0.05 * gradient)
    return [net.eval() for net in nets]


def _two_devices(split: Split) -> Chart:
    (one,), (two, other) = _on_devices(split, 1), _on_devices(split, 2)
    return {
        "modes, on both devices": f"{_modes(two)}; {_modes(other)}",
        "weights of the two devices": _moved(two, other),
        "largest weight, one device → two": f"{_largest_of(one)} → {_largest_of(two)}",
        "rows behind each averaged gradient, one → two": "8 → 4 + 4",
        "values behind each mean in training, one → two": "8 → 4",
        "training loss in train mode, one → two": f"{_train_loss(one, split)} → {_train_loss(two, split)}",
        "what the norms have stored, first device": _stored(two),
        "what the norms have stored, second device": _stored(other),
        "held-out, one → two": f"{_held_out(one, split)} → {_held_out(two, split)}",
        "two devices, statistics estimated on training rows": _again(two, split),
    }


def _largest_of(net: nn.Module) -> str:
    return f"{max(p.abs().max().item() for p in net.parameters()):.2f}"


def _folded(split: Split) -> Chart:
    original = _trained(split)
    net = nn.Sequential(*(fuse_linear_bn_eval(layer[0], layer[1]) for layer in original.hidden), original.head)  # type: ignore
    folded = nn.Sequential(*(part for layer in net for part in (layer, nn.ReLU())))[:-1]
    now, eights = copy.deepcopy(original), split.X_train[split.y_train == 8]
    for rows in eights[:112].split(8):  # two weeks: each day a job passes eight eights, in train mode
        now.train()(rows)
    now.eval()

    @torch.no_grad()
    def apart(net: nn.Module) -> str:
        return f"largest difference {_largest([net(split.X_test)], [folded(split.X_test)])}"

    counts = [int(_norms(net)[0].num_batches_tracked or 0) for net in (original, now)]
    return {
        "modes of the original, then and now": f"{_modes(original)}; {_modes(now)}",
        "folded and original, then": apart(original),
        "folded and original, now": apart(now),
        "weights of the original, then and now": _moved(original, now),
        "batches that its norms have counted, then → now": " → ".join(map(str, counts)),
        "what its norms have stored, then": _stored(original),
        "what its norms have stored, now": _stored(now),
        "held-out, folded net": _held_out(folded, split),
        "held-out, original now": _held_out(now, split),
    }


CASES: Mapping[str, Callable[[Split], Chart]] = {
    "a": _neighbours,
    "b": _resumed,
    "c": _not_a_number,
    "d": _two_devices,
    "e": _folded,
}


@functools.cache
def chart(incident: str) -> Chart:
    """The measurements of an incident, a to e.

    >>> chart("a")["modes"]
    '0 of 15 modules in train mode'
    """
    with one_thread():
        return CASES[incident](digits(torch.float64))


def measure(incident: str) -> None:
    """A table of all measurements of an incident."""
    table(["measured", "found"], chart(incident).items(), f"Incident {incident}", left=[1])
