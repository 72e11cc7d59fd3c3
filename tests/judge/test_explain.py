"""Explanations: exact, several at once, crashes, abstaining, what the source refutes; on a small made-up lineup."""

import numpy as np
import pytest

from helpers.judge.explain import Card, explain, keys_asked
from helpers.judge.model import Check, Explanation, Probe, Raised, Suspect
from helpers.judge.record import Record, differing
from helpers.judge.rules import all_of, verdicts_of
from helpers.judge.show import cause_rows
from helpers.judge.source import Source


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


CHECKS = tuple(Check(p, f"check {p}", (all_of(p),)) for p in "pqrs")
PROBES = [Probe(p, "", lambda obj: {}) for p in "pqrs"]


def named(observed, checks=CHECKS, suspects=SUSPECTS, lineup=LINEUP, source=""):
    verdicts = verdicts_of(checks, PROBES, observed, RIGHT)
    asked = {c.id: keys_asked(c, RIGHT) for c in checks}
    return explain(observed, Record(RIGHT, suspects, lineup), Card(verdicts, asked), Source(source))


def ids(observed, **options):
    return [(e.id, e.kind, e.exact) for e in named(observed, **options)]


def test_right_needs_no_explanation():
    assert named(seen()) == ()


def test_only_exact_suspects_are_named_and_all_that_behave_alike():
    assert ids(seen(p_a=1, p_b=1)) == [("one", "cause", True)]
    assert ids(seen(q_a=1)) == [("two", "cause", True), ("twin", "cause", True)]


def test_a_known_combination_is_named_as_its_two_mistakes():
    found = named(seen(p_a=5, p_b=1, r_a=1))
    assert [(e.id, e.exact, e.together) for e in found] == [("one", True, False), ("three", True, True)]


def test_two_mistakes_that_were_never_seen_together_are_both_named():
    found = named(seen(p_a=1, p_b=1, q_a=1))
    assert [e.category for e in found] == ["alpha", "beta"]
    assert not any(e.exact for e in found)


def test_a_mistake_is_not_named_on_a_card_on_which_it_is_not_red():
    (found,) = named(seen(p_a=1, p_b=1, q_a=1), checks=CHECKS[1:2])
    assert found.category == "beta"


def test_what_no_suspect_does_is_said_to_be_unknown_with_the_check_to_start_from():
    (found,) = named(seen(q_a=0.7))
    assert (found.id, found.kind) == ("", "unknown")
    assert "I do not know this mistake. Start here: check q." in found.title
    assert "a = 0.7" in found.evidence


def test_an_exception_comes_first_and_the_mistake_in_another_check_after_it():
    observed = {k: v for k, v in seen(p_a=1, p_b=1).items() if not k.startswith("q/")}
    observed["q"] = Raised("ValueError", "too few rows", "line 3: `x`")
    found = named(observed)
    assert [e.kind for e in found] == ["crash", "cause"] and found[1].id == "one"
    assert "line 3: `x`: ValueError: too few rows." in found[0].title


def test_one_exception_everywhere_is_all_that_is_said():
    observed = {p: Raised("NameError", "name 'eps' is not defined", "line 3: `x`") for p in "pqrs"}
    (found,) = named(observed, source="class A:\n    def __init__(self):\n        self.eps = 1")
    assert found.kind == "crash" and found.title.endswith("Write `self.eps`.")


def test_the_source_withholds_a_claim():
    suspects = (Suspect("view", "shape", "you flatten with view.", None),)
    lineup = {"view": seen(q_a=1)}
    assert ids(seen(q_a=1), suspects=suspects, lineup=lineup, source="x = x.view(-1)") == [("view", "cause", True)]
    (found,) = named(seen(q_a=1), suspects=suspects, lineup=lineup, source="x = x.mean(0)")
    assert found.kind == "unknown"


def test_needs_and_refuted_by_of_a_suspect_are_patterns_of_the_source():
    suspect = Suspect("a", "b", "title.", None, needs=("foo", "bar"), refuted_by=("baz",))
    refuted = [Source(text).refutes(suspect) for text in ("foo()", "bar()", "x = 1", "foo(baz)", "# foo", "")]
    assert refuted == [False, False, True, True, False, False]


def test_at_most_three():
    many = tuple(Suspect(f"s{i}", "alpha", f"s{i}.", None) for i in range(9))
    lineup = {s.id: seen(p_a=1) for s in many}
    assert len(named(seen(p_a=1), suspects=many, lineup=lineup)) == 3


def test_an_inexact_title_does_not_vouch_for_the_rest():
    vouching = Suspect("vouches", "beta", "this is wrong.", None, also="The rest is right.")
    alone = named(seen(p_a=1), suspects=(vouching,), lineup={"vouches": seen(p_a=1)})
    among = named(seen(p_a=1, q_a=7), suspects=(vouching,), lineup={"vouches": seen(p_a=1)})
    assert [e.title for e in alone] == ["this is wrong. The rest is right."]
    assert [e.title for e in among if e.id] == ["this is wrong."]


@pytest.mark.parametrize(
    ("kind", "together", "lead"),
    [
        ("cause", False, "Or, which behaves the same: title."),
        ("cause", True, "And: title."),
        ("like", False, "This looks like, but is not exactly: title."),
        ("unknown", False, "Then: title."),
    ],
)
def test_the_card_says_how_far_an_explanation_goes(kind, together, lead):
    first = Explanation("f", "c", "first.", True, "")
    rows = cause_rows([first, Explanation("x", "c", "title.", False, "", together, kind)])
    assert rows == [("→", "Most likely: first."), ("→", lead)]


def test_differing_counts_missing_keys():
    assert differing({"a/x": np.array(1.0)}, {"a/x": np.array(1.0), "a/y": np.array(1.0)}) == {"a/y"}
