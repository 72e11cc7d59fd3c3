"""Notebook 09's live picture: move the gain of the first weights, and see signal and gradient in thirty layers."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from helpers.experiments.first_signal import LAYERS, live
from helpers.lab import figures

from .parts import named, show_widget, spoken

ALT = (
    "Gain explorer: mean square of signal and gradient in each of thirty layers on a log axis, while a slider moves "
    "the gain of the weights."
)
NAMES = ("ReLU", "tanh", "none (linear)", "leaky ReLU, slope 0.3", "SELU", "logistic sigmoid")
START = ("ReLU", 0.58)
FLOOR, CEILING = -24, 24
"""Powers of ten that the axis holds."""
WIDE, TALL, LEFT, BELOW = 460, 230, 58, 34


class GainExplorer:
    """The widget: ``activation`` and ``gain`` are its controls; ``text`` is read aloud, ``view`` is the drawing."""

    def __init__(self) -> None:
        look: dict[str, Any] = {
            "style": {"description_width": "84px"},
            "layout": {"width": "auto", "max_width": "460px"},
        }
        self.activation = named("bn-gain-act", widgets.Dropdown(options=NAMES, description="activation", **look))
        self.gain = named(
            "bn-gain-gain",
            widgets.FloatSlider(value=START[1], min=0.2, max=3.0, step=0.02, description="gain", **look),
        )
        self.view = named("bn-gain-view", widgets.HTML())
        self.text = named("bn-gain-text", widgets.HTML())
        self.box = named("bn-gain", widgets.VBox([self.activation, self.gain, self.text, self.view]))
        for control in (self.activation, self.gain):
            control.observe(self.update, "value")
        self.update()

    def update(self, _: Any = None) -> None:
        """Draw and say what the controls now choose."""
        seen = live(self.activation.value, self.gain.value)
        self.text.value = spoken(said(self.gain.value, seen.signal, seen.gradient))
        self.view.value = draw(seen.signal, seen.gradient)


def said(gain: float, signal: Sequence[float], gradient: Sequence[float]) -> str:
    """One sentence: how much of the mean square arrives at the last layer, and of the gradient's at the first.

    >>> said(1.0, [1.0, 0.5], [2.0, 1.0])
    'Gain 1.00: layer 30 has 0.5 times the mean square of layer 1; the gradient at layer 1 has 2 times that at 30.'
    """
    ratios = (f"{signal[-1] / signal[0]:.2g}", f"{gradient[0] / gradient[-1]:.2g}")
    return (
        f"Gain {gain:.2f}: layer {LAYERS} has {ratios[0]} times the mean square of layer 1; the gradient at layer 1 "
        f"has {ratios[1]} times that at {LAYERS}."
    )


def _power(value: float) -> float:
    return min(CEILING, max(FLOOR, math.log10(value))) if value > 0 else FLOOR


def draw(signal: Sequence[float], gradient: Sequence[float]) -> str:
    """Both as lines over the layers, as an SVG string in the colour of the text around it."""
    lines = "".join(
        f'<polyline fill="none" stroke="currentColor" stroke-width="2"{dash} points="'
        + " ".join(f"{_x(i):.0f},{_y(_power(v / scale)):.1f}" for i, v in enumerate(values))
        + '"/>'
        for values, scale, dash in ((signal, 1.0, ""), (gradient, gradient[-1], ' stroke-dasharray="7 4"'))
    )
    ticks = "".join(
        f'<path d="M{LEFT} {_y(p):.0f}H{WIDE}" stroke="currentColor" stroke-opacity="{0.6 if p == 0 else 0.18}"/>'
        f'<text x="{LEFT - 6}" y="{_y(p) + 4:.0f}" text-anchor="end">{html.escape(f"1e{p}" if p else "1")}</text>'
        for p in (-24, -12, 0, 12, 24)
    )
    layers = "".join(
        f'<text x="{_x(n - 1):.0f}" y="{TALL - BELOW + 16}" text-anchor="middle">{n}</text>' for n in (1, 10, 20, 30)
    )
    return (
        f'<svg viewBox="0 0 {WIDE + 10} {TALL + 6}" role="img" aria-label="{html.escape(ALT)}" fill="currentColor" '
        f'font-family="sans-serif" font-size="12" style="width:100%;max-width:560px;display:block">'
        f"{ticks}{lines}{layers}"
        f'<text x="{LEFT}" y="{TALL}">layer. Solid: mean square of the signal. Dashed: of the gradient.</text></svg>'
    )


def _x(i: int) -> float:
    return LEFT + 6 + (WIDE - LEFT - 12) * i / (LAYERS - 1)


def _y(power: float) -> float:
    return 8 + (TALL - BELOW - 12) * (CEILING - power) / (CEILING - FLOOR)


def picture() -> Figure:
    """For a reader without a kernel: three gains, none of them the one that is asked for."""
    figure, axes = figures.subplots(1, 2, width=8.0, height=3.0, sharey=True)
    for ax, what in zip(axes, ("signal", "gradient"), strict=True):
        for g, dash in ((0.58, ":"), (1.0, "--"), (2.0, "-")):
            seen = live("ReLU", g)
            values = seen.signal if what == "signal" else [v / seen.gradient[-1] for v in seen.gradient]
            ax.plot(range(1, LAYERS + 1), values, dash, color=figures.COLOURS["none"], label=f"gain {g:g}")
        ax.set(title=f"mean square of the {what}, ReLU", xlabel="layer", yscale="log", ylim=(1e-24, 1e24))
        ax.set_yticks([1e-20, 1e-10, 1, 1e10, 1e20], ["1e-20", "1e-10", "1", "1e10", "1e20"])
        ax.minorticks_off()
    axes[0].legend()
    return figure


def gain_explorer() -> None:
    """Show the explorer; without a live front end, a picture of three gains."""
    show_widget(GainExplorer().box, picture, ALT)
