"""What the commands of :mod:`.cli` do, and what they say."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import typer
from distributed import Client
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from helpers.grading import isolation
from helpers.grading.process import NotStarted
from helpers.grading.sandbox import Limits, Sandbox
from helpers.grading.submission import NotJudged

from . import assignment, engine, gradebook
from . import course as courses
from .course import Course
from .marking import Setting
from .record import JUDGED, Record
from .store import Store

out, err = Console(markup=False), Console(stderr=True, markup=False)
"""What learners wrote is no markup."""


@dataclass(frozen=True)
class Asked:
    """Where to grade, and how: with bubblewrap or without, seconds and MB for an answer, the gradebook's URL or ""."""

    folder: Path
    jail: bool
    timeout: float
    memory: int
    db: str

    def setting(self, course: Course) -> Setting:
        """The setting of the records; raises NotJudged where bubblewrap is wanted and does not run."""
        if self.jail and (why := isolation.missing()):
            raise NotJudged(
                f"Nothing was graded: {why}. Without it learners' code could read what this account may read. Install "
                "it, grade in a container, or say --sandbox=none where you trust the code."
            )
        return course.setting(Limits(seconds=self.timeout, memory=self.memory << 20), self.jail)

    def database(self, course: Course) -> str:
        """The gradebook that is named, or else the course's."""
        return self.db or course.database


def grade(
    asked: Asked,
    submitted: Path | None,
    jobs: int,
    scheduler: str,
    only: str,
    resume: bool,
    forget: bool,
    dry_run: bool,
    show: bool,
) -> None:
    """Grade what has changed, publish it, and say what was done.

    Raises NotJudged before anything is done where learners would lose their records and ``forget`` is False.
    """
    here = Course(asked.folder)
    with _stoppable(), here.store() as store:
        setting = asked.setting(here)
        place = submitted or here.submitted
        todo = courses.plan(place, setting, store, only, resume)
        if dry_run:
            _say_plan(todo)
            return
        if todo.left and not forget:
            raise NotJudged(
                f"Nothing was graded: {place} has nothing of {_some(todo.left)}. Put their hand-ins among the others; "
                "or say --forget: it removes their records, pages and rows in the gradebook, with marks that you gave."
            )
        database = gradebook.ready(asked.database(here), setting.notebooks)
        if todo.changed:
            with engine.quietly(), _client(scheduler, jobs, len(todo.changed)) as client:
                _grade(client, setting, todo, store)
        courses.publish(here, setting, todo, store, database)
        _say_end(here, store, todo)
    if show:
        webbrowser.open((here.folder / "class.html").resolve().as_uri())


def late(asked: Asked, file: Path, learner: str) -> None:
    """Grade one hand-in, and say why it has these points."""
    here = Course(asked.folder)
    with _stoppable(), here.store() as store:
        setting = asked.setting(here)
        todo = courses.plan_one(file, learner, setting, store)
        database = gradebook.ready(asked.database(here), setting.notebooks)
        with engine.quietly(), engine.local(1) as client:
            _grade(client, setting, todo, store)
        courses.publish(here, setting, todo, store, database)
        _say_learner(store, learner)


def explain(course: Path, learner: str) -> None:
    """Say why somebody has these points."""
    with Course(course).store() as store:
        _say_learner(store, learner)


def doctor(course: Path) -> None:
    """Say what this machine offers."""
    here = Course(course)
    why = isolation.missing()
    out.print(f"bubblewrap: {why or 'runs here'}", soft_wrap=True)
    with Sandbox(jail=not why) as sandbox:
        try:
            out.print(f"each answer: {sandbox.isolation()}", soft_wrap=True)
        except NotStarted as problem:
            raise NotJudged(f"each answer: {problem}") from None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    out.print(f"engine: Dask distributed {version('distributed')}, {cores} cores")
    out.print(f"release: {here.release}, {len(assignment.load(here.release))} notebooks", soft_wrap=True)


def _client(scheduler: str, jobs: int, hand_ins: int) -> AbstractContextManager[Client]:
    """Workers that are there, or as many as there is work for."""
    return engine.existing(scheduler) if scheduler else engine.local(min(jobs or os.cpu_count() or 1, hand_ins))


def _grade(client: Client, setting: Setting, todo: courses.Plan, store: Store) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("grading", total=len(todo.changed))

        def told(record: Record) -> None:
            progress.advance(bar)
            if record.status != JUDGED:
                progress.console.print(f"{record.learner}: {record.reason}", soft_wrap=True)

        courses.grade(client, setting, todo, store, told)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Around what takes long: Ctrl-C gets a sentence."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("Stopped. Nothing is lost: the same command goes on where it was.")
        raise typer.Exit(130) from None


def _say_plan(todo: courses.Plan) -> None:
    for learner, found in todo.changed:
        out.print(f"{learner.name}: {found.notebook} from {found.entry.path}", soft_wrap=True)
    for learner in todo.learners:
        for note in learner.notes:
            out.print(f"{learner.name}: {note}", soft_wrap=True)
    if todo.left:
        out.print(f"Nothing is there of {_some(todo.left)}: --forget removes what is known of them.", soft_wrap=True)
    out.print(f"To grade: {len(todo.changed)}; up to date: {todo.same}; gone: {len(todo.gone)}.")


def _some(names: Sequence[str], most: int = 5) -> str:
    """Names, not too many of them.

    >>> _some(["ada"]), _some(["ada", "ben", "cleo"], 2)
    ('ada', 'ada, ben and 1 more')
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _say_end(here: Course, store: Store, todo: courses.Plan) -> None:
    if todo.left:
        out.print(f"Forgotten: {_some(todo.left)}.", soft_wrap=True)
    out.print(
        f"Learners: {len(todo.learners)}. Notebooks graded: {len(todo.changed)}; up to date: {todo.same}; waiting for "
        f"a human: {store.waiting()}. "
        f"Points: {here.folder / 'results.csv'}; class: {here.folder / 'class.html'}; "
        f"feedback: {here.folder / 'feedback'}",
        soft_wrap=True,
    )  # fmt: skip


def _say_learner(store: Store, learner: str) -> None:
    records = list(store.records(learner))
    if not records and learner in (known := store.learners()):
        said = " ".join(f"{note}." for note in known[learner])
        out.print(f"{learner} handed in no notebook of the course. {said}", soft_wrap=True)
        return
    if not records:
        raise NotJudged(f"There is no record of {learner}; results.csv has the names.")
    for record in records:
        table = Table(title=f"{record.notebook}: {record.status} · {record.file}", title_justify="left")
        for head in ("cell", "points", "why"):
            table.add_column(head)
        for name, score in record.scores.items():
            points = "a human" if score.points is None else f"{score.points:g} of {score.most:g}"
            table.add_row(name, points, score.why)
        out.print(table)
        for line in (record.reason, *record.repairs, record.isolation, record.limits, record.environment):
            if line:
                out.print(f"· {line}", soft_wrap=True)
