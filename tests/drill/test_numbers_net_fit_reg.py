"""What the model answers of net, fit and reg state in numbers, computed again."""

import math

import pytest
import torch
from torch import nn

from helpers.drill import bank

torch.set_num_threads(1)


def answer(card):
    """The model answer of a card, without the braces of LaTeX's thousands."""
    return bank.load()[card].answer.replace("{,}", ",")


def weights(*layers, bias=False):
    """How many parameters layers have."""
    return sum(p.numel() for layer in layers for name, p in layer.named_parameters() if bias or name != "bias")


def states(card, *numbers):
    """Assert that the answer contains each number, with or without commas in its thousands."""
    for number in numbers:
        assert f"{number:,}" in answer(card) or str(number) in answer(card), number


def test_depth_and_width():
    def stack(depth, width):
        return weights(*(nn.Linear(width, width) for _ in range(depth)), bias=True)

    states("net-02", stack(8, 256))
    assert stack(16, 256) == 2 * stack(8, 256)
    assert stack(8, 512) == pytest.approx(4 * stack(8, 256), rel=0.01)


def test_bottleneck():
    narrow = weights(nn.Conv2d(256, 64, 1), nn.Conv2d(64, 64, 3), nn.Conv2d(64, 256, 1))
    wide = weights(nn.Conv2d(256, 256, 3))
    states("net-04", narrow, wide)
    assert wide / narrow == pytest.approx(8.5, abs=0.05)


@pytest.mark.parametrize("dilations, side", [((1, 1, 1), 7), ((1, 2, 4), 15)])
def test_receptive_field(dilations, side):
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=d, dilation=d) for d in dilations))
    for layer in net:
        nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 31, 31, requires_grad=True)
    net(x)[0, 0, 15, 15].backward()
    seen = x.grad[0, 0].nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [side, side]
    assert f"{side}×{side}" in answer("net-07")


def test_parameters_and_operations():
    first = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
    out = first(torch.zeros(1, 3, 224, 224))
    assert out.shape[2:] == (112, 112)
    states("net-08", weights(first))
    assert round(weights(first) * 112 * 112 / 1e6) == 118
    assert weights(nn.Embedding(50_000, 768)) == 38_400_000


def test_branches():
    direct = weights(nn.Conv2d(192, 32, 5))
    reduced = weights(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5))
    states("net-12", direct, reduced)


@pytest.mark.parametrize("side", [224, 448])
def test_tokens(side):
    tokens = nn.Conv2d(1, 1, 16, stride=16)(torch.zeros(1, 1, side, side)).numel()
    states("net-13", tokens, tokens**2)


def test_bias_variance_noise():
    torch.manual_seed(0)
    truth, sigma = 1.3, 0.7
    predictions = torch.randn(2_000_000, dtype=torch.float64) * 0.5 + truth + 0.4
    targets = truth + sigma * torch.randn(2_000_000, dtype=torch.float64)
    error = (targets - predictions).square().mean()
    assert float(error) == pytest.approx(0.4**2 + 0.5**2 + sigma**2, rel=0.01)


def test_peak_of_the_smallest_norm_solution():
    generator = torch.Generator().manual_seed(0)
    n, trials = 20, 200
    errors = {}
    for p in (5, 20, 80):
        x = torch.randn(trials, n, 80, generator=generator, dtype=torch.float64)
        w = torch.randn(trials, 80, 1, generator=generator, dtype=torch.float64) / 80**0.5
        y = x @ w + 0.3 * torch.randn(trials, n, 1, generator=generator, dtype=torch.float64)
        fitted = torch.zeros_like(w)
        fitted[:, :p] = torch.linalg.pinv(x[:, :, :p]) @ y
        errors[p] = (fitted - w).square().sum(1).median()
    assert errors[20] > 3 * errors[5]
    assert errors[20] > 3 * errors[80]


def test_dropout_keeps_the_mean_and_adds_variance():
    torch.manual_seed(1)
    for p in (0.5, 0.9):
        y = nn.Dropout(p)(torch.full((1_000_000,), 3.0, dtype=torch.float64))
        assert float(y.mean()) == pytest.approx(3, rel=0.02)
        assert float(y.var()) == pytest.approx(9 * p / (1 - p), rel=0.02)
        assert float(y.square().mean()) == pytest.approx(9 / (1 - p), rel=0.02)
        z = torch.randn(1_000_000, dtype=torch.float64)
        assert float(z.var() / nn.Dropout(p)(z).var()) == pytest.approx(1 - p, rel=0.03)
    layer = nn.Dropout(0.5).eval()
    x = torch.randn(100)
    assert torch.equal(layer(x), x)


