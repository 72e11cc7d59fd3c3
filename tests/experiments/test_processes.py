"""Two real processes agree with one, in statistics and gradients; where they cannot talk, a sentence says so."""

import pytest
import torch

from helpers.exercises.answers.synced_statistics import synced_statistics
from helpers.experiments import processes


@pytest.fixture(scope="module")
def found():
    return processes.two_processes(synced_statistics)


def joined(found, way):
    """Output, gradient of x, and gradients of γ and β of both processes together."""
    y, dx = (torch.cat([process[way][i] for process in found]) for i in (0, 1))
    return [y, dx, found[0][way][2], found[0][way][3]]


def test_two_processes_are_one(found):
    for mine, right in zip(joined(found, 1), processes.one_process(), strict=True):
        assert (mine - right).abs().max() < 1e-6


def test_with_their_own_statistics_they_are_not(found):
    apart = [(a - b).abs().max() for a, b in zip(joined(found, 0), processes.one_process(), strict=True)]
    assert min(apart[:3]) > 0.1 and apart[3] < 1e-12


def test_a_process_that_stops_is_said(monkeypatch, capsys):
    monkeypatch.setattr(processes, "WORKER", "raise OSError('no network here')\n{learners}{name}")
    processes.two_processes_table(synced_statistics)
    assert "did not run as two processes (OSError: no network here)" in capsys.readouterr().out


def test_an_answer_that_does_not_pass_is_not_run(capsys):
    processes.two_processes_table(lambda shard, all_reduce: (shard.mean(0), shard.var(0)))
    assert "needs a synced_statistics that passes" in capsys.readouterr().out
