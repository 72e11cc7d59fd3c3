"""What a page's own script does: what scrolls sideways has a name and is reached by keyboard, as long as it scrolls."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from helpers.website import axis_viewer
from tests.website import local

INSIDE = '<div style="width:600px;height:9px"></div>'
WIDE = "".join(
    f'<div class="{kind}" style="overflow:auto">{INSIDE}</div>'
    for kind in ("math", "math", "table-wrapper", "cell_output")
)
NAMES = ["Formula 1", "Formula 2", "Table 1", "Output 1"]
TOLD = """() => [...document.querySelectorAll(".math, .table-wrapper, .cell_output")].map(
  element => ["tabindex", "role", "aria-label"].map(name => element.getAttribute(name)))"""
RULES = ["scrollable-region-focusable", "landmark-unique", "region", "aria-allowed-role"]


@pytest.fixture
def wide(page, tmp_path):
    """Two formulas, a table and an output of 600 pixels each."""
    page.goto(local.write(tmp_path / "page.html", axis_viewer))
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", WIDE)
    return page


def test_what_scrolls_has_a_name_and_is_reached_by_keyboard_as_long_as_it_does(wide):
    for width in (400, 1280, 400):
        wide.set_viewport_size({"width": width, "height": 720})
        is_so = "narrow => document.querySelector('.math').hasAttribute('tabindex') === narrow"
        wide.wait_for_function(is_so, arg=width < 600)
        narrow = [["0", "region", f"{name}, scrolls sideways"] for name in NAMES]
        assert wide.evaluate(TOLD) == (narrow if width < 600 else [[None] * 3] * len(NAMES))
    found = Axe().run(wide, options={"resultTypes": ["violations"], "runOnly": RULES}).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_what_a_click_opens_is_looked_at_too(wide):
    wide.set_viewport_size({"width": 400, "height": 720})
    wide.wait_for_function("document.querySelector('.math').hasAttribute('tabindex')")
    wide.evaluate(
        """html => addEventListener("click", () => document.querySelector("main").insertAdjacentHTML("beforeend", html),
        {capture: true, once: true})""",
        WIDE,
    )
    wide.locator("h1").click()
    assert wide.evaluate(TOLD)[-1] == ["0", "region", "Output 2, scrolls sideways"]
