"""Notebook 11: the comparison of the third block, small enough for a clock: three nets at one learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from helpers.exercises.control import he_start_exercise
from helpers.lab import figures
from helpers.lab.data import Split
from helpers.lab.nets import MLP, Norm
from helpers.lab.tables import spread, table
from helpers.lab.training import History, train

from .fair import HEAD_SCALE, NETS, SEEDS, STEPS, fair_data, fair_widths, line
from .learners import choose

RATE, BATCH_SIZE, EVERY = 0.1, 32, 20
Found = dict[str, list[History]]


def contrast(layer: Any, he_start: Any) -> tuple[dict[str, list[float]], bool]:
    """Train and show three nets at one learning rate: no norm, no norm with the learner's start, the learner's layer.

    Where ``layer`` does not pass its checks PyTorch's is used, and where ``he_start`` does not, PyTorch's
    ``kaiming_normal_``; a printed sentence says so.  Returns the held-out losses at the end, a list over seeds for each
    net of :data:`~helpers.experiments.fair.NETS`, and whether layer and start are both the learner's.
    """
    norm, start = choose(layer), control(he_start)
    own = norm is layer is not nn.BatchNorm1d
    found = three(norm, start)
    losses = {name: [history.test_loss[-1] for history in runs] for name, runs in found.items()}
    alt = "Training loss on the left, held-out loss on the right, for three nets: lines for medians, bands for ranges."
    figures.show(contrast_figure(found), alt)
    differences = [plain - norm for plain, norm in zip(losses["none, He"], losses["batch"], strict=True)]
    table(
        ["net", "training loss, last 20 steps", "held-out loss"],
        [
            [NETS[name], spread(float(np.mean(h.losses[-20:])) for h in runs), spread(losses[name])]
            for name, runs in found.items()
        ]
        + [["control − batch norm, seed by seed", "", spread(differences)]],
        caption=f"Mean squared error, learning rate {RATE:g} for all three: median and range of {len(SEEDS)} seeds",
    )
    if own and max(differences) < 0:
        print("With your layer batch norm ends above the control in every seed: six checks do not see every mistake.")
    return losses, own and start is he_start


def control(he_start: Any) -> Callable[[nn.Module], Any]:
    """The learner's ``he_start`` where it passes its check, else one that does."""
    if callable(he_start) and he_start_exercise.assessed(he_start).passed:
        print("The control starts with your he_start.")
        return he_start  # type: ignore[no-any-return]
    print("The control starts with torch.nn.init.kaiming_normal_: there is no he_start that passes its check.")

    def ours(net: nn.Module) -> None:
        for linear in [m for m in net.modules() if isinstance(m, nn.Linear)][:-1]:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)

    return ours


def three(layer: Norm, start: Callable[[nn.Module], Any], seeds: Sequence[int] = SEEDS, draw: int = 0) -> Found:
    """The histories of the three nets in the fair set-up of notebook 03."""
    split = fair_data(draw)
    sizes = fair_widths(split)

    def started() -> nn.Module:
        net = MLP(sizes, head_scale=HEAD_SCALE)
        start(net)
        return net

    makers: dict[str, Callable[[], nn.Module]] = {
        "none": lambda: MLP(sizes, head_scale=HEAD_SCALE),
        "none, He": started,
        "batch": lambda: MLP(sizes, layer, head_scale=HEAD_SCALE),
    }
    return {name: [_history(make, split, seed) for seed in seeds] for name, make in makers.items()}


def _history(make: Callable[[], nn.Module], split: Split, seed: int) -> History:
    options = {"lr": RATE, "batch_size": BATCH_SIZE, "steps": STEPS, "seed": seed, "evaluate_every": EVERY}
    return train(make, split, **options)[1]  # type: ignore[arg-type]


def contrast_figure(found: Found) -> Figure:
    """Training loss of every step and held-out loss every 20; median and range over seeds."""
    figure, (left, right) = figures.subplots(1, 2, height=3.6)
    for name, runs in found.items():
        losses = [history.losses for history in runs]
        line(left, np.arange(len(losses[0])), losses, name)
        line(right, runs[0].steps, [history.test_loss for history in runs], name)
    shown = f"line: median of {len(SEEDS)} seeds, band: range"
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    left.set(title=f"training loss, in train mode\n{shown}", xlabel="step", ylabel="mean squared error", yscale="log")
    left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    left.minorticks_off()
    right.set(title=f"held-out loss, in eval mode\n{shown}", xlabel="step", ylabel="mean squared error", ylim=(0, None))
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure
