"""The interview as a dialogue in writing: six beats, and after each the question that belongs to what was missing."""

from __future__ import annotations

import ipywidgets as widgets

from helpers.drill import page, session, state
from helpers.drill.bank import Card
from helpers.drill.dialogue import BEFORE, Beat, beats

from . import drill_room
from .answer_box import AnswerBox
from .parts import named, show_widget, spoken


class Interview:
    """One beat at a time; "go on" leads to the follow-up question, then to the next beat."""

    def __init__(self) -> None:
        self.said = named("bn-interview-said", widgets.HTML())
        self.stage = named("bn-interview-stage", widgets.VBox())
        self.back = self._button("Back", "", -1)
        self.on = self._button("Go on", "primary", 1)
        buttons = widgets.HBox([self.back, self.on])
        self.root = named("bn-interview", widgets.VBox([self.said, self.stage, buttons]))
        self.run = ""
        self.follow()
        drill_room.followers.add(self)

    def follow(self) -> None:
        """Go to where the dialogue of the drill that was begun last stands, unless it is on the screen."""
        now = session.current()
        run = now.id if now else BEFORE
        if run == self.run:
            return
        self.run = run
        entry = state.latest("beat").get(run)
        self.step = min(int(entry["step"]), self.steps - 1) if entry else 0
        self.show()

    @property
    def steps(self) -> int:
        """Questions of the whole interview: two for each beat."""
        return 2 * len(beats())

    def question(self, step: int) -> Card:
        """What is asked at a step: a beat, or the follow-up that the ticks of the beat before call for."""
        beat: Beat = beats()[step // 2]
        if step % 2 == 0:
            return beat.asks
        entry = state.latest("ticks").get(self.place(step - 1))
        return beat.follow_up(entry["points"] if entry else {})

    def place(self, step: int) -> str:
        """The name under which the answer to a step is kept."""
        card = f"/{self.question(step).id}" if step % 2 else ""
        return f"{self.run}/dialogue/{step + 1}{card}"

    def show(self) -> None:
        """Show the question of this step."""
        asked = self.question(self.step)
        number = f"question {self.step // 2 + 1} of {len(beats())}" + (", follow-up" if self.step % 2 else "")
        head = widgets.HTML(page.page("<b>Interviewer</b>"))
        box = AnswerBox(asked, self.place(self.step), told=number)
        self.box = box
        self.stage.children = [head, box.root]
        self.said.value = spoken(f"{number[0].upper()}{number[1:]}.")
        self.back.disabled = self.step == 0

    def move(self, by: int) -> None:
        """Go on or back; an answer that is not opened yet is opened first."""
        if by > 0 and not self.box.opened:
            self.box.open()
            self.said.value = spoken("Compare, correct the ticks, then go on: the next question depends on them.")
            return
        self.box.kept.save()
        if by > 0 and self.step == self.steps - 1:
            self.said.value = spoken(
                "That was the last question. Press “Make the report” above: your answers are in it."
            )
            return
        self.step = max(self.step + by, 0)
        state.add("beat", self.run, step=self.step)
        self.show()

    def _button(self, words: str, style: str, by: int) -> widgets.Button:
        made = widgets.Button(description=words, button_style=style)
        made.on_click(lambda _: self.move(by))
        return made


def interview() -> None:
    """Show the dialogue."""
    alt = "An interview in writing: six questions, each with a follow-up. Run this cell to answer."
    show_widget(Interview().root, None, alt)
