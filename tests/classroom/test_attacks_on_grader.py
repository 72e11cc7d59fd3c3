"""Hand-ins that mean harm earn no point for it, change nothing outside, leave no process, and stop nobody else.

The worker's audit hook is taken away first, so that namespaces, Landlock and the limits hold alone.
"""

import contextlib
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from helpers.classroom import feedback
from helpers.classroom.marking import HandIn, Marker, Setting
from helpers.classroom.record import Record
from helpers.grading import isolation
from helpers.grading.sandbox import Limits
from tests.classroom import corpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has the limits")

LEFT = f"left{os.getpid()}"
LIMITS = Limits(seconds=1.5, patience=6.0, memory=1 << 30)
HARMLESS = [*corpus.QUIET, *corpus.CALLS]
SHOWN = [
    *("half", "untouched", "a package that is not there", "helper in an own cell", "magic in the answer", "from Colab"),
    *("own cell that loops", "own cell changes the dtype", "half a character, escaped", "syntax error in the answer"),
    "split inside the function",
]
INSIDE = [
    "writes outside",
    "network",
    "environment",
    "secret files",
    "ptrace",
    "daemon by double fork",
    "loops in a fork",
]
"""Attacks on what bubblewrap adds to the limits of each run."""


@pytest.fixture(scope="module")
def marker():
    with Marker(Setting(str(corpus.ROOT / "notebooks"), 4242, LIMITS, jail=False)) as made:
        if "processes" not in made._sandbox.isolation():
            pytest.skip("not run: this kernel gives no namespaces to this user")
        yield made


@pytest.fixture(scope="module")
def jailed():
    if why := isolation.missing():
        pytest.skip(f"not run: {why}")
    with Marker(Setting(str(corpus.ROOT / "notebooks"), 4242, LIMITS, jail=True)) as made:
        yield made


@pytest.fixture
def outside(tmp_path_factory, monkeypatch):
    """A folder with a file and a listening socket in it, and a port; all must stay as they are."""
    monkeypatch.setenv("SECRET_OF_THE_GRADER", "1")
    folder = tmp_path_factory.mktemp("o", numbered=True)
    (folder / "kept").write_text("as it was", encoding="ascii")
    with Listener(folder / "socket") as port:
        yield folder, port
    assert sorted(path.name for path in folder.iterdir()) == ["kept", "socket"]
    assert (folder / "kept").read_text(encoding="ascii") == "as it was"
    assert (folder / "kept").stat().st_mode & 0o777 != 0o777
    for place in ("/dev/shm", "/var/tmp", "/tmp", os.path.expanduser("~")):
        assert not os.path.exists(f"{place}/{LEFT}")
    assert not list(survivors())


class Listener:
    """Nobody may come to these sockets."""

    def __init__(self, path):
        self._sockets = [socket.socket(), socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)]
        self._path = str(path)

    def __enter__(self):
        tcp, udp, unix = self._sockets
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        unix.bind(self._path)
        tcp.listen()
        unix.listen()
        return tcp.getsockname()[1]

    def __exit__(self, *_):
        for one in self._sockets:
            one.setblocking(False)
            with one, pytest.raises(BlockingIOError):
                one.recv(1) if one.type == socket.SOCK_DGRAM else one.accept()


def survivors():
    """Processes that carry the name; they are ended."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            place = Path("/proc", process)
            if LEFT in place.joinpath("comm").read_text() or LEFT.encode() in place.joinpath("cmdline").read_bytes():
                os.kill(int(process), signal.SIGKILL)
                yield process


def marked(marker, data):
    """The record, which can be stored, sent and shown; and its points."""
    record = marker.mark(HandIn("ada", corpus.NAME, f"{corpus.NAME}.ipynb", data))
    assert Record.from_json(record.as_json().encode().decode()) == record
    page = feedback.page("ada", [record], [], marker.setting.notebooks).encode().decode()
    assert "<script>alert" not in page and "<script>window.HOSTILE" not in page
    scores = record.scores.values()
    assert all(score.why for score in scores if not score.points)
    return record, [score.points for score in scores]


def is_harmless(marker, name, outside):
    folder, port = outside
    record, points = marked(marker, corpus.attack(name, folder, LEFT, port, disarm=True))
    assert (points[0] or 0) <= 1 and not points[1]
    said = " ".join(score.why for score in record.scores.values())
    assert "LEAKED" not in said
    if name in corpus.STOPS:
        assert re.search(corpus.STOPS[name][1], said)
        assert marked(marker, corpus.as_bytes(corpus.solved()))[1] == [1.0, 1.0]


@pytest.mark.parametrize("name", [*HARMLESS, *corpus.STOPS])
def test_an_attack_earns_no_more_than_its_honest_half(marker, name, outside):
    is_harmless(marker, name, outside)


@pytest.mark.parametrize("name", INSIDE)
def test_nor_does_it_inside_bubblewrap(jailed, name, outside):
    is_harmless(jailed, name, outside)


def test_a_right_hand_in_after_all_of_them_is_right(marker):
    assert marked(marker, corpus.as_bytes(corpus.solved()))[1] == [1.0, 1.0]


def test_a_worker_that_was_ended_is_replaced(marker):
    marker._sandbox._worker._process.kill()
    marker._sandbox._worker._process.wait()
    assert marked(marker, corpus.as_bytes(corpus.solved()))[1] == [1.0, 1.0]


@pytest.mark.parametrize("name", SHOWN)
def test_honest_hand_ins_get_what_a_fair_human_gives(marker, name):
    points, word, make = corpus.HONEST[name]
    record, got = marked(marker, make())
    assert points == (None if None in got else sum(got))
    assert re.search(word, record.as_json(), re.IGNORECASE)


def test_replayed_values_do_not_pass(marker):
    """What the released probes see, sent for whatever is fed: the seeds are others."""
    (exercise,) = marker.setting.notebooks[corpus.NAME].exercises
    right = exercise.record.right
    code = (
        f"import torch\ndef feature_statistics(x):\n    return {', '.join(_tensor(right[k]) for k in sorted(right))}\n"
    )
    assert marked(marker, corpus.with_answer(code))[1] == [0.0, 0.0]


def _tensor(values):
    return f"torch.tensor({values.tolist()})"
