"""Concepts and how they are said: ``phrases.toml``, and the two small languages it is written in.

**Phrases.** A concept is a list of phrases; one is enough. A phrase is a regular expression with four shorthands, read
in lower case: a space is one or more spaces or hyphens and may hold an article (the, a, its, each …); ``..`` between
spaces is up to four words, ``...`` up to eight, none of them a negation; a star after a letter is any ending;
``<name>`` is another concept. Words end where words end. Text is read as described in ``reading.py``: ``gamma``,
``sqrt``, ``^2``, ``->``.

>>> bool(compiled(("mean of .. batch",), {}).search(marked("the mean of the whole current mini-batch")))
True

**Groups and hides.** ``[groups]`` lists concepts that exclude each other: roles, which hold for a clause and those
after it. ``[hides]`` says what is not meant within a phrase: no role is meant within a phrase of a concept named there,
so that "statistics gathered in training" is no training. A topic adds concepts, or phrases to shared ones, in its file.

**Patterns** are described in ``matcher.py``; this module takes them apart.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

FILE = files(__package__) / "phrases.toml"
MODIFIERS = {"not", "warn", "maybe", "plain", "sentence"}
MARK = "\x02"
"""Follows every article in the text that is searched, so that expressions can pass over articles cheaply."""
_ARTICLES = r"(?:the|an?|its|their|this|that|these|those|each|every|any|all|own|your|our|his|one's)"
ARTICLE = re.compile(rf"\b{_ARTICLES}\b(?!')")
_IN_PHRASE = re.compile(rf"(?<![\w\[\\']){_ARTICLES}(?![\w'-])")
_SPACE = rf"[\s\-]+(?:[\w']+{MARK}[\s\-]+){{0,2}}"
_GAP = (  # a gap never reaches over a negation: what it turns would be lost
    r"(?:[\s\-]+(?!(?:not|never|no|without|cannot|but|rather|instead|unlike)\b|\w+n't)[^\s.;:!?\-]+){0,%d}?" + _SPACE
)
_TOKEN = re.compile(r'"[^"]+"|[^\s"]+')


def marked(text: str) -> str:
    """The text with MARK behind each article."""
    return ARTICLE.sub(rf"\g<0>{MARK}", text)


@dataclass(frozen=True)
class Term:
    """One word of a pattern: any of ``names``; ``absent`` where it must not occur, ``after`` where order counts."""

    names: tuple[str, ...]
    absent: bool = False
    after: bool = False


@dataclass(frozen=True)
class Pattern:
    """A pattern taken apart."""

    terms: tuple[Term, ...]
    modifiers: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """Concepts with their phrases, exclusive groups, what hides what, and the cues of reading."""

    concepts: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    hides: Mapping[str, tuple[str, ...]]
    cues: Mapping[str, tuple[str, ...]]

    group_of: Mapping[str, str]

    def regex(self, name: str) -> re.Pattern[str]:
        """The expression of a concept, or of a phrase in double quotes."""
        return compiled((name[1:-1],) if name[0] == '"' else self.concepts[name], self.concepts)

    def cue(self, name: str) -> re.Pattern[str]:
        """The expression of a cue of reading."""
        return compiled(self.cues[name], self.concepts)

    def fault(self, pattern: str) -> str:
        """What is wrong with a pattern, a sentence, or nothing.

        >>> load().fault("eval no_such_thing")
        "the pattern 'eval no_such_thing' names 'no_such_thing', which is no concept."
        """
        try:
            parsed = parse(pattern)
            for name in (name for term in parsed.terms for name in term.names):
                if name[0] != '"' and name not in self.concepts:
                    return f"the pattern {pattern!r} names {name!r}, which is no concept."
                self.regex(name)
        except (re.error, ValueError, KeyError) as error:
            return f"the pattern {pattern!r} cannot be read ({error})."
        if not any(not term.absent for term in parsed.terms):
            return f"the pattern {pattern!r} asks for nothing."
        return ""


@functools.cache
def load(extra: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Lexicon:
    """The shared lexicon; phrases of ``extra`` concepts are added, or concepts where they are new."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    concepts = {name: tuple(phrases) for name, phrases in data["concepts"].items()}
    for name, phrases in extra:
        concepts[name] = concepts.get(name, ()) + phrases
    rest = {key: {name: tuple(one) for name, one in data[key].items()} for key in ("groups", "hides", "cues")}
    group_of = {name: group for group, names in rest["groups"].items() for name in names}
    return Lexicon(concepts, **rest, group_of=group_of)


@functools.cache
def parse(pattern: str) -> Pattern:
    """Take a pattern apart.

    >>> [term.names for term in parse("not ln running|stored").terms]
    [('ln',), ('running', 'stored')]
    """
    terms: list[Term] = []
    modifiers: set[str] = set()
    after = False
    for token in _TOKEN.findall(pattern):
        if token in MODIFIERS and not terms:
            modifiers.add(token)
        elif token == ">":
            after = True
        else:
            absent = token.startswith("!")
            names = (token,) if token[0] == '"' else tuple(filter(None, token.lstrip("!").split("|")))
            terms.append(Term(names, absent, after))
            after = False
    return Pattern(tuple(terms), frozenset(modifiers))


_compiled: dict[tuple[tuple[str, ...], int], re.Pattern[str]] = {}


def compiled(phrases: tuple[str, ...], concepts: Mapping[str, tuple[str, ...]]) -> re.Pattern[str]:
    """One expression for several phrases, the longer phrase first."""
    key = (phrases, id(concepts))
    if key not in _compiled:
        either = "|".join(_expression(p, concepts) for p in sorted(phrases, key=len, reverse=True))
        _compiled[key] = re.compile(either)
    return _compiled[key]


def _expression(phrase: str, concepts: Mapping[str, tuple[str, ...]], depth: int = 0) -> str:
    if depth > 6:
        raise ValueError("concepts that name each other in a circle")

    def inner(found: re.Match[str]) -> str:
        return "(?:" + "|".join(_expression(p, concepts, depth + 1) for p in concepts[found[1]]) + ")"

    one = re.sub(r"(?<=[a-z])(?<!\\[a-z])\*", r"\\w*", _IN_PHRASE.sub(rf"\g<0>{MARK}?", phrase))
    one = one.replace(" ... ", _GAP % 8).replace(" .. ", _GAP % 4)
    one = re.sub(r"(?<!\\) ", lambda _: f"(?:{_SPACE})", one)
    one = re.sub(r"<([a-z]\w*)>", inner, one)
    head = r"(?<!\w)" if re.match(r"(?:\(\?:)*[\w<]", phrase) else ""
    tail = r"(?!\w)" if re.search(r"[\w*)>?]$", phrase) else ""
    return f"{head}(?:{one}){tail}"
