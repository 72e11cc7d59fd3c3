"""What the model answers of deep, gen and init state in numbers, computed again."""

import math
import random

import pytest
import torch
from torch import nn

from helpers.drill import bank

torch.set_num_threads(1)
SEEDS = (*range(5), *range(10, 15), *range(100, 105))


def states(card, *texts):
    """Assert that the model answer contains each text."""
    for text in texts:
        assert text in bank.load()[card].answer, text


def regression(seed, batch_norm, he):
    """Held-out loss after 300 steps on y = sin(2 x·w / √20) + noise; three ReLU layers of 64, batch 128, rate 0.1."""
    draw = torch.Generator().manual_seed(seed)
    x, w = torch.randn(2 * 4096, 20, generator=draw), torch.randn(20, generator=draw)
    y = torch.sin(2 * x @ w / 20**0.5) + 0.1 * torch.randn(2 * 4096, generator=draw)
    torch.manual_seed(seed)
    layers, width = [], 20
    for _ in range(3):
        layers.append(nn.Linear(width, 64))
        if he:
            nn.init.kaiming_normal_(layers[-1].weight)
            nn.init.zeros_(layers[-1].bias)
        layers += [nn.BatchNorm1d(64)] * batch_norm + [nn.ReLU()]
        width = 64
    net = nn.Sequential(*layers, nn.Linear(64, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(300):
        rows = torch.randint(4096, (128,))
        optimizer.zero_grad()
        (net(x[rows])[:, 0] - y[rows]).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        return (net.eval()(x[4096:])[:, 0] - y[4096:]).square().mean().item()


def test_regression_with_and_without():
    seed = random.choice(SEEDS)  # one of the 15 that the cards speak of
    batch = regression(seed, batch_norm=True, he=False)
    plain = regression(seed, batch_norm=False, he=True)
    assert batch < plain or math.isnan(plain), seed
    assert batch < regression(seed, batch_norm=True, he=True), seed
    states("deep-11", "15 of 15", "12 of 15")
    states("init-10", "15 of 15")


def test_folding():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 8, 3, padding=1).double(), nn.BatchNorm2d(8).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(16, 3, 9, 9).double()
    norm(conv(x))
    norm.eval()
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Conv2d(3, 8, 3, padding=1).double()
    with torch.no_grad():
        folded.weight.copy_(conv.weight * factor[:, None, None, None])
        folded.bias.copy_((conv.bias - norm.running_mean) * factor + norm.bias)
        torch.testing.assert_close(folded(x), norm(conv(x)), rtol=0, atol=1e-12)


def test_two_variances():
    norm = nn.BatchNorm1d(1, momentum=1.0)
    x = torch.tensor([[0.0], [1.0], [2.0], [5.0]])
    y = norm(x)
    biased = x.var(correction=0)
    torch.testing.assert_close(norm.running_var[0], biased * 4 / 3)
    torch.testing.assert_close(y.var(correction=0), biased / (biased + norm.eps))
    assert round(64 / 63, 3) == 1.016
    states("deep-10", r"\frac{4}{3}", "1.016")


def test_sum_has_no_gradient_for_gamma():
    norm = nn.BatchNorm1d(5).double()
    norm(torch.randn(64, 5).double()).sum().backward()
    assert norm.weight.grad.abs().max() < 1e-12


def test_paper_ratios():
    assert round(31.0 / 13.3, 1) == 2.3
    assert round(34.7 - 24.1, 1) == 10.6
    states("deep-13", "=2.3", "2.1 million")
    states("deep-04", "10.6")


def test_zero_start():
    for activation in (nn.ReLU, nn.Tanh):
        net = nn.Sequential(nn.Linear(8, 16), activation(), nn.Linear(16, 16), activation(), nn.Linear(16, 3))
        for parameter in net.parameters():
            nn.init.zeros_(parameter)
        nn.functional.cross_entropy(net(torch.randn(32, 8)), torch.arange(32) % 3 // 2).backward()
        assert [name for name, p in net.named_parameters() if p.grad.abs().max() > 0] == ["4.bias"]


def test_fans():
    conv = nn.Conv2d(16, 32, 3)
    assert nn.init._calculate_fan_in_and_fan_out(conv.weight) == (144, 288)
    states("init-03", "144 and 288")
    assert nn.init._calculate_fan_in_and_fan_out(nn.Conv2d(64, 64, 3).weight)[0] == 576
    assert nn.init._calculate_fan_in_and_fan_out(nn.Conv2d(64, 64, 3, groups=64).weight)[0] == 9
    states("init-13", "=576", "only 9", "8 times too small")
    assert (576 / 9) ** 0.5 == 8


@pytest.mark.parametrize(("activation", "low", "high"), [(torch.sigmoid, 4e-7, 6e-7), (torch.tanh, 0.21, 0.24)])
def test_xavier_in_ten_layers(activation, low, high):
    torch.manual_seed(3)
    x = torch.randn(512, 256)
    for _ in range(10):
        x = activation(x @ nn.init.xavier_normal_(torch.empty(256, 256)).T)
    assert low < x.std(0).mean() < high
    states("init-04", r"5\cdot10^{-7}", "0.22")


def test_default_start_is_a_sixth_of_he():
    torch.manual_seed(0)
    for layer, fan in ((nn.Linear(400, 1000), 400), (nn.Conv2d(64, 256, 3), 576)):
        assert layer.weight.var().item() * fan == pytest.approx(1 / 3, rel=0.02)
        assert layer.bias.abs().max().item() <= fan**-0.5
    assert pytest.approx(1 / 6) == (1 / 3) / 2


def test_gains():
    gain = nn.init.calculate_gain
    assert gain("relu") == pytest.approx(2**0.5)
    assert round(gain("leaky_relu", 0.1), 3) == 1.407
    assert gain("tanh") == pytest.approx(5 / 3)
    states("init-12", "1.407", r"\frac53", r"2^{-5}\approx0.03")
    assert round((1 / 2**0.5) ** 10, 2) == 0.03
    torch.manual_seed(0)
    z = torch.randn(200_000)
    assert z.relu().square().mean().item() == pytest.approx(0.5, rel=0.02)


def test_powers_of_the_gain():
    assert round(1.1**50) == 117 and round(0.9**50, 3) == 0.005 and round(1000 / 1024) == 1
    states("init-06", "117", "0.005")
    states("init-07", "0.001")
    assert round(math.log(0.01 / 0.99), 1) == -4.6
    states("init-02", "-4.6")


def test_orthogonal():
    torch.manual_seed(0)
    values = torch.linalg.svdvals(nn.init.orthogonal_(torch.empty(64, 64, dtype=torch.float64)))
    torch.testing.assert_close(values, torch.ones(64, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_zero_convolution_before_batch_norm():
    torch.manual_seed(1)
    conv, norm = nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
    x, weights = torch.randn(8, 16, 10, 10), torch.randn(8, 16, 10, 10)

    def gradient():
        conv.weight.grad = None
        (norm(conv(x)) * weights).sum().backward()
        return conv.weight.grad.norm().item()

    spread, before = conv(x).std().item(), gradient()
    nn.init.zeros_(conv.weight)
    assert gradient() / before == pytest.approx(spread / norm.eps**0.5, rel=0.05)
    assert round(spread, 2) == pytest.approx(0.54, abs=0.011)
    assert pytest.approx(170, rel=0.01) == 0.54 / 1e-5**0.5
    states("init-11", "about 170", "0.54")


def test_threshold_of_least_cost():
    false_alarm, miss = 1.0, 4.0
    at = false_alarm / (false_alarm + miss)
    for chance in (at - 0.01, at + 0.01):
        alarm_costs, silence_costs = (1 - chance) * false_alarm, chance * miss
        assert (alarm_costs < silence_costs) == (chance > at)
    states("gen-02", r"\frac{c_{FP}}{c_{FP}+c_{FN}}")
