"""Which known mistake behaves exactly like this?  Pure: compares observations, runs nothing.

Where no suspect does, the answer is pieced together.  Each key is weighed by how few suspects disturb it: a key that
few disturb tells much.  Suspects are then taken one after the other, each for what the ones before it leave
unexplained, so that two mistakes in one layer are named as two.  What then remains is shown without a cause, and at
most its category is named, from the suspects that disturb the same keys in another way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from .compare import agree, pair
from .model import Explanation, Observations, Raised, Suspect
from .record import Deviation, Record

AT_MOST = 3
TRUSTED = 0.5  # a suspect is named where at least this share of what it predicts is seen
WORTH = 0.02  # and where it explains at least this share of what is wrong
NEAR = 0.6  # of a mistake that is not known, categories this close to the likeliest are named too
UNTOLD = 0.25  # categories are named where more than this share is left unexplained


def explain(seen: Observations, record: Record) -> tuple[Explanation, ...]:
    """At most three explanations, best first.

    Suspects that agree with ``seen`` on every key are exact, and then only these are named; one whose id has the form
    ``a+b`` is named as its two parts.  Otherwise come the nearest suspects, and last, with id "", the category of a
    mistake that is none of them.
    """
    right = record.right
    mine = Deviation.of(seen, right)
    if not mine.keys:
        return ()
    by_id = {s.id: s for s in record.suspects}
    theirs = record.deviations
    exact = [by_id[id] for id, deviation in theirs.items() if deviation == mine]
    if exact:
        first, *others = sorted(exact, key=lambda s: "+" in s.id)
        if "+" in first.id:
            a, b = (by_id[part] for part in first.id.split("+"))
            return _named(a, True, seen, right, mine.keys), _named(b, True, seen, right, mine.keys, together=True)
        return tuple(_named(s, True, seen, right, mine.keys) for s in (first, *others) if "+" not in s.id)[:AT_MOST]
    known = {id: deviation for id, deviation in theirs.items() if "+" not in id}
    weights = _weights([mine, *known.values()])
    named, left = _nearest(mine, known, weights)
    found = [_named(by_id[id], False, seen, right, keys, id != next(iter(named))) for id, keys in named.items()]
    left = frozenset(k for k in left if not any(known[id].touches(k, mine) for id in named))
    if _sum(weights, left) > UNTOLD * _sum(weights, mine.keys):
        unknown = _categories(left, mine, known, by_id, weights)
        named_already = {e.category for e in found}
        found += [_unknown(c, keys, seen, right, weights) for c, keys in unknown if c not in named_already]
    return tuple(found[:AT_MOST])


def _weights(deviations: Collection[Deviation]) -> dict[str, float]:
    """1 / (number of deviations that contain the key)."""
    counts = Counter(k for d in deviations for k in d.keys)
    return {k: 1 / n for k, n in counts.items()}


def _sum(weights: Mapping[str, float], keys: Iterable[str]) -> float:
    return sum(weights[k] for k in keys)


def _nearest(
    mine: Deviation, known: Mapping[str, Deviation], weights: Mapping[str, float]
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Suspects with the keys that each explains, best first, and the keys that none explains."""
    shared, trust = {}, {}
    for id, theirs in known.items():
        both = mine.keys & theirs.keys
        shared[id] = frozenset(k for k in both if agree(mine.seen[k], theirs.seen[k]))
        said = _sum(weights, shared[id])
        missing = _sum(weights, (k for k in theirs.keys - mine.keys if not mine.unseen(k)))
        masked = _sum(weights, both - shared[id])
        trust[id] = said / (said + missing + masked / 2) if said else 0.0
    total, left = _sum(weights, mine.keys), mine.keys
    named: dict[str, frozenset[str]] = {}
    while len(named) < AT_MOST:
        gain = {id: _sum(weights, shared[id] & left) * trust[id] for id in known if trust[id] >= TRUSTED}
        best = max(gain, key=lambda id: gain[id], default="")
        if not best or gain[best] < WORTH * total:
            break
        named[best] = shared[best]
        left -= shared[best]
    return named, left


def _categories(
    left: frozenset[str],
    mine: Deviation,
    known: Mapping[str, Deviation],
    by_id: Mapping[str, Suspect],
    weights: Mapping[str, float],
) -> list[tuple[str, frozenset[str]]]:
    """Categories whose suspects disturb the unexplained keys, whatever the values; with these keys, best first."""
    best: dict[str, tuple[float, frozenset[str]]] = {}
    for id, theirs in known.items():
        alike = frozenset(k for k in left if theirs.touches(k, mine))
        extra = (k for k in theirs.keys - mine.keys if not mine.unseen(k))
        score = _sum(weights, alike) / (_sum(weights, left) + _sum(weights, extra))
        category = by_id[id].category
        if score > best.get(category, (0.0, alike))[0]:
            best[category] = score, alike
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    return [(category, keys) for category, (score, keys) in ranked if score >= NEAR * ranked[0][1][0]]


def _named(
    suspect: Suspect,
    exact: bool,
    seen: Observations,
    right: Observations,
    keys: Collection[str],
    together: bool = False,
) -> Explanation:
    key = suspect.shows if suspect.shows in keys else _telling(seen, right, keys)
    return Explanation(suspect.id, suspect.category, suspect.title, exact, evidence(key, seen, right), together)


def cannot_tell(evidence: str, categories: Sequence[str]) -> str:
    """What is said of a mistake that is not known."""
    return f"{evidence}. I cannot tell why; mistakes about {' or '.join(categories)} show there."


def _unknown(
    category: str, keys: Collection[str], seen: Observations, right: Observations, weights: Mapping[str, float]
) -> Explanation:
    key = _telling(seen, right, [k for k in keys if weights[k] == max(weights[k] for k in keys)])
    mine, expected = seen[key], right.get(key)
    if isinstance(mine, Raised) or not isinstance(expected, np.ndarray):
        text = f"I can see that {key.partition('/')[0]} stops with {mine}"
    else:
        measured, wanted = pair(key, mine, expected)
        text = f"I can see that {measured}, and {wanted} would be right"
    return Explanation("", category, cannot_tell(text, [category]), False, text)


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
