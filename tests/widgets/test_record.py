"""The one small file: what is saved here is there after a load elsewhere, and nothing that was there is lost."""

import json

import pytest

from helpers.drill import state
from helpers.judge import progress
from helpers.widgets.board import Board
from helpers.widgets.record import FILE, Record, _texts, loaded, saved


@pytest.fixture
def computer(tmp_path, monkeypatch):
    """Move to a computer of this name, as it was left."""

    def move(name, in_memory=False):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BATCHNORM_PROGRESS", "" if in_memory else str(folder / "progress.json"))
        monkeypatch.setattr(progress, "_memory", {})
        monkeypatch.setattr(state, "_memory", {})
        return folder

    return move


def work():
    progress.attempted("feature_statistics", {"mean": True, "variance": False}, ["you divide by N − 1."])
    progress.next_hint("feature_statistics", "variance", 3)
    state.add("answer", "bn-03", known=True)


@pytest.mark.parametrize("in_memory", [False, True])
def test_what_was_saved_is_there_after_a_load(computer, in_memory):
    computer("one")
    work()
    text = saved()
    computer("two", in_memory)
    assert loaded(text) == "Exercises that are further on now: 1. New answers and ticks: 1."
    assert loaded(text) == "Exercises that are further on now: 0. New answers and ticks: 0."
    assert Board().headline.startswith("1 of ") and len(state.entries("answer")) == 1
    assert json.loads(saved()) == json.loads(text)


def test_two_records_of_one_exercise_add_up(computer):
    computer("one")
    work()
    text = saved()
    computer("two")
    progress.attempted("feature_statistics", {"variance": True}, ["you sum over the features."])
    progress.attempted("feature_statistics", {"variance": True})
    loaded(text)
    (entry,) = progress.load().values()
    assert entry["passed"] == ["mean", "variance"] and entry["attempts"] == 2 and entry["hints"] == {"variance": 1}
    assert entry["mistakes"] == ["you sum over the features.", "you divide by N − 1."]


def test_what_the_drill_alone_exports_is_read_too(computer):
    computer("one")
    state.add("answer", "bn-03", known=True)
    text = state.exported()
    computer("two")
    assert loaded(text) == "Exercises that are further on now: 0. New answers and ticks: 1."


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"entries": [], "progress": {"x": 1}}', '{"entries": 1}'])
def test_what_is_no_record_changes_nothing(computer, text):
    computer("one")
    work()
    before = saved()
    with pytest.raises(ValueError):
        loaded(text)
    assert saved() == before


def test_the_buttons(computer):
    folder = computer("one")
    work()
    one = Record()
    one.save()
    text = (folder / FILE).read_text(encoding="utf-8")
    assert f'download="{FILE}"' in one.links.value and "It also lies beside this notebook" in one.links.value
    assert json.loads(text) == json.loads(saved())
    computer("two")
    other = Record()
    other.take("nonsense")
    assert "This is no saved record" in other.said.value
    other.take(text)
    assert "further on now: 1." in other.said.value


def test_a_file_is_uploaded_in_both_versions_of_ipywidgets():
    content = "γ".encode()
    assert (
        _texts({"a.json": {"metadata": {}, "content": content}}) == _texts(({"content": memoryview(content)},)) == ["γ"]
    )
