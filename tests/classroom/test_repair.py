"""What went wrong with a notebook on its way is mended where a careful human could, and said where none could."""

import re

import nbformat
import pytest

from helpers.classroom import assignment, repair
from helpers.grading.submission import parsed, plain
from tests.classroom import corpus

BODY = re.sub(r"\s+", "", corpus.text(corpus.answer(corpus.solved())).partition('"""\n')[2])
PACKAGE = "a package that is not there"
WHOLE = [name for name, (points, _, _) in corpus.HONEST.items() if points == 2 and name != "helper in an own cell"]
UNREADABLE = [name for name, (points, _, _) in corpus.HONEST.items() if points is None and name != PACKAGE]


@pytest.fixture(scope="module")
def released():
    return assignment.load(corpus.ROOT / "notebooks")[corpus.NAME]


def mended(name, released):
    """The repaired notebook, and what had to be mended to read it."""
    cells, told = repair.read(corpus.HONEST[name][2]())
    return repair.repair(cells, released), told


@pytest.mark.parametrize("name", WHOLE)
def test_a_right_answer_is_found_whole(name, released):
    made, told = mended(name, released)
    cells = [made.answers[entry] if isinstance(entry, str) else made.others[entry] for entry in made.order]
    assert any(BODY in re.sub(r"\s+", "", cell) and parsed(plain(cell)) is not None for cell in cells)
    assert re.search(corpus.HONEST[name][1], " ".join([*told, *made.repairs]), re.IGNORECASE)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_is_said_in_a_sentence(name, released):
    with pytest.raises(repair.Unreadable) as raised:
        mended(name, released)
    assert re.search(corpus.HONEST[name][1], str(raised.value), re.IGNORECASE)
    assert len(str(raised.value)) < 400


def test_what_was_not_answered_stays_so(released):
    for name, (points, _, _) in corpus.HONEST.items():
        if points == 0 and name != "zero byte in the answer":
            made, _ = mended(name, released)
            found = [cell for cell in made.answers.values() if BODY in re.sub(r"\s+", "", cell)]
            assert not any(corpus.ANSWER in repair._defined(plain(cell)) and parsed(plain(cell)) for cell in found), (
                name
            )


def test_both_halves_of_a_written_answer_are_kept(released):
    about = {"nbgrader": {"grade_id": "why", "solution": True, "grade": True}}
    stub, first, second = (
        nbformat.v4.new_markdown_cell(text, metadata=about)
        for text in ("_Your answer._", "Because of one.", "And two.")
    )
    handed_out = assignment.Released("00", nbformat.v4.new_notebook(cells=[stub]), (), ("why",), "")
    assert repair.repair([first, second], handed_out).answers == {"why": "Because of one.\nAnd two."}
