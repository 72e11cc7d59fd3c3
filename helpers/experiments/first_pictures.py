"""Notebook 00: the picture with which it begins, and the routes through the course.

Nothing here is prepared: the nets are small, and train while the learner waits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.figure import Figure
from torch import nn

from helpers.exercises.syllabus import notebooks
from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP
from helpers.lab.stack import Results, Run, train_stack
from helpers.lab.tables import spread, table

from .fair import NETS, widths

HIDDEN, RATE, STEPS, BATCH_SIZE = 10, 0.05, 150, 64
SEEDS = range(10)
_LOOK = {"none": (NETS["none"], "-"), "none, He": (NETS["none, He"], "--"), "batch": (NETS["batch"], "-")}


@functools.cache
def deep(name: str, seeds: Sequence[int] = SEEDS) -> Results:
    """One of :data:`helpers.experiments.fair.NETS` with ten hidden layers, trained on the digits; (seeds,) each.

    150 steps of SGD, learning rate 0.05, batches of 64, width 64.
    """
    sizes = widths(64, 10, depth=HIDDEN)
    makes: dict[str, Callable[[], MLP]] = {
        "none": partial(MLP, sizes),
        "none, He": partial(MLP, sizes, init="he"),
        "batch": partial(MLP, sizes, nn.BatchNorm1d),
    }
    runs = [Run(makes[name], RATE, seed) for seed in seeds]
    return train_stack(runs, digits(), batch_size=BATCH_SIZE, steps=STEPS)


def two_nets() -> None:
    """Train a deep net without and with batch norm, and show their losses."""
    figures.show(
        deep_figure(("none", "batch")),
        "Training loss over 150 steps of a net with ten hidden layers. Without a norm it stays at the line of a net "
        "that guesses, with batch norm it falls.",
    )


def three_nets() -> None:
    """The same picture with a third net: no norm, and larger initial weights."""
    figures.show(
        deep_figure(("none", "none, He", "batch")),
        "The same two curves, and a third: the net without a norm from He's initial weights. It falls too, and ends "
        "near the one with batch norm.",
    )


def deep_figure(names: Sequence[str]) -> Figure:
    """Training loss of each net, means of five steps, median and range over seeds; held-out accuracy at the end."""
    figure, axes = figures.subplots(width=7.5, height=3.4)
    steps = list(range(5, STEPS + 1, 5))
    guess = math.log(10)
    axes.plot([0, STEPS], [guess, guess], color="#888888", linestyle=":", linewidth=1.2)
    axes.text(1, guess + 0.06, "guessing: ln 10 = 2.30", color="#555555")
    below = 0.22
    for name in sorted(names, key=lambda name: deep(name).losses[:, -5:].mean().item()):
        found, (label, dash) = deep(name), _LOOK[name]
        losses = found.losses.unflatten(1, (-1, 5)).mean(dim=2)
        figures.band(axes, steps, losses, name, label)
        axes.lines[-1].set_linestyle(dash)
        right = f"{label}\nheld-out: {spread((100 * found.test_accuracy).tolist(), 0)} % right"
        end = max(losses[:, -1].median().item(), below)
        below = end + 0.42
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # no grid line runs through the numbers
        look = {"color": figures.COLOURS[name], "va": "center", "zorder": 2.4}  # below the axis
        axes.text(STEPS + 2, end, right, bbox=clear, **look)
    axes.set_title(f"training loss (cross-entropy, means of 5 steps; {len(SEEDS)} seeds: median and range)")
    axes.set(xlabel="step", xlim=(0, STEPS + 70), ylim=(0, 2.7), xticks=range(0, STEPS + 1, 30))
    return figure


# --- the routes ------------------------------------------------------------------------------------------------------

QUESTIONS = 6
"""Questions on the interview page at the end of each notebook, but for INTERVIEW."""
INTERVIEW = "11_mock_interview"


def routes() -> None:
    """Ways through the course, with the minutes that the map gives."""
    course = notebooks()
    minutes = [notebook.minutes for notebook in course]
    pages = [notebook for notebook in course if notebook.name != INTERVIEW]
    questions = QUESTIONS * len(pages)
    rows = [
        ("an hour before an interview", f"the {len(pages)} interview pages, {questions} questions", f"{questions}", ""),
        ("an interview, rehearsed", "the drill of notebook 11, in full or in its short version", "60 or 20", ""),
        ("a weekend", "all notebooks in order", f"{sum(minutes)}", f"{sum(minutes) / 60:.1f}"),
        ("a class", f"{len(course)} sessions, one notebook each", f"{min(minutes)} to {max(minutes)} each", ""),
    ]
    table(("route", "what you do", "minutes", "hours"), rows, "Minutes of the map; a question counts one minute.", (1,))
