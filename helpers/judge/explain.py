"""Which known mistake behaves exactly like this?  Pure: compares observations, runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .model import Explanation, Observations, Raised, Suspect
from .rules import agree, pair

AT_MOST = 3


def differing(seen: Observations, right: Observations) -> frozenset[str]:
    """Keys on which ``seen`` and ``right`` disagree, in either direction."""
    return frozenset(k for k in seen.keys() | right.keys() if not agree(seen.get(k), right.get(k)))


def explain(
    seen: Observations,
    right: Observations,
    suspects: Iterable[Suspect],
    lineup: Mapping[str, Observations],
) -> tuple[Explanation, ...]:
    """At most three suspects, best first.

    ``lineup[suspect.id]`` holds the suspect's observations.  A suspect that agrees with ``seen`` on every key is
    exact, and then only exact ones are named.  Otherwise suspects are ranked by the share of differing keys that they
    reproduce, and named only where that share is at least one half.
    """
    mine = differing(seen, right)
    if not mine:
        return ()
    ranked = []
    for order, suspect in enumerate(suspects):
        theirs = lineup[suspect.id]
        unlike = differing(seen, theirs)
        changed = mine | differing(theirs, right)
        share = len(changed - unlike) / len(changed)
        if share >= 0.5:
            shared = mine - unlike
            key = suspect.shows if suspect.shows in shared else _telling(seen, right, shared)
            ranked.append((-share, order, suspect, not unlike, evidence(key, seen, right)))
    ranked.sort(key=lambda r: r[:2])
    if any(exact for *_, exact, _ in ranked):
        ranked = [r for r in ranked if r[3]]
    return tuple(Explanation(s.id, s.category, s.title, exact, text) for _, _, s, exact, text in ranked[:AT_MOST])


def evidence(key: str, seen: Observations, right: Observations) -> str:
    """The learner's number beside the right one, for one key: "running_var[0] = 1.184; right: … = 1.202"."""
    mine, expected = seen.get(key), right.get(key)
    if isinstance(mine, Raised):
        return str(mine)
    if not isinstance(mine, np.ndarray) or not isinstance(expected, np.ndarray):
        return ""
    measured, wanted = pair(key, mine, expected)
    return f"yours: {measured}; right: {wanted}"


def _telling(seen: Observations, right: Observations, keys: Iterable[str]) -> str:
    """The first differing key in the order of the probes: early probes are the simple ones."""
    order = {k: i for i, k in enumerate([*seen, *right])}
    return min(keys, key=lambda k: (not isinstance(seen.get(k), np.ndarray), order[k]))
