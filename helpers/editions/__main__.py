"""``python -m helpers.editions``: record what references and suspects do, build notebooks from ``solutions/*.py``."""

from __future__ import annotations

import argparse
import sys

from helpers.website.recorded_playground import in_notebook

from .build import build
from .bundle import EDITIONS
from .places import SourceError
from .recording import refresh


def main() -> int:
    """The command; exit 0, or 1 for a mistake in a source or, with --check, where something would change."""
    parser = argparse.ArgumentParser(prog="python -m helpers.editions", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="for example 02_build_batchnorm1d; default: all")
    parser.add_argument("--edition", choices=EDITIONS, default="open", help="class: no reference code travels")
    parser.add_argument("--anew", action="store_true", help="execute unchanged notebooks too")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something would change")
    arguments = parser.parse_args()
    try:
        changed = refresh(arguments.check)
        changed += build(arguments.names, arguments.edition, arguments.anew, arguments.check, finish=in_notebook)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    if not changed:
        print("Everything is up to date.")
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
