"""The bank holds what the format asks for, and a fault is told in one sentence that names file and card."""

import pytest

from helpers.drill import bank
from helpers.drill.phrases import load as lexicon
from tests.drill.answers import headings

CARD = """
id = "bn"
title = "Batch norm"
tip = "Say where a number comes from."
[[card]]
id = "bn-01"
question = "What?"
chip = "easy"
topics = ["batch norm"]
touches = "Much."
answer = "{answer}"
sources = ["A paper"]
[[card.points]]
id = "one"
fact = "A fact."
says = ["eval running"]
[[card.flags]]
id = "two"
fact = "A fault."
says = ["not eval running"]
"""


def folder(tmp_path, text, name="bn.toml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def good(words=80):
    return CARD.format(answer=" ".join(["word"] * words))


def test_the_bank_has_no_fault():
    assert bank.validate(sections=headings()) == []


def test_the_fifteen_cards_of_batch_norm_are_in_both_decks():
    cards = [card for card in bank.load().values() if "batch-norm-15" in card.decks]
    assert [card.id for card in cards] == [f"bn-{n:02d}" for n in range(1, 16)]
    assert all(card.decks == ("batch-norm-15", "five-topics-75") for card in cards)
    chips = [card.chip for card in cards]
    assert [chips.count(chip) for chip in bank.CHIPS] == [4, 8, 3]


def test_a_good_file_is_read(tmp_path):
    card = bank.topics(folder(tmp_path, good()))["bn"].cards[0]
    assert card.points[0].says == ("eval running",) and card.topic == "bn"
    assert bank.validate(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('chip = "easy"', 'chip = "green"', "bn.toml, bn-01: the chip is 'green'"),
        ('question = "What?"', "", "bn.toml, bn-01: question is missing."),
        ('question = "What?"', 'question = " "', "bn.toml, bn-01: question is empty."),
        ('touches = "Much."', "touches = 3", "bn.toml, bn-01: touches is 3, not a str."),
        ('touches = "Much."', 'touches = "Much."\nhint = "x"', "bn.toml, bn-01: the key 'hint' is unknown."),
        ('id = "bn-01"', 'id = "deep-01"', "bn.toml, deep-01: an id is bn- and two digits."),
        ('sources = ["A paper"]', "sources = [1]", "bn.toml, bn-01: [1] is not a list of texts."),
        ('says = ["eval running"]', "", "bn.toml, bn-01, point one: it needs says"),
        ('title = "Batch norm"', "title =", "bn.toml: not TOML"),
        ('id = "bn"\n', 'id = "xx"\n', "bn.toml: its id is 'xx'"),
    ],
)
def test_a_fault_of_form_names_file_and_card(tmp_path, old, new, told):
    with pytest.raises(bank.BankError) as error:
        bank.topics(folder(tmp_path, good().replace(old, new, 1)))
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('says = ["eval running"]', 'says = ["eval nonsense"]', "names 'nonsense', which is no concept"),
        ('sources = ["A paper"]', 'sources = ["A paper"]\nfollow_ups = ["bn-99"]', "'bn-99' is no other card"),
        ('sources = ["A paper"]', 'sources = ["A paper"]\nfollow_ups = ["bn-01"]', "'bn-01' is no other card"),
        ('sources = ["A paper"]', 'sources = ["A paper"]\nsection = "02_x#Y"', "there is no section '02_x#Y'"),
        ('fact = "A fact."', 'fact = "A fact."\nimplied_by = ["three"]', "implied by 'three'"),
        ('sources = ["A paper"]', 'sources = ["A paper"]\none_sentence = true', ""),
        ("word word", "word $x word", "odd number of dollar signs"),
    ],
)
def test_other_faults_are_told_all_together(tmp_path, old, new, told):
    faults = bank.validate(folder(tmp_path, good().replace(old, new, 1)), headings())
    assert [fault for fault in faults if told in fault] and all(f.startswith("bn.toml, bn-01: ") for f in faults)


@pytest.mark.parametrize(("words", "right"), [(59, False), (60, True), (140, True), (141, False)])
def test_a_model_answer_has_60_to_140_words(tmp_path, words, right):
    assert (bank.validate(folder(tmp_path, good(words))) == []) == right


def test_an_id_is_used_once(tmp_path):
    twice = good() + good().partition("[[card]]")[1] + good().partition("[[card]]")[2]
    with pytest.raises(bank.BankError, match="bn-01: this id is used twice"):
        bank.topics(folder(tmp_path, twice))


def test_groups_and_hides_name_concepts():
    known = lexicon()
    named = {*known.group_of, *known.hides, *(name for names in known.hides.values() for name in names)}
    assert named - known.concepts.keys() <= {"spoils"}, "a phrase stands in the wrong table"


def test_follow_ups_lead_to_cards():
    cards = bank.load()
    assert all(one in cards for card in cards.values() for one in card.follow_ups if one[:2] == "bn")
    assert all(card.follow_ups for card in cards.values() if card.topic == "bn")
