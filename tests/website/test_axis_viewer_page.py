"""The axis viewer on a page: the same sets and sentences as in the notebook, by mouse and by keyboard."""

import itertools
import random

import numpy as np
import pytest
from playwright.sync_api import expect

from helpers.website import axis_viewer
from helpers.widgets import axis_viewer as notebook
from helpers.widgets.axis_viewer import KINDS, SHAPE, START, sharing
from tests.website import local

SETTINGS = [(norm, 1) for norm in KINDS if norm != "group"] + [("group", groups) for groups in (1, 2, 3, 6)]
CELLS = list(itertools.product(*map(range, SHAPE)))
SHOWN = """([norm, groups, cell]) => {
  const set = (name, value, event) => {
    const control = document.querySelector(`.bn-axes-${name}`);
    control.value = value;
    control.dispatchEvent(new Event(event));
  };
  set('norm', norm, 'change');
  set('groups', groups, 'change');
  cell.forEach((value, axis) => set('nchw'[axis], value, 'input'));
  const lit = [...document.querySelectorAll('.bn-cells rect')].map(square => square.classList.contains('lit'));
  const words = [document.querySelector('.bn-axes-text').textContent,
    ...[...document.querySelectorAll('.bn-axes-more div')].map(line => line.textContent)];
  return {lit, words, code: document.querySelector('.bn-axes code').textContent,
    name: document.querySelector('.bn-axes svg').getAttribute('aria-label')};
}"""


@pytest.fixture
def viewer(page, tmp_path):
    page.goto(local.write(tmp_path / "page.html", axis_viewer))
    return page


def test_the_sets_are_those_of_the_notebook():
    data = axis_viewer.data()["settings"]
    for norm, groups in SETTINGS:
        sets = np.array(data[norm][groups]["sets"]).reshape(SHAPE)
        for cell in CELLS:
            assert np.array_equal(sets == sets[cell], sharing(norm, SHAPE, cell, groups))


def test_the_page_shows_and_says_what_the_notebook_does(viewer):
    chosen = random.Random(0)
    for norm, groups in SETTINGS:
        for cell in [CELLS[0], CELLS[-1], *chosen.sample(CELLS, 4)]:
            shown = viewer.evaluate(SHOWN, [norm, groups, list(cell)])
            assert shown["words"] == notebook.words(norm, SHAPE, cell, groups)
            assert shown["lit"] == [bool(on) for on in sharing(norm, SHAPE, cell, groups).flat]
            assert shown["code"] == notebook.code(norm, SHAPE, groups)
            assert shown["name"] == notebook.summary(norm, SHAPE, cell, groups)


def test_a_square_is_chosen_by_a_click(viewer):
    viewer.locator(".bn-cells rect").nth(CELLS.index((3, 4, 2, 1))).click()
    expect(viewer.get_by_role("status")).to_contain_text("(n=3, c=4, h=2, w=1)")
    expect(viewer.locator(".bn-examples text").nth(3)).to_have_css("font-weight", "700")


def test_by_keyboard_alone(viewer):
    name = "document.activeElement.closest('label')?.textContent"
    viewer.keyboard.press("Tab")
    viewer.keyboard.press("ArrowUp")
    viewer.keyboard.press("ArrowUp")
    assert viewer.evaluate(name).startswith("norm")
    viewer.locator(".bn-axes-norm").select_option("group")
    viewer.keyboard.press("Tab")
    assert viewer.evaluate(name).startswith("groups G")
    viewer.keyboard.press("ArrowDown")
    for label in ("n, example", "c, channel", "h, row", "w, column"):
        viewer.keyboard.press("Tab")
        assert viewer.evaluate(name).startswith(label)
        viewer.keyboard.press("Home")
    expect(viewer.get_by_role("status")).to_have_text(notebook.words("group", SHAPE, (0, 0, 0, 0), 3)[0])
    viewer.keyboard.press("Tab")
    viewer.keyboard.press("Enter")
    expect(viewer.locator(".bn-axes code")).to_be_visible()


def test_without_scripts_the_start_is_seen_and_said():
    shown = axis_viewer.fragment()
    assert shown.count('class="lit"') == sharing("batch", SHAPE, START).sum()
    assert all(sentence in shown for sentence in notebook.words("batch", SHAPE, START))


def test_it_fits_a_narrow_page_with_type_of_twelve_pixels(viewer):
    viewer.set_viewport_size({"width": 400, "height": 800})
    assert viewer.evaluate("document.documentElement.scrollWidth") <= 400
    seen = viewer.evaluate("""() => [...document.querySelectorAll('.bn-axes svg text')].filter(t => t.getBBox().width)
      .map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)""")
    assert min(seen) >= 12
