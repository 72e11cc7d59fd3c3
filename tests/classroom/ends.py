"""A task in place of :func:`helpers.classroom.engine.mark` that needs no torch: its worker is soon there again."""

import dataclasses
import os
import signal
import types

from helpers.classroom.record import JUDGED, Record

ENDS = "eve"


@dataclasses.dataclass(frozen=True)
class HandIn:
    """One of nothing."""

    learner: str
    released: str = "00"
    file: str = "00.ipynb"


class Setting:
    """One notebook with one item, and a key of its own for every learner."""

    @property
    def notebooks(self):
        item = types.SimpleNamespace(id="cell", points=2.0)
        return {"00": types.SimpleNamespace(items=[item], digest="")}

    def key(self, hand_in):
        return hand_in.learner


def mark(setting, hand_in, key):
    """Marks everybody's; that of ENDS ends the process."""
    if hand_in.learner == ENDS:
        os.kill(os.getpid(), signal.SIGKILL)
    return Record(hand_in.learner, hand_in.released, hand_in.file, key, JUDGED).as_json()
