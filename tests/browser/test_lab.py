"""What a learner sees in JupyterLab: six passes for a right layer, and an axis viewer that answers."""

import re

import nbformat
from playwright.sync_api import expect

from tests.browser.front_end import EDIT, RUN_ALL, TEXT, open_in_lab
from tests.notebook import ROOT, read, without_shows


def open_notebook(page, lab, name, shown):
    """The learner edition with one of its shows: what the others show is seen elsewhere."""
    notebook = without_shows(read(ROOT / "notebooks" / f"{name}.ipynb"), shown)
    nbformat.write(notebook, lab.folder / f"{name}.ipynb")
    open_in_lab(page, lab, name)


def replace_cell(page, id, text):
    """Type over the cell with this id, as a learner would; once more where the page was still settling."""
    for _ in range(5):
        page.evaluate(EDIT, id)
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(text)
        if page.evaluate(TEXT, id) == text:
            return
        page.wait_for_timeout(2000)
    raise AssertionError(f"the cell {id} did not take the text")


def source(name, id):
    return next(c.source for c in read(ROOT / "solutions" / f"{name}.ipynb").cells if c.id == id)


def test_a_layer_typed_into_02_is_told_its_mistake_and_mended_passes_six_checks(page, lab, tmp_path):
    name = "02_build_batchnorm1d"
    open_notebook(page, lab, name, "batchnorm1d_exercise.check(BatchNorm1d)")
    right = source(name, "batchnorm1d")
    replace_cell(page, "batchnorm1d", right.replace("unbiased = var * n / (n - 1)", "unbiased = var"))
    page.evaluate(RUN_ALL)
    card = page.locator(".bn-card", has_text=re.compile(r"BatchNorm1d\s*5 of 6 checks passed")).first
    expect(card).to_contain_text("your running_var moves by the biased variance")
    card.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "02_wrong.png")

    replace_cell(page, "batchnorm1d", right)
    page.evaluate(RUN_ALL)
    card = page.locator(".bn-card", has_text=re.compile(r"BatchNorm1d\s*6 of 6 checks passed")).first
    expect(card).to_be_visible()
    card.get_by_text("6 passed").click()
    assert card.inner_text().count("✓") == 7
    expect(page.locator(".bn-card", has_text=re.compile(r"6 · gamma and beta scale and shift\s*right"))).to_be_visible()
    card.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "02.png")


def test_the_axis_viewer_of_05_says_what_lights_up(page, lab, tmp_path):
    open_notebook(page, lab, "05_layer_group_instance_rms", "axis_viewer()")
    page.evaluate(RUN_ALL)
    page.locator(".bn-axes-norm select").select_option(label="GroupNorm")
    picture = page.locator(".bn-axes-view svg")
    expect(picture).to_have_attribute("aria-label", re.compile("GroupNorm: 36 of 288"))
    page.locator(".bn-axes").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "05.png")
