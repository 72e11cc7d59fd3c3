"""The part of the course that goes where a learner's code runs: no references, no records, no grading."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("look", "judge", "exercises", "lab", "experiments", "widgets")
"""What a learner's notebook may import, and the judge, which they import."""
WORKER = ("__init__", "landlock", "namespaces", "sockets", "submission", "wire", "worker")
ANSWERS, RECORDED = "answers", "recorded"

_MAIN = "import gc\n\ngc.disable()\nfrom helpers.grading.worker import main\n\nmain()\n"
"""What the worker imports stays: it is not searched for garbage, neither meanwhile nor while a file runs."""
_CHECKOUT = ("solutions", "tests", ".git")


def package(answers: bool = False) -> bytes:
    """A zip that Python can run: the worker and the rooms; with the references' code for a process of the course's own.

    The records are never in it.
    """
    paths = [PACKAGE / "__init__.py", *(PACKAGE / "grading" / f"{name}.py" for name in WORKER)]
    hidden = {RECORDED, "__pycache__"} if answers else {ANSWERS, RECORDED, "__pycache__"}
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*"):
            if path.suffix in (".py", ".json") and not hidden & set(path.relative_to(PACKAGE).parts):
                paths.append(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("__main__.py", _MAIN)
        for path in sorted(paths):
            made.write(path, path.relative_to(PACKAGE.parent).as_posix())
    return buffer.getvalue()


def hidden_from(folder: str) -> tuple[Path, ...]:
    """What a file that lies in ``folder`` may not read: the course, and of a checkout what holds answers as well.

    A file that lies in ``solutions/`` or ``tests/`` itself may read its own folder.
    """
    checkout = [PACKAGE.parent / name for name in _CHECKOUT]
    return PACKAGE, *(path for path in checkout if not Path(folder).resolve().is_relative_to(path))


def readable(roots: Iterable[str], hidden: Iterable[Path]) -> list[str]:
    """``roots`` as real paths; one that holds something hidden is replaced by what it holds besides."""
    hidden = [path.resolve() for path in hidden]
    found: dict[str, None] = {}
    for root in roots:
        if os.path.exists(root):
            found |= dict.fromkeys(map(str, _besides(Path(root).resolve(), hidden)))
    return list(found)


def _besides(root: Path, hidden: list[Path]) -> Iterator[Path]:
    if any(root.is_relative_to(path) for path in hidden):
        return
    if not any(path.is_relative_to(root) for path in hidden):
        yield root
        return
    for child in root.iterdir():
        yield from _besides(child.resolve(), hidden)
