"""No answer is lost: two processes, a crash, a broken file, a folder that cannot be written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.drill import state

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "folder" / "progress.json"))
    monkeypatch.setattr(state, "_memory", {})
    return tmp_path / "folder" / "drill.json"


def restart(monkeypatch):
    monkeypatch.setattr(state, "_memory", {})


def test_answers_survive_a_restart_and_the_later_one_counts(file, monkeypatch):
    state.add("answer", "bn-01", at=100.0, known=True, text="γ")
    state.add("answer", "bn-01", at=300.0, known=False)
    state.add("answer", "bn-01", at=200.0, known=True)
    state.add("tick", "bn-02", at=1.0, done=True)
    restart(monkeypatch)
    assert state.latest("answer")["bn-01"]["at"] == 300.0
    assert [e["at"] for e in state.entries("answer", "bn-01")] == [100.0, 200.0, 300.0]
    assert [known for _, known in state.answers()["bn-01"]] == [True, True, False]
    assert state.entries("answer")[0]["text"] == "γ" and len(state.entries()) == 4


def test_where_it_is_kept(file, monkeypatch):
    assert state.location() == file
    monkeypatch.setenv("BATCHNORM_PROGRESS", "")
    assert state.location() is None
    state.add("answer", "bn-01", known=True)
    assert len(state.entries()) == 1 and not file.exists()
    monkeypatch.delenv("BATCHNORM_PROGRESS")
    monkeypatch.setenv("HOME", str(file.parent))
    assert state.location() == file.parent / ".batchnorm_course" / "drill.json"
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(file))
    assert state.location() != file, "progress itself is kept there"


def test_processes_at_once_lose_nothing(file):
    code = "from helpers.drill import state\nfor i in range(25): state.add('answer', f'bn-{i}', known=True, who={!r})"
    running = [
        subprocess.Popen([sys.executable, "-c", code.replace("{!r}", repr(who))], cwd=ROOT, env=dict(os.environ))
        for who in "abc"
    ]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    who = [e["who"] for e in state.entries()]
    assert {w: who.count(w) for w in "abc"} == {"a": 25, "b": 25, "c": 25}


def test_a_write_that_is_cut_off_leaves_the_old_file_whole(file, monkeypatch):
    state.add("answer", "bn-01", known=True)
    before = file.read_bytes()

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(state.os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        state.add("answer", "bn-02", known=True)
    assert file.read_bytes() == before
    monkeypatch.undo()
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(file.with_name("progress.json")))
    state.add("answer", "bn-03", known=True)
    assert {e["about"] for e in state.entries()} >= {"bn-01", "bn-03"}
    assert sorted(p.name for p in file.parent.iterdir()) == ["drill.json", "drill.json.lock"]


@pytest.mark.parametrize("content", ["{broken", "[]", '{"entries": [3]}', '{"entries": [{"key": "a"}]}', ""])
def test_a_broken_file_is_moved_aside_when_something_is_added(file, content, capsys):
    file.parent.mkdir()
    file.write_text(content)
    file.with_suffix(".json.broken").write_text("an earlier one")
    assert state.entries() == [] and file.read_text() == content
    state.add("answer", "bn-01", known=True)
    assert "starts anew" in capsys.readouterr().out
    assert file.with_suffix(".json.broken1").read_text() == content
    assert file.with_suffix(".json.broken").read_text() == "an earlier one"
    assert [e["about"] for e in state.entries()] == ["bn-01"]


def test_where_nothing_can_be_written_it_stays_in_memory(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "file" / "progress.json"))
    monkeypatch.setattr(state, "_memory", {})
    state.add("answer", "bn-01", known=True)
    state.add("answer", "bn-02", known=True)
    assert "not saved" in capsys.readouterr().out and len(state.entries()) == 2
    (tmp_path / "file").unlink()
    state.add("answer", "bn-03", known=True)
    restart(monkeypatch)
    assert len(state.entries()) == 3, "what could not be saved before is saved now"


def test_export_and_import_add_up(file, monkeypatch):
    state.add("answer", "bn-01", known=True)
    text = state.exported()
    assert json.loads(text)["entries"][0]["about"] == "bn-01"
    assert state.imported(text) == 0
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(file.with_name("other") / "progress.json"))
    restart(monkeypatch)
    state.add("answer", "bn-02", known=True)
    assert state.imported(text) == 1 and state.imported(text) == 0
    restart(monkeypatch)
    assert {e["about"] for e in state.entries()} == {"bn-01", "bn-02"}
    for wrong in ("", "[]", "{}", '{"entries": [1]}'):
        with pytest.raises(ValueError):
            state.imported(wrong)


def test_what_json_cannot_hold_is_refused(file):
    for wrong in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            state.add("answer", "bn-01", text=wrong)
    assert state.entries() == []
