"""Every suspect is killed, every check is needed, every explanation is the suspect itself; the page says so."""

from pathlib import Path

import pytest

from helpers.editions.kill_matrix import Matrix, Row, kill_matrix, main, markdown, problems
from helpers.exercises.answers.batchnorm1d import ALIKE, STAYS
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.compare import agree

PAGE = Path(__file__).parents[2] / "docs" / "kill_matrix.md"


@pytest.fixture(scope="module")
def made():
    return kill_matrix(batchnorm1d_exercise)


def test_nothing_is_wrong_with_it(made):
    assert problems(made, STAYS, ALIKE) == []


def test_there_are_at_least_eighty_suspects_single_and_combined(made):
    singles = [row for row in made.rows if "+" not in row.suspect.id]
    assert len(singles) >= 80 and len(made.rows) - len(singles) >= 10


def test_every_suspect_shows_its_own_quantity_and_speaks_in_a_sentence(made):
    a = batchnorm1d_exercise.record
    for row in made.rows:
        seen, suspect = a.lineup[row.suspect.id], row.suspect
        assert suspect.title.endswith("."), suspect.id
        assert suspect.shows == "" or not agree(seen.get(suspect.shows), a.right.get(suspect.shows)), suspect.id


def test_page_is_up_to_date(made):
    assert PAGE.read_text(encoding="utf-8") == markdown(made, STAYS)


def test_problems_are_told(made):
    first, second = made.rows[:2]
    check = made.checks[0]
    passes = Row(first.suspect, frozenset(), (first.suspect.id,))
    misread = Row(second.suspect, frozenset({check.id}), (first.suspect.id,))
    found = problems(Matrix(((check,),), (passes, misread)), {}, ())
    assert found == [
        f"{first.suspect.id} passes every check.",
        f"{second.suspect.id} is explained as {first.suspect.id}.",
    ]
    alone = problems(Matrix(((check,),), (misread,)), {check.id: "habit"}, ({first.suspect.id, second.suspect.id},))
    assert len(alone) == 2 and "needs no other reason" in alone[1]
    idle = problems(Matrix(((check,),), ()), {}, ())
    assert idle == [f"The check {check.id} kills nothing alone, and nothing says why it stays."]


def test_command_writes_the_page(tmp_path, capsys):
    target = tmp_path / "docs" / "page.md"
    assert main(["--write", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
    assert capsys.readouterr() == ("", "")
