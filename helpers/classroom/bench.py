"""What grading a class costs.

``python -m helpers.classroom.bench`` prints seconds of processor time a submission, for notebook 02 and for all of
them, beside ``nbgrader autograde`` of the same in the same run; the throughput of two workers against one; the
memory of the driver as a class grows; and what 100,000 submissions would cost by these numbers.  ``--submissions`` sets
the size of the class; ``--stock all`` takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil  # type: ignore[import-untyped]

from helpers.grading import isolation
from helpers.grading.sandbox import Limits

from . import assignment, course, engine, gradebook
from .course import Course
from .marking import Setting
from .record import Record

ROOT = Path(__file__).parents[2]
ONE = "02_build_batchnorm1d"
LEARNER = "learner{:06d}"
LEARNERS = 3
"""Of the comparison with nbgrader."""
WARM = 20
MANY = 100_000
CORES = 64


@dataclass
class Cost:
    """Of a run by so many ``workers``: ``clock``, ``seconds`` of processor time and the driver's MB at each record.

    ``wall`` is on the clock, ``driver`` the processor time of the driver alone, both with publishing.
    """

    workers: int
    clock: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    wall: float = 0.0
    driver: float = 0.0

    @property
    def submissions(self) -> int:
        """How many there were."""
        return len(self.seconds)

    @property
    def warm(self) -> int:
        """Submissions after which all processes are warm."""
        return min(WARM, self.submissions // 2)

    @property
    def pace(self) -> float:
        """Submissions a second on the clock when all is warm."""
        return (self.submissions - self.warm) / (self.clock[-1] - self.clock[self.warm - 1])

    def each(self, warm: int) -> float:
        """Seconds of processor time of one more submission, all processes together, after so many."""
        return (self.seconds[-1] - self.seconds[warm - 1]) / (self.submissions - warm)


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser("python -m helpers.classroom.bench", description=__doc__)
    parser.add_argument("--submissions", type=int, default=100, help="of the class (default: %(default)s)")
    parser.add_argument("--notebook", default=ONE, help="that the class hands in (default: %(default)s)")
    parser.add_argument("--only-class", action="store_true", help="leave out the other measurements")
    parser.add_argument("--stock", choices=("none", "one", "all"), default="one", help="what nbgrader grades too")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        place, names = Path(folder), [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
        if not options.only_class:
            for what, handed_in in ((ONE, [ONE]), (f"all {len(names)} notebooks", names)):
                stock = options.stock == "all" or (options.stock == "one" and handed_in == [ONE])
                _against_stock(what, place / f"{len(handed_in)}", handed_in, stock)
        class_ = _class(place / "class", [options.notebook], options.submissions)
        two = _graded(class_, 2)
        _say_class(two, options.notebook)
        one = _graded(_class(place / "one", [options.notebook], options.submissions // 2), 1)
        print(f"throughput of two workers against one: {two.pace / one.pace:.2f}")
        _model(two, options.notebook)


def _against_stock(what: str, place: Path, notebooks: list[str], stock: bool) -> None:
    """One more learner with these notebooks, when a worker is warm, and the same by nbgrader."""
    cost = _graded(_class(place, notebooks, LEARNERS), 1)
    each = cost.each(len(notebooks)) * len(notebooks)
    print(f"{what}: {cost.seconds[len(notebooks) - 1]:.1f} CPU s for the first learner, {each:.2f} for one more")
    if stock:
        seconds = _stock(place, notebooks)
        print(f"{what}, nbgrader autograde: {seconds:.1f} CPU s a learner, {seconds / each:.0f} times as much")


def _class(place: Path, notebooks: list[str], size: int) -> Course:
    """A course with the solutions as hand-ins of so many learners; no two files are the same."""
    (place / "notebooks").mkdir(parents=True)
    for name in notebooks:
        shutil.copyfile(ROOT / "notebooks" / f"{name}.ipynb", place / "notebooks" / f"{name}.ipynb")
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        answers = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
        by_name = {assignment.grade_id(cell): cell.source for cell in answers.cells if assignment.grade_id(cell)}
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = by_name[assignment.grade_id(cell)]
        for number in range(size):
            notebook.metadata["learner"] = number
            folder = place / "submitted" / LEARNER.format(number) / assignment.NAME
            folder.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, folder / f"{name}.ipynb")
    return Course(place)


def _graded(here: Course, jobs: int) -> Cost:
    """Grade and publish a course, as the command does."""
    cost, driver = Cost(jobs), psutil.Process()
    before, alone, start = _cpu(driver), _own(driver), time.perf_counter()
    setting = Setting(str(here.release.resolve()), here.salt(), Limits(), jail=not isolation.missing())
    with here.store() as store, engine.quietly(), engine.local(jobs) as client:
        todo = course.plan(here.root / "submitted", setting, store)
        database = gradebook.ready(here.database, setting.notebooks)

        def told(record: Record) -> None:
            cost.clock.append(time.perf_counter())
            cost.seconds.append(_cpu(driver) - before)
            cost.memory.append(driver.memory_info().rss / 1e6)

        course.grade(client, setting, todo, store, told)
        course.publish(here, setting, todo, store, database)
        cost.wall, cost.driver = time.perf_counter() - start, _own(driver) - alone
        cost.memory.append(driver.memory_info().rss / 1e6)
    return cost


def _own(process: psutil.Process) -> float:
    """Seconds of processor time of a process without its family."""
    return float(process.cpu_times().user + process.cpu_times().system)


def _cpu(process: psutil.Process) -> float:
    """Seconds of processor time of a process and its family, also of what has ended and was waited for."""
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _stock(place: Path, notebooks: list[str]) -> float:
    """Seconds of processor time of ``nbgrader autograde`` of what lies in a course of :func:`_class`."""
    folder = place / "stock"
    shutil.copytree(place / "submitted" / LEARNER.format(0), folder / "submitted" / LEARNER.format(0))
    (folder / "source" / assignment.NAME).mkdir(parents=True)
    for name in notebooks:
        shutil.copyfile(ROOT / "solutions" / f"{name}.ipynb", folder / "source" / assignment.NAME / f"{name}.ipynb")
    url = f"sqlite:///{folder / 'gradebook.db'}"
    gradebook.ready(url, assignment.load(place / "notebooks"))
    command = [sys.executable, "-m", "nbgrader", "autograde", assignment.NAME, f"--CourseDirectory.root={folder}"]
    command += [f"--CourseDirectory.db_url={url}", "--ExecutePreprocessor.timeout=600"]
    before = os.times()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "BATCHNORM_PROGRESS": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
    if done.returncode:
        print(done.stderr[-2000:])
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _say_class(cost: Cost, notebook: str) -> None:
    n = cost.submissions
    print(
        f"{n} × {notebook}, {cost.workers} workers: {cost.wall:.0f} s on the clock with all that is written, "
        f"{cost.seconds[-1] / n:.2f} CPU s a submission with the start, {cost.each(cost.warm):.2f} without; "
        f"the driver alone {cost.driver / n:.3f}"
    )
    seen = ", ".join(f"{cost.memory[at - 1]:.0f} MB after {at}" for at in sorted({1, n // 4, n // 2, n}))
    print(f"memory of the driver: {seen}, {cost.memory[-1]:.0f} MB when all was published")


def _model(cost: Cost, notebook: str) -> None:
    """What MANY would cost: core hours as measured, and the clock on CORES cores."""
    hours, driver = MANY * cost.each(cost.warm) / 3600, MANY * cost.driver / cost.submissions / 3600
    print(
        f"{MANY:,} × {notebook} by this: {hours:.0f} core hours, {60 * hours / CORES:.0f} min on {CORES} cores, "
        f"but no less than the driver's {60 * driver:.0f} min. Assumed: a worker on each core, cores as busy as these, "
        "and times that grow as the number does. It was not run."
    )


if __name__ == "__main__":
    main()
