"""Notebook 06's landscape explorer: the loss and its gradient along one step, for two nets, at any step of training.

Core ipywidgets only.  The nets train on when a later step is asked for; each place is computed once and remembered.
"""

from __future__ import annotations

import copy
import html
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from helpers.experiments.along_step import DEPTH, Along, along, rescaled
from helpers.experiments.why_it_works import BATCH_SIZE, RATE, STEPS, make, title
from helpers.lab import figures
from helpers.lab.data import digits
from helpers.lab.nets import MLP
from helpers.lab.training import History, batches, one_thread, seeded, sgd

from .parts import named, show_widget, spoken

NETS = {"none, he": ("none, He", "7 4"), "batch, he": ("batch", "")}
"""The two nets: colour, and dashes as SVG has them."""
PLACES = tuple(range(0, STEPS + 1, 20))
"""Training steps at which one can look."""
FACTORS = tuple(i / 4 for i in range(17))
"""Lengths of the step, in learning rates."""
SCALES = {"¼": 0.25, "½": 0.5, "1": 1.0, "2": 2.0, "4": 4.0}

ALT = (
    "Landscape explorer: the loss and the change of the gradient along one step, for a net without a norm and one with "
    "batch norm, both from He init. Run this notebook to choose the training step, the length of the step and the "
    "scale of the weights."
)


class Training:
    """One net in training: it goes on when a later step is asked for, and keeps what it was at :data:`PLACES`."""

    def __init__(self, net_name: str, seed: int = 0):
        self.split = digits()
        with seeded(seed):
            net = make(net_name, DEPTH).train()
        self.kept: dict[int, MLP] = {0: copy.deepcopy(net)}
        self.order = list(batches(len(self.split.X_train), BATCH_SIZE, STEPS + 1, seed))
        self._running = self._run(net, seed)

    def _run(self, net: MLP, seed: int) -> Iterator[None]:
        for step, _ in enumerate(sgd(net, self.split, History(), RATE, BATCH_SIZE, STEPS, seed), 1):
            if step in PLACES:
                self.kept[step] = copy.deepcopy(net)
                yield

    @one_thread()
    def look(self, step: int, scale: float) -> Along:
        """What lies along the next step of training, with weights of another scale."""
        while step not in self.kept:
            next(self._running)
        rows = self.order[step]
        return along(
            rescaled(self.kept[step], scale), self.split.X_train[rows], self.split.y_train[rows], RATE, FACTORS
        )


class Explorer:
    """The widget: ``box`` holds it; ``step``, ``length`` and ``scale`` are its controls.

    It begins as an empty frame; :meth:`update` trains as far as is needed, and draws.
    """

    def __init__(self) -> None:
        self.training = {name: Training(name) for name in NETS}
        self.seen: dict[tuple[str, int, float], Along] = {}
        self.drawn: dict[str, Along] = {}
        kept: dict[str, Any] = {"style": {"description_width": "150px"}, "layout": {"width": "min(460px, 100%)"}}
        self.step = named(
            "bn-land-step",
            widgets.IntSlider(
                40, min=0, max=STEPS, step=20, description="training step", continuous_update=False, **kept
            ),
        )
        self.length = named(
            "bn-land-length",
            widgets.FloatSlider(1.0, min=0, max=4, step=0.25, description="go (learning rates)", **kept),
        )
        self.scale = named(
            "bn-land-scale", widgets.Dropdown(options=SCALES, value=1.0, description="weights ×", **kept)
        )
        self.view = named("bn-land-view", widgets.HTML(layout={"width": "100%"}))
        self.text = named("bn-land-text", widgets.HTML(layout={"width": "auto"}))
        self.table = named("bn-land-table", widgets.HTML(layout={"width": "auto"}))
        controls = (self.step, self.length, self.scale)
        self.box = named("bn-land", widgets.VBox([*controls, self.view, self.text, self.table]))
        self.step.observe(partial(self._moved, PLACES), "value")
        self.length.observe(partial(self._moved, FACTORS), "value")
        self.scale.observe(lambda _: self.update(), "value")
        self.view.value = draw({}, self.length.value)

    def _moved(self, places: Sequence[float], change: Any) -> None:
        """Update; a number typed between two places first becomes the nearest, which comes back here."""
        nearest = min(places, key=lambda place: abs(place - change["new"]))
        if nearest == change["new"]:
            self.update()
        else:
            change["owner"].value = nearest

    @property
    def looks(self) -> dict[str, Along]:
        """What lies along the step where the controls are, for each net."""
        return {name: self.look(name, self.step.value, self.scale.value) for name in NETS}

    def look(self, name: str, step: int, scale: float) -> Along:
        """What lies along the step, for one net: from memory, or computed."""
        key = name, step, scale
        if key not in self.seen:
            self.seen[key] = self.training[name].look(step, scale)
        return self.seen[key]

    def update(self) -> None:
        """Draw and say what the controls now choose; what must be computed first is announced, the old one dimmed."""
        step, length, scale = self.step.value, self.length.value, self.scale.value
        if any((name, step, scale) not in self.seen for name in NETS):
            note = f"training step {step}, weights × {self.scale.label}: computing …"
            self.view.value = draw(self.drawn, length, note)
            self.box.add_class("bn-wait")
        self.drawn = looks = self.looks
        self.view.value = draw(looks, length)
        self.text.value = spoken(sentence(looks, step, length))
        self.table.value = numbers(looks, length)
        self.box.remove_class("bn-wait")

    def started(self) -> Figure:
        """Train as far as the controls say; returns the picture of it."""
        self.update()
        return picture(self.looks, self.step.value, self.length.value)


