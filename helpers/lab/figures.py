"""One look for all figures: style, one colour for each norm, and a way to show them with alt text."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from helpers.look.style import COLOURS as COLOURS
from helpers.look.style import styled

_SMALLEST = 10.8
"""Points: no type is smaller; 12 pixels as it is shown."""
_STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e2e2e2",
    "axes.axisbelow": True,
    "font.size": _SMALLEST,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def subplots(
    rows: int = 1, columns: int = 1, width: float = 8.0, height: float = 3.2, **options: Any
) -> tuple[Figure, Any]:
    """A figure in the course's style (inches), and its axes as ``plt.subplots`` gives them; not known to pyplot."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)


def show(figure: Figure, alt: str) -> None:
    """Display a figure at twice the screen's resolution, with ``alt`` as its text for those who cannot see it.

    ``alt`` says what is drawn, not the measured numbers: the text below the figure gives those.
    """
    data, metadata = bundle(figure, alt)
    display(data, raw=True, metadata=metadata)


def bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(data, metadata) of a figure for ``display(…, raw=True)``: HTML, a PNG for others, and ``alt`` as text."""
    for axes in figure.axes:  # made after subplots() returned, so without its style
        title, legend = axes.get_title(), axes.get_legend()
        if title:
            axes.set_title("")
            axes.set_title(title, loc="left")
        if legend:
            legend.set_frame_on(False)
    for text in figure.findobj(Text):
        text.set_fontsize(max(float(text.get_fontsize()), _SMALLEST))
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=160)
    width, png = round(figure.get_figwidth() * 80), buffer.getvalue()
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    image = f'<img src="{source}" width="{width}" alt="{html.escape(alt)}">'
    data = {"text/html": styled(image, "bn-figure"), "image/png": png, "text/plain": alt}
    return data, {"image/png": {"width": width, "alt": alt}}


def band(axes: Any, x: Any, runs: Any, norm: str, label: str) -> None:
    """Median of several seeds as a line and their range as a band.  ``runs``: (seeds, len(x))."""
    runs = np.asarray(runs, dtype=float)
    axes.plot(x, np.nanmedian(runs, axis=0), color=COLOURS[norm], label=label)
    axes.fill_between(x, np.nanmin(runs, axis=0), np.nanmax(runs, axis=0), color=COLOURS[norm], alpha=0.18, linewidth=0)


def cells(
    axes: Any,
    title: str,
    shares: NDArray[Any],
    names: Sequence[Sequence[str]] | NDArray[Any],
    texts: Sequence[Sequence[str]],
    rows: Sequence[float],
    columns: Sequence[float],
) -> None:
    """A map over learning rates, the first row at the bottom: in each cell a share of a net's colour, and a text."""
    inks = np.array([[to_rgb(COLOURS[name]) for name in row] for row in names])
    image = 1 - shares[..., None] * (1 - inks)
    axes.imshow(image, origin="lower", aspect="auto")
    for (row, column), light in np.ndenumerate(image @ (0.3, 0.6, 0.1)):
        ink = "w" if light < 0.5 else "k"
        axes.text(column, row, texts[row][column], ha="center", va="center", color=ink)
    axes.set(title=title, xlabel="learning rate", xticks=range(len(columns)), yticks=range(len(rows)))
    axes.set(xticklabels=[f"{c:g}" for c in columns], yticklabels=[f"{r:g}" for r in rows])
    axes.grid(False)
