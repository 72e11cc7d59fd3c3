"""The matcher on answers of our own: what is said is found, what is denied, turned round or quoted is not.

The file ``bn_answers.jsonl`` holds answers that were written with the bank; the lexicon was tuned on them, so these
bars say that nothing has become worse, not how well an unseen answer is read.
"""

import time

import pytest

from helpers.drill import bank
from helpers.drill.matcher import feedback
from helpers.drill.reading import plain
from tests.drill.answers import counted, labelled, share

ANSWERS = labelled("bn_answers.jsonl")


def points(card, text):
    return feedback(bank.load()[card], text).points


def flags(card, text):
    return feedback(bank.load()[card], text).flags


@pytest.fixture(scope="module")
def told():
    return counted("bn_answers.jsonl")


def test_bars_of_key_points(told):
    assert share(told, "plain", True, True) >= 0.9
    assert share(told, "other", True, True) >= 0.7
    assert share(told, "twisted", False, True) <= 0.1
    assert share(told, "fluff", False, True) <= 0.02
    unsure = sum(n for (kind, _, verdict), n in told.items() if kind != "flag" and verdict is None)
    assert unsure / sum(n for (kind, _, _), n in told.items() if kind != "flag") <= 0.1


def test_bars_of_red_flags(told):
    hit, false, missed = (told["flag", *key] for key in ((True, True), (False, True), (True, False)))
    assert hit / (hit + false) >= 0.9 and hit / (hit + missed) >= 0.9


def test_model_answers_contain_their_points_and_no_flag():
    cards = [card for card in bank.load().values() if card.topic == "bn"]
    found = [feedback(card, card.answer) for card in cards]
    assert {card.id: f.flags for card, f in zip(cards, found, strict=True) if any(f.flags.values())} == {}
    verdicts = [v for f in found for v in f.points.values()]
    assert sum(v is True for v in verdicts) >= 0.9 * len(verdicts)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("In eval mode it uses the running statistics.", True),
        ("In eval mode it does not use the running statistics.", False),
        ("In eval mode it uses the running statistics rather than the batch's.", True),
        ("In eval mode it uses the batch's statistics rather than the running ones.", False),
        ("In training it uses the running statistics.", False),
        ("It uses the batch's mean in training and the stored mean at test time.", True),
        ("It uses the stored mean in training and the batch's mean at test time.", False),
        ("Some people think that eval uses the running statistics.", False),
        ("Does eval use the running statistics?", False),
        ("It is a mistake to think that eval uses the running statistics.", False),
        ("Not only does eval mode use the running statistics, it is also deterministic.", True),
    ],
)
def test_roles_and_negation(text, verdict):
    assert (points("bn-03", text)["eval-buffers"] is True) == verdict


@pytest.mark.parametrize(
    ("text", "asserted"),
    [
        ("no_grad() switches batch norm to eval mode.", True),
        ("no_grad() does not switch batch norm to eval mode.", False),
        ("People think no_grad() switches the mode; it does not.", False),
        ("It is a common mistake to believe that no_grad() switches the mode.", False),
        ("no_grad() switches the mode. That is wrong.", False),
    ],
)
def test_a_flag_is_asserting_it(text, asserted):
    assert flags("bn-03", text)["no-grad-switches"] == asserted


def test_what_a_paper_claimed_is_not_asserted():
    claimed = "The paper argued that batch norm works because it reduces internal covariate shift."
    assert not flags("bn-02", claimed)["works-by-removing"]
    assert points("bn-02", claimed)["motivation-2015"] is True
    assert flags("bn-02", "Batch norm works because it reduces internal covariate shift.")["works-by-removing"]


MODES = "In training each batch's own mean and variance are used and {} updated; in eval the running averages are used."


@pytest.mark.parametrize(
    ("card", "point", "text", "verdict"),
    [
        ("bn-03", "forgotten-eval", MODES.format("the running averages are"), False),
        ("bn-03", "forgotten-eval", MODES.format("the buffers are"), False),
        (
            "bn-03",
            "forgotten-eval",
            "In evaluation, images are normalized with the running averages that training updated.",
            False,
        ),
        ("bn-03", "forgotten-eval", "If you forget eval(), the running averages are updated with test data.", True),
        ("bn-03", "eval-independent", "At inference the predictions become deterministic.", False),
        ("bn-03", "eval-independent", "In eval mode each example is judged on its own.", True),
        ("bn-05", "preact-resnet", "In a ResNet the convolution is followed by BN and then the ReLU.", False),
        ("bn-05", "preact-resnet", "In a pre-activation ResNet it is BN, ReLU, then conv.", True),
        ("bn-05", "pre-activation", "In a pre-activation ResNet it is BN, ReLU, then conv.", False),
        (
            "bn-07",
            "keras-convention",
            "PyTorch's old value keeps 90 percent, and you copy it to Keras as it is.",
            False,
        ),
        ("bn-07", "keras-convention", "In Keras m is the share of the old value.", True),
    ],
)
def test_a_word_alone_is_no_point(card, point, text, verdict):
    assert points(card, text)[point] is verdict


def test_conv_bn_relu_implies_before_the_nonlinearity():
    found = points("bn-05", "The usual block is conv, then BN, then ReLU.")
    assert found["conv-bn-relu"] is True and found["pre-activation"] is True


def test_spans_lie_on_the_words_that_show_it():
    text = "**In eval** mode the layer uses the `running` averages, γ·x̂+β."
    found = feedback(bank.load()["bn-03"], text)
    shown = " ".join(text[a:b] for a, b in found.spans["eval-buffers"])
    assert "eval" in shown and "running" in shown
    for answer in ANSWERS:
        found = feedback(bank.load()[answer["card"]], answer["text"])
        assert all(0 <= a < b <= len(answer["text"]) for spans in found.spans.values() for a, b in spans)


ODD = ["", " ", "?!", "(((", "$", "\\", "a" * 20000, "in eval " * 2000, "\u0302γ\ud800", "- \n- \n"]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_any_text_is_read_in_time(text):
    began = time.process_time()
    assert not any(feedback(bank.load()["bn-03"], text).points.values())
    assert time.process_time() - began < 5


def test_an_answer_takes_little_time():
    feedback(bank.load()["bn-13"], "")
    times = []
    for answer in ANSWERS:
        began = time.process_time()
        feedback(bank.load()[answer["card"]], answer["text"])
        times.append(time.process_time() - began)
    assert sorted(times)[len(times) // 2] < 0.3


def test_every_character_knows_its_place():
    text, place = plain("x̂ = (x − μ)/√(σ²+ε)")
    assert text == "xhat = (x - mu)/sqrt(sigma^2+eps)" and len(text) == len(place) and place == sorted(place)


REJECTIONS = [
    "It is a misconception that {}.",
    "People often say that {}; that is wrong.",
    "It is not true that {}.",
    "I disagree that {}.",
    "A common mistake is to think that {}.",
    "The paper argued that {}.",
]


def test_a_rejected_flag_is_hardly_ever_raised():
    raised = []
    for answer in ANSWERS:
        card = bank.load()[answer["card"]]
        for sentence in answer["text"].rstrip(".").split(". ") if answer["flags"] else ():
            for flag in (f for f in answer["flags"] if feedback(card, sentence + ".").flags[f]):
                claim = sentence[0].lower() + sentence[1:]
                raised += [feedback(card, way.format(claim)).flags[flag] for way in REJECTIONS]
    assert len(raised) > 300 and sum(raised) <= 0.05 * len(raised)
