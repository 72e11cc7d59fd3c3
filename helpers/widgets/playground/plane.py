"""The map of learning rate × batch size: who wins where, the learner's own runs, and where the learner stands."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from helpers.experiments.fair import NETS
from helpers.experiments.rate_batch_plane import CLEARLY, TINT, Plane, constant

from .drawing import TOP
from .outcome import Outcome, held_out, lower_of
from .setting import CONTROL, Kind, Setting, Trace
from .style import look_of, net

CELL, TALL_CELL, LEFT, ABOVE, BELOW = 28, 19, 31, 36, 34
"""Pixels: a cell, and the map's margins."""
BEST = {"sine": 0.02, "digits": 0.05}
"""Held-out losses that get a map's full tint."""
KINDS: dict[str, Kind] = {"none": ("none", "default"), "none, He": CONTROL, "batch": ("batch", "default")}
"""The plane's nets."""


@dataclass(frozen=True)
class Cell:
    """What one cell shows: a text, the net whose colour fills it and how much, and what it says when pointed at."""

    text: str
    says: str = ""
    kind: Kind | None = None
    share: float = 0.0


UNSEEN = Cell("?", ": not visited yet")
UNKNOWN = Cell("")


@dataclass(frozen=True)
class Dot:
    """A live run on the map."""

    setting: Setting
    traces: Mapping[Kind, Trace]


def place(plane: Plane, lr: float, batch_size: float) -> tuple[float, float]:
    """Column and row of a position, fractions between the grid's points.

    Both grids are even on a log scale, or nearly.
    """
    lrs = [math.log(v) for v in plane.lrs]
    at = min(max(math.log(lr), lrs[0]), lrs[-1])
    i = max(k for k in range(len(lrs) - 1) if lrs[k] <= at)
    row = math.log2(batch_size / plane.batch_sizes[0])
    return i + (at - lrs[i]) / (lrs[i + 1] - lrs[i]), row


def plane_map(
    plane: Plane | None,
    grid: Plane,
    shows: str,
    dots: Sequence[Dot],
    here: Setting,
    shown: Callable[[float, int], bool],
) -> str:
    """The plane as an SVG of fixed size, the live runs on it and a frame where the learner stands.

    plane: None where no medians are known for this set-up; ``grid`` then gives the axes.  shows: "" for which of the
    rivals wins, or a net's key in NETS for its held-out loss.  shown: says which positions may be told.
    """
    task, rivals = here.task, here.rivals or (CONTROL, CONTROL)
    columns, rows = len(grid.lrs), len(grid.batch_sizes)
    width, height = LEFT + columns * CELL + 5, ABOVE + rows * TALL_CELL + BELOW
    title = f"held-out loss: {NETS[shows]}" if shows else "who has the lower held-out loss?"
    parts = [f'<text y="12" style="font-weight:600">{title}</text>']
    parts.append('<text class="bn-mutedtext" y="29">batch size</text>')
    for j, size in enumerate(grid.batch_sizes):
        y = ABOVE + (rows - 1 - j) * TALL_CELL
        parts.append(f'<text class="bn-mutedtext" x="{LEFT - 6}" y="{y + 14}" text-anchor="end">{size}</text>')
        for i, lr in enumerate(grid.lrs):
            found = UNKNOWN
            if plane:
                found = cell(plane, shows, rivals, task, j, i) if shown(lr, size) else UNSEEN
            parts.append(_cell(LEFT + i * CELL, y, found, f"learning rate {lr:g}, batch size {size}"))
    for i, lr in enumerate(grid.lrs):
        at = f'x="{LEFT + (i + 0.5) * CELL:g}" y="{ABOVE + rows * TALL_CELL + 14}"'
        parts.append(f'<text class="bn-mutedtext" {at} text-anchor="middle">{short_number(lr)}</text>')
    middle = LEFT + columns * CELL // 2
    parts.append(f'<text class="bn-mutedtext" x="{middle}" y="{height - 5}" text-anchor="middle">learning rate</text>')
    parts += [_here(grid, here), *(_dot(*_centre(grid, dot.setting), dot, rivals, task) for dot in dots)]
    says = (
        f"{title} Learning rates across, batch sizes upwards; you are at learning rate {here.lr:g}, batch size "
        f"{here.batch_size}; {len(dots)} of your runs as dots"
    )
    return (
        f'<svg class="bn-map" width="{width}" height="{height}" role="img" aria-label="{html.escape(says)}">'
        f"{''.join(parts)}</svg>"
    )


