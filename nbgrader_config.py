"""The course as stock nbgrader sees it.  Run every nbgrader command from this folder."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from helpers.editions.release import CHAIN, SANITIZE  # noqa: E402

COURSE = ROOT / "grading"
EDITION = os.environ.get("BATCHNORM_EDITION") or "open"

c = get_config()  # noqa: F821

# Kernels that grade must find helpers, and must leave the instructor's own progress alone.
paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if str(ROOT) not in paths:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])
if {"nbgrader", "nbgrader.exe"} & {*Path(sys.argv[0]).parts[-2:]}:  # a Jupyter server reads this too: it keeps progress
    os.environ["BATCHNORM_PROGRESS"] = ""

# nbgrader calls alembic by name; it lies beside this Python, whether or not the environment is activated.
scripts = sysconfig.get_path("scripts")
if scripts not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])

# nbgrader wants source/<assignment>/; solutions/ is flat, so it is mirrored there.
mirror = COURSE / "source" / "batchnorm"
mirror.mkdir(parents=True, exist_ok=True)
solutions = {path.name: path for path in (ROOT / "solutions").glob("[0-9][0-9]_*.ipynb")}
for copy in mirror.glob("*.ipynb"):
    if copy.name not in solutions:
        copy.unlink()
for name, path in solutions.items():
    if not (mirror / name).exists() or (mirror / name).read_bytes() != path.read_bytes():
        shutil.copyfile(path, mirror / name)


def publish(assignment, **_):
    """Copy what generate_assignment released to the flat folder that learners get."""
    folder = ROOT / ("notebooks" if EDITION == "open" else "class")
    folder.mkdir(exist_ok=True)
    for path in (COURSE / "release" / assignment).glob("*.ipynb"):
        shutil.copyfile(path, folder / path.name)


c.CourseDirectory.root = str(COURSE)
c.CourseDirectory.course_id = "batchnorm"
c.CourseDirectory.db_url = f"sqlite:///{COURSE / 'gradebook.db'}?timeout=60"
c.GenerateAssignment.preprocessors = list(CHAIN)
c.GenerateAssignment.post_convert_hook = publish
c.EmbedHelpers.edition = EDITION
c.Autograde.sanitize_preprocessors = list(SANITIZE)
c.OverwriteCells.add_missing_cells = True     # a deleted test cell is put back and graded
c.Execute.iopub_timeout = 120                 # a flood of output must not lose the rest of the notebook
c.Execute.shutdown_kernel = "immediate"
c.ExecutePreprocessor.timeout = 120
