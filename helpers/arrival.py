"""How ``helpers`` gets into a kernel: the setup cell of a notebook runs this file out of the archive that it carries.

Standard library only, and nothing of ``helpers``: there may be another one in the kernel, or none.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

TO_STAY = "to stay"
"""What ``helpers.arrived`` is where a grader has put the course's code there: no notebook replaces that."""


def arrive(archive: bytes, version: str, files: str) -> None:
    """Let ``import helpers`` give what the zip ``archive`` holds; ``version`` names it.

    A folder ``helpers`` on the path is used as it is where its files have the digest ``files``.  Whatever else has that
    name, on the path or in the kernel, steps aside, and a printed sentence says so.  Once there it stays, whatever
    happens to the notebook's names; calling it again also puts back an archive that was deleted.  A grader's helpers
    stay.
    """
    loaded = sys.modules.get("helpers")
    arrived = getattr(loaded, "arrived", None)
    if arrived in (version, TO_STAY):
        if arrived == version and ".zip" in str(getattr(loaded, "__file__", "")):
            _write(archive, version)
        return
    for name in [n for n in sys.modules if n.partition(".")[0] == "helpers"]:
        del sys.modules[name]
    found = importlib.util.find_spec("helpers")
    if not _has(found, ZipFile(BytesIO(archive)).namelist(), files):
        path = str(_write(archive, version))
        sys.path[:] = [path, *(p for p in sys.path if p != path)]
        if loaded:
            print("This kernel held other code of the name helpers. From here on it has this notebook's own.")
        elif found:
            print(f"{found.origin or 'A folder helpers'} is another version: this notebook uses its own copy.")
    importlib.invalidate_caches()
    importlib.import_module("helpers").__dict__["arrived"] = version


def digest(root: Path, names: Iterable[str]) -> str:
    """SHA-256 of the files of these names below ``root``, names included; OSError where one is missing."""
    made = hashlib.sha256()
    for name in sorted(names):
        content = (root / name).read_bytes()
        made.update(f"{name}\n{len(content)}\n".encode() + content)
    return made.hexdigest()


def _has(found: ModuleSpec | None, names: list[str], files: str) -> bool:
    """True where the package that was found holds exactly these files."""
    if found is None or found.origin is None:
        return False
    try:
        return digest(Path(found.origin).parents[1], names) == files
    except (OSError, IndexError):
        return False


def _write(archive: bytes, version: str) -> Path:
    """The archive as a file in a temporary folder that lasts as long as the kernel."""
    name = f"helpers-{version[:16]}.zip"
    path = next((p for p in map(Path, sys.path) if p.name == name), None)
    if path is None:
        path = Path(tempfile.mkdtemp(prefix="batchnorm-")) / name
        atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(archive)
    return path
