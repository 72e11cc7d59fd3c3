"""How an answer is read: plain text, sentences, clauses, and what turns, attributes or places each clause.

Plain text is lower case, with ``gamma`` for γ or ``\\gamma``, ``mu``, ``sigma``, ``eps``, ``sqrt``, ``^2``, ``*``,
``->`` and ``xhat``, without Markdown; each of its characters knows where in the answer it stands.

A sentence falls into clauses, so that a role holds for its own clause only: "in training it uses the batch, at test
time what it has stored". A clause without a role of its own has the one before it. Each clause counts its negations,
and knows whether somebody else is quoted (``hearsay``, ``cited``), whether it is called wrong (``rejected``), asked
or only supposed.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from .phrases import ARTICLE, MARK, Lexicon, marked

_GREEK = {
    **{"μ": "mu", "µ": "mu", "σ": "sigma", "γ": "gamma", "β": "beta", "ε": "eps", "ϵ": "eps", "η": "eta"},
    **{"λ": "lambda", "α": "alpha", "δ": "delta"},
}
_LETTERS = {
    **{"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "–": "-", "`": "", "$": "", "²": "^2", "³": "^3", "·": "*"},
    **{"×": "*", "⋅": "*", "→": " -> ", "⇒": " -> ", "≈": " ~ ", "∝": " ~ ", "≠": " is not ", "{": "(", "}": ")"},
    **{"\\": "", "\u0302": "hat", "₁": "1", "₀": "0"},
}
_COMMANDS = {
    **{name: name for name in ("gamma", "beta", "mu", "sigma", "eta", "lambda", "alpha", "sqrt", "hat")},
    **{"epsilon": "eps", "varepsilon": "eps", "cdot": "*", "times": "*", "to": " -> ", "rightarrow": " -> "},
}
_PIECE = re.compile(r"\\([a-zA-Z]+)|\*\*|__(?=\S)|.", re.S)
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|\n+")
_SHORT = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|fig|eq|al|approx|resp|sec|no|etc)|\b[a-z]|^\s*\d)\.$")
_STRONG = (
    r"but|whilst|while|whereas|although|though|however|yet|because|which|whose|rather than|instead of|instead|"
    r"as opposed to|unlike|in contrast to|in contrast|compared to|compared with|versus|vs\.?|unless|than|only then|"
    r"on the other hand|conversely|contrary to|even if|even though|until"
)
_VERB = (
    r"uses?|reads?|takes?|relies|rely|keeps?|stores?|is|are|was|were|has|have|does|do|can|will|should|must|may|needs?|"
    r"becomes?|gets?|stays?|makes?|gives?|updates?|computes?|normali[sz]es?|falls?|applies|apply|switch(?:es)?|then|"
    r"it|they|this|that|these|those|he|we|you|one|there|so|hence|thus|therefore|not|never|no|also|instead|works?|"
    r"depends?|remains?|subtracts?|divides?|learns?|trains?|adds?|fixes|shares?|pools?|drops?|ignores?|lets?|allows?"
)
_BREAK = re.compile(
    rf"[;:](?=\s|$)|—|(?<=[a-z]{{3}})\s--?\s(?=[a-z]{{2}})|[()]|,|\b(?:{_STRONG})\b|\b(?:and|or)\b|\bnot\b", re.I
)
_CUE = re.compile(rf"\s*(?:and\s+|or\s+|so\s+|just\s+|only\s+)*(?:{_STRONG}|{_VERB}|without|nor|neither)\b")
_AND = re.compile(rf"\s+(?:\w+ly\s+|only\s+|just\s+)?(?:{_VERB})\b")
_PRONOUN = re.compile(
    r"\s*(?:(?:and|so|but|because|then|that|instead,?|there,?|here,?|now,?|hence,?|in other words,?|this way,?) )*"
    r"(?:it|its|they|their|these|those|this|both|that|which|whose|each|here|there|instead|then|such|"
    rf"the{MARK} (?:layer|same|two|former|latter))\b"
)
_TURN = re.compile(r"[\s,;—(]*(?:but|however|yet|whereas|in fact|actually|in reality)\b")
_FOIL = re.compile(
    r"\b(?:not|unlike|than|rather than|instead of|contrast to|contrast with|opposed to|as|like)\s+(?:\w+\s+)?$"
)
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


@dataclass(frozen=True)
class Reading:
    """An answer as the matcher sees it."""

    text: str
    place: list[int]
    clauses: list[Clause]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the answer of a stretch of the plain text."""
        return self.place[start], self.place[end - 1] + 1


