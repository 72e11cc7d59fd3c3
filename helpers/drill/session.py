"""The drill's clock: four blocks one after another, kept as events, so that it survives whatever happens to a kernel.

Every event has its own time; what a block has used is computed from them.  While the clock runs a block has a deadline
as a time of day.  Events that come twice (two notebooks on one record) count once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from . import state

KIND = "drill"
AWAY = 10 * 60
"""Seconds without a sign of the learner after which the clock asks whether they count."""


@dataclass(frozen=True)
class Block:
    """One block and its minutes in the long and in the short drill."""

    id: str
    title: str
    long: float
    short: float


BLOCKS = (
    Block("read", "Read", 15, 5),
    Block("explain", "Explain aloud", 5, 3),
    Block("implement", "Implement", 30, 8),
    Block("check", "Check", 10, 4),
)
FINISHED = len(BLOCKS)


@dataclass
class Session:
    """One drill as its events tell it.  ``block``: the open block's number, or 4 when all are done."""

    id: str
    started: float
    short: bool = False
    speed: float = 1.0
    block: int = 0
    paused: bool = False
    last: float = 0.0
    spent: list[float] = field(default_factory=lambda: [0.0] * len(BLOCKS))
    opened: list[float | None] = field(default_factory=lambda: [None] * len(BLOCKS))
    _since: float = 0.0

    @property
    def finished(self) -> bool:
        """Are all blocks done?"""
        return self.block == FINISHED

    @property
    def running(self) -> bool:
        """Does time count?"""
        return not self.finished and not self.paused

    def planned(self, block: int) -> float:
        """Seconds that a block should take."""
        return 60 * (BLOCKS[block].short if self.short else BLOCKS[block].long)

    def used(self, block: int, now: float) -> float:
        """Seconds that a block has used up to ``now``."""
        going = self.running and block == self.block
        return self.spent[block] + (self.speed * max(now - self._since, 0.0) if going else 0.0)

    def left(self, now: float) -> float:
        """Seconds that the open block still has; below 0 in overtime."""
        return 0.0 if self.finished else self.planned(self.block) - self.used(self.block, now)

    def deadline(self, now: float) -> float | None:
        """When the open block should end, in seconds since 1970; None while nothing runs."""
        return now + self.left(now) / self.speed if self.running else None

    def happened(self, what: str, at: float, **rest: object) -> None:
        """Take one event into account."""
        at = max(at, self.last)
        if what == "done" and rest.get("block") == self.block:
            self._stop(at)
            self.block, self.paused = self.block + 1, False
            self._go(at)
        elif what == "pause" and self.running:
            self._stop(at)
            self.paused = True
        elif what == "resume" and self.paused:
            self.paused = False
            self._go(at)
        elif what == "away" and not self.finished:
            seconds = rest.get("seconds", 0.0)
            taken = self.speed * seconds if isinstance(seconds, (int, float)) else 0.0
            self.spent[self.block] -= min(taken, self.used(self.block, at))
        self.last = at

    def _go(self, at: float) -> None:
        self._since = at
        if not self.finished and self.opened[self.block] is None:
            self.opened[self.block] = at

    def _stop(self, at: float) -> None:
        self.spent[self.block] = self.used(self.block, at)


def sessions() -> list[Session]:
    """All drills of the record, from the oldest on."""
    found: dict[str, list[state.Entry]] = {}
    for entry in state.entries(KIND):
        found.setdefault(entry["about"], []).append(entry)
    made = [_session(id, entries) for id, entries in found.items()]
    return sorted((one for one in made if one is not None), key=lambda one: one.started)


def current() -> Session | None:
    """The drill that was begun last, finished or not."""
    every = sessions()
    return every[-1] if every else None


def begin(short: bool = False, speed: float = 1.0) -> Session:
    """Begin a drill now.  ``speed``: drill seconds in a second, for tests."""
    now = time.time()
    id = datetime.fromtimestamp(now).isoformat(" ", "milliseconds")
    entry = state.add(KIND, id, at=now, what="begin", short=short, speed=speed)
    made = _session(id, [entry])
    assert made is not None
    return made


def note(session: Session, what: str, **rest: int | float) -> Session:
    """Note an event of a drill now ("done", "pause", "resume", "away"); the drill as it stands then."""
    state.add(KIND, session.id, None, what=what, **rest)
    return _session(session.id, state.entries(KIND, session.id)) or session


def away(session: Session, now: float) -> float:
    """Seconds since the last sign of the learner, where they are many and the clock ran; else 0."""
    entries = state.entries()
    last = max((entry["at"] for entry in entries), default=now)
    gap = now - last
    return gap if session.running and gap > AWAY / session.speed else 0.0


def _session(id: str, entries: Iterable[state.Entry]) -> Session | None:
    made: Session | None = None
    for entry in entries:
        if entry.get("what") == "begin":
            if made is None:
                at = float(entry["at"])
                made = Session(id, at, bool(entry.get("short")), float(entry.get("speed", 1.0)), last=at)
                made._go(at)
        elif made is not None:
            rest = {k: v for k, v in entry.items() if k in ("block", "seconds")}
            made.happened(str(entry.get("what")), float(entry["at"]), **rest)
    return made
