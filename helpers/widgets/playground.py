"""Notebook 03's playground: two sliders, and three nets that train while you watch.

Core ipywidgets only.  Training runs in the slider's own callback and redraws as it goes: no thread, no task, nothing
that a front end could miss.  Each position of the sliders is trained once and then remembered.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import nn

from helpers.lab import figures
from helpers.lab.contrast import HEAD_SCALE, NETS, STEPS, fair_data, makers
from helpers.lab.contrast import widths as sizes_of
from helpers.lab.data import Split
from helpers.lab.nets import Norm
from helpers.lab.training import History, evaluate, one_thread, seeded, sgd

from .picture import show_widget

EVERY = 10
"""Steps between two points of a curve."""
REFRESH = 0.05
"""Seconds between two redraws."""
PATIENCE = 5.0
"""Seconds that one net may take, so that a very slow layer does not hold the page."""

ALT = (
    "Playground: training and held-out loss of three nets against steps. "
    "Run this notebook to move its learning rate and batch size."
)

Position = tuple[float, int]
"""Learning rate and batch size."""


@dataclass
class Curves:
    """One net's losses in eval mode at ``steps``; ``note`` says how it ended if it ended early."""

    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    note: str = ""


class Playground:
    """The widget: ``box`` holds it, ``seen`` remembers every position that was trained."""

    def __init__(self, layer: Norm, split: Split | None = None, patience: float = PATIENCE):
        self.split = split or fair_data()
        self.makers = makers(layer, sizes_of(self.split.X_train.shape[1]), HEAD_SCALE)
        self.patience = patience
        self.seen: dict[Position, dict[str, Curves]] = {}
        self.lr = _slider("learning rate", ".2g", base=10, min=-2.5, max=0.5, step=0.25, value=10**-0.5)
        self.batch = _slider("batch size", "d", base=2, min=1, max=8, step=1, value=32)
        self.view, self.numbers = widgets.HTML(), widgets.HTML()
        self.box = widgets.VBox([self.lr, self.batch, self.view, self.numbers])
        self.box.add_class("bn-playground")
        self.lr.add_class("bn-lr")
        self.batch.add_class("bn-batch")
        self.view.add_class("bn-curves")
        for slider in (self.lr, self.batch):
            slider.observe(self._moved, "value")
        self.update()

    @property
    def position(self) -> Position:
        """What the sliders say, rounded as they show it."""
        return float(f"{self.lr.value:.2g}"), round(self.batch.value)

    def update(self) -> None:
        """Train at the sliders' position unless it is remembered, drawing meanwhile; then show its numbers."""
        position = self.position
        if position not in self.seen:
            self.numbers.value = _status([f"{_title(position)}: training …"])
            self.seen[position] = self._train(position)
        self.view.value = draw(self.seen[position], position)
        self.numbers.value = _status(words(self.seen[position], position))

    def _moved(self, _: Any) -> None:
        try:
            self.update()
        except Exception as error:  # a callback's exception would vanish in the log
            self.numbers.value = _status([f"The playground stopped: {_said(error)}."])

    def _train(self, position: Position) -> dict[str, Curves]:
        """Train the nets side by side, one step each in turn, and draw meanwhile."""
        curves = {name: Curves() for name in self.makers}
        with one_thread(), seeded(0):
            running = [
                _Runner(_train_one(make, self.split, position, curves[name]), curves[name], self.patience)
                for name, make in self.makers.items()
            ]
            drawn = -math.inf
            while running := [runner for runner in running if runner.step()]:
                now = time.perf_counter()
                if now - drawn > REFRESH:
                    self.view.value, drawn = draw(curves, position), now
        return curves


@dataclass
class _Runner:
    """One net in training, with a limit on its own seconds."""

    training: Iterator[bool]
    curves: Curves
    patience: float
    seconds: float = 0.0
    steps: int = 0

    def step(self) -> bool:
        """One training step; False when there is none left or the seconds are used up."""
        start = time.perf_counter()
        going = next(self.training, False)
        self.seconds += time.perf_counter() - start
        self.steps += 1
        if going and self.seconds > self.patience:
            self.curves.note = f"stopped at step {self.steps}, after {self.patience:g} seconds"
            return False
        return going


def playground(layer: Norm) -> None:
    """Show the playground with ``layer`` as its batch norm; without a live front end, a picture of its start."""
    found = Playground(layer)
    show_widget(found.box, picture(found.seen[found.position], found.position), ALT)


def _slider(description: str, readout_format: str, **positions: float) -> widgets.FloatLogSlider:
    """A slider whose number can also be typed: in some front ends the arrow keys do not reach it."""
    return widgets.FloatLogSlider(
        description=description,
        readout_format=readout_format,
        continuous_update=False,
        style={"description_width": "90px"},
        layout={"width": "100%", "max_width": "420px"},
        **positions,
    )


def _train_one(make: Callable[[], nn.Module], split: Split, position: Position, curves: Curves) -> Iterator[bool]:
    """Train one net, True after each step; an exception of its layer ends it with a note."""
    lr, batch_size = position
    try:
        with seeded(0):
            net = make().train()
        _measure(net, split, 0, curves)
        history = History()
        for step, loss in enumerate(sgd(net, split, history, lr, batch_size, STEPS), 1):
            if not math.isfinite(loss):
                curves.note = f"diverged at step {step}"
            elif step % EVERY == 0:
                _measure(net, split, step, curves)
            yield True
    except Exception as error:
        curves.note = f"stopped: its layer raised {_said(error)}"


