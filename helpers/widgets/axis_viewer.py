"""Notebook 05's axis viewer: which elements of an N×C×H×W block share one mean and variance?

Core ipywidgets only.  The block is drawn flat, as an SVG: a small H×W grid for each example (row) and channel (column).
It has no ground of its own: text, lines and the frame take the colour of the text around it, in light and dark themes.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import numpy as np
import numpy.typing as npt
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers.lab import figures

from .parts import named, show_widget, spoken

Index = tuple[int, int, int, int]
"""A shape or a cell: one number for each of N, C, H, W."""

SHAPE: Index = (4, 6, 3, 4)
"""Sizes of the block.  With these, two sets of equal size are the same set."""
START: Index = (1, 3, 1, 2)
"""The chosen cell at the start."""
GROUPS = 2
"""Groups of GroupNorm at the start."""

ALT = (
    "Axis viewer: six norms on one N×C×H×W block, and the elements that share their statistics with one cell. "
    "Run this notebook to choose the norm and the cell."
)


@dataclass(frozen=True)
class Kind:
    """A norm: the axes that keep an index of their own, what each set belongs to, its colour, and a note."""

    name: str
    over: str
    kept: tuple[int, ...]
    each: str
    colour: str
    note: str
    statistics: str = "mean and variance"


KINDS = {
    "batch": Kind(
        "BatchNorm",
        "N, H, W",
        (1,),
        "channel",
        "batch",
        "This is train mode. In eval mode the running statistics take their place.",
    ),
    "layer": Kind(
        "LayerNorm over C, H, W",
        "C, H, W",
        (0,),
        "example",
        "layer",
        "The whole image at once. No other example plays a part, in either mode.",
    ),
    "layer per position": Kind(
        "LayerNorm over C",
        "C",
        (0, 2, 3),
        "example and position",
        "layer",
        "As for the tokens of a Transformer: a position sees only its own channels.",
    ),
    "instance": Kind(
        "InstanceNorm",
        "H, W",
        (0, 1),
        "example and channel",
        "instance",
        "GroupNorm with G = C has the same statistics.",
    ),
    "group": Kind(
        "GroupNorm",
        "C/G, H, W",
        (0, 1),
        "example and group",
        "group",
        "Neighbouring channels form a group, and all positions belong to it.",
    ),
    "rms": Kind(
        "RMSNorm over C",
        "C",
        (0, 2, 3),
        "example and position",
        "rms",
        "No mean is subtracted: x is divided by the root of this mean square (plus eps).",
        "mean square",
    ),
}


def sharing(norm: str, shape: Index, cell: Index, groups: int = 1) -> npt.NDArray[np.bool_]:
    """Which elements of a block share their statistics with ``cell``, which is one of them.

    ``norm``: a key of KINDS; ``groups`` counts for "group" only.  Returns booleans of ``shape``.
    Raises ValueError for an unknown norm or where ``groups`` does not divide C, IndexError for a cell outside the
    block.
    Source: Wu & He 2018, §3.1 (their S_i); Zhang & Sennrich 2019 for RMSNorm.

    >>> sharing("batch", (2, 3, 1, 1), (0, 1, 0, 0))[:, :, 0, 0].astype(int)
    array([[0, 1, 0],
           [0, 1, 0]])
    >>> int(sharing("group", (4, 6, 3, 4), (1, 3, 1, 2), groups=2).sum())
    36
    """
    if norm not in KINDS:
        raise ValueError(f"{norm!r} is no norm; they are {', '.join(KINDS)}.")
    if any(not 0 <= i < size for i, size in zip(cell, shape, strict=True)):
        raise IndexError(f"the cell {cell} is outside a block of shape {shape}.")
    index, at = np.indices(shape), list(cell)
    if norm == "group":
        channels = _group_size(shape, groups)
        index[1] //= channels
        at[1] //= channels
    lit: npt.NDArray[np.bool_] = np.logical_and.reduce([index[axis] == at[axis] for axis in KINDS[norm].kept])
    return lit


def code(norm: str, shape: Index, groups: int = 1) -> str:
    """The line that computes all means of the block ``x`` (for RMSNorm, all mean squares).

    >>> code("batch", (4, 6, 3, 4))
    'x.mean(dim=(0, 2, 3), keepdim=True)'
    >>> code("group", (4, 6, 3, 4), groups=2)
    'x.reshape(4, 2, -1).mean(dim=2, keepdim=True)'
    """
    if norm == "group":
        return f"x.reshape({shape[0]}, {groups}, -1).mean(dim=2, keepdim=True)"
    dims = tuple(axis for axis in range(4) if axis not in KINDS[norm].kept)
    dim = dims if len(dims) > 1 else dims[0]
    return f"{'(x**2)' if norm == 'rms' else 'x'}.mean(dim={dim}, keepdim=True)"


def summary(norm: str, shape: Index, cell: Index, groups: int = 1) -> str:
    """How many elements share the cell's statistics.

    >>> summary("instance", (4, 6, 3, 4), (0, 0, 0, 0))
    'InstanceNorm: 12 of 288 elements share one mean and variance with the chosen cell'
    """
    kind, count = KINDS[norm], int(sharing(norm, shape, cell, groups).sum())
    share = f"{count} of {math.prod(shape)} elements share one {kind.statistics}"
    return f"{kind.name}: {share} with the chosen cell"


def words(norm: str, shape: Index, cell: Index, groups: int = 1) -> list[str]:
    """What the picture shows, in sentences: the count, how it comes about, how many sets there are, and a note."""
    kind = KINDS[norm]
    sizes = dict(zip("NCHW", shape, strict=True)) | {"C/G": shape[1] // groups}
    factors = [sizes[axis] for axis in kind.over.split(", ")]
    count = math.prod(factors)
    product = " · ".join(map(str, factors)) + (f" = {count}" if len(factors) > 1 else "")
    where = ", ".join(f"{axis}={i}" for axis, i in zip("nchw", cell, strict=True))
    return [
        f"{summary(norm, shape, cell, groups)} ({where}).",
        f"{kind.over.replace(', ', ' · ')} = {product}.",
        f"The block has {math.prod(shape) // count} such sets: one for each {kind.each}.",
        _note(norm, shape, groups),
    ]


def _note(norm: str, shape: Index, groups: int) -> str:
    if norm == "group" and groups == 1:
        return "G = 1: the statistics of LayerNorm over C, H, W."
    if norm == "group" and groups == shape[1]:
        return "G = C: the statistics of InstanceNorm."
    return KINDS[norm].note


def _group_size(shape: Index, groups: int) -> int:
    if groups < 1 or shape[1] % groups:
        raise ValueError(f"{shape[1]} channels do not fall into {groups} equal groups.")
    return shape[1] // groups


# --- the widget -----------------------------------------------------------------------------------------------------


class AxisViewer:
    """The widget: ``box`` holds it, ``norm``, ``groups`` and the four sliders of ``cell`` are its controls.

    ``view`` is the drawing; ``text`` says how many elements share, and is read aloud; ``more`` says the rest.
    """

    def __init__(self, shape: Index = SHAPE, cell: Index = START, groups: int = GROUPS):
        self.shape = shape
        names = [(kind.name, key) for key, kind in KINDS.items()]
        divisors = [g for g in range(1, shape[1] + 1) if shape[1] % g == 0]
        self.norm = named("bn-axes-norm", widgets.Dropdown(options=names, **_look("norm")))
        dropdown = widgets.Dropdown(options=divisors, value=groups, **_look("groups G"))
        self.groups = named("bn-axes-groups", dropdown)
        self.cell = [
            named(f"bn-axes-{name[0]}", widgets.IntSlider(value=i, min=0, max=size - 1, **_look(name)))
            for name, i, size in zip(AXES, cell, shape, strict=True)
        ]
        self.view = named("bn-axes-view", widgets.HTML(layout={"width": "520px", "max_width": "100%"}))
        self.text = named("bn-axes-text", widgets.HTML(layout={"width": "auto"}))
        self.more = named("bn-axes-more", widgets.HTML(layout={"width": "auto"}))
        side = widgets.VBox(
            [self.norm, self.groups, *self.cell, self.text, self.more],
            layout={"flex": "1 1 300px", "max_width": "460px"},
        )
        self.box = named("bn-axes", widgets.Box([self.view, side], layout={"flex_flow": "row wrap"}))
        for control in (self.norm, self.groups, *self.cell):
            control.observe(self.update, "value")
        self.update()

    def update(self, _: Any = None) -> None:
        """Draw and say what the controls now choose."""
        norm, groups = self.norm.value, self.groups.value
        n, c, h, w = (slider.value for slider in self.cell)
        self.groups.disabled = norm != "group"
        self.view.value = draw(norm, self.shape, (n, c, h, w), groups)
        count, *rest = words(norm, self.shape, (n, c, h, w), groups)
        self.text.value = spoken(count)
        body = "".join(f"<div>{html.escape(sentence)}</div>" for sentence in rest)
        self.more.value = (
            f'<div style="line-height:1.5">{body}'
            '<details style="margin-top:4px">'
            f'<summary style="cursor:pointer;display:list-item">{IN_CODE}</summary>'
            '<code style="font-size:13px;white-space:pre-wrap">'
            f"{html.escape(code(norm, self.shape, groups))}</code></details></div>"
        )


AXES = ("n, example", "c, channel", "h, row", "w, column")
IN_CODE = "in code (answers “Which dims?”)"


def axis_viewer() -> None:
    """Show the viewer; without a live front end, a picture of all norms for one cell."""
    show_widget(AxisViewer().box, picture, ALT)


def _look(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "style": {"description_width": "84px"},
        "layout": {"width": "auto", "max_width": "380px"},
    }


# --- pictures -------------------------------------------------------------------------------------------------------

GAP = 0.8
"""Space between two grids, in cells."""
CELL, LEFT, TOP, RIGHT, BOTTOM = 16, 52, 56, 10, 30
"""Pixels: side of a cell, and the margins, which hold the labels."""
DARK = {"batch": "#4da3dc", "layer": "#ee7b30", "group": "#1fb58a", "instance": "#d98fb8", "rms": "#d3a12a"}
"""The colours of figures.COLOURS on a dark ground: the same hues, lighter."""
_STYLE = (
    ".bn-axes-view svg{--lit:var(--light)}"
    'body[data-jp-theme-light="false"] .bn-axes-view svg,.vscode-dark .bn-axes-view svg,'
    'html[theme="dark"] .bn-axes-view svg{--lit:var(--dark)}'
    ".bn-axes-text .widget-html-content{line-height:1.5}"
)


def draw(norm: str, shape: Index, cell: Index, groups: int = 1) -> str:
    """The block as an SVG string: filled squares share the statistics of the cell with the frame."""
    lit = sharing(norm, shape, cell, groups)
    width, height = (CELL * size for size in extent(shape))
    total = f"{LEFT + width + RIGHT:.0f} {TOP + height + BOTTOM:.0f}"
    x, y = corner(cell, shape)
    return "".join(
        [
            f'<svg viewBox="0 0 {total}" role="img" aria-label="{summary(norm, shape, cell, groups)}" '
            'fill="currentColor" font-family="sans-serif" font-size="13" '
            f'style="width:100%;display:block;--light:{_colour(norm)};--dark:{DARK[KINDS[norm].colour]}">',
            f"<style>{_STYLE}</style>",
            *labels(shape, cell),
            *(brackets(shape, groups) if norm == "group" else ()),
            f'<g transform="translate({LEFT} {TOP})">',
            f'<path d="{_squares(np.argwhere(~lit), shape)}" fill="none" stroke="currentColor" stroke-opacity=".4"/>',
            f'<path class="bn-lit" d="{_squares(np.argwhere(lit), shape)}" fill="{_colour(norm)}" '
            'style="fill:var(--lit)"/>',
            f'<path d="M{CELL * x - 0.5:g} {CELL * y - 0.5:g}h{CELL}v{CELL}h-{CELL}z" fill="none" '
            'stroke="currentColor" stroke-width="3"/>',
            f'<text y="{height + 20:.0f}">{caption(shape)}</text></g></svg>',
        ]
    )


def caption(shape: Index) -> str:
    """How to read the drawing."""
    return f"Down: examples. Across: channels. Each small grid: H × W = {shape[2]} × {shape[3]}."


def labels(shape: Index, cell: Index) -> Iterable[str]:
    """Numbers of the channels above and of the examples at the left, those of the cell in bold."""
    for c in range(shape[1]):
        x = LEFT + CELL * (corner((0, c, 0, 0), shape)[0] + shape[3] / 2)
        yield f'<text x="{x:.0f}" y="{TOP - 8}" text-anchor="middle"{_bold(c == cell[1])}>c = {c}</text>'
    for n in range(shape[0]):
        y = TOP + CELL * (corner((n, 0, 0, 0), shape)[1] + shape[2] / 2) + 4
        yield f'<text x="{LEFT - 8}" y="{y:.0f}" text-anchor="end"{_bold(n == cell[0])}>n = {n}</text>'


def _bold(wanted: bool) -> str:
    return ' font-weight="bold"' if wanted else ""


def brackets(shape: Index, groups: int) -> Iterable[str]:
    """A bracket above the channels of each group."""
    size = _group_size(shape, groups)
    for group in range(groups):
        left = LEFT + CELL * corner((0, group * size, 0, 0), shape)[0]
        right = LEFT + CELL * (corner((0, (group + 1) * size - 1, 0, 0), shape)[0] + shape[3])
        yield f'<path d="M{left:.0f} 32v-6H{right:.0f}v6" fill="none" stroke="currentColor"/>'
        yield f'<text x="{(left + right) / 2:.0f}" y="20" text-anchor="middle">group {group}</text>'


def _squares(cells: npt.NDArray[Any], shape: Index) -> str:
    """One SVG path with a square for each cell."""
    corners = (corner(cell, shape) for cell in cells)
    return "".join(f"M{CELL * x:g} {CELL * y:g}h{CELL - 1}v{CELL - 1}h-{CELL - 1}z" for x, y in corners)


def corner(cell: Any, shape: Index) -> tuple[float, float]:
    """Upper left corner of a cell in the flat drawing, in cells."""
    n, c, h, w = map(int, cell)
    return c * (shape[3] + GAP) + w, n * (shape[2] + GAP) + h


def extent(shape: Index) -> tuple[float, float]:
    """Width and height of the drawing, in cells."""
    x, y = corner([size - 1 for size in shape], shape)
    return x + 1, y + 1


def _colour(norm: str) -> str:
    return figures.COLOURS[KINDS[norm].colour]


def picture(shape: Index = SHAPE, cell: Index = START, groups: int = GROUPS) -> Figure:
    """All norms side by side for one cell, for readers without a live front end."""
    figure, axes = figures.subplots(3, 2, width=9.0, height=9.0)
    for ax, (norm, kind) in zip(axes.flat, KINDS.items(), strict=True):
        lit = sharing(norm, shape, cell, groups)
        _block(ax, lit, _colour(norm))
        ax.add_patch(Rectangle(corner(cell, shape), 1, 1, fill=False, edgecolor="black", linewidth=1.6))
        name = f"{kind.name}, G = {groups}" if norm == "group" else kind.name
        ax.set_title(f"{name}: {lit.sum()} of {lit.size}", loc="left", fontsize=12, fontweight="bold")
        ax.set_xlabel(f"over {kind.over}; one for each {kind.each}")
    sizes = " × ".join(map(str, shape))
    figure.supxlabel(
        f"A block x of N × C × H × W = {sizes}. Rows: examples n. Columns: channels c. Each grid: H × W.\n"
        "Coloured: the elements that share one mean and variance (RMSNorm: mean square) with the framed cell.",
        ha="left",
        x=0.02,
        fontsize=11,
    )
    return figure


def _block(ax: Any, lit: npt.NDArray[np.bool_], colour: str) -> None:
    """The block on matplotlib axes: the lit elements filled, the others hollow."""
    n, c, h, w = lit.shape
    shape = (n, c, h, w)
    for chosen, style in ((~lit, ("white", "#c4c4c4")), (lit, (colour, "white"))):
        squares = [Rectangle(corner(cell, shape), 1, 1) for cell in np.argwhere(chosen)]
        ax.add_collection(PatchCollection(squares, facecolor=style[0], edgecolor=style[1], linewidth=0.8))
    width, height = extent(shape)
    ax.set(xlim=(-0.2, width + 0.2), ylim=(height + 0.2, -0.2), aspect="equal")
    ax.set_xticks([corner((0, i, 0, 0), shape)[0] + w / 2 for i in range(c)], [f"c={i}" for i in range(c)])
    ax.set_yticks([corner((i, 0, 0, 0), shape)[1] + h / 2 for i in range(n)], [f"n={i}" for i in range(n)])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.grid(False)
    ax.spines[:].set_visible(False)
