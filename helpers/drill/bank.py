"""The question bank: one TOML file a topic in ``bank/``, read into cards.

A file begins with ``id`` (its own name), ``title``, ``tip`` (a closing tip) and, where its answers speak of one norm
without naming it, ``subject`` (a concept of the group ``norm``).  ``[concepts]`` may add phrasings that only this topic
needs; the shared ones are in ``phrases.toml``.  Then one ``[[card]]`` for each question::

    [[card]]
    id = "bn-01"
    question = "What does batch normalization compute for one batch?"
    chip = "easy"                       # easy, medium or hard
    topics = ["batch norm"]             # pills, at least one
    decks = ["batch-norm-15"]           # ready-made selections
    touches = "One line: what a full answer touches, without answering."
    answer = '''60 to 140 words, with formula: $y=\\gamma\\hat{x}+\\beta$.'''
    one_sentence = false                # true: the question asks for one sentence, and the answer is one
    subject = ""                        # instead of the file's
    sources = ["Ioffe & Szegedy 2015, Algorithm 1"]
    follow_ups = ["bn-06"]              # the first belongs to the first missing point, and so on
    section = ""                        # "02_build_batchnorm1d#Build it" where it exists today

    [[card.points]]                     # one fact each
    id = "per-channel"                  # stable: records name it
    fact = "The mean is taken for each channel, over the batch."
    says = ["per_channel batch_mean"]   # patterns: any one is enough
    opposite = ["one_for_all mean"]     # patterns: said the other way round
    implied_by = []                     # ids of points of this card that imply it

    [[card.points]]                     # a list of which most are needed
    id = "remedies"
    fact = "…"
    [card.points.most]                  # more than half of these; one alone is "not sure"
    group = ["gn"]
    sync = ["sync_bn"]

    [[card.flags]]                      # a red flag: asserting it
    id = "one-mean"
    fact = "One mean for the whole tensor."
    says = ["one_for_all batch_mean"]

The pattern language is described in ``matcher.py``, phrases and concepts in ``phrases.py``.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from .phrases import Lexicon
from .phrases import load as lexicon

FOLDER = files(__package__) / "bank"
CHIPS = ("easy", "medium", "hard")
DECKS = ("batch-norm-15", "five-topics-75")
WORDS = (60, 140)
"""Fewest and most words of a model answer that is not one sentence; a formula counts as one word."""


class BankError(ValueError):
    """A fault of a bank file, in one sentence that names file and card."""


@dataclass(frozen=True)
class Point:
    """One fact of a full answer. ``most`` maps the items of a list to the patterns of each, else it is empty."""

    id: str
    fact: str
    says: tuple[str, ...] = ()
    opposite: tuple[str, ...] = ()
    implied_by: tuple[str, ...] = ()
    most: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """All its patterns."""
        return (*self.says, *self.opposite, *(pattern for _, several in self.most for pattern in several))


@dataclass(frozen=True)
class Flag:
    """A red flag: a statement that no good answer makes."""

    id: str
    fact: str
    says: tuple[str, ...]
    opposite: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """All its patterns."""
        return (*self.says, *self.opposite)


@dataclass(frozen=True)
class Card:
    """One question and all that stands around it; ``topic`` is the stem of its file."""

    id: str
    topic: str
    question: str
    chip: str
    topics: tuple[str, ...]
    touches: str
    answer: str
    points: tuple[Point, ...]
    flags: tuple[Flag, ...]
    sources: tuple[str, ...]
    decks: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()
    section: str = ""
    subject: str = ""
    one_sentence: bool = False


@dataclass(frozen=True)
class Topic:
    """One file: its cards, its closing tip and the concepts that only it knows."""

    id: str
    title: str
    tip: str
    cards: tuple[Card, ...]
    concepts: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def lexicon(self) -> Lexicon:
        """The shared lexicon with this topic's concepts in front."""
        return lexicon(self.concepts)


@functools.cache
def load() -> dict[str, Card]:
    """All cards by id, in the order of the files. Raises BankError at the first fault of a file's form."""
    return {card.id: card for topic in topics().values() for card in topic.cards}


def topics(folder: Traversable | None = None) -> dict[str, Topic]:
    """All topics by id. Raises BankError at the first fault of a file's form, or where two cards share an id."""
    return _own_topics() if folder is None else _read(folder)


@functools.cache
def _own_topics() -> dict[str, Topic]:
    return _read(FOLDER)


def _read(folder: Traversable) -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    seen: dict[str, str] = {}
    for path in sorted((p for p in folder.iterdir() if p.name.endswith(".toml")), key=lambda p: p.name):
        topic = found[path.name.removesuffix(".toml")] = _topic(path)
        for card in topic.cards:
            if card.id in seen:
                raise BankError(f"{path.name}, {card.id}: this id is used twice.")
            seen[card.id] = path.name
    return found


def validate(folder: Traversable | None = None, sections: dict[str, set[str]] | None = None) -> list[str]:
    """Every fault that is not one of form, a sentence each: dead follow-ups, lengths, patterns, sections.

    ``sections`` maps a notebook's name to its headings; without it sections are not checked.
    """
    faults = []
    all_topics = topics(folder)
    ids = {card.id for topic in all_topics.values() for card in topic.cards}
    for topic in all_topics.values():
        known = topic.lexicon()
        for card in topic.cards:
            where = f"{topic.id}.toml, {card.id}: "
            faults += [where + fault for fault in _faults(card, ids, known, sections)]
    return faults


def words(answer: str) -> int:
    """How many words an answer has; a formula between dollar signs is one.

    >>> words("Divide by $\\\\sqrt{v + e}$, once.")
    4
    """
    return len(re.sub(r"\$[^$]*\$", "formula", answer).split())


