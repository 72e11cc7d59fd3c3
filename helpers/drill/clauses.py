"""Clauses: where a sentence is cut, and which role holds in each part.

"In training it uses the batch, at test time what it has stored" has two clauses, and each has its role. A clause
without a role of its own has that of the one before it.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from .phrases import MARK

_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|\n+")
_SHORT = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|fig|eq|al|approx|resp|sec)|^\s*\d)\.$")
_STRONG = (
    r"but|whilst|while|whereas|although|though|however|yet|because|which|whose|rather than|instead of|instead|"
    r"as opposed to|unlike|in contrast to|in contrast|compared to|compared with|versus|vs\.?|unless|than|only then|"
    r"on the other hand|conversely|contrary to|even if|even though|until"
)
_VERB = (
    r"uses?|reads?|takes?|relies|rely|keeps?|stores?|is|are|was|were|has|have|does|do|can|will|should|must|may|needs?|"
    r"becomes?|gets?|stays?|makes?|gives?|updates?|computes?|normali[sz]es?|falls?|applies|apply|switch(?:es)?|then|"
    r"it|they|this|that|these|those|he|we|you|one|there|so|hence|thus|therefore|not|never|no|also|instead|works?|"
    r"depends?|remains?|changes?|steers?|sets?|controls?|affects?|acts?|turns?|moves?|tunes?|governs?|leaves?|helps?|"
    r"removes?|means|serves?|behaves?|runs?|looks?|comes?|goes|stops?|starts?|begins?|hurts?|breaks?|prevents?|subtracts?|divides?|learns?|trains?|adds?|fixes|shares?|pools?|drops?|ignores?|lets?|allows?"
)
_BREAK = re.compile(
    rf"[;:](?=\s|$)|—|(?<=[a-z]{{3}})\s--?\s(?=[a-z]{{2}})|[()]|,|\b(?:{_STRONG})\b|\b(?:and|or)\b|\bnot\b", re.I
)
_CUE = re.compile(rf"\s*(?:and\s+|or\s+|so\s+|just\s+|only\s+)*(?:{_STRONG}|{_VERB}|without|nor|neither)\b")
_AND = re.compile(rf"\s+(?:\w+ly\s+|only\s+|just\s+)?(?:{_VERB})\b")
_DOING = re.compile(r"\s+(?:\w+ly\s+)?\w+ing\s+\w+")
_TURNED = re.compile(r"\b(?:not|no|never|nothing|without)\b|n't\b")
_IT = re.compile(r"[\s,;—]*(?:(?:and|so|but|since|as|because|hence|thus|then)\s+)*it\b")
_PRONOUN = re.compile(
    r"\s*(?:(?:and|so|but|because|then|that|instead,?|there,?|here,?|now,?|hence,?|in other words,?|this way,?) )*"
    r"(?:it|its|they|their|these|those|this|both|that|which|whose|each|here|there|instead|then|such|"
    rf"the{MARK} (?:layer|same|two|former|latter))\b"
)
_TURN = re.compile(r"[\s,;—(]*(?:but|however|yet|whereas|in fact|actually|in reality)\b")
_FOIL = re.compile(
    r"\b(?:not|unlike|than|rather than|instead of|contrast to|contrast with|opposed to|as|like)\s+(?:\w+\s+)?$"
)
_VERB_FIRST = re.compile(rf"[\s,;—]*(?:(?:and|or|but|so|then|also|only|just|\w+ly)\s+)*(?:{_VERB})\b")
_RELATIVE = re.compile(r"[\s,]*(?:which|whose|who)\b")
_WORD = re.compile(r"[a-z]{2,}")


@dataclass(frozen=True)
class Hit:
    """A concept that occurs in the plain text from ``start`` to ``end``."""

    name: str
    start: int
    end: int


@dataclass
class Clause:
    """A stretch of a sentence with what is known about it."""

    start: int
    end: int
    sentence: int
    hits: list[Hit] = field(default_factory=list)
    own: dict[str, set[str]] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)
    far: set[str] = field(default_factory=set)
    subjects: list[Hit] = field(default_factory=list)
    turns: list[tuple[int, int, bool]] = field(default_factory=list)
    rejected: bool = False
    hearsay: bool = False
    cited: bool = False
    asked: bool = False
    supposed: bool = False
    pronoun: bool = False


Roles = dict[str, set[str]]
"""Of each group the concepts that hold."""


def cut(text: str, hits: list[Hit], roles: Mapping[str, str]) -> list[Clause]:
    """All clauses of a plain text with their hits; ``roles`` maps concepts to groups."""
    made = [
        Clause(a, b, number)
        for number, (start, end) in enumerate(_sentences(text))
        for a, b in pairwise([start, *_cuts(text, start, end, hits, roles), end])
        if text[a:b].strip(" ,;:—()-.")
    ]
    starts = [clause.start for clause in made]
    for hit in hits:
        at = bisect.bisect_right(starts, hit.start) - 1
        if at >= 0:
            made[at].hits.append(hit)
    for clause in made:
        clause.pronoun = bool(_PRONOUN.match(text, clause.start, clause.end))
    return made


def parts(text: str, several: list[Clause]) -> list[list[Clause]]:
    """Clauses of one sentence up to a "but": as far as an attribution reaches."""
    made: list[list[Clause]] = []
    for clause in several:
        turn = _TURN.match(text, clause.start, clause.end)
        if made and made[-1][-1].sentence == clause.sentence and not turn:
            made[-1].append(clause)
        else:
            made.append([clause])
    return made


def _sentences(text: str) -> list[tuple[int, int]]:
    made, start = [], 0
    for end in _END.finditer(text):
        if end[0][0] == "." and _SHORT.search(text[start : end.start() + 1]):
            continue
        if text[start : end.end()].strip():
            made.append((start, end.end()))
        start = end.end()
    if text[start:].strip():
        made.append((start, len(text)))
    return made


def _cuts(text: str, start: int, end: int, hits: list[Hit], roles: Mapping[str, str]) -> Iterator[int]:
    """Where a sentence is cut: before a conjunction, a bracket or a comma that begins something new."""
    last = start
    role_hits = [h for h in hits if h.name in roles and start <= h.start < end]
    for found in _BREAK.finditer(text, start, end):
        at, mark = found.start(), found[0]
        if at <= last or any(h.start < at < h.end <= h.start + 30 for h in hits):
            continue
        rest, before = text[found.end() : end], text[last:at]
        match mark:
            case ",":
                cut = bool(_WORD.search(before)) and (_begins(rest) or _near(role_hits, found.end(), 3))
            case "(" | ")":
                inside = rest.partition(")")[0] if mark == "(" else text[text.rfind("(", start, at) + 1 : at]
                cut = len(re.findall(r"[a-z]{3,}", inside)) >= 3
            case "and":
                doing = _TURNED.search(before) and _DOING.match(rest)
                cut = bool(_AND.match(rest) or doing) or _other_role(text, last, found, end, role_hits, roles)
            case "or":
                cut = False
            case "not":
                cut = bool(re.search(r"(?:,|\band|\bbut)\s*$", before))
            case "because":  # "does not work because …" is one thing
                cut = not (_TURNED.search(before) and "," not in before[-3:])
            case "which":
                cut = not re.search(r"\b(?:in|of|for|on|at|with|to)\s*$", before)
            case _:
                cut = True
        if cut:
            yield at
            last = at


def _begins(rest: str) -> bool:
    """Whether what follows a comma is more than an item of a list."""
    after = re.sub(r"^\s*(?:and|or)\b", "", rest)
    item = re.split(r"[,;:—()]|\band\b|\bor\b|\bbut\b", after, maxsplit=1)[0] or after
    return bool(_CUE.match(rest)) or len(_WORD.findall(item)) >= 3


def _near(role_hits: list[Hit], at: int, reach: int) -> bool:
    return any(0 <= h.start - at <= reach for h in role_hits)


def _other_role(
    text: str, last: int, found: re.Match[str], end: int, role_hits: list[Hit], roles: Mapping[str, str]
) -> bool:
    """Whether a part after "and" has another role and says something of it: "in training and in eval" is a list."""
    after = [h for h in role_hits if found.end() <= h.start <= found.end() + 40]
    if not after or len(text[found.end() : after[0].start].split()) > 4:
        return False
    earlier = {roles[h.name]: h.name for h in role_hits if last <= h.start < found.start()}
    if earlier.get(roles[after[0].name], after[0].name) == after[0].name:
        return False
    gap = text[max([h.end for h in role_hits if h.end <= found.start()], default=0) : found.start()]
    around = text[found.end() : after[0].start] + " " + re.split(r"[,;:.—]", text[after[0].end : end], maxsplit=1)[0]
    return bool(gap.split()) or len(re.findall(r"[a-z]{4,}", around)) >= 2


def give_roles(
    text: str, several: list[Clause], roles: Mapping[str, str], hides: Mapping[str, tuple[str, ...]], subject: str
) -> None:
    """Say which roles hold in each clause, when its turns are known; ``subject`` holds where none is named."""
    default: Roles = {roles[subject]: {subject}} if subject in roles else {}
    returns = bool(subject) and subject == next(n for n, group in roles.items() if group == roles[subject])
    current = opening = default
    outside: list[Roles] = []
    foils: Roles = {}
    previous = None
    named = False
    for clause in several:
        same = previous is not None and previous.sentence == clause.sentence
        if not same:
            # A new sentence comes back to the first of its group, batch norm, which needs no name.
            begun = {group: opening[group] for group in default if group in opening}
            current = opening = {**current, **(default if returns and not clause.pronoun else begun)}
            named = False
        elif _IT.match(text, clause.start, clause.end):  # "it" is what the sentence began with
            current = {**current, **{group: opening[group] for group in default if group in opening}}
        clause.own, others = _own(text, clause, roles)
        hidden = {name for names in clause.own.values() for one in names for name in hides.get(one, ())}
        clause.own = {group: names - hidden for group, names in clause.own.items()}
        aside = bool(foils) and same and bool(_RELATIVE.match(text, clause.start, clause.end))
        if aside:  # "unlike batch norm, which …"
            clause.own = {**foils, **clause.own}
        if not named and any(group in default for group in clause.own):  # what the sentence is about
            opening = {**opening, **{g: n for g, n in clause.own.items() if g in default}}
            named = True
        foils = others
        if text[clause.start] == ")" and outside:
            current = outside.pop()
        elif text[clause.start] == "(":
            outside.append(current)
        clause.roles = {**current, **clause.own}
        if previous is not None:
            clause.far = ({*current} if not same else previous.far) - {*clause.own}
            _connect(text, previous, clause, roles, same)
        current = current if aside else clause.roles
        previous = clause


def _own(text: str, clause: Clause, roles: Mapping[str, str]) -> tuple[Roles, Roles]:
    """The roles that a clause names, and those that it names only to set them aside."""
    own: Roles = {}
    foils: Roles = {}
    for hit in clause.hits:
        if group := roles.get(hit.name):
            foil = _FOIL.search(text, max(clause.start, hit.start - 24), hit.start)
            (foils if foil else own).setdefault(group, set()).add(hit.name)
    return own, foils


def _connect(text: str, previous: Clause, clause: Clause, roles: Mapping[str, str], same: bool) -> None:
    """Give a role that comes late, "…, when training", to what stands before it, and a pronoun its subject."""
    content = [h for h in clause.hits if h.name not in roles]
    if same and clause.own and not content and len(_WORD.findall(text[clause.start : clause.end])) <= 5:
        late = {group: names for group, names in clause.own.items() if group not in previous.own}
        previous.roles = {**previous.roles, **late}
        previous.far = previous.far - {*late}
    if previous.hearsay:
        return  # what others say has no pronoun here
    if clause.pronoun or (same and _VERB_FIRST.match(text, clause.start, clause.end)):
        before = [h for h in previous.hits if h.name not in roles]
        first = min((h.start for h in before), default=0)
        limit = min((t[0] for t in previous.turns if t[0] > first), default=first + 30)
        clause.subjects = [h for h in before if h.start <= min(first + 30, limit)] or previous.subjects
