"""A page of headless Chromium: one browser for each worker, whichever folder asks for it."""

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.front_end import FLAGS, system_browser

VIEWPORT = {"width": 1280, "height": 1000}
WAIT = 120_000
"""Milliseconds; a busy machine may take long, and nothing in these tests depends on how long."""


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser: the system's own, else the one that Playwright has downloaded."""
    found = system_browser()
    if found is None:
        with sync_playwright() as playwright:
            found = playwright.chromium.executable_path
    if not Path(found).exists():
        pytest.skip("not run: no Chromium here; install it, or type .venv/bin/playwright install chromium")
    return found


@pytest.fixture(scope="session")
def browser(chromium):
    """Headless Chromium."""
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page of its own for a test."""
    with opened(browser) as page:
        yield page


@contextlib.contextmanager
def opened(browser):
    """A page wide enough to see a notebook as a learner does; an error on its console fails the test."""
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not page.problems
