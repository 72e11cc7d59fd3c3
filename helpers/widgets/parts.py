"""What the widgets share: names that a style or a test finds, a line that is read aloud, and a widget with a picture.

A live front end shows the widget.  Everywhere else (the next morning, before the cell has run again; a page on GitHub;
an export; an untrusted notebook) the reader sees the picture and the sentence that tells how to make it live.
"""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from helpers.lab import figures

VIEW = "application/vnd.jupyter.widget-view+json"
RUN_IT = "This is a picture. To use it, run this cell."
_DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
_SPEAK = f"<img src='{_DOT}' alt='' hidden onload=\"this.parentNode?.setAttribute('role','status')\">"

_KEYS = """
(() => {
  const help = () => document.querySelectorAll('.bn-live-NAME').forEach(root => {
    root.querySelectorAll('select').forEach(list => list.setAttribute('data-lm-suppress-shortcuts', 'true'));
    root.querySelectorAll('.widget-hslider').forEach(slider => {
      const handle = slider.querySelector('[role=slider]'), text = slider.querySelector('.widget-label')?.textContent;
      if (!handle || !text) return;
      handle.setAttribute('aria-label', text);
      handle.setAttribute('data-lm-suppress-shortcuts', 'true');
    });
  });
  [0, 200, 1000, 4000].forEach(later => setTimeout(help, later));
})()
""".replace("\n", " ")
"""Where a front end runs it: arrow keys stay in a list and in a slider, and a slider has its name."""


def show_widget(widget: widgets.Widget, figure: Figure | Callable[[], Figure] | None, alt: str) -> None:
    """Display ``widget``, and as a second output ``figure`` (or only the sentence ``alt`` where it is None).

    A function that makes the figure is called when the widget is on the screen.

    While the widget lives it hides the second output; while it does not, that hides the error in its place.
    """
    name = f"{zlib.crc32(alt.encode()):08x}"  # the same on every run
    help_keys = f'<img src="" alt="" hidden onerror="{_KEYS.replace("NAME", name)}">'
    hide = widgets.HTML(f"<style>.bn-still-{name}{{display:none}}</style>{help_keys}", layout={"display": "none"})
    live = named(f"bn-live-{name}", widgets.VBox([widget, hide]))
    display({VIEW: {"version_major": 2, "version_minor": 0, "model_id": live.model_id}}, raw=True)
    data, metadata = _still(name, figure() if callable(figure) else figure, alt)
    display(data, raw=True, metadata=metadata)


def _still(name: str, figure: Figure | None, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    data, metadata = figures.bundle(figure, alt) if figure else ({"text/plain": alt}, {})
    dead = f".jp-OutputArea-child:has(+ .jp-OutputArea-child .bn-still-{name}):not(:has(.bn-live-{name}))"
    seen = data.get("text/html") or f"<p>{html.escape(alt)}</p>"
    told = f"<p>{RUN_IT}</p>" if figure else ""
    data["text/html"] = f'<style>{dead}{{display:none}}</style><div class="bn-still-{name}">{seen}{told}</div>'
    return data, metadata


def spoken(text: str) -> str:
    """The value of an ``HTML`` widget that says ``text``: a screen reader reads it aloud each time it changes.

    The widget's own element becomes the status; one that comes with its text in it would not be read.
    """
    return f"{_SPEAK}<span>{html.escape(text)}</span>"


def named(name: str, widget: Any) -> Any:
    """The widget, with ``name`` as a class of its element."""
    widget.add_class(name)
    return widget
