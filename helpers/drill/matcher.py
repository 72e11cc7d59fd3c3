"""Which key points an answer contains, and which red flags it asserts: offline, by ways of saying it.

A pattern of the bank is one statement: concepts that must meet in one clause::

    eval running                    both, and the clause is not negated
    not ln running                  both, and the clause is negated: "layer norm keeps no running statistics"
    eval running|buffers            a or b
    train !eval batch_mean          ! must not occur
    small_batch > more_noise        the second after the first
    affine "initiali* .. 1"         a phrase of its own, in double quotes
    warn forget_eval spoils         warnings count too: "a classic mistake is to …" does not turn it round
    maybe gn small_batch            a match is "not sure"
    plain formula_y                 negation and other norms are of no matter: for formulas and names
    sentence train batch_stats      may lie anywhere in one sentence, whatever stands between

What a negation does is counted, so that "ignores", "never depends on", "is independent of" are one thing, and "not
only" none. Concepts of an exclusive group (train and eval; the norms; PyTorch, Keras and the paper …) are *roles*: they
hold for their clause and those after it, until another of the group is named; a pattern without a norm does not match a
clause about another norm than the card's. What is asked, supposed, or said to be others' opinion is not asserted; what
is called a mistake or a myth is negated. The same statement with the other sign is evidence against a point, without
being written down. Evidence both ways, or a statement spread over two sentences, is "not sure".
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import bank
from .bank import Card, Flag, Point
from .clauses import Clause, Hit
from .phrases import Lexicon, Pattern, Term, parse
from .reading import Reading, read

Span = tuple[int, int]


@dataclass(frozen=True)
class Feedback:
    """What was found: None is "not sure". ``spans`` are places in the answer, ``[start, end)``, that show a point."""

    points: dict[str, bool | None]
    flags: dict[str, bool]
    spans: dict[str, list[Span]] = field(default_factory=dict)


@dataclass
class _Evidence:
    pro: list[Span] = field(default_factory=list)
    con: list[Span] = field(default_factory=list)
    weak: list[Span] = field(default_factory=list)


def feedback(card: Card, answer: str) -> Feedback:
    """Key points and red flags of one answer to a card."""
    known = bank.topics()[card.topic].lexicon()
    reading = read(answer, known, _names(card.id), card.subject)
    points: dict[str, bool | None] = {}
    spans: dict[str, list[Span]] = {}
    for point in card.points:
        points[point.id], spans[point.id] = _point(point, reading, known, card.subject)
    for point in card.points:
        if points[point.id] is not True and any(points.get(other) for other in point.implied_by):
            points[point.id] = True
            spans[point.id] = next(spans[o] for o in point.implied_by if points.get(o))
    flags = {}
    for flag in card.flags:
        flags[flag.id], spans[flag.id] = _flag(flag, reading, known, card.subject)
    return Feedback(points, flags, {name: places for name, places in spans.items() if places})


@functools.cache
def _names(card_id: str) -> set[str]:
    card = bank.load()[card_id]
    several: list[Point | Flag] = [*card.points, *card.flags]
    return {name for item in several for p in item.patterns for term in parse(p).terms for name in term.names}


def _point(point: Point, reading: Reading, known: Lexicon, subject: str) -> tuple[bool | None, list[Span]]:
    if point.most:
        parts = [_verdict(_weigh(says, (), reading, known, subject)) for _, says in point.most]
        found = [place for verdict, places in parts if verdict for place in places]
        sure = sum(verdict is True for verdict, _ in parts)
        if 2 * sure > len(parts):
            return True, found
        if not point.says:
            return (None if sure else False), found
    return _verdict(_weigh(point.says, point.opposite, reading, known, subject))


def _verdict(evidence: _Evidence) -> tuple[bool | None, list[Span]]:
    if evidence.pro:
        return (None if evidence.con else True), evidence.pro
    return (None if evidence.weak and not evidence.con else False), ([] if evidence.con else evidence.weak)


def _flag(flag: Flag, reading: Reading, known: Lexicon, subject: str) -> tuple[bool, list[Span]]:
    evidence = _weigh(flag.says, flag.opposite, reading, known, subject, is_flag=True)
    return bool(evidence.pro and not evidence.con), evidence.pro if not evidence.con else []


def _weigh(
    says: Iterable[str], opposite: Iterable[str], reading: Reading, known: Lexicon, subject: str, is_flag: bool = False
) -> _Evidence:
    evidence = _Evidence()
    other_sign: list[_Match] = []
    shown: set[int] = set()
    for text, sign in [*((s, True) for s in says), *((o, False) for o in opposite)]:
        pattern = parse(text)
        for found in _matches(pattern, reading, known, subject):
            content = sum(not t.absent and not all(n in known.group_of for n in t.names) for t in pattern.terms)
            if found.said_by_others or (found.supposed and (is_flag or not sign)) or (found.cited and is_flag):
                continue
            places = [reading.span(h.start, h.end) for h in found.hits]
            full = len([h for h in found.hits if h.name not in known.group_of]) >= content and found.own >= content
            if not sign:  # an opposite that is denied is no point yet
                evidence.con += places if found.holds and full and not found.weak else []
            elif not found.holds:  # the other sign is believed in one clause that says it all itself
                other_sign += [found] if found.tight and found.own > 1 and not found.weak else []
            elif found.weak or "maybe" in pattern.modifiers:
                evidence.weak += places
            else:
                evidence.pro += places
                shown |= found.clauses
    for found in other_sign:
        if not shown & found.clauses:
            evidence.con += [reading.span(h.start, h.end) for h in found.hits]
    return _Evidence(*(sorted({*places}) for places in (evidence.pro, evidence.con, evidence.weak)))


@dataclass(frozen=True)
class _Match:
    hits: tuple[Hit, ...]
    holds: bool
    """Whether the statement is asserted with the sign of its pattern."""
    clauses: set[int]
    own: int
    """How many of the hits stand in these clauses themselves."""
    tight: bool
    weak: bool
    said_by_others: bool
    cited: bool
    supposed: bool


def _matches(pattern: Pattern, reading: Reading, known: Lexicon, subject: str) -> list[_Match]:
    found: list[_Match] = []
    clauses = reading.clauses
    matched: set[int] = set()
    for i, clause in enumerate(clauses):
        hits = _all_terms(pattern, [clause], known)
        if hits is not None and not _elsewhere(pattern, [clause], known, subject):
            found.append(_match(pattern, [clause], hits, known, subject, wide=False))
            matched.add(i)
    widths = (2, 3, 4) if "sentence" not in pattern.modifiers else (2, 3, 4, 5, 6, 7, 8)
    for width in widths:
        for i in range(len(clauses) - width + 1):
            several = clauses[i : i + width]
            if matched & {*range(i, i + width)}:
                continue
            apart = several[-1].sentence - several[0].sentence
            if apart > 1 or (apart and width > 3):
                continue
            hits = _all_terms(pattern, several, known)
            if hits is None or _elsewhere(pattern, several, known, subject, wide=True):
                continue
            match = _match(pattern, several, hits, known, subject, wide=True)
            found.append(match)
            matched |= {*range(i, i + width)}
    return found


def _all_terms(pattern: Pattern, clauses: list[Clause], known: Lexicon) -> tuple[Hit, ...] | None:
    """The hits of a pattern in these clauses, or None. Roles may be inherited, and one concept be its subject."""
    chosen: list[Hit] = []
    own = 0
    last = -1
    only_roles = all(name in known.group_of for term in pattern.terms for name in term.names)
    for term in pattern.terms:
        hits = _term(term, clauses)
        if term.absent:
            if hits:
                return None
            continue
        if term.after:
            hits = [h for h in hits if h.start >= last]
        if hits:
            chosen.append(hits[0])
            last = hits[0].end
            own += only_roles or hits[0].name not in known.group_of
            continue
        if any(name in clauses[0].roles.get(known.group_of.get(name, ""), ()) for name in term.names):
            continue
        inherited = [h for h in clauses[0].subjects if h.name in term.names]
        if not inherited or term.after:
            return None
        chosen.append(inherited[0])
    return tuple(chosen) if own else None


def _term(term: Term, clauses: list[Clause]) -> list[Hit]:
    return [h for c in clauses for h in c.hits if h.name in term.names]


def _elsewhere(pattern: Pattern, clauses: list[Clause], known: Lexicon, subject: str, wide: bool = False) -> bool:
    """Whether the clauses speak of another role than the pattern: of eval where it asks for train, of another norm."""
    asked = {n for t in pattern.terms if not t.absent for n in t.names}
    groups = {known.group_of[n] for n in asked if n in known.group_of}
    for clause in clauses:
        for group in groups:
            names = clause.own.get(group, set())
            if names - asked and (wide or not names & asked):
                return True
            if not names and not (wide and clause is not clauses[0]) and clause.roles.get(group, set()) - asked:
                return True
        if subject and known.group_of.get(subject) not in groups and "plain" not in pattern.modifiers:
            norms = clause.roles.get(known.group_of[subject], {subject})
            if subject not in norms:
                return True
    return False


def _match(
    pattern: Pattern, clauses: list[Clause], hits: tuple[Hit, ...], known: Lexicon, subject: str, wide: bool
) -> _Match:
    asked = {n for t in pattern.terms if not t.absent for n in t.names}
    content = [h for h in hits if h.name not in known.group_of] or list(hits)
    turns = 0
    for clause in clauses:
        for start, end, ahead in clause.turns:
            inside = any(h.start <= start and end <= h.end for h in hits)
            if not inside and (not ahead or any(h.start >= start for h in content)):
                turns += 1
    if "plain" in pattern.modifiers:
        turns = 0
    rejected = any(c.rejected for c in clauses) and not {"warn", "plain"} & pattern.modifiers
    holds = (turns + rejected) % 2 == ("not" in pattern.modifiers)
    groups = {known.group_of[n] for n in asked if n in known.group_of}
    mixed = any(clause.own.get(g, set()) - asked for clause in clauses for g in groups)
    carried = groups - ({known.group_of[subject]} if subject in asked else set())
    far = not wide and any(g in clauses[0].far for g in carried) and not clauses[0].pronoun
    apart = clauses[0].sentence != clauses[-1].sentence
    messy = wide and turns + rejected > ("not" in pattern.modifiers) and "sentence" not in pattern.modifiers
    return _Match(
        hits=tuple(h for h in hits),
        holds=holds,
        tight=not wide and not mixed,
        clauses={c.start for c in clauses},
        own=sum(any(h in c.hits for c in clauses) for h in hits),
        weak=mixed or apart or messy or far,
        said_by_others=any(c.hearsay or c.asked for c in clauses),
        cited=any(c.cited for c in clauses),
        supposed=any(c.supposed for c in clauses),
    )
