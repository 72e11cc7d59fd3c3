"""A handed-in notebook beside the one that was handed out: what can be restored is, and is said; the rest is a human's.

Only answers are taken from a learner's notebook, and the code that these need.  Setup, checks and points are the
released ones, so it does not matter what became of the learner's copies of them.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from helpers.grading.submission import parsed, plain

from .assignment import Released, grade_id

LIMIT = 256 << 20
"""Bytes of a notebook; its stored outputs are not used."""
TEXT = 2 << 20
"""Characters that its cells may have in all."""
ALIKE = 0.6
"""From this share of equal text on, a cell that lost its name is taken for the released one."""

_JSON = json.JSONDecoder(parse_int=float)  # int refuses a number of 5,000 digits


class Unreadable(Exception):
    """Why a file is no notebook, in one sentence."""


@dataclass
class Repaired:
    """``answers``: the text of each answer cell that was found, by grade_id; ``others``: the code around them.

    ``order`` has the cells of code as the learner left them: an id of an answer, or a number of ``others``.
    ``repairs`` says what was restored, ``review`` what a human has to look at, by grade_id.
    """

    answers: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    order: list[str | int] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    review: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> tuple[list[NotebookNode], list[str]]:
    """The cells of a notebook file, and what had to be mended to read it.  Raises Unreadable."""
    if len(data) > LIMIT:
        raise Unreadable(f"the file is larger than {LIMIT >> 20} MB")
    if not data.strip():
        raise Unreadable("the file is empty")
    if b"{" not in data[:1000]:
        raise Unreadable(f"the file {_what_else(data[:1000].decode('latin-1').strip())}")
    text, repairs = _decoded(data)
    try:
        raw, end = _JSON.raw_decode(text)
    except RecursionError:
        raise Unreadable("the file is nested too deep for a notebook") from None
    except ValueError as problem:
        raise Unreadable(f"the file {_what_else(text)}: {problem}") from None
    if text[end:].strip("\0 \r\n\t"):
        repairs.append("something stood after the notebook's end; it was left out")
    cells = _cells(raw, repairs)
    if sum(len(cell.source) for cell in cells) > TEXT:
        raise Unreadable(f"its cells hold more than {TEXT >> 20} million characters")
    return cells, repairs


def _decoded(data: bytes) -> tuple[str, list[str]]:
    encoding = json.detect_encoding(data)
    told = [] if encoding == "utf-8" else [f"the file was in {encoding.upper()}, not in plain UTF-8"]
    try:
        return data.decode(encoding).strip(), told
    except UnicodeDecodeError:
        return data.decode("latin-1").strip(), [*told, "the file could not be decoded; it was read as Latin-1"]


def _what_else(text: str) -> str:
    """What a file may be that is no JSON."""
    if re.search(r"(?m)^<{7} ", text):
        return "holds both sides of a merge conflict"
    if text[:2] == "PK":
        return "is a zip, not a notebook"
    return "is a web page, not a notebook" if text[:1] == "<" else "is no JSON (cut off or edited?)"


def _cells(raw: Any, repairs: list[str]) -> list[NotebookNode]:
    """The cells of any nbformat, with only what is used of them and that in its right type."""
    if not isinstance(raw, dict):
        raise Unreadable("the file is JSON, but no notebook")
    if "worksheets" in raw and "cells" not in raw:
        repairs.append("it was in notebook format 3")
        sheets = raw["worksheets"] if isinstance(raw["worksheets"], list) else []
        found: Any = [c for sheet in sheets if isinstance(sheet, dict) for c in sheet.get("cells") or ()]
    else:
        found = raw.get("cells")
    if not isinstance(found, list):
        raise Unreadable("the file is JSON, but has no list of cells")
    made = []
    for cell in found:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", cell.get("input", ""))
        text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
        about = cell.get("metadata")
        made.append(
            NotebookNode(
                cell_type="code" if cell.get("cell_type") == "code" else "markdown",
                source=_characters(text.replace("\r\n", "\n")),
                metadata=nbformat.from_dict(about if isinstance(about, dict) else {}),
                id=str(cell.get("id", "")),
            )
        )
    if found and not made:
        raise Unreadable("the file is JSON, but nothing in its list of cells is one")
    return made


def _characters(text: str) -> str:
    """The text without halves of characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def repair(cells: list[NotebookNode], released: Released) -> Repaired:
    """Find the answers among the cells of a learner's notebook."""
    made = Repaired()
    handed_out = {cell.source.strip() for cell in released.notebook.cells}
    names = _names(cells, released, made.repairs)
    for i, cell in enumerate(cells):
        name = names[i]
        if name in released.answers:
            _answer(made, name, cell, released)
        elif cell.cell_type == "code" and name not in released.cells and cell.source.strip() not in handed_out:
            made.others.append(cell.source)
            made.order.append(len(made.others) - 1)
    _join(made, released)
    _missing(made, released)
    return made