def _measure(net: nn.Module, split: Split, step: int, curves: Curves) -> None:
    train, _ = evaluate(net, split.X_train, split.y_train)
    test, _ = evaluate(net, split.X_test, split.y_test)
    if math.isfinite(train) and math.isfinite(test):
        curves.steps.append(step)
        curves.train.append(train)
        curves.test.append(test)


# --- words and pictures of a position -------------------------------------------------------------------------------


def words(curves: Mapping[str, Curves], position: Position) -> list[str]:
    """The result of a position in sentences: one line for the position, one for each net."""
    lines = [f"{_title(position)}, after {STEPS} steps:"]
    for name, c in curves.items():
        losses = f"training loss {c.train[-1]:.2g}, held-out loss {c.test[-1]:.2g}" if c.train else "no loss"
        lines.append(f"{NETS[name]}: {c.note or losses}.")
    return lines


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": .")


def _title(position: Position) -> str:
    return f"Learning rate {position[0]:g}, batch size {position[1]}"


def _status(lines: list[str]) -> str:
    """Lines as HTML that a screen reader announces when they change."""
    body = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return f'<div class="bn-numbers" role="status" style="line-height:1.5">{body}</div>'


LOWEST, HIGHEST = 1e-3, 3.0
DASHES = {"none": "2 3", "none, He": "7 4", "batch": ""}
WIDTH, HEIGHT, LEFT, TOP, PANEL_WIDTH, PANEL_HEIGHT = 720, 310, 46, 52, 300, 210


def draw(curves: Mapping[str, Curves], position: Position) -> str:
    """Two panels, training and held-out loss, as an SVG string: quick enough to redraw while training."""
    label = f"{_title(position)}: loss of three nets against steps; their last losses are in the text below"
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" font-family="sans-serif" font-size="12" '
        f'fill="#222" style="width:100%;max-width:{WIDTH}px;display:block">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for i, (name, text) in enumerate(NETS.items()):
        x = LEFT + 215 * i
        parts.append(f'<path d="M{x} 14h34" {_stroke(name)}/><text x="{x + 40}" y="18">{text}</text>')
    for x, title, kind in ((LEFT, "training loss", "train"), (LEFT + PANEL_WIDTH + 60, "held-out loss", "test")):
        parts.append(f'<g transform="translate({x} {TOP})">{_panel(title)}')
        parts += [_curve(name, c.steps, getattr(c, kind), c.note) for name, c in curves.items()]
        parts.append("</g>")
    return "".join(parts) + "</svg>"


def _panel(title: str) -> str:
    """Title, grid and axis labels of one panel."""
    parts = [f'<text y="-10" font-weight="bold">{title}</text>']
    for loss in (0.001, 0.01, 0.1, 1.0):
        y = _y(loss)
        parts.append(f'<path d="M0 {y:.0f}h{PANEL_WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.0f}" text-anchor="end">{loss:g}</text>')
    for step in range(0, STEPS + 1, 50):
        parts.append(f'<text x="{_x(step):.0f}" y="{PANEL_HEIGHT + 18}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{PANEL_WIDTH / 2:.0f}" y="{PANEL_HEIGHT + 38}" text-anchor="middle">step</text>')
    return "".join(parts)


def _curve(name: str, steps: list[int], losses: list[float], note: str) -> str:
    """One net's line; a cross marks where it ended early."""
    points = " ".join(f"{_x(step):.0f},{_y(loss):.1f}" for step, loss in zip(steps, losses, strict=True))
    cross = ""
    if note and steps:
        x, y = _x(steps[-1]), _y(losses[-1])
        cross = f'<path d="M{x - 5:.0f} {y - 5:.0f}l10 10m0 -10l-10 10" {_stroke(name, dashed=False)}/>'
    return f'<polyline points="{points}" {_stroke(name)}/>{cross}'


def _stroke(name: str, dashed: bool = True) -> str:
    dash = f' stroke-dasharray="{DASHES[name]}"' if dashed and DASHES[name] else ""
    return f'fill="none" stroke="{figures.COLOURS[name]}" stroke-width="2"{dash}'


def _x(step: float) -> float:
    return PANEL_WIDTH * step / STEPS


def _y(loss: float) -> float:
    """Distance from the top of the panel, on a log scale; losses outside it are drawn at its edge."""
    inside = min(max(loss, LOWEST), HIGHEST)
    return PANEL_HEIGHT * math.log(HIGHEST / inside) / math.log(HIGHEST / LOWEST)


def picture(curves: Mapping[str, Curves], position: Position) -> Figure:
    """The same two panels and numbers as a figure, for readers without a live front end."""
    figure, axes = figures.subplots(1, 2, height=3.9, sharey=True)
    for ax, title, kind in zip(axes, ("training loss", "held-out loss"), ("train", "test"), strict=True):
        for name, c in curves.items():
            dashes = (0, tuple(map(int, DASHES[name].split()))) if DASHES[name] else "-"
            ax.plot(c.steps, getattr(c, kind), color=figures.COLOURS[name], linestyle=dashes, label=NETS[name])
        ax.set(title=title, xlabel="step", yscale="log", ylim=(LOWEST, HIGHEST))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    figure.supxlabel("\n".join(words(curves, position)), fontsize=9, ha="left", x=0.06)
    return figure
