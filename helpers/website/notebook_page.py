"""A notebook as a page: what a learner meets in it, with the pictures and tables that it makes, and no answer in sight.

The cells are those of the learner edition, the outputs those of the executed solution.  What a cell prints after
"Predict first", or from an answer of the learner, is folded; what only a learner's own run can say is left out.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import html
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from helpers.look.style import STYLE

from . import recorded_playground
from .live import PAGES, live
from .stylesheet import themed

PICTURES = "pictures"
"""The folder of the site with what the notebooks draw."""
PREDICTED, ANSWERED = "Show what it prints", "Show what it prints for a right answer"
"""What to click on to see an output: after a prediction, and where an answer of the learner's is used."""
SETUP = """<details><summary>Setup: run this cell first</summary>

Here the notebook carries the course's own code, <code>helpers/</code>, as a compressed archive.

</details>"""
_PREDICTION = "*Predict first"
_OWN = re.compile(
    r"_exercise(\.beyond)?\.(check|grade|hint|look|solution)\(|\bBoard\("
    r"|^(summary|judge|record|prepare_submission)\(",
    re.MULTILINE,
)
"""Calls whose output is about the learner who runs them."""
_BEGINNING = STYLE.partition(";")[0]
"""By this the course's own style sheet is known, also in a notebook that was executed before its last change."""
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]+)" width="(\d+)"( alt="[^"]*")>')
_STILL = re.compile(r'<div class="bn-still-\w+">(.*)</div>', re.DOTALL)
_LIVE = '<p class="bn-live-only">{}</p>'


def page(learner: NotebookNode, solution: NotebookNode, take: str, pictures: Path) -> NotebookNode:
    """The notebook as Sphinx reads it; ``take`` is put under its title, and what it draws into ``pictures``."""
    outputs = {cell.id: cell.outputs for cell in solution.cells if cell.cell_type == "code"}
    answers = {name for cell in learner.cells if _is_answer(cell) for name in _defined(cell.source)}
    predicted = False
    cells = []
    for cell in learner.cells:
        if cell.cell_type == "code":
            if cell.id == "setup":
                cells.append(new_markdown_cell(SETUP))
                continue
            elsewhere = [name for name in PAGES if name in _used(cell.source)]
            cell.outputs = [] if _OWN.search(cell.source) else list(_outputs(outputs[cell.id], pictures))
            cell.outputs += [_link(name) for name in elsewhere]
            used = answers & _used(cell.source)
            words = PREDICTED if predicted else ANSWERED if used else ""
            cell.metadata = _folded(words) if words and cell.outputs else NotebookNode()
            predicted = False
        else:
            predicted = _PREDICTION in cell.source
        cells.append(cell)
    cells[0].source = re.sub(r"^\*\*\d+ minutes.*\*\*$", rf"\g<0>\n\n{take}", cells[0].source, count=1, flags=re.M)
    learner.cells = cells
    return learner


def _folded(words: str) -> NotebookNode:
    """What makes MyST-NB fold the output of a cell; the words are what to click on."""
    return NotebookNode(tags=["hide-output"], mystnb={"code_prompt_show": words, "code_prompt_hide": words})


def _is_answer(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("solution")) and cell.cell_type == "code"


def _defined(source: str) -> Iterator[str]:
    """Names of the functions and classes that a cell defines."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def _used(source: str) -> set[str]:
    """Names that a cell uses."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _outputs(outputs: list[NotebookNode], pictures: Path) -> Iterator[NotebookNode]:
    """The outputs with their pictures as files and their styles for the site's themes."""
    for output in outputs:
        text = output.get("data", {}).get("text/html")
        if text is None:
            yield output
        elif recorded_playground.RECORDED.search(text):
            yield new_output("display_data", {"text/html": live(recorded_playground)})
        else:
            yield new_output("display_data", {"text/html": _for_site(text, pictures)})


def _link(name: str) -> NotebookNode:
    """Where a widget that needs a kernel here works without one."""
    words = f'{PAGES[name][1]} works without a notebook too: <a href="{name}.html">open it</a>.'
    return new_output("display_data", {"text/html": _LIVE.format(words)})


def _for_site(text: str, pictures: Path) -> str:
    """HTML of an output: without the course's style sheet, which the page has, and without what a kernel is needed for.

    >>> _for_site('<div class="bn-still-1"><p>Run this cell to <choose>.</p></div>', Path())
    '<p class="bn-live-only">Run this cell to <choose>.</p>'
    """
    text = _STYLE.sub(lambda style: "" if _known(style[1]) else f"<style>{themed(style[1])}</style>", text)
    text = _IMAGE.sub(lambda image: _picture(image, pictures), text)
    return _STILL.sub(lambda still: _still(still[1]), text)


def _known(style: str) -> bool:
    """True for the style that course.css has, and for one that hides a picture beside a living widget."""
    return style.startswith(_BEGINNING) or ".bn-still-" in style


def _picture(image: re.Match[str], pictures: Path) -> str:
    """A picture as a file, its size known before it is loaded; a link opens it alone, to be read on a small screen."""
    content = base64.b64decode(image[1])
    wide, high = (int.from_bytes(content[place : place + 4], "big") for place in (16, 20))
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    (pictures / name).write_bytes(content)
    size = f'width="{image[2]}" height="{round(int(image[2]) * high / wide)}"'
    return f'<a href="{PICTURES}/{name}"><img src="{PICTURES}/{name}" {size} loading="lazy"{image[3]}></a>'


def _still(inside: str) -> str:
    """What stands in a widget's place: its picture, or the sentence that says what it does."""
    picture, found, words = inside.rpartition("<p>")
    if "<img" in picture:
        return picture + _LIVE.format("This is a picture. It is alive in the notebook.")
    return _LIVE.format(words.removesuffix("</p>")) if found else html.escape(inside)
