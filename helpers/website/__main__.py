"""``python -m helpers.website``: write the pages of the course."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .build import ROOT, build


def main() -> int:
    """The command; exit 0, or 1 where nothing was written."""
    parser = argparse.ArgumentParser(prog="python -m helpers.website", description=__doc__)
    told = "a new folder, an empty one, or that of an earlier site"
    parser.add_argument("--to", type=Path, default=ROOT / "_site", help=told)
    target = parser.parse_args().to
    problem = build(target)
    print(problem or f"Open {target / 'index.html'}", file=sys.stderr if problem else sys.stdout)
    return bool(problem)


if __name__ == "__main__":
    sys.exit(main())
