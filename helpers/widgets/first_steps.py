"""Notebook 00: is everything installed, and do widgets answer?

Nothing is imported here before it is needed, so that the first question is answered also where a package is missing.
"""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata

from IPython.display import display

from helpers.look.parts import Card

NEEDED = {"torch": "2.4", "numpy": "2.0", "matplotlib": "3.9", "ipywidgets": "7.7.1", "scikit-learn": "1.4"}
"""The oldest version of each package that the course runs with."""


def installation() -> None:
    """A card with the versions at hand, the device and the number of threads.

    What is missing or too old is named, with the command that installs it.
    """
    rows, wrong = [("Python", platform.python_version())], []
    for package, oldest in NEEDED.items():
        found = _version(package)
        if found and _numbers(found) >= _numbers(oldest):
            rows.append((package, found))
        else:
            wrong.append(package)
            rows.append((package, f"{f'{found} is too old' if found else 'missing'}; {oldest} or newer is needed"))
    if wrong:
        command = " ".join(f'"{package}>={NEEDED[package]}"' for package in wrong)
        rows.append(("→", f"Run this in a new cell, then restart the kernel: `%pip install {command}`"))
        title = f"Missing or too old: {', '.join(wrong)}"
    else:
        title = "All that you need is installed"
    if "torch" not in wrong:
        rows += _machine()
    display(Card(title, tuple(rows), not wrong))


def _version(package: str) -> str:
    """The version that is installed, "" where there is none."""
    try:
        return metadata.version(package) or ""
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """A version as numbers: "2.11.0+cu128" is (2, 11, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _machine() -> list[tuple[str, str]]:
    try:
        import torch
    except Exception as error:  # there, but it cannot be loaded: a library of the system may be missing
        return [("✗", f"torch is there and cannot be imported, with {sys.executable}: {error}")]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU (all this course needs)"
    return [("device", device), ("threads", str(torch.get_num_threads()))]


def widget_test() -> None:
    """Show a slider and the kernel's reply; if the reply follows the slider, widgets work here."""
    import ipywidgets as widgets

    from .parts import show_widget, spoken

    slider = widgets.IntSlider(value=1, min=1, max=9, description="move me")
    reply = widgets.HTML()

    def answer(_: object = None) -> None:
        reply.value = spoken(f"The kernel received {slider.value}.")

    slider.observe(answer, "value")
    answer()
    show_widget(widgets.VBox([slider, reply]), None, "A slider and the kernel's reply: run this cell to try them.")
