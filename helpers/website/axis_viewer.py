"""The axis viewer on a page: the notebook's drawing with squares to click, its sets and its sentences."""

from __future__ import annotations

import html
import itertools
from typing import Any

import numpy as np

from helpers.look.style import COLOURS
from helpers.widgets import axis_viewer as notebook
from helpers.widgets.axis_viewer import CELL, GROUPS, KINDS, SHAPE, START, sharing

from .fragments import fragment as made

SCRIPTS = ("axis_viewer.js",)
FIRST = "batch"
"""The norm at the start."""
_STYLE = """
.bn-axes{display:flex;flex-flow:row wrap;gap:8px 24px}
.bn-axes figure{flex:1 1 400px;max-width:520px;min-width:0}
.bn-axes figcaption{font-weight:400}
.bn-axes-side{flex:1 1 260px;max-width:460px}
.bn-axes svg{--lit:var(--light);width:100%;display:block}
html[theme="dark"] .bn-axes svg{--lit:var(--dark)}
.bn-axes rect{fill:transparent;stroke:currentColor;stroke-opacity:.4;cursor:pointer}
.bn-axes rect.lit{fill:var(--lit);stroke:none}
.bn-axes rect.bn-frame{fill:none;stroke-opacity:1;stroke-width:3;pointer-events:none}
@media(max-width:600px){.bn-axes svg text{font-size:18px}}
.bn-axes-side label{display:grid;grid-template-columns:88px minmax(0,1fr) 20px;gap:8px;align-items:center;
margin:0 0 4px}
.bn-axes-side label>:nth-child(2):last-child{grid-column:2/4}
.bn-axes-side select{font:inherit}
.bn-axes-side input{width:100%;margin:6px 0;accent-color:var(--link)}
"""


def fragment() -> str:
    """The viewer; where scripts do not run, its picture and sentences at the start."""
    setting = _setting(FIRST)
    count, *rest = notebook.words(FIRST, SHAPE, START)
    said = "".join(f"<div>{html.escape(sentence)}</div>" for sentence in rest)
    side = (
        f'<p class="bn-axes-text">{html.escape(count)}</p><div class="bn-axes-more">{said}</div>'
        f"<details><summary>{notebook.IN_CODE}</summary><code>{html.escape(setting['code'])}</code></details>"
        "<noscript><p>With JavaScript you choose the norm and the square here.</p></noscript>"
    )
    figure = f"<figure>{_drawing(setting)}<figcaption>{notebook.caption(SHAPE)}</figcaption></figure>"
    body = f'<div class="bn-axes">{figure}<div class="bn-axes-side">{side}</div></div>'
    return made("axis_viewer", data(), body, [_STYLE])


def data() -> dict[str, Any]:
    """Shape and start, the names of the controls, and of each norm and number of groups what is seen and said."""
    viewer = notebook.AxisViewer()
    return {
        "shape": SHAPE,
        "start": START,
        "groups": GROUPS,
        "labels": {
            "norm": viewer.norm.description,
            "groups": viewer.groups.description,
            "cell": notebook.AXES,
            "click": "Click a square to choose it.",
        },
        "norms": {key: name for name, key in viewer.norm.options},
        "settings": {
            norm: {groups: _setting(norm, groups) for groups in (viewer.groups.options if norm == "group" else (1,))}
            for norm in KINDS
        },
    }


def _setting(norm: str, groups: int = 1) -> dict[str, Any]:
    first, *rest = notebook.words(norm, SHAPE, (0, 0, 0, 0), groups)
    for axis in "nchw":
        first = first.replace(f"{axis}=0", f"{axis}={{{axis}}}")
    return {
        "sets": _sets(norm, groups),
        "words": [first, *rest],
        "summary": notebook.summary(norm, SHAPE, START, groups),
        "code": notebook.code(norm, SHAPE, groups),
        "light": COLOURS[KINDS[norm].colour],
        "dark": notebook.DARK[KINDS[norm].colour],
    }


def _sets(norm: str, groups: int) -> list[int]:
    """The number of the set to which each element belongs, in the order n, c, h, w."""
    found = np.full(SHAPE, -1)
    for cell in _cells():
        if found[cell] < 0:
            found[sharing(norm, SHAPE, cell, groups)] = found.max() + 1
    return [int(number) for number in found.flat]


def _cells() -> list[tuple[int, int, int, int]]:
    return [(n, c, h, w) for n, c, h, w in itertools.product(*map(range, SHAPE))]


def _drawing(setting: dict[str, Any]) -> str:
    """The notebook's drawing with one element a square, in the order n, c, h, w."""
    width, height = (CELL * size for size in notebook.extent(SHAPE))
    total = f"{notebook.LEFT + width + notebook.RIGHT:.0f} {notebook.TOP + height + 4:.0f}"
    labels = list(notebook.labels(SHAPE, START))
    brackets = "".join(
        f'<g data-groups="{groups}" style="display:none">{"".join(notebook.brackets(SHAPE, groups))}</g>'
        for groups in range(1, SHAPE[1] + 1)
        if SHAPE[1] % groups == 0
    )
    lit = sharing(FIRST, SHAPE, START)
    squares = "".join(_square(cell, CELL - 1, "lit" if lit[cell] else "") for cell in _cells())
    frame = _square(START, CELL, "bn-frame", -0.5)
    return (
        f'<svg viewBox="0 0 {total}" role="img" aria-label="{html.escape(setting["summary"])}" fill="currentColor" '
        f'font-family="sans-serif" font-size="13" style="--light:{setting["light"]};--dark:{setting["dark"]}">'
        f'<g class="bn-channels">{"".join(labels[: SHAPE[1]])}</g>'
        f'<g class="bn-examples">{"".join(labels[SHAPE[1] :])}</g>{brackets}'
        f'<g transform="translate({notebook.LEFT} {notebook.TOP})"><g class="bn-cells">{squares}</g>{frame}</g></svg>'
    )


def _square(cell: tuple[int, int, int, int], side: int, kind: str, shift: float = 0.0) -> str:
    x, y = (CELL * corner + shift for corner in notebook.corner(cell, SHAPE))
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{side}" height="{side}"/>'
