"""Pages of the site in headless Chromium; the site itself is built once."""

import subprocess
import sys

import pytest

from tests.notebook import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Its folder."""
    folder = tmp_path_factory.mktemp("site") / "_site"
    command = [sys.executable, "-m", "helpers.website", "--to", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return folder
