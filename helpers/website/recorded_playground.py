"""The playground on recorded runs: what its script needs, as a fragment of a page.

The panels of the first setting stand in the page as the notebook's own code drew them; ``static/playground.js`` moves
them.  Where no script runs they are a still picture, and the controls, which would do nothing, are hidden.
"""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.experiments.fair import DEPTH, STEPS
from helpers.experiments.rate_batch_plane import BATCH_SIZES, LRS
from helpers.widgets.playground import controls, style
from helpers.widgets.playground.inside import LOOKS
from helpers.widgets.playground.outcome import Outcome
from helpers.widgets.playground.panel import ALT, KEYS
from helpers.widgets.playground.plane import CELL
from helpers.widgets.playground.setting import BINS, MEASURED, Setting
from helpers.widgets.playground.setting import NORMS as NAMES

from .fragments import fragment as made
from .fragments import json_text

HERE = Path(__file__).parent
STATIC = HERE / "static"
STORED = HERE / "recorded_playground.json"
"""What the page carries itself, with the command that wrote it."""
MORE = STATIC / "playground_more.js"
"""Every other part, as a script that the page loads later."""

SCRIPTS = ("playground.js",)
"""What a page loads, before the fragment or after it."""

SEEDS = (0, 1, 2)
NORMS = ("batch", "layer", "group")
"""What is compared with no norm."""
FIRST = ("none 0", "batch 0")
"""The parts that the page carries itself."""
STOPS = (1, 2, 4, 8, 16, 30, 60, 100, 150, 200)
"""The steps of a run whose distributions are kept."""
LEVELS = 15
"""A distribution's widths are whole parts of this many."""
MISSING = 0xFFFF
"""A curve's place for a loss that was not finite."""

_ABOUT = "These runs are recorded: the code of notebook 03 trained them, with PyTorch's layers. {live}"
_ON_SITE = (
    "To train for real, with the batch norm that you build, and to guess before you see: "
    '<a href="03_with_and_without_batchnorm.html">notebook 03</a>.'
)
_IN_NOTEBOOK = "To train for real, run this cell."
_KEPT = (
    "Headline, words and numbers are those that the notebook wrote. Of each run ten steps of the activations are kept, "
    f"and how wide they are drawn is rounded to one part in {LEVELS}. Seeds {SEEDS[0]} to {SEEDS[-1]}."
)
_LOST = (
    "The other recorded runs could not be loaded, so norm and seed are those of before. "
    "Choose again, and it is tried once more."
)
_OWN_KEYS = 'data-lm-suppress-shortcuts="true"'
"""Where the page is JupyterLab, it leaves this element its arrow keys."""
_STILL = '<p class="bn-stands">This is a still picture of one run. With JavaScript, two sliders move it.</p>'
RECORDED = re.compile("<!--recorded-->.*<!--/recorded-->", re.DOTALL)
"""What :func:`in_notebook` adds to an output."""
_BEGIN = """
for (const place of document.querySelectorAll(".bn-here-recorded:empty"))
  batchnorm.playground(place, JSON.parse(place.nextElementSibling.textContent)).then(() => {
    if (place.firstChild) place.previousElementSibling.hidden = true; // the picture
  });
"""
_STYLE = """
.bn-recorded{background:var(--bn-ground);color:var(--bn-ink);--bn-ink:var(--jp-ui-font-color0,#1b1f24)}
html[theme="dark"] .bn-recorded{--bn-ink:var(--jp-ui-font-color0,#e6e9ec);color-scheme:dark}
.bn-recorded:not(.bn-moves) .bn-moving{display:none!important}
.bn-moves .bn-stands{display:none}
.bn-recorded .bn-say .bn-first{margin:0;padding:0}
.bn-recorded .bn-slide{display:grid;grid-template-columns:1fr 48px;align-items:center;gap:8px;padding-left:8px}
.bn-recorded input[type=range]{width:100%;min-width:0;height:24px;margin:0;accent-color:var(--bn-focus)}
.bn-recorded .bn-number{font-size:14px;font-variant-numeric:tabular-nums}
.bn-recorded .bn-ticks{margin:-2px 64px 4px 16px}
.bn-recorded fieldset{display:flex;flex-wrap:wrap;gap:2px 10px;border:0;margin:6px 0 0;padding:0 0 0 8px;min-width:0}
.bn-recorded legend{font-size:13px;font-weight:600;padding:0}
.bn-recorded .bn-seed legend{float:left;padding:3px 10px 0 0}
.bn-recorded fieldset label{display:flex;align-items:center;gap:4px;min-height:24px;font-size:13px;cursor:pointer}
.bn-recorded fieldset input{margin:0;accent-color:var(--bn-focus)}
.bn-recorded .bn-say{margin-top:10px}
.bn-recorded .bn-map g{cursor:pointer}
.bn-recorded .bn-inside-head b{font-size:13px}
.bn-recorded .bn-play{width:34px;height:26px;padding:0;font-size:12px;color:inherit;background:none;border-radius:4px;
border:1px solid var(--bn-axis);cursor:pointer}
.bn-recorded .bn-scrub .bn-slide{padding:0}
.bn-recorded .bn-scrub .bn-ticks{margin:-2px 64px 0 8px}
.bn-recorded .bn-about{border-top:1px solid var(--bn-grid);margin-top:6px;padding-top:6px;font-size:13px}
.bn-recorded .bn-about p{margin:0}
.bn-recorded .bn-about a{color:var(--bn-focus)}
@media(prefers-reduced-motion:reduce){.bn-recorded .bn-play{display:none}}
"""


