"""Notebook 08: dropout before batch norm. What the buffers store in training is not what arrives in use."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import nn

from helpers.lab.data import digits
from helpers.lab.tables import spread, table
from helpers.lab.training import evaluate, one_thread, train

from . import stored
from .differences import paired
from .train_and_eval import repaired, torch_reestimate

FILE = "dropout_shift"
PLACES = ("nowhere", "before", "after")
"""Where dropout of 0.5 stands: nowhere, behind each hidden layer but the last, or behind the last batch norm alone."""


def net_with(place: str) -> nn.Sequential:
    """Four hidden layers of 64: Linear, BatchNorm1d, ReLU; dropout stands behind a ReLU."""
    layers: list[nn.Module] = []
    for i in range(4):
        linear = nn.Linear(64, 64, bias=False)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        layers += [linear, nn.BatchNorm1d(64), nn.ReLU()]
        if (place == "before" and i < 3) or (place == "after" and i == 3):
            layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.Linear(64, 10))


@one_thread()
@torch.no_grad()
def stored_over_seen(net: nn.Module, X: torch.Tensor) -> list[float]:
    """For each batch norm layer its mean running variance, divided by the mean variance of what it is fed in use."""
    net, found = copy.deepcopy(net).eval(), list[float]()

    def note(layer: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        assert isinstance(layer.running_var, torch.Tensor)
        found.append((layer.running_var.mean() / inputs[0].var(dim=0).mean()).item())

    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.register_forward_pre_hook(note)
    net(X)
    return found


def without_dropout(net: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Re-estimate the statistics with dropout off, as it is in use."""
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    torch_reestimate(net, batches)


def variance_shift(seed: int, steps: int = 400) -> dict[str, float | list[float]]:
    """One seed: ratios of the layers, held-out loss and accuracy, as trained and re-estimated with dropout off."""
    split, found = digits(torch.float64), dict[str, float | list[float]]()
    for place in PLACES:
        net, _ = train(lambda p=place: net_with(p), split, lr=0.1, batch_size=64, steps=steps, seed=seed)  # type: ignore[misc]
        for name, made in {place: net, f"{place}, re-estimated": repaired(net, split.X_train, without_dropout)}.items():
            found[f"ratio: {name}"] = stored_over_seen(made, split.X_train)
            found[f"loss: {name}"], found[f"accuracy: {name}"] = evaluate(made, split.X_test, split.y_test)
    return found


def by_hand(p: float = 0.5) -> None:
    """Four numbers before dropout, and all that dropout may make of them: mean and variance."""
    x = torch.tensor([-2.0, 0.0, 0.0, 2.0])
    kept = torch.cat([x / (1 - p), torch.zeros(4)])  # for p = 0.5: half of the time dropped, else doubled
    rows = [
        [name, f"{v.mean():g}", f"{v.var(correction=0):g}"]
        for name, v in {"−2, 0, 0, 2 as in use": x, "with dropout, over all masks": kept}.items()
    ]
    table(["numbers", "mean", "variance"], rows, "Dropout of 0.5 keeps half and doubles it")


_NAMES = {
    "nowhere": "no dropout",
    "before": "before layers 2, 3, 4",
    "before, re-estimated": "the same, re-estimated with dropout off",
    "after": "after layer 4",
}


def shift_table() -> None:
    """The ratio of each batch norm layer, by where dropout stands."""
    found = stored.load(FILE, "variance_shift")
    rows = [[text, *(spread(found[f"ratio: {name}"][:, i]) for i in range(4))] for name, text in _NAMES.items()]
    head = ["dropout stands", *(f"layer {i}" for i in range(1, 5))]
    table(head, rows, "Stored variance ÷ variance in use: median (range), ten seeds")


def cost_table() -> None:
    """Held-out loss and accuracy, by where dropout stands."""
    found, rows = stored.load(FILE, "variance_shift"), []
    for name, text in _NAMES.items():
        loss, before = found[f"loss: {name}"], found["loss: before"]
        against = "–" if name == "before" else paired(loss, before, 2)
        rows.append([text, spread(loss), against, spread(found[f"accuracy: {name}"])])
    head = ["dropout stands", "held-out loss", "loss: it − before layers", "accuracy"]
    table(head, rows, "After 400 steps: median (range), ten seeds")
