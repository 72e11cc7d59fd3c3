"""The learner's class is used only where it passes the six checks; one sentence says which is used and why."""

import pytest
from torch import nn

from helpers.exercises.answers.batchnorm1d import SUSPECTS, BatchNorm1d
from helpers.experiments.learners import choose


class Unfinished(nn.Module):
    def __init__(self, num_features):
        raise NotImplementedError


WRONG = next(s.make for s in SUSPECTS["batchnorm1d"] if s.id == "momentum_swapped")


@pytest.mark.parametrize(
    ("layer", "used", "said"),
    [
        (BatchNorm1d, BatchNorm1d, "your BatchNorm1d: it passes"),
        (None, nn.BatchNorm1d, "no class was given"),
        (nn.BatchNorm1d, nn.BatchNorm1d, "you chose it"),
        (Unfinished, nn.BatchNorm1d, "your Unfinished is not written yet"),
        (WRONG, nn.BatchNorm1d, "your BatchNorm1d fails check “4 · the numbers"),
        (nn.LayerNorm, nn.BatchNorm1d, "your LayerNorm fails check “1"),
        (3, nn.BatchNorm1d, "your layer fails check"),
    ],
)
def test_which_layer_is_used_and_why(layer, used, said, capsys):
    assert choose(layer) is used
    text = capsys.readouterr().out
    assert said in text and text.count("\n") == 1
