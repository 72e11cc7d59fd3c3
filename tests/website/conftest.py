"""Pages of the site in headless Chromium; the site itself is built once."""

import pytest

from tests.notebook import copy_of_the_course
from tests.shell import run

COMMAND = "make site"
"""As README.md shows it."""


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Its folder."""
    course = copy_of_the_course(tmp_path_factory.mktemp("site") / "course")
    assert run(COMMAND, course).splitlines()[-1] == f"Open {course / '_site' / 'index.html'}"
    return course / "_site"
