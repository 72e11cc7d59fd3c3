"""The cards of net, fit and reg: each knows its own facts and its model answer, and statements in other words.

The statements in ``said_net_fit_reg.txt`` were written by the author of the cards, and the patterns were mended with
them: they guard what was reached, and measure nothing.
"""

import pytest

from helpers.drill import bank
from helpers.drill.matcher import feedback
from tests.drill.answers import HERE, headings, knows_its_own_words

TOPICS = ("net", "fit", "reg")
CARDS = [card for card in bank.load().values() if card.topic in TOPICS]
FLUFF = (
    "This is an important topic in deep learning and everybody should understand it.",
    "There are many approaches, and I have used several of them in my projects with good results.",
    "Training a neural network requires care, patience and a lot of experience.",
    "In my last job we had a large model with many parameters and a lot of data.",
    "I would read the paper, look at the code and ask a colleague.",
    "Neural networks learn from data by gradient descent.",
    "I would run some experiments and see what happens.",
)


def said():
    """The statements: card, text, points by id with True or False, and flags likewise."""
    rows = []
    for line in (HERE / "said_net_fit_reg.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        card, text, points, flags = (part.strip() for part in line.split("|"))
        rows.append((card, text, *({i.lstrip("-"): i[0] != "-" for i in one.split()} for one in (points, flags))))
    return rows


def test_the_bank_is_in_order():
    faults = bank.validate(sections=headings())
    assert not [fault for fault in faults if fault.startswith(tuple(f"{topic}." for topic in TOPICS))]
    assert [sum(card.topic == topic for card in CARDS) for topic in TOPICS] == [15, 15, 15]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_knows_its_own_words(card):
    knows_its_own_words(card)
    for flag in card.flags:
        assert feedback(card, flag.fact).flags[flag.id], flag.fact


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_rejected_flag_is_not_raised(card):
    for flag in card.flags:
        claim = flag.fact[0].lower() + flag.fact[1:].rstrip(".")
        for text in (f"It is a misconception that {claim}.", f"People often say that {claim}; that is wrong."):
            assert not feedback(card, text).flags[flag.id], text


def test_fluff_makes_no_point():
    for card in CARDS:
        for text in FLUFF:
            found = feedback(card, text)
            assert True not in found.points.values(), (card.id, text)
            assert not any(found.flags.values()), (card.id, text)


def test_other_words():
    cards = bank.load()
    made, missed, wrong = 0, [], []
    for card, text, points, flags in said():
        found = feedback(cards[card], text)
        for wanted, given in ((points, found.points), (flags, found.flags)):
            for name, true in wanted.items():
                made += true
                if true and given[name] is not True:
                    missed.append((card, name, text))
                if not true and given[name] is True:
                    wrong.append((card, name, text))
    assert made > 300
    assert len(missed) <= 0.06 * made, missed
    assert len(wrong) <= 5, wrong
