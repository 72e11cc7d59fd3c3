"""JupyterLab with the course in it, and one page for all that is looked at in it: to load it takes seconds."""

import pytest

from tests.browser.front_end import jupyterlab
from tests.conftest import VIEWPORT, opened


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab on an empty folder."""
    with jupyterlab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def kept(browser, lab):
    """The page; it is closed before its server."""
    with opened(browser) as page:
        yield page


@pytest.fixture
def page(kept):
    """The page for a test, which fails if there was an error on its console."""
    kept.set_viewport_size(VIEWPORT)
    yield kept
    problems, kept.problems[:] = [*kept.problems], []
    assert not problems
