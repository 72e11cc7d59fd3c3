"""The end of the drill: the rubric to tick, the report to keep, the cheat sheet."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from helpers.drill import cheat_sheet as sheet
from helpers.drill import page, report, rubric, session, state
from helpers.drill.rubric import FLAGS, POSITIVES
from helpers.experiments import interview
from helpers.experiments.fair import NETS

from . import drill_room
from .answer_box import WIDE, Shown
from .answer_box import WORDS as ANSWERS
from .parts import named, show_widget
from .record import link

WORDS = {
    "rubric": "Filled in from what happened. Correct it: the last word is yours. A flag shows what to read.",
    "make": "Make the report",
    "none": "No drill has been begun yet. The report stands here when you have.",
}
"""What rubric and report say, here and on the course's pages."""


class Rubric:
    """Five positives and four red flags of the drill that was begun last; the report below follows each tick."""

    def __init__(self) -> None:
        self.points = {p.id: self._box("points", p.id, p.says) for p in POSITIVES}
        self.flags = {f.id: self._box("flags", f.id, ANSWERS["flag"].format(fact=f.says)) for f in FLAGS}
        self.shown = named("bn-report", widgets.HTML())
        self._filling = False
        again = widgets.Button(description=WORDS["make"], button_style="primary")
        again.on_click(lambda _: self.follow())
        ticks = [*self.points.values(), *self.flags.values()]
        head = widgets.HTML(page.page(f"<p>{WORDS['rubric']}</p>"))
        self.root = named("bn-rubric", widgets.VBox([head, *ticks, again, self.shown]))
        self.follow()
        drill_room.followers.add(self)

    def follow(self) -> None:
        """Show ticks and report as things stand, with links to keep it."""
        made = report.report()
        self._fill(made.rubric if made else None)
        if made is None:
            self.shown.value = page.page(f"<p>{WORDS['none']}</p>")
            return
        name = "mock_interview_" + re.sub(r"\W+", "-", made.drill.id)
        links = " · ".join(
            [
                link("HTML", f"{name}.html", report.page_of(made), "text/html"),
                link("Markdown", f"{name}.md", report.markdown(made), "text/markdown"),
            ]
        )
        shown = f"{report.body(made, links=True)}<p>Keep it: {links}</p>"
        self.shown.value = page.page(shown, "bn-drill bn-card bn-report-card")

    def _fill(self, found: rubric.Rubric | None) -> None:
        self._filling = True
        for part, boxes in (("points", self.points), ("flags", self.flags)):
            for line, box in boxes.items():
                box.value = bool(found and getattr(found, part)[line])
                box.disabled = found is None
        self._filling = False

    def _box(self, part: str, line: str, says: str) -> widgets.Checkbox:
        box = widgets.Checkbox(description=says, indent=False, layout=WIDE)
        box.observe(partial(self._ticked, part, line), "value")
        return box

    def _ticked(self, part: str, line: str, change: dict[str, Any]) -> None:
        now = session.current()
        if now is not None and not self._filling:
            rubric.keep(now.id, part, line, bool(change["new"]))
            self.follow()


def show_report() -> None:
    """Show rubric and report."""
    show_widget(Rubric().root, None, "The rubric and the report of your drill: run this cell to see them.")


def cheat_sheet() -> None:
    """Show the cheat sheet, with a link that saves it as a page to print."""
    save = link("save it as a page to print", "batchnorm_cheat_sheet.html", sheet.page_of(), "text/html")
    body = f"{sheet.body()}<p>One page: {save}.</p>"
    display(Shown(page.page(body, "bn-drill bn-card bn-sheet"), sheet.plain()))


def contrast(layer: Any, he_start: Any) -> None:
    """The comparison of the third block, with the learner's layer and control; noted in the drill's record."""
    losses, own = interview.contrast(layer, he_start)
    now = session.current()
    if now is not None and not now.finished:
        named = {NETS[name]: values for name, values in _finite(losses).items()}
        state.add("contrast", now.id, losses=named, own=own)


def _finite(losses: dict[str, list[float]]) -> dict[str, list[float]]:
    """Losses for JSON, which knows no infinity."""
    return {name: [min(v, 1e9) if v == v else 1e9 for v in values] for name, values in losses.items()}
