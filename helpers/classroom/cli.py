"""``python -m helpers.grading``: grade a class, on one machine or on a cluster.

Here is what can be asked; :mod:`.commands` does it.  That is imported late: it brings torch, Dask and nbgrader, which
``--help`` does not need.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from helpers.grading.submission import NotJudged


class Sandboxed(StrEnum):
    """What can stand around learners' code."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

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
    forget: Annotated[bool, typer.Option("--forget", help="remove learners of whom nothing is there any more")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be done")] = False,
    show: Annotated[bool, typer.Option("--show", help="open the report on the class")] = False,
) -> None:
    """Grade what came back.  Only what has changed since the last time is graded again."""
    from . import commands

    asked = commands.Asked(course, sandbox is Sandboxed.BUBBLEWRAP, timeout, memory, db)
    commands.grade(asked, submitted, jobs, scheduler, only, resume, forget, dry_run, show)


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
    """Grade one hand-in without the rest.  Put it among the others too: grade wants to find there whom it knows."""
    from . import commands

    commands.late(commands.Asked(course, sandbox is Sandboxed.BUBBLEWRAP, timeout, memory, db), file, learner)


@app.command()
def explain(
    learner: Annotated[str, typer.Argument(help="the name as in results.csv")], course: CourseFolder = Path()
) -> None:
    """Say why somebody has these points."""
    from . import commands

    commands.explain(course, learner)


@app.command()
def doctor(course: CourseFolder = Path()) -> None:
    """Say what this machine offers: sandbox, limits, engine."""
    from . import commands

    commands.doctor(course)


def main() -> None:
    """Run the command and end the process: 0 done, 2 bad input, 130 stopped."""
    try:
        app()
    except NotJudged as problem:
        from . import commands

        commands.err.print(str(problem), soft_wrap=True)
        sys.exit(2)
