"""What moves on the pages without a kernel: each widget with the scripts that it needs, and the pages of their own."""

from __future__ import annotations

from types import ModuleType

from . import axis_viewer, deck, drill

PAGES = {
    "axis_viewer": (axis_viewer, "The axis viewer", "Choose a norm and a number. Which numbers share its statistics?"),
    "deck": (deck, "The deck", "Say your answer first, then open the card. A card that you knew comes back later."),
    "drill": (drill, "The drill", "An interview against the clock, by yourself."),
}
"""Of the pages that hold one widget each: the widget, the title, and the first sentence."""


def live(widget: ModuleType) -> str:
    """A widget as HTML, with its scripts."""
    scripts = "".join(f'<script defer src="_static/{file}"></script>' for file in widget.SCRIPTS)
    return f"{scripts}{widget.fragment()}"
