"""The playground in a browser: every control dragged and typed, a broken layer, a hundred quick changes."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.front_end import RUN_ALL, open_in_lab, open_in_notebook, write_notebook
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
display(found.controls.box)
found.start()"""

MEMORY = """\
import gc, pathlib
gc.collect()
print("megabytes", pathlib.Path("/proc/self/statm").read_text().split()[1])"""


def in_lab(page, lab, name):
    open_in_lab(page, lab, name)
    assert page.evaluate(RUN_ALL)


def in_notebook_7(page, lab, name):
    open_in_notebook(page, lab, name)
    assert page.evaluate(RUN_ALL)
    page.problems.clear()  # errors of its own, which it reports while it loads, with an empty notebook too


OPEN = {"Lab": in_lab, "Notebook 7": in_notebook_7}


def headline(page):
    return page.locator(".bn-say")


def words(page):
    return page.locator(".bn-words")


def settled(page, text):
    """Wait until the headline speaks of a finished run at ``text``."""
    expect(headline(page)).to_contain_text(re.compile(re.escape(text) + ".*after 200 steps"))
    return headline(page).text_content()


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
def test_every_control_answers_and_has_a_name(front_end, page, lab, tmp_path):
    name = f"controls_{front_end.replace(' ', '_')}"
    write_notebook(lab, name, CELL)
    OPEN[front_end](page, lab, name)
    expect(page.locator(".bn-playground")).to_contain_text("it passes the six checks")
    settled(page, "Learning rate 0.3, batch size 32")

    page.locator(".bn-predict input").uncheck()
    drag(page, "bn-batch", 45)
    expect(headline(page)).not_to_contain_text("batch size 32")
    type_into(page, "bn-batch", "64")
    settled(page, "Learning rate 0.3, batch size 64")
    type_into(page, "bn-lr", "0.1")
    settled(page, "Learning rate 0.1, batch size 64")
    page.locator(".bn-lr .noUi-handle").press("PageUp")
    expect(headline(page)).not_to_contain_text("Learning rate 0.1,")
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
    type_into(page, "bn-depth", "1")
    settled(page, "depth 1, seed 4")
    page.locator(".bn-init select").select_option(label="He")
    expect(words(page)).to_contain_text("batch norm, He init")
    page.locator(".bn-second select").select_option(label="group norm")
    page.locator(".bn-first select").select_option(label="layer norm")
    expect(words(page)).to_contain_text(re.compile("layer norm, He init.*group norm, He init", re.DOTALL))
    settled(page, "Learning rate 0.1, batch size 64")
    page.locator(".bn-task select").select_option(label="digits, cross-entropy")
    settled(page, "batch size 64, digits, cross-entropy")
    page.locator(".bn-words summary").click()
    expect(words(page)).to_contain_text("held-out accuracy")
    page.locator(".bn-first select").select_option(label="no norm")
    page.locator(".bn-second select").select_option(label="batch norm")
    expect(words(page)).to_contain_text("batch norm, He init")

    type_into(page, "bn-scrub", "1")
    expect(page.locator(".bn-third [role=img]").first).to_have_attribute("aria-label", re.compile("in step 1,"))
    page.locator(".bn-play button").first.click()
    expect(page.locator(".bn-third [role=img]").first).not_to_have_attribute("aria-label", re.compile("in step 1,"))
    page.locator(".bn-play button").first.click()
    for label in ("gradient norm per layer", "running against batch statistics", "activations per layer"):
        page.locator(".bn-look select").select_option(label=label)
        expect(page.locator(".bn-third [role=img]").first).to_have_attribute("aria-label", re.compile(label))
    page.locator(".bn-shows select").select_option(label="no norm, He init")
    expect(page.locator(".bn-plane svg")).to_have_attribute("aria-label", re.compile("no norm, He init"))
    sliders_have_names_and_keep_their_arrow_keys(page)
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert page.locator(".bn-curves .bn-plot").count() == 2


def sliders_have_names_and_keep_their_arrow_keys(page):
    for called, slider in (("learning rate", "bn-lr"), ("batch size", "bn-batch"), ("step", "bn-step")):
        handle = page.get_by_role("slider", name=called, exact=True)
        expect(handle).to_have_count(1)
        value = page.locator(f".{slider} .widget-readout").inner_text()
        expect(handle).to_have_attribute("aria-valuetext", value)
    page.get_by_role("slider", name="batch size").press("ArrowRight")
    settled(page, "Learning rate 0.1, batch size 128")
    region = headline(page).locator("[role=status]")
    expect(region).to_have_count(1)
    region.evaluate("element => { element.kept = true }")
    page.get_by_role("slider", name="batch size").press("ArrowRight")
    settled(page, "Learning rate 0.1, batch size 256")
    assert region.evaluate("element => element.kept"), "the headline changes in place"


