"""Notebook 02: ten broken layers; the learner says which line, which check sees it, and repairs it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn

from helpers.judge.api import BadOutput, Check, Exercise, Finding, Observations, Probe, Rule, asked, matches, near

from .batchnorm1d import batchnorm1d_exercise
from .bugs import LAYERS, repaired

Answer = tuple[int, str, str]
HALVES = ("ABCDE", "FGHIJ")


CHECKS = batchnorm1d_exercise.whole.checks


def red_checks(layer: type[nn.Module]) -> frozenset[str]:
    """Ids of the checks, of the six and beyond, that a layer does not pass."""
    return batchnorm1d_exercise.whole.assessed(layer).red


@functools.cache
def _red(name: str, line: int = 0, text: str = "") -> frozenset[str]:
    """Red checks of one layer, repaired in ``line`` unless that is 0."""
    return red_checks(repaired(name, line, text) if line else LAYERS[name])


def _answer(answers: Callable[[], dict[str, Answer]], name: str) -> Answer:
    given = answers()
    if not isinstance(given, dict) or name not in given:
        raise BadOutput(f'there is no answer for layer {name}; return a dict with the keys "A" to "J".')
    answer = given[name]
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        raise BadOutput(f"the answer for layer {name} is (line, check, repaired line): a number and two texts.")
    return answer[0], answer[1], answer[2]


def _line(name: str, answers: Callable[[], dict[str, Answer]]) -> dict[str, Any]:
    return {f"line of layer {name}": _answer(answers, name)[0]}


def _check(name: str, answers: Callable[[], dict[str, Answer]]) -> dict[str, Any]:
    check = _answer(answers, name)[1]
    known = [c.id for c in CHECKS]
    if check not in known:
        raise BadOutput(f"layer {name}: {check!r} is no check; they are {', '.join(known)}.")
    return {asked(f"is check {check} red for layer {name}"): check in _red(name)}


def _repair(name: str, answers: Callable[[], dict[str, Answer]]) -> dict[str, Any]:
    line, _, text = _answer(answers, name)
    return {f"checks still red for layer {name} after your repair": len(_red(name, line, text))}


def _probes() -> tuple[Probe, ...]:
    asked = {"line": _line, "check": _check, "repair": _repair}
    return tuple(
        Probe(f"{what}_{name}", f"your answer for layer {name}", functools.partial(run, name))
        for name in LAYERS
        for what, run in asked.items()
    )


def _check_is_red(name: str) -> Rule:
    """The check that the learner named is red for this layer; whichever it is, its own observation is 1."""

    def rule(seen: Observations, right: Observations) -> Finding:
        key = next((k for k in seen if k.startswith(f"check_{name}/")), f"check_{name}/a check that is red")
        return near(key, 1.0, 0.0)(seen, right)

    return rule


def _half(half: str) -> tuple[Check, ...]:
    span = f"{half[0]}–{half[-1]}"
    return (
        Check(
            f"lines_{half}",
            f"which line, layers {span}",
            tuple(matches(f"line_{n}/line of layer {n}", atol=0.0, rtol=0.0) for n in half),
            hints=(
                "Read each layer against the four formulas: mean, variance, running update, output.",
                "Run the checks on one layer, `batchnorm1d_exercise.check(LAYERS['A'])`: what is red tells which formula to read.",
                "Ask of the suspicious line: which variance, which mode, which tensor carries a gradient?",
            ),
        ),
        Check(
            f"checks_{half}",
            f"which check sees it, layers {span}",
            tuple(_check_is_red(n) for n in half),
            hints=(
                "Several checks may be red; name any one of them.",
                "Six layers pass some of the classic six; look at `batchnorm1d_exercise.beyond.check(...)` too.",
                'The ids are the second argument of the graded cells above, for example "numbers".',
            ),
        ),
        Check(
            f"repairs_{half}",
            f"the repair, layers {span}",
            tuple(near(f"repair_{n}/checks still red for layer {n} after your repair", 0.0, 0.0) for n in half),
            hints=(
                "Change only that line. The others are right.",
                "Your own layer has a right version of each of these lines.",
                "Indentation is added for you; give the line as text in quotes.",
            ),
        ),
    )


spot_the_bug_exercise = Exercise(
    id="spot_the_bug",
    title="Spot the bug",
    module=__name__,
    builds="spot_the_bug",
    probes=_probes(),
    checks=(*_half(HALVES[0]), *_half(HALVES[1])),
)
