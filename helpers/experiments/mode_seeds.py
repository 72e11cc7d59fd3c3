"""The experiments of notebook 04 that take many seeds, computed in advance, and the tables made of them.

``python -m helpers.experiments.mode_seeds`` computes ``mode_seeds.json`` again, in some minutes on one core.  Runs of
an experiment share a seed's initial weights and batches where the layers allow it, so their differences are paired.
Statistics are re-estimated by torch's ``update_bn``.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.lab import figures
from helpers.lab.data import Split, digits
from helpers.lab.tables import spread, table

from .train_and_eval import (
    accuracy,
    accuracy_while_training,
    averaged,
    fine_tune,
    finite,
    repaired,
    shifts,
    shuffled,
    torch_reestimate,
    train_epochs,
    trained,
)

SEEDS = range(10)
FILE = "mode_seeds.json"
RATES = (0.001, 0.003, 0.01)
MOMENTA = (0.1, 0.01, 0.001, None, 0.99)
WAYS = {
    "never": "never frozen",
    "before": "frozen before the loop",
    "always": "in every epoch",
    "re-estimated, never": "re-estimated, never frozen",
    "re-estimated, always": "re-estimated, then in every epoch",
}
"""Section 6: when the statistics are frozen, and in words."""

Found = dict[str, float | list[float]]
"""What one seed shows, by name: an accuracy, NaN where the net diverged, or accuracies over time."""


def _held_out(net: torch.nn.Module, split: Split) -> float:
    return accuracy(net, split.X_test, split.y_test) if finite(net) else math.nan


def never_back(split: Split, seed: int) -> Found:
    """Bug 3: nets trained for five epochs, with and without ``train()`` in each, and without a norm."""
    ways: dict[str, dict[str, Any]] = {"every epoch": {}, "once": {"back_to_train": False}, "no norm": {"norm": False}}
    return {
        f"{name}, {lr}": _held_out(train_epochs(split, seed, lr=lr, **way), split)
        for name, way in ways.items()
        for lr in (0.1, 0.5)
    }


def late_buffers(split: Split, seed: int) -> Found:
    """Bug 4: accuracy in eval mode while training, by momentum; batches of 64, and of 8."""
    found = accuracy_while_training(split, seed, MOMENTA, torch_reestimate)
    small = accuracy_while_training(split, seed, (0.1, 0.99), torch_reestimate, batch_size=8, steps=300, every=50)
    return {**{str(m): run for m, run in found.items()}, **{f"{m}, batches of 8": run[-1] for m, run in small.items()}}


def sorted_rows(split: Split, seed: int) -> Found:
    """Bug 6: five epochs of batches from mixed and from sorted rows, at two learning rates."""
    found = Found()
    for lr, order in product((0.1, 0.3), ("mixed", "sorted")):
        plain, normed = (train_epochs(split, seed, order=order, norm=norm, lr=lr) for norm in (False, True))
        again = repaired(normed, split.X_train, torch_reestimate)
        for name, net in {"no norm": plain, "batch norm": normed, "re-estimated": again}.items():
            found[f"{name}, {order}, {lr}"] = _held_out(net, split)
    return found


def pairs(split: Split, seed: int) -> Found:
    """One epoch of batches of two, momentum 0.9, at three learning rates."""
    found = Found()
    for lr in RATES:
        plain, normed = (
            train_epochs(split, seed, norm=norm, batch_size=2, lr=lr, momentum=0.9, epochs=1) for norm in (False, True)
        )
        again = repaired(normed, split.X_train, torch_reestimate)
        for name, net in {"no norm": plain, "batch norm": normed, "re-estimated": again}.items():
            found[f"{name}, {lr}"] = _held_out(net, split)
    return found


def checkpoints(split: Split, seed: int) -> Found:
    """Bug 7: one training, and the average of its nets after 100, 150, 200, 250 and 300 steps."""
    nets = [trained(split, [seed], steps)[0] for steps in (100, 150, 200, 250, 300)]
    mean = averaged(nets)
    last = averaged(nets)
    last.load_state_dict({n: v for n, v in nets[-1].state_dict().items() if "running" in n}, strict=False)
    again = repaired(mean, split.X_train, torch_reestimate)
    made = {"last buffers": last, "averaged buffers": mean, "re-estimated": again}
    return {name: _held_out(net, split) for name, net in made.items()}


def noisy_rows(split: Split, seed: int) -> Found:
    """Section 5: noise on the held-out rows, for a net that never saw noise and for one that did."""
    X_train, X_test = (shifts(X, draw)["noise of std 1"] for draw, X in ((1, split.X_train), (0, split.X_test)))
    noisy = Split(X_train, split.y_train, X_test, split.y_test)
    (clean,), (used,) = trained(split, [seed]), trained(noisy, [seed])
    again = repaired(clean, noisy.X_test, torch_reestimate, batch_size=100)
    made = {"as it was": clean, "re-estimated": again, "used to noise": used}
    return {name: _held_out(net, noisy) for name, net in made.items()}


def new_task(split: Split, seed: int) -> Found:
    """Section 6: fine-tuning on 100 rows, by contrast, batch size and freeze."""
    (net,), some, found = trained(split, [seed]), shuffled(split.y_train, 100 + seed)[:100], Found()
    y = split.y_train[some]
    for factor in (1.0, 0.4):
        new = Split(factor * split.X_train, split.y_train, factor * split.X_test, split.y_test)
        adapted = repaired(net, new.X_train, torch_reestimate)
        for size in (2, 16):
            for way in WAYS:
                start = adapted if way.startswith("re-estimated") else net
                tuned = fine_tune(start, new.X_train[some], y, way.removeprefix("re-estimated, "), size, seed)
                found[f"{way}, × {factor:g}, {size}"] = _held_out(tuned, new)
    return found


EXPERIMENTS: Mapping[str, Callable[[Split, int], Found]] = {
    f.__name__: f for f in (never_back, late_buffers, sorted_rows, pairs, checkpoints, noisy_rows, new_task)
}


@functools.cache
def load(experiment: str) -> dict[str, NDArray[np.float64]]:
    """What the seeds showed, by name: (seeds,) or (seeds, times); NaN where a net diverged.

    >>> load("never_back")["no norm, 0.1"].shape
    (10,)
    >>> load("never_forward")
    Traceback (most recent call last):
    KeyError: 'never_forward'
    """
    stored = json.loads((importlib.resources.files(__package__) / FILE).read_text(encoding="utf-8"))
    return {name: np.array(runs, dtype=float) for name, runs in stored["experiments"][experiment].items()}


def compute(experiment: str, seeds: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """The same as :func:`load` gives, for any seeds, computed now."""
    split = digits(torch.float64)
    runs = [EXPERIMENTS[experiment](split, seed) for seed in seeds]
    return {name: np.array([run[name] for run in runs], dtype=float) for name in runs[0]}


def points(a: NDArray[np.float64], b: NDArray[np.float64]) -> str:
    """Differences a − b, seed by seed, in percentage points: median, range, and in how many seeds a is higher.

    >>> points(np.array([0.5, 0.6, 0.8]), np.array([0.4, 0.6, 0.6]))
    '+10.0 (+0.0 to +20.0), 2 of 3'
    """
    d = np.round(100 * (a - b), 1) + 0.0
    return f"{np.median(d):+.1f} ({d.min():+.1f} to {d.max():+.1f}), {(d > 0).sum()} of {len(d)}".replace("-", "−")


# --- what the notebook shows ----------------------------------------------------------------------------------------


def never_back_table() -> None:
    """Bug 3: accuracy and diverged nets, and what the bug costs, seed by seed."""
    found = load("never_back")
    names = {"every epoch": "train() in every epoch", "once": "train() once, before the loop", "no norm": "no norm"}
    rows = [[text, *(spread(found[f"{name}, {lr}"]) for lr in (0.1, 0.5))] for name, text in names.items()]
    cost = points(found["once, 0.1"], found["every epoch, 0.1"])
    table(
        ["net", "learning rate 0.1", "learning rate 0.5"],
        [*rows, ["points: once − every epoch", f"{cost} higher", "–"]],
        "Held-out accuracy after five epochs: median (range) of the nets that did not diverge, ten seeds",
    )


def late_buffers_figure() -> None:
    """Bug 4: accuracy in eval mode while training, by momentum, and what each lags behind re-estimated statistics."""
    found, steps = load("late_buffers"), range(10, 201, 10)
    figure, (left, right) = figures.subplots(1, 2, width=9.0, height=3.6)
    for name in ("re-estimated", *map(str, MOMENTA)):
        _line(left, steps, found[name], name)
        if name not in ("re-estimated", "0.001"):
            _line(right, steps, 100 * (found["re-estimated"] - found[name]), name)
    left.set_title("held-out accuracy, eval mode\nline: median of ten seeds, band: range")
    right.set_title("points below re-estimated, seed by seed\ncut at −2 and 8 (0.001: always above)")
    left.set(ylim=(0, 1.02), xlabel="training step")
    right.set(ylim=(-2, 8), xlabel="training step")
    left.legend(title="momentum", loc="lower right")
    figures.show(
        figure,
        "Held-out accuracy in eval mode against training step, for five momenta and for re-estimated statistics; "
        "beside it how far four of them are below re-estimated.",
    )


def late_buffers_table() -> None:
    """Bug 4: when eval mode reaches 90 %, and how far each momentum is below re-estimated statistics."""
    found, rows = load("late_buffers"), []
    for name in (*map(str, MOMENTA), "re-estimated"):
        reached = (np.median(found[name], axis=0) >= 0.9).nonzero()[0]
        behind = points(*(found[key][:, 4:].mean(axis=1) for key in (name, "re-estimated")))
        rows.append(
            [
                name,
                10 * (reached[0] + 1) if len(reached) else "not in 200",
                spread(found[name][:, -1]),
                "–" if name == "re-estimated" else f"{behind} higher",
            ]
        )
    table(
        [
            "momentum",
            "median reaches 0.90 at step (seen every 10)",
            "accuracy after 200 steps",
            "points: it − re-estimated, steps 50 to 200",
        ],
        rows,
        "Held-out accuracy in eval mode, batches of 64: median (range), ten seeds",
    )


def small_batches_table() -> None:
    """Bug 4: the momentum of another framework, with batches of 8."""
    found = load("late_buffers")
    again = found["re-estimated, batches of 8"]
    runs = {name: found[f"{name}, batches of 8"] for name in ("0.1", "0.99")}
    rows = [[name, spread(run), f"{points(run, again)} higher"] for name, run in runs.items()]
    table(
        ["momentum", "accuracy after 300 steps", "points: it − re-estimated"],
        [*rows, ["re-estimated", spread(again), "–"]],
        "Held-out accuracy in eval mode, batches of 8: median (range), ten seeds",
    )


def sorted_rows_table() -> None:
    """Bug 6: mixed and sorted rows, at two learning rates."""
    found = load("sorted_rows")
    table(
        ["batches from", "learning rate", *_NETS],
        [
            [f"{order} rows", lr, *_nets(found, f"{order}, {lr}")]
            for lr, order in product((0.1, 0.3), ("mixed", "sorted"))
        ],
        "Held-out accuracy after five epochs: median (range), ten seeds",
    )


def pairs_table() -> None:
    """Batches of two, at three learning rates."""
    found = load("pairs")
    table(
        ["learning rate", *_NETS],
        [[lr, *_nets(found, lr)] for lr in RATES],
        "Held-out accuracy after one epoch of batches of two: median (range), ten seeds",
    )


_NETS = ("no norm", "batch norm", "batch norm, re-estimated", "points: re-estimated − batch norm")


def _nets(found: Mapping[str, NDArray[np.float64]], case: str | float) -> list[str]:
    """The cells of a row under ``_NETS``."""
    runs = [found[f"{net}, {case}"] for net in ("no norm", "batch norm", "re-estimated")]
    return [*map(spread, runs), f"{points(runs[2], runs[1])} higher"]


def checkpoints_table() -> None:
    """Bug 7: the averaged weights of five checkpoints, with three kinds of buffers."""
    found = load("checkpoints")
    again = found["re-estimated"]
    names = {"last buffers": "of the last checkpoint", "averaged buffers": "averaged like the weights"}
    rows = [[text, spread(found[name]), f"{points(found[name], again)} higher"] for name, text in names.items()]
    table(
        ["buffers", "accuracy", "points: it − re-estimated"],
        [*rows, ["re-estimated", spread(again), "–"]],
        "Held-out accuracy of averaged weights, by their buffers: median (range), ten seeds",
    )


def noisy_rows_table() -> None:
    """Section 5: noise, for nets that never saw it and for nets that did."""
    found = load("noisy_rows")
    before = found["as it was"]
    names = {"re-estimated": "the same, re-estimated on the noisy rows", "used to noise": "trained on noisy rows"}
    rows = [[text, spread(found[name]), f"{points(found[name], before)} higher"] for name, text in names.items()]
    table(
        ["net", "accuracy on noisy rows", "points: it − trained on clean rows"],
        [["trained on clean rows", spread(before), "–"], *rows],
        "Held-out accuracy under noise of std 1: median (range), ten seeds",
    )


def new_task_tables() -> None:
    """Section 6: fine-tuning, and what a freeze changes, seed by seed."""
    found, cases = load("new_task"), [f"× {factor}, {size}" for factor in ("1", "0.4") for size in (2, 16)]
    head = ["contrast", "batches of"]
    table(
        [*head, *WAYS.values()],
        [[*case.split(", "), *(spread(found[f"{way}, {case}"]) for way in WAYS)] for case in cases],
        "Held-out accuracy after fine-tuning on 100 rows: median (range), ten seeds",
    )
    table(
        [*head, "in every epoch − never", "both re-estimated: in every epoch − never"],
        [
            [
                *case.split(", "),
                *(
                    f"{points(found[f'{start}always, {case}'], found[f'{start}never, {case}'])} higher"
                    for start in ("", "re-estimated, ")
                ),
            ]
            for case in cases
        ],
        "The same nets: differences in percentage points, seed by seed: median (range), seeds in which it is higher",
    )


_STYLES = {
    "re-estimated": ("#08306b", "-", ""),
    "0.1": ("#0072b2", (0, (6, 2)), "o"),
    "0.01": ("#2c7fb8", (0, (6, 2, 1, 2)), "s"),
    "0.001": ("#2c7fb8", (0, (1, 2)), "v"),
    "None": ("#0072b2", (0, (1, 1)), "D"),
    "0.99": ("#08306b", (0, (2, 2)), "x"),
}
"""All are nets with batch norm, so all are blue; dashes, marks and the legend tell them apart."""


def _line(ax: Any, steps: Sequence[int], runs: NDArray[np.float64], name: str) -> None:
    colour, dashes, mark = _STYLES[name]
    label = "None (plain average)" if name == "None" else name
    ax.plot(steps, np.median(runs, axis=0), color=colour, linestyle=dashes, marker=mark, markersize=4, label=label)
    ax.fill_between(steps, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.09, linewidth=0)


def main() -> None:
    """Write ``mode_seeds.json`` beside this module."""
    found = {name: compute(name, SEEDS) for name in EXPERIMENTS}
    stored = {
        "command": "python -m helpers.experiments.mode_seeds",
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seeds": len(SEEDS),
        "null": "not finite",
        "experiments": {name: {key: _rounded(runs) for key, runs in series.items()} for name, series in found.items()},
    }
    Path(__file__).with_name(FILE).write_text(json.dumps(stored) + "\n", encoding="utf-8")


def _rounded(runs: NDArray[np.float64]) -> Any:
    if runs.ndim > 1:
        return [_rounded(run) for run in runs]
    return [round(float(accuracy), 4) if np.isfinite(accuracy) else None for accuracy in runs]


if __name__ == "__main__":
    main()
