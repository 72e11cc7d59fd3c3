"""Quizzes whose rows are answered by a pair of choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from helpers.judge.api import BadOutput, Finding, Observations, Probe, Question, Raised, Rule, agree

Parts = Mapping[str, Mapping[str, str]]
"""The two parts of an answer by name, each with its choices: value → words."""

NONE = -1


def _plain(word: Any) -> str:
    return str(word).strip().casefold()


def probe(parts: Parts, keys: Sequence[str], example: str) -> Probe:
    """Reads the learner's dict: the place of each choice among those of its part, NONE where a key is missing.

    Capitals and spaces at the ends do not count.  example: a pair, as in messages.
    """

    def run(answers: Callable[[], Any]) -> dict[str, Any]:
        given = answers()
        plain = {_plain(key): answer for key, answer in given.items()} if isinstance(given, dict) else {}
        if not plain or set(plain) - set(keys):
            raise BadOutput(f"return a dict with the keys {', '.join(keys)}.")
        seen: dict[str, Any] = {f"{part} of {key}": NONE for key in keys for part in parts}
        for key, answer in plain.items():
            if not isinstance(answer, (tuple, list)) or len(answer) != 2:
                raise BadOutput(f"the answer for {key} is a pair, for example {example}.")
            for (part, known), value in zip(parts.items(), answer, strict=True):
                choices = [_plain(choice) for choice in known]
                if _plain(value) not in choices:
                    raise BadOutput(f"{key}: {value!r} is no {part}; they are {', '.join(known)}.")
                seen[f"{part} of {key}"] = choices.index(_plain(value))
        return seen

    return Probe("quiz", "your answers", run)


def all_right(parts: Parts, *keys: str) -> Rule:
    """Both parts are right for each key.  Says what is wrong, not what would be right."""

    def rule(seen: Observations, right: Observations) -> Finding:
        expected = f"the {' and the '.join(parts)} that fit, for {', '.join(keys)}"
        asked = [f"quiz/{part} of {key}" for key in keys for part in parts]
        if isinstance(problem := seen.get("quiz"), Raised):
            return Finding(False, asked[0], expected, str(problem))
        wrong = [key.partition("/")[2] for key in asked if not agree(seen.get(key), right.get(key))]
        measured = f"not right: {', '.join(wrong)}" if wrong else "all right"
        return Finding(not wrong, asked[0], expected, measured)

    return rule


def question(parts: Parts, key: str, check: str, text: str) -> Question:
    """One row: its key, the check that it belongs to, its words, and the two lists to choose from."""
    fields = tuple(tuple(known.items()) for known in parts.values())
    return Question(key, check, f"{key} · {text}", fields, tuple(f"quiz/{part} of {key}" for part in parts))
