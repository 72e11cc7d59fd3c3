"""The cards of deep, gen and init: each knows its own facts and its model answer, and answers in other words.

The answers in ``deep_gen_answers.jsonl`` were written by the author of the cards, and the patterns were mended with
them: they guard what was reached, and measure nothing.
"""

from collections import Counter

import pytest

from helpers.drill import bank
from helpers.drill.matcher import feedback
from tests.drill.answers import counted, headings, knows_its_own_words, share

TOPICS = {"deep": 15, "gen": 10, "init": 15}
CARDS = [card for card in bank.load().values() if card.topic in TOPICS]
FLUFF = (
    "Batch normalization is a very important technique in modern deep learning. Everybody should know it well.",
    "This is a great question. There are many trade-offs, and the right choice depends on the problem.",
    "Machine learning models learn from data. To get good results you need good data, a good model and experience.",
    "Neural networks have many layers and millions of weights, and are trained on GPUs with large data sets.",
    "I would discuss this with my team, look at the literature, try a few things and monitor the results closely.",
)


@pytest.fixture(scope="module")
def told():
    return counted("deep_gen_answers.jsonl")


def test_the_bank_is_in_order():
    faults = bank.validate(sections=headings())
    assert not [fault for fault in faults if fault.startswith(tuple(f"{topic}." for topic in TOPICS))]
    assert Counter(card.topic for card in CARDS) == TOPICS


def test_chips_and_decks():
    chips = {t: [sum(c.chip == chip for c in CARDS if c.topic == t) for chip in bank.CHIPS] for t in TOPICS}
    assert chips == {"deep": [3, 8, 4], "gen": [3, 7, 0], "init": [6, 7, 2]}
    assert all(card.decks == (("five-topics-75",) if card.topic == "init" else ()) for card in CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_knows_its_own_words(card):
    knows_its_own_words(card)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_what_is_rejected_or_reported_is_no_flag(card):
    for flag in card.flags:
        claim = flag.fact.strip("“”.")
        claim = claim[0].lower() + claim[1:]
        for text in (
            f"It is a misconception that {claim}.",
            f"Some people claim that {claim}.",
            f"It is not true that {claim}.",
        ):
            assert not feedback(card, text).flags[flag.id], text


def test_bars_of_key_points(told):
    assert share(told, "other", True, True) >= 0.92
    assert share(told, "twisted", False, True) <= 0.03
    assert share(told, "twisted", False, None) <= 0.15


def test_bars_of_red_flags(told):
    hit, false, missed = (told["flag", *key] for key in ((True, True), (False, True), (True, False)))
    assert hit / (hit + false) >= 0.95 and hit / (hit + missed) >= 0.95


def test_fluff_makes_no_point():
    for card in CARDS:
        for text in FLUFF:
            found = feedback(card, text)
            assert True not in found.points.values(), (card.id, text)
            assert not any(found.flags.values()), (card.id, text)
