"""What the widgets share: names that a style or a test finds, and a widget with a still picture in one output.

A live front end shows the widget; where there is no kernel (a page on GitHub, an export, an untrusted notebook), the
reader sees the picture.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from helpers.lab import figures

VIEW = "application/vnd.jupyter.widget-view+json"


def show_widget(widget: widgets.Widget, figure: Figure | None, alt: str) -> None:
    """Display ``widget``; readers without a kernel see ``figure``, or only the sentence ``alt`` where it is None."""
    data, metadata = figures.bundle(figure, alt) if figure else ({"text/plain": alt}, {})
    data[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display(data, raw=True, metadata=metadata)


def named(name: str, widget: Any) -> Any:
    """The widget, with ``name`` as a class of its element."""
    widget.add_class(name)
    return widget
