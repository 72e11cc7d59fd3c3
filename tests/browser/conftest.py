"""JupyterLab with the course in it."""

import pytest

from tests.browser.front_end import jupyterlab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab on an empty folder."""
    with jupyterlab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")) as running:
        yield running
