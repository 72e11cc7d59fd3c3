"""A learner's file, read as text only: a Python file is one cell, a notebook as many as it has cells of code."""

from __future__ import annotations

import ast
import itertools
import json
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

LIMIT = 20 << 20
"""Bytes that a file may have."""

_MARKER = re.compile(r"^# (?:In\[[\d ]*\]:|%%)", re.MULTILINE)
"""What nbconvert and jupytext write before each cell."""


class NotJudged(Exception):
    """Why a file could not be judged, in one sentence."""


@dataclass(frozen=True)
class Submission:
    """``name`` is the file's name, ``folder`` where it lies, ``cells`` its code."""

    name: str
    folder: str
    cells: tuple[str, ...]

    @property
    def notebook(self) -> bool:
        """True for a notebook, also one that was exported as Python; its cells run one by one."""
        return self.name.endswith(".ipynb") or len(self.cells) > 1

    def defines(self, name: str) -> bool:
        """True where a line begins with a definition, an assignment or an import of ``name``."""
        return self.code_of(name) != ""

    def code_of(self, name: str) -> str:
        """The code of the last cell in which a line defines, assigns or imports ``name``; "" where none does."""
        pattern = rf"^(?:(?:class|def) {name}\b|{name}\s*[:=]|(?:from|import)\b.*\b{name}\b)"
        return next((cell for cell in reversed(self.cells) if re.search(pattern, cell, re.MULTILINE)), "")


def read(path: Path) -> Submission:
    """The code of a ``.py`` or ``.ipynb`` file.  Raises NotJudged for what is neither or cannot be read."""
    if path.suffix not in (".py", ".ipynb"):
        raise NotJudged(f"{path} is neither a .py nor an .ipynb file.")
    try:
        if not path.is_file():
            raise NotJudged(f"{path} is not a file." if path.exists() else f"{path} does not exist.")
        if path.stat().st_size > LIMIT:
            raise NotJudged(f"{path} is larger than {LIMIT >> 20} MB.")
        if path.suffix == ".py":
            with tokenize.open(path) as file:
                return Submission(path.name, str(path.resolve().parent), split(file.read()))
        return Submission(path.name, str(path.resolve().parent), _cells(path.read_text(encoding="utf-8-sig")))
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        raise NotJudged(f"{path} cannot be read: {error}.") from None


def split(text: str) -> tuple[str, ...]:
    """The cells of a notebook that was exported as Python; any other file is one cell.

    Each cell begins with as many empty lines as there are before it in the file, so that line numbers are the file's.

    >>> split("import torch\\n# In[2]:\\nx = 1")
    ('import torch\\n', '\\n# In[2]:\\nx = 1')
    """
    starts = [0, *(match.start() for match in _MARKER.finditer(text)), len(text)]
    return tuple("\n" * text.count("\n", 0, a) + text[a:b] for a, b in itertools.pairwise(starts) if b > a) or ("",)


def _cells(text: str) -> tuple[str, ...]:
    """The code cells of a notebook's JSON."""
    notebook = json.loads(text)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    sources = [c.get("source") for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]
    return tuple("".join(map(str, source)) if isinstance(source, list) else str(source) for source in sources)


def plain(cell: str) -> str:
    """A cell without the lines that only IPython understands: ``%matplotlib inline``, ``!pip …``."""
    return cell if parsed(cell) else re.sub(r"(?m)^(\s*)[%!?].*$", r"\1pass", cell)


def parsed(cell: str) -> ast.Module | None:
    """The syntax tree of a cell, None where it is no Python."""
    try:
        return ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
