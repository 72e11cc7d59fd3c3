"""The deck and the drill's blocks, without a front end: what is typed, ticked and answered is kept."""

import ast
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from helpers.drill import bank, session, state
from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.widgets import answer_box, drill_room
from helpers.widgets.answer_box import AnswerBox, heard
from helpers.widgets.deck import Deck, Review
from helpers.widgets.drill_clock import clock
from helpers.widgets.drill_report import Rubric
from helpers.widgets.drill_room import Room, judge
from helpers.widgets.record import Record


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr("helpers.drill.state._memory", {})
    monkeypatch.setattr(drill_room, "_room", None)


def forget(monkeypatch):
    """As after a restart: only the file is left."""
    monkeypatch.setattr("helpers.drill.state._memory", {})


def test_filters_and_selections():
    deck = Deck()
    assert len(deck.cards) == 100
    deck.topic.value = "bn"
    assert [c.topic for c in deck.cards] == ["bn"] * 15
    deck.chip.value = "hard"
    assert [c.id for c in deck.cards] == ["bn-10", "bn-13", "bn-14"]
    deck.topic.value = deck.chip.value = ""
    for name, count in (("batch-norm-15", 15), ("five-topics-75", 75), ("quick-review", 20)):
        deck.deck.value = name
        assert len(deck.cards) == count
    deck.deck.value, deck.choice.value = "", "due"
    assert deck.card is None and "No card is left" in deck.where.value


def test_a_covered_card_is_opened_before_it_is_answered_and_comes_back_when_due():
    deck = Deck()
    first = deck.card
    deck.answered(True)
    assert deck.card is first and deck.box.opened
    deck.answered(True)
    assert deck.card is not first and len(deck.cards) == 99
    deck.answered(False)
    deck.answered(False)
    tomorrow = Deck(date.today() + timedelta(1))
    tomorrow.choice.value = "due"
    assert [c.id for c in tomorrow.cards] == ["bn-02", "bn-01"]
    tomorrow.choice.value = "weak"
    assert [c.id for c in tomorrow.cards] == ["bn-02"]
    assert "1 known" in tomorrow.chart.value and "1 not yet" in tomorrow.chart.value


def test_what_is_written_and_ticked_survives_a_restart(monkeypatch):
    box = AnswerBox(bank.load()["bn-03"], "here")
    box.kept.area.value = "In evaluation the layer reads its running averages only."
    box.open()
    assert box.ticks["eval-buffers"].value and not box.ticks["train-refreshes"].value
    box.ticks["train-refreshes"].value = True
    forget(monkeypatch)
    again = AnswerBox(bank.load()["bn-03"], "here")
    assert again.kept.text == box.kept.text and again.opened
    assert again.ticks["train-refreshes"].value and again.score == box.score
    assert "mark" in again._findings.value
    assert not AnswerBox(bank.load()["bn-03"], "elsewhere").opened


def test_the_first_key_readies_the_matcher(monkeypatch):
    read = []
    monkeypatch.setattr(answer_box, "feedback", lambda card, text: read.append((card.id, text)))
    box = AnswerBox(bank.load()["bn-03"], "here")
    assert read == []
    box.kept.area.value = "I"
    box.kept.area.value = "In"
    assert read == [("bn-03", "")]


def test_text_that_comes_after_the_click_is_read_unless_a_tick_was_changed():
    box = AnswerBox(bank.load()["bn-03"], "here")
    said = "In evaluation the layer reads its running averages only."
    box.kept.area.value = said[0]
    box.open()
    box.kept.area.value = said
    assert box.ticks["eval-buffers"].value and "mark" in box._findings.value
    assert state.latest("ticks")["here"]["points"]["eval-buffers"]
    box.open()
    box.ticks["eval-buffers"].value = False
    box.kept.area.value = f"{said} Always."
    assert not box.ticks["eval-buffers"].value


def test_a_card_opens_within_50_ms():
    deck = Deck()
    times = []
    for _ in range(20):
        start = time.perf_counter()
        deck.box.open()
        times.append(time.perf_counter() - start)
        deck.next()
    assert sorted(times)[10] < 0.05


