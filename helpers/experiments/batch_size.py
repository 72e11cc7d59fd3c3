"""Notebook 05: what a small batch does to batch, layer and group norm, in an MLP and in small CNNs.

What differs between the nets is how many values share one mean: N in the MLP, N·H·W in a CNN.  Everything runs in
float64.  The learning rate is 0.05 · N / 32, with SGD's momentum 0.9 and a cosine to 0; nothing is tuned.
What ``batch_size.json`` holds is computed in :mod:`.batch_size_seeds`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import signed, spread, table
from helpers.lab.training import one_thread, train
from helpers.look.style import COLOURS

from . import stored
from .stored import Found

SEEDS = range(10)
ROWS = 800
EPOCHS = 3
GROUPS = 8
SIZES = (2, 4, 8, 32)
PARTNERS = 16
FILE = "batch_size"

NORMS = {
    "none, He": "no norm, He init",
    "batch": "batch norm",
    "layer": "layer norm (one set for each example)",
    "group": f"group norm ({GROUPS} groups)",
}
"""Names of the norms, as in figures.COLOURS, and how a table calls them."""

Net = Callable[[str], nn.Module]


def norm1d(name: str, features: int) -> nn.Module:
    """torch's layer for (N, features): "batch", "layer", "group" (8 groups) or "none, He"."""
    return _norm(name, features, nn.BatchNorm1d)


def norm2d(name: str, channels: int) -> nn.Module:
    """torch's layer for (N, channels, H, W): "batch", "layer" (over C, H, W: one group), "group" or "none, He"."""
    return _norm(name, channels, nn.BatchNorm2d)


def _norm(name: str, features: int, batch: type[nn.Module]) -> nn.Module:
    if name == "none, He":
        return nn.Identity()
    return batch(features) if name == "batch" else nn.GroupNorm(1 if name == "layer" else GROUPS, features)


def mlp(norm: str) -> nn.Module:
    """Three hidden layers of 64 units: Linear, norm, ReLU.  Without a norm: biases, and He initialisation."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [_he(nn.Linear(64, 64, bias=norm == "none, He"), norm), norm1d(norm, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def cnn(norm: str, maps: Sequence[int] = (4, 2)) -> nn.Module:
    """Blocks of Conv2d (3×3), norm, ReLU on 8×8 images, and a Linear head; 16 channels, then twice as many each time.

    maps: the width of the maps after each block; a block halves the width (stride 2) or keeps it.
    """
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
    channels, width = 1, 8
    for smaller in maps:
        wider = 16 if channels == 1 else 2 * channels
        convolution = nn.Conv2d(channels, wider, 3, width // smaller, 1, bias=norm == "none, He")
        layers += [_he(convolution, norm), norm2d(norm, wider), nn.ReLU()]
        channels, width = wider, smaller
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * width**2, 10))


def _he(layer: nn.Linear | nn.Conv2d, norm: str) -> nn.Module:
    if norm == "none, He":
        nn.init.kaiming_normal_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
    return layer


NETS: dict[str, Net] = {
    "MLP": mlp,
    "CNN, 1×1 maps": partial(cnn, maps=(4, 2, 1)),
    "CNN, 2×2 maps": cnn,
    "CNN, 2×2 maps, 3 blocks": partial(cnn, maps=(4, 2, 2)),
}
"""The nets by name: how small the maps of the last norm are.  The last has the depth of the second."""

DEEP = "CNN, 2×2 maps, 3 blocks"
POSITIONS = "one mean for each channel and position"


def small(split: Split) -> Split:
    """The split with its first 800 training rows."""
    return Split(split.X_train[:ROWS], split.y_train[:ROWS], split.X_test, split.y_test)


def options(size: int, rows: int = ROWS, epochs: int = EPOCHS) -> dict[str, Any]:
    """How a net is trained with batches of ``size``: keyword arguments of ``train``, but for lr and seed."""
    return {"batch_size": size, "steps": epochs * rows // size, "momentum": 0.9, "cosine": True}


def rate(size: int) -> float:
    """Learning rate for batches of ``size``: in proportion to it, 0.05 at 32."""
    return 0.05 * size / 32


# --- the opening ----------------------------------------------------------------------------------------------------


def opening() -> None:
    """Train the MLP with batch norm and with group norm, on batches of 32 and of 2, and show the held-out error."""
    split = small(digits(torch.float64))
    runs = {}
    for size in (32, 2):
        for norm in ("batch", "group"):
            every = ROWS // 8 // size or 1
            _, seen = train(partial(mlp, norm), split, lr=rate(size), evaluate_every=every, **options(size))
            runs[size, norm] = [step * size for step in seen.steps], [100 * (1 - a) for a in seen.test_accuracy]
    figures.show(
        opening_figure(runs),
        "Held-out error while an MLP trains, with batch norm and with group norm: left in batches of 32, right in "
        "batches of 2.",
    )


def opening_figure(runs: Mapping[tuple[int, str], tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Two charts, batches of 32 and of 2.  runs: (batch size, norm) → (images seen, held-out error in %)."""
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.2, sharey=True)
    for ax, size in zip(axes, (32, 2), strict=True):
        for norm, line in (("batch", "-"), ("group", "--")):
            ax.plot(*runs[size, norm], color=COLOURS[norm], linestyle=line, label=NORMS[norm])
        ax.set(title=f"batches of {size}", xlabel="training images seen", ylim=(0, 100))
    axes[0].set_ylabel("held-out error (%)")
    axes[0].legend()
    return figure


