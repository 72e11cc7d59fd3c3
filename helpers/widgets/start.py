"""Notebook 00: is everything installed, do widgets answer, and how far am I?"""

from __future__ import annotations

import html
import platform
import sys
from importlib import metadata

import ipywidgets as widgets
import torch

from helpers.exercises.course import NOTEBOOKS
from helpers.judge import progress
from helpers.judge.show import Card, show

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
    show(Card("Missing: " + ", ".join(missing) if missing else "All that you need is installed", tuple(rows), not missing))


def widget_test() -> widgets.Widget:
    """A slider and the kernel's reply; if the reply follows the slider, widgets work here."""
    slider = widgets.IntSlider(value=1, min=1, max=9, description="move me")
    reply = widgets.HTML()

    def answer(_: object = None) -> None:
        reply.value = f'<span role="status">The kernel received {slider.value}.</span>'

    slider.observe(answer, "value")
    answer()
    return widgets.VBox([slider, reply])


class Board:
    """Progress in the whole course, as a table."""

    def __init__(self) -> None:
        state = progress.load()
        self.rows = [
            _row(notebook.name, id, checks, state.get(id, {}))
            for notebook in NOTEBOOKS
            for id, checks in notebook.exercises.items()
        ]

    def __repr__(self) -> str:
        widths = [max(len(r[i]) for r in [HEAD, *self.rows]) for i in range(len(HEAD))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in [HEAD, *self.rows])

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:left;padding:2px 12px 2px 0">{}</td>'
        rows = "".join("<tr>" + "".join(cell.format(html.escape(c)) for c in r) + "</tr>" for r in self.rows)
        head = "".join(f'<th scope="col" style="text-align:left;padding:2px 12px 2px 0">{h}</th>' for h in HEAD)
        return f'<table class="bn-board"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


HEAD = ("notebook", "exercise", "checks passed", "attempts", "hints", "minutes")


def _row(notebook: str, id: str, checks: int, entry: dict[str, object]) -> tuple[str, ...]:
    def count(name: str) -> int:
        value = entry.get(name, 0)
        return len(value) if isinstance(value, list) else sum(value.values()) if isinstance(value, dict) else int(str(value))

    passed = count("passed")
    mark = "✓" if passed == checks else "○" if not passed else "◐"
    seconds = float(str(entry.get("seconds", 0)))
    return notebook, id.replace("_", " "), f"{mark} {passed} of {checks}", str(count("attempts")), str(count("hints")), f"{seconds / 60:.0f}"
