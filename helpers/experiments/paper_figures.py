"""Ioffe & Szegedy (2015): Figure 1 on digits over ten seeds, computed in advance, and Figure 3 redrawn from its table.

``python -m helpers.experiments.paper_figures`` computes ``paper_figures.json`` again, in some minutes on one core.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from helpers.lab.data import digits
from helpers.lab.figures import COLOURS, band, show, subplots
from helpers.lab.tables import spread, table
from helpers.lab.training import one_thread

from .paper_nets import (
    Curve,
    best,
    excursion,
    steps_to,
    train_curve,
    tune,
    typical_unit,
    unit_pixels,
    watched,
    width,
)

SEEDS = tuple(range(10))
LEARNING_RATES = (0.5, 1.0, 2.0, 4.0, 8.0)
NETS = {"without BN": False, "with BN": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "std 0.1": {"std": 0.1},
    "std 0.3": {"std": 0.3},
    "std 0.3, standardised": {"std": 0.3, "standardised": True},
}
RUNGS = (
    "both at learning rate 0.5",
    "1. each at its best learning rate",
    "2. and initial weights 3 times larger",
    "3. and standardised pixels",
)
STEPS = 2500
FRIENDLY: dict[str, Any] = {"lr": 1.0, "std": 0.3, "standardised": True}
"""The plain net's settings after the third step of the ladder."""
GROWTH_RATES = (0.5, 8.0)
HOLDS: dict[str, float | None] = {"free": None, "held as at the start": 1.0, "held at 3 times that": 3.0}
"""What becomes of the lengths of the weights: ``hold`` of :func:`watched`."""
FILE = "paper_figures.json"
_KEYS = {"without BN": "none", "with BN": "batch"}
_OVER = f"median (range) of {len(SEEDS)} seeds"


# --- computed in advance --------------------------------------------------------------------------------------------


def compute(seeds: Sequence[int] = SEEDS, steps: int = STEPS) -> dict[str, Any]:
    """All that the notebook shows of trained nets, as plain lists and numbers; infinite is None."""
    curves = {name: train_curve(norm, lr=0.5, steps=steps, seeds=seeds) for name, norm in NETS.items()}
    friendly = {name: train_curve(norm, **FRIENDLY, steps=steps, seeds=seeds) for name, norm in NETS.items()}
    return {
        "curves": {name: _summary(curve) for name, curve in curves.items()},
        "steps to 95 %": {
            setting: {
                name: {f"{lr:g}": _finite(row) for lr, row in tune(norm, LEARNING_RATES, **how, seeds=seeds).items()}
                for name, norm in NETS.items()
            }
            for setting, how in SETTINGS.items()
        },
        "late accuracy": {
            f"{name}, {settings}": np.median(100 * curve.accuracy[-10:], axis=0).round(2).tolist()
            for name in NETS
            for settings, curve in (("Figure 1", curves[name]), ("friendlier", friendly[name]))
        },
        "growth": {f"{lr:g}": grown for lr, grown in zip(GROWTH_RATES, growth(GROWTH_RATES, seeds), strict=True)},
        "held": held(GROWTH_RATES, seeds),
    }


def growth(lrs: Sequence[float], seeds: Sequence[int], steps: int = 500) -> list[dict[str, list[Any]]]:
    """For each learning rate the steps and, (T, seeds), the length of a unit's weights, median over the last layer.

    Nets with BN, weights of std 0.1, pixels from 0 to 1.
    """
    with one_thread():
        seen = [(t.step, np.median(t.length, axis=2)) for t in watched(True, lrs, 0.1, False, steps, seeds)]
    return [
        {"steps": [step for step, _ in seen], "length": [found[i].round(3).tolist() for _, found in seen]}
        for i in range(len(lrs))
    ]


def held(lrs: Sequence[float], seeds: Sequence[int], steps: int = 500) -> dict[str, dict[str, list[int]]]:
    """``{learning rate: {one of HOLDS: held-out digits right of 500 for each seed}}`` of the same nets at the end."""
    with one_thread():
        ends = {
            name: list(watched(True, lrs, 0.1, False, steps, seeds, hold))[-1].accuracy for name, hold in HOLDS.items()
        }
    return {
        f"{lr:g}": {name: (500 * right[i]).round().astype(int).tolist() for name, right in ends.items()}
        for i, lr in enumerate(lrs)
    }


