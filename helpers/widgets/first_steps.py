"""Notebook 00: is everything installed, do widgets answer, and how far am I?"""

from __future__ import annotations

import html
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import ipywidgets as widgets
import torch

from helpers.exercises.syllabus import notebooks
from helpers.judge import progress
from helpers.judge.show import Card, show

from .parts import show_widget

NEEDED = ("torch", "numpy", "matplotlib", "ipywidgets", "scikit-learn")


def installation() -> None:
    """A card with the versions at hand, the device and the number of threads; missing packages are named."""
    rows = [("Python", platform.python_version())]
    missing = []
    for package in NEEDED:
        try:
            rows.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            missing.append(package)
            rows.append((package, f"missing: {sys.executable} -m pip install {package}"))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU (all this course needs)"
    rows += [("device", device), ("threads", str(torch.get_num_threads()))]
    title = f"Missing: {', '.join(missing)}" if missing else "All that you need is installed"
    show(Card(title, tuple(rows), not missing))


def widget_test() -> None:
    """Show a slider and the kernel's reply; if the reply follows the slider, widgets work here."""
    slider = widgets.IntSlider(value=1, min=1, max=9, description="move me")
    reply = widgets.HTML()

    def answer(_: object = None) -> None:
        reply.value = f'<span role="status">The kernel received {slider.value}.</span>'

    slider.observe(answer, "value")
    answer()
    show_widget(widgets.VBox([slider, reply]), None, "A slider and the kernel's reply: run this cell to try them.")


class Board:
    """Progress in the whole course, as a table."""

    def __init__(self) -> None:
        state = progress.load()
        self.rows = [HEAD] + [
            _row(notebook.name, id, checks, state.get(id, {}))
            for notebook in notebooks()
            for id, checks in notebook.exercises.items()
        ]

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in self.rows)

    def _repr_html_(self) -> str:
        style = 'style="text-align:left;padding:2px 12px 2px 0"'
        lines = []
        for number, row in enumerate(self.rows):
            cell = f"<td {style}>{{}}</td>" if number else f'<th scope="col" {style}>{{}}</th>'
            lines.append(f"<tr>{''.join(cell.format(html.escape(text)) for text in row)}</tr>")
        return f'<table class="bn-board">{"".join(lines)}</table>'


HEAD = ("notebook", "exercise", "checks passed", "attempts", "hints", "minutes")


def _row(notebook: str, id: str, checks: int, entry: Mapping[str, Any]) -> tuple[str, ...]:
    passed, hints = len(entry.get("passed", [])), sum(entry.get("hints", {}).values())
    mark = "✓" if passed == checks else "◐" if passed else "○"
    done = f"{mark} {passed} of {checks}"
    minutes = entry.get("seconds", 0) / 60
    return notebook, id.replace("_", " "), done, str(entry.get("attempts", 0)), str(hints), f"{minutes:.0f}"
