"""One question to be answered in writing: the feedback of the matcher, the model answer, and the learner's own ticks.

What is typed, opened and ticked is kept in the drill's record at once, or a few seconds after the last key, under a
place of its own; a fresh box for the same place shows it again.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from helpers.drill import bank, page, state
from helpers.drill.bank import Card
from helpers.drill.matcher import Feedback, feedback

from .parts import named, show_widget, spoken

WAIT = 3.0
"""Seconds from the first key after a save to the next save."""
AUTO = widgets.Layout(width="auto", min_width="150px", max_width="300px")
WIDE = widgets.Layout(width="98%", max_width="820px")

WORDS = {
    "open": "Open the points",
    "ticks": "<b>What did you say?</b> The ticks are yours; the score is what you tick.",
    "flag": "Red flag: {fact}",
    "total": "{number} of {every} points: {share} %.",
    "capped": " A red flag caps the score at one half.",
}
"""What an answer box says, here and on the course's pages."""

_STAY = """
(() => {
  const root = this.closest('.bn-keys');
  if (!root || root.bnKeys) return;
  root.bnKeys = true;
  root.addEventListener('focusin', event => {
    const on = event.target;
    if (['SELECT', 'BUTTON'].includes(on.tagName)) on.setAttribute('data-lm-suppress-shortcuts', 'true');
  });
})()
""".replace("\n", " ")

_boxes: weakref.WeakSet[Kept] = weakref.WeakSet()


class Kept:
    """A text area whose text survives: it is saved a few seconds after a key, and when the kernel ends."""

    def __init__(self, place: str, rows: int = 5, placeholder: str = "", since: float = 0.0) -> None:
        self.place = place
        entry = state.latest("draft").get(place)
        self._saved = str(entry.get("text", "")) if entry and entry["at"] > since else ""
        self._waiting: asyncio.TimerHandle | None = None
        self.area = widgets.Textarea(self._saved, placeholder=placeholder, rows=rows, layout=WIDE)
        self.area.observe(lambda _: self._typed(), "value")
        _boxes.add(self)

    @property
    def text(self) -> str:
        """What stands in the field."""
        return str(self.area.value)

    def _typed(self) -> None:
        if self._waiting is not None:
            return
        try:
            self._waiting = asyncio.get_running_loop().call_later(WAIT, self.save)
        except RuntimeError:  # nobody who would wait
            self.save()

    def save(self) -> None:
        """Keep the text now."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self.text != self._saved:
            self._saved = self.text
            state.add("draft", self.place, text=self.text)


@atexit.register
def save_all() -> None:
    """Keep what is not kept yet; the interpreter calls it when a kernel is restarted."""
    for box in list(_boxes):
        box.save()


class AnswerBox:
    """A question, a field, and once it is opened: findings, ticks, flags and the model answer.

    ``place`` names the box in the record.  ``ask`` is another wording, ``told`` stands beside the chip.
    ``on_score`` is called when the learner has opened the box or changed a tick.
    """

    def __init__(
        self,
        card: Card,
        place: str,
        *,
        ask: str = "",
        told: str = "",
        since: float = 0.0,
        placeholder: str = "Your answer, in your own words",
        on_score: Callable[[], None] | None = None,
    ) -> None:
        self.card, self.place, self.on_score = card, place, on_score
        self.kept = Kept(place, placeholder=placeholder, since=since)
        self.kept.area.add_class("bn-answer")
        self.kept.area.observe(self._warm, "value")
        self.kept.area.observe(self._arrived, "value")
        self.question = widgets.HTML(page.front(card, ask, told))
        opener = widgets.Button(description=WORDS["open"], button_style="primary", layout=AUTO)
        self.opener = named("bn-open", opener)
        self.opener.on_click(lambda _: self.open())
        self.back = named("bn-back", widgets.VBox())
        self.total = named("bn-total", widgets.HTML())
        self.ticks: dict[str, widgets.Checkbox] = {}
        self.flags: dict[str, widgets.Checkbox] = {}
        self._filling = False
        self._late = False
        self._alone = threading.RLock()  # a front end can send keys and clicks to two threads
        self.root = named("bn-box", widgets.VBox([self.question, self.kept.area, self.opener, self.back]))
        entry = state.latest("ticks").get(place)
        if entry and entry["at"] > since:
            self._show(entry["points"], entry["flags"], self._read())

    @property
    def opened(self) -> bool:
        """Are the points on the screen?"""
        return bool(self.ticks)

    @property
    def score(self) -> float:
        """The share of points that the learner ticked; a red flag caps it at one half."""
        return page.score(self.card, _values(self.ticks), _values(self.flags))

    def _warm(self, _: object) -> None:
        """At the first key: the patterns of a card are compiled while its answer is still being typed."""
        self.kept.area.unobserve(self._warm, "value")
        feedback(self.card, "")

    def open(self) -> None:
        """Show findings, points and the model answer; with ticks where the matcher found a point.

        A second time: read the answer again.
        """
        with self._alone:
            self._late = True
            self.kept.save()
            found = self._read()
            self._show(found.points if found else {}, found.flags if found else {}, found)
            self._keep()

    def _arrived(self, _: object) -> None:
        """Read text that comes after the click: while the kernel is busy a front end keeps keys back, but no clicks."""
        with self._alone:
            if self._late:
                self.open()
                self._late = False

    def _read(self) -> Feedback | None:
        """What the matcher finds, None where nothing is written."""
        return feedback(self.card, self.kept.text) if self.kept.text.strip() else None

    def _show(self, points: Mapping[str, bool | None], flags: Mapping[str, bool], found: Feedback | None) -> None:
        """Fill the back; the parts that are there already stay, so that the keyboard's place is not lost."""
        if not self.opened:
            self.ticks = {p.id: self._box(p.fact) for p in self.card.points}
            self.flags = {f.id: self._box(WORDS["flag"].format(fact=f.fact)) for f in self.card.flags}
            self._findings = widgets.HTML()
            self._prompt = widgets.HTML()
            head = widgets.HTML(page.page(WORDS["ticks"]))
            model = named("bn-model", widgets.HTML(page.model_answer(self.card)))
            rows = [*self.ticks.values(), *self.flags.values()]
            self.back.children = [self._findings, head, *rows, self.total, model, self._prompt]
            self.opener.description = "Read my answer again"
        self._filling = True
        for boxes, values in ((self.ticks, points), (self.flags, flags)):
            for name, box in boxes.items():
                box.value = bool(values.get(name))
        self._filling = False
        text = self.kept.text
        self._findings.value = page.findings(self.card, text, found) if found else ""
        self._prompt.value = page.copied(self.card, text)
        self._say()

    def _box(self, fact: str) -> widgets.Checkbox:
        box = widgets.Checkbox(description=_plain(fact), indent=False, layout=WIDE)
        box.add_class("bn-tick")
        box.observe(lambda _: self._ticked(), "value")
        return box

    def _ticked(self) -> None:
        if not self._filling:
            self._late = False
            self._keep()
            self._say()

    def _keep(self) -> None:
        points, flags = _values(self.ticks), _values(self.flags)
        card = {"card": self.card.id, "asks": self.card.question}
        state.add("ticks", self.place, None, **card, points=points, flags=flags, score=self.score)
        if self.on_score is not None:
            self.on_score()

    def _say(self) -> None:
        number = sum(_values(self.ticks).values())
        total = WORDS["total"].format(number=number, every=len(self.ticks), share=f"{100 * self.score:.0f}")
        self.total.value = spoken(total + WORDS["capped"] * any(_values(self.flags).values()))


