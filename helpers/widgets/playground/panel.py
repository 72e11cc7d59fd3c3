"""The playground of notebook 03: move the learning rate and the batch size, and watch nets train.

Core ipywidgets only, and everything runs in the slider's own callback: no thread, no task, nothing that a front end
could miss.  Each setting is trained once and then remembered.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.experiments import rate_batch_plane
from helpers.experiments.fair import DEPTH, NETS, STEPS
from helpers.experiments.learners import judged
from helpers.lab.nets import Norm

from ..parts import named, show_widget
from . import drawing, reasons, training
from .outcome import Outcome, outcome_of
from .setting import INITS, NORMS, TASKS, Setting, Trace, label
from .still import MAP_KEY, Traces, medians, picture

REFRESH = 0.05
"""Seconds between two redraws."""
PATIENCE = 5.0
"""Seconds that nets trained together may take, so that a very slow layer does not hold the page."""
SLOW = 0.05
"""A layer whose call takes more seconds than this is not put through the six checks first."""

ALT = (
    "Playground: training and held-out loss of three nets against steps, and which net wins on the plane of learning "
    "rate and batch size. Run this notebook to move them."
)

QUESTION = (
    '<div style="line-height:1.4"><b>Predict first.</b> You have not been in this corner of the map. '
    f"After {STEPS} steps, which net has the lower held-out loss? "
    "(Both fail: each diverges or learns nothing. You may also just move on.)</div>"
)

Corner = tuple[str, tuple[str, str], int, bool]
"""A part of the plane: task, pair, which third of the learning rates, and whether batches are large."""


def playground(layer: Any = None) -> None:
    """Show the playground; without a live front end, a picture of its start.

    layer: the learner's batch norm, a class built as ``layer(num_features)``.  A class that fails checks of notebook 02
    is used all the same, and the panel says which check.  None, or a class that is not written yet:
    ``torch.nn.BatchNorm1d``.  Random states and the number of threads are afterwards as they were.
    """
    found = Playground(layer)
    show_widget(found.box, found.picture(), ALT)


class Playground:
    """The widget: ``box`` holds it, ``seen`` remembers every setting that was trained."""

    def __init__(self, layer: Any = None, patience: float = PATIENCE):
        self.batch_norm, self.runs_with = trained_with(layer)
        self.patience = patience
        self.seen: dict[Setting, Traces] = {}
        self.guesses: list[bool] = []
        self.asked: Corner | None = None
        self._controls()
        self.known = {corner(self.setting)}
        self.update()
        for control in (self.lr, self.batch, *self.more):
            control.observe(lambda _: self._safely(self.update), "value")
        for control in (self.look, self.shows):
            control.observe(lambda _: self._safely(self._redraw), "value")
        self.predict.observe(lambda _: self._safely(self.update), "value")
        self.more_button.observe(lambda _: self._unfold(), "value")

    def _controls(self) -> None:
        start = Setting()
        self.lr = _slider("bn-lr", "learning rate", ".1g", base=10, min=-2.5, max=0.5, step=0.25, value=10**-0.5)
        self.batch = _slider("bn-batch", "batch size", "d", base=2, min=1, max=8, step=1, value=start.batch_size)
        self.first = _choice("bn-first", "compare", NORMS, start.pair[0])
        self.second = _choice("bn-second", "with", NORMS, start.pair[1])
        self.init = _choice("bn-init", "init of both", INITS, start.init)
        self.task = _choice("bn-task", "task", TASKS, start.task)
        kept: dict[str, Any] = {"continuous_update": False, "style": _LABEL, "layout": _WIDE}
        self.depth = named("bn-depth", widgets.IntSlider(DEPTH, min=1, max=16, description="hidden layers", **kept))
        self.seed = named("bn-seed", widgets.BoundedIntText(0, min=0, max=999, description="seed", **kept))
        self.more = (self.first, self.second, self.init, self.task, self.depth, self.seed)
        self.shows = _choice("bn-shows", "map shows", {"": "which net wins"} | NETS, "")
        self.look = _choice("bn-look", "look inside", drawing.LOOKS, "")
        self.more_button = named("bn-more", widgets.ToggleButton(False, description="more settings"))
        self.more_button.layout.width = "130px"
        self.predict = named("bn-predict", widgets.Checkbox(True, description="predict first", indent=False))
        self.predict.layout = {"width": "130px", "margin": "2px 2px 2px 24px"}
        self.question = named("bn-question", widgets.HTML())
        self.answers = [named(f"bn-guess-{i}", widgets.Button()) for i in range(len(Outcome))]
        for outcome, button in zip(Outcome, self.answers, strict=True):
            button.on_click(lambda _, outcome=outcome: self._safely(lambda: self._answer(outcome)))
        self.skip = named("bn-skip", widgets.Button(description="no guess, train"))
        self.skip.on_click(lambda _: self._safely(lambda: self._answer(None)))
        self.buttons = widgets.Box([*self.answers, self.skip], layout={"flex_flow": "row wrap", "display": "none"})
        self.curves = named("bn-curves", widgets.HTML(layout={"flex": "3 1 480px", "max_width": "720px"}))
        self.map = named("bn-plane", widgets.HTML(layout={"flex": "1 1 260px", "max_width": "290px"}))
        self.third = named("bn-third", widgets.HTML(layout={"max_width": "720px"}))
        self.numbers = named("bn-words", widgets.HTML())
        rows: dict[str, Any] = {"flex_flow": "row wrap", "align_items": "center"}
        self.unfolded = widgets.Box([*self.more, self.shows], layout={**rows, "display": "none"})
        self.box = named(
            "bn-playground",
            widgets.VBox(
                [
                    widgets.HTML(f"<div>{html.escape(self.runs_with)}</div>"),
                    widgets.Box([self.lr, self.batch], layout=rows),
                    widgets.Box([self.more_button, self.look, self.predict], layout=rows),
                    self.unfolded,
                    self.question,
                    self.buttons,
                    widgets.Box([self.curves, self.map], layout={"flex_flow": "row wrap", "align_items": "flex-start"}),
                    self.third,
                    self.numbers,
                ]
            ),
        )

    @property
    def setting(self) -> Setting:
        """What the controls say; the learning rate rounded as its slider shows it."""
        return Setting(
            lr=float(f"{self.lr.value:.1g}"),
            batch_size=round(self.batch.value),
            task=self.task.value,
            depth=self.depth.value,
            init=self.init.value,
            pair=(self.first.value, self.second.value),
            seed=self.seed.value,
        )

    def update(self) -> None:
        """Show the setting of the controls: from memory, after a question in a new corner of the plane, or training."""
        setting = self.setting
        here = corner(setting)
        if setting in self.seen:
            self._show(setting)
        elif self.predict.value and setting.rivals and here not in self.known and here != self.asked:
            self._ask(setting)
        else:
            self._train(setting)

    def _ask(self, setting: Setting) -> None:
        self.asked = corner(setting)
        assert setting.rivals is not None
        for button, outcome in zip(self.answers, Outcome, strict=True):
            button.description, button.layout.width = outcome.of(setting.rivals), "auto"
        self.buttons.layout.display = "flex"
        self.question.value = QUESTION
        self.curves.value = drawing.curves({kind: Trace() for kind in setting.nets}, setting)
        self.third.value = ""
        self._draw_map(setting)
        self.numbers.value = _status([f"{drawing.caption(setting)}: waiting for your guess."])

    def _answer(self, guess: Outcome | None) -> None:
        if self.setting not in self.seen:  # the second of a double click comes when it is trained
            self._train(self.setting, guess)

    def _train(self, setting: Setting, guess: Outcome | None = None) -> None:
        """Train and draw meanwhile; then compare with the learner's guess where there is one."""
        self._answered()
        self.numbers.value = _status([f"{drawing.caption(setting)}: training …"])
        self._draw_map(setting)
        drawn = -math.inf
        with training.undisturbed():
            for traces in training.run(setting, self.batch_norm, self.patience):
                now = time.perf_counter()
                if now - drawn > REFRESH:
                    self.curves.value, drawn = drawing.curves(traces, setting), now
        self.seen[setting] = traces
        self.known.add(corner(setting))
        came = outcome_of(setting, traces)
        if guess and came and setting.rivals:
            self.guesses.append(guess is came)
            said = "Right" if guess is came else f"Not this time: you said “{guess.of(setting.rivals)}”"
            self.question.value = f"{html.escape(said)}. {sum(self.guesses)} of {len(self.guesses)} guesses were right."
        self._show(setting)

    def _answered(self) -> None:
        self.buttons.layout.display = "none"
        self.question.value = ""

    def _show(self, setting: Setting) -> None:
        if self.buttons.layout.display != "none":
            self._answered()
        traces = self.seen[setting]
        self.curves.value = drawing.curves(traces, setting)
        self._draw_map(setting)
        self._draw_third(setting)
        self.numbers.value = _status(self.words(setting))

    def _redraw(self) -> None:
        self._draw_map(self.setting)
        self._draw_third(self.setting)

    def _draw_map(self, setting: Setting) -> None:
        runs = ((s, t) for s, t in self.seen.items() if set_up(s) == set_up(setting))
        dots = [drawing.Dot(s, t) for s, t in runs if outcome_of(s, t) is not None]
        found, veiled = medians(setting), self._veiled(setting)
        svg = drawing.plane_map(found, rate_batch_plane.load(setting.task), self.shows.value, dots, setting, veiled)
        said = "No medians are known for this set-up; your own runs are the dots."
        if found:
            key = "✕: diverged." if self.shows.value else MAP_KEY
            grey = " Grey: where you have not been." if self.predict.value else ""
            said = f"Median of {found.seeds} seeds (point at a cell for their range). {key}{grey}"
        self.map.value = f'{svg}<div style="font-size:11px;line-height:1.35;max-width:280px">{said}</div>'

    def _veiled(self, setting: Setting) -> Callable[[float, int], bool]:
        """Corners that are still to be guessed are not shown before."""

        def veiled(lr: float, batch_size: int) -> bool:
            there = (setting.task, setting.pair, *region(lr, batch_size))
            return bool(self.predict.value) and there not in self.known

        return veiled

    def _draw_third(self, setting: Setting) -> None:
        which = self.look.value
        self.third.value = drawing.look(which, self.seen[setting], setting) if which and setting in self.seen else ""

    def _unfold(self) -> None:
        self.unfolded.layout.display = "flex" if self.more_button.value else "none"

    def _safely(self, action: Callable[[], None]) -> None:
        """Run a callback; its exception, which would vanish in the log, becomes a sentence."""
        try:
            action()
        except KeyboardInterrupt:
            self.numbers.value = _status(["Interrupted. Move a control to go on."])
        except Exception as error:
            self.numbers.value = _status([f"The playground stopped: {type(error).__name__}: {error}."])

    def words(self, setting: Setting) -> list[str]:
        """A trained setting in sentences: the losses of each net, who won and why, and what other seeds gave."""
        traces = self.seen[setting]
        result = reasons.result(setting, traces)
        lines = [f"{drawing.caption(setting)}, after {STEPS} steps{': ' if result else ''}{result}."]
        for kind, trace in traces.items():
            losses = "no loss"
            if trace.train:
                losses = f"training loss {trace.train[-1]:.2g}, held-out loss {trace.test[-1]:.2g}"
            accuracy = f", held-out accuracy {trace.accuracy:.2f}" if math.isfinite(trace.accuracy) else ""
            lines.append(f"{reasons.capital(label(kind))}: {trace.note or losses + accuracy}.")
        first, *more = reasons.reasons(setting, traces)
        return [*lines, f"Why? {first}", *more, *self._other_seeds(setting)]

    def _other_seeds(self, setting: Setting) -> list[str]:
        found = medians(setting)
        if found is None or setting.lr not in found.lrs or setting.batch_size not in found.batch_sizes:
            return []
        at = found.batch_sizes.index(setting.batch_size), found.lrs.index(setting.lr)
        spreads = [
            f"{text} {drawing.spread(*(float(values[name][at]) for values in (found.low, found.median, found.high)))}"
            for name, text in NETS.items()
        ]
        return [f"Median and range of {found.seeds} seeds, held-out loss: {'; '.join(spreads)}."]

    def picture(self) -> Figure:
        """Curves, map and words of the present setting as a figure, for readers without a live front end."""
        found = medians(self.setting)
        key = [f"Map: median of {found.seeds} seeds. {MAP_KEY}"] if found else []
        words = [self.runs_with, *self.words(self.setting), *key]
        return picture(self.setting, self.seen[self.setting], words)


