"""Notebook 00: is everything installed, and do widgets answer?"""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import ipywidgets as widgets
import torch

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
