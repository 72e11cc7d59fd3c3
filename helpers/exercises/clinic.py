"""Notebook 08: five incidents; for each the cause, and what to do."""

from __future__ import annotations

from helpers.judge.api import Check, Quiz

from . import pairs

INCIDENTS = {
    "a": "The service calls eval() when it starts. A customer sends the same row twice and gets two answers.",
    "b": "A training is stopped, saved, and resumed the next day. The validation loss jumps.",
    "c": "A hand-written norm, batches of 48. In the first epoch the training loss falls; the validation loss is NaN.",
    "d": "A second device is bought, and the batch of 8 is shared out. The error on held-out digits rises.",
    "e": "On the day of the release the folded net and its original agreed. Two weeks later they do not.",
}
CAUSES = {
    "A": "a module is still in train mode",
    "B": "what the original has stored has moved since",
    "C": "a batch of one row: the variance to be stored is 0 divided by 0",
    "D": "one norm has stored nothing, so it asks the batch in every mode",
    "E": "the weights on the two devices are not the same",
    "F": "rounding: two factors became one",
    "G": "what the norms had stored was not in the file; all else was",
    "H": "the steps are too large, and the weights overflow",
    "I": "the norm was folded across an activation",
    "J": "each device normalises with its own four rows",
    "K": "the optimiser began anew, without its velocities",
}
CURES = {
    "p": "clip the gradients",
    "q": "sum over the devices inside the norm",
    "r": "fold in float64",
    "s": "give that norm buffers, and fill them from training rows",
    "t": "put the buffers of the release back, and find who calls the original in train mode",
    "u": "call eval() once more, before every answer",
    "v": "leave out a last batch of one row, and estimate the statistics anew",
    "w": "save the optimiser too, and warm up after each resume",
    "x": "let each device take two steps' gradients together",
    "y": "fold the original again",
    "z": "estimate the statistics on training rows, and save the whole state_dict from now on",
}
_PARTS = {
    part: {key: f"{key} · {text}" for key, text in known.items()}
    for part, known in {"cause": CAUSES, "cure": CURES}.items()
}

_HINTS = {
    "a": (
        "Which of the measurements tells modes, and which tells what a norm has stored?",
        "All modules are in eval mode, and yet one layer depends on the batch. Look at the buffers of each norm.",
        "A norm made with track_running_stats=False has no buffers in any mode; what has to be added to it?",
    ),
    "b": (
        "What is the same before and after: weights, training loss in train mode, buffers?",
        "Train mode never reads the buffers. A jump in eval mode alone points to them.",
        "0 and 1 are the values of a fresh layer. Which keys did the file lack, and what brings their numbers back?",
    ),
    "c": (
        "What is NaN: a weight, a loss, a buffer?",
        "1,297 rows in batches of 48: how many are in the last one, and what is n − 1?",
        "The weights are finite, so the training may go on. What may not happen again, and what has to be repaired now?",
    ),
    "d": (
        "Which measurements differ between one device and two, and which do not?",
        "The averaged gradient has as many rows behind it as before. How many values stand behind each mean?",
        "A mean of few rows is noisy (notebook 05). Which cure gives each mean eight rows again?",
    ),
    "e": (
        "Two nets no longer agree. Which of them answers otherwise than on the day of the release?",
        "Compare weights, buffers and the batches that the norms have counted, then and now.",
        "The original counts more batches than on that day. Which of the two nets reads more digits rightly, and so which one is to be changed?",
    ),
}


diagnoses_exercise = Quiz(
    id="diagnoses",
    title="Five incidents",
    module=__name__,
    builds="diagnoses",
    probes=(pairs.probe(_PARTS, tuple(INCIDENTS), '("F", "r")'),),
    checks=tuple(
        Check(f"incident_{key}", f"incident {key}: cause and cure", (pairs.all_right(_PARTS, key),), hints=_HINTS[key])
        for key in INCIDENTS
    ),
    questions=tuple(pairs.question(_PARTS, key, f"incident_{key}", text) for key, text in INCIDENTS.items()),
)