def trained_with(layer: Any) -> tuple[Norm, str]:
    """The batch norm to train with, and a sentence that says which it is and how it does on the checks of notebook 02.

    >>> trained_with(None)[1]
    'Batch norm here is torch.nn.BatchNorm1d: no class was given.'
    """
    seconds = _seconds(layer) if layer is not None else 0.0
    if seconds > SLOW:
        return layer, f"Batch norm here is your own class, unchecked: one call of it takes {seconds:.2g} seconds."
    with training.undisturbed():
        passed, words = judged(layer)
    if passed is None:
        return nn.BatchNorm1d, f"Batch norm here is torch.nn.BatchNorm1d: {words}."
    return layer, f"Batch norm here is {words}." if passed else f"Batch norm here is your own class, although {words}."


def _seconds(layer: Any) -> float:
    """How long one call takes, the shorter of two; 0 where it raises, which is the judge's business."""
    took = []
    try:
        with training.undisturbed():
            made, x = layer(64), torch.zeros(32, 64)
            for _ in range(2):
                start = time.perf_counter()
                made(x)
                took.append(time.perf_counter() - start)
    except Exception:
        return 0.0
    return min(took)


def region(lr: float, batch_size: int) -> tuple[int, bool]:
    """Which third of the learning rates, and whether batches are large.

    >>> region(0.03, 8), region(0.3, 16), region(1.0, 2)
    ((0, False), (1, True), (2, False))
    """
    return (lr > 0.06) + (lr > 0.6), batch_size > 8