def plain(answer: str) -> tuple[str, list[int]]:
    """The plain text, and for each of its characters the place in the answer.

    >>> plain("**Scale** by $\\\\gamma$, √σ²")[0]
    'scale by gamma, sqrt sigma^2'
    """
    out: list[str] = []
    place: list[int] = []
    was_name = False
    for found in _PIECE.finditer(answer):
        piece, command = found[0], found[1]
        name = _GREEK.get(piece) or ("sqrt" if piece == "√" else "") or (_COMMANDS.get(command, "") if command else "")
        new = name or ("" if len(piece) > 1 else _LETTERS.get(piece, piece.lower()))
        if (name or was_name) and new[:1].isalnum() and out and out[-1].isalnum() and new != "hat":
            new = " " + new
        was_name = bool(name)
        out += new
        place += [found.start()] * len(new)
    return "".join(out), place


def _marked(text: str, place: list[int]) -> tuple[str, list[int]]:
    ends = [m.end() for m in ARTICLE.finditer(text)]
    for end in reversed(ends):
        place.insert(end, place[end - 1])
    return marked(text), place


def read(answer: str, known: Lexicon, names: set[str], subject: str = "") -> Reading:
    """Read an answer, looking for the concepts ``names`` and all roles; ``subject`` is the norm it is about."""
    text, place = _marked(*plain(answer))
    roles = known.group_of
    hits = _hits(text, known, names | roles.keys())
    clauses = _clauses(text, hits, roles)
    _cues(text, clauses, known)
    _roles(text, clauses, roles, subject)
    _takebacks(text, clauses, known)
    return Reading(text, place, clauses)


def _hits(text: str, known: Lexicon, names: set[str]) -> list[Hit]:
    found = [Hit(n, m.start(), m.end()) for n in sorted(names) for m in known.regex(n).finditer(text) if m[0]]
    covers = [h for h in found if h.name not in known.group_of and " " in text[h.start : h.end]]
    kept = []
    for hit in found:
        length = hit.end - hit.start
        hiders = [c for c in covers if c.start <= hit.start and hit.end <= c.end and c.end - c.start > length]
        if hit.name in known.group_of:
            hidden = any(c.name in known.hides for c in hiders)
        else:
            hidden = any(hit.name in known.hides.get(c.name, ()) for c in hiders)
        if not hidden:
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.start, h.end))


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


def _clauses(text: str, hits: list[Hit], roles: Mapping[str, str]) -> list[Clause]:
    made: list[Clause] = []
    spans = [(h.start, h.end) for h in hits]
    for number, (start, end) in enumerate(_sentences(text)):
        cuts = _cuts(text, start, end, spans, [h for h in hits if h.name in roles and start <= h.start < end], roles)
        edges = [start, *cuts, end]
        for a, b in pairwise(edges):
            if text[a:b].strip(" ,;:—()-."):
                made.append(Clause(a, b, number))
    starts = [c.start for c in made]
    for hit in hits:
        at = bisect.bisect_right(starts, hit.start) - 1
        if at >= 0:
            made[at].hits.append(hit)
    return made


def _cuts(
    text: str, start: int, end: int, spans: list[tuple[int, int]], role_hits: list[Hit], roles: Mapping[str, str]
) -> list[int]:
    cuts: list[int] = []
    last = start
    for found in _BREAK.finditer(text, start, end):
        at, mark = found.start(), found[0]
        if any(a < at < b for a, b in spans):
            continue
        rest = text[found.end() : end]
        before = text[last:at]
        if mark == ",":
            chunk = re.split(r"[,;:—()]|\band\b|\bor\b|\bbut\b", rest, maxsplit=1)[0] or rest
            if not (_CUE.match(rest) or len(_WORD.findall(chunk)) >= 3 or _role_at(role_hits, found.end(), 3)):
                continue
            if not _WORD.search(before):
                continue
        elif mark in "()":
            inside = rest.partition(")")[0] if mark == "(" else text[text.rfind("(", start, at) + 1 : at]
            if len(re.findall(r"[a-z]{3,}", inside)) < 3:
                continue
        elif mark in ("and", "or"):
            cut = _AND.match(rest) and mark == "and"
            after = [h for h in role_hits if found.end() <= h.start <= found.end() + 40]
            earlier = {roles[h.name]: h.name for h in role_hits if last <= h.start < at}
            if after and mark == "and":
                group = roles[after[0].name]
                differs = earlier.get(group, after[0].name) != after[0].name
                short = len(text[found.end() : after[0].start].split()) <= 4
                listed = len(text[max([h.end for h in role_hits if h.end <= at], default=0) : at].split()) == 0
                cut = cut or (differs and short and not (listed and not _content(text, after[0], end, found.end())))
            if not cut:
                continue
        elif mark == "not":
            if not re.search(r"(?:,|\band|\bbut)\s*$", before):
                continue
        elif mark == "because":  # "does not work because …"
            if re.search(r"\bnot\b|n't\b|\bnever\b", before) and "," not in before[-3:]:
                continue
        elif mark == "which" and re.search(r"\b(?:in|of|for|on|at|with|to)\s*$", before):
            continue
        if at > last or at == start:
            cuts.append(at)
            last = at
    return [c for c in dict.fromkeys(cuts) if c > start]


