"""Tables for Moodle and Canvas: who is in them, and what is left open."""

import csv

from helpers.classroom import platforms
from helpers.classroom.platforms import Row

ROWS = [Row("Grace Hu_1042", 22.5, 109), Row("ada", 3, 109), Row("=cmd()_7", None, 109)]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_moodle_gets_numbers_and_an_empty_cell_for_what_is_open(tmp_path):
    platforms.moodle(tmp_path / "moodle.csv", ROWS)
    assert rows(tmp_path / "moodle.csv")[1:] == [
        ["Participant 1042", "Grace Hu", "22.5", "109"],
        ["Participant 7", "cmd()", "", "109"],
    ]


def test_canvas_gets_the_points_that_can_be_had(tmp_path):
    platforms.canvas(tmp_path / "canvas.csv", ROWS)
    head, most, *people = rows(tmp_path / "canvas.csv")
    assert head[:2] == ["Student", "ID"] and most[-1] == "109"
    expected = [("Grace Hu", "1042", "22.5"), ("cmd()", "7", "")]
    assert [(person[0], person[1], person[-1]) for person in people] == expected
