"""JupyterLab with the course in it, and a page of headless Chromium to look at it."""

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.front_end import FLAGS, jupyterlab


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab on an empty folder."""
    with jupyterlab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(chromium):
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page wide enough to see a notebook as a learner does; an error on its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)  # two workers share two cores
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems, problems
