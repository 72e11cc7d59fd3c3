"""Charts whose text is text of the page: an SVG that stretches with its place, ticks as HTML beside it."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence

from .setting import Kind, label
from .style import net

Ticks = Iterable[tuple[float, str]]
"""(place in percent, text)."""


def chart(
    title: str, says: str, body: Iterable[str], height: int, across: Ticks, up: Ticks, below: str = "", over: str = ""
) -> str:
    """A chart of ``height`` pixels, as wide as its place; ``body`` is drawn on 100 × 100 units, y downwards.

    title: HTML above it.  says: what a screen reader hears.  across, up: ticks of both axes.  below: what the lower
    axis is.  over: spans of HTML that are placed in percent.
    """
    ticks = "".join(f'<span class="bn-x" style="left:{x:.1f}%">{text}</span>' for x, text in across)
    ticks += "".join(f'<span class="bn-y" style="top:{y:.1f}%">{text}</span>' for y, text in up)
    axis = f'<div class="bn-below">{below}</div>' if below else ""
    return (
        f'<div class="bn-chart"><div class="bn-title">{title}</div><div role="img" aria-label="{html.escape(says)}">'
        f'<div class="bn-plot" style="height:{height}px;margin-bottom:19px">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(body)}</svg>'
        f"{ticks}{over}</div>{axis}</div></div>"
    )


def line(kind: Kind, points: Iterable[tuple[float, float]]) -> str:
    """A net's line through points in percent."""
    return f'<polyline class="bn-line {net(kind)}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def rules(heights: Iterable[float]) -> str:
    """Thin lines across the whole chart."""
    return f'<path class="bn-grid" d="{"".join(f"M0 {y:.1f}h100" for y in heights)}"/>'


def log_scale(low: float, high: float) -> Callable[[float], float]:
    """Percent from the top of a chart on a log scale; what lies outside it is drawn at its edge."""
    return lambda v: 100 * math.log(high / min(max(low, v), high)) / math.log(high / low)


def legend(kinds: Sequence[Kind], notes: Sequence[str], after: str = "") -> str:
    """Each net's line and name, and a note where it has one."""
    parts = [
        f'<span class="{net(kind)}"><svg width="30" height="4" aria-hidden="true"><path class="bn-line {net(kind)}" '
        f'd="M0 2h30"/></svg>{label(kind)}{f": {html.escape(note)}" if note else ""}</span>'
        for kind, note in zip(kinds, notes, strict=True)
    ]
    return f'<div class="bn-legend">{"".join(parts)}{f"<span class=bn-mute>{after}</span>" if after else ""}</div>'


def named(kind: Kind, text: str = "") -> str:
    """A net's name, or another text, in the net's colour."""
    return f'<span class="bn-net {net(kind)}">{html.escape(text or label(kind))}</span>'
