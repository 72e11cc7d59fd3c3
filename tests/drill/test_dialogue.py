"""The dialogue: the follow-up belongs to the first missing key point; four whole interviews."""

import tomllib
from pathlib import Path

import pytest

from helpers.drill import bank
from helpers.drill.dialogue import beats
from helpers.widgets.interview import Interview

TRANSCRIPTS = tomllib.loads(Path(__file__).with_name("transcripts.toml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr("helpers.drill.state._memory", {})


def test_there_are_six_beats_and_every_point_has_its_question():
    assert [b.asks.card.id for b in beats()] == ["deep-09", "bn-06", "bn-03", "deep-10", "deep-02", "deep-11"]
    for beat in beats():
        assert list(beat.missing) == [point.id for point in beat.asks.card.points]
        asked = [q.says for q in beat.missing.values()]
        assert len(set(asked)) == len(asked) and all(says.endswith("?") for says in asked)
        assert all(q.card.id != beat.asks.card.id for q in [*beat.missing.values(), beat.strong])


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_whole_interview(name):
    told = TRANSCRIPTS[name]
    interview = Interview()
    for beat, answer, follow in zip(beats(), told["answers"], told["follow"], strict=True):
        assert interview.box.card is beat.asks.card
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
        assert interview.box.score >= 0.5, beat.asks.card.id
        interview.move(1)
        interview.move(1)
        interview.move(1)
