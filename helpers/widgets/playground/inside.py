"""What happens inside the nets at one step of a run: the third panel, drawn from recorded snapshots."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

from .chart import chart, legend, line, log_scale, named, rules
from .drawing import ended
from .setting import BEND, BINS, Kind, Setting, Snapshot, Trace, label
from .style import net

LOOKS = {
    "activations": "activations per layer",
    "gradients": "gradient norm per layer",
    "running": "running against batch statistics",
}
"""What the panel can show; the first is the default."""
TICKS = (-30.0, -3.0, 0.0, 3.0, 30.0)
"""Values at a panel's grid lines."""
TALL = 104
"""Pixels: the height of a panel."""


def look(which: str, traces: Mapping[Kind, Trace], setting: Setting, step: int) -> str:
    """The panel: ``which`` is a key of LOOKS.  step: 1 or more, the latest snapshot at or before it is drawn."""
    draw = {"activations": _activations, "gradients": _gradients, "running": _running}[which]
    return draw(traces, setting, step)


def _activations(traces: Mapping[Kind, Trace], setting: Setting, step: int) -> str:
    """One chart for each net: the distribution of what enters each layer's ReLUs."""
    charts = []
    for kind, trace in traces.items():
        found = trace.snapshot(step)
        said = _short(trace, step) or (f"spread {found.spread[0]:.2g} → {found.spread[-1]:.2g}" if found else "")
        title = f'{named(kind)} <span class="bn-mute">{said}</span>'
        says = f"activations per layer of {label(kind)} in step {step}, {said}"
        heights = [(_value(v), f"{v:g}".replace("-", "−")) for v in TICKS]
        body = [rules(y for y, _ in heights), f'<path class="bn-axis" d="M0 {_value(0.0):.1f}h100"/>']
        if found:
            body += [_shape(kind, found, layer, setting.depth) for layer in range(setting.depth)]
        charts.append(chart(title, says, body, TALL, _layers(setting.depth), heights))
    said = (
        "What enters the ReLUs of each hidden layer, in this step's batch. Spread: standard deviation over"
        " rows and units, layer 1 → last."
    )
    return f'<div class="bn-mute">{said}</div>{_two(charts)}'


def scaled(v: float) -> float:
    """A value on the scale of the distributions: straight near 0, and the whole line between -1 and 1.

    >>> [scaled(v) for v in (-2.0, 0.0, 2.0)]
    [-0.5, 0.0, 0.5]
    """
    return v / (abs(v) + BEND)


def _value(v: float) -> float:
    """Percent from the top."""
    return 50 * (1 - scaled(v))


def _shape(kind: Kind, found: Snapshot, layer: int, depth: int) -> str:
    """A layer's distribution, standing upright and mirrored."""
    room = 100 / depth
    middle, half = (layer + 0.5) * room, 0.46 * room
    bars = found.shapes[layer * BINS : (layer + 1) * BINS]
    filled = [i for i, bar in enumerate(bars) if bar]
    lowest, highest = filled[0], filled[-1]
    places = [(100 * (1 - (i + 0.5) / BINS), half * math.sqrt(bars[i] / 255)) for i in range(lowest, highest + 1)]
    edge = 50 / BINS
    places = [(places[0][0] + edge, 0.0), *places, (places[-1][0] - edge, 0.0)]
    right = [f"{middle + wide:.1f},{y:.1f}" for y, wide in places]
    left = [f"{middle - wide:.1f},{y:.1f}" for y, wide in reversed(places)]
    return f'<polygon class="bn-shape {net(kind)}" points="{" ".join(right + left)}"/>'


def _layers(count: int, names: tuple[str, ...] = ()) -> list[tuple[float, str]]:
    every = 1 if count + len(names) <= 9 else 2
    texts = [str(i + 1) if i % every == 0 else "" for i in range(count)] + list(names)
    return [(100 * (i + 0.5) / len(texts), text) for i, text in enumerate(texts)]


def _short(trace: Trace, step: int) -> str:
    """What to say of a net that ended before ``step``."""
    return html.escape(ended(trace)) if trace.note and step >= len(trace.losses) else ""


def _two(charts: list[str]) -> str:
    return f'<div class="bn-two">{"".join(charts)}</div>'


def _gradients(traces: Mapping[Kind, Trace], setting: Setting, step: int) -> str:
    """Norm of each weight matrix's gradient."""
    low, high = 1e-6, 1e3
    y = log_scale(low, high)
    powers = (1e-6, 1e-3, 1.0, 1e3)
    body = [rules(map(y, powers))]
    for kind, trace in traces.items():
        found = trace.snapshot(step)
        if found:
            body.append(
                line(kind, (((100 * (i + 0.5) / (setting.depth + 1)), y(g)) for i, g in enumerate(found.gradients)))
            )
    up = [(y(v), f"{v:g}") for v in powers]
    says = f"gradient norm per layer of {len(traces)} nets in step {step}"
    made = chart("gradient norm of each layer's weights", says, body, TALL, _layers(setting.depth, ("head",)), up)
    return legend(list(traces), [_short(trace, step) for trace in traces.values()]) + _two([made])


def _running(traces: Mapping[Kind, Trace], setting: Setting, step: int) -> str:
    """The last norm's running statistics against those of the last batch, a dot for each unit."""
    normed = next((kind for kind in traces if kind[0] == "batch"), None)
    if normed is None:
        return _sentence("No net with batch norm here: the others keep no running statistics.")
    trace = traces[normed]
    if trace.end is None or trace.end.running is None:
        why = trace.note or ("this layer keeps no running statistics" if trace.end else "known after the last step")
        return _sentence(f"Running against batch statistics: {why}.")
    found = trace.end.running
    charts = []
    pairs = (("mean", found.running_mean, found.batch_mean), ("standard deviation", found.running_std, found.batch_std))
    for title, across, up in pairs:
        if not all(map(math.isfinite, (*across, *up))):
            return _sentence("Running against batch statistics: not all are finite.")
        low, high = min(*across, *up), max(*across, *up)
        room = (high - low) or 1.0
        dots = "".join(
            f"M{100 * (a - low) / room:.1f} {100 * (1 - (b - low) / room):.1f}h.01"
            for a, b in zip(across, up, strict=True)
        )
        body = [
            '<path class="bn-axis" d="M0 100L100 0M0 0V100H100"/>',
            f'<path class="bn-points {net(normed)}" d="{dots}"/>',
        ]
        ends = [(0.0, f"{low:.2g}"), (100.0, f"{high:.2g}")]
        says = f"running against batch statistics: {title} of each unit; on the diagonal they are equal"
        heading = f"{title} of each unit: up, batch; across, running"
        charts.append(chart(heading, says, body, TALL, ends, [(100 - at, text) for at, text in ends]))
    rows = f"Before the last norm, after the last step, a batch of {setting.batch_size}. On the line the two are equal."
    return f'<div class="bn-mute">{rows}</div>{_two(charts)}'


def _sentence(text: str) -> str:
    return f'<p role="note">{html.escape(text)}</p>'
