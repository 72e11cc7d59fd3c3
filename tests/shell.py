"""Commands as somebody types them who has cloned the course and set it up."""

import os
import subprocess
import sys


def environment(**more):
    """This process's environment without what this test run has put there; nothing is installed, no browser opens."""
    ours = ("MAKE", "MFLAGS", "PYTEST_", "PYTHONPATH", "ARGS", "PORT", "EDITION", "BATCHNORM_EDITION")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "CI"}
    python = os.path.dirname(sys.executable) + os.pathsep + env.get("PATH", "")
    return {**env, "PATH": python, "BATCHNORM_VENV": sys.prefix, "BROWSER": "true", **more}


def run(command, folder):
    """Run a command line to its end; returns what it printed."""
    options = {"cwd": folder, "env": environment(), "capture_output": True, "text": True, "timeout": 900}
    done = subprocess.run(command, shell=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
