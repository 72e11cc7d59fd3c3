"""The playground of notebook 03: move the learning rate and the batch size, and watch nets train.

Core ipywidgets only, and everything runs in the slider's own callback: no thread, no task, nothing that a front end
could miss.  Each setting is trained once and then remembered, with what happened inside.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from helpers.experiments import rate_batch_plane
from helpers.experiments.fair import NETS, STEPS
from helpers.experiments.learners import judged
from helpers.lab.nets import Norm

from ..parts import show_widget
from . import chart, drawing, inside, plane, reasons, training
from .controls import Controls
from .outcome import Outcome, outcome_of
from .setting import Setting, Trace, label
from .still import MAP_KEY, Traces, medians, picture

REFRESH = 0.25
"""Seconds between two redraws.  On a small machine the front end draws while the training waits: fewer, sooner done."""
PATIENCE = 5.0
"""Seconds that nets trained together may take, so that a very slow layer does not hold the page."""
SLOW = 0.05
"""A layer whose call takes more seconds than this is not put through the six checks first."""

ALT = (
    "Playground: training and held-out loss of three nets against steps, which net wins on the plane of learning rate "
    "and batch size, and what enters the ReLUs of each layer. Run this notebook to move them."
)
QUESTION = f"Predict first: which net has the lower held-out loss after {STEPS} steps?"
ABOUT = "Both fail: each diverges or learns nothing. Or just move on."
KEYS = "Keyboard: Tab to a slider, then PageUp and PageDown or the arrow keys; or type its number."

Corner = tuple[str, tuple[str, str], int, bool]
"""A part of the plane: task, pair, which third of the learning rates, and whether batches are large."""


def playground(layer: Any = None) -> None:
    """Show the playground; without a live front end, a picture of its start.

    layer: the learner's batch norm, a class built as ``layer(num_features)``.  A class that fails checks of notebook 02
    is used all the same, and the panel says which check.  None, or a class that is not written yet:
    ``torch.nn.BatchNorm1d``.  Random states and the number of threads are afterwards as they were.
    """
    found = Playground(layer)
    show_widget(found.controls.box, found.started, ALT)


class Playground:
    """The widget: ``controls.box`` holds it, ``seen`` remembers every setting that was trained.

    It begins as an empty frame; :meth:`start` looks at the layer and trains.
    """

    def __init__(self, layer: Any = None, patience: float = PATIENCE):
        self.layer, self.patience = layer, patience
        self.batch_norm: Norm = nn.BatchNorm1d
        self.runs_with = ""
        self.seen: dict[Setting, Traces] = {}
        self.guesses: list[bool] = []
        self.asked: Corner | None = None
        self.controls = c = Controls()
        self.known = {corner(self.setting)}
        self._empty(self.setting)
        c.say.value = drawing.status("Three nets, soon in training", "looking at your layer …", self.setting)
        for control in (*c.of_setting, c.predict):
            control.observe(lambda _: self._safely(self.update), "value")
        c.shows.observe(lambda _: self._safely(lambda: self._draw_map(self.setting)), "value")
        c.look.observe(lambda _: self._safely(self._look_elsewhere), "value")
        c.step.observe(lambda _: self._safely(self._scrub), "value")
        for outcome, button in zip(Outcome, c.answers, strict=True):
            button.on_click(lambda _, outcome=outcome: self._safely(lambda: self._answer(outcome)))
        c.skip.on_click(lambda _: self._safely(lambda: self._answer(None)))

    def start(self) -> None:
        """Look at the layer, then train at the setting of the controls."""
        self.batch_norm, self.runs_with = trained_with(self.layer)
        self.update()

    def started(self) -> Figure:
        """Start; returns the picture of it."""
        self.start()
        return self.picture()

    @property
    def setting(self) -> Setting:
        """What the controls say; the learning rate rounded as its slider shows it."""
        return self.controls.setting

    def update(self) -> None:
        """Show the setting of the controls: from memory, after a question in a new corner of the plane, or training."""
        setting = self.setting
        here = corner(setting)
        if setting in self.seen:
            self._show(setting)
        elif self.controls.predict.value and setting.rivals and here not in self.known and here != self.asked:
            self._ask(setting)
        else:
            self._train(setting)

    def _ask(self, setting: Setting) -> None:
        self.asked = corner(setting)
        assert setting.rivals is not None
        for button, outcome in zip(self.controls.answers, Outcome, strict=True):
            button.description = outcome.of(setting.rivals)
        self.controls.asks(True)
        self.controls.question.value = ""
        self._empty(setting)
        self.controls.say.value = drawing.status(QUESTION, ABOUT, setting)
        self.controls.words.value = ""

    def _empty(self, setting: Setting) -> None:
        """The frame of a setting before anything is trained."""
        self._draw_curves({kind: Trace() for kind in setting.nets}, setting, STEPS)
        self._draw_map(setting)

    def _answer(self, guess: Outcome | None) -> None:
        if self.setting not in self.seen:  # the second of a double click comes when it is trained
            self._train(self.setting, guess)

    def _train(self, setting: Setting, guess: Outcome | None = None) -> None:
        """Train and draw meanwhile; then compare with the learner's guess where there is one."""
        self._answered()
        self.controls.say.value = drawing.status("training …", "", setting)
        self._draw_map(setting)
        with training.undisturbed():
            for step, traces in training.run(setting, self.batch_norm, self.patience, REFRESH):
                if step < STEPS:
                    self._draw_curves(traces, setting, step)
        self.seen[setting] = traces
        self.known.add(corner(setting))
        came = outcome_of(setting, traces)
        if guess and came and setting.rivals:
            self.guesses.append(guess is came)
            said = "Right" if guess is came else f"Not this time: you said “{guess.of(setting.rivals)}”"
            self.controls.question.value = f"{html.escape(said)}. {score(self.guesses)}"
        self._show(setting)

    def _answered(self) -> None:
        self.controls.asks(False)
        self.controls.question.value = ""

    def _show(self, setting: Setting) -> None:
        if self.controls.asking:
            self._answered()
        traces = self.seen[setting]
        self._draw_curves(traces, setting, STEPS)
        self._draw_map(setting)
        self.controls.say.value = self._headline(setting)
        self.controls.words.value = self._below(setting)

    def _headline(self, setting: Setting) -> str:
        traces = self.seen[setting]
        won, losses, other = reasons.result(setting, traces)
        after = f"after {STEPS} steps"
        if not won:
            return drawing.status("Trained", after, setting)
        who, text, rivals = outcome_of(setting, traces), html.escape(reasons.capital(won)), setting.rivals
        if rivals and who in (Outcome.FIRST, Outcome.SECOND):
            text = chart.named(rivals[0 if who is Outcome.FIRST else 1], reasons.capital(won))
        below = f"against {other}, {after}" if other else after
        return drawing.status(f"{text}: {html.escape(losses)}", below, setting)

    def _draw_curves(self, traces: Traces, setting: Setting, step: int) -> None:
        """Curves and the third panel at a step of a run, the scrubber there too."""
        c = self.controls
        c.goes_to(step)
        c.curves.value = drawing.curves(traces, setting, step, self.runs_with)
        c.third.value = inside.look(c.look.value, traces, setting, step)

    def _scrub(self) -> None:
        """The learner moved the scrubber."""
        c, setting = self.controls, self.setting
        if not c.moving and setting in self.seen:
            self._draw_curves(self.seen[setting], setting, c.step.value)

    def _look_elsewhere(self) -> None:
        c, setting = self.controls, self.setting
        traces = self.seen.get(setting, {kind: Trace() for kind in setting.nets})
        for widget in (c.scrub, c.play):  # running statistics are looked at after the last step only
            widget.layout.visibility = "hidden" if c.look.value == "running" else "visible"
        c.third.value = inside.look(c.look.value, traces, setting, c.step.value)

    def _draw_map(self, setting: Setting) -> None:
        shows = self.controls.shows.value
        runs = ((s, t) for s, t in self.seen.items() if set_up(s) == set_up(setting))
        dots = [plane.Dot(s, t) for s, t in runs if outcome_of(s, t) is not None]
        found, shown = medians(setting), self._shown(setting)
        svg = plane.plane_map(found, rate_batch_plane.load(setting.task), shows, dots, setting, shown)
        said = "<div>No medians are known for this set-up; your own runs are the dots.</div>"
        if found:
            key = "✕: most seeds diverged." if shows else MAP_KEY
            veil = " ?: not visited yet." if self._veils() else ""
            about = "A dot is one run of yours. Point at a cell for its range."
            summary = f"<summary>key (median of {found.seeds} seeds)</summary>"
            said = f"<details>{summary}{key}{veil} {about}</details>"
        self.controls.map.value = f'{svg}<div class="bn-mute">{said}</div>'

    def _veils(self) -> bool:
        return bool(self.controls.predict.value)

    def _shown(self, setting: Setting) -> Callable[[float, int], bool]:
        """Corners that are still to be guessed are not shown before."""

        def shown(lr: float, batch_size: int) -> bool:
            return not self._veils() or (setting.task, setting.pair, *region(lr, batch_size)) in self.known

        return shown

    def _safely(self, action: Callable[[], None]) -> None:
        """Run a callback; its exception, which would vanish in the log, becomes a sentence."""
        say = self.controls.say
        try:
            action()
        except KeyboardInterrupt:
            say.value = drawing.status("Interrupted. Move a control to go on.")
        except Exception as error:
            sentence = f"The playground stopped: {type(error).__name__}: {error}."
            say.value = drawing.status(html.escape(sentence))

    def words(self, setting: Setting) -> list[str]:
        """A trained setting in sentences: who won, what was seen, why where that is known, and each net's losses."""
        traces = self.seen[setting]
        won, losses, other = reasons.result(setting, traces)
        said = f": {won}, {losses}{f' ({other})' if other else ''}" if won else ""
        lines = [f"{drawing.caption(setting)}, after {STEPS} steps{said}.", *self._seen_and_why(setting)]
        for kind, trace in traces.items():
            lines.append(f"{reasons.capital(label(kind))}: {trace.note or ', '.join(_losses(trace))}.")
        return [*lines, *reasons.also(setting, traces), *self._other_seeds(setting)]

    def _seen_and_why(self, setting: Setting) -> list[str]:
        traces = self.seen[setting]
        lines = [f"Seen: {said}" for said in reasons.seen(setting, traces)]
        why = reasons.why(setting, traces, medians(setting), self._shown(setting))
        return [*lines, f"Why? {why}"] if why else lines

    def _below(self, setting: Setting) -> str:
        """What stands under the pictures: seen, why, and all numbers one click away."""
        traces = self.seen[setting]
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in self._seen_and_why(setting))
        rows = "".join(f"<tr><th scope=row>{label(kind)}</th>{_cells(trace)}</tr>" for kind, trace in traces.items())
        also = [*reasons.also(setting, traces), *self._other_seeds(setting)]
        stopped = [f"{reasons.capital(label(k))}: {t.note}." for k, t in traces.items() if t.note and not t.diverged]
        told = "".join(f"<p>{html.escape(line)}</p>" for line in stopped)
        more = "".join(f"<p>{html.escape(line)}</p>" for line in also)
        heads = "".join(
            f"<th scope=col>{text}</th>" for text in ("training loss", "held-out loss", "held-out accuracy")
        )
        return (
            f'{told}{lines}<div class="bn-foot"><details><summary>all numbers</summary><table><tr><td></td>{heads}</tr>'
            f'{rows}</table>{more}</details><span class="bn-mute">{KEYS}</span></div>'
        )

    def _other_seeds(self, setting: Setting) -> list[str]:
        found = medians(setting)
        if found is None or setting.lr not in found.lrs or setting.batch_size not in found.batch_sizes:
            return []
        at = found.batch_sizes.index(setting.batch_size), found.lrs.index(setting.lr)
        spreads = [
            f"{text} {plane.spread(*(float(values[name][at]) for values in (found.low, found.median, found.high)))}"
            for name, text in NETS.items()
        ]
        return [f"Median and range of {found.seeds} seeds, held-out loss: {'; '.join(spreads)}."]

    def picture(self) -> Figure:
        """Curves, map, insides and words of the present setting as a figure, for readers without a live front end."""
        found = medians(self.setting)
        key = [f"Map: median of {found.seeds} seeds. {MAP_KEY}"] if found else []
        words = [self.runs_with, *self.words(self.setting), *key]
        return picture(self.setting, self.seen[self.setting], words)


def _losses(trace: Trace) -> list[str]:
    if not trace.train:
        return ["no loss"]
    found = [f"training loss {trace.train[-1]:.2g}", f"held-out loss {trace.test[-1]:.2g}"]
    return [*found, f"held-out accuracy {trace.accuracy:.2f}"] if math.isfinite(trace.accuracy) else found


def _cells(trace: Trace) -> str:
    if trace.note or not trace.train:
        return f"<td colspan=3>{html.escape(drawing.ended(trace) or 'no loss')}</td>"
    accuracy = f"{trace.accuracy:.2f}" if math.isfinite(trace.accuracy) else "–"
    return f"<td>{trace.train[-1]:.2g}</td><td>{trace.test[-1]:.2g}</td><td>{accuracy}</td>"


def score(guesses: list[bool]) -> str:
    """How many guesses were right.

    >>> score([True]), score([True, False])
    ('1 of 1 guess was right.', '1 of 2 guesses were right.')
    """
    words = "guess was" if len(guesses) == 1 else "guesses were"
    return f"{sum(guesses)} of {len(guesses)} {words} right."


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
