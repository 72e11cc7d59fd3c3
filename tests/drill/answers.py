"""What the tests of the drill share: labelled answers counted, and the headings that cards may name."""

import json
import re
from collections import Counter
from pathlib import Path

from helpers.drill import bank
from helpers.drill.matcher import feedback

HERE = Path(__file__).parent


def headings():
    """The headings of each notebook that exists."""
    sources = (HERE.parents[1] / "solutions").glob("*.py")
    return {path.stem: {*re.findall(r"^# #+ (.+)$", path.read_text(encoding="utf-8"), re.M)} for path in sources}


def labelled(file):
    """The answers of a file: card, kind, text, the points that it has and the flags that it raises."""
    return [json.loads(line) for line in (HERE / file).open(encoding="utf-8")]


def counted(file):
    """How often each verdict was given to a file's answers: by kind, whether it was wanted, and the verdict."""
    told = Counter()
    for answer in labelled(file):
        found = feedback(bank.load()[answer["card"]], answer["text"])
        told.update((answer["kind"], name in answer["has"], verdict) for name, verdict in found.points.items())
        told.update(("flag", name in answer["flags"], verdict) for name, verdict in found.flags.items())
    return told


def share(told, kind, wanted, verdict):
    """The part of the points of one kind that got a verdict."""
    return told[kind, wanted, verdict] / sum(told[kind, wanted, v] for v in (True, False, None))


def knows_its_own_words(card):
    """Assert that the model answer has every point and raises no flag, and that each fact is found as its point."""
    answered = feedback(card, card.answer)
    assert {name for name, found in answered.points.items() if found is not True} == set()
    assert not any(answered.flags.values())
    for point in card.points:
        assert feedback(card, point.fact).points[point.id] is True, point.fact
