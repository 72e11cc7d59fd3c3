"""Notebook 02: ten broken layers; the learner says which line, which check sees it, and repairs it.

The probes look at the repaired layers as those of BatchNorm1d look at a layer.  Which checks are red is judged from
what they saw, with the other answers.  A repair is judged by what it does: where it leaves nothing red, its line is a
right line too.
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
)
from helpers.judge.compare import look_up
from helpers.judge.model import Explanation, Verdict
from helpers.judge.observe import observe
from helpers.judge.show import Card, show
from helpers.judge.slips import sentence
from helpers.judge.source import Source
from helpers.look.parts import MARKS

from .batchnorm1d import batchnorm1d_exercise
from .bugs import LAYERS, listing, repaired

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


def _line_is_wrong(name: str) -> Rule:
    """The line that the learner named is the wrong one, or is where a repair leaves nothing red.

    What is expected does not tell the right number.
    """
    key = f"line_{name}/line of layer {name}"

    def rule(seen: Observations, right: Observations) -> Finding:
        named, wanted = look_up(seen, key), right.get(key)
        if isinstance(named, Raised) or named.size != 1:
            told = str(named) if isinstance(named, Raised) else "not one number"
            return Finding(False, key, f"the number of the wrong line of layer {name}", told)
        passed = bool(named == wanted) or _nothing_red(name)(seen, right).passed
        what, yours = f"wrong line of layer {name}", f"line {named.item():g}"
        other = "one whose repair leaves nothing red" if wanted is None else "another line"
        return Finding(passed, key, f"{what} = {yours if passed else other}", f"{what} = {yours}")

    return rule


def _check_is_red(name: str) -> Rule:
    """The check that the learner named is red for this layer."""
    key = f"check_{name}/place of the check for layer {name}"

    def rule(seen: Observations, right: Observations) -> Finding:
        place = look_up(seen, key)
        if isinstance(place, Raised):
            return Finding(False, key, f"a check that is red for layer {name}", str(place))
        named = dict(enumerate(c.id for c in CHECKS)).get(int(place), "no check")
        passed = named in _red_before(name)
        what = f"check that is red for layer {name}"
        return Finding(passed, key, f"{what} = {named if passed else 'another check'}", f"{what} = {named}")

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
            tuple(_line_is_wrong(n) for n in half),
            hints=(
                "Read each layer against the formulas: mean, variance, running update, output; then against what has to be saved, switched and cut from the graph.",
                "Name the line that you suspect, and look: `spot_the_bug_exercise.look('A', 7)`. What is red tells which formula to read.",
                "Ask of the suspicious line: which variance, which mode, which tensor carries a gradient, what happens for one row?",
            ),
        ),
        Check(
            f"checks_{half}",
            f"which check sees it, layers {span}",
            tuple(_check_is_red(n) for n in half),
            hints=(
                "Several checks may be red; name any one of them.",
                "Six of the ten layers pass all of the checks 1 to 6. Which of the checks beyond six asks about your line?",
                "`spot_the_bug_exercise.look('A', 7)` lists the ids of all checks that are red, whether line 7 is the wrong one or not.",
            ),
        ),
        Check(
            f"repairs_{half}",
            f"the repair, layers {span}",
            tuple(_nothing_red(n) for n in half),
            hints=(
                "One line is enough in each layer. Any repair that leaves nothing red counts.",
                "Your own layer has a right version of each of these lines.",
                "Give the line as text in quotes. Its indentation is added for you, and it may hold several lines, with `\\n` between them.",
            ),
        ),
    )


class BugHunt(Exercise):
    """An exercise in which another right answer may look different from the reference's."""

    secret = ("line_",)

    def assess(self, seen: Observations, source: str | Source = "") -> Assessment:
        """As in Exercise, but only a mistake that explains everything is named; else it is said where to start."""
        found = super().assess(seen, source)
        exact = tuple(e for e in found.causes if e.id and e.exact)
        red = [v for v in found.verdicts if v.passed is False]
        return dataclasses.replace(found, causes=exact or tuple(_start(v, seen) for v in red[:1]))

    def check(self, obj: Any) -> None:
        """As in Exercise, and a row for each layer: which of line, check and repair are right."""
        super().check(obj)
        seen, right = observe(obj, self.probes), self.record.right
        rows = [_row(name, seen, right) for name in LAYERS]
        if any(mark != MARKS[None] for mark, _ in rows):
            found = sum(mark == MARKS[True] for mark, _ in rows)
            show(Card(f"{found} of {len(rows)} bugs found and repaired", tuple(rows), found == len(rows) or None))

    def look(self, name: str, line: int | None = None) -> None:
        """Show which checks of BatchNorm1d are red for a layer ("A" … "J"), once a line has been named.

        ``line`` is the number of the line that the learner suspects; right or wrong, the checks are shown, and not
        what causes them.  Without a line, or for a layer or line that is not there, the card says what to give.
        """
        if name not in LAYERS:
            show(Card(f"There is no layer {name!r}; there are A to J", ()))
            return
        lines = listing(name).splitlines()
        if not isinstance(line, int) or not 1 <= line <= len(lines):
            say = f'Which line do you suspect? Give its number, 1 to {len(lines)}, for example `look("{name}", 4)`.'
            show(Card(f"Layer {name}: name a line first", (("→", say),)))
            return
        red = [c for c in CHECKS if c.id in _red_before(name)]
        rows = [("", f"You suspect `{lines[line - 1][4:].strip()}`."), *((MARKS[False], _named(c)) for c in red)]
        rows.append((MARKS[True], f"the other {len(CHECKS) - len(red)} checks pass"))
        show(Card(f"Layer {name}: {len(red)} of {len(CHECKS)} checks are red", tuple(rows)))


def _start(verdict: Verdict, seen: Observations) -> Explanation:
    """What keeps the first red answer from being judged, or else which answer for which layer is not right yet."""
    probe = verdict.finding.key.partition("/")[0]
    what, _, name = probe.partition("_")
    stopped = seen.get(probe)
    if isinstance(stopped, Raised):
        return Explanation("", "crash", sentence(stopped, Source()), False, "", kind="crash")
    return Explanation("", "unknown", f"In layer {name} the {what} is not right yet.", False, "", kind="unknown")


def _row(name: str, seen: Observations, right: Observations) -> tuple[str, str]:
    """The mark of a layer, and that of each of its three answers."""
    if isinstance(seen.get(f"line_{name}"), Raised):
        return MARKS[None], f"{name}: no answer yet"
    asked = {"line": _line_is_wrong, "check": _check_is_red, "repair": _nothing_red}
    passed = {what: rule(name)(seen, right).passed for what, rule in asked.items()}
    told = " · ".join(f"{what} {MARKS[ok]}" for what, ok in passed.items())
    return MARKS[all(passed.values())], f"{name}: {told}"


def _named(check: Check) -> str:
    return f"`{check.id}` {check.title}"


spot_the_bug_exercise = BugHunt(
    id="spot_the_bug",
    title="Spot the bug",
    module=__name__,
    builds="spot_the_bug",
    probes=_probes(),
    checks=(*_half(HALVES[0]), *_half(HALVES[1])),
)
