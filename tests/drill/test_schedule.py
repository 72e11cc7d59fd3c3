"""Leitner's boxes: 0, 1, 3, 7, 14 days."""

from datetime import date, timedelta

import pytest

from helpers.drill import bank
from helpers.drill.schedule import DAYS, place, select

DAY = date(2026, 5, 1)


def test_known_when_due_moves_up_to_the_last_box():
    day, history, boxes = DAY, [], []
    for _ in range(6):
        history.append((day, True))
        now = place(history)
        boxes.append(now.box)
        assert now.due == day + timedelta(DAYS[now.box])
        day = now.due
    assert boxes == [1, 2, 3, 4, 4, 4]


def test_not_known_goes_back_and_is_due_at_once():
    assert place([(DAY, True), (DAY, False)]) == place([(DAY, False)])
    now = place([(DAY, False), (DAY, True)])
    assert now.box == 1 and now.due == DAY + timedelta(1)


def test_before_it_is_due_nothing_moves():
    assert place([(DAY, True)] * 5).box == 1
    assert place([]) is None


def test_select_filters_and_orders():
    cards = [c for c in bank.load().values() if "batch-norm-15" in c.decks]
    answers = {
        "bn-02": [(DAY, True)],
        "bn-01": [(DAY + timedelta(3), False)],
        "bn-03": [(DAY, True), (DAY + timedelta(1), True)],
    }
    today = DAY + timedelta(3)

    def chosen(**rest):
        return [c.id for c in select(cards, answers, today=today, **rest)]

    assert chosen(choice="due") == ["bn-02", "bn-01"]
    assert chosen(choice="weak") == ["bn-01"]
    assert len(chosen(choice="new")) == 12
    assert chosen()[:3] == ["bn-02", "bn-01", "bn-03"]
    assert all(bank.load()[i].chip == "hard" for i in chosen(chip="hard"))
    assert chosen(topic="net") == [] and len(chosen(deck="batch-norm-15")) == 15
    with pytest.raises(ValueError, match="choice is one of"):
        chosen(choice="later")
