"""The playground in a browser: every control dragged and typed, a broken layer, a hundred quick changes."""

import re

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from tests.browser.front_end import RUN_ALL, TOKEN, open_in_lab, write_notebook
from tests.notebook import solved

CELL = """\
from IPython.display import display
from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.widgets.playground import Playground
class Mine(BatchNorm1d):
    broken = False
    def forward(self, x):
        if Mine.broken:
            raise ValueError("broken on purpose")
        return super().forward(x)
found = Playground(Mine, patience=60)
display(found.box)"""

MEMORY = """\
import gc, pathlib
gc.collect()
print("megabytes", pathlib.Path("/proc/self/statm").read_text().split()[1])"""


def in_lab(page, lab, name):
    open_in_lab(page, lab, name)
    assert page.evaluate(RUN_ALL)


def in_notebook_7(page, lab, name):
    """Run every cell by the menu; a click that came before the kernel was ready did nothing, so it is repeated."""
    page.goto(f"{lab.address}/notebooks/{name}.ipynb?token={TOKEN}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    for _ in range(20):
        page.get_by_role("menuitem", name="Run", exact=True).first.click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            page.locator(".bn-playground").wait_for(timeout=30_000)
            page.problems.clear()  # errors of its own, which it reports while it loads, with an empty notebook too
            return
        except TimeoutError:
            continue
    raise AssertionError("the notebook did not run")


OPEN = {"Lab": in_lab, "Notebook 7": in_notebook_7}


def words(page):
    return page.locator(".bn-numbers")


def settled(page, text):
    """Wait until the words speak of a finished run at ``text``."""
    expect(words(page)).to_contain_text(re.compile(re.escape(text) + ".*after 200 steps"))
    return words(page).inner_text()


def type_into(page, name, text):
    """Type over the number beside a slider, or into a number field."""
    field = page.locator(f".{name} .widget-readout, .{name} input[type=number]").first
    field.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def drag(page, name, by):
    handle = page.locator(f".{name} .noUi-handle")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=5)
    page.mouse.up()


@pytest.mark.parametrize("front_end", OPEN)
def test_every_control_answers(front_end, page, lab, tmp_path):
    name = f"controls_{front_end.replace(' ', '_')}"
    write_notebook(lab, name, CELL)
    OPEN[front_end](page, lab, name)
    expect(page.locator(".bn-playground")).to_contain_text("it passes the six checks")
    settled(page, "Learning rate 0.3, batch size 32")

    page.locator(".bn-predict input").uncheck()
    drag(page, "bn-batch", 45)
    expect(words(page)).not_to_contain_text("batch size 32")
    type_into(page, "bn-batch", "64")
    settled(page, "Learning rate 0.3, batch size 64")
    type_into(page, "bn-lr", "0.1")
    settled(page, "Learning rate 0.1, batch size 64")
    page.locator(".bn-lr .noUi-handle").press("PageUp")
    expect(words(page)).not_to_contain_text("Learning rate 0.1,")
    drag(page, "bn-lr", -60)
    type_into(page, "bn-lr", "0.1")
    settled(page, "Learning rate 0.1, batch size 64")
    type_into(page, "bn-lr", "nonsense")
    type_into(page, "bn-batch", "100000")
    settled(page, "Learning rate 0.1, batch size 256")
    type_into(page, "bn-batch", "64")
    settled(page, "Learning rate 0.1, batch size 64")

    page.locator("button.bn-more").press("Enter")
    expect(page.locator(".bn-depth")).to_be_visible()
    type_into(page, "bn-depth", "2")
    settled(page, "depth 2")
    type_into(page, "bn-seed", "4")
    settled(page, "depth 2, seed 4")
    drag(page, "bn-depth", 30)
    expect(words(page)).not_to_contain_text("depth 2")
    type_into(page, "bn-depth", "1")
    settled(page, "depth 1, seed 4")
    page.locator(".bn-init select").select_option(label="He")
    expect(words(page)).to_contain_text("Batch norm, He init: training loss")
    page.locator(".bn-second select").select_option(label="group norm")
    page.locator(".bn-first select").select_option(label="layer norm")
    settled(page, "Learning rate 0.1, batch size 64, depth 1, seed 4")
    expect(words(page)).to_contain_text("Group norm, He init: training loss")
    expect(words(page)).to_contain_text("Layer norm, He init: training loss")
    page.locator(".bn-task select").select_option(label="digits, cross-entropy")
    settled(page, "batch size 64, digits, cross-entropy, depth 1, seed 4")
    expect(words(page)).to_contain_text("held-out accuracy")
    page.locator(".bn-first select").select_option(label="no norm")
    page.locator(".bn-second select").select_option(label="batch norm")
    expect(words(page)).to_contain_text("Batch norm, He init")

    for label in ("activations per layer", "gradient norm per layer", "running against batch statistics"):
        page.locator(".bn-look select").select_option(label=label)
        expect(page.locator(".bn-third svg")).to_have_attribute("aria-label", re.compile(label))
    page.locator(".bn-shows select").select_option(label="no norm, He init")
    expect(page.locator(".bn-plane svg")).to_have_attribute("aria-label", re.compile("no norm, He init"))
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert page.locator(".bn-curves svg").count() == 1