@functools.cache
def stored() -> Any:
    """The file that the command wrote."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def fragment() -> str:
    """The playground of a page that loads ``SCRIPTS``."""
    return made("playground", data(), body(_ON_SITE), [style.STYLE, _STYLE])


def in_notebook(notebook: NotebookNode) -> None:
    """Let the recorded playground take the place of the picture of it, where scripts run, in an executed notebook.

    All of it stands in the picture's own output.  A front end that removes scripts shows the picture, as before.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("image/png", {}).get("alt") == ALT:
                output.data["text/html"] = RECORDED.sub("", output.data["text/html"]) + _for_output()


@functools.cache
def _for_output() -> str:
    """Data, script and style as one piece of HTML, in which nothing is seen before the script runs."""
    shown = f"<style>{(style.STYLE + _STYLE).replace(chr(10), '')}</style>{body(_IN_NOTEBOOK)}"
    held = json_text(data() | {"parts": every_part(), "body": shown})
    script = (STATIC / SCRIPTS[0]).read_text(encoding="utf-8")
    return (
        f'<!--recorded--><section class="bn-here-recorded"></section><script type="application/json">{held}</script>'
        f"<script>{script}{_BEGIN}</script><!--/recorded-->"
    )


def every_part() -> dict[str, str]:
    """The parts of both files."""
    _, _, more = MORE.read_text(encoding="utf-8").partition("recorded(")
    parts: dict[str, str] = stored()["parts"] | json.loads(more.removesuffix(");\n"))
    return parts


def data() -> dict[str, Any]:
    """What the script reads: the grid, the frames of each norm, and the parts that stand in the page."""
    kinds = {norm: Setting(pair=("none", norm)).nets for norm in NORMS}
    return {
        "lrs": LRS,
        "batch_sizes": BATCH_SIZES,
        "cells": len(LRS) * len(BATCH_SIZES),
        "steps": STEPS,
        "measured": MEASURED,
        "missing": MISSING,
        "stops": STOPS,
        "depth": DEPTH,
        "bins": BINS,
        "levels": LEVELS,
        "cell": CELL,
        "outcomes": [outcome.name for outcome in Outcome],
        "lost": _LOST,
        "nets": {norm: [style.net(kind) for kind in nets] for norm, nets in kinds.items()},
        "frames": stored()["frames"],
        "parts": stored()["parts"],
    }


def body(live: str) -> str:
    """The playground at its first setting.  live: HTML that says how to train for real."""
    shown, start, c = stored()["start"], Setting(), controls.Controls()
    lr = _slider("bn-lr", "learning rate", controls.LR_TICKS, LRS.index(start.lr), f"{start.lr:g}")
    row = BATCH_SIZES.index(start.batch_size)
    batch = _slider("bn-batch", "batch size", controls.BATCH_TICKS, row, str(start.batch_size))
    step = _slider("bn-step", "step", tuple(map(str, STOPS)), len(STOPS) - 1, str(STOPS[-1]), "bn-scrub")
    compare = f"{c.first.description} {NAMES['none']} {c.second.description}"
    norm = _choice("bn-norm", compare, {key: NAMES[key] for key in NORMS})
    seed = _choice("bn-seed", c.seed.description, {str(seed): str(seed) for seed in SEEDS})
    play = f'<button type="button" {_OWN_KEYS} class="bn-play" aria-label="play or pause the run">▶</button>'
    keys = KEYS.partition(";")[0]
    moving = f'<div class="bn-moving">{lr}{batch}<div class="bn-choices">{norm}{seed}</div></div>'
    side = f'{moving}<div class="bn-say" role="status">{shown["say"]}</div>'
    about = f"{_KEPT} <span class=bn-moving>{keys}.</span>"
    return (
        f'<div class="bn-playground bn-recorded"><div class="bn-top"><div class="bn-side">{side}</div>'
        f'<div class="bn-curves">{shown["curves"]}</div><div class="bn-plane">{shown["map"]}</div></div>'
        f'<div class="bn-inside"><div class="bn-inside-head"><b>{next(iter(LOOKS.values()))}</b>'
        f'<span class="bn-moving">{play}</span>{step}</div><div class="bn-third">{shown["third"]}</div></div>'
        f'<div class="bn-words">{shown["words"]}</div><div class="bn-about"><p>{_ABOUT.format(live=live)}</p>{_STILL}'
        f"<details><summary>what is recorded</summary>{about}</details></div></div>"
    )


def _slider(name: str, text: str, ticks: tuple[str, ...], at: int, number: str, more: str = "") -> str:
    """A slider under its name, over places at even distances, with its number beside it."""
    last = len(ticks) - 1
    spans = "".join(f'<span style="left:{100 * i / last:.1f}%">{tick}</span>' for i, tick in enumerate(ticks))
    return (
        f'<div class="bn-field bn-moving {more}"><span class="bn-name" id="{name}-name">{text}</span>'
        f'<div class="bn-slide"><input type="range" {_OWN_KEYS} class="{name}" min="0" max="{last}" value="{at}" '
        f'aria-labelledby="{name}-name" aria-valuetext="{number}">'
        f'<span class="bn-number" aria-hidden="true">{number}</span></div>'
        f'<div class="bn-ticks" aria-hidden="true">{spans}</div></div>'
    )


def _choice(name: str, text: str, options: Mapping[str, str]) -> str:
    """Radio buttons, the first one chosen."""
    first = next(iter(options))
    inputs = "".join(
        f'<label><input type="radio" {_OWN_KEYS} name="{name}" value="{key}"{" checked" * (key == first)}>'
        f"{html.escape(said)}</label>"
        for key, said in options.items()
    )
    return f'<fieldset class="{name}"><legend>{html.escape(text)}</legend>{inputs}</fieldset>'
