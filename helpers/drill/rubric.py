"""The rubric of a drill: five things a strong candidate does, four red flags, filled in from what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import state

KIND = "rubric"


@dataclass(frozen=True)
class Line:
    """One line: what it asks, and where the course shows it."""

    id: str
    says: str
    section: str


POSITIVES = (
    Line(
        "modes",
        "You said whose statistics each mode uses and when the buffers move.",
        "04_train_and_eval#1 · Two switches",
    ),
    Line(
        "affine",
        "You said what γ and β are for.",
        "02_build_batchnorm1d#Why each line is there",
    ),
    Line(
        "variances",
        "You said which variance normalizes and which one PyTorch's buffer averages.",
        "01_read_the_paper#Algorithm 2: what happens at test time",
    ),
    Line(
        "benefit",
        "You ran the comparison with your own layer and your own control.",
        "03_with_and_without_batchnorm#3 · The fair set-up",
    ),
    Line(
        "mechanism",
        "You said that the reason why it works is still debated.",
        "01_read_the_paper#Third pass: the limits",
    ),
)
FLAGS = (
    Line("batch-at-eval", "Batch statistics in eval mode.", "04_train_and_eval#1 · Two switches"),
    Line("no-buffers", "No buffers, or buffers that do not move.", "02_build_batchnorm1d#Three ways to keep a tensor"),
    Line("no-affine", "No γ and β.", "02_build_batchnorm1d#Why each line is there"),
    Line(
        "closed",
        "The reason why it works, told as settled. The benefit is well attested; the mechanism is not.",
        "01_read_the_paper#Third pass: the limits",
    ),
)
NEEDS: Mapping[str, Mapping[str, set[str]]] = {
    "modes": {"bn-03": {"train-batch-stats", "train-refreshes", "eval-buffers"}},
    "affine": {"bn-06": {"freedom"}},
    "variances": {"deep-10": {"normalizes-biased", "buffers-unbiased"}},
    "mechanism": {"deep-02": {"still-debated"}},
}
"""The points of cards that have to be ticked for a line."""
CHECKS = {"batch-at-eval": "eval_mode", "no-buffers": "running_statistics", "no-affine": "affine"}
"""The check whose failure raises a flag."""
CLOSED = {("deep-02", "settled"), ("deep-03", "one-cause"), ("bn-02", "works-by-removing")}
"""The red flags of cards that raise the flag "closed"."""


@dataclass(frozen=True)
class Rubric:
    """What is ticked, by id; ``learners``: some of it by the learner, not only filled in from what happened.

    ``asked``: the points about which the drill has something to say.
    """

    points: Mapping[str, bool]
    flags: Mapping[str, bool]
    learners: bool
    asked: frozenset[str]


def rubric(drill: str) -> Rubric:
    """The rubric of a drill: what its record suggests, and over it the learner's own ticks."""
    ticked: dict[str, set[str]] = {}
    flagged: set[tuple[str, str]] = set()
    for entry in ticks_of(drill):
        ticked.setdefault(entry["card"], set()).update(name for name, on in entry["points"].items() if on)
        flagged |= {(entry["card"], name) for name, on in entry["flags"].items() if on}
    points = {
        name: all(wanted <= ticked.get(card, set()) for card, wanted in needs.items()) for name, needs in NEEDS.items()
    }
    runs = state.entries("contrast", drill)
    points["benefit"] = any(entry.get("own") for entry in runs)
    tried = state.entries("attempt", drill)
    passed = set(tried[-1]["passed"]) if tried else set(CHECKS.values())
    flags = {name: check not in passed for name, check in CHECKS.items()}
    flags["closed"] = bool(flagged & CLOSED)
    own = _own(drill)
    asked = {name for name, needs in NEEDS.items() if ticked.keys() >= needs.keys()} | {"benefit"}
    return Rubric(
        {line.id: points[line.id] for line in POSITIVES} | own["points"],
        flags | own["flags"],
        any(own.values()),
        frozenset(asked | own["points"].keys()),
    )


def keep(drill: str, part: str, line: str, on: bool) -> None:
    """Keep a tick of the learner's own; ``part`` is "points" or "flags"."""
    own = _own(drill)
    own[part][line] = on
    state.add(KIND, drill, points=own["points"], flags=own["flags"])


def _own(drill: str) -> dict[str, dict[str, bool]]:
    kept = state.latest(KIND).get(drill, {})
    return {part: dict(kept.get(part, {})) for part in ("points", "flags")}


def ticks_of(drill: str) -> list[state.Entry]:
    """The latest ticks of each question of a drill."""
    return [entry for place, entry in state.latest("ticks").items() if place.startswith(f"{drill}/")]
