"""With Colab's packages each notebook, alone in an empty folder, runs to its end: untouched, and with every answer."""

import re
import subprocess

import nbformat
import pytest

from tests.colab.conftest import HERE, PYTHON
from tests.notebook import LEARNER, graded, points, read, run_alone, solved

SCATTERED = True
LOOK_AROUND = """
import importlib.util, os, sys
assert "google.colab" in sys.modules and importlib.util.find_spec("nbgrader") is None
assert importlib.util.find_spec("helpers") is None and not os.listdir()
"""
CALL = """
import socket
try:
    socket.create_connection(("1.1.1.1", 80), timeout=2)
except OSError:
    print("no network")
"""


COLABS = {"torch==2.11.0": "torch==2.13.0", "widgetsnbextension==3.6.10": "widgetsnbextension==3.6.1"}
"""What may be as on Colab or as in constraints.txt."""


def run(notebook, folder, offline, environment, how="front end", **more):
    nbformat.write(notebook, folder / "in.ipynb")
    made = run_alone(folder / "in.ipynb", folder, offline, how, **environment, **more)
    stderr = [o.text for c in made.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert not stderr
    assert all(c.execution_count for c in made.cells if c.cell_type == "code")
    return made


def errors(notebook):
    return {c.id: o.ename for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"}


def cells(*sources):
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(s, metadata={"tags": ["raises-exception"]}) for s in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_untouched(path, offline, colab_environment, tmp_path):
    """Colab knows no tags: *Run all* goes on because no cell fails, and the graded ones say that they wait."""
    notebook = read(path)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    made = run(notebook, tmp_path, offline, colab_environment)
    assert not errors(made)
    for cell in graded(made).values():
        assert "not attempted" in "".join(o.get("data", {}).get("text/plain", "") for o in cell.outputs), cell.source
    assert [p.name for p in (tmp_path / "empty").iterdir()] == []


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_solved(path, offline, colab_environment, tmp_path):
    """Every answer filled in: no graded cell fails, and the last cell, run again, names the copy to hand in."""
    notebook = solved(path.stem)
    again = next(cell for cell in notebook.cells if cell.id == "prepare")
    notebook.cells.append(nbformat.v4.new_code_cell(again.source, id="again"))
    nbformat.write(notebook, tmp_path / "shown.ipynb")
    how = {"COLAB_STUB_NOTEBOOK": str(tmp_path / "shown.ipynb")}
    made = run(notebook, tmp_path, offline, colab_environment, "nbclient", **how)
    assert not errors(made)
    said = "".join(o.get("text", o.get("data", {}).get("text/plain", "")) for o in made.cells[-1].outputs)
    assert f"{len(graded(notebook))} of {len(graded(notebook))} graded cells" in said and "The browser saves" in said
    copy = read(tmp_path / "empty" / "submission" / path.name)
    assert points(copy) == points(notebook)


def test_the_emulation_is_what_it_says(offline, colab_environment, tmp_path):
    unknown = "import ipywidgets; ipywidgets.IntSlider(nonsense=1)"
    made = run(cells(LOOK_AROUND, unknown, CALL), tmp_path, offline, colab_environment, "nbclient")
    assert list(errors(made).values()) == ["DeprecationWarning"]
    if str(offline) == PYTHON:
        pytest.skip("not run: no namespaces here, so these notebooks had a network")
    assert made.cells[-1].outputs[0].text == "no network\n"


def test_its_packages_are_colabs():
    wanted = {line for line in (HERE / "constraints.txt").read_text().splitlines() if line[:1] not in ("#", "")}
    frozen = subprocess.run([PYTHON, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    found = (line.partition("+")[0] for line in frozen.splitlines())
    assert wanted <= {COLABS.get(line, line) for line in found}


def test_no_notebook_installs_anything():
    for path in LEARNER:
        code = [c.source for c in read(path).cells if c.cell_type == "code"]
        assert not [c for c in code if re.search(r"^\s*[%!]|get_ipython|\bpip install", c, re.MULTILINE)], path.name
