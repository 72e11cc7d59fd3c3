"""How the tests are spread over workers and marked by notebook, and the last line of a run."""

import gc
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SOURCES = sorted((Path(__file__).parent / "solutions").glob("[0-9][0-9]_*.py"))
LONG = (
    *("tests/browser", "tests/grading", "tests/classroom", "tests/editions", "tests/setup", "tests/notebooks"),
    *("tests/website", "solutions"),
)
"""Folders whose tests start servers, browsers and kernels."""
TOGETHER = "tests/browser", "tests/website"
"""Folders whose tests share something that takes long to make."""
IMPORTED = "torch", "sklearn.model_selection, matplotlib.figure, nbgrader.apps, distributed"
"""What every worker imports, in two halves that take as long."""
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")  # how busy the machine is decides nothing
gc.disable()  # until all is collected: half of that time would go into a search for garbage

LAST_LINE = pytest.StashKey[str]()


def pytest_configure(config):
    for source in SOURCES:
        config.addinivalue_line("markers", f"nb{source.name[:2]}: tests of notebook {source.stem} and what it uses")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One more than there are cores: some wait for servers and browsers, but workers that compute slow one another."""
    return (yield) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """In a new environment import once what all workers import: each of them would compile it."""
    sources = {names: importlib.util.find_spec(re.match(r"\w+", names)[0]).origin for names in IMPORTED}
    new = [names for names, file in sources.items() if not Path(importlib.util.cache_from_source(file)).exists()]
    for process in [subprocess.Popen([sys.executable, "-c", f"import {names}"]) for names in new]:
        process.wait()


def pytest_collection_finish():
    """What was imported stays: it is never searched for garbage."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep the tests of a file, or of a folder, on one worker, unless scattered; mark them by notebook; order them."""
    users = notebooks_by_word()
    items.sort(key=_late)
    for item in items:
        file, _, name = item.nodeid.partition("::")
        if not _scattered(item):
            shared = [folder for folder in TOGETHER if file.startswith(f"{folder}/")]
            item.add_marker(pytest.mark.xdist_group(*shared or [file]))
        words = {Path(file).stem.removeprefix("test_"), *re.findall(r"[a-z]\w*", name.partition("[")[2])}
        named = re.findall(r"\b(\d\d)_[a-z]", item.nodeid)
        numbers = {*named, *(number for word in words for number in users.get(word, ()))}
        for number in numbers & {source.name[:2] for source in SOURCES}:
            item.add_marker(f"nb{number}")


def _scattered(item):
    """True where the tests of the file may be spread over workers: it says ``SCATTERED = True``."""
    return getattr(getattr(item, "module", None), "SCATTERED", False)


def _late(item):
    """The sort key of a test: long ones come first, those that can be spread last, so that all workers end together."""
    folders = [folder for folder in LONG if item.nodeid.startswith(f"{folder}/")]
    return _scattered(item), LONG.index(folders[0]) if folders else len(LONG)


def notebooks_by_word():
    """Numbers of the notebooks that use a module or an exercise of this name."""
    used = re.compile(r"^from helpers\.(?:exercises|experiments|widgets)\.?(\w*) import (.+)$", re.MULTILINE)
    found = {}
    for source in SOURCES:
        for module, names in used.findall(source.read_text(encoding="utf-8")):
            for word in [module, *re.split(r", | as \w+", names)]:
                found.setdefault(word.removesuffix("_exercise"), set()).add(source.name[:2])
    return found


def pytest_sessionfinish(session, exitstatus):
    """Word the last line.  Where CI is set, a run in which something was skipped has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly:  # None in a worker of xdist
        return
    reasons = Counter(_reason(report) for report in reporter.stats.get("skipped", []))
    reasons["stopped by an error"] = len(reporter.stats.get("error", []))
    not_run = [f"{count} × {reason}" for reason, count in reasons.items() if count]
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        not_run.append("nothing here has the name that was asked for")
    elif exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or session.shouldfail:
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
