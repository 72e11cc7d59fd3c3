"""What moves on the pages without a kernel: each widget with the scripts that it needs."""

from __future__ import annotations

import importlib
import importlib.util

PAGES = {
    "axis_viewer": (
        "The axis viewer",
        "Choose a norm and a number: which numbers share their mean and variance with it?",
    ),
    "deck": ("The deck", "Say your answer first, then open the card. A card that you knew comes back later."),
    "drill": ("The drill", "An interview against the clock, by yourself."),
}
"""Title and first sentence of the pages that hold one widget each."""


def live(name: str) -> str:
    """A widget as HTML with its scripts, "" where it is not there."""
    if importlib.util.find_spec(f"{__package__}.{name}") is None:
        return ""
    widget = importlib.import_module(f"{__package__}.{name}")
    scripts = "".join(f'<script defer src="_static/{file}"></script>' for file in widget.SCRIPTS)
    return f"{scripts}{widget.fragment()}"
