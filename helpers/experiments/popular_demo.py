"""Notebook 03: the popular demo of batch norm, what it shows and what it leaves out.

An MLP with 6 hidden layers of 128 on 512 rows, full batch, SGD, with and without batch norm.  The control, a net
without a norm from He initialisation, has a learning rate of its own, because it diverges at the demo's.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.data import Split, sine
from helpers.lab.nets import MLP, Norm
from helpers.lab.tables import spread, table
from helpers.lab.training import History, evaluate, one_thread, seeded, train

from .fair import HEAD_SCALE, NETS, fair_data, line, makers, widths
from .stored import brief, load

WIDTH = 128
LIVE_SEEDS = (0, 1)
LRS = {"none": 0.05, "none, He": 0.03, "batch": 0.05}
"""The demo's learning rate, and the control's."""
STEPS, LONGER = 300, 1200
SHOWN = [*range(10), *range(10, STEPS, 10), STEPS - 1]
LATER = [*SHOWN, *range(STEPS + 49, LONGER, 50)]
"""Steps at which stored curves are kept: of all nets, and of the one that trains longer."""
RAISED = (0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
RAISED_STEPS = 60
GONE = 1e3
"""A loss above this counts as diverged."""
STARTS = (("default", "default"), ("default", "he"), ("he", "default"), ("he", "he"))
"""Initial weights and biases of the hidden layers; He initialisation sets biases to 0."""
SCALED, GENTLE = "batch norm, output ÷ √width", "batch norm, head's rate ÷ width"
HIDDEN = "batch norm, hidden layers' rate ÷ width"
MOVING = ((WIDTH, 0.05), (64, 0.2))
"""Width and learning rate of batch norm nets that start above their head's limit and do not diverge at once."""
FILE = "with_and_without"
GREY = "#444444"


def demo_data(draw: int = 0) -> Split:
    """512 rows of 20 features, target sin(2·√20·w·x) and noise; w·x varies so much that no MLP here learns it."""
    return sine(scale=20**0.5, seed=draw)


def constant(split: Split) -> float:
    """Held-out loss of the best constant."""
    return float(split.y_test.var(correction=0))


# --- the opening ------------------------------------------------------------------------------------------------------


def opening() -> None:
    """Show the demo's picture: training loss with and without batch norm."""
    found = load(FILE, "curves")
    figure, axes = figures.subplots(width=7, height=3.2)
    for name in ("none", "batch"):
        line(axes, SHOWN, found[name][:, : len(SHOWN)], name)
    title = f"training loss, median and range of {len(found['batch'])} seeds"
    axes.set(title=title, xlabel="step", ylabel="mean squared error")
    axes.set(yscale="log", ylim=(1e-13, 20))
    axes.legend(loc="center right")
    figures.show(
        figure, "Training loss over 300 steps: without batch norm it stays near 0.5, with it it falls below 1e-11."
    )


# --- live, with the learner's layer ---------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Demo:
    """One net over several seeds: its curves, the trained nets, and its losses at the end in eval mode."""

    histories: list[History]
    nets: list[nn.Module]
    train_loss: list[float]
    test_loss: list[float]


def demo(layer: Norm, steps: int = STEPS, seeds: Sequence[int] = LIVE_SEEDS) -> dict[str, Demo]:
    """The three nets on the demo's data, full batch; the control at its own learning rate."""
    split, found = demo_data(), {}
    for name, make in makers(layer, widths(20, width=WIDTH)).items():
        runs = [
            train(make, split, lr=LRS[name], batch_size=512, steps=steps, seed=seed, evaluate_every=50)
            for seed in seeds
        ]
        found[name] = Demo(
            [history for _, history in runs],
            [net for net, _ in runs],
            [evaluate(net, split.X_train, split.y_train)[0] for net, _ in runs],
            [history.test_loss[-1] for _, history in runs],
        )
    return found


def show(layer: Norm) -> dict[str, Demo]:
    """Train the demo's nets with ``layer``, show their curves and their losses at the end, and return them."""
    shown = demo(layer)
    figures.show(
        demo_figure(shown),
        "Training and held-out loss of three nets: those that fit the training rows end above the constant elsewhere.",
    )
    lines = [
        [f"{NETS[name]}, learning rate {LRS[name]:g}", brief(net.train_loss), spread(net.test_loss)]
        for name, net in shown.items()
    ]
    table(
        ["", "training rows", "held-out rows"],
        [*lines, ["predict the mean", "", f"{constant(demo_data()):.2f}"]],
        caption="Mean squared error after 300 steps, in eval mode: median and range of 2 seeds",
    )
    return shown


