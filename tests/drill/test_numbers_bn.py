"""What the cards of batch norm state and a computer can check."""

import math

import pytest
import torch
from torch import nn

from helpers.drill import bank

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def in_double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def says(card, text):
    assert text in bank.load()[card].answer


def test_bn_01_the_variance_of_x_hat():
    says("bn-01", "comes out with variance 0.09, not 1")
    x = torch.randn(4000, 3)
    x = 1e-3 * (x - x.mean(0)) / x.std(0, correction=0)
    made = nn.BatchNorm1d(3, eps=1e-5)(x).var(0, correction=0)
    assert torch.allclose(made, torch.full((3,), 1e-6 / (1e-6 + 1e-5)), rtol=1e-12) and round(made[0].item(), 2) == 0.09


def test_bn_03_eval_is_a_fixed_affine_map_and_still_trains_gamma():
    layer = nn.BatchNorm1d(3)
    layer(torch.randn(16, 3) * 2 + 1)
    layer.eval()
    x = torch.randn(8, 3)
    assert torch.equal(layer(x)[:1], layer(x[:1]))
    before = layer.running_mean.clone()
    layer(x).pow(2).sum().backward()
    assert layer.weight.grad.abs().min() > 0 and torch.equal(layer.running_mean, before)
    layer.train()
    with torch.no_grad():
        layer(x + 5)
    assert not torch.equal(layer.running_mean, before), "no_grad does not stop the buffers"


def test_bn_04_a_batch_of_one():
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm1d(3)(torch.randn(1, 3))
    x = torch.randn(1, 3, 5, 4)
    assert torch.allclose(nn.BatchNorm2d(3)(x), nn.InstanceNorm2d(3)(x))


def test_bn_04_and_11_the_mean_scatters_by_sigma_over_root_m():
    means = 2 * torch.randn(20000, 16).mean(1)
    assert means.var().item() == pytest.approx(4 / 16, rel=0.05)


def test_bn_04_accumulation_does_not_enlarge_the_batch():
    layer, x = nn.BatchNorm1d(3), torch.randn(8, 3)
    assert not torch.allclose(torch.cat([layer(x[:4]), layer(x[4:])]), layer(x))


def test_bn_05_a_bias_before_it_changes_nothing():
    x, linear = torch.randn(32, 4), nn.Linear(4, 3)
    layer = nn.BatchNorm1d(3)
    before = layer(linear(x))
    with torch.no_grad():
        linear.bias += 7.0
    assert torch.allclose(before, layer(linear(x)))
    (layer(linear(x)) * torch.randn(32, 3)).sum().backward()
    assert linear.bias.grad.abs().max() < 1e-12


def test_bn_06_the_inverse_of_one_batch_is_not_that_of_the_next():
    layer, x, other = nn.BatchNorm1d(3), torch.randn(8, 3), torch.randn(8, 3)
    with torch.no_grad():
        layer.weight.copy_((x.var(0, correction=0) + layer.eps).sqrt())
        layer.bias.copy_(x.mean(0))
    assert torch.allclose(layer(x), x) and not torch.allclose(layer(other), other, atol=0.1)
    fresh = nn.BatchNorm1d(3)
    assert torch.equal(fresh.weight, torch.ones(3)) and torch.equal(fresh.bias, torch.zeros(3))


def test_bn_07_momentum_is_the_share_of_the_new_batch():
    layer, x = nn.BatchNorm1d(3), torch.randn(8, 3)
    assert layer.momentum == 0.1 and layer.running_mean.eq(0).all() and layer.running_var.eq(1).all()
    layer(x)
    assert torch.allclose(layer.running_mean, 0.9 * 0 + 0.1 * x.mean(0))
    assert torch.allclose(layer.running_var, 0.9 * 1 + 0.1 * x.var(0, correction=1))


def test_bn_08_axes_shapes_and_counts():
    says("bn-08", "32 images of 14×14 give 6272 numbers a channel")
    assert 32 * 14 * 14 == 6272
    x, layer = torch.randn(4, 3, 5, 2), nn.BatchNorm2d(3)
    by_hand = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + layer.eps).sqrt()
    assert torch.allclose(layer(x), by_hand) and layer.weight.shape == (3,)


def test_bn_09_layer_norm_has_no_buffers_and_one_mode():
    layer, x = nn.LayerNorm(6), torch.randn(4, 6)
    assert list(layer.buffers()) == [] and torch.equal(layer.train()(x), layer.eval()(x))
    assert torch.allclose(layer(x)[:1], layer(x[:1]))


def test_bn_10_group_norm_at_both_ends():
    x = torch.randn(2, 6, 4, 3)
    assert torch.allclose(nn.GroupNorm(1, 6)(x), nn.LayerNorm((6, 4, 3))(x))
    assert torch.allclose(nn.GroupNorm(6, 6)(x), nn.InstanceNorm2d(6)(x))
    assert torch.allclose(nn.GroupNorm(2, 6)(x)[:1], nn.GroupNorm(2, 6)(x[:1]))


def test_bn_13_two_switches_and_the_call_that_undoes_one():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    layer = net[1]
    layer.requires_grad_(False)
    net(torch.randn(8, 3))
    assert layer.running_mean.abs().max() > 0, "requires_grad leaves the statistics moving"
    layer.eval()
    net.train()
    assert layer.training


def test_bn_14_scale_invariance_and_the_gradient():
    x, target = torch.randn(64, 5), torch.randn(64, 4)
    weight = torch.randn(4, 5)
    layer = nn.BatchNorm1d(4, eps=1e-300)

    def loss_and_gradient(w):
        w = w.clone().requires_grad_()
        loss = (layer(x @ w.T) - target).pow(2).mean()
        return loss.item(), torch.autograd.grad(loss, w)[0]

    (one, gradient), (three, smaller) = loss_and_gradient(weight), loss_and_gradient(3 * weight)
    assert math.isclose(one, three, rel_tol=1e-12) and torch.allclose(smaller, gradient / 3)
    for step in (0.01, 0.001):  # an SGD step turns W by about η/‖W‖² times the gradient of the unit vector

        def angle(w, g, rate):
            after = w - rate * g
            return torch.acos((w * after).sum() / w.norm() / after.norm()).item()

        assert angle(3 * weight, smaller, 9 * step) == pytest.approx(angle(weight, gradient, step), rel=1e-6)


def test_bn_15_batch_norm_couples_examples():
    layer, x = nn.BatchNorm1d(3), torch.randn(8, 3, requires_grad=True)
    gradient = torch.autograd.grad(layer(x)[0].pow(2).sum(), x)[0]
    assert gradient[1:].abs().max() > 1e-4
