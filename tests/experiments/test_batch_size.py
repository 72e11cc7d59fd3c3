"""The nets and experiments of notebook 05 are what they say."""

import pytest
import torch
from torch import nn

from helpers.experiments import batch_size as lab
from helpers.lab.data import Split, digits

SPLIT = digits(torch.float64)


@pytest.mark.parametrize("norm", lab.NORMS)
@pytest.mark.parametrize("net", [lab.mlp, lab.cnn, lambda norm: lab.cnn(norm, 1)])
def test_nets_have_the_norm_before_each_relu_and_no_bias(net, norm):
    layers = list(net(norm))
    kinds = {"batch": (nn.BatchNorm1d, nn.BatchNorm2d), "layer": (nn.LayerNorm, nn.GroupNorm), "group": nn.GroupNorm}
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.ReLU):
            assert isinstance(layers[i - 1], kinds[norm])
            assert layers[i - 2].bias is None
    assert net(norm)(SPLIT.X_test[:3].float()).shape == (3, 10)


def test_layer_norm_on_images_pools_channels_and_positions():
    x = torch.randn(2, 16, 4, 4)
    torch.testing.assert_close(lab.norm2d("layer", 16)(x), nn.functional.layer_norm(x, (16, 4, 4)))


def test_smallest_counts():
    assert [lab.smallest_count(lab.cnn("batch", width), 2) for width in (4, 2, 1)] == [32, 8, 2]
    assert lab.smallest_count(lab.mlp("batch"), 32) == 32


def test_batch_norm_fails_with_two_values_for_each_mean_and_not_with_eight():
    small = Split(SPLIT.X_train[:400], SPLIT.y_train[:400], SPLIT.X_test, SPLIT.y_test)
    two = {norm: min(r[0] for r in lab.errors(lab.mlp, small, (norm,), (2,), 1)[norm]) for norm in ("batch", "layer")}
    eight = max(r[0] for r in lab.errors(lab.cnn, small, ("batch",), (2,), 1)["batch"])
    assert two["batch"] > 2 * max(two["layer"], eight)


def test_errors_are_reproducible():
    small = Split(SPLIT.X_train[:64], SPLIT.y_train[:64], SPLIT.X_test, SPLIT.y_test)
    first, second = (lab.errors(lab.mlp, small, ("group",), (32,), 2) for _ in range(2))
    assert first == second and len(first["group"]) == len(lab.SEEDS)


def test_worth_of_independent_and_repeated_values():
    noise = torch.randn(4000, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert lab.worth(noise) == pytest.approx(16, rel=0.1)
    assert lab.worth(noise[..., :2].repeat_interleave(2, 3)) == pytest.approx(8, rel=0.1)


def test_what_each_norm_forgets():
    assert lab.forgotten(nn.BatchNorm2d(8)) == [False, False, False, True, False]
    assert lab.forgotten(nn.InstanceNorm2d(8)) == [True, True, True, True, False]
    assert lab.forgotten(nn.GroupNorm(2, 8)) == [True, True, False, False, False]
    assert lab.forgotten(lab.OverChannels(nn.LayerNorm(8))) == [True, True, False, False, True]
    assert lab.forgotten(lab.OverChannels(nn.RMSNorm(8))) == [True, False, False, False, True]


def test_figure_has_labels():
    runs = {norm: [[5, 4, 3, 3]] * 3 for norm in lab.NORMS}
    figure = lab.error_figure({"MLP": runs, "CNN": runs}, [[50, 5, 4, 3]] * 3)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == ["MLP", "CNN"]
    assert all(ax.get_xlabel() for ax in figure.axes)
