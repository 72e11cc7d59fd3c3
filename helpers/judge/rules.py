"""Rules that checks are made of, and the verdicts they give.  Pure: no learner code is in reach."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .model import Array, Check, Finding, Observations, Probe, Raised, Rule, Verdict

YES = "(1 yes, 0 no)"
"""What the name of a quantity ends with that answers a question."""


def matches(*keys: str, atol: float = 1e-5, rtol: float = 1e-4) -> Rule:
    """Each quantity equals the reference's within ``atol + rtol * |reference|``."""

    def rule(seen: Observations, right: Observations) -> Finding:
        for key in keys:
            expected = right[key]
            assert not isinstance(expected, Raised), f"the reference raised in {key}"
            finding = _compare(key, seen, expected, atol, rtol)
            if not finding.passed:
                return finding
        return finding

    return rule


def near(key: str, target: float, atol: float) -> Rule:
    """Every element of the quantity is within ``atol`` of ``target``."""

    def rule(seen: Observations, right: Observations) -> Finding:
        value = _look_up(seen, key)
        shape = () if isinstance(value, Raised) else value.shape
        finding = _compare(key, seen, np.full(shape, target), atol, 0.0)
        within = f"{_quantity(key)} within {atol:g} of {target:g}"
        expected = within if atol else _said(key, np.array(target), ())
        return Finding(finding.passed, key, expected, finding.measured)

    return rule


def all_of(*probes: str) -> Rule:
    """Each quantity of these probes equals the reference's, within the tolerances of :func:`matches`."""

    def rule(seen: Observations, right: Observations) -> Finding:
        return matches(*(k for probe in probes for k in right if k.startswith(f"{probe}/")))(seen, right)

    return rule


def judge(
    checks: Iterable[Check], probes: Iterable[Probe], seen: Observations, right: Observations
) -> tuple[Verdict, ...]:
    """One verdict per check; its finding is the first rule that fails, else the last one."""
    fed = {p.id: p.fed for p in probes}
    verdicts = []
    for check in checks:
        for rule in check.rules:
            finding = rule(seen, right)
            if not finding.passed:
                break
        probe = finding.key.partition("/")[0]
        problem = seen.get(probe)
        attempted = not (isinstance(problem, Raised) and problem.not_attempted)
        verdicts.append(Verdict(check, finding.passed if attempted else None, finding, fed[probe]))
    return tuple(verdicts)


def agree(a: Array | Raised | None, b: Array | Raised | None) -> bool:
    """True where two observations show the same behaviour: same shape and values, or the same kind of exception.

    The sentences of BadOutput are the judge's own, so they count too.
    """
    if a is b:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and (bool((a == b).all()) or _close(a, b))
    if isinstance(a, Raised) and isinstance(b, Raised):
        return a.kind == b.kind and (a.kind != "BadOutput" or a.message == b.message)
    return False


def _close(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True))


def worst(a: Array, b: Array) -> tuple[int, ...]:
    """Index of the element in which two arrays of one shape differ most; a NaN counts as the largest difference.

    >>> worst(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
    (1,)
    """
    gap = np.nan_to_num(np.abs(a - b), nan=np.inf)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), a.shape)) if a.ndim else ()


def number(value: float) -> str:
    """A number as messages show it: four significant digits, and rounding noise as 0.

    >>> number(1.18449), number(3.0), number(-2e-9), number(float("nan"))
    ('1.184', '3', '0', 'NaN')
    """
    if np.isnan(value):
        return "NaN"
    return "0" if abs(value) < 1e-7 else f"{value:.4g}"


def pair(key: str, mine: Array | Raised, right: Array) -> tuple[str, str]:
    """(measured, expected) as text for the element that differs most."""
    if isinstance(mine, Raised):
        return str(mine), _said(key, right, worst(right, np.zeros_like(right)))
    if mine.shape != right.shape:
        return f"{_quantity(key)} of shape {mine.shape}", f"shape {right.shape}"
    index = worst(mine, right)
    return _said(key, mine, index), _said(key, right, index)


def _compare(key: str, seen: Observations, expected: Array, atol: float, rtol: float) -> Finding:
    mine = _look_up(seen, key)
    measured, wanted = pair(key, mine, expected)
    passed = (
        isinstance(mine, np.ndarray)
        and mine.shape == expected.shape
        and bool(np.allclose(mine, expected, atol=atol, rtol=rtol))
    )
    return Finding(passed, key, wanted, measured)


def _look_up(seen: Observations, key: str) -> Array | Raised:
    probe = key.partition("/")[0]
    return seen[probe] if probe in seen else seen[key]


def _quantity(key: str) -> str:
    return key.partition("/")[2]


def _said(key: str, array: Array, index: tuple[int, ...]) -> str:
    """One element in words: "running_var[0] = 1.2"; where the quantity asks a question, "did it move: yes"."""
    value, (question, yes_no, _) = float(array[index]), _quantity(key).partition(YES)
    if yes_no and value in (0.0, 1.0):
        return f"{question.rstrip()}: {'yes' if value else 'no'}"
    place = f"[{', '.join(map(str, index))}]" if index else ""
    return f"{_quantity(key)}{place} = {number(value)}"
