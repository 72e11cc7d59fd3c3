"""Dask distributed marks the notebooks; one writer, here, keeps the records.

A task is one notebook, known by its key, and its record depends on nothing else: one that runs twice does no harm, and
what a lost worker held goes elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from distributed import Client, KilledWorker, LocalCluster, as_completed, get_worker

from .marking import HandIn, Marker, Setting
from .record import ASIDE, Record, Score

KILLS = 3
"""A notebook that ended so many workers is set aside."""
AHEAD = 4
"""So many notebooks a worker wait beside the one that it marks."""


def local(jobs: int) -> Client:
    """A client with ``jobs`` worker processes on this machine, reachable from it alone."""
    cluster = LocalCluster(
        n_workers=jobs, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
        silence_logs=50, memory_limit=0,
    )  # fmt: skip
    return Client(cluster)


def mark(setting: Setting, hand_in: HandIn) -> str:
    """The task: one record as JSON, by this worker's marker."""
    return _marker(setting).mark(hand_in).as_json()


def _marker(setting: Setting) -> Marker:
    """The marker of this worker; one for another setting takes its place."""
    worker: Any = get_worker()
    marker = getattr(worker, "classroom", None)
    if marker is None or marker.setting != setting:
        if marker is not None:
            marker.close()
        worker.classroom = marker = Marker(setting)
    return marker


def run(client: Client, setting: Setting, hand_ins: Iterator[HandIn]) -> Iterator[Record]:
    """The records of all hand-ins, in the order in which they are done; few are in memory at a time."""
    waiting: dict[str, HandIn] = {}
    workers = max(1, len(client.scheduler_info()["workers"]))
    done = as_completed()

    def send() -> bool:
        hand_in = next(hand_ins, None)
        if hand_in is not None:
            key = setting.key(hand_in)
            waiting[key] = hand_in
            done.add(client.submit(mark, setting, hand_in, key=key, pure=False, retries=KILLS))
        return hand_in is not None

    for _ in range(workers * AHEAD):
        if not send():
            break
    for future in done:
        hand_in = waiting.pop(future.key)
        try:
            yield Record.from_json(future.result())
        except KilledWorker:
            yield aside(setting, hand_in, f"it ended {KILLS} workers; look at it by hand")
        except Exception as problem:
            yield aside(setting, hand_in, f"the grader failed on it: {type(problem).__name__}: {problem}")
        future.release()
        send()


def aside(setting: Setting, hand_in: HandIn, reason: str) -> Record:
    """The record of a notebook that could not be marked."""
    key = setting.key(hand_in)
    released = setting.notebooks[hand_in.released]
    scores = {item.id: Score(None, item.points, f"not judged: {reason}") for item in released.items}
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
            "distributed.scheduler.allowed-failures": KILLS - 1,
            "distributed.worker.daemon": False,
            "distributed.worker.profile.enabled": False,
            "distributed.logging.distributed": "critical",
        }
    )
