"""Honest and half-honest hand-ins, by stock nbgrader and as a class is graded: ``python -m tests.classroom.parity``.

Of every notebook: the solution, and three in which an operator of an answer is another one, or an answer is missing.
So that nbgrader needs minutes and no hours, cells that only show something are empty in them.  Prints every cell whose
two scores differ.  ``--notebooks 00 02`` takes these alone.
"""

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from helpers.classroom import assignment, gradebook
from helpers.classroom.marking import HandIn, Marker, Setting
from helpers.grading.sandbox import Limits
from tests.notebook import LEARNER, ROOT, read, solved, without_shows

OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


def main():
    """Compare, and say where the scores differ."""
    parser = argparse.ArgumentParser("python -m tests.classroom.parity", description=__doc__)
    parser.add_argument("--notebooks", nargs="*", default=[path.stem[:2] for path in LEARNER])
    names = [path.stem for path in LEARNER if path.stem[:2] in parser.parse_args().notebooks]
    with tempfile.TemporaryDirectory(prefix="parity") as folder:
        place = Path(folder)
        handed_in = {(f"v{v}", name): _variant(name, v) for name in names for v in range(4)}
        stock = _stock(place, names, handed_in)
        with Marker(Setting(str(ROOT / "notebooks"), 42, Limits(), jail=False)) as marker:
            cells = differ = 0
            for (learner, name), notebook in handed_in.items():
                record = marker.mark(HandIn(learner, name, f"{name}.ipynb", nbformat.writes(notebook).encode()))
                for cell, score in record.scores.items():
                    cells += 1
                    if score.points != stock[learner, cell]:
                        differ += 1
                        print(f"{learner} {name} {cell}: {score.points} here, {stock[learner, cell]} by stock")
                got = [f"{score.points}" for score in record.scores.values()]
                print(f"{learner} {name}: {' '.join(got)}", flush=True)
    print(f"{len(handed_in)} hand-ins, {cells} cells, {differ} differ")


def _variant(name, which):
    notebook = without_shows(solved(name))
    given = {assignment.grade_id(cell): cell.source for cell in read(ROOT / "notebooks" / f"{name}.ipynb").cells}
    answers = []
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution") and cell.cell_type == "code":
            answers.append(cell)
    for number, cell in enumerate(answers):
        if which == 3 and number % 2 == 0:
            cell.source = given[assignment.grade_id(cell)]
        elif which in (1, 2) and number % 2 == which - 1:
            cell.source = _mutated(cell.source, which)
    return notebook


def _mutated(code, which):
    """The code with its first, or its last, operator changed; where it has none, as it was."""
    tree = ast.parse(code)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and type(node.op) in OTHER]
    if found:
        node = found[0 if which == 1 else -1]
        node.op = OTHER[type(node.op)]()
    return ast.unparse(tree)


def _stock(place, names, handed_in):
    """``{(learner, cell): score}`` by ``nbgrader autograde``."""
    for name in names:
        source = place / "source" / "batchnorm" / f"{name}.ipynb"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes((ROOT / "solutions" / source.name).read_bytes())
    for (learner, name), notebook in handed_in.items():
        file = place / "submitted" / learner / "batchnorm" / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, file)
    url = f"sqlite:///{place / 'gradebook.db'}"
    gradebook.ready(url, {n: r for n, r in assignment.load(ROOT / "notebooks").items() if n in names})
    command = [sys.executable, "-m", "nbgrader", "autograde", "batchnorm", f"--CourseDirectory.root={place}"]
    command += [f"--CourseDirectory.db_url={url}", "--ExecutePreprocessor.timeout=600"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "BATCHNORM_PROGRESS": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-3000:])
    with Gradebook(url) as book:
        return {
            (submission.student.id, grade.name): grade.auto_score
            for submission in book.assignment_submissions("batchnorm")
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


if __name__ == "__main__":
    main()
