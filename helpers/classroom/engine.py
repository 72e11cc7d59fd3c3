"""Dask distributed marks the notebooks; one writer, here, keeps the records.

A task is one notebook, known by its key, and its record depends on nothing else: one that runs twice does no harm, and
what a lost worker held goes elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any
from urllib.parse import urlsplit

from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed, get_worker

from helpers.grading.submission import NotJudged

from .marking import HandIn, Marker, Setting
from .record import ASIDE, Record, same_for_all

KILLS = 3
"""A notebook that ended so many workers is set aside."""
AHEAD = 2
"""So many notebooks for each thread of a worker are sent: one waits while another is marked."""
_RETRIES = 2
"""So many times a task that raised something is tried again."""
_LOOK = 2.0
"""Seconds after which the workers are counted again: a cluster grows and shrinks."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TURN = threading.Lock()
"""A worker of several threads has one marker, which marks one notebook at a time."""


@contextlib.contextmanager
def local(jobs: int) -> Iterator[Client]:
    """A client with ``jobs`` worker processes on this machine, reachable from it alone."""
    with _no_ctrl_c():
        cluster = LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address="127.0.0.1:0", silence_logs=50, memory_limit=0,
        )  # fmt: skip
    with cluster, Client(cluster) as client, _tidied(client):
        yield client


@contextlib.contextmanager
def _no_ctrl_c() -> Iterator[None]:
    """Threads and processes that start inside never get Ctrl-C, which a terminal sends to all; here it comes later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the first process would start it, which lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def existing(address: str) -> Iterator[Client]:
    """A client of a cluster that is there already.  Raises NotJudged where none answers, or others could listen."""
    where = urlsplit(address)
    if where.scheme != "tls" and where.hostname not in _LOOPBACK:
        raise NotJudged(
            f"{address} is reached over a network without encryption: start the scheduler with TLS and name it as "
            "tls://HOST:PORT, or grade where it runs."
        )
    try:
        client = Client(address, timeout=20)
    except (OSError, ValueError, TypeError, TimeoutError) as problem:
        raise NotJudged(f"No Dask scheduler answers at {address}: {problem}.") from None
    with client, _tidied(client):
        yield client


@contextlib.contextmanager
def _tidied(client: Client) -> Iterator[None]:
    """At the end the workers end the processes that wait for learners' code."""
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            client.run(_rest)


class Unlike(Exception):
    """A worker would not mark as the driver asks for, and why."""


def mark(setting: Setting, hand_in: HandIn, key: str) -> str:
    """The task: one record as JSON, by this worker's marker.  Raises Unlike where worker and driver differ."""
    with _TURN:
        if setting.key(hand_in) != key:
            raise Unlike(
                f"The worker {get_worker().address} has another release, Python, torch or NumPy than this machine; "
                "give it the same and start it again."
            )
        return _marker(setting).mark(hand_in).as_json()


def _marker(setting: Setting) -> Marker:
    """The marker of this worker; one for another setting takes its place."""
    worker: Any = get_worker()
    marker = getattr(worker, "classroom", None)
    if marker is None or marker.setting != setting:
        if marker is not None:
            marker.close()
        tempfile.tempdir = worker.local_directory  # Dask clears it, also after a worker that was killed
        worker.classroom = marker = Marker(setting)
    return marker


def _rest() -> None:
    """End the processes of this worker's marker."""
    worker: Any = get_worker()
    if marker := vars(worker).pop("classroom", None):
        marker.close()


def run(client: Client, setting: Setting, hand_ins: Iterator[HandIn]) -> Iterator[Record]:
    """The records of all hand-ins, in the order in which they are done; few are in memory at a time.

    Dask blames the end of a worker on everything that was sent to it, so what was is marked once more, alone, at the
    end: only what ended a worker then is set aside.
    """
    waiting: dict[str, HandIn] = {}
    suspects: deque[tuple[str, HandIn]] = deque()
    alone: set[str] = set()
    kills: Counter[str] = Counter()
    crew = _Crew(client)
    done = as_completed()

    def send(key: str, hand_in: HandIn) -> None:
        waiting[key] = hand_in
        name = ("mark", key, kills[key])  # Dask keeps statistics of each first part
        done.add(client.submit(mark, setting, hand_in, key, key=name, pure=False, retries=_RETRIES))

    def send_more() -> None:
        while len(waiting) < crew.threads() * AHEAD and (hand_in := next(hand_ins, None)):
            send(setting.key(hand_in), hand_in)
        if not waiting and suspects:
            key, hand_in = suspects.popleft()
            alone.add(key)
            send(key, hand_in)

    send_more()
    for future in done:
        _, key, _ = future.key
        hand_in = waiting.pop(key)
        record = None
        try:
            record = Record.from_json(future.result())
        except KilledWorker as end:
            kills[key] += end.allowed_failures + 1
            if key in alone and kills[key] >= KILLS:
                record = aside(setting, hand_in, f"it ended {kills[key]} workers; look at it by hand")
            else:
                suspects.append((key, hand_in))
        except Unlike as problem:
            raise NotJudged(str(problem)) from None
        except CancelledError:
            raise NotJudged("The scheduler was lost. The records are kept: the same command goes on.") from None
        except Exception as problem:
            record = aside(setting, hand_in, f"the grader failed on it: {type(problem).__name__}: {problem}")
        future.release()
        send_more()
        if record:
            yield record


class _Crew:
    """The workers of a client, counted now and then."""

    def __init__(self, client: Client):
        self._client, self._threads, self._counted = client, 1, -_LOOK

    def threads(self) -> int:
        """How many notebooks can be marked at a time; 1 where no worker is there yet."""
        if time.monotonic() - self._counted >= _LOOK:
            self._threads = max(1, sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._threads


def aside(setting: Setting, hand_in: HandIn, reason: str) -> Record:
    """The record of a notebook that could not be marked."""
    key = setting.key(hand_in)
    released = setting.notebooks[hand_in.released]
    scores = same_for_all(released.items, None, f"not judged: {reason}")
    return Record(
        hand_in.learner, hand_in.released, hand_in.file, key, ASIDE, f"{hand_in.file}: {reason}.", scores,
        release_sha256=released.digest,
    )  # fmt: skip


def quietly() -> contextlib.AbstractContextManager[None]:
    """Dask's own settings for this use; put them around everything that starts or uses a client."""
    import dask

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return dask.config.set(
        {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.admin.large-graph-warning-threshold": "1GB",
            "distributed.admin.low-level-log-length": 10,  # of messages, each with a notebook in it
            "distributed.worker.daemon": False,
            "distributed.worker.profile.enabled": False,
            "distributed.logging.distributed": "critical",
        }
    )