def corner(setting: Setting) -> Corner:
    """The part of the plane that a setting lies in."""
    return (setting.task, setting.pair, *region(setting.lr, setting.batch_size))


def set_up(setting: Setting) -> tuple[Any, ...]:
    """What runs have in common that stand on one map."""
    return setting.task, setting.depth, setting.init, setting.pair


# --- parts ----------------------------------------------------------------------------------------------------------

_LABEL = {"description_width": "90px"}
_WIDE = {"width": "300px"}


def _slider(name: str, description: str, readout_format: str, **positions: float) -> Any:
    """A slider whose number can also be typed: in some front ends the arrow keys do not reach it."""
    return named(
        name,
        widgets.FloatLogSlider(
            description=description,
            readout_format=readout_format,
            continuous_update=False,
            style=_LABEL,
            layout={"flex": "1 1 300px", "max_width": "420px"},
            **positions,
        ),
    )


def _choice(name: str, description: str, options: Mapping[str, str], value: str) -> Any:
    pairs = [(text, key) for key, text in options.items()]
    return named(
        name, widgets.Dropdown(options=pairs, value=value, description=description, style=_LABEL, layout=_WIDE)
    )


def _status(lines: list[str]) -> str:
    """Lines as HTML that a screen reader announces when they change; the first is the headline."""
    head, *rest = map(html.escape, lines)
    body = f"<div><b>{head}</b></div>" + "".join(f"<div>{line}</div>" for line in rest)
    return f'<div class="bn-numbers" role="status" style="line-height:1.5;max-width:1000px">{body}</div>'
