"""The drill: four blocks on one clock, opened one after another, in cells that never wait.

Each cell shows the same clock and one block.  Everything is read from the drill's record, so a restarted kernel, or a
second notebook, shows the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from helpers.drill import bank, dialogue, page, session, state
from helpers.drill.narration import Narrated, narration
from helpers.drill.session import BLOCKS, FINISHED
from helpers.exercises.blank_page import blank_page_exercise
from helpers.judge.model import Assessment
from helpers.judge.source import source_of
from helpers.look.parts import mark, marked_up

from .answer_box import WIDE, AnswerBox, Kept, save_all
from .drill_clock import clock, minutes
from .parts import named, show_widget, spoken

IMPLEMENT = 2
"""The number of the block in which attempts count."""
BEAT = 20.0
"""Seconds between two looks at the record: the clock of a reopened page, and of a second notebook, is right again."""
EXPLAIN = {
    "deep-09": "Your pitch, aloud, in one minute.",
    "bn-06": "",
    "bn-03": "",
    "deep-15": "",
}
"""The cards of the second block, and how the interviewer words them where it is not the card's own question."""
WORDS = {
    "long": "Begin: 60 minutes",
    "short": "Begin: 20 minutes",
    "pause": "Pause",
    "resume": "Go on",
    "done": "This block is done",
    "away": "Do not count that time",
    "began": "The clock runs. First block: read.",
    "is_paused": "The clock is paused.",
    "resumed": "The clock goes on.",
    "next": "Next block: {title}.",
    "all_done": "Done. Read your report below.",
    "discounted": "That time does not count.",
    "nothing": "Nothing happened for {minutes}. Does that time count?",
    "locked": "Opens when “{before}” is done.",
    "locked_first": "Opens when you begin the drill.",
    "hidden": "Your notes are hidden while you explain. They come back with block 3.",
    "explain": "Say each answer aloud first. The box is for keywords, or for the whole answer if you like. Then open "
    "the points and tick what you said.",
    "check": "Six checks. Say what each one proves before you open it.",
    "answer": "Keywords of what you said, or the whole answer",
    "keywords": "Keywords of what you said",
    "open_check": "Open",
}
"""What the drill says, here and on the course's pages."""
NOTES = {
    "equation": "The equation, and where each statistic comes from",
    "figure": "The key figure: how many times fewer steps with batch norm alone? What belongs to the larger number?",
    "notes": "Anything else that you want to remember",
}


