"""Notebook 04: precise batch norm, a freeze, and six training or inference loops with one bug each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.judge.api import BadOutput, Check, Exercise, Probe, Rule, asked, matches, near, tensor

from .measuring import SALT, normal

Run = Callable[[Any], dict[str, Any]]


class _Dropout(nn.Dropout):
    """Dropout at 0.5 whose mask is given, row by row, and not drawn: torch's generator differs between versions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (2 * (normal(130, x.shape) > 0)) if self.training else x


def _net() -> nn.Sequential:
    """4 features → 5 → 3 classes, two BN layers (one of them nested), numbers that no fresh net has; in train mode."""
    inner = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3))
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.0), inner).float()
    with torch.no_grad():
        for seed, value in enumerate([*net.parameters(), *_statistics(net).values()]):
            numbers = normal(seed, value.shape)
            value.copy_(numbers.abs() + 0.5 if value.dim() == 1 and seed >= 8 else numbers)
    return net.train()


def _net_with_dropout() -> nn.Sequential:
    """:func:`_net` with a dropout of 0.5 between its layers."""
    net = _net()
    net[3] = _Dropout()
    return net


def _layers(net: nn.Module) -> list[Any]:
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm1d)]


def _statistics(net: nn.Module) -> dict[str, torch.Tensor]:
    return {
        f"{name} of layer {number}": getattr(layer, name)
        for number, layer in enumerate(_layers(net), 1)
        for name in ("running_mean", "running_var")
    }


def _affine(net: nn.Module) -> list[torch.Tensor]:
    return [p for layer in _layers(net) for p in (layer.weight, layer.bias)]


def _linear(net: nn.Module) -> list[torch.Tensor]:
    return [p for module in net.modules() if isinstance(module, nn.Linear) for p in module.parameters()]


def _copy(values: list[torch.Tensor]) -> list[torch.Tensor]:
    return [v.detach().clone() for v in values]


