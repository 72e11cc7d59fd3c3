"""Right answers of several kinds pass; every suspect fails and is named; the references agree with torch."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
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


@torch.no_grad()
def reestimate_with_hooks(model, batches):
    """Another right answer: hooks collect what each layer is fed; then the statistics of all rows at once."""
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    modes = {m: m.training for m in model.modules()}
    fed = {layer: [] for layer in layers}
    hooks = [layer.register_forward_pre_hook(lambda m, x: fed[m].append(x[0])) for layer in layers]
    model.eval()
    for layer in layers:
        layer.train()
    for x in batches:
        model(x)
    for hook in hooks:
        hook.remove()
    for layer in layers:
        rows = torch.cat(fed[layer])
        layer.running_mean, layer.running_var = rows.mean(0), rows.var(0)
    for module, training in modes.items():
        module.training = training


def freeze_for_good(model):
    """Another right answer: the layer no longer listens to train()."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.training = False
            module.train = lambda mode=True, module=module: module
            module.weight.requires_grad = module.bias.requires_grad = False


def scores_restoring_the_mode(model, x):
    was = model.training
    with torch.inference_mode():
        y = model.eval()(x).clone()
    model.train(was)
    return y


def one_epoch_by_range(model, X, y, batch_size, lr):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for start in range(0, len(X) - 1, batch_size):
        optimiser.zero_grad()
        cross_entropy(model(X[start : start + batch_size]), y[start : start + batch_size]).backward()
        optimiser.step()


def epoch_batches_by_index(rows, batch_size, generator):
    order = torch.randperm(rows, generator=generator)
    return [order[start : start + batch_size] for start in range(0, rows, batch_size)]


def restore_best_by_deepcopy(model, train_epoch, score, epochs):
    best, kept = -1.0, None
    for _ in range(epochs):
        train_epoch(model)
        now = score(model)
        if now > best:
            best, kept = now, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept)
    return best


OTHERS = [
    ("reestimate_statistics", reestimate_with_hooks),
    ("freeze_batchnorm", freeze_for_good),
    ("scores", scores_restoring_the_mode),
    ("one_epoch", one_epoch_by_range),
    ("epoch_batches", epoch_batches_by_index),
    ("restore_best", restore_best_by_deepcopy),
]


@pytest.mark.parametrize("id, other", OTHERS)
def test_another_right_answer_passes(id, other):
    assert all(passes(id, other))


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
