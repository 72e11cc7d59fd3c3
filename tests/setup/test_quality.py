"""Lint and spelling; types are checked in ``tests/editions/test_new.py``, with what the templates write."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


COMMANDS = ("ruff check --output-format=concise .", "codespell_lib . .github .devcontainer")


@pytest.mark.parametrize("command", COMMANDS)
def test_quality(command):
    done = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
