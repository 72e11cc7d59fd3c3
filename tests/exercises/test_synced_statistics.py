"""The stand-in for the collective, and right answers in other styles."""

import pytest
import torch
from torch import nn

from helpers.exercises.answers.synced_statistics import synced_statistics
from helpers.exercises.synced_statistics import synced_statistics_exercise, together
from helpers.judge.api import BadOutput


def combined(shard, all_reduce):
    """Count, mean and variance of each process, put together with the distance between the means."""
    rows = torch.tensor(len(shard))
    own, var = shard.mean(0), shard.var(0, correction=0)
    n = all_reduce(rows)
    mean = all_reduce(rows * own) / n
    return mean, all_reduce(rows * (var + (own - mean) ** 2)) / n


def counted_with_the_sums(shard, all_reduce):
    sums = all_reduce(torch.cat([shard.sum(0), shard.new_tensor([len(shard)])]))
    mean = sums[:-1] / sums[-1]
    return mean, all_reduce((shard - mean).square().sum(0)) / sums[-1]


def squares_in_float64(shard, all_reduce):
    wide = shard.double()
    n, first, second = all_reduce(torch.stack([torch.ones_like(wide), wide, wide**2]).sum(1))
    mean = first / n
    return mean.float(), (second / n - mean**2).float()


def kept_dims(shard, all_reduce):
    n = all_reduce(torch.ones(len(shard), 1).sum())
    mean = all_reduce(shard.sum(dim=0, keepdim=True)) / n
    var = all_reduce(torch.sum((shard - mean) ** 2, dim=0, keepdim=True)) / n
    return [mean, var]


def row_by_row(shard, all_reduce):
    total, count = torch.zeros(shard.shape[1]), torch.zeros(())
    for row in shard:
        total, count = total + row, count + 1
    n = all_reduce(count)
    mean = all_reduce(total) / n
    return mean, all_reduce(sum((row - mean) ** 2 for row in shard)) / n


def divided_before_the_sum(shard, all_reduce):
    n = all_reduce(torch.ones_like(shard).sum(0))
    mean = all_reduce(torch.ones(len(shard)) @ shard / n)
    apart = shard - mean
    return mean, all_reduce(torch.einsum("nc,nc->c", apart, apart) / n)


RIGHT = [combined, counted_with_the_sums, squares_in_float64, kept_dims, row_by_row, divided_before_the_sum]


@pytest.mark.parametrize("answer", RIGHT)
def test_right_answers_in_other_styles(answer):
    found = synced_statistics_exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


def test_it_is_batch_norm_over_all_rows_forward_and_backward():
    x, upstream = torch.randn(9, 3).double(), torch.randn(9, 3).double()
    whole = x.clone().requires_grad_()
    (nn.BatchNorm1d(3).double()(whole) * upstream).sum().backward()
    shards = [part.clone().requires_grad_() for part in x.split([5, 3, 1])]
    statistics = together(synced_statistics, shards)
    rows = torch.cat([(s - mean) / torch.sqrt(var + 1e-5) for s, (mean, var) in zip(shards, statistics, strict=True)])
    (rows * upstream).sum().backward()
    assert (torch.cat([s.grad for s in shards]) - whole.grad).abs().max() < 1e-12


def test_what_would_wait_for_ever_is_said():
    def once_more(shard, all_reduce):
        return all_reduce(shard.sum(0)) if len(shard) > 2 else shard.sum(0)

    def own_shapes(shard, all_reduce):
        return all_reduce(shard)

    shards = [torch.zeros(3, 2), torch.zeros(1, 2)]
    with pytest.raises(BadOutput, match="1 of 2 processes call all_reduce once more"):
        together(once_more, shards)
    with pytest.raises(BadOutput, match="different shapes"):
        together(own_shapes, shards)
