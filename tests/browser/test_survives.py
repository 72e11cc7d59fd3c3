"""Run all, save, close, open again: in JupyterLab and in Notebook 7."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from helpers.editions.release import release
from helpers.editions.source import read_source
from tests.browser.front_end import FRONT_ENDS, READY, RUN_ALL, SAVE, STOP, write_notebook
from tests.notebook import ROOT, read, solved, without_shows

NOT_OURS = ("(reading 'schema')", "filebrowser:open-path", "403 (Forbidden)", "Comm not found")
"""Of Notebook 7 beside JupyterLab on one server."""
YESTERDAY = ("model not found", "debugger state")
"""What a widget whose kernel has ended says on the console, and a kernel that was ended."""
WIDGET = """
import ipywidgets as widgets
from helpers.lab import figures
from helpers.widgets.parts import show_widget, spoken
slider, reply = widgets.IntSlider(description="a slider"), widgets.HTML(spoken("It is 0."))
slider.observe(lambda change: setattr(reply, "value", spoken(f"It is {change.new}.")), "value")
show_widget(widgets.VBox([slider, reply]), figures.subplots()[0], "Axes without a curve.")
"""


@pytest.fixture(scope="module", params=FRONT_ENDS)
def front_end(request):
    """All tests in one of them, then in the other."""
    return request.param


@pytest.fixture
def show(front_end, page, lab):
    """Open a notebook of the served folder in this front end."""
    yield lambda name: FRONT_ENDS[front_end](page, lab, name)
    page.problems[:] = [
        problem for problem in page.problems if not any(text in problem for text in NOT_OURS + YESTERDAY)
    ]


def untouched(lab):
    notebook = without_shows(release(read_source(ROOT / "solutions" / "00_start_here.py").notebook))
    nbformat.write(notebook, lab.folder / "untouched.ipynb")
    return "untouched"


def test_an_untouched_notebook_is_not_unsaved_and_run_all_reaches_its_last_cell(page, lab, show):
    show(untouched(lab))
    assert page.evaluate(READY) is False
    page.evaluate(RUN_ALL)
    counts = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(c => c.execution_count)"
    numbers = [number for number in page.evaluate(counts) if number is not None]
    cells = nbformat.read(lab.folder / "untouched.ipynb", as_version=4).cells
    first = numbers[0]  # the second front end may go on with the first one's kernel
    assert numbers == list(range(first, first + sum(c.cell_type == "code" and c.source != "" for c in cells)))


def test_a_widget_answers_in_place_and_is_a_picture_after_the_night(page, lab, show):
    write_notebook(lab, "widget", WIDGET)
    show("widget")
    page.evaluate(RUN_ALL)
    slider, picture = page.locator(".widget-hslider, .jupyter-widget-hslider"), page.get_by_alt_text("Axes without")
    expect(slider.first).to_be_visible()
    expect(picture).to_have_count(1)
    expect(picture).to_be_hidden()
    expect(page.locator(".jp-OutputArea-child")).to_have_count(2)
    status = page.get_by_role("status").filter(has_text="It is")
    expect(status).to_have_text("It is 0.")
    status.evaluate("element => { element.kept = true }")
    page.locator(".noUi-handle").press("PageUp")
    expect(status).to_have_text(re.compile("It is [1-9]"))
    assert status.evaluate("element => element.kept") is True
    page.evaluate(SAVE)
    page.evaluate(STOP)
    show("widget")
    expect(picture).to_be_visible()
    expect(page.get_by_text("To use it, run this cell.")).to_be_visible()
    page.evaluate(READY)
    for text in ("model not found", "Loading widget"):
        for found in page.get_by_text(text).all():
            expect(found).to_be_hidden()
    page.evaluate(RUN_ALL)
    expect(slider.first).to_be_visible()
    expect(picture).to_be_hidden()


def test_the_copy_to_hand_in_is_of_the_notebook_that_is_open(page, lab, show):
    notebook = solved("00_start_here")
    cells = [cell for cell in notebook.cells if cell.id in ("feature_statistics", "prepare")]
    notebook.cells = [nbformat.v4.new_code_cell("import torch"), *cells]
    (lab.folder / "lessons").mkdir(exist_ok=True)
    nbformat.write(notebook, lab.folder / "lessons" / "mine.ipynb")
    show("lessons/mine")
    page.evaluate(RUN_ALL)
    page.evaluate(SAVE)
    page.evaluate(RUN_ALL)
    card = page.locator(".bn-card")
    expect(card).to_contain_text("mine.ipynb as it was saved at")
    expect(card).to_contain_text("1 of 1 answers are filled in")
    assert len(read(lab.folder / "lessons" / "submission" / "00_start_here.ipynb").cells) == 3


def test_a_learner_sees_the_validate_button_and_no_panels(page, lab):
    FRONT_ENDS["JupyterLab"](page, lab, untouched(lab))
    page.evaluate(READY)
    expect(page.locator(".jp-Toolbar").get_by_text("Validate")).to_be_visible()
    expect(page.get_by_role("tab", name=re.compile("nbgrader|assignment", re.IGNORECASE))).to_have_count(0)
    expect(page.locator(".lm-MenuBar").get_by_text(re.compile("nbgrader", re.IGNORECASE))).to_have_count(0)
