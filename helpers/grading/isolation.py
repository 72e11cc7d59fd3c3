"""bubblewrap around a worker: a read-only system without the course in it, no network, and a user of its own."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

PACKAGE = "/package.zip"
"""Where the worker's package lies inside."""
_USERS = 61000
"""The first of the user numbers that root gives away."""
_SCRATCH = 512 << 20
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/mime.types")


def command(inner: Sequence[str], package: str, readable: Iterable[str]) -> list[str]:
    """The command line that runs ``inner`` inside; ``package`` is PACKAGE there, ``readable`` keeps its place."""
    line = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    line += ["--die-with-parent", "--hostname", "grader", "--perms", "1777", "--size", str(_SCRATCH), "--tmpfs", "/tmp"]
    made = {Path("/"), Path("/tmp")}
    for path in map(Path, dict.fromkeys([*_SYSTEM, *readable])):
        if path.is_symlink() and str(path) in _SYSTEM:
            line += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            for parent in reversed(path.parents):  # else they would be root's alone
                line += [] if parent in made else ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
            line += ["--ro-bind", str(path), str(path)]
    line += ["--ro-bind", package, PACKAGE, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/"]
    line += ["--chdir", "/tmp", "--setenv", "HOME", "/tmp"]
    if os.geteuid():
        return [*line, "--unshare-user", "--", *inner]
    user = str(_USERS + os.getpid() % 4000)
    given_up = ["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [*line, "--", "setpriv", f"--reuid={user}", f"--regid={user}", *given_up, *inner]


@functools.cache
def missing() -> str:
    """Why bubblewrap cannot be used here, in half a sentence, or "".  It is run to find out."""
    if sys.platform != "linux":
        return "bubblewrap exists for Linux only"
    needed = ["bwrap", *([] if os.geteuid() else ["setpriv"])]
    for program in needed:
        if not shutil.which(program):
            return f"{program} is not installed (Debian and Ubuntu: apt install bubblewrap)"
    paths = [sys.prefix, sys.base_prefix]
    tried = subprocess.run(command(["true"], os.devnull, paths), capture_output=True, text=True)
    return f"bubblewrap does not run here: {tried.stderr.strip()}" if tried.returncode else ""
