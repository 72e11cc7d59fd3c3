"""The learner part of ``helpers`` as a zip that travels inside each notebook."""

from __future__ import annotations

import base64
import hashlib
import io
import textwrap
import zipfile
from pathlib import Path

from helpers import exercises
from helpers.judge.record import record_bytes

from .source import SETUP_TITLE

PACKAGE = Path(__file__).resolve().parents[1]
LEARNER_ROOMS = ("judge", "exercises", "lab", "widgets")
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


def setup_cell(edition: str) -> str:
    """Source of the first code cell: imports ``helpers``, or unpacks the copy that it carries."""
    data = archive(edition)
    lines = textwrap.fill(base64.b85encode(data).decode(), 120, break_on_hyphens=False)
    return SETUP_TITLE + _SETUP.format(archive=lines, digest=hashlib.sha256(data).hexdigest()).rstrip()


def archive(edition: str) -> bytes:
    """A zip of the learner part: sorted names, dates of 1980, so the same files give the same bytes.

    ``edition``: "open" carries references and suspects as code; "class" carries only what they do, as numbers.
    """
    if edition not in EDITIONS:
        raise ValueError(f"edition is one of {', '.join(EDITIONS)}, not {edition!r}")
    files = {"helpers/__init__.py": (PACKAGE / "__init__.py").read_bytes()}
    for room in LEARNER_ROOMS:
        for path in (PACKAGE / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"helpers/{path.relative_to(PACKAGE).as_posix()}"] = path.read_bytes()
    if edition == "class":
        files = {name: data for name, data in files.items() if "/answers/" not in name}
        files["helpers/exercises/recorded/__init__.py"] = b""
        for exercise in exercises.catalogue().values():
            a = exercise.answers
            files[f"helpers/exercises/recorded/{exercise.id}.zip"] = record_bytes(a.right, a.suspects, a.lineup)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            made.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()
