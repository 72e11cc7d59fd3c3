"""The playground's pictures as SVG strings: a millisecond each, so that they can be redrawn while nets train."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from helpers.experiments.fair import NETS, STEPS
from helpers.experiments.rate_batch_plane import Plane
from helpers.lab import figures

from .outcome import SAME, Outcome, held_out, lower_of
from .setting import CONTROL, TASKS, Inside, Kind, Setting, Trace, baseline, label

DASHES = {"none": "2 3", "none, He": "7 4", "batch": "", "layer": "12 3", "group": "9 3 2 3"}
LOWEST, TOP = {"sine": 1e-3, "digits": 1e-2}, {"sine": 3.0, "digits": 10.0}
"""Losses at the lower and upper edge of the curves' panels, for each task."""

WIDTH, HEIGHT, LEFT, ABOVE, PANEL, TALL, GAP = 720, 300, 46, 46, 300, 204, 60
"""Pixels: the curves' picture, its margins, one panel's width and height, and the space between two."""

LOOKS = {
    "": "nothing more",
    "activations": "activations per layer",
    "gradients": "gradient norm per layer",
    "running": "running against batch statistics",
}
"""What the third panel can show."""


def colour(kind: Kind) -> str:
    """A net's colour, the same as in every figure of the course."""
    return figures.COLOURS[_style(kind)]


def dashes(kind: Kind) -> str:
    """A net's dashes as SVG has them, "" for a solid line."""
    return DASHES[_style(kind)]


def _style(kind: Kind) -> str:
    return "none, He" if kind == CONTROL else kind[0]


def _stroke(kind: Kind, dashed: bool = True, width: float = 2) -> str:
    dash = f' stroke-dasharray="{dashes(kind)}"' if dashed and dashes(kind) else ""
    return f'fill="none" stroke="{colour(kind)}" stroke-width="{width:g}"{dash}'


def _svg(width: int, height: int, name: str, says: str, body: Iterable[str]) -> str:
    """An inline SVG with a white ground, no wider than its page and than ``width`` pixels."""
    return (
        f'<svg class="{name}" viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(says)}" '
        f'font-family="sans-serif" font-size="12" fill="#222" style="width:100%;max-width:{width}px;display:block">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(body)}</svg>'
    )


# --- curves ---------------------------------------------------------------------------------------------------------


def curves(traces: Mapping[Kind, Trace], setting: Setting) -> str:
    """Two panels, training and held-out loss; what diverged ends with a cross and its step."""
    low, top = LOWEST[setting.task], TOP[setting.task]
    y = _log(low, top, TALL)
    parts, x = [], float(LEFT)
    for kind in traces:
        parts.append(f'<path d="M{x:.0f} 14h34" {_stroke(kind)}/><text x="{x + 40:.0f}" y="18">{label(kind)}</text>')
        x += 70 + 6.6 * len(label(kind))
    for side, (title, which) in enumerate((("training loss", "train"), ("held-out loss", "test"))):
        parts.append(f'<g transform="translate({LEFT + side * (PANEL + GAP)} {ABOVE})">{_panel(title, y, low, top)}')
        notes = 0
        for kind, trace in traces.items():
            parts.append(_curve(kind, trace, getattr(trace, which), y))
            if trace.note and not side:
                place = f'x="{PANEL}" y="{13 + 15 * notes}" text-anchor="end"'
                parts.append(f'<text {place} fill="{colour(kind)}">{label(kind)}: {_ended(trace)}</text>')
                notes += 1
        parts.append("</g>")
    says = f"loss of {len(traces)} nets against steps; their last losses are in the text below"
    return _svg(WIDTH, HEIGHT, "bn-curves-svg", says, parts)


def _log(low: float, high: float, height: float) -> Callable[[float], float]:
    """Distance from the top of a panel on a log scale; what lies outside it is drawn at its edge."""
    return lambda v: height * math.log(high / min(max(low, v), high)) / math.log(high / low)