def demo_figure(results: dict[str, Demo]) -> Figure:
    """Training loss of every step and held-out loss every 50 steps; median and range over seeds."""
    figure, (left, right) = figures.subplots(1, 2, height=3.6)
    for name, found in results.items():
        losses = [history.losses for history in found.histories]
        line(left, np.arange(len(losses[0])), losses, name)
        line(right, found.histories[0].steps, [history.test_loss for history in found.histories], name)
    right.axhline(constant(demo_data()), color=GREY, linewidth=1, label="predict the mean")
    left.set(title="training loss, in train mode", xlabel="step", ylabel="mean squared error", yscale="log")
    right.set(title="held-out loss, in eval mode", xlabel="step", ylabel="mean squared error", ylim=(0, 1))
    figure.suptitle(f"median and range of {len(losses)} seeds", x=0.01, ha="left", fontsize=11)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def show_running_variance(shown: dict[str, Demo]) -> None:
    """Show the batch norm nets' training loss: in train mode, in eval mode, and there with running_var × 511/512."""
    split, (old, new) = demo_data(), (shown["batch"], copy.deepcopy(shown["batch"].nets))
    for net in new:
        for name, buffer in net.named_buffers():
            if name.endswith("running_var"):
                buffer.mul_(511 / 512)
    table(
        ["", "training loss"],
        [
            ["train mode, last step", brief(history.losses[-1] for history in old.histories)],
            ["eval mode", brief(old.train_loss)],
            ["eval mode, `running_var` × 511/512", brief(evaluate(n, split.X_train, split.y_train)[0] for n in new)],
        ],
        caption="Batch norm, the same weights but for the last step: mean squared error on the 512 rows, 2 seeds",
    )


@one_thread()
def signal(norm: Norm | None = None, init: str = "default") -> list[tuple[float, float]]:
    """What leaves each hidden layer of the demo's net before training: (spread over the rows, root mean square).

    The spread is the standard deviation over the 512 rows, a mean over the units; the root mean square counts the
    units' means too.
    """
    with seeded(0), torch.no_grad():
        net, found = MLP(widths(20, width=WIDTH), norm, init), []
        x = demo_data().X_train
        for layer in net.hidden:
            x = layer(x)
            found.append((x.std(dim=0).mean().item(), x.square().mean().sqrt().item()))
    return found


def show_signal(layer: Norm) -> None:
    """Show :func:`signal` of the three nets."""
    nets = {"none": signal(), "none, He": signal(init="he"), "batch": signal(layer)}
    lines = [
        [f"{NETS[name]}: {kind}", *(f"{values[i]:.3f}" for values in found)]
        for name, found in nets.items()
        for i, kind in enumerate(("spread over the rows", "root mean square"))
    ]
    table(
        ["hidden layer", *range(1, 7)],
        lines,
        caption="What leaves each hidden layer before training, width 128, one seed",
    )


def show_longer() -> None:
    """Show the default net for 1,200 steps, and the control for 300."""
    found = load(FILE, "curves")
    said = f"median and range of {len(found['none'])} seeds"
    figure, axes = figures.subplots(width=7.5, height=3.4)
    line(axes, LATER, found["none"], "none")
    line(axes, SHOWN, found["none, He"], "none, He")
    axes.axvline(STEPS, color=GREY, linewidth=1, label="where the demo stops")
    axes.set(title=f"training loss at width 128, {said}", xlabel="step", yscale="log")
    axes.set(ylabel="mean squared error")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figures.show(figure, "Training loss: the control falls within 300 steps, the default net only after 600.")
    at = {step: found["none"][:, LATER.index(step)] for step in (STEPS - 1, 599, 899, 1199)}
    table(
        ["", *(f"step {step + 1:,}" for step in at)],
        [
            [f"{NETS['none']}, learning rate 0.05", *map(spread, at.values())],
            [f"{NETS['none, He']}, learning rate 0.03", spread(found["none, He"][:, -1]), "", "", ""],
        ],
        caption=f"Training loss at width 128: {said}",
    )


def show_starts() -> None:
    """Show the demo's default net with the weights of one initialisation and the biases of another."""
    found, said = load(FILE, "starts"), {"default": "default", "he": "He"}
    lines = [
        [said[weights], "default" if biases == "default" else "0", spread(found[f"{weights}, {biases}"])]
        for weights, biases in STARTS
    ]
    table(
        ["weights of the hidden layers", "their biases", "training loss"],
        lines,
        caption="No norm, width 128, learning rate 0.03, 300 steps: training loss, median and range of "
        f"{len(found['he, he'])} seeds",
    )


