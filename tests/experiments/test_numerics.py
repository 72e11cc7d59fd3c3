"""The four variances agree where float64 can tell, and what notebook 07 says of their digits holds for other draws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.experiments import numerics


@given(st.integers(2, 40), st.integers(0, 2**31 - 1))
def test_all_ways_give_the_variance(rows, seed):
    x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for way in numerics.WAYS.values():
        torch.testing.assert_close(way(x), x.var(0, correction=0))


def test_the_text_of_the_figure():
    by_way = {name: np.median(e, 1) for name, e in numerics.variance_errors(range(50, 55)).items()}
    single, two, welford, pairwise = by_way.values()
    assert (single[4:] > 1).all() and (single[1:5] / single[:4] > 30).all()
    assert max(two[4], welford[4], pairwise[4]) < 1e-3 and welford[0] > single[0]
    assert (np.array([two, welford, pairwise])[:, 1:] < single[1:]).all()
    two_digits, one_digit = np.log10(single[1] / [min(two[1], pairwise[1]), welford[1]])
    assert two_digits == pytest.approx(2.3, abs=0.4) and one_digit == pytest.approx(1.3, abs=0.4)
    assert (two[2:] < pairwise[2:]).all() and (pairwise[2:] < welford[2:]).all()


def cells(dtype, mean, seed):
    return numerics.half_errors(dtype, mean, seed)


@pytest.mark.parametrize("seed", (50, 51))
def test_the_text_of_sixteen_bits(seed):
    half, brain = torch.float16, torch.bfloat16
    for dtype, bound in ((half, 0.002), (brain, 0.017)):
        for mean in (0.0, 3.0, 30.0, 300.0):
            *_, in_float32, torchs = map(float, cells(dtype, mean, seed)[3:])
            assert in_float32 <= bound and torchs == pytest.approx(in_float32, rel=0.1)
        grows = [float(cells(dtype, mean, seed)[1]) for mean in (3.0, 30.0, 300.0)]
        assert grows == sorted(grows)
        assert float(cells(dtype, 300.0, seed)[2]) > grows[-1] / 2  # rounded before use: little is won
    assert cells(half, 300.0, seed)[0].startswith("NaN in 100")
    for dtype in (half, brain):
        failed = cells(dtype, 30.0, seed)[0]
        assert failed.startswith("NaN") or float(failed) > 1


def test_the_moving_average(capsys):
    numerics.moving_average_table()
    single, half, brain = (list(map(float, line.split()[1:])) for line in capsys.readouterr().out.splitlines()[-3:])
    assert half[0] < half[1] < 1.3 and brain[0] < brain[1] < 1.3
    single, half, brain = single[0], half[0], brain[0]
    assert single == pytest.approx(1.3, abs=1e-3) and 1.2 < half < 1.28 and brain == 1.0
    step = torch.finfo(torch.float16).eps
    assert 0.01 * (1.3 - half) < step / 2


def test_by_hand(capsys):
    numerics.by_hand(), numerics.formats_table()
    assert capsys.readouterr().out.splitlines()[4].split()[-1] == "0"
