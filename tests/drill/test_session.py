"""The drill's clock: blocks, pauses and restarts, as events with their own time."""

import re

import pytest

from helpers.drill import session, state
from helpers.drill.session import BLOCKS, FINISHED
from tests.notebook import ROOT

ANNOUNCED = r"\*Exercise, \w+, (\d+) minutes(?:, and (\d+) for your notes)?; in the short drill (\d+)"
REST = r"The rest of the block's time is [^:]+: (\d+) minutes, or (\d+)\."
"""How notebook 11 says how long a block is."""


@pytest.fixture(autouse=True)
def clock(tmp_path, monkeypatch):
    """A record of its own, and a time that only the test moves."""
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr("helpers.drill.state._memory", {})
    now = [1_800_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


def test_blocks_come_one_after_another_and_time_is_counted_for_each(clock):
    drill = session.begin()
    for minutes, block in ((14, 0), (6, 1), (20, 2), (10, 3)):
        assert drill.block == block and drill.left(clock[0]) == drill.planned(block)
        clock[0] += 60 * minutes
        drill = session.note(drill, "done", block=block)
    assert drill.finished and drill.block == FINISHED and drill.deadline(clock[0]) is None
    assert [seconds / 60 for seconds in drill.spent] == [14, 6, 20, 10]


def test_a_pause_moves_the_deadline_and_does_not_count(clock):
    drill = session.begin()
    first = drill.deadline(clock[0])
    clock[0] += 60
    drill = session.note(drill, "pause")
    clock[0] += 3600
    assert drill.deadline(clock[0]) is None and drill.used(0, clock[0]) == 60
    drill = session.note(drill, "resume")
    assert drill.deadline(clock[0]) == first + 3600


def test_the_clock_goes_on_without_a_kernel_and_the_gap_can_be_taken_back(clock, monkeypatch):
    drill = session.begin()
    clock[0] += 2 * 3600
    monkeypatch.setattr("helpers.drill.state._memory", {})  # another process
    again = session.current()
    assert again.id == drill.id and again.left(clock[0]) == 15 * 60 - 2 * 3600
    gap = session.away(again, clock[0])
    assert gap == 2 * 3600
    again = session.note(again, "away", seconds=gap)
    assert again.used(0, clock[0]) == 0 and session.away(again, clock[0]) == 0


def test_an_event_that_comes_twice_counts_once(clock):
    drill = session.begin()
    clock[0] += 60
    session.note(drill, "done", block=0)
    drill = session.note(drill, "done", block=0)  # another notebook, a moment later
    assert drill.block == 1
    drill = session.note(drill, "resume")
    assert drill.running and drill.used(1, clock[0]) == 0


def test_the_short_drill_takes_twenty_minutes_and_the_long_one_sixty(clock):
    short, long = session.begin(short=True), session.begin()
    assert sum(map(short.planned, range(4))) == 20 * 60 and sum(map(long.planned, range(4))) == 60 * 60


def test_the_notebook_announces_the_minutes_of_both_drills():
    text = (ROOT / "solutions" / "11_mock_interview.py").read_text(encoding="utf-8").replace("\n# ", " ")
    long, short = ([f"{getattr(block, kind):g}" for block in BLOCKS] for kind in ("long", "short"))
    for minutes in (long, short):
        assert f"{', '.join(minutes[:3])} and {minutes[3]}" in text
    for block, section in zip(BLOCKS, re.split(r"## Block \d", text)[1:], strict=True):
        first, rest = re.search(ANNOUNCED, section), re.search(REST, section)
        announced = [int(first[1]) + int(first[2] or 0), int(first[3])]
        if rest:
            announced = [announced[0] + int(rest[1]), announced[1] + int(rest[2])]
        assert announced == [block.long, block.short], block.id


def test_speed_makes_a_drill_of_six_minutes(clock):
    drill = session.begin(speed=10)
    clock[0] += 60
    assert drill.used(0, clock[0]) == 600 and drill.deadline(clock[0]) == clock[0] + 30


def test_what_is_not_of_a_drill_is_ignored():
    state.add("drill", "2026-01-01 00:00:00", what="pause")
    assert session.current() is None
