"""The loop's numbers are those of torch's optimizer, and it does not wait for that one's imports."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from helpers.lab.data import digits
from helpers.lab.training import History, batches, loss_of, sgd


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))


def with_torch(split, steps, momentum, cosine):
    one = net()
    optimiser = torch.optim.SGD(one.parameters(), lr=0.3, momentum=momentum)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps) if cosine else None
    losses = []
    for rows in batches(len(split.X_train), 32, steps, 0):
        loss = loss_of(one, split.X_train[rows], split.y_train[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if schedule:
            schedule.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("cosine", [False, True])
def test_the_numbers_are_those_of_torch(momentum, cosine):
    split = digits()
    ours = list(sgd(net(), split, History(), 0.3, 32, 30, momentum=momentum, cosine=cosine))
    theirs = with_torch(split, 30, momentum, cosine)
    assert ours == (pytest.approx(theirs, rel=1e-4) if cosine else theirs)


def test_training_does_not_import_torchs_compiler():
    code = """
import sys
from torch import nn
from helpers.lab.data import digits
from helpers.lab.training import train
train(lambda: nn.Linear(64, 10), digits(), lr=0.1, batch_size=32, steps=2, momentum=0.9)
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
