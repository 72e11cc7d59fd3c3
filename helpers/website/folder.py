"""The folder of the site: the files of an earlier site are replaced, every other file stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

LIST = ".files-of-the-site"
"""The file that names what was written, one path a line; by it an earlier site is known."""


def refusal(folder: Path) -> str:
    """Why no site is written to this folder, in one sentence, or ""."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is no folder: name another one with --to."
    if folder.exists() and any(folder.iterdir()) and not (folder / LIST).is_file():
        return f"{folder} holds files that this command did not write: empty it, or name another folder with --to."
    return ""


def put(site: Path, folder: Path) -> str:
    """Put the files of ``site`` in the place of the earlier site's; returns why it was not done, or ""."""
    new = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    old = set((folder / LIST).read_text(encoding="utf-8").splitlines()) if (folder / LIST).is_file() else set()
    if others := sorted(name for name in new - old if (folder / name).exists()):
        return f"{folder / others[0]} is not of the earlier site: move it away, or name another folder with --to."
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, old | new)  # all of it is known for the site's, should this be stopped half-way
    shutil.copytree(site, folder, dirs_exist_ok=True)
    for name in old - new:
        (folder / name).unlink(missing_ok=True)
    _write(folder, new)
    return ""


def _write(folder: Path, names: set[str]) -> None:
    (folder / LIST).write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")
