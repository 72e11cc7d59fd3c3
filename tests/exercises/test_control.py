"""Right answers to the control of notebook 11, written in other ways, and wrong ones."""

import pytest
import torch
from torch import nn

from helpers.exercises.control import he_start_exercise


def hidden(net):
    return [m for m in net.modules() if isinstance(m, nn.Linear)][:-1]


def kaiming(net):
    for linear in hidden(net):
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.constant_(linear.bias, 0.0)


def kaiming_uniform(net):
    for linear in hidden(net):
        nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
        linear.bias.data.zero_()


@torch.no_grad()
def by_hand(net):
    for linear in hidden(net):
        linear.weight.copy_(torch.randn_like(linear.weight) * (2 / linear.weight.shape[1]) ** 0.5)
        linear.bias.zero_()
    return net


def the_head_too(net):
    def start(module):
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)

    net.apply(start)


def rescaled(net):
    for linear in hidden(net):
        linear.weight.data *= 6**0.5  # PyTorch's default has variance 1 / (3 · fan-in)
        linear.bias = nn.Parameter(torch.zeros_like(linear.bias))


@pytest.mark.parametrize("answer", [kaiming, kaiming_uniform, by_hand, the_head_too, rescaled])
def test_right_answer_passes(answer):
    for seed in range(3):
        torch.manual_seed(seed)
        assert he_start_exercise.assessed(answer).passed


def frozen(net):
    kaiming(net)
    net.requires_grad_(False)


def seeded(net):
    torch.manual_seed(0)
    kaiming(net)


def shifted(net):
    kaiming(net)
    for linear in hidden(net):
        linear.weight.data += 0.05


def its_children(net):
    for layer in net.children():
        if isinstance(layer, nn.Linear):
            the_head_too(layer)


def looped_over(net):
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)


@pytest.mark.parametrize(
    "answer", [frozen, seeded, shifted, its_children, looped_over, lambda net: None, lambda net: 1 / 0]
)
def test_wrong_answer_fails(answer):
    assert not he_start_exercise.assessed(answer).passed