# --- how many values share a mean -----------------------------------------------------------------------------------


@one_thread()
def smallest_count(net: nn.Module, rows: int) -> int:
    """The fewest values that share one mean in any batch norm layer, for a batch of ``rows`` digits.

    >>> smallest_count(mlp("batch"), 2), smallest_count(cnn("batch"), 2)
    (2, 8)
    """
    return min(x.numel() // x.shape[1] for x in seen_by_batch_norm(net, torch.zeros(rows, 64)))


@torch.no_grad()
def seen_by_batch_norm(net: nn.Module, X: torch.Tensor) -> list[torch.Tensor]:
    """The inputs of the net's batch norm layers, in order, for rows X in train mode; changes nothing in the net."""
    net = copy.deepcopy(net).train()
    seen: list[torch.Tensor] = []
    for layer in net.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(X)
    return seen


def counts_table() -> None:
    """For each net and batch size, how many values share one mean in its last batch norm layer."""
    rows = [[name, *(smallest_count(net("batch"), size) for size in SIZES)] for name, net in NETS.items()]
    head = ["net", *(f"N = {size}" for size in SIZES)]
    table(head, rows, "Values behind each mean of batch norm, in the last norm of the net.")


# --- error against batch size, and the uses of a net ----------------------------------------------------------------


def stored_errors() -> dict[str, Found]:
    """Held-out error in %, computed in advance, in eval mode: net → norm → (seeds, batch sizes).

    >>> stored_errors()["MLP"]["batch"].shape
    (10, 4)
    """
    return {net: stored.load(FILE, f"{net}: norms") for net in NETS}


def stored_uses() -> dict[str, Found]:
    """Held-out error in % of the batch norm nets trained on batches of 2: net → one of :data:`USES` → (seeds,).

    >>> stored_uses()["MLP"]["eval mode"].shape
    (10,)
    """
    return {net: stored.load(FILE, f"{net}: uses") for net in NETS}


def stored_positions() -> NDArray[np.float64]:
    """Held-out error in % of ``batch_size_seeds.each_position``, computed in advance, in eval mode: (seeds, sizes).

    >>> stored_positions().shape
    (10, 4)
    """
    return stored.load(FILE, f"{DEEP}: {POSITIONS}")["batch"]


EVAL = "eval mode"
AGAIN, AGAIN_64 = (f"eval mode, statistics re-estimated on batches of {size}" for size in (2, 64))
PAIRS = "train mode, test images in pairs"
AVERAGED = f"train mode, average over {PARTNERS} partners"
USES = (EVAL, AGAIN, AGAIN_64, PAIRS, AVERAGED)
"""Ways to use a net with batch norm that was trained on batches of 2."""


LABELS = {"none, He": "no norm, He init", "batch": "BN", "layer": "LN", "group": f"GN, {GROUPS} groups"}
_MARKERS = {"none, He": ("o", ":"), "batch": ("s", "-"), "layer": ("^", "-."), "group": ("D", "--")}


def error_chart() -> None:
    """Show the stored errors of the first three nets."""
    figures.show(
        error_figure(stored_errors()),
        "Three charts of held-out error against batch size: MLP, CNN with 1×1 maps, CNN with 2×2 maps. Each has a "
        "line for no norm, batch, layer and group norm, and a bar for the range of ten seeds.",
    )


def error_figure(found: Mapping[str, Found], sizes: Sequence[int] = SIZES) -> Figure:
    """Error against batch size on log axes, three nets: median of the seeds, and their range as a bar.

    found: net → norm → (seeds, sizes).
    """
    figure, axes = figures.subplots(1, 3, width=10.0, height=3.8, sharey=True)
    for ax, (title, by_norm) in zip(axes, found.items(), strict=False):
        for place, (norm, runs) in enumerate(by_norm.items()):
            x = np.array(sizes) * 1.09 ** (place - 1.5)
            low, middle, high = (reduce(runs, axis=0) for reduce in (np.min, np.median, np.max))
            marker, line = _MARKERS[norm]
            ax.errorbar(
                x,
                middle,
                (middle - low, high - middle),
                color=COLOURS[norm],
                marker=marker,
                linestyle=line,
                markersize=5,
                elinewidth=1,
                capsize=2,
                label=LABELS[norm],
            )
        ax.set_title(title)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.set_yscale("log")
        ax.set_yticks([3, 5, 10, 20, 50, 100], ["3", "5", "10", "20", "50", "100"])
        ax.minorticks_off()
        ax.set_xlabel("batch size N")
    axes[0].set_ylabel(f"held-out error (%)\nmedian and range of {len(SEEDS)} seeds")
    axes[-1].legend()
    return figure


def errors_table() -> None:
    """The stored errors: median and range of the seeds."""
    table(
        ["net", "norm", *(f"N = {size}" for size in SIZES)],
        [
            [net, LABELS[norm], *(spread(column, 1) for column in runs.T)]
            for net, by_norm in stored_errors().items()
            for norm, runs in by_norm.items()
        ],
        f"Held-out error in %, eval mode: median and range of {len(SEEDS)} seeds.",
        left=[1],
    )


def paired_table(norm: str, *rivals: str) -> None:
    """The stored errors of one norm minus those of its rivals, seed by seed: median and range, and how often higher."""
    rows = []
    for net, by_norm in stored_errors().items():
        for rival in rivals:
            differences = by_norm[norm] - by_norm[rival]
            cells = [f"{signed(column)}, higher in {(column > 0).sum()}" for column in differences.T]
            rows.append([net, LABELS[rival], *cells])
    table(
        ["net", f"{LABELS[norm]} minus", *(f"N = {size}" for size in SIZES)],
        rows,
        f"Differences of held-out error, same seed, in percentage points: median and range, and in how many of "
        f"{len(SEEDS)} seeds {LABELS[norm]} has the higher error.",
        left=[1],
    )


def positions_table() -> None:
    """The stored errors of batch norm in one net, its last norm with a mean for each channel, or also position."""
    before, after = stored_errors()[DEEP]["batch"], stored_positions()
    rows = [
        ["one mean for each channel", "4 · N", *(spread(column, 1) for column in before.T)],
        [POSITIONS, "N", *(spread(column, 1) for column in after.T)],
        ["difference, same seed", "", *(signed(column) for column in (after - before).T)],
    ]
    table(
        ["the last norm has", "values behind it", *(f"N = {size}" for size in SIZES)],
        rows,
        f"{DEEP}, BN. Held-out error in %, eval mode, and difference in percentage points: median and range of "
        f"{len(SEEDS)} seeds.",
        left=[1],
    )


def uses_table() -> None:
    """The batch norm nets that were trained on batches of 2, used in five ways: median and range of the seeds."""
    found = stored_uses()
    rows = [[use, *(spread(by_use[use], 1) for by_use in found.values())] for use in USES]
    table(
        ["used in", *found],
        rows,
        f"Held-out error in % of batch norm trained on batches of 2: median and range of {len(SEEDS)} seeds.",
    )
    differences = {use: [by_use[use] - by_use[EVAL] for by_use in found.values()] for use in USES[1:]}
    table(
        ["used in", *found],
        [[use, *(f"{signed(d)}, higher in {(d > 0).sum()}" for d in columns)] for use, columns in differences.items()],
        f"The same, minus the error in eval mode, same seed, in percentage points: median and range, and in how many "
        f"of {len(SEEDS)} seeds it is higher.",
    )


# --- values of a map are not independent ----------------------------------------------------------------------------


@one_thread()
def worth(maps: torch.Tensor) -> float:
    """How many independent values one H×W map is worth for the mean of its channel; median over channels.

    maps: (N, C, H, W).  The mean of n independent values of variance σ² has variance σ²/n, so n = σ² / Var(mean),
    with σ² over N, H and W and the variance of the maps' means over N.

    >>> worth(torch.randn(1000, 1, 3, 1, generator=torch.Generator().manual_seed(0)).expand(-1, -1, -1, 5)) < 4
    True
    """
    variance, of_means = maps.var(dim=(0, 2, 3)), maps.mean(dim=(2, 3)).var(dim=0)
    return float(np.median((variance / of_means).numpy()))


def worth_table() -> None:
    """What one map is worth: noise of three kinds, the digits, and what the CNN's batch norm layers see of them."""
    random = torch.Generator().manual_seed(0)
    noise, other = (torch.randn(2000, 1, 8, 8, generator=random) for _ in range(2))
    coarse = torch.randn(2000, 1, 4, 4, generator=random)
    split = small(digits(torch.float64))
    images = split.X_train.view(-1, 1, 8, 8)
    maps = {
        "noise": noise,
        "noise, each pixel four times": coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3),
        "noise, another brightness for each image": other + torch.randn(2000, 1, 1, 1, generator=random),
        "digits": images,
        "digits, the mean image taken off": images - images.mean(0),
    }
    net, _ = train(partial(cnn, "batch"), split, lr=rate(32), **options(32))
    inputs = seen_by_batch_norm(net, split.X_train)
    maps |= {f"input of the CNN's batch norm {i}, trained, N = 32": x for i, x in enumerate(inputs, 1)}
    table(
        ["maps", "values in one map", "worth about"],
        [[name, x[0, 0].numel(), f"{worth(x):.0f}"] for name, x in maps.items()],
        "How many independent values one map is worth, for the mean of its channel (median over channels): estimated "
        "from 2,000 maps of noise and 800 digits, good to some per cent.",
    )
