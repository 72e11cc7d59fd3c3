"""Where a course keeps what grading reads and writes, and what becomes of a whole class."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

from helpers.grading.sandbox import Limits
from helpers.grading.submission import NotJudged

from . import assignment, engine, gradebook
from .assignment import Released
from .collect import Found, Learner, collect
from .feedback import page
from .marking import GRADER, HandIn, Setting
from .record import ASIDE, MISSING, Record, same_for_all
from .report import class_page
from .results import Results
from .store import Store

_RELEASED = "[0-9][0-9]_*.ipynb"


@dataclass(frozen=True)
class Course:
    """The folder of a course: ``release/`` or notebooks in, gradebook, feedback and report out."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where nbgrader keeps its files."""
        return self.root / "grading"

    @property
    def submitted(self) -> Path:
        """Where nbgrader expects what came back."""
        return self.folder / "submitted"

    @property
    def release(self) -> Path:
        """What was handed out: nbgrader's own release where there is one, else the learner edition."""
        own = self.folder / "release" / assignment.NAME
        return own if any(own.glob(_RELEASED)) else self.root / "notebooks"

    @property
    def database(self) -> str:
        """nbgrader's gradebook, unless another one is named."""
        return f"sqlite:///{self.folder / 'gradebook.db'}?timeout=60"

    def store(self) -> Store:
        """The records.  Raises NotJudged where there is no course."""
        if not any(self.release.glob(_RELEASED)):
            raise NotJudged(
                f"{self.root} is no course: neither grading/release nor notebooks holds what was handed out."
            )
        return Store(self.folder / "records.db")

    def page(self, learner: str) -> Path:
        """The page that a learner gets."""
        return self.folder / "feedback" / learner / assignment.NAME / "feedback.html"

    def salt(self) -> int:
        """A number that only this course knows: probes differ by it from those that learners have."""
        place = self.folder / "salt"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(mode=0o600)
            place.write_text(str(secrets.randbelow(10**6) + 1), encoding="ascii")
        return int(place.read_text(encoding="ascii"))

    def setting(self, limits: Limits, jail: bool) -> Setting:
        """What every record depends on besides the hand-in."""
        return Setting(str(self.release.resolve()), self.salt(), limits, jail)


@dataclass
class Plan:
    """What there is to do: ``changed`` is marked, ``same`` is left; ``gone`` notebooks and learners are forgotten."""

    learners: list[Learner]
    changed: list[tuple[Learner, Found]] = field(default_factory=list)
    same: int = 0
    gone: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def plan(place: Path, setting: Setting, store: Store, only: str = "", resume: bool = False) -> Plan:
    """Compare what came back with the records; ``only`` one learner, who must be there.

    With ``resume`` what was set aside stays so; else it is tried again.
    """
    learners = collect(place, setting.notebooks)
    if only:
        learners = [learner for learner in learners if learner.name == only]
        if not learners:
            raise NotJudged(f"{place} has nobody called {only}.")
    made, known = Plan(learners), store.keys()
    aside = set() if resume else store.having(ASIDE)
    for learner in learners:
        for found in learner.found:
            name = (learner.name, found.notebook)
            if known.get(name) == setting.key(hand_in(learner, found)) and name not in aside:
                made.same += 1
            else:
                made.changed.append((learner, found))
    here = {(learner.name, found.notebook) for learner in learners for found in learner.found}
    made.gone = [name for name in known if name not in here and (not only or name[0] == only)]
    made.left = [] if only else sorted(store.learners().keys() - {learner.name for learner in learners})
    return made


def plan_one(file: Path, learner: str, setting: Setting, store: Store) -> Plan:
    """One notebook of one learner, whatever is recorded of it; the records of their others stay."""
    one, *others = collect(file, setting.notebooks)
    if others:
        raise NotJudged(f"{file} holds hand-ins of several learners: name one notebook.")
    if not one.found:
        raise NotJudged(f"{file} answers no notebook of the course.")
    whose = Learner(learner, one.found, store.learners().get(learner, []))
    return Plan([whose], [(whose, found) for found in one.found])


def hand_in(learner: Learner, found: Found) -> HandIn:
    """One notebook, read now."""
    return HandIn(learner.name, found.notebook, found.entry.path.name, found.entry.read())


def grade(client: Client, setting: Setting, todo: Plan, store: Store, told: Callable[[Record], None]) -> None:
    """Mark what has changed; each record is kept as soon as it is there."""
    guessed = {(learner.name, found.notebook): found.told for learner, found in todo.changed}

    def read() -> Iterator[HandIn]:
        for learner, found in todo.changed:
            yield hand_in(learner, found)

    for record in engine.run(client, setting, read()):
        record.repairs[:0] = guessed[record.learner, record.notebook]
        store.put(record)
        told(record)


def publish(course: Course, setting: Setting, todo: Plan, store: Store, database: str) -> None:
    """Write what others read: gradebook, autograded notebooks, a page for each learner, the table, the report.

    ``database`` is what :func:`helpers.classroom.gradebook.ready` returns.
    What is up to date is left alone; a run that was stopped before it came here is made good by the next one.
    """
    released = setting.notebooks
    store.forget(todo.gone)
    store.enrol({learner.name: learner.notes for learner in todo.learners})
    notes = {name: said for name, said in store.learners().items() if name not in todo.left}
    there = gradebook.learners(database)
    place = f"{GRADER} {sorted(one.digest for one in released.values())}"
    marks = {name: store.mark(name, f"{place} {said}") for name, said in notes.items()}
    changed = {
        name
        for name in notes
        if store.published(name) != marks[name] or name not in there or not course.page(name).exists()
    }
    for name in changed:
        store.publish(name, "")  # whoever is killed below has said that this is to be done again
    gradebook.remove(course.folder / "autograded", todo.gone)
    results = Results(list(released))

    def read_once() -> Iterator[Record]:
        for name, said in notes.items():
            records = _records(store, name, setting)
            if name in changed:
                write(name, records)
                _publish(course, name, records, said, released)
                store.publish(name, marks[name])
            results.add(name, records, said)
            yield from records

    with gradebook.writing(database) as write:
        report = class_page(read_once(), notes, released)
    gradebook.leave(database, todo.left)
    for name in todo.left:
        shutil.rmtree(course.page(name).parents[1], ignore_errors=True)
    store.leave(todo.left)
    results.write(course.folder)
    (course.folder / "class.html").write_text(report, encoding="utf-8")


def _publish(
    course: Course, name: str, records: Sequence[Record], notes: Sequence[str], released: Mapping[str, Released]
) -> None:
    """Write the notebooks that formgrader shows, and the page of a learner."""
    for record in records:
        if record.status != MISSING:
            gradebook.autograded(course.folder / "autograded", record, released[record.notebook])
    course.page(name).parent.mkdir(parents=True, exist_ok=True)
    course.page(name).write_text(page(name, records, notes, released), encoding="utf-8")


def _records(store: Store, learner: str, setting: Setting) -> list[Record]:
    """A record for every released notebook: MISSING for one that was not handed in."""
    there = {record.notebook: record for record in store.records(learner)}
    return [there.get(name) or missing(learner, name, setting) for name in setting.notebooks]


def missing(learner: str, notebook: str, setting: Setting) -> Record:
    """The record of a notebook that was not handed in."""
    scores = same_for_all(setting.notebooks[notebook].items, 0.0, "not handed in")
    return Record(learner, notebook, "", "", MISSING, f"{notebook} was not handed in.", scores)
