"""What a page's own script does: what scrolls sideways is reached by keyboard, and only that."""

from playwright.sync_api import expect

from helpers.website import axis_viewer
from tests.website import local

LONG = "document.querySelector('main').insertAdjacentHTML('beforeend', '<pre style=\"overflow:auto\"></pre>')"


def test_what_scrolls_is_reached_by_keyboard_as_long_as_it_does(page, tmp_path):
    page.goto(local.write(tmp_path / "page.html", axis_viewer))
    page.evaluate(LONG)
    long = page.locator("pre")
    long.evaluate("pre => (pre.textContent = 'x'.repeat(80))")
    for width, reached in ((400, "0"), (1280, None), (400, "0")):
        page.set_viewport_size({"width": width, "height": 720})
        page.wait_for_function(
            "wide => document.querySelector('pre').hasAttribute('tabindex') === wide", arg=width < 500
        )
        assert long.get_attribute("tabindex") == reached
    expect(long).to_be_visible()
