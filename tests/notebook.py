"""What the tests do with notebooks: fill in answers, run one alone, list graded cells."""

import ast
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
LEARNER = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

RUN = """
import sys, nbformat
from nbclient import NotebookClient
source, done, how = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(notebook, timeout=300, kernel_name="python3")
client.extra_arguments = ["--log-level=ERROR"]
if how == "front end":
    client.on_notebook_start = lambda notebook: setattr(client.kc, "allow_stdin", True)
client.execute()
nbformat.write(notebook, done)
"""


LEFT_BEHIND = ".git", ".venv*", "grading", "class", "_site", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info"


def copy_of_the_course(folder):
    """The repository as a stranger has it after cloning and setting up: .venv is the environment of these tests."""
    inside = [name for name in LEFT_BEHIND if name != "grading"]
    shutil.copytree(ROOT, folder, ignore=lambda at, names: _left_behind(at, names, inside))
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def _left_behind(at, names, inside):
    """What is not copied: everywhere ``inside``, and the folder of hand-ins at the root."""
    return {*shutil.ignore_patterns(*inside)(at, names), *({"grading"} if Path(at) == ROOT else ())}


def read(path):
    return nbformat.read(path, as_version=4)


def graded(notebook):
    """The cells that nbgrader grades by running them, by id."""
    flags = ((c, c.metadata.get("nbgrader", {})) for c in notebook.cells)
    return {n["grade_id"]: c for c, n in flags if n.get("grade") and c.cell_type == "code"}


def points(notebook):
    """Points of each graded cell by id, the manually graded ones included."""
    flags = (c.metadata.get("nbgrader", {}) for c in notebook.cells)
    return {n["grade_id"]: n["points"] for n in flags if n.get("grade")}


def fill(notebook, answers):
    """Replace the source of cells by id; every id must be there."""
    cells = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    for name, source in answers.items():
        cells[name].source = source
    return notebook


def solved(name):
    """The learner edition with every answer of the solution filled in."""
    answers = {}
    for cell in read(ROOT / "solutions" / f"{name}.ipynb").cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            answers[about["grade_id"]] = cell.source
    return fill(read(ROOT / "notebooks" / f"{name}.ipynb"), answers)


KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def without_shows(notebook, *but):
    """The notebook with nothing in its free code cells but imports, definitions and constants: it runs in less time.

    Cells that hold one of the texts ``but`` stay as they are.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader") and not any(b in cell.source for b in but):
            with contextlib.suppress(SyntaxError):  # of a magic
                kept = [node for node in ast.parse(cell.source).body if isinstance(node, KEPT) or _is_constant(node)]
                cell.source = "\n".join(ast.unparse(node) for node in kept)
    return notebook


def _is_constant(node):
    return isinstance(node, ast.Assign) and not any(isinstance(part, ast.Call) for part in ast.walk(node))


def run_alone(path, folder, python=sys.executable, how="nbclient", **environment):
    """Execute a copy of a notebook in an empty folder and return it with its outputs.

    It stops, as *Run all* does, at a cell that fails without the tag raises-exception.  ``how``: "nbclient", or "front
    end", at which somebody sits.
    """
    folder = Path(folder)
    done = folder / "done.ipynb"
    (folder / "empty").mkdir()
    (folder / "run.py").write_text(RUN)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [str(python), str(folder / "run.py"), str(path), str(done), how],
        cwd=folder / "empty",
        env={**env, "BATCHNORM_PROGRESS": "", "OMP_NUM_THREADS": "1", **environment},
        check=True,
        timeout=600,
    )
    return read(done)


def setup_limit(path):
    """Most characters that the setup cell of a notebook may have."""
    return 330_000 if path.stem.startswith("11") else 120 * 1024