@pytest.fixture(scope="module")
def opened(kept, lab):
    """The playground in JupyterLab, and two cells that break and mend the learner's layer."""
    write_notebook(lab, "played", CELL, "Mine.broken = True", 'Mine.broken = False; print("mended")')
    in_lab(kept, lab, "played")
    settled(kept, "Learning rate 0.3, batch size 32")


@pytest.fixture
def played(page, opened):
    """The page with it."""
    return page


def test_it_is_one_screen_in_both_themes(played, tmp_path):
    page = played
    for width, browser_open in ((1280, True), (1280, False), (800, False)):
        page.set_viewport_size({"width": width, "height": 720})
        if not browser_open:
            page.evaluate("window.jupyterapp.shell.collapseLeft()")
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            page.evaluate(THEME, theme)
            page.wait_for_timeout(500)
            box, shown = page.locator(".bn-playground"), f"{theme}, {width}, {browser_open}"
            room = page.locator(".jp-Notebook").first.bounding_box()
            assert width < 1280 or box.bounding_box()["height"] <= room["height"], shown
            assert (box.evaluate(SPILLS), shown) == ({"outside": [], "small": [], "plates": []}, shown)
            box.evaluate("element => element.scrollIntoView({block: 'start'})")
            page.screenshot(path=tmp_path / f"{shown}.png")


THEME = """async (name) => {
  const app = window.jupyterapp; await app.restored;
  await app.commands.execute('apputils:change-theme', {theme: name});
  while (document.body.dataset.jpThemeName !== name) await new Promise(r => setTimeout(r, 50)); }"""

SPILLS = """box => {
  const edge = box.getBoundingClientRect(), outside = [], small = [], plates = [];
  const dark = document.body.dataset.jpThemeLight === 'false';
  for (const element of box.querySelectorAll('*')) {
    const place = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!place.width || !place.height || element.closest('.bn-hidden')) continue;
    const says = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const name = `${element.tagName}.${element.getAttribute('class')}: ${element.textContent.slice(0, 30)}`;
    if (says && (place.left < edge.left || place.right > edge.right + 1)) outside.push(name);
    if (says && parseFloat(style.fontSize) < 12) small.push(name);
    if (dark && /^rgb\\(2[45]/.test(style.backgroundColor) && !element.closest('.noUi-target')) plates.push(name); }
  return {outside, small, plates}; }"""


def test_a_guess_is_asked_for_and_counted(played):
    page = played
    type_into(page, "bn-lr", "1")
    expect(headline(page)).to_contain_text("Predict first")
    page.locator("button.bn-skip").press("Enter")
    settled(page, "Learning rate 1, batch size 32")
    type_into(page, "bn-lr", "0.003")
    expect(headline(page)).to_contain_text("Predict first")
    page.locator("button.bn-guess-3").press("Enter")
    settled(page, "Learning rate 0.003, batch size 32")
    expect(page.locator(".bn-question")).to_contain_text("1 of 1 guess was right")


def test_a_broken_layer_is_a_sentence_and_the_kernel_lives_on(played):
    page = played
    page.locator(".bn-predict input").uncheck()
    type_into(page, "bn-lr", "0.3")
    settled(page, "Learning rate 0.3, batch size 32")
    page.evaluate(SELECT_AND_RUN, 1)
    type_into(page, "bn-batch", "64")
    settled(page, "Learning rate 0.3, batch size 64")
    expect(words(page)).to_contain_text("stopped: its layer raised ValueError: broken on purpose (line")
    page.evaluate(SELECT_AND_RUN, 2)
    type_into(page, "bn-batch", "128")
    settled(page, "Learning rate 0.3, batch size 128")
    expect(words(page)).not_to_contain_text("stopped")


SELECT_AND_RUN = """async (index) => {
  const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  await app.commands.execute('notebook:run-cell'); }"""


def test_a_hundred_quick_changes_leave_one_figure_and_no_more_memory(page, lab):
    write_notebook(lab, "hundred", CELL.replace("display(", "found.controls.predict.value = False\ndisplay("), MEMORY)
    in_lab(page, lab, "hundred")
    settled(page, "Learning rate 0.3, batch size 32")
    press_many(page, 60)  # whatever is loaded at first use is loaded by now
    before = memory(page)
    press_many(page, 100)
    after = memory(page)
    assert page.locator(".bn-curves .bn-plot").count() == 2 and page.locator(".bn-plane svg").count() == 1
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
