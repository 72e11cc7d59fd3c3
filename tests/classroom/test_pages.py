"""Pages of the grader: what they say, and that nothing of a learner's comes alive in them."""

import re

import pytest

from helpers.classroom import alike, assignment, feedback, report
from helpers.classroom.record import JUDGED, MISSING, UNREADABLE, Cause, Record, Score
from tests.notebook import ROOT

HOSTILE = '<script>window.HOSTILE = 3</script><img src=x onerror="alert(1)">{{ 7 * 7 }}'
NAME = "00_start_here"
ITEMS = ("feature_statistics_mean", "feature_statistics_variance")
CODE = (
    "def feature_statistics(x):\n"
    + "".join(f"    a{i} = x.sum() * {i} + x.mean()\n" for i in range(9))
    + "    return a0"
)


@pytest.fixture(scope="module")
def released():
    return {NAME: assignment.load(ROOT / "notebooks")[NAME]}


def record(learner, points=(1.0, 0.0), **about):
    scores = {item: Score(p, 1.0, "" if p else "expected 1; measured 2") for item, p in zip(ITEMS, points, strict=True)}
    return Record(learner, NAME, f"{NAME}.ipynb", learner, about.pop("status", JUDGED), scores=scores, **about)


def test_what_a_learner_wrote_is_text(released):
    cause = Cause("feature_statistics", "", HOSTILE)
    one = record(HOSTILE, answers={"feature_statistics": HOSTILE}, causes=[cause], repairs=[HOSTILE], reason=HOSTILE)
    for page in (
        feedback.page(HOSTILE, [one], [HOSTILE], released),
        report.class_page([one], {HOSTILE: [HOSTILE]}, released),
    ):
        assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
        assert "default-src 'none'" in page and "{{ 7 * 7 }}" in page
        assert not re.search(r"""(src|href)=["']?http""", page)


def test_feedback_says_points_what_is_next_and_what_is_open(released):
    cause = Cause("feature_statistics", "biased", "you divide by N − 1")
    page = feedback.page("ada", [record("ada", (1.0, None), causes=[cause])], ["a.pdf is no notebook"], released)
    assert "1 of 2 points; 1 more wait for a human" in page and "Next: 00_start_here, you divide by N − 1" in page
    assert "a.pdf is no notebook" in page and "open, up to 1" in page


def test_what_is_next_ends_with_one_full_stop(released):
    cause = Cause("feature_statistics", "biased", "you divide by N − 1.")
    assert "you divide by N − 1.</p>" in feedback.page("ada", [record("ada", causes=[cause])], [], released)


def test_what_is_next_is_said_in_a_learners_words(released):
    page = feedback.page("ada", [record("ada")], [], released)
    assert "Next: 00_start_here, Mean and variance of each feature · one biased variance" in page
    unread = record("kim", (None, None), status=UNREADABLE, reason="cut off.")
    assert "Next: save 00_start_here in Jupyter once more" in feedback.page("kim", [unread], [], released)


def test_the_report_counts_each_learner_once_and_the_hardest_item_comes_first(released):
    cause = Cause("feature_statistics", "biased", "you divide by N − 1")
    class_ = [record(name, causes=[cause, cause]) for name in ("ada", "ben")]
    class_ += [record("kim", (None, None), status=UNREADABLE, reason="cut off.")]
    class_ += [record("lee", (0.0, 0.0), status=MISSING, reason="not there.")]
    page = report.class_page(class_, {"kim": ["notes.docx is no notebook"]}, released)
    assert re.search(r"you divide by N − 1</th><td class=\"points\">2 ", page)
    items = page[page.index("hardest first") :]
    assert items.index("one biased variance") < items.index("one mean") and "0 %" in items and "100 %" in items
    scores = page[page.index(">Scores<") :]
    assert "<td>0</td><td>2</td><td>open</td>" in scores and "<td>0</td><td>0</td><td>–</td>" in scores
    humans = page[page.index("Needs a human") : page.index("<h2>Alike")]
    assert "kim" in humans and "cut off." in humans and "lee" not in humans and "4 learners; median 0.5" in page
    assert "notes.docx" in humans and "; 1 needs a human." in page


def test_copied_code_is_found_under_other_names_and_what_many_write_is_not():
    copied = re.sub(r"\ba(\d)", r"value_\1", CODE).replace("return", "# mine\n    return")
    own = CODE.replace("x.sum()", "torch.var(x, dim=0)")
    (group,) = alike.groups("feature_statistics", [("ada", CODE), ("ben", copied), ("kim", own)], "pass")
    assert group.learners == ("ada", "ben") and group.share == 1.0
    everybody = [(f"learner {i}", CODE) for i in range(20)]
    assert alike.groups("feature_statistics", everybody, "pass") == []
    assert alike.groups("feature_statistics", [("ada", CODE), ("ben", CODE)], CODE) == []