def test_single_softmax_layer_and_the_geometric_mean():
    generator = torch.Generator().manual_seed(2)
    n, p = 4, 0.3
    w = torch.randn(3, n, generator=generator, dtype=torch.float64)
    x = torch.randn(n, generator=generator, dtype=torch.float64)
    masks = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * n)
    chance = ((1 - p) ** masks * p ** (1 - masks)).prod(1)
    logs = torch.log_softmax(masks * x @ w.T, 1)
    geometric = torch.softmax(chance @ logs, 0)
    assert torch.allclose(geometric, torch.softmax(w @ x * (1 - p), 0), rtol=0, atol=1e-14)


def test_decay_is_the_penalty_for_sgd_and_not_for_adam():
    def step(optimiser, penalty, **settings):
        w = nn.Parameter(torch.tensor([1.0, 1.0], dtype=torch.float64))
        made = optimiser([w], lr=0.1, **settings)
        loss = (torch.tensor([1.0, 100.0], dtype=torch.float64) * w).sum() + penalty / 2 * w.square().sum()
        loss.backward()
        made.step()
        return w.detach()

    by_hand = torch.tensor([1 - 0.1 * 0.01 - 0.1, 1 - 0.1 * 0.01 - 10], dtype=torch.float64)
    assert torch.allclose(step(torch.optim.SGD, 0.01), by_hand, rtol=0, atol=1e-14)
    assert torch.allclose(step(torch.optim.SGD, 0.0, weight_decay=0.01), by_hand, rtol=0, atol=1e-14)
    adam, adamw = step(torch.optim.Adam, 0.01), step(torch.optim.AdamW, 0.0, weight_decay=0.01)
    assert (adam - adamw).abs().max() > 9e-4
    assert abs(0.999**1000 - 0.37) < 0.005


def test_zeros_come_from_the_proximal_step():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(200, 50, generator=generator, dtype=torch.float64)
    truth = torch.zeros(50, dtype=torch.float64)
    truth[:5] = 1
    y = x @ truth + 0.1 * torch.randn(200, generator=generator, dtype=torch.float64)
    lr, penalty, zeros = 0.1, 0.05, {}
    for proximal in (False, True):
        w = torch.full((50,), 0.3, dtype=torch.float64)
        for _ in range(500):
            gradient = x.T @ (x @ w - y) / 200
            if proximal:
                w = w - lr * gradient
                w = w.sign() * (w.abs() - lr * penalty).clamp(min=0)
            else:
                w = w - lr * (gradient + penalty * w.sign())
        zeros[proximal] = int((w == 0).sum())
    assert zeros[False] == 0
    assert zeros[True] >= 40


def test_spatial_dropout_has_one_mask_for_a_map():
    torch.manual_seed(4)
    kept = nn.Dropout2d(0.5)(torch.ones(4, 8, 5, 5)).flatten(2) != 0
    assert torch.equal(kept.all(2), kept.any(2))
    assert 0 < kept.float().mean() < 1


def test_label_smoothing():
    target = 0.9 * torch.eye(10, dtype=torch.float64)[0] + 0.1 / 10
    assert target[0] == pytest.approx(0.91) and target[1] == pytest.approx(0.01)
    logits = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    assert loss(logits[None], torch.tensor([0])).item() == pytest.approx(math.log(10))
    best = target.log()[None]
    assert torch.autograd.grad(loss(best.requires_grad_(), torch.tensor([0])), best)[0].abs().max() < 1e-15
    assert float(target.log()[0] - target.log()[1]) == pytest.approx(math.log(91)) == pytest.approx(4.5, abs=0.02)


def test_input_noise_is_ridge_in_expectation():
    generator = torch.Generator().manual_seed(5)
    n, s = 3, 0.4
    x, y = torch.randn(n, 2, generator=generator, dtype=torch.float64), torch.randn(n, generator=generator).double()
    w = torch.tensor([0.7, -1.2], dtype=torch.float64)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * (2 * n)).reshape(-1, n, 2)
    noisy = (y - (x + s * signs) @ w).square().sum(1).mean()  # noise of two values, all of its draws
    assert float(noisy) == pytest.approx(float((y - x @ w).square().sum() + n * s**2 * w.square().sum()), rel=1e-12)


def test_stochastic_depth():
    blocks = 54
    active = sum(1 - number / blocks * (1 - 0.5) for number in range(1, blocks + 1))
    assert round(active) == 40
    states("reg-14", blocks, 40)
