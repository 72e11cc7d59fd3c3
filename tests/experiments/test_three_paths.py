"""The worked example of notebook 07, its parts, and the slopes are those of torch."""

import numpy as np
import pytest
import torch

from helpers.exercises.answers.backward import six_gradients
from helpers.experiments import finite_differences, three_paths

COLUMN, UPSTREAM, GAMMA, EPS = three_paths.COLUMN, three_paths.UPSTREAM, three_paths.GAMMA, three_paths.EPS


def column(values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_by_hand_are_the_six_gradients(capsys):
    dy, x, gamma = column(UPSTREAM), column(COLUMN), column([GAMMA])[0]
    six = [t.flatten().tolist() for t in six_gradients(dy, x, gamma, EPS)]
    got = three_paths.worked()
    mine = [got.dx_hat, [got.dvar], [got.dmean], got.dx, [got.dgamma], [got.dbeta]]
    assert all(a == pytest.approx(b) for a, b in zip(mine, six, strict=True))
    assert sum(got.dx) == pytest.approx(0) and 0 not in got.dx
    three_paths.by_hand()
    shown = capsys.readouterr().out
    assert "0.7414, −0.406, −0.1942, −0.1412" in shown.split("the sum of the three")[1].splitlines()[0]


def test_the_parts_add_up_to_dy_and_the_rest_is_dx():
    mean, along, rest = three_paths.parts(COLUMN, UPSTREAM, EPS)
    assert np.allclose(mean + along + rest, UPSTREAM)
    got = three_paths.worked()
    assert np.allclose(GAMMA / got.std * rest, got.dx)


def test_what_is_left_is_the_share_of_eps(capsys):
    three_paths.projection_table((0.01, 0.001))
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[2:] == [f"{100 * 1e-5 / (1e-4 + 1e-5):.3f}", "0.000"]
    assert second.split()[2:] == [f"{100 * 1e-5 / (1e-6 + 1e-5):.3f}", "0.000"]


def test_the_figures_name_the_paths():
    texts = {text.get_text() for ax in three_paths.graph_figure().axes for text in ax.texts}
    assert {"direct", "through the mean", "through the variance", "μ", "σ²"} <= texts
    assert len(three_paths.taken_away_figure().axes) == 4


@pytest.mark.parametrize("seed", range(3))
def test_slopes_want_float64(seed):
    single = [finite_differences.gap(torch.float32, step, seed) for step in finite_differences.STEPS]
    double = {step: finite_differences.gap(torch.float64, step, seed) for step in (1e-1, 1e-6)}
    assert min(single) > 1e-5 and finite_differences.gap(torch.float32, 1e-6, seed) > 0.05
    assert double[1e-6] < 1e-8 < 1e-4 < double[1e-1]
