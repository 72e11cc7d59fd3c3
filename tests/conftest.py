"""The browser of the tests, and the last line of a run, which names what was not run."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAST_LINE = pytest.StashKey[str]()


def system_browser():
    """Path of an installed Chromium or Chrome, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser: the system's own, else the one that Playwright has downloaded."""
    found = system_browser()
    if found is None:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            found = playwright.chromium.executable_path
    if not Path(found).exists():
        pytest.skip("not run: no Chromium here; install it, or type .venv/bin/playwright install chromium")
    return found


def pytest_sessionfinish(session, exitstatus):
    """Word the last line.  Where CI is set, a run in which something was skipped has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly:  # None in a worker of xdist
        return
    reasons = Counter(_reason(report) for report in reporter.stats.get("skipped", []))
    reasons["stopped by an error"] = len(reporter.stats.get("error", []))
    not_run = [f"{count} × {reason}" for reason, count in reasons.items() if count]
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or session.shouldfail:
        not_run.append("all that comes after the stop")
    line = "Not run: " + "; ".join(not_run) if not_run else "Every test that was asked for has run."
    if not_run and os.environ.get("CI") and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        line += " (a failure, because CI is set)"
    session.config.stash[LAST_LINE] = line


def pytest_unconfigure(config):
    """Say it after pytest's own summary."""
    if LAST_LINE in config.stash:
        config.pluginmanager.get_plugin("terminalreporter").write_line(config.stash[LAST_LINE])


def _reason(report):
    """Why it was skipped: (path, line, "Skipped: reason") or any other text."""
    text = report.longrepr[-1] if isinstance(report.longrepr, (tuple, list)) else str(report.longrepr)
    return text.removeprefix("Skipped: ").removeprefix("not run: ")
