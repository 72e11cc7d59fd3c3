"""How an answer is read: plain text, sentences, clauses, and what turns, attributes or places each clause.

Plain text is lower case, with ``gamma`` for γ or ``\\gamma``, ``mu``, ``sigma``, ``eps``, ``sqrt``, ``^2``, ``*``,
``->`` and ``xhat``, without Markdown; each of its characters knows where in the answer it stands.

A sentence falls into clauses, so that a role holds for its own clause only: "in training it uses the batch, at test
time what it has stored". A clause without a role of its own has the one before it. Each clause counts its negations,
and knows whether somebody else is quoted (``hearsay``, ``cited``), whether it is called wrong (``rejected``), asked
or only supposed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .clauses import Clause, Hit, cut, give_roles, parts
from .phrases import ARTICLE, MARK, Lexicon, marked

_GREEK = {
    **{"μ": "mu", "µ": "mu", "σ": "sigma", "γ": "gamma", "β": "beta", "ε": "eps", "ϵ": "eps", "η": "eta"},
    **{"λ": "lambda", "α": "alpha", "δ": "delta", "∇": "gradient"},
}
_LETTERS = {
    **{"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "–": "-", "`": "", "$": "", "²": "^2", "³": "^3", "·": "*"},
    **{"×": "*", "⋅": "*", "→": " -> ", "⇒": " -> ", "≈": " ~ ", "∝": " ~ ", "≠": " is not ", "{": "(", "}": ")"},
    **{"\\": "", "\u0302": "hat", "₁": "1", "₀": "0"},
}
_COMMANDS = {
    **{name: name for name in ("gamma", "beta", "mu", "sigma", "eta", "lambda", "alpha", "sqrt", "hat")},
    "nabla": "gradient",
    **{"epsilon": "eps", "varepsilon": "eps", "cdot": "*", "times": "*", "to": " -> ", "rightarrow": " -> "},
}
_PIECE = re.compile(r"\\([a-zA-Z]+)|\*\*|__(?=\S)|.", re.S)
_THAT = re.compile(rf"\w\s+(?:that{MARK}|who|which)\s+(?:(?:do|does|did|is|are|was|were|has|have|can|will)\s+)?$")


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
    clauses = cut(text, hits, roles)
    _cues(text, clauses, known)
    give_roles(text, clauses, roles, known.hides, subject)
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


def _cues(text: str, clauses: list[Clause], known: Lexicon) -> None:
    """Note what turns each clause, and whether it is quoted, rejected, asked or supposed."""
    calm = [m.span() for m in known.cue("harmless").finditer(text)]

    def found(name: str, a: int, b: int) -> list[re.Match[str]]:
        return [m for m in known.cue(name).finditer(text, a, b) if not any(x <= m.start() < y for x, y in calm)]

    for clause in clauses:
        whole = found("negators", clause.start, clause.end)
        # "a variance that does not fit" says nothing of what stands before it
        turns = [(m.start(), m.end(), bool(_THAT.search(text, clause.start, m.start()))) for m in whole]
        turns += [(m.start(), m.end(), True) for m in found("forward", clause.start, clause.end)]
        clause.turns = [t for t in turns if not any(o != t and o[0] <= t[0] and t[1] <= o[1] for o in turns)]
    for part in parts(text, clauses):
        a, b = part[0].start, part[-1].end
        rejections = found("rejections", a, b)
        for clause in part:  # "it is not true that" turns once: as a rejection
            clause.turns = [t for t in clause.turns if not any(m.start() <= t[0] < m.end() for m in rejections)]
            clause.asked = text[a:b].rstrip().endswith("?")
            clause.rejected = bool(rejections)
            clause.hearsay = bool(found("hearsay", a, b))
            clause.cited = bool(found("cited", a, b))
            clause.supposed = bool(found("supposed", a, b))


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
