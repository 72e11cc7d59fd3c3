"""nbgrader's exchange on a shared folder, between two accounts: class edition out, answer back."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from helpers.classroom.assignment import load
from helpers.classroom.collect import collect
from tests.notebook import copy_of_the_course, solved
from tests.shell import environment

INSTRUCTOR, LEARNER = "daemon", "nobody"
"""Accounts that every Linux has; neither may do more than the other."""
NAME = "00_start_here"
GENERATE = "BATCHNORM_EDITION=class .venv/bin/nbgrader generate_assignment batchnorm --force"
RELEASE = ".venv/bin/nbgrader release_assignment batchnorm"
FETCH = "nbgrader fetch_assignment batchnorm --course batchnorm"
SUBMIT = "nbgrader submit batchnorm --course batchnorm"
COLLECT = ".venv/bin/nbgrader collect batchnorm"
COMMANDS = {GENERATE, RELEASE, FETCH, SUBMIT, COLLECT}
"""As README.md shows them."""


def readable(*folders):
    """bubblewrap's options for this system, but for these folders being open to every account."""
    line = ["--dev-bind", "/", "/"]
    for folder in map(Path, folders):
        closed = [p for p in reversed(folder.parents) if not p.stat().st_mode & stat.S_IXOTH]
        if closed:
            inside = [p for p in reversed(folder.parents) if closed[0] in p.parents]
            line += ["--perms", "0755", "--tmpfs", str(closed[0])]
            line += [option for p in inside for option in ("--perms", "0755", "--dir", str(p))]
            line += ["--ro-bind", str(folder), str(folder)]
    return line


@pytest.fixture(scope="module")
def place():
    """A folder below which two accounts have their own, and a shared exchange."""
    if not hasattr(os, "geteuid") or os.geteuid() or not all(map(shutil.which, ("bwrap", "setpriv"))):
        pytest.skip("not run: needs root, bubblewrap and setpriv, to be two accounts")
    with tempfile.TemporaryDirectory(prefix="exchange-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "exchange").mkdir()
        (place / "exchange").chmod(0o777)
        course = copy_of_the_course(place / INSTRUCTOR)
        for path in (course / "solutions").glob("*.ipynb"):
            if path.stem != NAME:
                path.unlink()
        (place / LEARNER).mkdir()
        for account in (INSTRUCTOR, LEARNER):
            shutil.chown(place / account, account)
            for path in (place / account).rglob("*"):
                os.chown(path, *pwd.getpwnam(account)[2:4], follow_symlinks=False)
        yield place


def as_account(account, command, place):
    """Run a command as an account in its own folder; returns the finished process."""
    uid, gid = pwd.getpwnam(account)[2:4]
    become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all"]
    line = ["bwrap", *readable(sys.base_prefix, sys.prefix), "--", *become, "sh", "-c", command]
    home = str(place / account)
    env = environment(HOME=home, USER=account, LOGNAME=account)
    return subprocess.run(line, cwd=home, env=env, capture_output=True, text=True)


def run(account, command, place):
    """One of the commands, with the exchange in the shared folder."""
    done = as_account(account, f"{command} --Exchange.root={place / 'exchange'}", place)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_class_edition_goes_to_a_learner_and_the_answer_comes_back(place):
    course, mine = place / INSTRUCTOR, place / LEARNER / "batchnorm" / f"{NAME}.ipynb"
    run(INSTRUCTOR, GENERATE, place)
    run(INSTRUCTOR, RELEASE, place)
    run(LEARNER, FETCH, place)
    handed_out = (course / "class" / mine.name).read_bytes()
    assert mine.read_bytes() == handed_out and b"Edition" in handed_out and b", class. " in handed_out

    answer = nbformat.writes(solved(NAME))
    mine.write_text(answer, encoding="utf-8")
    run(LEARNER, SUBMIT, place)
    assert as_account(LEARNER, f"ls {place / 'exchange' / 'batchnorm' / 'inbound'}", place).returncode != 0
    run(INSTRUCTOR, COLLECT, place)
    (learner,) = collect(course / "grading" / "submitted", load(course / "class"))
    assert learner.name == LEARNER and not learner.notes
    (found,) = learner.found
    assert found.notebook == NAME and found.entry.read().decode() == answer
