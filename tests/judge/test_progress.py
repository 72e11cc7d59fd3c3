"""Progress survives a restart, a broken file and a folder that cannot be written."""

import json

import pytest

from helpers.judge import progress
from helpers.widgets.board import Board, summary


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


def test_board_shows_points_minutes_and_what_is_next(file):
    progress.attempted("feature_statistics", {"mean": True, "variance": True})
    progress.attempted("batchnorm1d", {"train_mode": True, "eval_mode": True})
    progress.attempted("figure_3", {})
    board = Board()
    rows = {line.split()[1]: line for line in repr(board).splitlines()[1:]}
    assert "✓ 2 of 2" in rows["00"] and "◐ 4 of " in rows["02"] and "○ 0 of " in rows["01"]
    assert repr(board).startswith("6 of ") and "in notebook 01" in board.next
    page = board._repr_html_()
    assert '<a href="02_build_batchnorm1d.ipynb">02 · Build BatchNorm1d</a>' in page and "width:100%" in page


def test_summary_tells_points_mistakes_hints_and_the_way_on(file, capsys):
    progress.attempted("batchnorm1d", {"train_mode": True, "numbers": False}, ["you divide by N − 1."])
    progress.attempted("batchnorm1d", {"train_mode": True, "numbers": False}, ["you divide by N − 1."])
    progress.attempted("batchnorm1d", {"numbers": False}, counts=False)
    progress.next_hint("batchnorm1d", "numbers", 3)
    summary("02_build_batchnorm1d")
    told = capsys.readouterr().out
    assert told.startswith("○ 02 · Build BatchNorm1d: 2 of ") and "2 attempts, 1 hint, 0 minutes of " in told
    assert told.count("you met: you divide by N − 1.") == 1 and "→ next: " in told


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
