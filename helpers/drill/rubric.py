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
        "You said, without being asked, whose statistics each mode uses and when the buffers move.",
        "04_train_and_eval#1 · Two switches",
    ),
    Line(
        "affine",
        "You said what γ and β are for, and that they undo the normalization of one batch only.",
        "02_build_batchnorm1d#Why each line is there",
    ),
    Line(
        "variances",
        "Biased to normalize, unbiased in PyTorch's buffer, and why.",
        "01_read_the_paper#Algorithm 2: what happens at test time",
    ),
    Line(
        "benefit",
        "You showed the benefit by curves at one learning rate, with held-out loss and a control.",
        "03_with_and_without_batchnorm#3 · The fair set-up",
    ),
    Line(
        "mechanism",
        "You said what is measured and what is contested about why it works.",
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
_NEEDS = {
    "modes": {"bn-03": {"train-batch-stats", "train-refreshes", "eval-buffers"}},
    "affine": {"bn-06": {"freedom"}},
    "variances": {"deep-10": {"normalizes-biased", "buffers-unbiased"}},
    "mechanism": {"deep-02": {"still-debated"}},
}
_CHECKS = {"batch-at-eval": "eval_mode", "no-buffers": "running_statistics", "no-affine": "affine"}
_CLOSED = {("deep-02", "settled"), ("deep-03", "one-cause"), ("bn-02", "works-by-removing")}


@dataclass(frozen=True)
class Rubric:
    """What is ticked, by id; ``learners`` is False while it is only filled in from what happened."""

    points: Mapping[str, bool]
    flags: Mapping[str, bool]
    learners: bool = False


def rubric(drill: str) -> Rubric:
    """The rubric of a drill: the learner's own ticks, and before there are any, what the drill's record suggests."""
    kept = state.latest(KIND).get(drill)
    if kept:
        return Rubric(kept["points"], kept["flags"], True)
    ticked: dict[str, set[str]] = {}
    flagged: set[tuple[str, str]] = set()
    for entry in ticks_of(drill):
        ticked.setdefault(entry["card"], set()).update(name for name, on in entry["points"].items() if on)
        flagged |= {(entry["card"], name) for name, on in entry["flags"].items() if on}
    points = {
        name: all(wanted <= ticked.get(card, set()) for card, wanted in needs.items()) for name, needs in _NEEDS.items()
    }
    points["benefit"] = bool(state.entries("contrast", drill))
    tried = state.entries("attempt", drill)
    passed = set(tried[-1]["passed"]) if tried else set(_CHECKS.values())
    flags = {name: check not in passed for name, check in _CHECKS.items()}
    flags["closed"] = bool(flagged & _CLOSED)
    return Rubric({line.id: points[line.id] for line in POSITIVES}, flags)


def keep(drill: str, points: Mapping[str, bool], flags: Mapping[str, bool]) -> None:
    """Keep the learner's own ticks."""
    state.add(KIND, drill, points=dict(points), flags=dict(flags))


def ticks_of(drill: str) -> list[state.Entry]:
    """The latest ticks of each question of a drill."""
    return [entry for place, entry in state.latest("ticks").items() if place.startswith(f"{drill}/")]
