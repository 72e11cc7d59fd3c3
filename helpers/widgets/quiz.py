"""Quizzes that are clicked: what is chosen stands, in the kernel, where the learner's own answer would."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython

from helpers.judge import progress
from helpers.judge.observe import observe
from helpers.judge.quiz import Question, Quiz
from helpers.look.parts import mark, marked_up, segments
from helpers.look.style import styled

from .parts import named, show_widget

NOTHING = ""
"""The value of a list in which nothing is chosen: ipywidgets shows no words for None."""
_STYLE = """<style>.bn-quiz button.mod-primary{background:#0068a8;color:#fff}
.bn-quiz .widget-dropdown .widget-label{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
</style>"""
"""White on a blue dark enough to be read: that of ipywidgets 7 is too light.  The names of lists are only heard."""


class QuizWidget:
    """The rows of a quiz, a button, and beside each row whether it is right and why not."""

    def __init__(self, quiz: Quiz) -> None:
        self.quiz = quiz
        self.rows = [[_field(q, i) for i in range(len(q.fields))] for q in quiz.questions]
        self.said = [widgets.HTML(layout=widgets.Layout(flex="1 1 260px")) for _ in quiz.questions]
        self.button = widgets.Button(description="Check", button_style="primary")
        self.status = named("bn-quiz-status", widgets.HTML('<span role="status"></span>'))
        self.button.on_click(lambda _: self.check())
        for row in self.rows:
            for field in row:
                field.observe(lambda _: self._changed(), "value")
        style = widgets.HTML(_STYLE, layout={"display": "none"})
        below = [self.button, self.status, style]
        self.root = named("bn-quiz", widgets.VBox([*map(self._row, range(len(self.rows))), *below]))

    def _row(self, i: int) -> widgets.Widget:
        text = self.quiz.questions[i].text
        label = widgets.HTML(styled(marked_up(text), "bn-quiz-text"), layout=widgets.Layout(flex="1 1 260px"))
        parts = [label] if text else []
        return widgets.HBox([*parts, *self.rows[i], self.said[i]], layout=widgets.Layout(flex_flow="row wrap"))

    @property
    def choices(self) -> list[Any]:
        """What is chosen in each row: a value, a tuple of them, or None where a part is still open."""
        picked = [tuple(field.value for field in row) for row in self.rows]
        return [None if None in p or NOTHING in p else p[0] if len(p) == 1 else p for p in picked]

    def _changed(self) -> None:
        """Put the answer where the graded cells look for it, as soon as it is whole."""
        shell = get_ipython()
        if shell is not None and None not in self.choices:
            shell.user_ns[self.quiz.builds] = self.quiz.answered(self.choices)

    def check(self) -> None:
        """Say of every row whether it is right."""
        quiz, choices = self.quiz, self.choices
        open_rows = [
            q.key or q.text or "your answer" for q, c in zip(quiz.questions, choices, strict=True) if c is None
        ]
        if open_rows:
            self._say(f"Still open: {', '.join(open_rows)}.")
            return
        answer = quiz.answered(choices)
        seen = observe(answer, quiz.probes)
        found = quiz.assess(seen)
        hand_in = f"To hand it in, write this into the answer cell: <code>return {html.escape(repr(answer()))}</code>"
        if found.not_judged:
            self._say(f"{found.not_judged} {hand_in}")
            return
        outcomes = [self._tell(i, q, quiz.wrong(q, seen)) for i, q in enumerate(quiz.questions)]
        met = [e.title for e in found.causes if e.kind == "row"]
        progress.attempted(quiz.id, {v.check.id: v.passed for v in found.verdicts}, met)
        right = f"{sum(outcomes)} of {len(outcomes)} right" if len(outcomes) > 1 else ""
        self._say(f'<span class="bn-head">{right} {segments(outcomes)}</span> {hand_in if all(outcomes) else ""}')

    def _tell(self, i: int, question: Question, why: str) -> bool:
        self.said[i].value = styled(f"{mark(not why)} {marked_up(why or 'right')}", "bn-quiz-said")
        return not why

    def _say(self, words: str) -> None:
        self.status.value = styled(words, "bn-quiz-words", 'role="status"')


def _field(question: Question, i: int) -> widgets.Widget:
    """Buttons for short words, a list for longer ones, which says what to choose; nothing is chosen at first."""
    options = [(words, value) for value, words in question.fields[i]]
    if all(len(words) <= 2 for words, _ in options):
        return widgets.ToggleButtons(options=options, value=None, style={"button_width": "44px"})
    part = question.observed[i].split("/")[1].split(" of ")[0] if len(question.fields) > 1 else ""
    asks = f"choose: {part}" if part else "choose"
    name = f"{part}: {question.text}" if part else question.text
    return widgets.Dropdown(
        options=[(asks, NOTHING), *options],
        description=name.replace("`", ""),
        layout=widgets.Layout(width="auto", max_width="360px"),
    )


def quiz(exercise: Quiz) -> None:
    """Show a quiz to be clicked.  What is chosen counts in this kernel like an answer written into the cell above."""
    alt = f"{exercise.title}: run this cell to choose with the mouse, or write your answer into the cell above."
    show_widget(QuizWidget(exercise).root, None, alt)