def keys_stay(widget: widgets.Box) -> widgets.Box:
    """The box; in JupyterLab keys pressed on its lists and buttons do what they do on any page, not in the notebook."""
    stay = widgets.HTML(f'<img src="" alt="" hidden onerror="{_STAY}">', layout=widgets.Layout(display="none"))
    widget.children = [*widget.children, stay]
    widget.add_class("bn-keys")
    return widget


def _values(boxes: Mapping[str, Any]) -> dict[str, bool]:
    return {name: bool(box.value) for name, box in boxes.items()}


def _plain(fact: str) -> str:
    """A fact for a label, which shows no HTML in every version of ipywidgets."""
    return fact.replace("`", "").replace("$", "")


class Shown:
    """Some HTML with its text twin."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html


def practice(id: str) -> None:
    """Show one card to be answered."""
    box = AnswerBox(bank.load()[id], f"practice/{id}")
    show_widget(box.root, None, f"{box.card.question} Run this cell to answer it.")


def heard(id: str, answer: str) -> None:
    """Show what the matcher finds in somebody's answer to a card."""
    card = bank.load()[id]
    found = feedback(card, answer)
    signs = {True: "✓", False: "✗", None: "○"}
    lines = [f"{signs[found.points[point.id]]} {point.fact}" for point in card.points]
    lines += [f"⚑ {flag.fact}" for flag in card.flags if found.flags[flag.id]]
    text = "\n".join([card.question, "", answer, "", *lines])
    display(Shown(page.findings(card, answer, found), text))
