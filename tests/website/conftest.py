"""Pages of the site in headless Chromium."""

from tests.browser.conftest import browser, chromium, page  # noqa: F401