def landscape_explorer() -> None:
    """Show the explorer; without a live front end, a picture of its start."""
    explorer = Explorer()
    show_widget(explorer.box, explorer.started, ALT)


def sentence(looks: dict[str, Along], step: int, length: float) -> str:
    """Loss before and after, for each net."""
    i = FACTORS.index(length)
    told = [f"{title(name)}: loss {look.loss:.3g} → {look.losses[i]:.3g}" for name, look in looks.items()]
    return f"After {step} steps of training, {length:g} × the learning rate along the gradient. {'; '.join(told)}."


HEAD = ("net", "loss at w", "loss there", "‖change of the gradient‖", "distance", "change ÷ distance", "effective β")


def numbers(looks: dict[str, Along], length: float) -> str:
    """The numbers at the marker, and effective β over the whole step from ½ to 4, as an HTML table."""
    i = FACTORS.index(length)
    rows = []
    for name, look in looks.items():
        quotient = f"{look.changes[i] / look.distances[i]:.3g}" if length else "–"
        cells = [f"{look.loss:.3g}", f"{look.losses[i]:.3g}", f"{look.changes[i]:.3g}", f"{look.distances[i]:.3g}"]
        rows.append([title(name), *cells, quotient, f"{_beta(look):.3g}"])
    head = "".join(f"<th scope=col>{text}</th>" for text in HEAD)
    body = "".join(
        f"<tr><th scope=row>{first}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for first, *cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _beta(look: Along) -> float:
    half = FACTORS.index(0.5)
    return float((look.changes[half:] / look.distances[half:]).max())


# --- drawing --------------------------------------------------------------------------------------------------------

Panel = tuple[str, Callable[[Along], Sequence[float]], float, float]
PANELS: tuple[Panel, ...] = (
    ("loss", lambda look: list(look.losses), 1e-3, 1e3),
    ("‖change of the gradient‖", lambda look: list(look.changes), 1e-3, 1e3),
)
"""Titles, what is drawn, and the ends of the log axes."""
WIDTH, HEIGHT, LEFT, TOP = 380, 210, 44, 26
DARK = {"none, He": "#f2f4f6", "batch": "#5bb6f0"}
"""The nets' colours on a dark ground."""
_STYLE = (
    ".bn-land svg{max-width:400px;width:100%;overflow:visible}"
    + "".join(f".bn-land .bn-l{i}{{--net:{figures.COLOURS[colour]}}}" for i, (colour, _) in enumerate(NETS.values()))
    + "".join(
        f"{theme} .bn-land .bn-l{i}{{--net:{DARK[colour]}}}"
        for theme in ('body[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
        for i, (colour, _) in enumerate(NETS.values())
    )
    + ".bn-land polyline,.bn-land .bn-key{fill:none;stroke:var(--net);stroke-width:2}"
    ".bn-land circle{fill:var(--net)}.bn-land table{font-size:13px;border-collapse:collapse}"
    ".bn-land th,.bn-land td{text-align:right!important;padding:1px 0 1px 14px!important;background:none!important}"
    ".bn-land th:first-child{text-align:left!important;padding-left:0!important}"
    ".bn-land .widget-html-content{line-height:1.5}"
    ".bn-wait polyline,.bn-wait circle,.bn-wait table,.bn-wait .bn-land-text{opacity:.35}"
)


def draw(looks: dict[str, Along], length: float, note: str = "") -> str:
    """Both panels as HTML, with a marker at a length of the step; without looks an empty frame.

    note: a text beside the key.
    """
    keys = "".join(
        f'<span class="bn-l{i}" style="margin-right:16px"><svg width="30" height="8" style="width:30px">'
        f'<path class="bn-key" d="M0 4h30" stroke-dasharray="{dashes}"/></svg> {title(name)}</span>'
        for i, (name, (_, dashes)) in enumerate(NETS.items())
    )
    panels = "".join(_panel(panel, looks, length) for panel in PANELS)
    return (
        f"<style>{_STYLE}</style><div>{keys}{note}</div><div style='display:flex;flex-wrap:wrap;gap:8px'>{panels}</div>"
    )


def _panel(panel: Panel, looks: dict[str, Along], length: float) -> str:
    name, read, low, high = panel
    right, bottom = WIDTH - 12, HEIGHT - 40

    def across(factor: float) -> float:
        return LEFT + (right - LEFT) * factor / FACTORS[-1]

    def down(value: float) -> float:
        inside = min(max(value, low), high) if value == value else high
        return TOP + (bottom - TOP) * math.log(high / inside) / math.log(high / low)

    parts = [f'<text x="{LEFT}" y="14" font-weight="600">{html.escape(name)} along the step</text>']
    powers = np.arange(round(math.log10(low)), round(math.log10(high)) + 1)
    for power in powers:
        y = down(10.0**power)
        parts.append(f'<path d="M{LEFT} {y:.0f}H{right}" stroke="currentColor" stroke-opacity=".18"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    for factor in range(5):
        parts.append(f'<text x="{across(factor):.0f}" y="{bottom + 17}" text-anchor="middle">{factor}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">learning rates</text>')
    parts.append(f'<path d="M{across(length):.1f} {TOP}V{bottom}" stroke="currentColor" stroke-opacity=".6"/>')
    for i, (net, (_, dashes)) in enumerate(NETS.items()):
        if net in looks:
            values = read(looks[net])
            seen = [(f, v) for f, v in zip(FACTORS, values, strict=True) if v != 0]  # a log axis has no place for 0
            points = " ".join(f"{across(f):.1f},{down(v):.1f}" for f, v in seen)
            here = across(length), down(values[FACTORS.index(length)])
            value = values[FACTORS.index(length)]
            marker = f'<circle cx="{here[0]:.1f}" cy="{here[1]:.1f}" r="5"/>' if value else ""
            parts.append(f'<g class="bn-l{i}"><polyline points="{points}" stroke-dasharray="{dashes}"/>{marker}</g>')
    says = f"{name} along the step; the numbers at the marker are in the table below"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{says}" fill="currentColor" font-size="13" '
        f'font-family="sans-serif">{"".join(parts)}</svg>'
    )


def picture(looks: dict[str, Along], step: int, length: float) -> Figure:
    """The same for readers without a live front end."""
    figure, axes = figures.subplots(1, 2, width=9.0, height=3.4)
    for ax, (name, read, low, high) in zip(axes, PANELS, strict=True):
        for net, look in looks.items():
            colour, dashes = NETS[net]
            line = (0, tuple(map(int, dashes.split()))) if dashes else "-"
            values = np.clip(read(look), low, high)
            values[np.array(read(look)) == 0] = np.nan  # a log axis has no place for 0
            ax.plot(FACTORS, values, color=figures.COLOURS[colour], linestyle=line, label=title(net))
            ax.plot(length, values[FACTORS.index(length)], "o", color=figures.COLOURS[colour])
        ax.set(title=f"{name}, after {step} steps", xlabel="along the step (learning rates)", yscale="log")
        ax.set(xlim=(-0.2, 4.2), xticks=range(5))
        powers = [10.0**p for p in range(round(math.log10(low)), round(math.log10(high)) + 1)]
        ax.set_yticks(powers, [f"{p:g}" for p in powers])
        ax.minorticks_off()
    axes[0].legend()
    return figure
