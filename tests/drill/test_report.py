"""The report: what happened stands in it, in HTML and in Markdown, and nothing of it needs a network."""

import re
from html.parser import HTMLParser

import pytest

from helpers.drill import bank, cheat_sheet, page, report, rubric, session, state
from helpers.drill.checklist import review
from helpers.drill.formula import formula
from helpers.drill.matcher import feedback
from helpers.drill.narration import narration
from helpers.exercises.batchnorm1d import batchnorm1d_exercise


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr("helpers.drill.state._memory", {})


class Tags(HTMLParser):
    """Fails where elements are not closed in the order in which they were opened."""

    EMPTY = ("br", "img", "meta", "input")

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def a_drill(flag=False):
    drill = session.begin()
    card = bank.load()["bn-03"]
    ticks = {p.id: p.id != "forgotten-eval" for p in card.points}
    flags = {"no-grad-switches": flag}
    state.add("ticks", f"{drill.id}/explain/bn-03", card="bn-03", points=ticks, flags=flags, score=0.8)
    state.add("attempt", drill.id, passed=["train_mode"], of=6)
    state.add("attempt", drill.id, passed=["train_mode", "eval_mode", "running_statistics", "affine"], of=6)
    state.add("contrast", drill.id, losses={"control": [0.12, 0.1], "batch norm": [0.1, 0.08]}, own=True)
    state.add("narrated", f"{drill.id}/check/numbers", ticks=[True, True, False])
    for block in range(4):
        drill = session.note(drill, "done", block=block)
    return drill


def test_the_report_says_what_happened():
    a_drill()
    text = report.markdown(report.report())
    for words in (
        "All four blocks done",
        "score 80 % over 1 question",
        "passes 4 of 6 checks after 2 attempts",
        "control: 0.110; batch norm: 0.090",
        "2 of 18 points",
        "| How does batch norm differ between training and evaluation? | 80 % | Forgetting eval()",
        "✓ You said whose statistics",
        "✓ You ran the comparison",
        "○ You said which variance",
        "→ notebook 04, “1 · Two switches”",
        "buffer averages. (Not asked yet.)",
    ):
        assert words in text, words
    assert "\\" not in text.replace("\\|", "").replace("\\*", "") and "$" not in text


def test_a_red_flag_caps_the_score_and_says_what_to_read():
    a_drill(flag=True)
    made = report.report()
    assert made.share == 0.5
    assert "⚑ Thinking that no_grad() switches the mode." in report.markdown(made)
    assert made.again[0][0] == "04_train_and_eval#1 · Two switches"


def test_the_page_stands_alone_in_light_and_dark():
    a_drill()
    text = report.page_of(report.report())
    Tags(text)
    assert "prefers-color-scheme:dark" in text and "<script" not in text
    assert "href" not in text and "src" not in text  # it is kept elsewhere than the notebooks
    made = report.report()
    assert 'href="04_train_and_eval.ipynb#1-·-Two-switches" target="_blank"' in report.body(made, links=True)


def test_a_report_in_the_middle_of_a_block_counts_its_time():
    drill = session.begin(short=True)
    made = report.report(now=drill.started + 120)
    assert "0 of 4 blocks done, so far 2 minutes" in report.markdown(made)
    assert "| Read | 2.0 | 5 |" in report.markdown(made)


def test_the_learners_ticks_count_and_earlier_drills_are_compared():
    first = a_drill()
    suggested = rubric.rubric(first.id)
    assert not suggested.learners and suggested.points["modes"] and not suggested.points["variances"]
    rubric.keep(first.id, "points", "variances", True)
    rubric.keep(first.id, "flags", "closed", True)
    kept = rubric.rubric(first.id)
    assert kept.learners and kept.points == {**suggested.points, "variances": True}
    assert kept.flags == {**suggested.flags, "closed": True}
    made = report.report(first)
    assert made.earlier == () and "your own ticks" in report.markdown(made)
    state.add("drill", "later", at=first.started + 90_000, what="begin", short=True)
    later = report.report()
    assert later.drill.id == "later" and [id for id, _ in later.earlier] == [first.id]
    assert "score 80 %, 2 attempts" in report.markdown(later)


def test_there_is_no_report_without_a_drill():
    assert report.report() is None


def test_only_what_was_asked_is_to_be_read_again():
    drill = session.begin()
    card = bank.load()["bn-03"]
    ticks = {p.id: True for p in card.points}
    state.add("ticks", f"{drill.id}/explain/bn-03", card="bn-03", points=ticks, flags={}, score=1.0)
    state.add("contrast", drill.id, losses={}, own=True)
    assert report.report().again == []
    assert not rubric.rubric(drill.id).points["variances"]


def test_the_comparison_counts_with_the_learners_own_nets():
    drill = session.begin()
    state.add("contrast", drill.id, losses={}, own=False)
    assert not rubric.rubric(drill.id).points["benefit"]


def test_a_checks_that_failed_last_raises_its_flag():
    drill = session.begin()
    state.add("attempt", drill.id, passed=["train_mode"], of=6)
    assert rubric.rubric(drill.id).flags == {
        "batch-at-eval": True,
        "no-buffers": True,
        "no-affine": True,
        "closed": False,
    }


def test_every_text_of_the_bank_is_shown_without_tex():
    for card in bank.load().values():
        found = feedback(card, card.answer)
        shown = [page.front(card), page.model_answer(card), page.findings(card, card.answer, found)]
        shown.append(page.text(" ".join(i.fact for i in [*card.points, *card.flags])))
        for html in shown:
            Tags(html)
        assert not re.search(r"\\|\$", page.model_answer(card).partition("</style>")[2].rpartition("</style>")[2])


def test_a_formula_with_an_unknown_command_is_refused():
    with pytest.raises(ValueError, match="oint"):
        formula(r"\oint x")


def test_the_words_that_show_a_point_are_underlined():
    card = bank.load()["bn-03"]
    answer = "In training it uses the statistics of the batch & moves on. <b>"
    text = page.underlined(answer, card, feedback(card, answer))
    assert "<mark>" in text and "&amp;" in text and "&lt;b&gt;" in text
    assert re.sub(r"<[^>]*>", "", text) == answer.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_the_prompt_has_question_rubric_and_answer():
    card = bank.load()["bn-03"]
    text = page.prompt(card, "my words")
    assert all(words in text for words in (card.question, "my words", *(p.fact for p in card.points)))


def test_the_six_narrations_and_the_quick_review_belong_to_what_is_there():
    assert [one.id for one in narration()] == [check.id for check in batchnorm1d_exercise.checks]
    assert all(id in bank.load() for item in review() for id in item.cards)
    assert len({item.id for item in review()}) == 10


def test_the_cheat_sheet_is_one_page_and_has_no_tex():
    Tags(cheat_sheet.page_of())
    assert "\\" not in cheat_sheet.plain() and len(cheat_sheet.plain()) < 3600
