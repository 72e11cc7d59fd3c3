"""What came back: a ``submitted/`` tree, loose notebooks, a learning platform's folders, or its zip or tar.

Nothing is unpacked onto the disk, no link is followed, and no file is read beyond its limit.  Each learner who left a
trace is named, also one whose folder holds no notebook.
"""

from __future__ import annotations

import contextlib
import functools
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from helpers.grading.submission import NotJudged

from . import repair
from .assignment import NAME, Released, grade_id

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
NESTED = 2
"""So many archives deep is looked."""
ENTRIES = 2_000_000
"""At most so many files in all."""
OPENED = 1 << 30
"""Bytes of archives within archives, and of notebooks, that are opened for one learner."""

_PLATFORM = re.compile(r"^(?P<who>.+_\d+)_(?:assignsubmission|assignfeedback)_\w*$")
"""A learner's folder as Moodle names it: name, number of the participant, kind."""
_CANVAS = re.compile(r"^(?P<who>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)$")
"""A file as Canvas names it: name, number of the user, number of the submission, the file's own name."""
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, IndexError),
)
"""What a broken archive raises."""
_JUNK = (
    *("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "__pycache__", ".git"),
    *("timestamp.txt", "submission_secret.txt"),  # nbgrader's exchange writes these
)


@dataclass(frozen=True)
class Entry:
    """One file somewhere below; ``path`` as the learner named it, ``time`` of its last change in seconds.

    ``closed`` says why it cannot be read, or "".
    """

    path: PurePosixPath
    time: float
    size: int
    read: Callable[[], bytes] = field(compare=False, repr=False)
    closed: str = ""


@dataclass(frozen=True)
class Found:
    """A learner's file that answers the released notebook ``notebook``; ``told`` is what had to be guessed."""

    notebook: str
    entry: Entry
    told: tuple[str, ...] = ()


@dataclass
class Learner:
    """What one learner handed in; ``notes`` says what of it is no notebook of the course."""

    name: str
    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(place: Path, released: Mapping[str, Released]) -> list[Learner]:
    """Every learner with what they handed in, by name.  Raises NotJudged where there is nothing to look at."""
    if not place.exists():
        raise NotJudged(
            f"{place.absolute()} does not exist: name a folder of hand-ins, the zip or tar of one, or a notebook."
        )
    grouped: dict[str, list[tuple[Entry, str]]] = {}
    for entry in entries(place):
        learner, file = _whose(entry.path)
        grouped.setdefault(learner, []).append((entry, file))
    for folder in _empty(place):
        grouped.setdefault(folder, [])
    if not grouped:
        raise NotJudged(f"{place} holds no file.")
    return [_sorted_out(name, files, released) for name, files in sorted(grouped.items())]


def entries(place: Path) -> Iterator[Entry]:
    """The files of a folder or an archive, and of the archives in it."""
    opened: Counter[str] = Counter()
    if place.is_dir():
        found = _in_folder(place, opened)
    elif place.name.lower().endswith(ARCHIVES):
        found = _in_archive(_disk(place, place.parent), PurePosixPath(), 0, opened, place)
    elif place.suffix == ".ipynb":
        found = iter([_disk(place, place.parent)])
    else:
        raise NotJudged(f"{place} is no folder, no .zip or .tar, and no notebook.")
    for count, entry in enumerate(found):
        if count >= ENTRIES:
            raise NotJudged(f"{place} holds more than {ENTRIES:,} files.")
        if not set(_JUNK) & set(entry.path.parts) and not entry.path.name.startswith("._"):
            yield entry


def _in_folder(place: Path, opened: Counter[str]) -> Iterator[Entry]:
    for path in sorted(place.rglob("*")):
        if not path.is_symlink() and stat.S_ISREG(path.lstat().st_mode):
            entry = _disk(path, place)
            yield from _in_archive(entry, entry.path.parent, 0, opened) if _archive(entry.path) else [entry]


def _disk(path: Path, root: Path) -> Entry:
    about = path.stat()
    shown = _shown(path.relative_to(root).as_posix())
    closed = "" if os.access(path, os.R_OK) else "closed to whoever grades"

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(repair.LIMIT + 1)

    return Entry(PurePosixPath(shown), about.st_mtime, about.st_size, read, closed)


def _shown(name: str) -> str:
    """A name without what no file can hold, and without what would move a terminal's cursor or begin a row."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", os.fsencode(name).decode("utf-8", "replace"))


def _archive(path: PurePosixPath) -> bool:
    return path.name.lower().endswith(ARCHIVES)


def _in_archive(
    entry: Entry, below: PurePosixPath, depth: int, opened: Counter[str], place: Path | None = None
) -> Iterator[Entry]:
    """The files of an archive as if they lay in ``below``; the archive itself where it cannot be opened.

    ``opened`` counts bytes by learner; ``place`` is the archive of a whole class, which need not fit into memory.
    """
    try:
        data: IO[bytes] = place.open("rb") if place else io.BytesIO(entry.read())
        members = list(_zipped(data) if entry.path.suffix.lower() == ".zip" else _tarred(data))
    except _BROKEN:
        yield entry
        return
    for name, size, read, closed in members:
        parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
        if not parts:
            continue
        member = Entry(below.joinpath(*parts), entry.time, size, read, closed)
        whose = _whose(member.path)[0]
        if _archive(member.path) and depth + 1 < NESTED and opened[whose] + size <= OPENED:
            opened[whose] += size
            yield from _in_archive(member, member.path.parent, depth + 1, opened)
        else:
            yield member


_Member = tuple[str, int, Callable[[], bytes], str]


def _zipped(data: IO[bytes]) -> Iterator[_Member]:
    archive = zipfile.ZipFile(data)
    for info in archive.infolist():
        if not info.is_dir():
            read = functools.partial(_some, functools.partial(archive.open, info))
            yield _shown(info.filename), info.file_size, read, "under a password" if info.flag_bits & 1 else ""


def _tarred(data: IO[bytes]) -> Iterator[_Member]:
    archive = tarfile.open(fileobj=data)  # noqa: SIM115
    for info in archive:
        if info.isreg():
            read = functools.partial(_some, functools.partial(archive.extractfile, info))
            yield _shown(info.name), info.size, read, ""


def _some(opened: Callable[[], object]) -> bytes:
    """The bytes of a member up to the limit; of a broken one those before the break."""
    data = bytearray()
    with contextlib.suppress(*_BROKEN), opened() as file:  # type: ignore[attr-defined]
        while len(data) <= repair.LIMIT and (chunk := file.read(1 << 20)):
            data += chunk
    return bytes(data)


def _empty(place: Path) -> Iterator[str]:
    """Learners' folders in which no file lies."""
    if place.is_dir():
        for folder in place.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name not in _JUNK:
                yield _learner(_shown(folder.name))


def _whose(path: PurePosixPath) -> tuple[str, str]:
    """The learner, and the file's own name."""
    if len(path.parts) > 1:
        names = [part for part in path.parts[:-1] if part != NAME and part != "submitted"]
        platform = next((name for name in names if _PLATFORM.match(name)), None)
        if platform or names:
            return _learner(platform or names[0]), path.name
    match = _CANVAS.match(path.name)
    if match:
        return f"{match['who']}_{match['number']}", match["file"]
    before = re.match(r"(.+?)[ _-]+(?=\d\d_[a-z])", path.stem)
    return (before[1] if before else path.stem), path.name


def _learner(folder: str) -> str:
    match = _PLATFORM.match(folder)
    return match["who"] if match else folder


def _sorted_out(name: str, files: Iterable[tuple[Entry, str]], released: Mapping[str, Released]) -> Learner:
    learner = Learner(name)
    candidates: dict[str, list[Found]] = {}
    left = OPENED
    for entry, file in files:
        if entry.closed:
            learner.notes.append(f"{entry.path} is {entry.closed}")
        elif not file.lower().endswith((".ipynb", ".json", ".ipynb.txt", ".ipynb.json")):
            learner.notes.append(f"{entry.path} is no notebook")
        elif entry.size > left:
            learner.notes.append(f"{entry.path} was not opened: {OPENED >> 20:,} MB were before it")
        elif found := _answers(entry, file, released):
            left -= entry.size
            candidates.setdefault(found.notebook, []).append(found)
        else:
            left -= entry.size
            learner.notes.append(f"{entry.path} answers no notebook of the course")
    for notebook, several in candidates.items():
        learner.found.append(_one_of(several, released[notebook]))
    if not learner.found and not learner.notes:
        learner.notes.append("there is no file in it")
    learner.found.sort(key=lambda found: found.notebook)
    return learner


def _answers(entry: Entry, file: str, released: Mapping[str, Released]) -> Found | None:
    """Which notebook a file answers: by its name, else by the graded cells in it."""
    for name in released:
        if file == f"{name}.ipynb":
            return Found(name, entry)
    for name in released:
        if re.search(rf"(?<!\w){name}|_{name}", file.lower()):
            return Found(name, entry, (f"the file was called {file}",))
    number = re.match(r"\D*(\d\d)_", file)
    cells = _cells_of(entry)
    for name, one in released.items():
        if cells & (one.cells.keys() - {"setup"}):
            return Found(name, entry, (f"the file was called {file}; its graded cells are those of {name}",))
    for name in released:
        if number and name.startswith(f"{number[1]}_"):
            return Found(name, entry, (f"the file was called {file}; its number is that of {name}",))
    return None


def _cells_of(entry: Entry) -> set[str]:
    try:
        cells, _ = repair.read(entry.read())
    except repair.Unreadable:
        return set()
    return {grade_id(cell) for cell in cells} | {cell.id for cell in cells}


def _one_of(several: list[Found], released: Released) -> Found:
    """Of several files for one notebook the one with most answers filled in, then the newest; says so."""
    if len(several) == 1:
        return several[0]
    best = max(several, key=lambda found: (_filled(found, released), found.entry.time, found.entry.path))
    others = ", ".join(str(found.entry.path) for found in several if found is not best)
    return Found(best.notebook, best.entry, (*best.told, f"of several files {best.entry.path} counts, not {others}"))


def _filled(found: Found, released: Released) -> int:
    """How many answers differ from what was handed out."""
    try:
        cells, _ = repair.read(found.entry.read())
    except repair.Unreadable:
        return -1
    answers = repair.repair(cells, released).answers
    return sum(text.strip() != released.cells[name].source.strip() for name, text in answers.items())
