"""``python -m tests.setup.bench``: how long ``make lab`` takes on a fresh clone: download, install, start.

What is downloaded is kept in a folder meanwhile, so that the installation can be timed without the network.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import course
from tests.notebook import ROOT
from tests.shell import environment


def main() -> None:
    """Clone, download, install, start; print seconds and megabytes."""
    with tempfile.TemporaryDirectory() as name:
        clone, wheels = Path(name) / "course", Path(name) / "wheels"
        env = {key: value for key, value in environment(PIP_NO_CACHE_DIR="1").items() if key != "BATCHNORM_VENV"}
        start = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        cloned = told("clone", start)
        download(clone, wheels, env)
        told("download", cloned, f"   {sum(path.stat().st_size for path in wheels.iterdir()) / 1e6:.0f} MB")
        lab(clone, {**env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "TORCH_INDEX": ""})


def told(step, start, more="") -> float:
    """Print the seconds since ``start``; returns the time now."""
    now = time.perf_counter()
    print(f"{step:9}{now - start:7.1f} s{more}", flush=True)
    return now


def download(clone, wheels, env) -> None:
    """What ``make lab`` asks for: torch, everything else, and what builds the course's own package."""
    project = (clone / "pyproject.toml").read_text(encoding="utf-8")
    build = re.findall(r'requires = \["(setuptools[^"]*)"', project)
    pin = re.findall(r'"(torch==[^"]+)"', project)[0]
    index = course.torch_index()
    pip = [sys.executable, "-m", "pip", "download", "-qqq", "--dest", str(wheels)]
    subprocess.run([*pip, "--no-deps", pin, *(["--extra-index-url", index] if index else [])], env=env, check=True)
    subprocess.run([*pip, "--find-links", str(wheels), f"{clone}[lab]", *build], env=env, check=True)


def lab(clone, env) -> None:
    """``make lab`` until all is installed, and from there until JupyterLab answers."""
    start = time.perf_counter()
    command = [sys.executable, "course.py", "lab", "--no-browser"]
    with subprocess.Popen(command, cwd=clone, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("Everything is installed"):
                    start = told("install", start)
                if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                    break
            while not course.is_taken(int(found[1])):
                time.sleep(0.05)
            told("start", start)
        finally:
            process.kill()


if __name__ == "__main__":
    main()