def _panel(title: str, y: Callable[[float], float], low: float, top: float) -> str:
    """Title, grid and axis labels of one panel of curves."""
    parts = [f'<text y="-8" font-weight="bold">{title}</text>']
    parts += _powers(range(round(math.log10(low)), math.floor(math.log10(top)) + 1), y)
    for step in range(0, STEPS + 1, 50):
        parts.append(f'<text x="{PANEL * step / STEPS:.0f}" y="{TALL + 16}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{PANEL / 2:.0f}" y="{TALL + 34}" text-anchor="middle">step</text>')
    return "".join(parts)


def _powers(exponents: Iterable[int], y: Callable[[float], float]) -> list[str]:
    """A panel's line and label at each power of 10."""
    at = {exponent: y(10.0**exponent) for exponent in exponents}
    return [
        f'<path d="M0 {height:.0f}h{PANEL}" stroke="#ddd"/>'
        f'<text x="-6" y="{height + 4:.0f}" text-anchor="end">{10.0**exponent:g}</text>'
        for exponent, height in at.items()
    ]


def _curve(kind: Kind, trace: Trace, losses: Sequence[float], y: Callable[[float], float]) -> str:
    """One net's line; a cross marks where it ended early."""
    points = [f"{PANEL * s / STEPS:.0f},{y(v):.1f}" for s, v in zip(trace.steps, losses, strict=True)]
    cross = ""
    if trace.diverged:
        x = PANEL * (len(trace.losses) + 1) / STEPS
        points.append(f"{x:.0f},0")
        cross = f'<path d="M{x - 5:.0f} -5l10 10m0 -10l-10 10" {_stroke(kind, dashed=False, width=2.5)}/>'
    return f'<polyline points="{" ".join(points)}" {_stroke(kind)}/>{cross}'


# --- the plane ------------------------------------------------------------------------------------------------------

CELL, TALL_CELL, MAP_LEFT, MAP_TOP = 34, 26, 32, 36
BEST = {"sine": 0.02, "digits": 0.05}
"""Held-out losses that get a map's full colour."""
RING = figures.COLOURS["layer"]
HIDDEN = ("#eeeeee", "", "#222", "")
"""A cell of which nothing is known or shown yet, as :func:`cell` gives it."""


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
    veiled: Callable[[float, int], bool],
) -> str:
    """The learning rate × batch size plane, the live runs on it and a ring where the learner stands.

    plane: None where no medians are known for this set-up; ``grid`` then gives the axes.  shows: "" for which of the
    rivals wins, or a net's key in NETS for its held-out loss.  veiled: says which positions are not shown yet.
    """
    task, rivals = here.task, here.rivals or (CONTROL, CONTROL)
    columns, rows = len(grid.lrs), len(grid.batch_sizes)
    width, height = MAP_LEFT + columns * CELL + 8, MAP_TOP + rows * TALL_CELL + 36
    title = f"held-out loss: {NETS[shows]}" if shows else "held-out loss: which net wins?"
    parts = [f'<text x="2" y="13" font-weight="bold">{title}</text><text x="2" y="29" font-size="10">batch size</text>']
    for j, size in enumerate(grid.batch_sizes):
        y = MAP_TOP + (rows - 1 - j) * TALL_CELL
        parts.append(f'<text x="{MAP_LEFT - 5}" y="{y + 17}" text-anchor="end" font-size="11">{size}</text>')
        for i, lr in enumerate(grid.lrs):
            if plane is None or veiled(lr, size):
                fill, text, ink, says = HIDDEN
            else:
                fill, text, ink, says = cell(plane, shows, rivals, task, j, i)
            x = MAP_LEFT + i * CELL
            parts.append(
                f"<g><title>learning rate {lr:g}, batch size {size}{html.escape(says)}</title>"
                f'<rect x="{x}" y="{y}" width="{CELL}" height="{TALL_CELL}" fill="{fill}" stroke="#d8d8d8"/>'
                f'<text x="{x + 2}" y="{y + 10}" font-size="10" fill="{ink}">{text}</text></g>'
            )
    for i, lr in enumerate(grid.lrs):
        x, y = MAP_LEFT + i * CELL + CELL // 2, MAP_TOP + rows * TALL_CELL + 14
        parts.append(f'<text x="{x}" y="{y}" text-anchor="middle" font-size="11">{short_number(lr)}</text>')
    middle = MAP_LEFT + columns * CELL // 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">learning rate</text>')
    parts += [_dot(*_centre(grid, dot.setting), dot, rivals, task) for dot in dots]
    across, up = _centre(grid, here)
    ring = f'<circle cx="{across:.1f}" cy="{up:.1f}" r="10" fill="none"'
    parts.append(f'{ring} stroke="#fff" stroke-width="5"/>{ring} stroke="{RING}" stroke-width="2.5"/>')
    says = f"{title} Learning rates across, batch sizes upwards; a ring at learning rate {here.lr:g}, batch size "
    return _svg(width, height, "bn-plane-svg", f"{says}{here.batch_size}; {len(dots)} runs as dots", parts)


