"""What a page's own script does: what scrolls sideways is reached by keyboard, as long as it scrolls."""

import pytest

from helpers.website import axis_viewer
from tests.website import local

WIDE = '<div class="math" style="overflow:auto"><div style="width:600px;height:9px"></div></div>'


@pytest.fixture
def wide(page, tmp_path):
    """A formula of 600 pixels."""
    page.goto(local.write(tmp_path / "page.html", axis_viewer))
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", WIDE)
    return page


def test_what_scrolls_is_reached_by_keyboard_as_long_as_it_does(wide):
    for width in (400, 1280, 400):
        wide.set_viewport_size({"width": width, "height": 720})
        is_so = "narrow => document.querySelector('.math').hasAttribute('tabindex') === narrow"
        wide.wait_for_function(is_so, arg=width < 600)