def test_a_guess_is_asked_for_and_counted(page, lab):
    write_notebook(lab, "guess", CELL)
    in_lab(page, lab, "guess")
    settled(page, "Learning rate 0.3, batch size 32")
    type_into(page, "bn-lr", "1")
    expect(words(page)).to_contain_text("Learning rate 1, batch size 32: waiting for your guess")
    page.locator("button.bn-skip").press("Enter")
    settled(page, "Learning rate 1, batch size 32")
    type_into(page, "bn-lr", "0.003")
    expect(words(page)).to_contain_text("waiting for your guess")
    page.locator("button.bn-guess-3").press("Enter")
    settled(page, "Learning rate 0.003, batch size 32")
    expect(page.locator(".bn-question")).to_contain_text("1 of 1 guesses were right")


def test_a_broken_layer_is_a_sentence_and_the_kernel_lives_on(page, lab):
    write_notebook(lab, "broken", CELL, "Mine.broken = True", 'Mine.broken = False; print("mended")')
    in_lab(page, lab, "broken")
    settled(page, "Learning rate 0.3, batch size 32")
    page.evaluate(SELECT_AND_RUN, 1)
    type_into(page, "bn-batch", "64")
    settled(page, "Learning rate 0.3, batch size 64")
    expect(words(page)).to_contain_text("stopped: its layer raised ValueError: broken on purpose (line")
    page.evaluate(SELECT_AND_RUN, 2)
    type_into(page, "bn-batch", "128")
    settled(page, "Learning rate 0.3, batch size 128")
    expect(words(page)).to_contain_text("Batch norm: training loss")


SELECT_AND_RUN = """async (index) => {
  const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  await app.commands.execute('notebook:run-cell'); }"""


def test_a_hundred_quick_changes_leave_one_figure_and_no_more_memory(page, lab):
    write_notebook(lab, "hundred", CELL.replace("display(", "found.predict.value = False\ndisplay("), MEMORY)
    in_lab(page, lab, "hundred")
    settled(page, "Learning rate 0.3, batch size 32")
    press_many(page, 60)  # whatever is loaded at first use is loaded by now
    before = memory(page)
    press_many(page, 100)
    after = memory(page)
    assert page.locator(".bn-curves svg").count() == page.locator(".bn-plane svg").count() == 1
    assert abs(after / before - 1) < 0.05, (before, after)


def press_many(page, times):
    """Quick key presses on both sliders, then one more position, waited for."""
    for i in range(times):
        handle = page.locator(f".bn-{'lr' if i % 2 else 'batch'} .noUi-handle")
        handle.press("PageUp" if i % 3 else "PageDown")
    for name, text in (("bn-lr", "0.3"), ("bn-batch", "64")):
        type_into(page, name, text)
    settled(page, "Learning rate 0.3, batch size 64")


def memory(page):
    output = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output pre")
    page.evaluate("() => document.querySelectorAll('.jp-Cell')[1].querySelector('.jp-OutputArea-output pre')?.remove()")
    page.evaluate(SELECT_AND_RUN, 1)
    expect(output).to_contain_text("megabytes")
    return int(output.inner_text().split()[-1])


def test_the_playground_of_03_shows_itself(page, lab, tmp_path):
    name = "03_with_and_without_batchnorm"
    notebook = solved(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    layer = next(i for i, cell in enumerate(code) if "choose(BatchNorm1d)" in cell.source)
    (shown,) = (cell for cell in code if "playground(layer=BatchNorm1d)" in cell.source)
    notebook.cells = [*code[: layer + 1], shown]
    nbformat.write(notebook, lab.folder / f"{name}.ipynb")
    in_lab(page, lab, name)
    before = settled(page, "Learning rate 0.3, batch size 32")
    type_into(page, "bn-batch", "64")
    assert settled(page, "Learning rate 0.3, batch size 64") != before
    page.locator(".bn-playground").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "03.png")