def _centre(grid: Plane, setting: Setting) -> tuple[float, float]:
    column, row = place(grid, setting.lr, setting.batch_size)
    return MAP_LEFT + (column + 0.5) * CELL, MAP_TOP + (len(grid.batch_sizes) - 0.5 - row) * TALL_CELL


def cell(
    plane: Plane, shows: str, rivals: tuple[Kind, Kind], task: str, row: int, column: int
) -> tuple[str, str, str, str]:
    """(colour, text, colour of the text, what it says) of one cell."""

    def seen(name: str) -> tuple[float, float, float]:
        low, median, high = (float(values[name][row, column]) for values in (plane.low, plane.median, plane.high))
        return low, median, high

    if shows:
        low, median, high = seen(shows)
        says = f": {spread(low, median, high)}; {plane.seeds} seeds"
        top = TOP[task]
        if not median <= top:
            return "#ffffff", "✕", "#222", says
        constant = baseline(task)
        share = min(1.0, max(0.0, math.log(constant / median) / math.log(constant / BEST[task])))
        text = short_number(float(f"{median:.1f}" if median >= 0.95 else f"{median:.2f}"))
        return _blend(figures.COLOURS[shows], share), text, "#fff" if share > 0.45 else "#222", says
    names = [_style(kind) for kind in rivals]
    first, second = (seen(name) for name in names)
    said = [f"{NETS[n]} {spread(*found)}" for n, found in zip(names, (first, second), strict=True)]
    says = f": {said[1]}, {said[0]}; {plane.seeds} seeds"
    if lower_of(first[1], second[1], task) is Outcome.NEITHER:
        return "#ffffff", "✕", "#222", says
    lower = rivals[0 if first[1] < second[1] else 1]
    ratio = min(max(first[1], second[1]) / min(first[1], second[1]), 4.0)
    if first[0] <= second[2] and second[0] <= first[2]:  # the seeds' ranges overlap
        return _blend(colour(lower), 0.0 if ratio < SAME else 0.3), "≈", "#222", says
    share, text = 0.4 + 0.6 * math.log(ratio) / math.log(4.0), "BN" if lower[0] == "batch" else "He"
    return _blend(colour(lower), share), text, "#fff" if share > 0.45 else "#222", says


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


def _dot(x: float, y: float, dot: Dot, rivals: tuple[Kind, Kind], task: str) -> str:
    """A live run: in the winner's colour, white where both are about the same, a cross where both failed."""
    first, second = (held_out(dot.traces[kind]) for kind in rivals)
    winner = lower_of(first, second, task)
    if winner is Outcome.NEITHER:
        path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
        return f'<path d="{path}" stroke="#fff" stroke-width="5"/><path d="{path}" stroke="#222" stroke-width="2"/>'
    fill = "#fff" if winner is Outcome.SAME else colour(rivals[0 if winner is Outcome.FIRST else 1])
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#fff"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{fill}" stroke="#222" stroke-width="1.2"/>'
    )