def test_the_blocks_open_one_after_another_and_notes_are_hidden_while_one_explains(monkeypatch):
    room = Room()
    assert "Opens when you begin" in room.panels[0].children[0].value
    room.begin(False)
    assert [len(p.children) for p in room.panels] == [6, 1, 1, 1]
    next(iter(room.fields.values())).area.value = "y = γx̂ + β"
    room.done()
    assert "hidden" in room.panels[0].children[0].value and len(room.panels[1].children) == 5
    forget(monkeypatch)
    again = Room()
    assert again.session.block == 1 and len(again.panels[1].children) == 5
    again.done()
    assert "y = γx̂ + β" in [field.text for field in again.fields.values()]


def test_attempts_count_in_their_block_and_the_same_code_once(capsys):
    room = drill_room.room()
    judge(BatchNorm1d)
    room.begin(True)
    judge(BatchNorm1d)
    assert state.entries("attempt") == []
    room.done()
    room.done()
    judge(BatchNorm1d)
    judge(BatchNorm1d)
    (entry,) = state.entries("attempt")
    assert len(entry["passed"]) == 6 and "1 so far" in room.panels[2].children[0].value


def test_a_narrated_check_shows_the_layers_result_and_keeps_its_ticks(monkeypatch, capsys):
    room = drill_room.room()
    room.begin(True)
    for _ in range(3):
        room.done()
    judge(BatchNorm1d)
    first = room.panels[3].children[1]
    _, _, opener, back = first.children
    opener.click()
    assert back.layout.display == "" and "your layer is right" in back.children[0].value
    back.children[1].value = True
    forget(monkeypatch)
    again = Room().panels[3].children[1].children[3]
    assert again.children[1].value and not again.children[2].value and again.layout.display == ""


def test_the_clock_counts_down_and_then_up():
    drill = session.begin()
    now = drill.started
    down = clock(drill, now)
    assert "900" in down and "planned until" in down
    over = clock(drill, now + 1000)
    assert "take the time that you need" in over and "from{--bn-s:100}" in over
    assert "aria-current=step" in down
    assert "paused" in clock(session.note(drill, "pause"), time.time())


def test_review_rubric_and_record(monkeypatch):
    review = Review()
    review.ticks["modes"].value = True
    session.begin()
    rubric = Rubric()
    rubric.points["mechanism"].value = True
    assert "your own ticks" in rubric.shown.value and "data:text/html" in rubric.shown.value
    text = state.exported()
    monkeypatch.setenv("BATCHNORM_PROGRESS", "")
    forget(monkeypatch)
    record = Record()
    record.take("nonsense")
    assert "This is no saved record" in record.said.value
    record.take(text)
    assert "New answers and ticks: 3." in record.said.value and Review().ticks["modes"].value


def test_a_rubric_from_before_the_drill_is_filled_in_from_it_and_keeps_the_learners_ticks():
    room, rubric = drill_room.room(), Rubric()
    assert rubric.points["modes"].disabled and "No drill has been begun" in rubric.shown.value
    room.begin(True)
    rubric.points["mechanism"].value = True
    room.done()
    box = next(box for box in room.boxes.values() if box.card.id == "bn-03")
    box.open()
    for tick in box.ticks.values():
        tick.value = True
    room.done()
    assert rubric.points["modes"].value and rubric.points["mechanism"].value
    assert "and your own ticks" in rubric.shown.value
    room.done()
    room.done()
    room.begin(True)
    assert not any(box.value for box in rubric.points.values()) and "your own ticks" not in rubric.shown.value


def test_the_answer_that_opens_the_notebook_has_no_point_and_a_red_flag(capsys):
    source = (Path(__file__).parents[2] / "solutions" / "11_mock_interview.py").read_text(encoding="utf-8")
    (call,) = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and "heard" in ast.dump(node.func)
    ]
    heard(*map(ast.literal_eval, call.args))
    text = capsys.readouterr().out
    assert text.count("✗") == 5 and "⚑" in text
