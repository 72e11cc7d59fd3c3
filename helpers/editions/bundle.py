"""What a notebook needs of ``helpers``, as a zip that travels inside it."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.util
import io
import textwrap
import zipfile
from pathlib import Path

from helpers import exercises
from helpers.judge.record import record_bytes

from .source import SETUP_TITLE

PACKAGE = Path(__file__).resolve().parents[1]
EDITIONS = ("open", "class")

_SETUP = '''\
# The course's own code, helpers/, travels in this cell as a zip archive. Nothing is installed or downloaded.
# To see what is in it: zipfile.ZipFile(io.BytesIO(data)).namelist()
try:
    from helpers import COURSE
except ImportError:
    import base64, hashlib, pathlib, sys, tempfile
    data = base64.b85decode("".join("""
{archive}
""".split()))
    if hashlib.sha256(data).hexdigest() != "{digest}":
        raise RuntimeError("This setup cell was changed. Download the notebook again.")
    sys.modules.pop("helpers", None)
    _folder = tempfile.TemporaryDirectory()
    _archive = pathlib.Path(_folder.name) / "helpers.zip"
    _archive.write_bytes(data)
    sys.path.insert(0, str(_archive))
import helpers
'''


def setup_cell(edition: str, code: str) -> str:
    """Source of the first code cell: imports ``helpers``, or unpacks the part of it that ``code`` needs."""
    data = archive(edition, code)
    lines = textwrap.fill(base64.b85encode(data).decode(), 120, break_on_hyphens=False)
    return SETUP_TITLE + _SETUP.format(archive=lines, digest=hashlib.sha256(data).hexdigest()).rstrip()


def archive(edition: str, code: str) -> bytes:
    """A zip of the modules that a notebook's code needs: sorted, dated 1980, the same bytes for the same files.

    ``edition``: "open" carries the answers of its exercises as code, references and suspects; "class" only what they
    do, as numbers.
    """
    if edition not in EDITIONS:
        raise ValueError(f"edition is one of {', '.join(EDITIONS)}, not {edition!r}")
    modules = modules_needed(code, answers=edition == "open")
    files = {path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes() for path in modules}
    if edition == "class":
        files["helpers/exercises/recorded/__init__.py"] = b""
        for exercise in exercises.catalogue().values():
            if f"{exercise.home.replace('.', '/')}.py" in files:
                a = exercise.answers
                record = record_bytes(a.right, a.suspects, a.lineup)
                files[f"helpers/exercises/recorded/{exercise.id}.zip"] = record
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in sorted(files):
            made.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()


def modules_needed(code: str, answers: bool) -> set[Path]:
    """Files of ``helpers`` that the code imports, directly or not, with their packages' ``__init__.py``.

    ``answers`` says whether the answers of each exercise, which are imported by name at run time, come too.

    >>> sorted(p.stem for p in modules_needed("from helpers.lab.data import digits", answers=True))
    ['__init__', '__init__', 'data']
    """
    waiting, seen, files = {"helpers", *_imports(code, "")}, set(), set()
    while waiting:
        module = waiting.pop()
        base = PACKAGE.parent.joinpath(*module.split("."))
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if module in seen or not path.exists():
            continue
        seen.add(module)
        files.add(path)
        package = module if base.is_dir() else module.rpartition(".")[0]
        waiting |= {package, *_imports(path.read_text(encoding="utf-8"), package)}
        room, _, name = module.rpartition(".")
        if answers and room == "helpers.exercises":
            waiting.add(f"{room}.answers.{name}")
    return files


def _imports(code: str, package: str) -> set[str]:
    """Every name of ``helpers`` that the code imports; those that are no modules do no harm."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("helpers.")}
