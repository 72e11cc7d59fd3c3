"""The playground's curves of the loss, as HTML: a millisecond, so that they can be redrawn while nets train."""

from __future__ import annotations

import html
from collections.abc import Mapping

from helpers.experiments.fair import STEPS

from .chart import chart, legend, line, log_scale, rules
from .setting import TASKS, Kind, Setting, Trace
from .style import net

LOWEST, TOP = {"sine": 1e-3, "digits": 1e-2}, {"sine": 3.0, "digits": 10.0}
"""Losses at the lower and upper edge of the curves' panels, for each task."""
MEASURE = {"sine": "mean squared error", "digits": "cross-entropy"}
TALL = 150
"""Pixels: the height of a panel."""


def curves(traces: Mapping[Kind, Trace], setting: Setting, step: int, below: str = "") -> str:
    """Two panels, training and held-out loss, with a line at ``step``; what diverged ends with a cross.

    below: a text under them.
    """
    low, top = LOWEST[setting.task], TOP[setting.task]
    y = log_scale(low, top)
    powers = [v for v in (1e-3, 1e-2, 1e-1, 1.0, 10.0) if low <= v <= top]
    now = f'<path class="bn-now" d="M{100 * step / STEPS:.1f} 0v100"/>' if step < STEPS else ""
    panels = []
    for title, which in (("training loss", "train"), ("held-out loss", "test")):
        body, ends = [rules(map(y, powers)), now], []
        for kind, trace in traces.items():
            points = [(100 * s / STEPS, y(v)) for s, v in zip(trace.steps, getattr(trace, which), strict=True)]
            if trace.diverged:
                points.append((100 * (len(trace.losses) + 1) / STEPS, 0.0))
                ends.append(f'<span class="bn-end {net(kind)}" style="left:{points[-1][0]:.1f}%;top:0">✕</span>')
            body.append(line(kind, points))
        says = f"{title} of {len(traces)} nets against steps; their last losses are in the table below"
        across = [(50.0 * i, str(STEPS * i // 2)) for i in range(3)]
        up = [(y(v), f"{v:g}") for v in powers]
        panels.append(chart(title, says, body, TALL, across, up, "", "".join(ends)))
    notes = [ended(trace) for trace in traces.values()]
    said = f"across: steps; up: {MEASURE[setting.task]} in eval mode"
    text = f'<div class="bn-mute">{said}<br>{html.escape(below)}</div>'
    return f'{legend(list(traces), notes)}<div class="bn-two">{"".join(panels)}</div>{text}'


def ended(trace: Trace) -> str:
    """How a net ended early, short; "" where it did not."""
    return trace.note.partition(",")[0].partition(":")[0]


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


def status(head: str, below: str = "", setting: Setting | None = None) -> str:
    """The headline: ``head`` is HTML, ``below`` a text in small type; of a setting what differs from the start's.

    A screen reader hears the whole setting.
    """
    head = head.replace("held-out", '<span class="bn-nw">held-out</span>')
    heard = ""
    if setting:
        heard, start = f'<span class="bn-hidden">{html.escape(caption(setting))}, </span>', Setting()
        odd = caption(setting).partition(caption(Setting(setting.lr, setting.batch_size)))[2]
        below += html.escape(odd) if setting != start else ""
    return f'<div class="bn-first">{head}</div><div class="bn-mute">{heard}{below}</div>'