def _summary(curve: Curve) -> dict[str, Any]:
    """A curve as small lists: accuracy in digits of 500, one unit's percentiles, and medians over units by seed."""
    unit, ends = typical_unit(curve), [0, -1]
    spreads, gamma = width(curve)[ends], curve.gamma[ends]
    return {
        "steps": curve.steps.tolist(),
        "right of 500": (500 * curve.accuracy).round().astype(int).tolist(),
        "unit": unit,
        "percentiles": curve.inputs[:, :, 0, unit].round(3).tolist(),
        "moves": np.median(excursion(curve), axis=1).round(3).tolist(),
        "width": np.median(spreads, axis=2).round(3).tolist(),
        "gamma": np.median(gamma, axis=2).round(3).tolist(),
        "width over gamma": np.median(spreads / gamma, axis=2).round(3).tolist(),
    }


def _finite(steps: NDArray[np.float64]) -> list[int | None]:
    return [int(s) if np.isfinite(s) else None for s in steps]


@functools.cache
def load() -> dict[str, Any]:
    """What :func:`compute` found, from ``paper_figures.json``.

    >>> len(load()["late accuracy"]["with BN, Figure 1"])
    10
    """
    stored = (importlib.resources.files(__package__) / FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(stored)["found"]
    return found


def accuracy(name: str) -> NDArray[np.float64]:
    """(T, seeds) held-out accuracy of "without BN" or "with BN" in Figure 1, from 0 to 1."""
    return np.array(load()["curves"][name]["right of 500"]) / 500


def tuned(setting: str, name: str) -> dict[float, NDArray[np.float64]]:
    """``{learning rate: steps to 95 % for each seed}`` of a net in one of :data:`SETTINGS`."""
    rows = load()["steps to 95 %"][setting][name]
    return {float(lr): np.array([np.inf if s is None else s for s in row]) for lr, row in rows.items()}


def rungs() -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """The ladder: (setting, steps to 95 % without BN, with BN), each fairer to the plain net than the last."""
    curves = load()["curves"]
    plain, norm = (steps_to(np.array(curves[name]["steps"]), accuracy(name)) for name in NETS)
    found = [(RUNGS[0], plain, norm)]
    for label, setting in zip(RUNGS[1:], SETTINGS, strict=True):
        plain, norm = (row[best(row)] for row in (tuned(setting, name) for name in NETS))
        found.append((label, plain, norm))
    return found


def speed_up(plain: NDArray[np.float64], norm: NDArray[np.float64]) -> str:
    """Median and range, over seeds, of the steps of one net over those of the other.

    >>> speed_up(np.array([100.0, 300.0, 90.0]), np.array([50.0, 50.0, 30.0]))
    '3.0 (2.0–6.0)'
    """
    ratios = plain / norm
    digits_kept = 0 if np.median(ratios) >= 10 else 1
    return spread(ratios, digits_kept)


def span(steps: NDArray[np.float64]) -> str:
    """Median and range as text.

    >>> span(np.array([700.0, 1200.0, 800.0])), span(np.array([700.0, np.inf, 800.0]))
    ('800 (700–1200)', 'ended')
    """
    return spread(steps, 0) if np.isfinite(steps).all() else "ended"


# --- shown ----------------------------------------------------------------------------------------------------------


def show_start(norm: bool, steps: int = 300, seed: int = 0) -> None:
    """Train one net for a few steps, here and now, and show its accuracy and its last hidden layer."""
    with one_thread():
        seen = list(watched(norm, (0.5,), 0.1, False, steps, (seed,)))
    labels = unit_pixels().y_test
    rows = torch.cat([torch.nonzero(labels == digit)[:3, 0] for digit in range(10)])
    fired = torch.sigmoid(seen[-1].entering[0, 0, rows]).numpy()
    figure = start_figure(np.array([t.step for t in seen]), np.array([t.accuracy.item() for t in seen]), fired, norm)
    which = "with" if norm else "without"
    show(
        figure,
        f"Left: held-out accuracy of a net {which} batch norm against update steps, and a line at 10 %. Right: a map "
        "of the outputs of the 100 sigmoids of its last hidden layer, one row for each of 30 digits, three of a class.",
    )


def start_figure(
    steps: NDArray[np.int64], accuracy: NDArray[np.float64], fired: NDArray[np.float64], norm: bool
) -> Figure:
    """Accuracy over the first steps, and the last hidden layer at their end; ``fired``: (30, 100)."""
    figure, (left, right) = subplots(1, 2, width=9.0, height=3.2, width_ratios=[2, 3])
    left.plot(steps, 100 * accuracy, color=COLOURS["batch" if norm else "none"])
    left.axhline(10, color="#999999", linewidth=1, linestyle=":")
    left.annotate("guessing", (steps[-1], 10), (0, 4), textcoords="offset points", ha="right")
    left.set(xlabel="update step", ylabel="held-out accuracy (%)", ylim=(0, 101), title="what the net learns")
    image = right.imshow(
        fired, aspect="auto", cmap="Blues" if norm else "Greys", vmin=0, vmax=1, interpolation="nearest"
    )
    right.set(xlabel="the 100 sigmoids of the last hidden layer", ylabel="digit shown")
    right.set_title(f"what they put out, step {steps[-1]}")
    right.set_yticks(np.arange(1, 30, 3), range(10))
    right.grid(False)
    figure.colorbar(image, ax=right, label="output of the sigmoid")
    return figure


def show_accuracy() -> None:
    """Figure 1(a) on digits, and the steps to 95 %."""
    show(accuracy_figure(), "Held-out accuracy against update steps, with and without BN, and a line at 95 %.")
    at = load()["curves"]["with BN"]["steps"].index(300)
    lines = [
        (name, spread(100 * accuracy(name)[at], 0), span(steps))
        for name, steps in zip(NETS, rungs()[0][1:], strict=True)
    ]
    head = ["net", "accuracy at step 300 (%)", "steps to 95 %"]
    table(head, lines, f"Held-out accuracy, and update steps until it is 95 %: {_OVER}")


def accuracy_figure() -> Figure:
    """Figure 1(a): held-out accuracy against steps, median and range over seeds."""
    figure, axes = subplots(1, 1, width=7.0, height=3.2)
    for name, style in zip(NETS, ("--", "-"), strict=True):
        steps = load()["curves"][name]["steps"]
        band(axes, steps, 100 * accuracy(name).T, _KEYS[name], name)
        axes.lines[-1].set_linestyle(style)
    axes.axhline(95, color="#999999", linewidth=1, linestyle=":")
    axes.set(xlabel="update step", ylabel="held-out accuracy (%)", ylim=(0, 101), xlim=(0, steps[-1]))
    axes.set_title(f"(a) held-out accuracy: median and range of {len(SEEDS)} seeds; dotted: 95 %")
    axes.legend(loc="lower right")
    return figure


def show_inputs() -> None:
    """Figures 1(b) and (c) on digits, and the same over all units."""
    show(inputs_figure(), "Percentiles of the input of one sigmoid against update steps, without and with BN.")
    curves = load()["curves"]
    lines = [(name, spread(c["moves"], 1), *(spread(w, 2) for w in c["width"])) for name, c in curves.items()]
    head = ["net", "its median moves over", "width at step 0", f"width at step {STEPS}"]
    caption = f"Input of a last hidden sigmoid, median over its 100 units: {_OVER}. Width: 15th to 85th percentile"
    table(head, lines, caption)


def inputs_figure() -> Figure:
    """Figures 1(b) and 1(c): percentiles of what enters one typical sigmoid, over training."""
    figure, panels = subplots(1, 2, width=9.0, height=3.2, sharey=True)
    for axes, name, letter in zip(panels, NETS, "bc", strict=True):
        curve, colour = load()["curves"][name], COLOURS[_KEYS[name]]
        low, middle, high = np.array(curve["percentiles"]).T
        axes.fill_between(curve["steps"], low, high, color=colour, alpha=0.18, linewidth=0)
        for line, style, label, above in (
            (low, "--", "15th percentile", -14),
            (middle, "-", "50th", 6),
            (high, "--", "85th", 6),
        ):
            axes.plot(curve["steps"], line, style, color=colour)
            end = (curve["steps"][-1], line[-1])
            axes.annotate(label, end, (0, above), textcoords="offset points", ha="right")
        axes.set(title=f"({letter}) {name}: unit {curve['unit']} of seed 0", xlabel="update step", ylim=(-2.5, 2.5))
    panels[0].set_ylabel("input of the sigmoid")
    return figure


def show_gamma() -> None:
    """Where the width of Figure 1(c) comes from: γ."""
    curve = load()["curves"]["with BN"]
    rows = [
        (what, *(spread(values, 2) for values in curve[key]))
        for what, key in (("width", "width"), ("|γ|", "gamma"), ("width ÷ |γ|", "width over gamma"))
    ]
    caption = f"With BN, last hidden layer, median over its 100 units: {_OVER}"
    table(["", "step 0", f"step {STEPS}"], rows, caption)


def show_tuned() -> None:
    """Steps to 95 % of both nets in all settings, at every learning rate."""
    lines = [(setting, name, *map(span, tuned(setting, name).values())) for setting in SETTINGS for name in NETS]
    head = ["weights, pixels", "net", *(f"lr {lr:g}" for lr in LEARNING_RATES)]
    table(head, lines, f"Steps to 95 %: {_OVER}; “ended”: not every seed got there before its row ended", left=[1])


def show_ladder() -> None:
    """What is left of the speed-up when the plain net gets friendlier settings."""
    show(ladder_figure(rungs()), "Steps to 95 % with and without BN in four settings, each fairer to the plain net.")
    lines = [(label, span(plain), span(norm), speed_up(plain, norm)) for label, plain, norm in rungs()]
    head = ["setting", "without BN", "with BN", "speed-up"]
    table(head, lines, f"Steps to 95 %, and their ratio seed by seed: {_OVER}")


def ladder_figure(rows: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]]) -> Figure:
    """Steps to 95 % for each (setting, plain net, BN net): median and range over seeds, and their ratio."""
    figure, axes = subplots(1, 1, width=9.0, height=1.1 + 0.55 * len(rows))
    for place, (_, plain, norm) in enumerate(rows):
        for steps, name, mark in ((plain, "without BN", "s"), (norm, "with BN", "o")):
            colour = COLOURS[_KEYS[name]]
            axes.plot(
                [steps.min(), steps.max()], [place, place], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt"
            )
            axes.plot(np.median(steps), place, mark, color=colour, label=name if place == 0 else None)
        axes.annotate(f"× {speed_up(plain, norm)}", (1.01, place), xycoords=("axes fraction", "data"), va="center")
    axes.set_yticks(range(len(rows)), [setting for setting, _, _ in rows])
    axes.set(xscale="log", xlabel="update steps to 95 % (logarithmic)", ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks([20, 50, 100, 200, 500, 1000, 2000], ["20", "50", "100", "200", "500", "1000", "2000"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(False, axis="y")
    axes.set_title(f"median; pale: range of {len(SEEDS)} seeds; at the right: speed-up (range)")
    axes.legend(loc="lower right")
    return figure


def show_late_accuracy() -> None:
    """Held-out accuracy at the end, and seed by seed what each net with BN has over each without."""
    found = {name: np.array(values) for name, values in load()["late accuracy"].items()}
    norms = [name for name in found if name.startswith("with BN")]
    lines = []
    for name, values in found.items():
        more = ["" if name in norms else _ahead(found[norm] - values) for norm in norms]
        lines.append((name, spread(values, 1), *more))
    caption = f"Held-out accuracy (%), median of the last ten tests: {_OVER}; what BN has more, seed by seed, in points"
    table(["net", "accuracy", *(f"more {norm}" for norm in norms)], lines, caption)


def _ahead(more: NDArray[np.float64]) -> str:
    return f"{spread(more, 1)}; ahead in {(more > 0).sum()}, behind in {(more < 0).sum()}"


def show_growth() -> None:
    """§3.3 at work, at two learning rates and as their ratio: the weights grow and the effective step falls."""
    show(
        growth_figure(load()["growth"]),
        "Left: length of a unit's weights against update steps at learning rates 0.5 and 8. Right: learning rate "
        "divided by the squared length.",
    )
    found = []
    for lr, grown in load()["growth"].items():
        length = np.array(grown["length"])[[0, -1]]
        found.append(np.concatenate([length, float(lr) / length**2]))
    small, large = found
    rows = {**dict(zip(load()["growth"], found, strict=True)), "8 over 0.5, seed by seed": large / small}
    lines = [(name, *map(spread, columns)) for name, columns in rows.items()]
    end = load()["growth"]["8"]["steps"][-1]
    head = ["learning rate", "‖w‖, step 0", f"‖w‖, step {end}", "lr/‖w‖², step 0", f"lr/‖w‖², step {end}"]
    table(head, lines, f"Last hidden layer with BN, median over its 100 units: {_OVER}")


def show_held() -> None:
    """The same nets with the lengths of their weights free and held."""
    lines = []
    for lr, right in load()["held"].items():
        accuracies = {name: 100 * np.array(digits_right) / 500 for name, digits_right in right.items()}
        for name, kept in accuracies.items():
            lost = accuracies["free"] - kept
            less = f"{spread(lost, 1)}, worse in {(lost > 0).sum()} of {len(lost)}" if name != "free" else ""
            lines.append((lr, name, spread(kept, 1), less))
    head = ["learning rate", "lengths", "accuracy", "lost by holding"]
    caption = f"Held-out accuracy (%) with BN after 500 steps: {_OVER}; lost: seed by seed, in points"
    table(head, lines, caption, left=[1])


def growth_figure(grown: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Length of the weights, and learning rate over squared length, against steps; median and range over seeds."""
    figure, (left, right) = subplots(1, 2, width=9.0, height=3.2)
    for (lr, found), style in zip(grown.items(), ("-", "--"), strict=True):
        steps, length = found["steps"], np.array(found["length"]).T
        for axes, values in ((left, length), (right, float(lr) / length**2)):
            band(axes, steps, values, "batch", f"learning rate {lr}")
            axes.lines[-1].set_linestyle(style)
    over = f"median, range of {len(SEEDS)} seeds"
    left.set(xlabel="update step", ylabel="length of a unit's weights, ‖w‖", title=f"length: {over}", ylim=(0, 3.2))
    right.set(xlabel="update step", ylabel="learning rate ÷ ‖w‖²", title=f"effective step: {over}", yscale="log")
    right.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    right.yaxis.set_minor_formatter(NullFormatter())
    left.grid(False, axis="y")
    left.legend(loc="lower right")
    return figure


def show_figure_3(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Figure 3 of the paper as a table, and drawn.  ``rows``: as ``helpers.exercises.paper.FIGURE_3``."""
    show(table_figure(rows), "Steps to 72.2 % and best accuracy of five networks, from the paper's Figure 3.")
    lines = [
        (
            name,
            row["learning rate"],
            f"{row['steps'] / 1e6:.1f} M" if row["steps"] else "never",
            row["accuracy"],
            "; ".join(row["changes"]) or "–",
        )
        for name, row in rows.items()
    ]
    head = ["network", "learning rate", "steps to 72.2 %", "best accuracy (%)", "changes from Inception"]
    table(head, lines, "ImageNet: §4.2.1 and Figure 3 of the paper", left=[4])


def table_figure(rows: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Figure 3 of the paper from its numbers: steps to 72.2 % and best accuracy of each model."""
    figure, (left, right) = subplots(1, 2, width=9.0, height=3.6, sharey=True, width_ratios=[3, 2])
    for place, row in enumerate(rows.values()):
        colour = COLOURS["batch" if row["changes"] else "none"]
        if row["steps"] is None:
            left.annotate("never 72.2 % (without BN: never above 0.1 %)", (0.3, place), va="center")
        else:
            left.barh(place, row["steps"] / 1e6, color=colour, edgecolor="white")
            left.annotate(f"{row['steps'] / 1e6:.1f}", (row["steps"] / 1e6 + 0.4, place), va="center")
        right.plot(row["accuracy"], place, "o" if row["changes"] else "s", color=colour)
        right.annotate(f"{row['accuracy']:.1f}", (row["accuracy"] + 0.25, place), va="center")
    left.set_yticks(range(len(rows)), list(rows))
    left.set(xlabel="training steps to 72.2 % (millions)", xlim=(0, 36), ylim=(len(rows) - 0.5, -0.5))
    right.set(xlabel="best validation accuracy,\ntop-1, single crop (%)", xlim=(69, 76))
    left.set_title("steps to 72.2 % on ImageNet")
    right.set_title("best accuracy")
    for axes in (left, right):
        axes.grid(False)
    keys = [Patch(color=COLOURS[_KEYS[name]], label=f"{name} ({mark})") for name, mark in zip(NETS, "■●", strict=True)]
    left.legend(handles=keys, loc="center right")
    return figure


def main(seeds: Iterable[int] = SEEDS) -> None:
    """Write ``paper_figures.json`` beside this module."""
    stored = {
        "command": "python -m helpers.experiments.paper_figures",
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seeds": list(seeds),
        "training digits": len(digits().X_train),
        "null": "not there when the row ended",
        "found": compute(tuple(seeds)),
    }
    Path(__file__).with_name(FILE).write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
