"""What is to be said about a wrong answer, the first thing to mend first.  Pure: compares observations, runs nothing.

Names and arguments come before everything, then the exception that stops the code, then mistakes in numbers.  A
suspect that agrees on every probe is named alone.  Otherwise the few suspects are sought that together account for
what is seen: a key that one of them disturbs must be as it makes it, a key that several disturb may be as it likes,
and what a suspect would disturb and is right speaks against it.  A suspect is named only where it explains a red
check of the card, and where the source does not refute it.  Otherwise it is said that the mistake is not known.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .compare import agree, at, pair, wrong_keys
from .model import Check, Explanation, Observations, Raised, Suspect, Verdict
from .plain import Plain, plain_slips
from .reading import PROBE, Slip, slips_in
from .record import Deviation, Record
from .slips import mode_slip, nested_forward, sentence
from .source import NO_SOURCE, Source

AT_MOST = 3
CANDIDATES = 16
"""So many suspects, the likeliest by themselves, are tried in threes."""
ROUNDS = 1
"""So often the search begins anew without those that the rest speaks against."""
COST = 0.6
"""What one more suspect must explain to be worth naming, in keys that only one suspect makes so."""
TELLING = 0.3
"""What a suspect that is named must explain alone, in the same measure."""
LIKE = 0.8
"""A suspect that is only alike must disturb this share of the keys that either disturbs."""
LAST = "one row"
"""The category whose mistakes come last: a whole batch is more than its last row."""


@dataclass(frozen=True)
class Card:
    """The verdicts to be explained, and which keys each check looks at."""

    verdicts: tuple[Verdict, ...]
    asked: Mapping[str, frozenset[str]]

    @property
    def red(self) -> list[Verdict]:
        """Failed checks in the order in which a person would mend them."""
        failed = [v for v in self.verdicts if v.passed is False]
        return sorted(failed, key=lambda v: v.check.id == LAST.replace(" ", "_"))

    def keys(self, verdict: Verdict, seen: Observations, right: Observations) -> frozenset[str]:
        """The keys of a check that differ."""
        return frozenset(k for k in self.asked[verdict.check.id] if not agree(at(seen, k), right.get(k)))


class Tracked(dict):  # type: ignore[type-arg]
    """Observations that note which keys are read."""

    def __init__(self, seen: Observations) -> None:
        super().__init__(seen)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.read.add(key)
        return super().__getitem__(key)


def keys_asked(check: Check, right: Observations) -> frozenset[str]:
    """The observations that a check looks at."""
    seen = Tracked(right)
    for rule in check.rules:
        seen.read.add(rule(seen, right).key)
    return frozenset(seen.read)


def explain(seen: Observations, record: Record, card: Card, source: Source = NO_SOURCE) -> tuple[Explanation, ...]:
    """What is to be said, the first thing to mend first; () where no check of the card is red."""
    if all(v.passed for v in card.verdicts):
        return ()
    half = _half(seen, card)
    red = card.red
    if not red:
        return half
    slips = slips_in(seen)
    exact = _exact(seen, record, source)
    found = [*_names(slips, source)]
    if exact:
        return (*_on_this_card(exact, found, slips, seen, record, card), *half)
    crash, whole = _crash(seen, record, card, source)
    if any(s.role == "method" and not s.found for s in slips):
        return tuple(found)
    late = [s.asked for s in slips if s.role in ("late", "parameter", "buffer") and not s.found]
    found += [e for e in crash if not late or "line " in e.title]
    if not whole:
        named = _causes(seen, record, card, source, slips)
        if any(card.keys(verdict, seen, record.right) for verdict in red):
            named = _plainly(plain_slips(seen, record.right, source, Source(record.source)), named, seen, record.right)
        found += [replace(e, together=bool(found) or i > 0) if e.kind == "cause" else e for i, e in enumerate(named)]
    if not found:
        found = [_unknown(red[0], seen, record.right)]
    return (*found, *half)


def _on_this_card(
    exact: Sequence[Explanation],
    names: Sequence[Explanation],
    slips: Collection[Slip],
    seen: Observations,
    record: Record,
    card: Card,
) -> tuple[Explanation, ...]:
    """Of two mistakes at once those that this card asks about; a mistake in names in the words for names."""
    if names:
        pairs = [(s.found or "nothing", s.asked) for s in slips]
        told = f"yours: {', '.join(f for f, _ in pairs)}; right: {', '.join(a for _, a in pairs)}"
        return tuple(replace(e, title=names[0].title, kind="names", evidence=told) for e in exact[:1])
    red = frozenset(k for v in card.red for k in card.keys(v, seen, record.right))
    probes = {k.partition("/")[0] for k in red}
    here = [e for e in exact if any(k in red or k in probes for k in record.deviations[e.id].keys)]
    return tuple(replace(e, together=e.together and i > 0) for i, e in enumerate(here or exact))


def _exact(seen: Observations, record: Record, source: Source) -> tuple[Explanation, ...]:
    mine = Deviation.of(seen, record.right)
    by_id = {s.id: s for s in record.suspects}
    same = [by_id[id] for id, deviation in record.deviations.items() if deviation.alike(mine)]
    parts = {s.id: [by_id[part] for part in s.id.split("+")] for s in same}
    same = [s for s in same if not any(source.refutes(p) for p in parts[s.id])]
    if not same:
        return ()
    first = min(same, key=lambda s: "+" in s.id)
    if "+" in first.id:
        a, b = parts[first.id]
        return _named(a, True, seen, record.right, mine.keys), _named(b, True, seen, record.right, mine.keys, True)
    alone = [s for s in same if "+" not in s.id][:AT_MOST]
    told = [_named(s, True, seen, record.right, mine.keys) for s in alone]
    mode = mode_slip(source) if first.category == "modes" else ""
    return tuple([replace(told[0], title=mode)] if mode else told)


def _names(slips: Collection[Slip], source: Source) -> list[Explanation]:
    """One sentence about the names, and one about what keeps the class from being a layer at all."""
    sentences = [_slip_said(s, source) for s in slips if s.role in ("instance", "class", "super", "method")]
    late = [s.asked for s in slips if s.role == "late"]
    if late:
        sentences.append(_late(late))
    renamed = [(s.asked, s.found) for s in slips if s.role in ("parameter", "buffer") and s.found]
    lost = [s.asked for s in slips if s.role in ("parameter", "buffer") and not s.found]
    if renamed:
        sentences.append(
            f"other names are asked for: {', '.join(f'`self.{a}` for your `self.{f}`' for a, f in renamed)}."
        )
    if lost:
        missing, it = " and no ".join(f"`self.{name}`" for name in lost), "it" if len(lost) == 1 else "them"
        sentences.append(f"there is no {missing}; make {it} in `__init__`.")
    arguments = [s for s in slips if s.role == "argument"]
    if arguments:
        said = [f"`{s.asked}` for your `{s.found}`" if s.found else f"`{s.asked}`, which is missing" for s in arguments]
        sentences.append(f"arguments of `__init__` that are asked for: {', '.join(said)}.")
    sentences += [_slip_said(s, source) for s in slips if s.role in ("order", "mode", "flag")]
    if not sentences:
        return []
    text = " ".join(s if s.startswith("`") else s[0].upper() + s[1:] for s in sentences)
    fatal = any(s.role == "method" and not s.found for s in slips)
    return [
        Explanation(
            "", "names", text if fatal else f"{text} The rest is judged as if that were so.", False, "", kind="names"
        )
    ]


def _plainly(
    plain: Sequence[Plain], named: Sequence[Explanation], seen: Observations, right: Observations
) -> list[Explanation]:
    """What is plain before what is likely, each thing once, and no more than is told of causes."""
    said = [Explanation("", p.category, p.title, False, evidence(p.key, seen, right), kind="cause") for p in plain]
    kept = [e for e in named if not any(re.search(p.hides, e.title) for p in plain)]
    return [*said, *(e for e in kept if not said or e.kind == "cause")][: max(AT_MOST, len(said))]


def _late(names: Sequence[str]) -> str:
    what = " and ".join(f"`self.{name}`" for name in names)
    verb, it = ("is", "it") if len(names) == 1 else ("are", "them")
    why = "an optimizer or a state_dict looks before the first batch"
    return f"{what} {verb} None after `__init__`; make {it} there: {why}."


def _slip_said(slip: Slip, source: Source) -> str:
    match slip.role:
        case "instance":
            return f"pass the class, `check({slip.asked})`, not a layer made of it."
        case "class":
            return "inherit from `nn.Module`, and begin `__init__` with `super().__init__()`."
        case "super":
            return "`super().__init__()` is missing; it must be the first line of `__init__`."
        case "method" if slip.found:
            return f"the method is called `forward`; yours is `{slip.found}`."
        case "method":
            return nested_forward(source) or "the class has no method `forward`; look at its name and its indentation."
        case "order":
            return f"the arguments of `__init__` should come in the order {slip.asked}; yours come as {slip.found}."
        case "mode":
            return f"`forward` takes x alone; the mode is `self.training`, not an argument `{slip.found}`."
        case _:
            return (
                f"the mode is `self.training`, which `train()` and `eval()` set; nobody sets your `self.{slip.found}`."
            )


def _crash(seen: Observations, record: Record, card: Card, source: Source) -> tuple[list[Explanation], bool]:
    """The exception that stops most, among those that red checks of the card met; and whether it says all there is."""
    groups: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Raised] = {}
    for value in seen.values():
        if isinstance(value, Raised) and not value.not_attempted:
            group = (value.kind, value.where or value.message)
            groups[group] += 1
            first.setdefault(group, value)
    probes = {k.partition("/")[0] for k in record.right} - {PROBE}
    met: Counter[tuple[str, str]] = Counter()
    for verdict in card.red:
        stopped = seen.get(verdict.finding.key.partition("/")[0])
        if isinstance(stopped, Raised):
            value = stopped
            group = (value.kind, value.where or value.message)
            theirs = value.where or value.kind == "BadOutput" or groups[group] >= len(probes) / 2
            met[group] += bool(theirs)
    if not any(met.values()):
        return [], False
    group = max(met, key=lambda g: (met[g], groups[g]))
    raised = first[group]
    text = sentence(raised, source)
    whole = groups[group] >= len(probes) / 2 or met[group] == len(card.red)
    return [Explanation("", "crash", text, False, "", kind="crash")], whole


def _half(seen: Observations, card: Card) -> tuple[Explanation, ...]:
    """What ○ means on a card on which something else is judged."""
    if all(v.passed is None for v in card.verdicts):
        return ()
    for verdict in card.verdicts:
        value = seen.get(verdict.finding.key.partition("/")[0])
        if verdict.passed is None and isinstance(value, Raised):
            return (
                Explanation("", "half", f"○ means: the code still stops at {value.where}.", False, "", kind="half"),
            )
    return ()


class _Lineup:
    """Suspects against observations as tables: rows are suspects, columns the right observations' keys."""

    def __init__(self, seen: Observations, record: Record, suspects: Sequence[Suspect]) -> None:
        self.suspects = suspects
        self.keys = [k for k in record.right if not k.startswith(f"{PROBE}/")]
        known = np.array([not isinstance(at(seen, k), Raised) for k in self.keys], dtype=bool)
        wrong = np.isin(self.keys, wrong_keys(seen, record.right))
        self.wrong, self.right = wrong & known, ~wrong & known
        self.touches = np.zeros((len(suspects), len(self.keys)), dtype=bool)
        self.agrees = np.zeros_like(self.touches)
        column = {k: i for i, k in enumerate(self.keys)}
        of_probe: dict[str, list[int]] = {}
        for key, i in column.items():
            of_probe.setdefault(key.partition("/")[0], []).append(i)
        for row, suspect in enumerate(suspects):
            for key in record.deviations[suspect.id].keys:
                if key in column:
                    i = column[key]
                    self.touches[row, i] = True
                else:
                    self.touches[row, of_probe.get(key, [])] = True
        rows = {s.id: row for row, s in enumerate(suspects)}
        for i in map(int, np.flatnonzero(self.wrong)):
            value = seen[self.keys[i]]
            if isinstance(value, np.ndarray):
                self.agrees[[rows[id] for id in record.agreeing(self.keys[i], value) if id in rows], i] = True
        self.touches &= known
        alike = self.agrees.sum(0)
        self.weight = self.worth = 1 / np.maximum(1, alike)
        """Of a key, the less the more suspects make it so."""

    def telling(self, keys: Collection[str]) -> list[str]:
        """Of some keys those that the fewest suspects make so."""
        weights = dict(zip(self.keys, self.weight, strict=True))
        most = max((weights[k] for k in keys), default=0.0)
        return [k for k in keys if weights[k] >= 0.5 * most]

    def score(self, rows: Sequence[int]) -> float:
        """What a set of suspects accounts for, less what speaks against it."""
        touched = self.touches[list(rows)].sum(0)
        agreeing = self.agrees[list(rows)].sum(0)
        agreed = agreeing > 0
        explained = (self.worth * (self.wrong & agreed)).sum()
        mixed = (self.wrong & ~agreed & (touched > 1)).sum() * 0.05
        odd = (self.wrong & ~agreed & (touched == 1)).sum() * 0.08
        against = (self.right & (touched > 0)).sum() + 0.2 * (agreed & (touched > agreeing)).sum()
        return float(explained - mixed - odd - against - COST * len(rows))

    def best(self, on_card: Collection[str]) -> tuple[int, ...]:
        """The at most three suspects that account for most together, each of them trusted; () where there are none."""
        self.worth = self.weight * np.array([2.0 if k in on_card else 1.0 for k in self.keys])
        doubtful: set[int] = set()
        for _ in range(ROUNDS):
            chosen = self._best(doubtful)
            now = {row for row in chosen if not self.trusted(row, chosen)}
            if not now:
                return chosen
            doubtful |= now
        return tuple(row for row in chosen if row not in doubtful)

    def _best(self, without: Collection[int]) -> tuple[int, ...]:
        worth = (self.worth * self.agrees).sum(1) - (self.right & self.touches).sum(1)
        rows: list[int] = []
        told: set[bytes] = set()
        for row in np.argsort(-worth, kind="stable"):
            behaviour = self.agrees[row].tobytes() + self.touches[row].tobytes()
            if row not in without and self.agrees[row].any() and behaviour not in told and len(rows) < CANDIDATES:
                told.add(behaviour)
                rows.append(int(row))
        best: tuple[int, ...] = ()
        value = 0.0
        for many in range(1, AT_MOST + 1):
            for some in itertools.combinations(rows, many):
                now = self.score(some)
                if now > value + 1e-9:
                    best, value = some, now
        return best

    def like(self) -> int | None:
        """The suspect that disturbs nearly the same keys, some of them just so, and none that is right; or None."""
        union = (self.touches | self.wrong).sum(1)
        share = np.where(self.agrees.any(1), (self.touches & self.wrong).sum(1) / np.maximum(union, 1), 0.0)
        share[(self.touches & self.right).any(1)] = 0.0
        share[self.agrees.sum(1) < 0.25 * self.wrong.sum()] = 0.0
        share[(self.agrees * self.weight).sum(1) < TELLING] = 0.0
        row = int(np.argmax(share)) if len(share) else 0
        return row if len(share) and share[row] >= LIKE else None

    def trusted(self, row: int, chosen: Sequence[int]) -> bool:
        """True where nothing but a little speaks against a suspect among the others that are chosen."""
        others = (
            self.touches[[r for r in chosen if r != row]].any(0) if len(chosen) > 1 else np.zeros(len(self.keys), bool)
        )
        own = self.touches[row] & ~others
        agreed = (own & self.agrees[row]).sum() + 0.5 * (self.agrees[row] & others).sum()
        odd = (own & self.wrong & ~self.agrees[row]).sum()
        overruled = self.agrees[[r for r in chosen if r != row]].any(0) & self.touches[row] & ~self.agrees[row]
        against = (self.touches[row] & self.right).sum() + 0.2 * overruled.sum()
        telling = (self.weight * (own & self.agrees[row])).sum()
        return bool(telling >= TELLING and against <= 0.1 * agreed and odd <= agreed)


