"""Right answers of several kinds pass; every suspect fails and is named; the references agree with torch."""

import copy
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import update_bn

from helpers.exercises import train_and_eval
from helpers.exercises.answers.train_and_eval import REFERENCE, SUSPECTS, as_given, reestimate_statistics
from helpers.judge.exercise import Exercise

EXERCISES = {e.id: e for e in vars(train_and_eval).values() if isinstance(e, Exercise)}
EVERY_SUSPECT = [(id, suspect) for id, suspects in SUSPECTS.items() for suspect in suspects]


def passes(exercise, obj):
    return [v.passed for v in EXERCISES[exercise].assessed(obj).verdicts]


def test_every_exercise_has_answers_and_suspects():
    assert EXERCISES.keys() == REFERENCE.keys() == SUSPECTS.keys()
    assert min(len(SUSPECTS[id]) for id in ("reestimate_statistics", "freeze_batchnorm")) >= 6
    assert min(map(len, SUSPECTS.values())) >= 4


@pytest.mark.parametrize("id", EXERCISES)
def test_reference_passes_every_check(id):
    assert all(passes(id, REFERENCE[id]))


@pytest.mark.parametrize("id", EXERCISES)
def test_stub_counts_as_not_attempted(id):
    def stub(*arguments):
        raise NotImplementedError()

    assert set(passes(id, stub)) == {None}


@pytest.mark.parametrize("id", [id for id, suspects in SUSPECTS.items() if suspects[0].id == "as_given"])
def test_the_commented_lines_are_the_suspect(id):
    reference = REFERENCE[id]
    assert as_given(reference).__name__ == reference.__name__
    assert as_given(reference).__code__.co_code != reference.__code__.co_code


def test_scores_puts_back_the_mode_of_each_module():
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout()).train()
    net[1].eval()
    REFERENCE["scores"](net, torch.zeros(1, 4))
    assert [module.training for module in net.modules()] == [True, True, False, True]


WITHOUT_COMPILER = """
import sys
from helpers.exercises import catalogue
from helpers.exercises.answers.train_and_eval import REFERENCE
from helpers.judge.observe import observe
for id in ("fine_tune", "freeze_batchnorm", "restore_best", "reestimate_statistics", "scores"):
    observe(REFERENCE[id], catalogue()[id].probes)
print("torch._dynamo" in sys.modules)
"""


def test_where_the_answer_makes_no_optimizer_torchs_compiler_is_not_imported():
    """The first optimizer of a process imports it, which takes several times as long as a verdict."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_COMPILER], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def stacked(widths, dtype, random):
    """Linear and BatchNorm1d in turn, with weights and old statistics from ``random``."""
    parts = []
    for fan_in, fan_out in pairwise(widths):
        parts += [nn.Linear(fan_in, fan_out), nn.BatchNorm1d(fan_out)]
    net = nn.Sequential(*parts).to(dtype)
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.tensor(random.uniform(0.5, 1.5, tuple(value.shape))))
        for layer in net[::2]:
            layer.weight.mul_(torch.tensor(random.choice([-1.0, 1.0], tuple(layer.weight.shape))))
    return net


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 12), min_size=1, max_size=6),
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    seed=st.integers(0, 2**31 - 1),
)
def test_first_layer_gets_the_statistics_of_all_rows(sizes, widths, seed):
    random = np.random.RandomState(seed)
    net = stacked(widths, torch.float64, random)
    batches = [torch.tensor(random.normal(random.normal(0, 3), 1.0, (n, widths[0]))) for n in sizes]
    reestimate_statistics(net, iter(batches))
    rows = net[0](torch.cat(batches))
    torch.testing.assert_close(net[1].running_mean, rows.mean(0), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(net[1].running_var, rows.var(0), rtol=1e-10, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(2, 12),
    count=st.integers(1, 6),
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 2**31 - 1),
)
def test_equal_batches_agree_with_torch_but_for_the_spread_of_the_means(size, count, widths, dtype, seed):
    random = np.random.RandomState(seed)
    mine = stacked(widths, dtype, random)
    theirs = copy.deepcopy(mine)
    batches = [torch.tensor(random.normal(size=(size, widths[0])), dtype=dtype) for _ in range(count)]
    fed = {layer: [] for layer in theirs[1::2]}
    for layer in fed:
        layer.register_forward_pre_hook(lambda m, x: fed[m].append(x[0].detach().mean(0)))
    update_bn(batches, theirs)
    reestimate_statistics(mine, batches)
    n = size * count
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-10}
    for ours, torchs in zip(mine[1::2], theirs[1::2], strict=True):
        means = torch.stack(fed[torchs])
        between = size * ((means - means.mean(0)) ** 2).sum(0)
        pooled = (count * (size - 1) * torchs.running_var + between) / (n - 1)
        torch.testing.assert_close(ours.running_mean, torchs.running_mean, **tolerance)
        torch.testing.assert_close(ours.running_var, pooled, **tolerance)


def test_an_empty_last_batch_is_named():
    def epoch_batches(rows, batch_size, generator):
        ends = tuple(range(batch_size, rows + 1, batch_size))
        return list(torch.randperm(rows, generator=generator).tensor_split(ends))

    assert [e.id for e in EXERCISES["epoch_batches"].assessed(epoch_batches).causes] == ["empty_batch"]
