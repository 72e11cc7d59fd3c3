"""The comparison of notebook 11: its claim holds with seeds that it does not use, and whatever is handed in."""

import random
from statistics import median

import torch
from torch import nn

from helpers.exercises.answers.batchnorm1d import BatchNorm1d
from helpers.exercises.answers.control import he_start
from helpers.experiments.interview import contrast, control, three


def test_batch_norm_ends_below_the_control_and_both_below_the_default():
    """By the median, as the notebook says: in one run of thirty batch norm ends a little above the control."""
    seeds, draw = random.sample(range(10, 1000), 3), random.randrange(5)
    print("seeds", seeds, "draw", draw)
    runs = three(nn.BatchNorm1d, he_start, seeds, draw)
    found = {name: median(run.test_loss[-1] for run in histories) for name, histories in runs.items()}
    assert found["batch"] < found["none, He"] < 0.5 * found["none"]


def test_without_a_right_control_another_one_is_used(capsys):
    assert control(he_start) is he_start
    assert control(None) is not None and control(lambda net: None) is not None
    assert capsys.readouterr().out.count("kaiming_normal_") == 2


def test_it_runs_without_a_layer(capsys):
    losses, own = contrast(None, None)
    assert list(losses) == ["none", "none, He", "batch"] and all(len(v) == 3 for v in losses.values())
    assert not own


def test_a_layer_that_loses_gradients_passes_its_checks_and_is_told_that_it_ends_above_the_control(capsys):
    class Detached(BatchNorm1d):
        def forward(self, x):
            return super().forward(x) if not self.training else self._cut(x)

        def _cut(self, x):
            super().forward(x)  # moves the buffers
            mean, var = x.mean(0).detach(), x.var(0, correction=0).detach()
            return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta

    _, own = contrast(Detached, he_start)
    told = capsys.readouterr().out
    assert own and "it passes the six checks" in told and "above the control in every seed" in told
    contrast(BatchNorm1d, he_start)
    assert "above the control" not in capsys.readouterr().out
