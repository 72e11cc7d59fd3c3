"""``--help`` of the commands is quick: it imports nothing that takes seconds."""

import os
import re
import subprocess
import sys

import pytest

from tests.notebook import ROOT

SLOW = {"torch", "distributed", "nbgrader", "matplotlib", "sklearn", "IPython"}


@pytest.mark.parametrize("room", ["grading", "judge", "drill"])
def test_help_imports_nothing_slow(room):
    command = [sys.executable, "-X", "importtime", "-m", f"helpers.{room}", "--help"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=True)
    imported = set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, re.MULTILINE))
    assert "usage" in done.stdout.lower() and imported & {"argparse", "typer"} and not imported & SLOW