# --- larger learning rates ------------------------------------------------------------------------------------------


def show_raised(width: int) -> None:
    """Show the three nets' training loss after 60 steps by learning rate."""
    _raised(width, [*NETS.values()])


def show_gentler_heads() -> None:
    """Show batch norm at width 64 as it is, with a smaller output, a slower head, and slower hidden layers."""
    _raised(64, [NETS["batch"], SCALED, GENTLE, HIDDEN])


def _raised(width: int, names: list[str]) -> None:
    found = load(FILE, "raised")
    columns = [np.where(found[key := f"{name}; {width}"] < GONE, found[key], np.nan) for name in names]
    table(
        ["learning rate", *names],
        [[f"{lr:g}", *(brief(column[:, i]) for column in columns)] for i, lr in enumerate(RAISED)],
        caption=f"Width {width}: training loss after {RAISED_STEPS} steps, median and range of {len(columns[0])} "
        "seeds; above 1,000 it has diverged",
    )


@torch.no_grad()
def entering_head(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What enters the head, (rows, width), in the mode in which the net is."""
    for layer in net.hidden:  # type: ignore[union-attr]
        x = layer(x)
    return x


def limit_of(entering: torch.Tensor, head_scale: float = 1.0) -> float:
    """2/λ for what enters the head."""
    with_bias = torch.cat([entering, torch.ones(len(entering), 1)], dim=1).double()
    curvature = 2 * head_scale**2 * with_bias.T @ with_bias / len(with_bias)
    return 2 / float(torch.linalg.eigvalsh(curvature)[-1])


@one_thread()
def head_limit(
    norm: Norm | None = None,
    width: int = 64,
    head_scale: float = 1.0,
    init: str = "default",
    split: Split | None = None,
    seed: int = 0,
) -> float:
    """2/λ of the head before training: above this learning rate, gradient descent on the head alone diverges.

    The squared error is a quadratic function of the head's weights and bias.  Its curvature is the largest
    eigenvalue λ of 2·s²·HᵀH/N, where the rows of H are what enters the head, with a 1 for the bias, and s is
    ``head_scale``.  split: the demo's data where it is None.
    """
    x = (split or demo_data()).X_train
    with seeded(seed):
        net = MLP(widths(x.shape[1], width=width), norm, init)
    return limit_of(entering_head(net, x), head_scale)


def limits(layer: Norm, seeds: Sequence[int] = range(10), **options: Any) -> dict[str, list[float]]:
    """2/λ of the head of each of the three nets, for each seed."""
    nets: dict[str, tuple[Norm | None, str]] = {
        "none": (None, "default"),
        "none, He": (None, "he"),
        "batch": (layer, "default"),
    }
    return {
        name: [head_limit(norm, init=init, seed=seed, **options) for seed in seeds]
        for name, (norm, init) in nets.items()
    }


def show_limits(layer: Norm) -> None:
    """Show 2/λ of the head at three widths."""
    found = [limits(layer, width=width) for width in (64, 128, 256)]
    table(
        ["", *(f"width {width}" for width in (64, 128, 256))],
        [[label, *(brief(each[name]) for each in found)] for name, label in NETS.items()],
        caption="2/λ of the head before training: median and range of 10 seeds",
    )


def show_moving_limits() -> None:
    """Show what becomes of batch norm nets that start above their head's limit."""
    found = load(FILE, "moving")
    names = ("2/λ before", "largest loss", "2/λ after", "last loss", "not 0")
    table(
        ["width", "learning rate", *names[:-1], "inputs of the head above 0"],
        [[width, f"{lr:g}", *(brief(found[f"{name}; {width}; {lr:g}"]) for name in names)] for width, lr in MOVING],
        caption=f"Batch norm, {RAISED_STEPS} steps of the demo: median and range of 10 seeds",
    )


def show_fair_limits(layer: Norm) -> None:
    """Show 2/λ of the head in the fair set-up, and what happens above it."""
    found = limits(layer, head_scale=HEAD_SCALE, split=fair_data())
    table(
        ["", "2/λ of the head"],
        [[label, brief(found[name])] for name, label in NETS.items()],
        caption="The fair set-up before training: median and range of 10 seeds",
    )
    table(
        ["", "held-out loss"],
        [[name, brief(losses)] for name, losses in load(FILE, "fair_head").items()],
        caption="The fair set-up after 200 steps with batches of 32: median and range of 10 seeds",
    )