def _answer(made: Repaired, name: str, cell: NotebookNode, released: Released) -> None:
    """Take an answer; of several the last that is not the stub counts, as it does in a kernel."""
    handed_out = released.cells[name]
    code = handed_out.cell_type == "code"
    if code and cell.cell_type != "code":
        made.repairs.append(f"{name}: the cell was no longer one of code; what stands in it was taken as code")
    if name not in made.answers:
        made.answers[name] = cell.source
        made.order += [name] if code else []
        return
    if cell.source.strip() in ("", handed_out.source.strip(), made.answers[name].strip()):
        made.repairs.append(f"the answer {name} stood there more than once; the one that is filled in counts")
        return
    together = f"{made.answers[name]}\n{cell.source}"
    if not code or _are_parts((made.answers[name], cell.source), together, _defined(handed_out.source)):
        made.answers[name] = together
        made.repairs.append(f"{name}: the cell was split; its parts were put together")
        return
    made.repairs.append(f"the answer {name} stood there more than once; the last one that is filled in counts")
    made.answers[name] = cell.source
    made.order.remove(name)
    made.order.append(name)


def _are_parts(cells: tuple[str, str], together: str, wanted: set[str]) -> bool:
    """True where one of two cells defines nothing of what is wanted, or is no Python, and both together are."""
    alone = [not _unfinished(cell) and bool(wanted & _defined(cell)) for cell in cells]
    return not all(alone) and not _unfinished(together)


def _names(cells: list[NotebookNode], released: Released, repairs: list[str]) -> list[str]:
    """The grade_id of each cell, "" for one that was not handed out by name."""
    names = [grade_id(cell) for cell in cells]
    for i, cell in enumerate(cells):
        ids = {cell.id, str(cell.metadata.get("id", ""))} & released.cells.keys()
        if names[i] not in released.cells and ids:
            names[i] = ids.pop()
            repairs.append(f"{names[i]}: nbgrader's metadata was lost; found by the cell's id")
    lost = [name for name in released.cells if name not in names]
    for name in lost:
        free = [i for i, n in enumerate(names) if n not in released.cells and cells[i].source.strip()]
        kind = released.cells[name].cell_type
        best = max(free, key=lambda i: _likeness(cells, i, released, name), default=None)
        if best is not None and cells[best].cell_type == kind and _likeness(cells, best, released, name) >= ALIKE:
            names[best] = name
            if name in released.answers:
                repairs.append(f"{name}: nbgrader's metadata was lost; found by what the cell defines or stands below")
    return names


def _likeness(cells: list[NotebookNode], i: int, released: Released, name: str) -> float:
    """How much a cell looks like the released one of that name: what it defines, else its text or what is above it."""
    mine, theirs = cells[i], released.cells[name]
    if mine.cell_type != theirs.cell_type:
        return 0.0
    defined = _defined(theirs.source)
    if defined and name in released.answers:
        return 1.0 if defined & _defined(mine.source) else 0.0
    if mine.source.strip() == theirs.source.strip():
        return 1.0
    if name not in released.answers or mine.cell_type == "code":
        return difflib.SequenceMatcher(None, mine.source[:2000], theirs.source[:2000]).quick_ratio() * 0.9
    above = released.notebook.cells[: released.notebook.cells.index(theirs)]
    before = above[-1].source.strip() if above else ""
    return 0.9 if i and before and cells[i - 1].source.strip() == before else 0.0


def _defined(code: str) -> set[str]:
    """Names of the functions and classes that stand at the left edge."""
    return set(re.findall(r"(?m)^(?:class|def|async def) (\w+)", code))


def _join(made: Repaired, released: Released) -> None:
    """Put an answer together that was split into two cells (Ctrl-Shift-minus)."""
    for at, entry in enumerate(made.order):
        if not isinstance(entry, str):
            continue
        text, taken = made.answers[entry], 0
        for following in made.order[at + 1 :]:
            if not isinstance(following, int):
                break
            piece = made.others[following]
            if not (_unfinished(text) or piece[:1] in " \t"):
                break
            text, taken = f"{text}\n{piece}", taken + 1
        if taken and not _unfinished(text):
            made.answers[entry] = text
            for gone in made.order[at + 1 : at + 1 + taken]:
                assert isinstance(gone, int)
                made.others[gone] = ""
            made.repairs.append(f"{entry}: the cell was split; its {taken + 1} parts were put together")


def _unfinished(text: str) -> bool:
    """True for code to which a block that is to follow is missing."""
    return parsed(plain(text)) is None


def _missing(made: Repaired, released: Released) -> None:
    """Say which answers are not there; a written one may have lost its name, so a human looks."""
    for name in released.answers:
        if name in made.answers:
            continue
        wanted = _defined(released.cells[name].source)
        if wanted and any(wanted & _defined(code) for code in made.others):
            made.repairs.append(f"{name}: the cell was deleted; what it asks for is defined in another one")
        elif wanted:
            made.repairs.append(f"{name}: the cell is not there, and nothing defines {', '.join(sorted(wanted))}")
        else:
            made.review[name] = "the cell of this written answer was not found"
