"""``python -m helpers.grading``: grade a class, on one machine or on a cluster."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from distributed import Client
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from helpers.grading import isolation
from helpers.grading.sandbox import Limits, Sandbox
from helpers.grading.submission import NotJudged

from . import assignment, engine, gradebook
from . import course as courses
from .course import Course
from .marking import Setting
from .record import JUDGED, Record
from .store import Store


class Sandboxed(StrEnum):
    """What can stand around learners' code."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out, err = Console(markup=False), Console(stderr=True, markup=False)
"""What learners wrote is no markup."""

CourseFolder = Annotated[Path, typer.Option("--course", help="the folder of the course")]
Jobs = Annotated[int, typer.Option(help="worker processes on this machine; 0: one for each core", min=0)]
Scheduler = Annotated[str, typer.Option(help="address of a Dask scheduler that is already there")]
Timeout = Annotated[float, typer.Option(help="seconds of processor time for an exercise", min=1.0)]
Jail = Annotated[Sandboxed, typer.Option("--sandbox", help="what stands around learners' code besides its own limits")]
Memory = Annotated[int, typer.Option(help="MB beyond what torch takes", min=64)]
Database = Annotated[str, typer.Option("--db", help="URL of the gradebook; else gradebook.db of the course")]


@app.command()
def grade(
    submitted: Annotated[
        Path | None, typer.Argument(help="a folder of hand-ins, or a zip or tar of one; else grading/submitted")
    ] = None,
    course: CourseFolder = Path(),
    jobs: Jobs = 0,
    scheduler: Scheduler = "",
    sandbox: Jail = Sandboxed.BUBBLEWRAP,
    timeout: Timeout = 20.0,
    memory: Memory = 2048,
    db: Database = "",
    only: Annotated[str, typer.Option(help="this learner alone")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="go on; what was set aside is not tried again")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be done")] = False,
    show: Annotated[bool, typer.Option("--show", help="open the report on the class")] = False,
) -> None:
    """Grade what came back.  Only what has changed since the last time is graded again."""
    here = Course(course)
    with _stoppable(), here.store() as store:
        setting = here.setting(Limits(seconds=timeout, memory=memory << 20), _jail(sandbox))
        todo = courses.plan(submitted or here.submitted, setting, store, only, resume)
        if dry_run:
            _say_plan(todo)
            return
        database = gradebook.ready(db or here.database, setting.notebooks)
        if todo.changed:
            with engine.quietly(), _client(scheduler, jobs, len(todo.changed)) as client:
                _grade(client, setting, todo, store)
        courses.publish(here, setting, todo, store, database)
        _say_end(here, store, todo)
    if show:
        webbrowser.open((here.folder / "class.html").resolve().as_uri())


@app.command()
def late(
    file: Annotated[Path, typer.Argument(help="one notebook")],
    learner: Annotated[str, typer.Option(help="whose it is")],
    course: CourseFolder = Path(),
    sandbox: Jail = Sandboxed.BUBBLEWRAP,
    timeout: Timeout = 20.0,
    memory: Memory = 2048,
    db: Database = "",
) -> None:
    """Grade one hand-in without the rest.  Put it among the others too: grade forgets what it does not find there."""
    here = Course(course)
    with _stoppable(), here.store() as store:
        setting = here.setting(Limits(seconds=timeout, memory=memory << 20), _jail(sandbox))
        todo = courses.plan_one(file, learner, setting, store)
        database = gradebook.ready(db or here.database, setting.notebooks)
        with engine.quietly(), engine.local(1) as client:
            _grade(client, setting, todo, store)
        courses.publish(here, setting, todo, store, database)
        _say_learner(store, learner)


@app.command()
def explain(
    learner: Annotated[str, typer.Argument(help="the name as in results.csv")], course: CourseFolder = Path()
) -> None:
    """Say why somebody has these points."""
    with Course(course).store() as store:
        _say_learner(store, learner)


@app.command()
def doctor(course: CourseFolder = Path()) -> None:
    """Say what this machine offers: sandbox, limits, engine."""
    here = Course(course)
    why = isolation.missing()
    out.print(f"bubblewrap: {why or 'runs here'}", soft_wrap=True)
    with Sandbox(jail=not why) as sandbox:
        out.print(f"each answer: {sandbox.isolation()}", soft_wrap=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    out.print(f"engine: Dask distributed {version('distributed')}, {cores} cores")
    out.print(f"release: {here.release}, {len(assignment.load(here.release))} notebooks", soft_wrap=True)


def _jail(wanted: Sandboxed) -> bool:
    """True for bubblewrap; raises NotJudged where it is wanted and does not run."""
    if wanted is Sandboxed.NONE:
        return False
    if why := isolation.missing():
        raise NotJudged(
            f"Nothing was graded: {why}. Without it learners' code could read what this account may read. Install it, "
            "grade in a container, or say --sandbox=none where you trust the code."
        )
    return True


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
                progress.console.print(f"{record.learner}: {record.reason}")

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
        out.print(f"{learner.name}: {found.notebook} from {found.entry.path}")
    for learner in todo.learners:
        for note in learner.notes:
            out.print(f"{learner.name}: {note}")
    out.print(f"To grade: {len(todo.changed)}; up to date: {todo.same}; gone: {len(todo.gone)}.")


def _say_end(here: Course, store: Store, todo: courses.Plan) -> None:
    out.print(
        f"{len(todo.learners)} learners: {len(todo.changed)} notebooks graded, {todo.same} were up to date, "
        f"{store.waiting()} wait for a human. "
        f"Points: {here.folder / 'results.csv'}; class: {here.folder / 'class.html'}; "
        f"feedback: {here.folder / 'feedback'}",
        soft_wrap=True,
    )  # fmt: skip


def _say_learner(store: Store, learner: str) -> None:
    records = list(store.records(learner))
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
                out.print(f"· {line}")


def main() -> None:
    """Run the command and end the process: 0 done, 2 bad input, 130 stopped."""
    try:
        app()
    except NotJudged as problem:
        err.print(str(problem), soft_wrap=True)
        sys.exit(2)