def _blend(colour: str, share: float) -> str:
    """``share`` of a colour on white."""
    parts = (round(255 + share * (int(colour[i : i + 2], 16) - 255)) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


# --- the third panel ------------------------------------------------------------------------------------------------

LOOK_HEIGHT, LOOK_TALL = 236, 150


def look(which: str, traces: Mapping[Kind, Trace], setting: Setting) -> str:
    """The panel on demand: ``which`` is a key of LOOKS."""
    body = {"activations": _activations, "gradients": _gradients, "running": _running}[which](traces, setting)
    return _svg(WIDTH, LOOK_HEIGHT, "bn-third-svg", f"{LOOKS[which]}, at the start and at the end", body)


def _activations(traces: Mapping[Kind, Trace], setting: Setting) -> list[str]:
    """One panel for each net: what enters the ReLUs of each layer, before the first and after the last step."""

    def y(v: float) -> float:
        return LOOK_TALL / 2 * (1 - math.asinh(max(-40.0, min(40.0, v))) / math.asinh(40.0))

    parts, wide = [_heading("what enters the ReLUs: 5, 25, 50, 75, 95 % of its values (left: start, right: end)")], 190
    for n, (kind, trace) in enumerate(traces.items()):
        parts.append(f'<g transform="translate({LEFT + n * (wide + 36)} 44)">{_name(kind)}')
        for v in (-30, -3, 0, 3, 30):
            parts.append(f'<path d="M0 {y(v):.0f}h{wide}" stroke="{"#999" if v == 0 else "#e4e4e4"}"/>')
            parts.append(f'<text x="-5" y="{y(v) + 4:.0f}" text-anchor="end" font-size="11">{v}</text>')
        room = wide / setting.depth
        for layer in range(setting.depth):
            for inside, shift, faint in ((trace.start, 0.3, 0.45), (trace.end, 0.7, 1.0)):
                if inside and inside.entering:
                    ys = [y(v) for v in inside.entering[layer]]
                    parts.append(_box(kind, ys, (layer + shift) * room, room, faint))
            if setting.depth <= 8 or layer % 2 == 0:
                parts.append(_tick((layer + 0.5) * room, str(layer + 1)))
        if trace.note:
            parts.append(f'<text x="{wide / 2}" y="{LOOK_TALL - 4}" text-anchor="middle">{_ended(trace)}</text>')
        parts.append(f'<text x="{wide / 2}" y="{LOOK_TALL + 31}" text-anchor="middle">hidden layer</text></g>')
    return parts


def _box(kind: Kind, ys: list[float], x: float, room: float, opacity: float) -> str:
    low, lower, middle, upper, high = ys
    half, ink, tall = min(room * 0.14, 7), colour(kind), max(lower - upper, 1)
    return (
        f'<g opacity="{opacity:g}" stroke="{ink}" fill="{ink}"><path d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        f'<rect x="{x - half:.1f}" y="{upper:.1f}" width="{2 * half:.1f}" height="{tall:.1f}" stroke="none"/>'
        f'<path d="M{x - half - 1:.1f} {middle:.1f}h{2 * half + 2:.1f}" stroke="#fff" stroke-width="1.5"/></g>'
    )


def _gradients(traces: Mapping[Kind, Trace], setting: Setting) -> list[str]:
    """Norm of each weight matrix's gradient, at the first step and at the last finite one."""
    low, high = 1e-6, 1e3
    y = _log(low, high, LOOK_TALL)
    parts = [_heading("gradient norm of each layer")]
    x = 250.0
    for kind in traces:
        parts.append(f'<path d="M{x + 40:.0f} 12h24" {_stroke(kind)}/>')
        parts.append(f'<text x="{x + 68:.0f}" y="16">{label(kind)}</text>')
        x += 44 + 6.6 * len(label(kind))
    for side, (title, which) in enumerate((("first step", "start"), ("last finite step", "end"))):
        parts.append(f'<g transform="translate({LEFT + side * (PANEL + GAP)} 44)"><text y="-8">{title}</text>')
        parts += _powers(range(-6, 4, 3), y)
        for layer in range(setting.depth + 1):
            text = "head" if layer == setting.depth else f"{layer + 1}" if setting.depth <= 12 or layer % 2 == 0 else ""
            parts.append(_tick(PANEL * (layer + 0.5) / (setting.depth + 1), text))
        for kind, trace in traces.items():
            inside: Inside | None = getattr(trace, which)
            if inside and inside.gradients:
                points = " ".join(
                    f"{PANEL * (i + 0.5) / (setting.depth + 1):.0f},{y(g):.1f}" for i, g in enumerate(inside.gradients)
                )
                parts.append(f'<polyline points="{points}" {_stroke(kind)}/>')
        parts.append(f'<text x="{PANEL / 2:.0f}" y="{LOOK_TALL + 31}" text-anchor="middle">layer</text></g>')
    return parts


def _running(traces: Mapping[Kind, Trace], setting: Setting) -> list[str]:
    """The last norm's running statistics against those of the last batch, a dot for each unit."""
    normed = next((kind for kind in traces if kind[0] == "batch"), None)
    if normed is None:
        return [_heading("no net with batch norm here: the others keep no running statistics")]
    trace = traces[normed]
    if trace.end is None or trace.end.running is None:
        why = trace.note or ("this layer keeps no running statistics" if trace.end else "training …")
        return [_heading(f"running against batch statistics: {why}")]
    found = trace.end.running
    parts = [
        _heading(f"last norm, a dot for each unit: running statistics, and those of a batch of {setting.batch_size}")
    ]
    pairs = (("mean", found.running_mean, found.batch_mean), ("standard deviation", found.running_std, found.batch_std))
    for side, (title, across, up) in enumerate(pairs):
        if not all(map(math.isfinite, (*across, *up))):
            return [_heading("running against batch statistics: not all are finite")]
        low, high = min(*across, *up), max(*across, *up)
        room = (high - low) or 1.0
        parts.append(
            f'<g transform="translate({LEFT + side * (PANEL + GAP)} 44)"><text y="-8">{title} of the batch</text>'
        )
        parts.append(f'<path d="M0 {LOOK_TALL}L{PANEL} 0M0 0V{LOOK_TALL}H{PANEL}" fill="none" stroke="#999"/>')
        for end, value in ((0, low), (1, high)):
            parts.append(_tick(PANEL * end, f"{value:.2g}"))
            y = LOOK_TALL * (1 - end) + 4
            parts.append(f'<text x="-5" y="{y}" text-anchor="end" font-size="11">{value:.2g}</text>')
        for a, b in zip(across, up, strict=True):
            at = f'cx="{PANEL * (a - low) / room:.1f}" cy="{LOOK_TALL * (1 - (b - low) / room):.1f}"'
            parts.append(f'<circle {at} r="3" fill="{colour(normed)}" fill-opacity=".6"/>')
        parts.append(f'<text x="{PANEL / 2:.0f}" y="{LOOK_TALL + 31}" text-anchor="middle">running {title}</text></g>')
    return parts


def _tick(x: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{LOOK_TALL + 15}" text-anchor="middle" font-size="11">{text}</text>'


def _heading(text: str) -> str:
    return f'<text x="{LEFT}" y="16" font-weight="bold">{html.escape(text)}</text>'


def _name(kind: Kind) -> str:
    return f'<text y="-8" fill="{colour(kind)}">{label(kind)}</text>'


def _ended(trace: Trace) -> str:
    return html.escape(trace.note.partition(",")[0].partition(":")[0])


def caption(setting: Setting) -> str:
    """A setting in words; what is as at the start is left out.

    >>> caption(Setting(lr=1.0, depth=8, seed=2))
    'Learning rate 1, batch size 32, depth 8, seed 2'
    """
    start, found = Setting(), f"Learning rate {setting.lr:g}, batch size {setting.batch_size}"
    if setting.task != start.task:
        found += f", {TASKS[setting.task]}"
    for name in ("depth", "seed"):
        if getattr(setting, name) != getattr(start, name):
            found += f", {name} {getattr(setting, name)}"
    return found
