"""The playground's controls and where they stand; what they do is in :mod:`panel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from helpers.experiments.fair import DEPTH, NETS, STEPS

from ..parts import named
from .inside import LOOKS
from .outcome import Outcome
from .setting import INITS, NORMS, TASKS, Setting
from .style import style_element

LR_TICKS = (".003", ".01", ".03", ".1", ".3", "1", "3")
BATCH_TICKS = ("2", "4", "8", "16", "32", "64", "", "256")
STEP_TICKS = ("1", "50", "100", "150", "200")


class Controls:
    """All widgets of the playground, in ``box``."""

    def __init__(self) -> None:
        start = Setting()
        self.moving = False
        self.lr = _slider("bn-lr", ".1g", base=10, min=-2.5, max=0.5, step=0.25, value=10**-0.5)
        self.batch = _slider("bn-batch", "d", base=2, min=1, max=8, step=1, value=start.batch_size)
        self.first = _choice("bn-first", "compare", NORMS, start.pair[0])
        self.second = _choice("bn-second", "with", NORMS, start.pair[1])
        self.init = _choice("bn-init", "init of both", INITS, start.init)
        self.task = _choice("bn-task", "task", TASKS, start.task)
        kept: dict[str, Any] = {"continuous_update": False, "style": _LABEL, "layout": _WIDE}
        depth = widgets.BoundedIntText(DEPTH, min=1, max=16, description="hidden layers", **kept)
        self.depth = named("bn-depth", depth)
        self.seed = named("bn-seed", widgets.BoundedIntText(0, min=0, max=999, description="seed", **kept))
        self.of_setting = (self.lr, self.batch, self.first, self.second, self.init, self.task, self.depth, self.seed)
        self.shows = _choice("bn-shows", "map shows", {"": "which net wins"} | NETS, "")
        self.more = named("bn-more", widgets.ToggleButton(False, description="more settings"))
        self.more.layout.width = "116px"
        self.more.observe(lambda _: self._unfold(), "value")
        self.predict = named("bn-predict", widgets.Checkbox(True, description="predict first", indent=False))
        self.predict.layout.width = "112px"
        self.say = named("bn-say", widgets.HTML())
        self.question = named("bn-question", widgets.HTML())
        self.answers = [named(f"bn-guess-{i}", widgets.Button()) for i in range(len(Outcome))]
        self.skip = named("bn-skip", widgets.Button(description="no guess, train"))
        self.guesses = named("bn-guesses", widgets.Box([*self.answers, self.skip], layout={"display": "none"}))
        self.curves = named("bn-curves", widgets.HTML())
        self.map = named("bn-plane", widgets.HTML())
        self.look = _choice("bn-look", "look inside", {key: text for key, text in LOOKS.items()}, next(iter(LOOKS)))
        self.look.layout.width, self.look.style.description_width = "auto", "78px"
        self.step = named("bn-step", widgets.IntSlider(STEPS, min=1, max=STEPS))
        self.play = named("bn-play", widgets.Play(value=STEPS, min=1, max=STEPS, step=4, interval=120))
        widgets.jsdlink((self.play, "value"), (self.step, "value"))
        self.third = named("bn-third", widgets.HTML())
        self.words = named("bn-words", widgets.HTML())
        self.scrub = _field("step", self.step, STEP_TICKS)
        self.scrub.add_class("bn-scrub")
        self._arrange()

    def _arrange(self) -> None:
        tools = named("bn-tools", widgets.Box([self.predict, self.more]))
        lr, batch = _field("learning rate", self.lr, LR_TICKS), _field("batch size", self.batch, BATCH_TICKS)
        side = named("bn-side", widgets.VBox([lr, batch, tools, self.say, self.question, self.guesses]))
        top = named("bn-top", widgets.Box([side, self.curves, self.map]))
        hidden = {"display": "none"}
        self.settings = named("bn-settings", widgets.Box([*self.of_setting[2:], self.shows], layout=hidden))
        head = named("bn-inside-head", widgets.Box([self.look, self.play, self.scrub]))
        inside = named("bn-inside", widgets.VBox([head, self.third]))
        style = widgets.HTML(style_element())
        self.box = named("bn-playground", widgets.VBox([top, self.settings, inside, self.words, style]))

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

    @property
    def asking(self) -> bool:
        """True while a guess is waited for."""
        return bool(self.guesses.layout.display != "none")

    def asks(self, wanted: bool) -> None:
        """Show the buttons of a guess, or hide them."""
        self.guesses.layout.display = "flex" if wanted else "none"

    def goes_to(self, step: int) -> None:
        """Move the scrubber, without its callback."""
        self.moving = True
        try:
            self.step.value = step
        finally:
            self.moving = False

    def _unfold(self) -> None:
        self.settings.layout.display = "flex" if self.more.value else "none"


_LABEL = {"description_width": "90px"}
_WIDE = {"width": "268px"}


def _slider(name: str, readout_format: str, **positions: float) -> Any:
    """A slider whose number can also be typed."""
    return named(name, widgets.FloatLogSlider(readout_format=readout_format, continuous_update=False, **positions))


def _field(text: str, slider: Any, ticks: tuple[str, ...]) -> Any:
    """A slider under its name, with ticks at even distances below it."""
    name = widgets.HTML(f'<span class="bn-name">{text}</span>')
    spans = "".join(f'<span style="left:{100 * i / (len(ticks) - 1):.1f}%">{t}</span>' for i, t in enumerate(ticks))
    below = widgets.HTML(f'<div class="bn-ticks" aria-hidden="true">{spans}</div>')
    return named("bn-field", widgets.VBox([name, slider, below]))


def _choice(name: str, description: str, options: Mapping[str, str], value: str) -> Any:
    pairs = [(text, key) for key, text in options.items()]
    return named(
        name, widgets.Dropdown(options=pairs, value=value, description=description, style=_LABEL, layout=_WIDE)
    )