def _causes(
    seen: Observations, record: Record, card: Card, source: Source, slips: Collection[Slip]
) -> list[Explanation]:
    right = record.right
    lost = [s.asked for s in slips if s.role == "argument"]
    missing = any(s.role in ("parameter", "buffer", "late") for s in slips)
    known = [
        s
        for s in record.suspects
        if "+" not in s.id
        and not source.refutes(s)
        and not any(k.startswith(f"{PROBE}/") for k in record.deviations[s.id].keys)
        and not any(_of_argument(s, name) for name in lost)
        and not (missing and re.search(r"\b(finds|has) no\b|are None", s.title))
    ]
    lineup = _Lineup(seen, record, known)
    wrong = {verdict.check.id: card.keys(verdict, seen, right) for verdict in card.red}
    on_card = frozenset().union(*wrong.values()) if wrong else frozenset()
    chosen = lineup.best(on_card)
    told: list[Explanation] = []
    explained: set[str] = set()
    said: list[tuple[str, frozenset[str]]] = []

    def place(row: int) -> tuple[bool, int, float]:
        agreed = frozenset(itertools.compress(lineup.keys, lineup.agrees[row]))
        first = next((i for i, v in enumerate(card.red) if wrong[v.check.id] & agreed), len(card.red))
        return known[row].category == LAST, first, -_on(lineup, row, on_card)

    for row in sorted(chosen, key=place):
        keys = frozenset(itertools.compress(lineup.keys, lineup.agrees[row] | (lineup.touches[row] & lineup.wrong)))
        agreed = frozenset(itertools.compress(lineup.keys, lineup.agrees[row]))
        disturbed = frozenset(itertools.compress(lineup.keys, lineup.touches[row]))
        if not keys & on_card or any(disturbed <= of for category, of in said if category == known[row].category):
            continue
        said.append((known[row].category, disturbed))
        explained |= keys
        telling = lineup.telling(agreed & on_card or agreed)
        told.append(_named(known[row], False, seen, right, telling))
    mode = mode_slip(source)
    if mode and any(e.category == "modes" for e in told):
        first = next(e for e in told if e.category == "modes")
        told = [replace(e, title=mode) if e is first else e for e in told if e is first or e.category != "modes"]
    elif mode.startswith("`self.") and any("eval" in k for k in on_card):
        told.insert(0, Explanation("", "modes", mode, False, "", kind="cause"))
    unexplained = [v for v in card.red if wrong[v.check.id] and not (wrong[v.check.id] & explained)]
    unexplained = [v for v in unexplained if not isinstance(seen.get(v.finding.key.partition("/")[0]), Raised)]
    alike = lineup.like() if not told else None
    if alike is not None and _on(lineup, alike, on_card):
        keys = frozenset(itertools.compress(lineup.keys, lineup.agrees[alike])) & on_card
        return [replace(_named(known[alike], False, seen, right, lineup.telling(keys)), kind="like")]
    if unexplained and all(e.category == LAST for e in told):
        told = [_unknown(unexplained[0], seen, right), *told]
    return told


def _of_argument(suspect: Suspect, name: str) -> bool:
    """True where a suspect is about an argument of the constructor that is not there."""
    return name in suspect.title and bool(re.search(r"argument|default|asked for|refuses|becomes", suspect.title))


def _on(lineup: _Lineup, row: int, on_card: Collection[str]) -> float:
    here = np.array([k in on_card for k in lineup.keys], dtype=bool)
    return float(lineup.weight[lineup.agrees[row] & here].sum())


def _named(
    suspect: Suspect,
    exact: bool,
    seen: Observations,
    right: Observations,
    keys: Collection[str],
    together: bool = False,
) -> Explanation:
    key = suspect.shows if suspect.shows in keys else _telling(seen, right, keys)
    title = f"{suspect.title} {suspect.also}".rstrip() if exact else suspect.title
    return Explanation(suspect.id, suspect.category, title, exact, evidence(key, seen, right), together)


def _unknown(verdict: Verdict, seen: Observations, right: Observations) -> Explanation:
    title = re.sub(r"^\d+ · ", "", verdict.check.title)
    text = f"I do not know this mistake. Start here: {title}."
    return Explanation("", "unknown", text, False, evidence(verdict.finding.key, seen, right), kind="unknown")


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