def _faults(card: Card, ids: set[str], known: Lexicon, sections: dict[str, set[str]] | None) -> list[str]:
    faults = []
    # A follow-up into a topic that is not written yet is no fault: its cards come later.
    written = {one.rpartition("-")[0] for one in ids}
    dead = [f for f in card.follow_ups if f == card.id or (f not in ids and f.rpartition("-")[0] in written)]
    faults += [f"the follow-up {one!r} is no other card." for one in dead]
    count = words(card.answer)
    if card.one_sentence:
        if len(re.findall(r"[.!?](?:\s|$)", re.sub(r"\$[^$]*\$", "", card.answer))) != 1:
            faults.append("the model answer is not one sentence.")
    elif not WORDS[0] <= count <= WORDS[1]:
        faults.append(f"the model answer has {count} words, not {WORDS[0]} to {WORDS[1]}.")
    if card.answer.count("$") % 2:
        faults.append("the model answer has an odd number of dollar signs.")
    own = {p.id for p in card.points}
    for point in card.points:
        faults += [f"{point.id}: implied by {i!r}, which is no point." for i in point.implied_by if i not in own]
    several: list[Point | Flag] = [*card.points, *card.flags]
    for item in several:
        faults += [f"{item.id}: {unknown}" for pattern in item.patterns if (unknown := known.fault(pattern))]
    if card.subject and card.subject not in known.concepts:
        faults.append(f"the subject {card.subject!r} is no concept.")
    if card.section and sections is not None:
        notebook, _, heading = card.section.partition("#")
        if heading not in sections.get(notebook, set()):
            faults.append(f"there is no section {card.section!r}.")
    return faults


def _topic(path: Traversable) -> Topic:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BankError(f"{path.name}: not TOML ({error}).") from None
    subject = data.pop("subject", "")
    cards = data.pop("card", [])
    concepts = tuple((name, _texts(says, path.name)) for name, says in data.pop("concepts", {}).items())
    _keys(data, {"id": str, "title": str, "tip": str}, {}, path.name)
    if data["id"] != path.name.removesuffix(".toml"):
        raise BankError(f"{path.name}: its id is {data['id']!r}, not the name of the file.")
    return Topic(**data, concepts=concepts, cards=tuple(_card(c, path, subject) for c in cards))


def _card(data: dict[str, Any], path: Traversable, subject: str) -> Card:
    where, topic = f"{path.name}, {data.get('id', 'a card without id')}", path.name.removesuffix(".toml")
    need: dict[str, type] = dict.fromkeys(("id", "question", "chip", "touches", "answer"), str)
    may: dict[str, type] = {"decks": list, "follow_ups": list, "section": str, "subject": str, "one_sentence": bool}
    _keys(data, need | dict.fromkeys(("topics", "sources", "points", "flags"), list), may, where)
    if not re.fullmatch(rf"{topic}-\d\d", data["id"]):
        raise BankError(f"{where}: an id is {topic}- and two digits.")
    if data["chip"] not in CHIPS:
        raise BankError(f"{where}: the chip is {data['chip']!r}, not one of {', '.join(CHIPS)}.")
    if odd := set(data.get("decks", [])) - set(DECKS):
        raise BankError(f"{where}: {min(odd)!r} is none of the decks {', '.join(DECKS)}.")
    card = {**data, "topic": topic, "subject": data.get("subject", subject), "answer": data["answer"].strip()}
    for key in ("topics", "sources", "decks", "follow_ups"):
        card[key] = _texts(data.get(key, []), where)
    card["points"] = tuple(_point(p, where) for p in data["points"])
    card["flags"] = tuple(_flag(f, where) for f in data["flags"])
    for kind in ("points", "flags", "topics", "sources"):
        if not card[kind]:
            raise BankError(f"{where}: {kind} is empty.")
    for kind in ("points", "flags"):
        names = [item.id for item in card[kind]]
        if len({*names}) < len(names):
            raise BankError(f"{where}: two of its {kind} share an id.")
    return Card(**card)


def _point(data: dict[str, Any], where: str) -> Point:
    where = f"{where}, point {data.get('id', 'without id')}"
    _keys(data, {"id": str, "fact": str}, {"says": list, "opposite": list, "implied_by": list, "most": dict}, where)
    most = tuple((item, _texts(says, where)) for item, says in data.get("most", {}).items())
    lists = {key: _texts(data.get(key, []), where) for key in ("says", "opposite", "implied_by")}
    if not lists["says"] and len(most) < 2:
        raise BankError(f"{where}: it needs says, or most with two items or more.")
    return Point(data["id"], data["fact"], **lists, most=most)


def _flag(data: dict[str, Any], where: str) -> Flag:
    where = f"{where}, flag {data.get('id', 'without id')}"
    _keys(data, {"id": str, "fact": str, "says": list}, {"opposite": list}, where)
    return Flag(data["id"], data["fact"], _texts(data["says"], where), _texts(data.get("opposite", []), where))


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise BankError(f"{where}: {value!r} is not a list of texts.")
    return tuple(value)


def _keys(data: dict[str, Any], need: dict[str, type], may: dict[str, type], where: str) -> None:
    kinds = need | may
    for key, value in data.items():
        if key not in need and key not in may:
            raise BankError(f"{where}: the key {key!r} is unknown.")
        if not isinstance(value, kinds[key]):
            raise BankError(f"{where}: {key} is {value!r}, not a {kinds[key].__name__}.")
    if missing := need.keys() - data.keys():
        raise BankError(f"{where}: {min(missing)} is missing.")
    if empty := [key for key, kind in need.items() if kind is str and not data[key].strip()]:
        raise BankError(f"{where}: {empty[0]} is empty.")