def _cell(x: int, y: int, found: Cell, at: str) -> str:
    own = f'class="bn-cell {net(found.kind)}" fill-opacity="{found.share:.2f}"' if found.kind else 'class="bn-cell"'
    hatch = ""
    if found is UNSEEN:
        lines = "".join(f"M{x + i} {y}l-{min(i, TALL_CELL)} {min(i, TALL_CELL)}" for i in range(7, CELL + 1, 7))
        hatch = f'<path class="bn-hatch" d="{lines}"/>'
    ink = ' class="bn-on"' if found.share > 0.5 else ""
    return (
        f'<g><title>{at}{html.escape(found.says)}</title><rect {own} x="{x}" y="{y}" width="{CELL}" '
        f'height="{TALL_CELL}"/>{hatch}<text{ink} x="{x + CELL / 2:g}" y="{y + 14}" text-anchor="middle">{found.text}'
        "</text></g>"
    )


def _centre(grid: Plane, setting: Setting) -> tuple[float, float]:
    column, row = place(grid, setting.lr, setting.batch_size)
    return LEFT + (column + 0.5) * CELL, ABOVE + (len(grid.batch_sizes) - 0.5 - row) * TALL_CELL


def _here(grid: Plane, here: Setting) -> str:
    """A frame round the learner's cell, or between two."""
    x, y = _centre(grid, here)
    box = f'x="{x - CELL / 2:.1f}" y="{y - TALL_CELL / 2:.1f}" width="{CELL}" height="{TALL_CELL}" rx="3"'
    return f'<rect class="bn-halo" {box}/><rect class="bn-here" {box}/>'


def _dot(x: float, y: float, dot: Dot, rivals: tuple[Kind, Kind], task: str) -> str:
    """A live run, in its cell's corner: in the winner's colour, hollow where both are about the same, a cross where
    both failed."""
    first, second = (held_out(dot.traces[kind]) for kind in rivals)
    winner = lower_of(first, second, task)
    x, y = x + CELL / 2 - 2, y - TALL_CELL / 2 + 2
    if winner is Outcome.NEITHER:
        path = f'd="M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"'
        return f'<path class="bn-halo bn-run" {path}/><path class="bn-here" {path}/>'
    if winner is Outcome.SAME:
        return f'<circle class="bn-same bn-run" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    own = net(rivals[0 if winner is Outcome.FIRST else 1])
    return f'<circle class="bn-dot bn-run {own}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def cell(plane: Plane, shows: str, rivals: tuple[Kind, Kind], task: str, row: int, column: int) -> Cell:
    """One cell: which of the rivals is lower and its range apart, or the median of the net ``shows``."""

    def seen(name: str) -> tuple[float, float, float]:
        low, median, high = (float(values[name][row, column]) for values in (plane.low, plane.median, plane.high))
        return low, median, high

    if shows:
        low, median, high = seen(shows)
        says = f": {spread(low, median, high)}; {plane.seeds} seeds"
        if not median <= TOP[task]:
            return Cell("✕", says)
        worst = constant(task)
        share = min(1.0, max(0.0, math.log(worst / median) / math.log(worst / BEST[task])))
        text = short_number(float(f"{median:.1f}" if median >= 0.95 else f"{median:.2f}"))
        return Cell(text, says, KINDS[shows], 0.35 * share)
    names = [look_of(kind) for kind in rivals]
    first, second = (seen(name) for name in names)
    said = [f"{NETS[n]} {spread(*found)}" for n, found in zip(names, (first, second), strict=True)]
    says = f": {said[1]}, {said[0]}; {plane.seeds} seeds"
    if lower_of(first[1], second[1], task) is Outcome.NEITHER:
        return Cell("✕", says)
    if first[0] <= second[2] and second[0] <= first[2]:  # the seeds' ranges overlap
        return Cell("≈", says)
    lower = rivals[0 if first[1] < second[1] else 1]
    clearly = max(first[1], second[1]) >= CLEARLY * min(first[1], second[1])
    return Cell("BN" if lower[0] == "batch" else "He", says, lower, 1.0 if clearly else TINT)


def short_number(value: float) -> str:
    """A number without the 0 before its point.

    >>> short_number(0.03), short_number(1.0)
    ('.03', '1')
    """
    return f"{value:g}".removeprefix("0")


def spread(low: float, median: float, high: float) -> str:
    """A median and its range over seeds.

    >>> spread(0.1, 0.123, float("inf"))
    '0.12 (0.1 to diverged)'
    """
    low_text, text, high_text = (f"{v:.2g}" if math.isfinite(v) else "diverged" for v in (low, median, high))
    return f"{text} ({low_text} to {high_text})"