def _role_at(role_hits: list[Hit], at: int, reach: int) -> bool:
    return any(0 <= h.start - at <= reach for h in role_hits)


def _content(text: str, role: Hit, end: int, start: int) -> bool:
    """Whether a part after "and" says more than the bare role: "in training and in eval" is a list."""
    around = text[start : role.start] + " " + re.split(r"[,;:.—]", text[role.end : end], maxsplit=1)[0]
    return len(re.findall(r"[a-z]{4,}", around)) >= 2


def _cues(text: str, clauses: list[Clause], known: Lexicon) -> None:
    whole, ahead = known.cue("negators"), known.cue("forward")
    marks = {name: known.cue(name) for name in ("rejections", "hearsay", "cited", "supposed", "harmless")}
    calm = [m.span() for m in marks["harmless"].finditer(text)]
    parts = _parts(text, clauses)
    for clause in clauses:
        for expression, only_ahead in ((whole, False), (ahead, True)):
            for m in expression.finditer(text, clause.start, clause.end):
                if not any(a <= m.start() < b for a, b in calm):
                    clause.turns.append((m.start(), m.end(), only_ahead))
        clause.turns = [
            t for t in clause.turns if not any(o != t and o[0] <= t[0] and t[1] <= o[1] for o in clause.turns)
        ]
        clause.pronoun = bool(_PRONOUN.match(text, clause.start, clause.end))
    for part in parts:
        a, b = part[0].start, part[-1].end
        ends = text[a:b].rstrip().endswith("?")
        for clause in part:
            clause.rejected = bool(marks["rejections"].search(text, a, b))
            clause.hearsay = bool(marks["hearsay"].search(text, a, b))
            clause.cited = bool(marks["cited"].search(text, a, b))
            clause.supposed = bool(marks["supposed"].search(text, a, b))
            clause.asked = ends


def _parts(text: str, clauses: list[Clause]) -> list[list[Clause]]:
    """Clauses of one sentence up to a "but": as far as an attribution reaches."""
    parts: list[list[Clause]] = []
    for clause in clauses:
        turn = _TURN.match(text, clause.start, clause.end)
        if parts and parts[-1][-1].sentence == clause.sentence and not turn:
            parts[-1].append(clause)
        else:
            parts.append([clause])
    return parts


def _roles(text: str, clauses: list[Clause], roles: Mapping[str, str], subject: str) -> None:
    current: dict[str, set[str]] = {roles[subject]: {subject}} if subject in roles else {}
    opened: list[dict[str, set[str]]] = []
    for i, clause in enumerate(clauses):
        for hit in clause.hits:
            group = roles.get(hit.name)
            if group and not _FOIL.search(text, max(clause.start, hit.start - 24), hit.start):
                clause.own.setdefault(group, set()).add(hit.name)
        if text[clause.start] == ")" and opened:
            current = opened.pop()
        elif text[clause.start] == "(":
            opened.append(dict(current))
        clause.roles = {**current, **clause.own}
        previous = clauses[i - 1] if i else None
        if previous and previous.sentence != clause.sentence:
            clause.far = {g for g in current if g not in clause.own}
        elif previous:
            clause.far = {g for g in previous.far if g not in clause.own}
        current = clause.roles
        content = [h for h in clause.hits if h.name not in roles]
        same = previous is not None and previous.sentence == clause.sentence
        if same and clause.own and not content and len(_WORD.findall(text[clause.start : clause.end])) <= 5:
            for group, names in clause.own.items():  # "…, when training": the role of what stands before it
                assert previous is not None
                if group not in previous.own:
                    previous.roles = {**previous.roles, group: names}
                    previous.far.discard(group)
        article = re.match(r"\W*(?:the|a|an)\b", text[clause.start : clause.end])
        if previous and (clause.pronoun or (same and not article)):
            clause.subjects = _subjects(previous, roles)


def _subjects(clause: Clause, roles: Mapping[str, str]) -> list[Hit]:
    content = [h for h in clause.hits if h.name not in roles]
    if not content:
        return clause.subjects
    first = min(h.start for h in content)
    limit = min((t[0] for t in clause.turns if t[0] > first), default=first + 30)
    return [h for h in content if h.start <= min(first + 30, limit)]


def _takebacks(text: str, clauses: list[Clause], known: Lexicon) -> None:
    """What is taken back by the next words, "that is wrong", "it does not", is rejected."""
    expression = known.cue("takebacks")
    for i, clause in enumerate(clauses):
        if not i or not expression.match(re.sub(r"^\W+", "", text[clause.start : clause.end])):
            continue
        previous = clauses[i - 1]
        for one in clauses[:i]:
            near = one.sentence != clause.sentence or one is previous or one.hearsay
            if one.sentence == previous.sentence and near:
                one.rejected = not one.rejected if one.rejected and not one.hearsay else True
                one.hearsay = one.asked = False
