"""Notebook 06: what speaks against each explanation of batch norm, and what would settle it."""

from __future__ import annotations

from helpers.judge.api import Check, Quiz

from . import pairs

CLAIMS = {
    "a": "It keeps the distribution of each activation still, and that is why it trains fast.",
    "b": "It keeps the layers below from disturbing a layer's gradient, and that is why it trains fast.",
    "c": "It makes the landscape smoother, and that is why it trains fast.",
    "d": "The length of its weights grows until the steps are short enough, and that is why it trains fast.",
    "e": "It brings signals and gradients of a deep net to a good scale before training.",
    "f": "The noise of its statistics regularises.",
}
"""The explanations, as somebody might hold them."""

FOR = {
    "a": "A unit's mean moves by 0.0003 standard deviations in a step; in the control by 0.13 (section 1).",
    "b": "He init, layer 6: the cosine of G and G′ is 0.93; in the control 0.29 (section 1).",
    "c": "He init, 4 layers: effective β is 3.7; in the control 17 (section 3).",
    "d": "At rate 1 the loss ends at 0.02; with the lengths held at 0.13 (section 4).",
    "e": "50 layers: two images leave the last one with a cosine of 0.32; in the control 0.99 (section 5).",
    "f": "With noisy labels held-out accuracy is 0.94 with parts of 8, and 0.85 with parts of 128 (section 6).",
}

AGAINST = {
    "K": "From default init the cosine at layer 6 is 0.74; in the net that learns nothing it is 1.00.",
    "L": "In the first of 50 layers it is 2,500; in the control 0.25.",
    "M": "With the labels as they are accuracy stays; with noisy ones, a shorter training gets the larger part of the gain.",
    "N": "With something added behind it, a mean moves by 0.28 standard deviations, and the training loss ends at 0.06.",
    "O": "At rate 0.1 they change by one hundredth. Holding them changes nothing, and the loss ends at 0.02 too.",
    "P": "The same function, written with other numbers, can have a value five times as low; and the control, with a value four "
    "times as high, ends at the lower training loss.",
    "Q": "γ and β can undo it, so in the end it does nothing.",
}
"""Measurements to choose from; the last is none."""

SETTLED = {
    "R": "No norm, and each hidden matrix divided by its own Frobenius norm: are high rates then tolerated, or only with growth?",
    "S": "Random shifts and factors of the same size in a net whose statistics are exact, on many data sets.",
    "T": "Training that updates one layer at a time, each with its gradient taken afresh, with and without batch norm.",
    "U": "A start without any norm that keeps images apart and gradients level: does batch norm still win from there?",
    "V": "Nets whose means are pushed steadily in one direction, as training does, by amounts that are set beforehand.",
    "W": "A measure that is the same for all weights of one function, and tells beforehand which of many nets will "
    "train faster.",
    "X": "A larger net, trained for longer, with batch norm.",
}
"""Experiments to choose from."""

PARTS = {
    "evidence": {key: f"{key} · {text}" for key, text in AGAINST.items()},
    "experiment": {key: f"{key} · {text}" for key, text in SETTLED.items()},
}
_CHECKS = {"shift": "ab", "path": "cd", "start": "ef"}

evidence_exercise = Quiz(
    id="evidence",
    title="The evidence",
    module=__name__,
    builds="evidence",
    probes=(pairs.probe(PARTS, tuple(CLAIMS), '("Q", "X")'),),
    checks=(
        Check(
            "shift",
            "1 · the two shifts: a, b",
            (pairs.all_right(PARTS, *_CHECKS["shift"]),),
            hints=(
                "What does each of the two definitions measure? Find that quantity among the measurements.",
                "One is about means, the other about gradients. To test it, change that quantity and nothing else.",
                "a: the noise was random, so look for means that do not move at random. b: when does nothing move below a layer?",
            ),
        ),
        Check(
            "path",
            "2 · along the path: c, d",
            (pairs.all_right(PARTS, *_CHECKS["path"]),),
            hints=(
                "c is about the landscape around a net's weights, d about the weights' own length.",
                "c: section 3 wrote one net with other weights. d: section 4 held something at two learning rates.",
                "c: what was wrong with β as a measure? d: which experiment has the growth, or lacks it, without batch norm?",
            ),
        ),
        Check(
            "start",
            "3 · before training, and noise: e, f",
            (pairs.all_right(PARTS, *_CHECKS["start"]),),
            hints=(
                "e has two halves, signals and gradients. Do both come out well?",
                "e: look at section 5's table, first layer. f: the two tables of section 6, and their row that is stopped early.",
                "e: give the control what it lacks. f: give the noise without the small parts.",
            ),
        ),
    ),
    questions=tuple(pairs.question(PARTS, key, check, CLAIMS[key]) for check, keys in _CHECKS.items() for key in keys),
)
