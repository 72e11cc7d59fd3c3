"""What is known of each notebook from its source, and every place where a reader is told of it.

Minutes are computed: words ÷ 130, the exercises as announced (``*Exercise, easy, 5 minutes.*``), one for each
prediction, and the time that the notebook takes to run; rounded up to five.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.exercises import catalogue
from helpers.exercises.syllabus import Notebook, Task

from .places import SourceError
from .source import Source

WORDS_A_MINUTE = 130
MARKS = "<!-- course:begin, written by make notebooks -->\n", "<!-- course:end -->\n"
"""Between these lines of README.md stands the table."""
SUM = "<!-- sum:begin -->", "<!-- sum:end -->"
"""Between these words of README.md stands how much it is in all."""
MAP = "<!-- map of the course -->"
"""This line of a source is replaced by the table."""
HAND_IN = (
    "**In a class**, hand in a copy: save the notebook, then run the next cell twice. It checks the copy, saves it "
    "without outputs in the folder `submission`, and says its name."
)
PREPARE = """\
from helpers.widgets.submission import prepare_submission

prepare_submission("{}")"""
"""What comes after the last cell of code."""

_TITLE = re.compile(r"^# \d\d · (.+)$", re.MULTILINE)
_ANNOUNCED = re.compile(r"^\*(?:Exercise|Question)\b[^*]*?(\d+) minutes?\b", re.MULTILINE)
_PREDICTION = "*Predict first"
_USED = re.compile(r"\b([a-z]\w*)_exercise(\.beyond)?\.(?:check|grade)\(")
_NOT_READ = re.compile(r"```.*?```|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", re.DOTALL)


def describe(source: Source, path: Path, seconds: float) -> Notebook:
    """What the source at ``path`` says of its notebook, which takes so many ``seconds`` to run.

    Raises SourceError where the first cell has no title ``# 05 · Name``, or uses an exercise that is not there.
    """
    notebook = source.notebook
    title = _TITLE.search(notebook.cells[0].source)
    if title is None:
        raise SourceError(f"{path}:1: the first cell needs a title, for example `# 05 · Name`.")
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    words = len(_NOT_READ.sub(" ", prose).split())
    announced = sum(map(int, _ANNOUNCED.findall(prose)))
    minutes = words / WORDS_A_MINUTE + announced + prose.count(_PREDICTION) + seconds / 60
    known = [c.metadata.get("nbgrader", {}) for c in notebook.cells]
    points = sum(about["points"] for about in known if about.get("grade"))
    answers = [about["grade_id"] for about in known if about.get("solution")]
    rounded = math.ceil(minutes / 5) * 5
    return Notebook(path.stem, title[1], rounded, points, source.builds, _exercises(notebook, path), answers)


def fill(source: Source, number: int, course: Sequence[Notebook]) -> None:
    """Write time and points under the title, the map where it is asked for, how to hand in, and the way on."""
    this, cells = course[number], source.notebook.cells
    title = rf"\g<0>\n\n**{this.minutes} minutes · {this.points:g} points**"
    cells[0].source = _TITLE.sub(title, cells[0].source, count=1)
    for cell in cells:
        cell.source = cell.source.replace(MAP, table(course, ""))
    if number + 1 < len(course):
        way_on = course[number + 1]
        cells[-1].source += f"\n\nNext: [{way_on.name[:2]} · {way_on.title}]({way_on.name}.ipynb)"
    if this.answers:
        after = max(i for i, cell in enumerate(cells, 1) if cell.cell_type == "code")
        cells[after:after] = [
            nbformat.v4.new_markdown_cell(HAND_IN, id="hand_in", metadata={"id": "hand_in"}),
            nbformat.v4.new_code_cell(PREPARE.format(this.name), id="prepare", metadata={"id": "prepare"}),
        ]
        source.lines[after:after] = [source.lines[after - 1]] * 2


def table(course: Sequence[Notebook], folder: str) -> str:
    """The notebooks as a Markdown table whose links lead into ``folder``, with the sums in its last row."""
    lines = ["| notebook | minutes | points | you build |", "|---|--:|--:|---|"]
    lines += [
        f"| [{n.name[:2]} · {n.title}]({folder}{n.name}.ipynb) | {n.minutes} | {n.points:g} | {n.builds} |"
        for n in course
    ]
    minutes, points = sum(n.minutes for n in course), sum(n.points for n in course)
    return "\n".join([*lines, f"| together | {minutes} | {points:g} | |"])


def as_json(course: Sequence[Notebook]) -> str:
    """The content of ``helpers/exercises/syllabus.json``."""
    about = "Generated from solutions/*.py by make notebooks; do not edit."
    return json.dumps({"about": about, "notebooks": list(map(asdict, course))}, indent=1, ensure_ascii=False) + "\n"


def in_readme(text: str, course: Sequence[Notebook]) -> str:
    """README.md with the table, and the sum, between their two marks; as it is where it has none."""
    hours, points = round(sum(n.minutes for n in course) / 60), sum(n.points for n in course)
    sum_of_all = f"{len(course)} notebooks, about {hours} hours, {points:g} points."
    for (begin, end), content in ((MARKS, f"\n{table(course, 'notebooks/')}\n\n"), (SUM, sum_of_all)):
        before, found, rest = text.partition(begin)
        text = f"{before}{begin}{content}{end}{rest.partition(end)[2]}" if found else text
    return text


def _exercises(notebook: NotebookNode, path: Path) -> dict[str, Task]:
    """Each exercise that the notebook checks or grades, by its id, in the order of their use."""
    known, found = catalogue(), {}
    worth = {a["grade_id"]: a["points"] for c in notebook.cells if (a := c.metadata.get("nbgrader", {})).get("grade")}
    for cell in notebook.cells:
        for id, beyond in _USED.findall(cell.source) if cell.cell_type == "code" else ():
            if id not in known:
                raise SourceError(f"{path}: there is no exercise `{id}`; there are {', '.join(known)}.")
            exercise = known[id].beyond if beyond else known[id]
            checks = {check.id: worth.get(f"{exercise.id}_{check.id}", 0) for check in exercise.checks}
            found[exercise.id] = Task(exercise.title, checks)
    return found