class Room:
    """Clock and blocks; ``speed``: drill seconds in a second, for tests."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.session = session.current()
        self.face = named("bn-drill-clock", widgets.HTML())
        self.said = named("bn-drill-said", widgets.HTML())
        self.buttons = {
            "long": self._button(WORDS["long"], "primary", lambda: self.begin(False)),
            "short": self._button(WORDS["short"], "", lambda: self.begin(True)),
            "pause": self._button(WORDS["pause"], "", self.pause),
            "done": self._button(WORDS["done"], "success", self.done),
            "away": self._button(WORDS["away"], "warning", self.discount),
        }
        row = widgets.HBox([*self.buttons.values()], layout=widgets.Layout(flex_flow="row wrap"))
        self.bar = named("bn-drill-bar", widgets.VBox([self.face, row, self.said]))
        self.panels = [named(f"bn-block-{block.id}", widgets.VBox()) for block in BLOCKS]
        self.boxes: dict[str, AnswerBox] = {}
        self.fields: dict[str, Kept] = {}
        self._shown: tuple[str, int] | None = None
        self._away = session.away(self.session, time.time()) if self.session else 0.0
        self.refresh()
        self._beat()

    # --- the clock ------------------------------------------------------------------------------------------------

    def begin(self, short: bool) -> None:
        """Begin a new drill, unless one is going on."""
        save_all()
        before = self.session = session.current()
        if self.session is None or self.session.finished:
            self.session = session.begin(short, self.speed)
            self._away = 0.0
        if before is None:
            dialogue.adopt(self.session.id)
        self.refresh(WORDS["began"])

    def pause(self) -> None:
        """Stop the clock, or let it go on."""
        if self.session is not None and not self.session.finished:
            self._away = 0.0
            self.session = session.note(self.session, "resume" if self.session.paused else "pause")
            self.refresh(WORDS["is_paused" if self.session.paused else "resumed"])

    def done(self) -> None:
        """Close the open block and open the next one."""
        if self.session is not None and not self.session.finished:
            save_all()
            self._away = 0.0
            self.session = session.note(self.session, "done", block=self.session.block)
            then = self.session.block
            going = then < FINISHED
            self.refresh(WORDS["next"].format(title=BLOCKS[then].title) if going else WORDS["all_done"])

    def discount(self) -> None:
        """Take back the time in which nothing happened."""
        if self.session is not None and self._away:
            self.session = session.note(self.session, "away", seconds=self._away)
            self._away = 0.0
            self.refresh(WORDS["discounted"])

    def refresh(self, said: str = "") -> None:
        """Show how things stand."""
        now, going = self.session, self.session is not None and not self.session.finished
        self.face.value = clock(now, time.time())
        if self._away and not said:
            said = WORDS["nothing"].format(minutes=minutes(self._away))
        if said:
            self.said.value = spoken(said)
        for name, button in self.buttons.items():
            wanted = bool(self._away) if name == "away" else going == (name in ("pause", "done"))
            button.layout.display = "" if wanted else "none"
        self.buttons["pause"].description = WORDS["resume" if now is not None and now.paused else "pause"]
        key = (now.id, now.block) if now else ("", -1)
        if key != self._shown:
            self._shown = key
            self._fill()
            for one in list(followers):
                one.follow()

    def _beat(self) -> None:
        with contextlib.suppress(RuntimeError):  # no loop: a script
            asyncio.get_running_loop().call_later(BEAT, self._look)

    def _look(self) -> None:
        self.session = session.current()
        self.refresh()
        self._beat()

    def _button(self, words: str, style: str, then: Callable[[], None]) -> widgets.Button:
        made = widgets.Button(description=words, button_style=style, layout=widgets.Layout(width="auto"))
        made.on_click(lambda _: then())
        return made

    # --- the blocks -----------------------------------------------------------------------------------------------

    def place(self, block: str, what: str) -> str:
        """The name under which an answer of this drill is kept."""
        return f"{self.session.id if self.session else ''}/{block}/{what}"

    def _fill(self) -> None:
        makers: list[Callable[[], list[Any]]] = [self._read, self._explain, self._implement, self._check]
        for i, (panel, make) in enumerate(zip(self.panels, makers, strict=True)):
            if self.session is None or self.session.block < i:
                before = BLOCKS[i - 1].title if i else ""
                told = WORDS["locked"].format(before=before) if before else WORDS["locked_first"]
                panel.children = [_html(f"<p>🔒 <b>{i + 1} · {BLOCKS[i].title}</b>: {told}</p>")]
            elif i == 0 and self.session.block == 1:
                panel.children = [_html(f"<p>{WORDS['hidden']}</p>")]
            else:
                panel.children = make()

    def _read(self) -> list[Any]:
        made: list[Any] = []
        for name, words in NOTES.items():
            kept = self._field(self.place("read", name), 3 if name == "notes" else 2, words)
            kept.area.add_class(f"bn-note-{name}")
            made += [_html(f"<b>{words}</b>"), kept.area]
        return made

    def _explain(self) -> list[Any]:
        made: list[Any] = [_html(f"<p>{WORDS['explain']}</p>")]
        return [*made, *(self._box("explain", id, ask).root for id, ask in EXPLAIN.items())]

    def _box(self, block: str, id: str, ask: str = "") -> AnswerBox:
        key = self.place(block, id)
        if key not in self.boxes:
            self.boxes[key] = AnswerBox(bank.load()[id], key, ask=ask, placeholder=WORDS["answer"])
        return self.boxes[key]

    def _implement(self) -> list[Any]:
        tried = state.entries("attempt", self.session.id if self.session else "-")
        told = f"{len(tried)} so far" if tried else "none yet"
        return [
            _html(
                "<p>The clock runs. Write the layer into the cell below and run it, then the check. It names your "
                f"mistake where it knows it; there are no hints. The report counts your attempts ({told}). Then write "
                "the control, and run the comparison.</p>"
            )
        ]

    def tried(self) -> None:
        """Show the new number of attempts."""
        if self.session is not None and self.session.block >= IMPLEMENT:
            self.panels[IMPLEMENT].children = self._implement()

    def _check(self) -> list[Any]:
        made: list[Any] = [_html(f"<p>{WORDS['check']}</p>")]
        return [*made, *(self._narrated(i, one) for i, one in enumerate(narration()))]

    def _narrated(self, i: int, one: Narrated) -> Any:
        place = self.place("check", one.id)
        kept = self._field(place, 2, WORDS["keywords"])
        ticks = [widgets.Checkbox(description=point, indent=False, layout=WIDE) for point in one.points]
        result = widgets.HTML()
        back = widgets.VBox([result, *ticks], layout=widgets.Layout(display="none"))
        opener = widgets.Button(description=WORDS["open_check"], button_style="primary")

        def keep(_: object = None) -> None:
            state.add("narrated", place, ticks=[bool(tick.value) for tick in ticks])

        def show() -> None:
            result.value = page.page(_result(one.id))
            back.layout.display = ""

        def opened(_: object) -> None:
            kept.save()
            show()
            keep()

        entry = state.latest("narrated").get(place)
        if entry:
            for tick, value in zip(ticks, entry["ticks"], strict=False):
                tick.value = bool(value)
            show()
        for tick in ticks:
            tick.observe(keep, "value")
        opener.on_click(opened)
        head = _html(f'<p class="bn-ask">{i + 1} · {page.text(one.asks)}</p>')
        return named(f"bn-narrated-{one.id}", widgets.VBox([head, kept.area, opener, back]))

    def _field(self, place: str, rows: int, placeholder: str) -> Kept:
        if place not in self.fields:
            self.fields[place] = Kept(place, rows, placeholder)
        return self.fields[place]


def _result(check: str) -> str:
    """What the check says of the layer that was judged last."""
    if _judged is None:
        return f"{mark(None)} No layer has been judged in this kernel: run the check of block 3 for its result."
    verdict = next(v for v in _judged.verdicts if v.check.id == check)
    words = {True: "right", False: "wrong", None: "not attempted"}[verdict.passed]
    title, why = marked_up(verdict.check.title), marked_up(verdict.check.why)
    return f"{mark(verdict.passed)} {title}: your layer is {words}. {why}"


def _html(body: str) -> widgets.HTML:
    return widgets.HTML(page.page(body))


class Follower(Protocol):
    """What else shows the current drill; it is told when a drill or a block begins."""

    def follow(self) -> None:
        """Show how things stand now."""


followers: weakref.WeakSet[Follower] = weakref.WeakSet()
_room: Room | None = None
_judged: Assessment | None = None


def room(speed: float = 1.0) -> Room:
    """The room of this kernel."""
    global _room
    if _room is None:
        _room = Room(speed)
    return _room


def drill(speed: float = 1.0) -> None:
    """Show the clock with its buttons.  ``speed``: drill seconds in a second, to try it out."""
    alt = "The drill's clock: read 15 minutes, explain 5, implement 30, check 10. Run this cell to begin."
    here = room(speed)
    here.refresh()
    show_widget(here.bar, None, alt)


def block(id: str) -> None:
    """Show one block under the clock: "read", "explain", "implement" or "check"."""
    number = [one.id for one in BLOCKS].index(id)
    here = room()
    alt = f"Block {number + 1} of the drill, {BLOCKS[number].title}: run this cell to see it."
    show_widget(widgets.VBox([here.bar, here.panels[number]]), None, alt)


def judge(layer: Any) -> None:
    """Judge the learner's layer by the six checks and note the attempt in the drill's record."""
    global _judged
    blank_page_exercise.check(layer)
    _judged = blank_page_exercise.assessed(layer)
    now = session.current()
    outcomes = {v.check.id: v.passed for v in _judged.verdicts}
    if now is None or now.finished or now.block < IMPLEMENT or all(outcome is None for outcome in outcomes.values()):
        return
    code = zlib.crc32(source_of(layer).text.encode())
    tried = state.entries("attempt", now.id)
    if not tried or tried[-1].get("code") != code:  # the same code again is no other attempt
        passed = [name for name, ok in outcomes.items() if ok]
        state.add("attempt", now.id, passed=passed, of=len(outcomes), code=code)
    if _room is not None:
        _room.tried()
