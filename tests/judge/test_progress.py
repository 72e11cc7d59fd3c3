"""Progress survives a restart, a broken file and a folder that cannot be written."""

import json

import pytest

from helpers.judge import progress
from helpers.widgets.first_steps import Board


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "progress.json"
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(path))
    monkeypatch.setattr(progress, "_memory", {})
    return path


def test_attempts_and_passed_checks_are_kept(file):
    progress.attempted("batchnorm1d", {"train_mode": True, "numbers": False})
    progress.attempted("batchnorm1d", {"numbers": True})
    progress.attempted("batchnorm1d", {"affine": None})
    entry = json.loads(file.read_text())["batchnorm1d"]
    assert entry["attempts"] == 2 and entry["passed"] == ["numbers", "train_mode"]


def test_board_shows_them(file):
    progress.attempted("batchnorm1d", {"train_mode": True})
    progress.next_hint("batchnorm1d", "numbers", 3)
    board = Board()
    row = next(line for line in repr(board).splitlines() if " batchnorm1d  " in line)
    assert row.split() == ["02_build_batchnorm1d", "batchnorm1d", "◐", "1", "of", "6", "1", "1", "0"]
    assert "◐ 1 of 6" in board._repr_html_()


def test_long_pauses_are_not_counted(file, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "time", lambda: now[0])
    progress.attempted("x", {"a": False})
    now[0] += 60
    progress.attempted("x", {"a": False})
    now[0] += progress.LONGEST_GAP + 1
    progress.attempted("x", {"a": True})
    assert progress.load()["x"]["seconds"] == 60


@pytest.mark.parametrize("content", ["{broken", "[]", '{"batchnorm1d": 3}', '{"batchnorm1d": {"passed": 1}}'])
def test_a_broken_file_is_moved_aside(file, content, capsys):
    file.parent.mkdir()
    file.write_text(content)
    progress.attempted("x", {"a": True})
    assert "progress starts anew" in capsys.readouterr().out
    assert file.with_suffix(".json.broken").read_text() == content
    assert json.loads(file.read_text())["x"]["passed"] == ["a"]


def test_a_folder_that_cannot_be_written_keeps_progress_in_memory(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "file" / "progress.json"))
    monkeypatch.setattr(progress, "_memory", {})
    progress.attempted("x", {"a": True})
    progress.attempted("x", {"b": True})
    assert "not saved" in capsys.readouterr().out
    assert progress.load()["x"]["passed"] == ["a", "b"]


def test_memory_only(monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", "")
    monkeypatch.setattr(progress, "_memory", {})
    assert not progress.solution_confirmed("x")
    assert progress.solution_confirmed("x")
    assert progress.location() is None


def test_without_a_home_progress_is_in_memory_and_that_is_said_once(monkeypatch, capsys):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("BATCHNORM_PROGRESS", raising=False)
    monkeypatch.setattr(progress.Path, "home", homeless)
    progress._at_home.cache_clear()
    assert progress.location() is None and progress.location() is None
    assert capsys.readouterr().out.count("kept in memory") == 1
    progress._at_home.cache_clear()
