"""Standard deviations written in other ways pass, wrong ones that no suspect is fail; torch draws with both."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.start_std import he_std, xavier_std
from helpers.exercises.start_std import he_std_exercise, xavier_std_exercise

XAVIER = {
    "reference": xavier_std,
    "power": lambda fan_in, fan_out, gain=1.0: gain * (2.0 / (fan_in + fan_out)) ** 0.5,
    "numpy": lambda fan_in, fan_out, gain=1.0: gain / np.sqrt(np.mean([fan_in, fan_out])),
    "tensor": lambda fan_in, fan_out, gain=1.0: gain * torch.rsqrt(torch.tensor((fan_in + fan_out) / 2)),
    "root of gain squared": lambda fan_in, fan_out, gain=1.0: math.sqrt(2 * gain**2 / (fan_in + fan_out)),
    "uniform bound over √3": lambda fan_in, fan_out, gain=1.0: gain * math.sqrt(6 / (fan_in + fan_out)) / math.sqrt(3),
}
HE = {
    "reference": he_std,
    "torch's gain": lambda fan, negative_slope=0.0: nn.init.calculate_gain("leaky_relu", negative_slope) * fan**-0.5,
    "power": lambda fan, negative_slope=0.0: (fan * (1 + negative_slope**2) / 2) ** -0.5,
    "numpy": lambda fan, negative_slope=0.0: np.sqrt(2 / (1 + negative_slope * negative_slope) / fan),
    "tensor": lambda fan, negative_slope=0.0: torch.tensor([2.0 / (fan + fan * negative_slope**2)]).sqrt(),
    "share": lambda fan, negative_slope=0.0: 1 / math.sqrt(fan * (0.5 + 0.5 * negative_slope**2)),
}
XAVIER_WRONG = {
    "gain over fans": lambda i, o, gain=1.0: gain / (i + o),
    "difference": lambda i, o, gain=1.0: gain * math.sqrt(2 / abs(i - o)),
    "product": lambda i, o, gain=1.0: gain * math.sqrt(2 / (i * o)),
    "four": lambda i, o, gain=1.0: gain * math.sqrt(4 / (i + o)),
    "three": lambda i, o, gain=1.0: gain * math.sqrt(3 / (i + o)),
    "root of the gain": lambda i, o, gain=1.0: math.sqrt(gain) * math.sqrt(2 / (i + o)),
    "fourth root": lambda i, o, gain=1.0: gain * (2 / (i + o)) ** 0.25,
    "no root of the mean": lambda i, o, gain=1.0: gain / ((i + o) / 2),
    "log": lambda i, o, gain=1.0: gain * math.log(2 / (i + o)),
    "weights drawn": lambda i, o, gain=1.0: nn.init.xavier_normal_(torch.empty(o, i), gain),
    "std of weights drawn": lambda i, o, gain=1.0: nn.init.xavier_normal_(torch.empty(o, i), gain).std(),
    "harmonic": lambda i, o, gain=1.0: gain * math.sqrt((i + o) / (2 * i * o)),
    "hypotenuse": lambda i, o, gain=1.0: gain / math.sqrt(math.hypot(i, o) / math.sqrt(2)),
    "5/3": lambda i, o, gain=5 / 3: gain * math.sqrt(2 / (i + o)),
    "minus": lambda i, o, gain=1.0: -gain * math.sqrt(2 / (i + o)),
    "nothing": lambda i, o, gain=1.0: None,
    "both": lambda i, o, gain=1.0: (gain / math.sqrt(i), gain / math.sqrt(o)),
    "integer division": lambda i, o, gain=1.0: gain * math.sqrt(2 // (i + o)),
    "half": lambda i, o, gain=1.0: gain * math.sqrt(0.5 / (i + o)),
    "gain halves": lambda i, o, gain=1.0: gain / 2 * math.sqrt(2 / (i + o)),
}
HE_WRONG = {
    "1 + a³": lambda fan, negative_slope=0.0: math.sqrt(2 / ((1 + abs(negative_slope) ** 3) * fan)),
    "√(1 + a²)": lambda fan, negative_slope=0.0: math.sqrt(2 / (math.sqrt(1 + negative_slope**2) * fan)),
    "a alone": lambda fan, negative_slope=0.0: math.sqrt(2 / ((negative_slope**2 or 1) * fan)),
    "half more": lambda fan, negative_slope=0.0: math.sqrt(2 / ((1 + negative_slope**2 / 2) * fan)),
    "2 - a²": lambda fan, negative_slope=0.0: math.sqrt((2 - negative_slope**2) / fan),
    "2 - a": lambda fan, negative_slope=0.0: math.sqrt((2 - negative_slope) / fan),
    "added": lambda fan, negative_slope=0.0: math.sqrt(2 / fan + negative_slope**2),
    "slope times root": lambda fan, negative_slope=0.0: (1 - negative_slope / 2) * math.sqrt(2 / fan),
    "3": lambda fan, negative_slope=0.0: math.sqrt(3 / ((1 + negative_slope**2) * fan)),
    "fan + 1": lambda fan, negative_slope=0.0: math.sqrt(2 / ((1 + negative_slope**2) * (fan + 1))),
    "squared fan": lambda fan, negative_slope=0.0: math.sqrt(2 / (1 + negative_slope**2)) / fan**2,
    "gain of 5/3": lambda fan, negative_slope=0.0: 5 / 3 / math.sqrt(fan),
    "constant slope": lambda fan, negative_slope=0.0: math.sqrt(2 / ((1 + 0.01**2) * fan)),
    "weights": lambda fan, negative_slope=0.0: nn.init.kaiming_normal_(torch.empty(8, int(fan)), a=negative_slope),
    "nothing": lambda fan, negative_slope=0.0: None,
    "two": lambda fan, negative_slope=0.0: (he_std(fan), negative_slope),
    "minus": lambda fan, negative_slope=0.0: -he_std(fan, negative_slope),
    "log": lambda fan, negative_slope=0.0: math.log1p(2 / fan),
    "division in ints": lambda fan, negative_slope=0.0: math.sqrt(2 // fan),
    "fourth root": lambda fan, negative_slope=0.0: (2 / ((1 + negative_slope**2) * fan)) ** 0.25,
}


def cases(of):
    return [pytest.param(e, answers[name], id=f"{e.id}-{name}") for e, answers in of for name in answers]


@pytest.mark.parametrize(("exercise", "answer"), cases([(xavier_std_exercise, XAVIER), (he_std_exercise, HE)]))
def test_right_answers_in_other_styles(exercise, answer):
    found = exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


@pytest.mark.parametrize(
    ("exercise", "answer"), cases([(xavier_std_exercise, XAVIER_WRONG), (he_std_exercise, HE_WRONG)])
)
def test_unseen_wrong_answers_fail(exercise, answer):
    assert not exercise.assessed(answer).passed


def test_they_are_what_torch_draws_with():
    torch.manual_seed(0)
    weight = torch.empty(400, 600)
    assert nn.init.xavier_normal_(weight, gain=1.5).std().item() == pytest.approx(xavier_std(600, 400, 1.5), rel=0.01)
    nn.init.kaiming_normal_(weight, a=0.3)
    assert weight.std().item() == pytest.approx(he_std(600, 0.3), rel=0.01)
