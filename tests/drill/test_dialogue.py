"""The dialogue: the follow-up belongs to the first missing key point; four whole interviews."""

import tomllib
from pathlib import Path

import pytest

from helpers.drill import bank, report
from helpers.drill.dialogue import beats
from helpers.widgets import drill_room
from helpers.widgets.interview import Interview

TRANSCRIPTS = tomllib.loads(Path(__file__).with_name("transcripts.toml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr("helpers.drill.state._memory", {})


def test_there_are_six_beats_and_every_point_has_its_question():
    assert [b.asks.id for b in beats()] == ["deep-09", "bn-06", "bn-03", "deep-10", "deep-02", "deep-11"]
    for beat in beats():
        assert list(beat.missing) == [point.id for point in beat.asks.points]
        asked = [card.question for card in beat.missing.values()]
        assert len(set(asked)) == len(asked) and all(says.endswith("?") for says in asked)
        assert all(card.points and card.id != beat.asks.id for card in [*beat.missing.values(), beat.strong])


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_whole_interview(name):
    told = TRANSCRIPTS[name]
    interview = Interview()
    for beat, answer, follow in zip(beats(), told["answers"], told["follow"], strict=True):
        assert interview.box.card is beat.asks
        said = list(interview.box.card.points) if answer == "all" else []
        interview.box.kept.area.value = " ".join(point.fact for point in said)
        interview.move(1)
        assert interview.box.opened and interview.step % 2 == 0, "the points open before the interview goes on"
        for id, tick in interview.box.ticks.items():
            tick.value = answer == "all" or id in answer
        interview.move(1)
        assert interview.box.card.id == follow
        again = Interview()
        assert (again.step, again.box.card.id) == (interview.step, follow), "a restarted kernel asks the same"
        interview.move(1)
        interview.move(1)
    assert "last question" in interview.said.value


def test_a_model_answer_leads_deeper_for_most_beats():
    """The matcher finds the points of a model answer, so its ticks need few corrections."""
    for beat in beats():
        interview = Interview()
        interview.box.kept.area.value = bank.load()[interview.box.card.id].answer
        interview.box.open()
        assert interview.box.score >= 0.5, beat.asks.id
        interview.move(1)
        interview.move(1)
        interview.move(1)


def test_a_dialogue_from_before_the_drill_goes_on_in_it(monkeypatch):
    monkeypatch.setattr(drill_room, "_room", None)
    room, interview = drill_room.room(), Interview()
    interview.box.kept.area.value = "Each channel is standardized over the batch, then scaled and shifted."
    interview.move(1)
    interview.move(1)
    interview.box.kept.area.value = "half an ans"
    room.begin(True)
    assert interview.run == room.session.id and interview.step == 1
    assert interview.box.kept.text == "half an ans" and not interview.box.opened
    (asked,) = report.report().asked
    assert asked.card.id == "deep-09" and asked.score > 0
    interview.box.open()
    assert len(report.report().asked) == 2
    for _ in range(4):
        room.done()
    assert interview.step == 1
    room.begin(True)
    assert interview.step == 0 and report.report().asked == ()


def test_a_follow_up_scores_only_what_it_asks():
    interview = Interview()
    interview.box.open()
    for id, tick in interview.box.ticks.items():
        tick.value = id != "mild-noise"
    interview.move(1)
    interview.box.open()
    assert list(interview.box.ticks) == ["sampling-noise", "weakens-with-size"]
    assert interview.box.card.question in interview.box.question.value
