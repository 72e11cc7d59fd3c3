"""The experiments of notebook 04 measure what they say."""

import copy

import pytest
import torch
from torch import nn

from helpers.exercises.answers.train_and_eval import reestimate_statistics
from helpers.exercises.train_and_eval import reestimate_statistics_exercise
from helpers.experiments import mode_figures, mode_tables, train_and_eval
from helpers.lab.data import Split, digits
from helpers.lab.training import train

SPLIT = digits(torch.float64)
SMALL = Split(SPLIT.X_train[:200], SPLIT.y_train[:200], SPLIT.X_test[:100], SPLIT.y_test[:100])


@pytest.fixture(scope="module")
def net():
    return train_and_eval.train_epochs(SMALL, seed=0, epochs=3)


def statistics(net):
    return {name: value for name, value in net.named_buffers() if "running" in name}


def test_start_value_is_forgotten_as_computed():
    for momentum in (0.1, 0.01):
        steps = train_and_eval.steps_until(0.01, momentum)
        assert (1 - momentum) ** steps <= 0.01 < (1 - momentum) ** (steps - 1)
    seen = train_and_eval.moving_averages(0.1, 50)
    assert seen.shape == (2, 51, 20)
    assert seen[0, 0].eq(0).all() and seen[1, 0].eq(1).all()
    assert seen[0, 3].mean().item() == pytest.approx(3 * (1 - 0.9**3), abs=0.1)


@pytest.mark.parametrize("momentum", [0.1, 0.01, None])
def test_one_training_gives_the_buffers_of_every_momentum(momentum):
    """What accuracy_while_training collects is what a layer with that momentum has."""
    found = train_and_eval.accuracy_while_training(
        SMALL, 0, (0.1, 0.01, None), train_and_eval.torch_reestimate, steps=20, every=5
    )
    net, _ = train(lambda: train_and_eval.make_net(momentum), SMALL, lr=0.1, batch_size=64, steps=20, seed=0)
    assert len(found[momentum]) == len(found["re-estimated"]) == 4
    assert found[momentum][-1] == train_and_eval.accuracy(net, SMALL.X_test, SMALL.y_test)


def test_an_average_of_nets_averages_parameters_and_buffers(net):
    (other,) = train_and_eval.trained(SMALL, [1], steps=3)
    mean = train_and_eval.averaged([net, other]).state_dict()
    for name, value in other.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(mean[name], (value + net.state_dict()[name]) / 2)


def test_finite_sees_every_weight(net):
    assert train_and_eval.finite(net)
    broken = copy.deepcopy(net)
    with torch.no_grad():
        broken.hidden[0][0].weight[3, 4] = torch.nan
    assert not train_and_eval.finite(broken)


@pytest.mark.parametrize(
    ("statistics", "affine", "old", "moved"),
    [
        (False, False, False, (True, True)),
        (False, True, False, (True, False)),
        (True, False, False, (False, True)),
        (True, True, False, (False, False)),
        (True, True, True, (False, True)),
    ],
)
def test_what_a_freeze_lets_move(statistics, affine, old, moved):
    assert mode_tables.one_step(statistics, affine, old) == moved


@pytest.mark.parametrize("seed", [0, 104])
def test_five_copies_differ_in_nothing_but_their_statistics(seed):
    copies = mode_figures.copies(SPLIT, seed)
    for net in copies.values():
        assert not any(module.training for module in net.modules())
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), copies["A"].parameters(), strict=True))
    right = {name: train_and_eval.accuracy(net, SPLIT.X_test, SPLIT.y_test) for name, net in copies.items()}
    assert right["A"] > 0.95 and all(right[name] < right["A"] - 0.05 for name in "BCDE")
    if seed == 0:  # the numbers in the text
        assert [100 * right[name] for name in "ABCDE"] == pytest.approx([97, 81, 75, 57, 71], abs=1)


def test_predicting_in_train_mode_leaves_the_net_as_it_was(net):
    before = {name: value.clone() for name, value in statistics(net).items()}
    order = train_and_eval.by_class(SMALL.y_test)
    assert SMALL.y_test[order].diff().ge(0).all()
    accuracy, polluted = train_and_eval.predict_in_train_mode(net, SMALL.X_test, SMALL.y_test, order, 4)
    assert 0 <= accuracy < train_and_eval.accuracy(net, SMALL.X_test, SMALL.y_test)
    assert not net.training and not polluted.training
    assert all(torch.equal(before[name], value) for name, value in statistics(net).items())
    assert any(not torch.equal(before[name], value) for name, value in statistics(polluted).items())


@pytest.mark.parametrize("reestimate", [train_and_eval.torch_reestimate, reestimate_statistics])
def test_lost_statistics_are_repaired(net, reestimate):
    lost = train_and_eval.without_statistics(net)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), lost.parameters(), strict=True))
    assert all(value.unique().numel() == 1 for value in statistics(lost).values())
    right = train_and_eval.accuracy(net, SMALL.X_test, SMALL.y_test)
    repaired = train_and_eval.repaired(lost, SMALL.X_train, reestimate)
    assert train_and_eval.accuracy(lost, SMALL.X_test, SMALL.y_test) < right - 0.1
    assert train_and_eval.accuracy(repaired, SMALL.X_test, SMALL.y_test) > right - 0.1


def test_a_freeze_before_the_loop_is_none(net):
    tuned = {
        freeze: train_and_eval.fine_tune(net, SMALL.X_train[:40], SMALL.y_train[:40], freeze, batch_size=8, seed=0)
        for freeze in ("never", "before", "always")
    }
    for name, value in tuned["never"].state_dict().items():
        assert torch.equal(value, tuned["before"].state_dict()[name])
    for name, value in statistics(net).items():
        assert torch.equal(value, statistics(tuned["always"])[name])
        assert not torch.equal(value, statistics(tuned["never"])[name])


def test_forgetting_train_stops_the_statistics():
    right, wrong = (train_and_eval.train_epochs(SMALL, 0, back_to_train=back, epochs=2) for back in (True, False))
    counts = [next(v for n, v in net.named_buffers() if "tracked" in n).item() for net in (right, wrong)]
    assert counts == [8, 4]


def test_yours_is_used_only_where_it_passes(capsys):
    assert train_and_eval.yours_or_torch(reestimate_statistics, reestimate_statistics_exercise) is reestimate_statistics
    assert (
        train_and_eval.yours_or_torch(train_and_eval.torch_reestimate, reestimate_statistics_exercise)
        is train_and_eval.torch_reestimate
    )

    def unwritten(model: nn.Module, batches: object) -> None:
        raise NotImplementedError()

    assert train_and_eval.yours_or_torch(unwritten, reestimate_statistics_exercise) is train_and_eval.torch_reestimate
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_contrast_does_not_matter_once_statistics_are_re_estimated(net):
    faint = train_and_eval.shifts(SMALL.X_test)["contrast × 0.4"]
    plain = train_and_eval.repaired(net, SMALL.X_test, train_and_eval.torch_reestimate)(SMALL.X_test)
    adapted = train_and_eval.repaired(net, faint, train_and_eval.torch_reestimate)(faint)
    assert (plain - adapted).abs().max() < 0.05
