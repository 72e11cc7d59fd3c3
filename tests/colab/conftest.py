"""Colab, as far as it can be imitated: its packages, a stub of its own one, an empty folder, no network.

``make test-colab`` makes the environment and names its Python in ``BATCHNORM_COLAB``; else there are no tests here.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("BATCHNORM_COLAB", "")
collect_ignore_glob = ["stub", "startup.py", "offline.py"] if PYTHON else ["*"]


@pytest.fixture(scope="session")
def colab_environment(tmp_path_factory):
    """Variables of a kernel of Colab's."""
    startup = tmp_path_factory.mktemp("ipython") / "profile_default" / "startup"
    startup.mkdir(parents=True)
    shutil.copy(HERE / "startup.py", startup / "00.py")
    stub = {"PYTHONPATH": str(HERE / "stub"), "IPYTHONDIR": str(startup.parents[1]), "COLAB_RELEASE_TAG": "stub"}
    return {**stub, "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="session")
def offline(tmp_path_factory):
    """A command that is Colab's Python without network; where there are no namespaces, that Python as it is."""
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        command = [*unshare, PYTHON, str(HERE / "offline.py")]
        if shutil.which("unshare") and not subprocess.run([*command, "-c", ""], capture_output=True).returncode:
            script = tmp_path_factory.mktemp("offline") / "python"
            script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            script.chmod(0o755)
            return script
    return Path(PYTHON)
