"""Notebook 02: ten broken layers; the learner says which line, which check sees it, and repairs it.

The probes look at the repaired layers as those of BatchNorm1d look at a layer.  Which checks are red is judged from
what they saw, with the other answers.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from helpers.judge.api import (
    Assessment,
    BadOutput,
    Check,
    Exercise,
    Finding,
    Observations,
    Probe,
    Raised,
    Rule,
    matches,
)
from helpers.judge.compare import look_up
from helpers.judge.observe import observe
from helpers.judge.source import Source

from .batchnorm1d import batchnorm1d_exercise
from .bugs import LAYERS, repaired

Answer = tuple[int, str, str]
HALVES = ("ABCDE", "FGHIJ")
CHECKS = batchnorm1d_exercise.whole.checks


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
    return {f"place of the check for layer {name}": known.index(check)}


def _repair(name: str, answers: Callable[[], dict[str, Answer]]) -> dict[str, Any]:
    line, _, text = _answer(answers, name)
    seen = _seen_of_repaired(name, line, text)
    for value in seen.values():
        if isinstance(value, Raised):
            raise BadOutput(f"layer {name} with your line stops: {value}")
    return seen


@functools.lru_cache(100)
def _seen_of_repaired(name: str, line: int, text: str) -> Observations:
    """What the probes of BatchNorm1d see of a layer with one line replaced."""
    return observe(repaired(name, line, text), batchnorm1d_exercise.probes)


def _red(seen: Observations, right: Observations) -> frozenset[str]:
    """Ids of the checks of BatchNorm1d that are red for what its probes saw of a layer."""
    return frozenset(check.id for check in CHECKS if not all(rule(seen, right).passed for rule in check.rules))


def _layer(name: str, seen: Observations) -> Observations:
    """The observations of one repaired layer under the keys of BatchNorm1d."""
    start = f"repair_{name}/"
    return {key.removeprefix(start): value for key, value in seen.items() if key.startswith(start)}


@functools.cache
def _red_before(name: str) -> frozenset[str]:
    """Ids of the checks that are red for a layer as it is given; called where the learner is judged, not observed."""
    return _red(observe(LAYERS[name], batchnorm1d_exercise.probes), batchnorm1d_exercise.record.right)


def _probes() -> tuple[Probe, ...]:
    asked = {"line": _line, "check": _check, "repair": _repair}
    return tuple(
        Probe(f"{what}_{name}", f"your answer for layer {name}", functools.partial(run, name))
        for name in LAYERS
        for what, run in asked.items()
    )


def _check_is_red(name: str) -> Rule:
    """The check that the learner named is red for this layer."""
    key = f"check_{name}/place of the check for layer {name}"

    def rule(seen: Observations, right: Observations) -> Finding:
        place = look_up(seen, key)
        if isinstance(place, Raised):
            return Finding(False, key, f"a check that is red for layer {name}", str(place))
        named = dict(enumerate(c.id for c in CHECKS)).get(int(place), "no check")
        passed = named in _red_before(name)
        question = f"is {named} red for layer {name}"
        return Finding(passed, key, f"{question}: yes", f"{question}: {'yes' if passed else 'no'}")

    return rule


def _nothing_red(name: str) -> Rule:
    """No check is red for this layer after the repair."""
    probe, what = f"repair_{name}", f"checks red for layer {name} after your repair"

    def rule(seen: Observations, right: Observations) -> Finding:
        key = next(key for key in right if key.startswith(f"{probe}/"))
        if isinstance(problem := seen.get(probe), Raised):
            return Finding(False, key, f"{what}: none", str(problem))
        red = _red(_layer(name, seen), _layer(name, right))
        return Finding(
            not red, key, f"{what}: none", f"{what}: {', '.join(c.id for c in CHECKS if c.id in red) or 'none'}"
        )

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
            tuple(_nothing_red(n) for n in half),
            hints=(
                "Change only that line. The others are right.",
                "Your own layer has a right version of each of these lines.",
                "Indentation is added for you; give the line as text in quotes.",
            ),
        ),
    )


class BugHunt(Exercise):
    """An exercise in which another right answer may look different from the reference's."""

    def assess(self, seen: Observations, source: str | Source = "") -> Assessment:
        """As in Exercise, but only a mistake that explains everything is named."""
        found = super().assess(seen, source)
        return dataclasses.replace(found, causes=tuple(e for e in found.causes if e.id and e.exact))


spot_the_bug_exercise = BugHunt(
    id="spot_the_bug",
    title="Spot the bug",
    module=__name__,
    builds="spot_the_bug",
    probes=_probes(),
    checks=(*_half(HALVES[0]), *_half(HALVES[1])),
)
