"""What ``pyproject.toml`` says of the course: which edition it is, and where it is on the web.

``python -m helpers.project HUB`` prints the link by which learners pull the notebooks to a JupyterHub.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
FIRST = "notebooks/00_start_here.ipynb"


def version() -> str:
    """The edition, for example "0.1.0"."""
    return str(_pyproject(ROOT)["project"]["version"])


def repository(root: Path = ROOT) -> str:
    """The address of the repository on the web, ``https://github.com/OWNER/NAME``, or "" where it is not known."""
    return str(_pyproject(root)["tool"]["batchnorm"]["repository"]).rstrip("/")


def pull_link(hub: str, address: str, branch: str = "main") -> str:
    """The link that lets nbgitpuller clone the repository, or merge what is new in it, and opens the first notebook.

    >>> pull_link("https://hub.example.org/", "https://example.org/us/course")
    'https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fexample.org%2Fus%2Fcourse&branch=main&urlpath=lab%2Ftree%2Fcourse%2Fnotebooks%2F00_start_here.ipynb'
    """
    folder = address.rpartition("/")[2].removesuffix(".git")
    what = urlencode({"repo": address, "branch": branch, "urlpath": f"lab/tree/{folder}/{FIRST}"})
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{what}"


@functools.cache
def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def main() -> int:
    """The command; exit 1 where the address of the repository is not known."""
    parser = argparse.ArgumentParser(prog="python -m helpers.project", description=__doc__)
    parser.add_argument("hub", metavar="HUB", help="for example https://hub.example.org")
    arguments = parser.parse_args()
    if not repository():
        print("Set repository in pyproject.toml, under [tool.batchnorm], to the address of yours.", file=sys.stderr)
        return 1
    print(pull_link(arguments.hub, repository()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
