"""``python -m helpers.website``: write the pages of the course."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .build import ROOT, build


def main() -> int:
    """The command; exit 0, or 1 where Sphinx complains."""
    parser = argparse.ArgumentParser(prog="python -m helpers.website", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "_site", help="the folder; what is in it goes")
    target = parser.parse_args().to
    problems = build(target)
    print(problems or f"Open {target / 'index.html'}", file=sys.stderr if problems else sys.stdout)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
