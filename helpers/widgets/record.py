"""Progress and answers in one small file: to carry to another computer, or over the end of a session on Colab.

The file is the drill's record with the course's progress beside it, so what reads the one reads the other.
"""

from __future__ import annotations

import base64
import html
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from helpers.drill import state
from helpers.judge import progress
from helpers.look.style import styled

from .parts import named, show_widget, spoken

FILE = "batchnorm_record.json"


def saved() -> str:
    """All progress and answers, as a text."""
    return json.dumps({"progress": progress.load(), **json.loads(state.exported())}, sort_keys=True)


def loaded(text: str) -> str:
    """Add what a saved text holds, and say how much was new; nothing that is there is lost.

    Raises ValueError where it is no such text.
    """
    found = json.loads(text)
    if not isinstance(found, dict) or not progress.is_state(theirs := found.get("progress", {})):
        raise ValueError("not a record of this course")
    entries = state.imported(text)
    mine = progress.load()
    new = {id: both for id in theirs if (both := _both(mine.get(id), theirs[id])) != mine.get(id)}
    if new:
        mine.update(new)
        progress.save(mine)
    return f"Exercises that are further on now: {len(new)}. New answers and ticks: {entries}."


def _both(mine: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """What two records say of one exercise: all that passed, and of each number the larger."""
    if mine is None:
        return theirs
    most = {name: max(mine[name], theirs[name]) for name in ("attempts", "seconds", "last", "solution")}
    hints = {check: max(step, mine["hints"].get(check, 0)) for check, step in theirs["hints"].items()}
    met = [*mine.get("mistakes", ()), *theirs.get("mistakes", ())]
    told = {"mistakes": list(dict.fromkeys(met))} if met else {}
    passed = sorted({*mine["passed"], *theirs["passed"]})
    return {**most, **told, "passed": passed, "hints": {**mine["hints"], **hints}}


class Record:
    """Buttons that save the record and load one, from a file or from a pasted text."""

    def __init__(self) -> None:
        out = widgets.Button(description="Save my record", layout=widgets.Layout(width="auto"))
        out.on_click(lambda _: self.save())
        self.links = widgets.HTML()
        self.file = widgets.FileUpload(accept=".json", description="Load a file", layout=widgets.Layout(width="auto"))
        self.file.observe(lambda change: self.take(*_texts(change["new"])), "value")
        self.field = widgets.Textarea(placeholder="or paste its text here", rows=1)
        into = widgets.Button(description="Load the text", layout=widgets.Layout(width="auto"))
        into.on_click(lambda _: self.take(str(self.field.value)))
        self.said = widgets.HTML()
        rows = widgets.HBox([out, self.links]), widgets.HBox([self.file, self.field, into]), self.said
        self.root = named("bn-record", widgets.VBox(list(rows)))

    def save(self) -> None:
        """Offer the file as a link, and write it beside the notebook where that can be; Colab's browser gets it too."""
        text = saved()
        told = f"Keep this file: {link(FILE, FILE, text, 'application/json')}."
        try:
            Path(FILE).write_text(text, encoding="utf-8")
            told += " It also lies beside this notebook."
            if "google.colab" in sys.modules:
                from google.colab import files  # type: ignore[import-not-found]

                files.download(FILE)
        except Exception as problem:  # the link is there
            told += f" (It could not be written beside the notebook: {html.escape(str(problem))}.)"
        self.links.value = styled(f"<p>{told}</p>", "bn-said")

    def take(self, *texts: str) -> None:
        """Add what the texts hold, and say so."""
        for text in texts:
            try:
                self.said.value = spoken(f"{loaded(text)} Run the cells above again to see it.")
                self.field.value = ""
            except ValueError as error:
                self.said.value = spoken(f"This is no saved record: {error}.")


def _texts(value: Any) -> list[str]:
    """The texts of uploaded files: ipywidgets 7 has them in a dict by name, ipywidgets 8 in a tuple."""
    files = value.values() if isinstance(value, Mapping) else value
    return [bytes(file["content"]).decode("utf-8", "replace") for file in files]


def record() -> None:
    """Show the buttons that save progress and answers, and load them."""
    show_widget(Record().root, None, "Save and load your progress and answers: run this cell to use the buttons.")


def link(words: str, name: str, content: str, kind: str) -> str:
    """A link that saves ``content`` under ``name``; nothing is asked of a server."""
    data = base64.b64encode(content.encode("utf-8")).decode()
    address = f"data:{kind};charset=utf-8;base64,{data}"
    return f'<a download="{html.escape(name)}" href="{address}">{html.escape(words)}</a>'
