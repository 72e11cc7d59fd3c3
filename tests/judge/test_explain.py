"""Explanations: exact, nearest, several at once, category only; on a small made-up lineup and on the layer's."""

import numpy as np
import pytest

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.explain import explain
from helpers.judge.model import Explanation, Raised, Suspect
from helpers.judge.record import Record, differing
from helpers.judge.show import cause_rows


def seen(**changes):
    """Right observations are 0 for every key; ``p_a=3`` stands for the key "p/a"."""
    keys = ["p/a", "p/b", "q/a", "q/b", "r/a", "s/a"]
    values = {k: np.array(0.0) for k in keys} | {k.replace("_", "/"): np.array(float(v)) for k, v in changes.items()}
    return values


RIGHT = seen()
SUSPECTS = tuple(
    Suspect(id, category, f"{id}.", None)
    for id, category in {
        "one": "alpha",
        "other": "alpha",
        "two": "beta",
        "twin": "beta",
        "three": "gamma",
        "one+three": "alpha and gamma",
    }.items()
)
LINEUP = {
    "one": seen(p_a=1, p_b=1),
    "other": seen(p_a=2, p_b=1),
    "two": seen(q_a=1),
    "twin": seen(q_a=1),
    "three": seen(r_a=1, p_a=1),
    "one+three": seen(p_a=5, p_b=1, r_a=1),
}


def named(observed):
    return explain(observed, Record(RIGHT, SUSPECTS, LINEUP))


def ids(observed):
    return [(e.id or e.category, e.exact) for e in named(observed)]


def test_right_needs_no_explanation():
    assert named(seen()) == ()


def test_only_exact_suspects_are_named_and_all_that_behave_alike():
    assert ids(seen(p_a=1, p_b=1)) == [("one", True)]
    assert ids(seen(q_a=1)) == [("two", True), ("twin", True)]


def test_a_known_combination_is_named_as_its_two_mistakes():
    found = named(seen(p_a=5, p_b=1, r_a=1))
    assert [(e.id, e.exact, e.together) for e in found] == [("one", True, False), ("three", True, True)]


def test_two_mistakes_that_were_never_seen_together_are_both_named():
    found = named(seen(p_a=1, p_b=1, q_a=1))
    assert found[0].id in ("one", "two") and {e.category for e in found} >= {"alpha", "beta"}
    assert not any(e.exact for e in found)


def test_a_right_idea_with_an_unknown_constant_is_named_by_its_category():
    (found,) = named(seen(q_a=0.7))
    assert (found.id, found.category, found.exact) == ("", "beta", False)
    assert "a = 0.7" in found.title and "a = 0 would be right" in found.title and "I cannot tell why" in found.title


def test_what_no_suspect_ever_changed_is_not_explained():
    assert named(seen(s_a=1)) == ()
    (row,) = cause_rows(())
    assert "No mistake I know" in row[1]


def test_an_exception_counts_once_and_its_message_is_shown():
    observed = {k: v for k, v in seen(p_a=1, p_b=1).items() if not k.startswith("q/")}
    observed["q"] = Raised("ValueError", "too few rows", "line 3: `x`")
    found = named(observed)
    assert [e.id or e.category for e in found] == ["one", "beta"]
    assert "stops with ValueError: too few rows (line 3: `x`)" in found[1].title


def test_at_most_three():
    many = tuple(Suspect(f"s{i}", "alpha", f"s{i}.", None) for i in range(9))
    lineup = {s.id: seen(p_a=1) for s in many}
    assert len(explain(seen(p_a=1), Record(RIGHT, many, lineup))) == 3


@pytest.mark.parametrize(
    ("exact", "id", "together", "lead"),
    [
        (True, "x", False, "Or, which behaves the same: title."),
        (True, "x", True, "And: title."),
        (False, "x", True, "And also like: title."),
    ],
)
def test_the_card_says_how_far_an_explanation_goes(exact, id, together, lead):
    first = Explanation("f", "c", "first.", exact, "")
    rows = cause_rows([first, Explanation(id, "c", "title.", exact, "", together)])
    assert rows[1] == ("→", lead)
    assert rows[0][1] == ("Most likely: first." if exact else "This looks like, but is not exactly: first.")


def test_what_cannot_be_told_is_said_once_for_all_its_categories():
    text = "I can see that a = 2, and a = 1 would be right"
    rows = cause_rows([Explanation("", c, "", False, text) for c in ("eps", "mean")])
    assert rows == [("→", f"{text}. I cannot tell why; mistakes about eps or mean show there.")]


def test_leaving_a_suspect_out_still_finds_its_category():
    """How well mistakes are placed that the judge does not know: each suspect in turn plays the unknown."""
    a = batchnorm1d_exercise.record
    common = {"variance", "mean", "running statistics", "momentum", "eps", "modes", "axis", "affine", "gradient"}
    tried = [s for s in a.suspects if s.category in common and "+" not in s.id]
    found = 0
    for suspect in tried:
        others = tuple(s for s in a.suspects if suspect.id not in s.id.split("+"))
        explanations = explain(a.lineup[suspect.id], Record(a.right, others, a.lineup))
        found += suspect.category in {e.category for e in explanations}
    assert found / len(tried) >= 0.9


def test_differing_counts_missing_keys():
    assert differing({"a/x": np.array(1.0)}, {"a/x": np.array(1.0), "a/y": np.array(1.0)}) == {"a/y"}
