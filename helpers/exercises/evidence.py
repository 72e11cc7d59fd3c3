"""Notebook 06: what speaks against each explanation of batch norm, and what would settle it."""

from __future__ import annotations

from helpers.judge.api import Check, Quiz

from . import pairs

CLAIMS = {
    "a": "It keeps the distribution of each activation still, and that is why it trains fast.",
    "b": "It keeps the layers below from disturbing a layer's gradient, and that is why it trains fast.",
    "c": "It makes the landscape smoother, and that is why it trains fast.",
    "d": "The length of its weights grows until the steps are short enough, and that is why it trains fast.",
    "e": "It brings signals and gradients of a deep net to a good scale before training, and that is why it trains fast.",
    "f": "The noise of its statistics regularises.",
}
"""The explanations, as somebody might hold them."""

FOR = {
    "a": "He init: a unit's mean moves by 0.0005 standard deviations in a step; in the control by 0.13 (section 1).",
    "b": "He init, layer 6: the cosine of G and G′ is 0.93; in the control 0.29 (section 1).",
    "c": "He init, 4 layers: effective β is 3.7; in the control 17 (section 3).",
    "d": "Default init, rate 1: the loss ends at 0.02; with the lengths held at 0.13 (section 4).",
    "e": "50 layers: two images leave the last one with a cosine of 0.32; in the control 0.99 (section 5).",
    "f": "With noisy labels held-out accuracy is 0.94 with parts of 8, and 0.85 with parts of 128 (section 6).",
}

AGAINST = {
    "K": "The highest value of all, 1.00, is that of a net that learns nothing.",
    "L": "Nearest to the input ‖∇L‖ is 2,500; without any norm 0.25.",
    "M": "Stopping the other net sooner wins most of it too; and on clean data there is none to win.",
    "N": "Random numbers behind every norm undo it, more than having no norm does: yet the end is 0.06, in place of 0.04.",
    "O": "Where ‖W‖ changes by one hundredth, 0.02 is reached as well, whether ‖W‖ is kept as it was or not.",
    "P": "The same function, written with other numbers, can have a value five times as low; and the control, with a value four "
    "times as high, ends at the lower training loss.",
    "Q": "Ten times as long, with a hundred times the learning rate, the hidden matrices give the same losses.",
}
"""Measurements to choose from; the last speaks against none of the claims."""

SETTLED = {
    "R": "No norm: the forward pass uses √128 · W/‖W‖ for each hidden W. Once W is left free, once ‖W‖ is reset after every "
    "update to its first value: which of the two still learns at η = 10?",
    "S": "The mean and variance of all rows, then chance moves and stretches by as much as with 8 rows; on many data sets.",
    "T": "Matrices updated in turn, from the input upwards, ∇L taken anew before each; with and without batch norm.",
    "U": "No norm, but matrices drawn so that nothing fades, explodes or becomes alike on the way up or down: does adding "
    "batch norm still help, in large nets too?",
    "V": "What enters each ReLU is pushed steadily one way, by amounts set beforehand, and ∇L is taken after the push.",
    "W": "A term added to the loss raises or lowers the curvature along the path, in a measure that is the same for all "
    "ways to write one function; all else alike.",
    "X": "With batch norm and without, at ten widths and ten learning rates each.",
}
"""Experiments to choose from; the last settles none of the claims, since it changes all supposed causes together."""

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
                "a: the noise was random, so look for means that do not move at random. b: when is no gradient out of date?",
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