def _change(before: list[torch.Tensor], after: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack([(a.detach() - b).abs().max() for b, a in zip(before, after, strict=True)]).max()


def _labelled(seed: int, rows: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(seed, (rows, 4), 1.0), torch.tensor(np.random.RandomState(seed + SALT).randint(0, 3, rows))


def _train(net: nn.Module, steps: int = 3, seed: int = 50) -> None:
    """SGD with weight decay; a net without parameters to train stays as it is."""
    for step in range(steps):
        x, y = _labelled(seed + step)
        net.zero_grad()
        loss = cross_entropy(net(x), y)
        if loss.requires_grad:
            loss.backward()
        _descend(net, decay=0.1)


@torch.no_grad()
def _descend(net: nn.Module, decay: float = 0.0) -> None:
    """One step of SGD with rate 0.1, written out: the first optimizer of a process makes torch import its compiler."""
    for p in net.parameters():
        if p.grad is not None:
            p.sub_(0.1 * (p.grad + decay * p))


# --- reestimate_statistics ------------------------------------------------------------------------------------------


def _like_batches(reestimate: Any) -> dict[str, Any]:
    net = _net()
    reestimate(net, [normal(20 + i, (8, 4)) for i in range(4)])
    return _statistics(net)


class _Once:
    """Batches that can be read once, like those of a generator; counts how often they are asked for."""

    def __init__(self, batches: list[torch.Tensor]):
        self.left = iter(batches)
        self.asked = 0

    def __iter__(self) -> Iterator[torch.Tensor]:
        self.asked += 1
        return self

    def __next__(self) -> torch.Tensor:
        return next(self.left)


def _unlike_batches(reestimate: Any) -> dict[str, Any]:
    batches = _Once([normal(30 + i, (rows, 4), 2.0 * i) for i, rows in enumerate((8, 8, 3))])
    net = _net_with_dropout()
    reestimate(net, batches)
    return {**_statistics(net), asked("are the batches read more than once"): batches.asked > 1}


def _untouched(reestimate: Any) -> dict[str, Any]:
    net = _net_with_dropout()
    _layers(net)[1].eval()
    modes = [module.training for module in net.modules()]
    weights = _copy(list(net.parameters()))
    reestimate(net, [normal(40 + i, (8, 4)) for i in range(3)])
    return {
        "modules whose mode is not restored": sum(
            was != module.training for was, module in zip(modes, net.modules(), strict=True)
        ),
        "largest change of a parameter": _change(weights, list(net.parameters())),
        "momentum of the layers": [np.nan if layer.momentum is None else layer.momentum for layer in _layers(net)],
    }


_BOTH = ("like", "unlike")


def _both(name: str) -> tuple[Rule, ...]:
    return tuple(matches(f"{probe}/{name} of layer {layer}") for probe in _BOTH for layer in (1, 2))


reestimate_statistics_exercise = Exercise(
    id="reestimate_statistics",
    title="Re-estimate the statistics",
    module=__name__,
    builds="reestimate_statistics",
    probes=(
        Probe(
            "like", "4 batches of 8 rows, for a net with two BN layers (one nested) and old statistics", _like_batches
        ),
        Probe(
            "unlike",
            "a generator of 3 batches: 8, 8 and 3 rows, around 0, 2 and 4; the net has dropout",
            _unlike_batches,
        ),
        Probe("rest", "3 batches, for a net in train mode whose second BN layer is in eval mode", _untouched),
    ),
    checks=(
        Check(
            "means",
            "running_mean: the mean over all rows",
            _both("running_mean"),
            "Buffers that were lost, or are late after a short training or with a small momentum, are repaired by this.",
            (
                "The old value must leave no trace, and each row must count the same, in a short batch too.",
                "With `layer.momentum = 1.0` a forward pass in train mode leaves exactly this batch's statistics in the buffers.",
                "`mean = (n * means).sum(0) / n.sum()`, with n of shape (B, 1) and means of shape (B, C).",
            ),
        ),
        Check(
            "variances",
            "running_var: the unbiased variance over all rows",
            _both("running_var"),
            "The mean of the batches' variances leaves out how far the batch means lie apart.",
            (
                "Each row's distance from the overall mean has two parts: inside its batch, and of its batch.",
                "Sum (n_b − 1)·s_b² + n_b·(μ_b − μ)² over the batches, then divide once.",
                "`var = ((n - 1) * variances + n * (means - mean) ** 2).sum(0) / (n.sum() - 1)`",
            ),
        ),
        Check(
            "rest",
            "nothing else changes: modes, momentum, parameters",
            (
                near("rest/modules whose mode is not restored", 0.0, 0.0),
                near("rest/largest change of a parameter", 0.0, 0.0),
                matches("rest/momentum of the layers", atol=0.0, rtol=1e-6),
            ),
            "A repair that leaves the net in another mode is the next bug.",
            (
                "A net may be partly in train mode. What must you remember before you change modes?",
                "Keep `module.training` of every module, and the momentum of every BN layer; put both back at the end.",
                "`modes = [(m, m.training) for m in model.modules()]` … `for m, training in modes: m.training = training`",
            ),
        ),
    ),
)


# --- freeze_batchnorm -----------------------------------------------------------------------------------------------


def _frozen_statistics(freeze: Any) -> dict[str, Any]:
    net = _net()
    before = _copy(list(_statistics(net).values()))
    freeze(net)
    y = net(normal(60, (8, 4), 3.0))
    net.train()
    freeze(net)
    net(normal(61, (8, 4), 3.0))
    return {
        "output in train mode, after the freeze": y,
        "largest change of a running statistic": _change(before, list(_statistics(net).values())),
    }


def _frozen_affine(freeze: Any) -> dict[str, Any]:
    net = _net()
    _train(net, steps=1)
    freeze(net)
    before = _copy(_affine(net))
    _train(net)
    moved = [_change([b], [p]) for b, p in zip(before, _affine(net), strict=True)]
    return {"largest change of gamma": max(moved[::2]), "largest change of beta": max(moved[1::2])}


def _resting_affine(freeze: Any) -> dict[str, Any]:
    net = _net().eval()
    freeze(net)
    loss = net(normal(62, (8, 4))).square().sum()
    if loss.requires_grad:
        loss.backward()
    given = [p.grad is not None for p in _affine(net)]
    return {asked("does gamma get a gradient"): any(given[::2]), asked("does beta get a gradient"): any(given[1::2])}


def _others(freeze: Any) -> dict[str, Any]:
    net, resting = _net_with_dropout(), _net().eval()
    freeze(net)
    freeze(resting)
    before = _copy(_linear(net))
    _train(net)
    return {
        asked("is dropout still in train mode"): net[3].training,
        asked("did every Linear layer learn"): all(
            bool(_change([b], [p]) > 0) for b, p in zip(before, _linear(net), strict=True) if p.dim() == 2
        ),
        "modules in train mode, of a net that was in eval mode": sum(m.training for m in resting.modules()),
    }


freeze_batchnorm_exercise = Exercise(
    id="freeze_batchnorm",
    title="Freeze batch norm",
    module=__name__,
    builds="freeze_batchnorm",
    probes=(
        Probe(
            "statistics",
            "a net in train mode: freeze, one batch; then train(), freeze, another batch",
            _frozen_statistics,
        ),
        Probe("affine", "one training step, freeze, then three steps of SGD with weight decay", _frozen_affine),
        Probe("resting", "a net in eval mode: freeze, one batch, backward", _resting_affine),
        Probe("others", "a net with dropout in train mode, three steps of SGD; and a net in eval mode", _others),
    ),
    checks=(
        Check(
            "statistics",
            "the stored statistics are used, and stay",
            (
                matches("statistics/output in train mode, after the freeze"),
                near("statistics/largest change of a running statistic", 0.0, 0.0),
            ),
            "A BN layer in train mode normalises with the batch and moves its buffers.",
            (
                "Which switch makes a BN layer read its buffers and leave them as they are?",
                "Put the BN layers, and only them, into eval mode. `model.modules()` visits nested layers too.",
                "`for layer in model.modules(): if isinstance(layer, nn.BatchNorm1d): layer.eval()`",
            ),
        ),
        Check(
            "affine",
            "gamma and beta stay",
            (
                near("affine/largest change of gamma", 0.0, 0.0),
                near("affine/largest change of beta", 0.0, 0.0),
                near(asked("resting/does gamma get a gradient"), 0.0, 0.0),
                near(asked("resting/does beta get a gradient"), 0.0, 0.0),
            ),
            "eval() does not stop gradients: in eval mode γ and β are trained as ever.",
            (
                "eval() is about statistics. What is about gradients?",
                "A parameter with requires_grad = False gets no new gradient; without a gradient the optimiser leaves it out.",
                "`layer.requires_grad_(False)` sets it for both γ (`weight`) and β (`bias`).",
            ),
        ),
        Check(
            "others",
            "every other module is as before",
            (
                near(asked("others/is dropout still in train mode"), 1.0, 0.0),
                near(asked("others/did every Linear layer learn"), 1.0, 0.0),
                near("others/modules in train mode, of a net that was in eval mode", 0.0, 0.0),
            ),
            "A freeze that also switches dropout off, or stops the other layers, is another experiment.",
            (
                "Touch nothing but the BN layers.",
                "No model.eval(), no model.train(), no loop over model.parameters().",
                "Everything belongs inside `if isinstance(layer, nn.BatchNorm1d):`.",
            ),
        ),
    ),
)


# --- six loops ------------------------------------------------------------------------------------------------------


def _together(scores: Any) -> dict[str, Any]:
    net = _net()
    before = _copy(list(_statistics(net).values()))
    result = tensor(scores(net, normal(70, (6, 4), 2.0)), "the result")
    return {
        "scores of a batch": result,
        "largest change of a running statistic": _change(before, list(_statistics(net).values())),
        asked("does the result carry a graph"): result.requires_grad,
    }


def _alone(scores: Any) -> dict[str, Any]:
    return {"scores of one row": tensor(scores(_net(), normal(70, (6, 4), 2.0)[:1]), "the result")}


def _train_and_validate(loop: Any) -> dict[str, Any]:
    net = _net()
    history = loop(net, [_labelled(80 + i) for i in range(4)], _labelled(90), 3, 0.1)
    return {"held-out loss after each epoch": history, **_statistics(net), "weights of layer 1": net[0].weight}


def _rows_of(x: torch.Tensor, batch: torch.Tensor) -> list[int]:
    """The number in x of each row of the batch; [] for a batch of another form.  x: (N, D).  batch: (n, D)."""
    if batch.dim() != 2 or batch.shape[1] != x.shape[1]:
        return []
    return [int(number) for number in (x[None] == batch[:, None]).all(dim=2).float().argmax(dim=1)]


def _rest_of(rows: int) -> Run:
    def run(one_epoch: Any) -> dict[str, Any]:
        net, (x, y) = _net(), _labelled(100, rows)
        fed: list[list[int]] = []
        net.register_forward_pre_hook(lambda _, inputs: fed.append(_rows_of(x, inputs[0])))
        one_epoch(net, x, y, 4, 0.1)
        used = [row for batch in fed for row in batch]
        return {
            "weights of layer 1": net[0].weight,
            **_statistics(net),
            "rows in each batch that is used": [len(batch) for batch in fed],
            asked("are the rows used in their order"): used == sorted(used),
        }

    return run


_ROWS = 103 + 8 * (SALT % 97)
_ONCE = (asked("does a row come twice"), asked("is a row missing"))
_MIXES = asked("does every full batch mix classes")
_ANEW = asked("has the second epoch another order")
_REPEATS = asked("does the same generator seed give the same batches")


def _in_batches_of(size: int, rows: int) -> Run:
    def run(epoch_batches: Any) -> dict[str, Any]:
        def epoch(generator: torch.Generator) -> list[list[int]]:
            batches = epoch_batches(rows, size, generator)
            if not isinstance(batches, (list, tuple)):
                raise BadOutput(f"the result is a {type(batches).__name__}; a list of index tensors is needed.")
            return [tensor(b, "a batch").tolist() for b in batches]

        label = np.arange(rows) * 5 // rows
        generator = torch.Generator().manual_seed(SALT)
        first, second = epoch(generator), epoch(generator)
        again = epoch(torch.Generator().manual_seed(SALT))
        flat = [row for batch in first for row in batch]
        full = [batch for batch in first if len(batch) == size]
        if not set(flat) <= set(range(rows)):
            raise BadOutput(f"a batch holds {max(flat, key=abs)}; row numbers go from 0 to rows − 1.")
        return {
            "rows in each batch, the largest first": sorted(map(len, first), reverse=True),
            _ONCE[0]: len(set(flat)) < len(flat),
            _ONCE[1]: len(set(flat)) < rows,
            _MIXES: all(len(set(label[batch])) > 1 for batch in full),
            _ANEW: first != second,
            _REPEATS: first == again,
            **_neighbours(first, rows),
        }

    return run


def _neighbours(batches: list[list[int]], rows: int) -> dict[str, bool]:
    """What is left of the order of the data; "most" because a rotated order has one seam."""

    def most(found: list[bool]) -> bool:
        return 2 * sum(found) > len(found)

    apart = [max(batch) - min(batch) + 1 == len(batch) for batch in batches if batch]
    steps = [b == a + 1 for batch in batches for a, b in pairwise(batch)]
    follows = [min(b) == (max(a) + 1) % rows for a, b in pairwise(batches) if a and b]
    return {
        asked("is a batch a run of neighbouring rows"): most(apart),
        asked("are the rows of a batch in the order of the data"): most(steps),
        asked("are the batches in the order of the data"): most(follows),
    }


def _restored(scripted: tuple[float, ...]) -> Run:
    """Epochs whose scores are given; a score that is taken before the first epoch, or again, changes nothing."""

    def run(restore_best: Any) -> dict[str, Any]:
        net = _net()
        trained: list[None] = []

        def train_epoch(model: nn.Module) -> None:
            trained.append(None)
            _train(model.train(), seed=140 + 10 * len(trained))

        def score(model: nn.Module) -> float:
            return scripted[len(trained) - 1] if trained else -1e3

        best = restore_best(net, train_epoch, score, len(scripted))
        return {
            "number of epochs": len(trained),
            "best score": best,
            "weights of layer 1": net[0].weight,
            **_statistics(net),
            "output in eval mode": net.eval()(normal(110, (5, 4))),
        }

    return run


def _freeze_statistics(net: nn.Module) -> None:
    for layer in _layers(net):
        layer.eval()


def _fine_tune(in_train_mode: bool, loop: Any) -> dict[str, Any]:
    net = _net_with_dropout()
    net.train(in_train_mode)
    before = _copy(list(_statistics(net).values()))
    calls: list[nn.Module] = []

    def freeze(model: nn.Module) -> None:
        calls.append(model)
        _freeze_statistics(model)

    def update(loss: torch.Tensor) -> None:
        net.zero_grad()
        loss.backward()
        _descend(net)

    affine = _copy(_affine(net))
    loop(net, freeze, update, [_labelled(120 + i) for i in range(3)], 2)
    return {
        asked("is freeze called"): bool(calls),
        "largest change of a running statistic": _change(before, list(_statistics(net).values())),
        asked("do gamma and beta learn"): bool(_change(affine, _affine(net)) > 0),
        "weights of layer 1": net[0].weight,
    }


_BUFFERS = tuple(f"{name} of layer {layer}" for layer in (1, 2) for name in ("running_mean", "running_var"))


def _repair(
    number: int,
    id: str,
    title: str,
    probes: tuple[Probe, ...],
    rules: tuple[Rule, ...],
    why: str,
    hints: tuple[str, str, str],
) -> Exercise:
    """An exercise of one check, for one function with one bug."""
    check = Check("repaired", title, rules, why, hints)
    return Exercise(id, f"Repair {number}: {id}", __name__, id, probes, (check,))


scores_exercise = _repair(
    1,
    "scores",
    "a row's scores do not depend on its neighbours",
    (
        Probe("together", "6 rows, to a net in train mode", _together),
        Probe("alone", "one row, to a net in train mode", _alone),
    ),
    (
        matches("together/scores of a batch"),
        matches("alone/scores of one row"),
        near("together/largest change of a running statistic", 0.0, 0.0),
        near(asked("together/does the result carry a graph"), 0.0, 0.0),
    ),
    "A served model that was left in train mode answers differently for each batch.",
    (
        "no_grad stops the recording of gradients. Which switch chooses the statistics?",
        "Both switches are needed, each for its own reason. Whoever changes a mode may also put it back.",
        "`model.eval()` on a line before `with torch.no_grad():`",
    ),
)

train_and_validate_exercise = _repair(
    2,
    "train_and_validate",
    "every epoch trains in train mode, every validation runs in eval mode",
    (Probe("loop", "3 epochs of 4 batches, 8 held-out rows", _train_and_validate),),
    (
        matches("loop/held-out loss after each epoch"),
        matches(*(f"loop/{name}" for name in _BUFFERS), "loop/weights of layer 1"),
    ),
    "From the second epoch on the layer scales and shifts by stored statistics that no longer follow the weights.",
    (
        "In which mode does the second epoch begin?",
        "Each part of the loop must set its own mode; the call before the loop serves the first epoch only.",
        "Move `model.train()` inside, to the first line of `for _ in range(epochs):`.",
    ),
)

one_epoch_exercise = _repair(
    3,
    "one_epoch",
    "a last batch of one row is left out, any other is used",
    (
        Probe("one_left", "9 rows in batches of 4: one row is left", _rest_of(9)),
        Probe("two_left", "10 rows in batches of 4: two rows are left", _rest_of(10)),
        Probe("three_left", "11 rows in batches of 4: three rows are left", _rest_of(11)),
        Probe("none_left", "8 rows in batches of 4", _rest_of(8)),
    ),
    tuple(
        matches(*(f"{probe}/{name}" for name in ("weights of layer 1", *_BUFFERS)))
        for probe in ("one_left", "two_left", "three_left", "none_left")
    ),
    "The 1,297 training digits in batches of 16 leave one row: the loop stops at the end of its first epoch.",
    (
        "What does nn.BatchNorm1d do with one row in train mode?",
        "Look at the length of the batch before you use it.",
        "`if len(rows) < 2: continue`",
    ),
)

epoch_batches_exercise = _repair(
    4,
    "epoch_batches",
    "the rows are mixed anew in each epoch",
    (
        Probe("even", "60 rows sorted by class, 5 classes, batches of 12, two epochs", _in_batches_of(12, 60)),
        Probe("rest", f"{_ROWS} rows sorted by class, 5 classes, batches of 8, two epochs", _in_batches_of(8, _ROWS)),
    ),
    tuple(
        rule
        for probe in ("even", "rest")
        for rule in (
            near(f"{probe}/{_ONCE[0]}", 0.0, 0.0),
            near(f"{probe}/{_ONCE[1]}", 0.0, 0.0),
            matches(f"{probe}/rows in each batch, the largest first", atol=0.0, rtol=0.0),
            near(f"{probe}/{_MIXES}", 1.0, 0.0),
            near(f"{probe}/{_ANEW}", 1.0, 0.0),
            near(f"{probe}/{_REPEATS}", 1.0, 0.0),
        )
    ),
    "In a batch of one class the mean and variance are those of the class, and what tells classes apart is subtracted.",
    (
        "The data are sorted by class. What does a batch of consecutive rows hold?",
        "Mix rows, not batches, and let the generator that is passed in do it.",
        "`order = torch.randperm(rows, generator=generator)`",
    ),
)

restore_best_exercise = _repair(
    5,
    "restore_best",
    "the best weights come back together with their statistics",
    (
        Probe("best", "5 epochs whose scores are 0.3, 0.1, 0.9, 0.2 and 0.4", _restored((0.3, 0.1, 0.9, 0.2, 0.4))),
        Probe("negative", "4 epochs whose scores are −3.1, −3.6, −1.2 and −2", _restored((-3.1, -3.6, -1.2, -2.0))),
    ),
    (
        matches("best/best score"),
        matches("best/weights of layer 1"),
        matches(*(f"best/{name}" for name in _BUFFERS)),
        matches("best/output in eval mode"),
        matches("negative/best score", "negative/weights of layer 1", *(f"negative/{name}" for name in _BUFFERS)),
    ),
    "Weights of one epoch with the statistics of another make a net that nobody measured.",
    (
        "What does a net have besides its parameters?",
        "state_dict() holds parameters and buffers, but its tensors are the live ones: copy them.",
        "`kept = copy.deepcopy(model.state_dict())`",
    ),
)

fine_tune_exercise = _repair(
    6,
    "fine_tune",
    "the statistics stay frozen through every epoch, the rest trains",
    (
        Probe("tune", "2 epochs of 3 batches; a net with dropout, in train mode", functools.partial(_fine_tune, True)),
        Probe("resting", "the same net, arriving in eval mode", functools.partial(_fine_tune, False)),
    ),
    (
        near("tune/largest change of a running statistic", 0.0, 0.0),
        near("resting/largest change of a running statistic", 0.0, 0.0),
        near(asked("tune/do gamma and beta learn"), 1.0, 0.0),
        matches("tune/weights of layer 1", "resting/weights of layer 1"),
    ),
    "model.train() sets the mode of every module, the frozen ones too.",
    (
        "Which line of the loop undoes the freeze?",
        "train() is still needed, for dropout. In which order must the two calls stand?",
        "`model.train()` and on the next line `freeze(model)`, both inside the epoch loop.",
    ),
)
