"""Rules that checks are made of, and the verdicts they give.  Pure: no learner code is in reach."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .compare import UNKNOWN, look_up, pair, quantity_of, said
from .model import Array, Check, Finding, Observations, Probe, Raised, Rule, Verdict


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
        value = look_up(seen, key)
        shape = () if isinstance(value, Raised) else value.shape
        finding = _compare(key, seen, np.full(shape, target), atol, 0.0)
        within = f"{quantity_of(key)} within {atol:g} of {target:g}"
        expected = within if atol else said(key, np.array(target), ())
        return Finding(finding.passed, key, expected, finding.measured)

    return rule


def all_of(*probes: str) -> Rule:
    """Each quantity of these probes equals the reference's, within the tolerances of :func:`matches`."""

    def rule(seen: Observations, right: Observations) -> Finding:
        return matches(*(k for probe in probes for k in right if k.startswith(f"{probe}/")))(seen, right)

    return rule


def verdicts_of(
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


def _compare(key: str, seen: Observations, expected: Array, atol: float, rtol: float) -> Finding:
    mine = look_up(seen, key)
    measured, wanted = pair(key, mine, expected)
    passed = (
        isinstance(mine, np.ndarray)
        and mine.shape == expected.shape
        and bool(np.allclose(mine[known := mine != UNKNOWN], expected[known], atol=atol, rtol=rtol))
    )
    return Finding(passed, key, wanted, measured)
