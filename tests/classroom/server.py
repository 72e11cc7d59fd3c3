"""A PostgreSQL server for a test: Debian's programs, in a folder of its own, reached by a socket alone."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NOBODY = 65534


def programs():
    """The folder of the newest ``initdb``, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    path = shutil.which("initdb")
    return found[-1].parent if found else Path(path).parent if path else None


@contextlib.contextmanager
def postgresql():
    """The URL of a database called postgres; nothing is left of the server."""
    as_nobody = {} if os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}  # it refuses root
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    os.chown(folder, *((os.geteuid(), os.getegid()) if os.geteuid() else (NOBODY, NOBODY)))
    try:
        data = str(folder / "data")

        def call(program, *arguments):
            command = [programs() / program, "-D", data, *arguments]
            subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True, timeout=300, **as_nobody)

        call("initdb", "--username=grader", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        call(
            "pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses='' -c fsync=off"
        )
        try:
            yield f"postgresql://grader@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)
