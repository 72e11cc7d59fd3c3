# mypy: disable-error-code="union-attr, no-any-return"
"""References and suspects of notebook 04.

The lines after ``# One bug:`` are what a learner is given; :func:`as_given` makes a suspect of them.
"""

from __future__ import annotations

import copy
import inspect
import random  # noqa: F401  the text of a suspect uses it
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np  # noqa: F401  the text of a suspect uses it
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

Batch = tuple[torch.Tensor, torch.Tensor]


@torch.no_grad()
def reestimate_statistics(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Give every nn.BatchNorm1d in model the mean and the unbiased variance of what it is fed by these batches.

    batches: tensors (n_b, D), at least 2 rows each; may be a generator, so read it once.
    The BN layers run in train mode, all other modules in eval mode.  Every row counts the same.
    Afterwards all modes, the layers' momentum and all parameters are as before.
    """
    ### BEGIN SOLUTION
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    modes = [(module, module.training) for module in model.modules()]
    momenta = [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.train()
        layer.momentum = 1.0  # a forward pass now leaves this batch's statistics in the buffers
    rows, means, variances = [], [], []
    for x in batches:
        model(x)
        rows.append(len(x))
        means.append([layer.running_mean.clone() for layer in layers])
        variances.append([layer.running_var.clone() for layer in layers])
    n = torch.tensor(rows).unsqueeze(1)
    for i, layer in enumerate(layers):
        mu = torch.stack([batch[i] for batch in means])
        s2 = torch.stack([batch[i] for batch in variances])
        mean = (n * mu).sum(0) / n.sum()
        var = ((n - 1) * s2 + n * (mu - mean) ** 2).sum(0) / (n.sum() - 1)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var)
        layer.momentum = momenta[i]
    for module, training in modes:
        module.training = training
    ### END SOLUTION


def freeze_batchnorm(model: nn.Module) -> None:
    """Freeze every nn.BatchNorm1d in model, whatever mode model is in; leave all other modules as they are.

    Frozen means: the layer normalises with its stored statistics and does not change them, and γ and β get no gradient.
    """
    ### BEGIN SOLUTION
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
            module.requires_grad_(False)
    ### END SOLUTION


def scores(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Class scores (N, K) of the rows of x, (N, D).  A row's scores must not depend on the other rows."""
    # One bug:
    # with torch.no_grad():
    #     return model(x)
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        result = model(x)
    for module, training in modes:
        module.training = training
    return result
    ### END SOLUTION


def train_and_validate(model: nn.Module, batches: list[Batch], held_out: Batch, epochs: int, lr: float) -> list[float]:
    """Train with SGD on the batches (x, y) for some epochs; returns the held-out loss after each."""
    # One bug:
    # optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    # x_test, y_test = held_out
    # history = []
    # model.train()
    # for _ in range(epochs):
    #     for x, y in batches:
    #         loss = cross_entropy(model(x), y)
    #         optimiser.zero_grad()
    #         loss.backward()
    #         optimiser.step()
    #     model.eval()
    #     with torch.no_grad():
    #         history.append(cross_entropy(model(x_test), y_test).item())
    # return history
    ### BEGIN SOLUTION
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    x_test, y_test = held_out
    history = []
    for _ in range(epochs):
        model.train()
        for x, y in batches:
            loss = cross_entropy(model(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        model.eval()
        with torch.no_grad():
            history.append(cross_entropy(model(x_test), y_test).item())
    return history
    ### END SOLUTION


def one_epoch(model: nn.Module, X: torch.Tensor, y: torch.Tensor, batch_size: int, lr: float) -> None:
    """One epoch of SGD on X, (N, D), and labels y, (N,), in their order.

    Cuts batches of batch_size rows; leaves out a batch that the net cannot be trained with, and no other.
    """
    # One bug:
    # optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    # model.train()
    # for rows in torch.arange(len(X)).split(batch_size):
    #     loss = cross_entropy(model(X[rows]), y[rows])
    #     optimiser.zero_grad()
    #     loss.backward()
    #     optimiser.step()
    ### BEGIN SOLUTION
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for rows in torch.arange(len(X)).split(batch_size):
        if len(rows) < 2:
            continue
        loss = cross_entropy(model(X[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    ### END SOLUTION


def epoch_batches(rows: int, batch_size: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Row numbers 0 … rows − 1 of one epoch, in batches.  The rows of the data set are sorted by class."""
    # One bug:
    # order = torch.arange(rows)
    # return list(order.split(batch_size))
    ### BEGIN SOLUTION
    order = torch.randperm(rows, generator=generator)
    return list(order.split(batch_size))
    ### END SOLUTION


def restore_best(
    model: nn.Module, train_epoch: Callable[[nn.Module], None], score: Callable[[nn.Module], float], epochs: int
) -> float:
    """Train for some epochs, bring the model back to how it was after the epoch with the best score; returns that score."""
    # One bug:
    # best, kept = float("-inf"), {}
    # for _ in range(epochs):
    #     train_epoch(model)
    #     now = score(model)
    #     if now > best:
    #         best = now
    #         kept = {name: p.detach().clone() for name, p in model.named_parameters()}
    # model.load_state_dict(kept, strict=False)
    # return best
    ### BEGIN SOLUTION
    best, kept = float("-inf"), {}
    for _ in range(epochs):
        train_epoch(model)
        now = score(model)
        if now > best:
            best = now
            kept = copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return best
    ### END SOLUTION


def fine_tune(
    model: nn.Module,
    freeze: Callable[[nn.Module], None],
    update: Callable[[torch.Tensor], None],
    batches: list[Batch],
    epochs: int,
) -> None:
    """Train on the batches (x, y); the BN layers keep their statistics, everything else is in train mode.

    freeze(model) puts the BN layers, and only them, into eval mode.  update(loss) is one step of SGD: the gradients of
    this loss alone, and new weights.
    """
    # One bug:
    # freeze(model)
    # for _ in range(epochs):
    #     model.train()
    #     for x, y in batches:
    #         update(cross_entropy(model(x), y))
    ### BEGIN SOLUTION
    for _ in range(epochs):
        model.train()
        freeze(model)
        for x, y in batches:
            update(cross_entropy(model(x), y))
    ### END SOLUTION


def as_given(repaired: Callable[..., Any]) -> Any:
    """The function with its bug: the commented lines in place of the solution."""
    head, _, _ = inspect.getsource(repaired).partition("    ### BEGIN SOLUTION\n")
    head, _, body = head.partition("    # One bug:\n")
    namespace = dict(vars(sys.modules[repaired.__module__]))
    exec(head + re.sub(r"^    # ", "    ", body, flags=re.MULTILINE), namespace)
    return namespace[repaired.__name__]


def _wrong(
    right: Callable[..., Any], id: str, category: str, title: str, *edits: tuple[str, str], shows: str = ""
) -> Suspect:
    return Suspect(id, category, title, variant(right, *edits), shows)


def _given(right: Callable[..., Any], title: str, shows: str = "") -> Suspect:
    return Suspect("as_given", "as given", title, as_given(right), shows)


_STATISTICS = "statistics/largest change of a running statistic"
_POOL = "var = ((n - 1) * s2 + n * (mu - mean) ** 2).sum(0) / (n.sum() - 1)"
_EQUAL = "mean = (n * mu).sum(0) / n.sum()"
_RESTORE = "for module, training in modes:\n        module.training = training"


def _torch_update_bn(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    update_bn(batches, model)


def _train_mode_pass(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    was_training = model.training
    model.train()
    with torch.no_grad():
        for x in batches:
            model(x)
    model.train(was_training)


def _reads_twice(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    total = sum(len(x) for x in batches)
    reestimate_statistics(model, [*batches] or [torch.zeros(2, 4)])
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d) and not total:
            layer.reset_running_stats()


def _momentum_zero(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.0
            module.requires_grad_(False)


_REESTIMATE = (
    Suspect(
        "train_mode_pass",
        "old values",
        "part of the old values stays in the buffers, as after a plain pass in train mode with the momentum as it is.",
        _train_mode_pass,
        "like/running_mean of layer 1",
    ),
    Suspect(
        "torch_update_bn",
        "plain average",
        "this behaves like torch's update_bn: a plain average over batches, with dropout on. Asked for: every row counts the "
        "same, the spread of the batch means is added, and only BN layers are in train mode.",
        _torch_update_bn,
        "unlike/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "algorithm_2",
        "plain average",
        "this is a plain average over batches, as in the paper's Algorithm 2. It holds for equal batches from one distribution; "
        "weight by rows, and add the spread of the batch means.",
        (_EQUAL, "mean = mu.mean(0)"),
        (_POOL, "var = s2.mean(0)"),
        shows="unlike/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "within_only",
        "plain average",
        "your variance has the part inside the batches only; add n_b·(μ_b − μ)² for the spread of the batch means.",
        (_POOL, "var = ((n - 1) * s2).sum(0) / (n - 1).sum()"),
        shows="unlike/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "batches_equal",
        "weights",
        "a batch of 3 rows counts as much as one of 8: weight each batch by its rows.",
        ("n = torch.tensor(rows).unsqueeze(1)", "n = torch.full((len(rows), 1), sum(rows) / len(rows))"),
        shows="unlike/running_mean of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "biased",
        "variance",
        "your variance is biased (÷N); torch's running_var is unbiased (÷(N − 1)).",
        ("(n.sum() - 1)", "n.sum()"),
        shows="like/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "last_batch",
        "old values",
        "these are the statistics of the last batch alone; collect all of them.",
        (_EQUAL, "mean = mu[-1]"),
        (_POOL, "var = s2[-1]"),
        shows="like/running_mean of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "layers_below_old",
        "modes",
        "the second layer's statistics are of activations that the first layer normalised with its old statistics; let all BN "
        "layers normalise with the batch while you collect.",
        (
            "        layer.train()\n        layer.momentum = 1.0  # a forward pass now leaves this batch's statistics in the buffers\n",
            "        layer.register_forward_pre_hook(lambda layer, fed: seen.append(fed[0]))\n",
        ),
        ("rows, means, variances = [], [], []\n", "rows, means, variances, seen = [], [], [], []\n"),
        ("        model(x)\n", "        seen.clear()\n        model(x)\n"),
        ("[layer.running_mean.clone() for layer in layers]", "[fed.mean(0) for fed in seen]"),
        ("[layer.running_var.clone() for layer in layers]", "[fed.var(0) for fed in seen]"),
        shows="like/running_mean of layer 2",
    ),
    _wrong(
        reestimate_statistics,
        "children_only",
        "layers",
        "the nested BN layer is left out: `model.modules()` visits all levels (`model.children()` only the first).",
        ("for module in model.modules() if isinstance", "for module in model.children() if isinstance"),
        shows="like/running_mean of layer 2",
    ),
    _wrong(
        reestimate_statistics,
        "dropout_on",
        "modes",
        "dropout is on while you collect: put all other modules into eval mode.",
        ("model.eval()", "model.train()"),
        shows="unlike/running_mean of layer 2",
    ),
    _wrong(
        reestimate_statistics,
        "left_in_eval",
        "modes",
        "you leave the net in eval mode; give each module back the mode it had.",
        (_RESTORE, "model.eval()"),
        shows="rest/modules whose mode is not restored",
    ),
    _wrong(
        reestimate_statistics,
        "one_mode_for_all",
        "modes",
        "a layer that was in eval mode is now in train mode: give each module its own mode back (`model.train(mode)` gives all "
        "of them the same).",
        (_RESTORE, "model.train(modes[0][1])"),
        shows="rest/modules whose mode is not restored",
    ),
    _wrong(
        reestimate_statistics,
        "momentum_left",
        "momentum",
        "you change the layers' momentum and do not put it back.",
        ("        layer.momentum = momenta[i]\n", ""),
        shows="rest/momentum of the layers",
    ),
    _wrong(
        reestimate_statistics,
        "reset_parameters",
        "parameters",
        "γ and β are changed (`reset_parameters()` sets them to 1 and 0; `reset_running_stats()` resets the buffers only).",
        ("        layer.train()\n", "        layer.train()\n        layer.reset_parameters()\n"),
        shows="rest/largest change of a parameter",
    ),
    Suspect(
        "reads_twice",
        "reading",
        "you read the batches twice; a generator is empty the second time, so nothing is collected from it.",
        _reads_twice,
        "unlike/are the batches read more than once (1 yes, 0 no)",
    ),
    _wrong(
        reestimate_statistics,
        "one_big_batch",
        "modes",
        "the layers normalise with all rows at once (as if all batches were one); let each batch pass on its own.",
        ("    for x in batches:\n", "    for x in [torch.cat(list(batches))]:\n"),
        shows="like/running_mean of layer 2",
    ),
    _wrong(
        reestimate_statistics,
        "outputs_collected",
        "layers",
        "these are the statistics of what the layers put out; the statistics of what they are fed are asked for.",
        (
            "        layer.momentum = 1.0  # a forward pass now leaves this batch's statistics in the buffers\n",
            "        layer.register_forward_hook(lambda layer, fed, out: seen.append(out))\n",
        ),
        ("rows, means, variances = [], [], []\n", "rows, means, variances, seen = [], [], [], []\n"),
        ("        model(x)\n", "        seen.clear()\n        model(x)\n"),
        ("[layer.running_mean.clone() for layer in layers]", "[out.mean(0) for out in seen]"),
        ("[layer.running_var.clone() for layer in layers]", "[out.var(0) for out in seen]"),
        shows="like/running_mean of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "spread_left_out",
        "plain average",
        "the spread of the batch means is missing from your variance: add n_b·(μ_b − μ)².",
        (_POOL, "var = ((n - 1) * s2).sum(0) / (n.sum() - 1)"),
        shows="unlike/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "biased_parts",
        "variance",
        "you weight the unbiased variances by n_b in place of n_b − 1.",
        (_POOL, "var = (n * s2 + n * (mu - mean) ** 2).sum(0) / (n.sum() - 1)"),
        shows="like/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "eval_all",
        "modes",
        "the buffers stay as they were: in eval mode a BN layer gathers nothing.",
        ("        layer.train()\n", ""),
        shows="like/running_mean of layer 1",
    ),
)

_FREEZE = (
    _wrong(
        freeze_batchnorm,
        "statistics_only",
        "half a freeze",
        "γ and β still get a gradient and learn. Neither eval() nor `grad = None` keeps later gradients away; "
        "`requires_grad_(False)` on the layer does.",
        ("            module.requires_grad_(False)\n", ""),
        shows="affine/largest change of gamma",
    ),
    _wrong(
        freeze_batchnorm,
        "affine_only",
        "half a freeze",
        "the statistics still move, and the batch's are used: requires_grad says nothing about buffers. "
        "Put the BN layers into eval mode.",
        ("            module.eval()\n", ""),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "gamma_only",
        "half a freeze",
        "β still gets a gradient; `requires_grad_(False)` on the layer stops γ and β.",
        ("module.requires_grad_(False)", "module.weight.requires_grad_(False)"),
        shows="affine/largest change of beta",
    ),
    Suspect(
        "momentum_zero",
        "modes",
        "with momentum 0 (or track_running_stats = False) the buffers stay, but in train mode the layer still normalises with "
        "the batch; eval() makes it use the buffers.",
        _momentum_zero,
        "statistics/output in train mode, after the freeze",
    ),
    _wrong(
        freeze_batchnorm,
        "whole_model_eval",
        "too much",
        "dropout is off after the freeze; only the BN layers belong in eval mode.",
        ("for module in model.modules():", "model.eval()\n    for module in model.modules():"),
        shows="others/is dropout still in train mode (1 yes, 0 no)",
    ),
    _wrong(
        freeze_batchnorm,
        "all_parameters",
        "too much",
        "the Linear layers no longer learn; only γ and β of the BN layers are to be stopped.",
        ("for module in model.modules():", "model.requires_grad_(False)\n    for module in model.modules():"),
        shows="others/did every Linear layer learn (1 yes, 0 no)",
    ),
    _wrong(
        freeze_batchnorm,
        "children_only",
        "layers",
        "the nested BN layer is not frozen: `model.modules()` visits all levels (`model.children()` only the first).",
        ("model.modules()", "model.children()"),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "nothing_found",
        "layers",
        "no BN layer of this net is frozen. Find the layers by their class, nn.BatchNorm1d, among `model.modules()`.",
        ("if isinstance(module, nn.BatchNorm1d)", "if isinstance(module, nn.BatchNorm2d)"),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "calls_train",
        "too much",
        "a net that was in eval mode is in train mode after the freeze; leave the other modules' modes alone.",
        ("for module in model.modules():", "model.train()\n    for module in model.modules():"),
        shows="others/modules in train mode, of a net that was in eval mode",
    ),
    _wrong(
        freeze_batchnorm,
        "beta_only",
        "half a freeze",
        "γ still gets a gradient; `requires_grad_(False)` on the layer stops γ and β.",
        ("module.requires_grad_(False)", "module.bias.requires_grad_(False)"),
        shows="affine/largest change of gamma",
    ),
    _wrong(
        freeze_batchnorm,
        "only_in_train_mode",
        "modes",
        "in a net that is in eval mode γ and β still get a gradient: freeze them whatever the mode is.",
        (
            "    for module in model.modules():",
            "    if not model.training:\n        return\n    for module in model.modules():",
        ),
        shows="resting/does gamma get a gradient (1 yes, 0 no)",
    ),
    _wrong(
        freeze_batchnorm,
        "statistics_reset",
        "too much",
        "the stored statistics are changed by the freeze itself; leave them as they are.",
        ("            module.eval()\n", "            module.eval()\n            module.reset_running_stats()\n"),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "affine_reset",
        "too much",
        "γ and β are set to 1 and 0 by the freeze itself; leave them as they are.",
        (
            "            module.requires_grad_(False)\n",
            "            module.requires_grad_(False)\n            module.weight.fill_(1)\n            module.bias.fill_(0)\n",
        ),
        shows="statistics/output in train mode, after the freeze",
    ),
    _wrong(
        freeze_batchnorm,
        "statistics_forgotten",
        "modes",
        "the stored statistics are gone, so the layer normalises with the batch; keep them and put the layer into eval mode.",
        ("            module.eval()\n", "            module.running_mean = module.running_var = None\n"),
    ),
)

_SPLIT = "    return list(order.split(batch_size))"
_NO_GRAD = "    with torch.no_grad():\n        result = model(x)\n"
_UPDATE = "            update(cross_entropy(model(x), y))\n"

SUSPECTS = {
    "reestimate_statistics": _REESTIMATE,
    "freeze_batchnorm": _FREEZE,
    "scores": (
        _given(
            scores,
            "the batch's statistics are used: the BN layers are in train mode while the scores are computed, which no_grad does "
            "not change. Call `model.eval()` on the whole model before that.",
            "together/scores of a batch",
        ),
        _wrong(
            scores,
            "eval_without_no_grad",
            "gradients",
            "the result carries a graph: eval() switches the mode but does not stop the recording of gradients. Keep no_grad too.",
            (_NO_GRAD, "    result = model(x)\n"),
            shows="together/does the result carry a graph (1 yes, 0 no)",
        ),
        _wrong(
            scores,
            "buffers_put_back",
            "modes",
            "the buffers stay as they are, but the scores are normalised with the batch: switch to eval mode.",
            ("    model.eval()\n", "    model = copy.deepcopy(model).train()\n"),
            shows="together/scores of a batch",
        ),
        _wrong(
            scores,
            "row_by_row",
            "modes",
            "every row goes through the net alone and in train mode, where it has no variance: switch to eval mode.",
            ("    model.eval()\n", ""),
            ("        result = model(x)", "        result = torch.cat([model(row) for row in x.split(1)])"),
            shows="together",
        ),
        _wrong(
            scores,
            "probabilities",
            "result",
            "these are probabilities; the function returns the scores themselves.",
            ("        result = model(x)", "        result = model(x).softmax(dim=1)"),
            shows="together/scores of a batch",
        ),
        _wrong(
            scores,
            "log_probabilities",
            "result",
            "these are logarithms of probabilities; the function returns the scores themselves.",
            ("        result = model(x)", "        result = model(x).log_softmax(dim=1)"),
            shows="together/scores of a batch",
        ),
        _wrong(
            scores,
            "classes",
            "result",
            "these are predicted classes, one number a row; the function returns the scores of all classes.",
            ("        result = model(x)", "        result = model(x).argmax(dim=1)"),
            shows="together/scores of a batch",
        ),
        _wrong(
            scores,
            "statistics_reset",
            "statistics",
            "the running statistics are back at 0 and 1, so what training gathered is lost; leave them alone.",
            (
                "    model.eval()\n",
                "    for module in model.modules():\n        if isinstance(module, nn.BatchNorm1d):\n"
                "            module.reset_running_stats()\n    model.eval()\n",
            ),
            shows="together/largest change of a running statistic",
        ),
        _wrong(
            scores,
            "warm_up_pass",
            "statistics",
            "the rows move the running statistics before they are scored: no pass in train mode is needed.",
            (_NO_GRAD, "    with torch.no_grad():\n        model.train()(x)\n        result = model.eval()(x)\n"),
            shows="together/largest change of a running statistic",
        ),
        _wrong(
            scores,
            "two_equal_rows",
            "modes",
            "each row is normalised with copies of itself, so every score is the same; switch to eval mode.",
            ("    model.eval()\n", ""),
            (
                "        result = model(x)",
                "        result = torch.cat([model(row.repeat(2, 1))[:1] for row in x.split(1)])",
            ),
            shows="together/scores of a batch",
        ),
    ),
    "train_and_validate": (
        _given(
            train_and_validate,
            "from the second epoch on the net trains in eval mode: train() must be called again in each epoch.",
            "loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "never_eval",
            "modes",
            "the validation runs in train mode: the held-out batch is normalised with itself, and moves the buffers.",
            ("        model.eval()\n", ""),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "always_eval",
            "modes",
            "the net trains in eval mode from the first step on; train() belongs before the training of each epoch.",
            ("        model.train()\n", "        model.eval()\n"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "train_before_validating",
            "modes",
            "the modes are the wrong way round: the first epoch trains in eval mode, and the validation runs in train mode. "
            "train() belongs at the start of the epoch, eval() before the validation.",
            ("        model.train()\n", ""),
            ("        model.eval()\n", "        model.train()\n"),
            ("\n    history = []\n", "\n    history = []\n    model.eval()\n"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "zero_grad_lost",
            "loop",
            "the gradients of all batches add up: zero_grad() belongs before each backward().",
            ("            optimiser.zero_grad()\n", ""),
            shows="loop/weights of layer 1",
        ),
        _wrong(
            train_and_validate,
            "zero_grad_each_epoch",
            "loop",
            "the gradients of an epoch's batches add up: zero_grad() belongs before each backward(), not once an epoch.",
            ("            optimiser.zero_grad()\n", ""),
            ("        model.train()\n", "        model.train()\n        optimiser.zero_grad()\n"),
            shows="loop/weights of layer 1",
        ),
        _wrong(
            train_and_validate,
            "zero_grad_after_backward",
            "loop",
            "the weights do not move: the gradients are gone before step() uses them.",
            (
                "            optimiser.zero_grad()\n            loss.backward()\n",
                "            loss.backward()\n            optimiser.zero_grad()\n",
            ),
            shows="loop/weights of layer 1",
        ),
        _wrong(
            train_and_validate,
            "training_loss_returned",
            "history",
            "the history holds the loss of the last training batch; the held-out loss is asked for.",
            ("cross_entropy(model(x_test), y_test).item()", "loss.item()"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "validated_in_training",
            "history",
            "the history holds a training loss in eval mode; the held-out rows are to be used.",
            ("cross_entropy(model(x_test), y_test).item()", "cross_entropy(model(x), y).item()"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "validated_before_training",
            "history",
            "each held-out loss is taken before the training of its epoch; it is asked for after it.",
            (
                "        model.eval()\n        with torch.no_grad():\n"
                "            history.append(cross_entropy(model(x_test), y_test).item())\n",
                "",
            ),
            (
                "        model.train()\n",
                "        model.eval()\n        with torch.no_grad():\n"
                "            history.append(cross_entropy(model(x_test), y_test).item())\n        model.train()\n",
            ),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "return_inside_the_loop",
            "history",
            "you return after the first epoch: return stands inside the loop.",
            ("\n    return history\n", "\n        return history\n"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "after_the_last_epoch",
            "history",
            "you validate once, after the last epoch; one loss after each epoch is asked for.",
            (
                "        model.eval()\n        with torch.no_grad():\n            history",
                "    model.eval()\n    with torch.no_grad():\n        history",
            ),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "each_batch_validated",
            "history",
            "you validate after every batch; one loss after each epoch is asked for.",
            (
                "            optimiser.step()\n        model.eval()\n",
                "            optimiser.step()\n            model.eval()\n",
            ),
            (
                "        with torch.no_grad():\n            history.append(cross_entropy(model(x_test), y_test).item())\n",
                "            with torch.no_grad():\n                history.append(cross_entropy(model(x_test), y_test).item())\n"
                "            model.train()\n",
            ),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "held_out_learned",
            "loop",
            "the net also learns from the held-out batch: no backward() and no step() in the validation.",
            (
                "        with torch.no_grad():\n            history.append(cross_entropy(model(x_test), y_test).item())\n",
                "        loss = cross_entropy(model(x_test), y_test)\n        optimiser.zero_grad()\n"
                "        loss.backward()\n        optimiser.step()\n        history.append(loss.item())\n",
            ),
            shows="loop/weights of layer 1",
        ),
        _wrong(
            train_and_validate,
            "adam",
            "loop",
            "the weights move as with Adam; SGD is asked for.",
            ("torch.optim.SGD(model.parameters(), lr=lr)", "torch.optim.Adam(model.parameters(), lr=lr)"),
            shows="loop/weights of layer 1",
        ),
    ),
    "one_epoch": (
        _given(
            one_epoch,
            "a last batch of one row reaches the net: in train mode it has no variance, so torch raises ValueError.",
        ),
        _wrong(
            one_epoch,
            "drop_every_short_batch",
            "too much",
            "a short batch of two or three rows is left out too; two rows are enough for statistics.",
            ("if len(rows) < 2:", "if len(rows) < batch_size:"),
            shows="three_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "two_rows_skipped",
            "too much",
            "a last batch of two rows is left out too; two rows are enough for statistics.",
            ("if len(rows) < 2:", "if len(rows) <= 2:"),
            shows="two_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "last_row_dropped",
            "too much",
            "the last row is left out whatever the batch size; leave it out only where it is alone.",
            ("torch.arange(len(X)).split", "torch.arange(len(X) - 1).split"),
            ("if len(rows) < 2:", "if not len(rows):"),
            shows="none_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "merged",
            "statistics",
            "the single row joins the batch before it; it is to be left out.",
            (
                "    for rows in torch.arange(len(X)).split(batch_size):\n",
                "    parts = list(torch.arange(len(X)).split(batch_size))\n"
                "    if len(parts[-1]) == 1:\n        parts[-2:] = [torch.cat(parts[-2:])]\n    for rows in parts:\n",
            ),
            shows="one_left/rows in each batch that is used",
        ),
        _wrong(
            one_epoch,
            "whole_epoch_skipped",
            "too much",
            "nothing is trained where one row is left; leave out that row only.",
            ("    for rows in torch", "    if len(X) % batch_size == 1:\n        return\n    for rows in torch"),
            shows="one_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "stale_gradient",
            "loop",
            "where one row is left the step is taken once more with the gradient of the batch before; skip the step too.",
            ("            continue\n", "            optimiser.step()\n            continue\n"),
            shows="one_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "shuffled",
            "order",
            "the rows are mixed; they are to be used in their order.",
            ("torch.arange(len(X)).split", "torch.tensor(np.random.RandomState(0).permutation(len(X))).split"),
            shows="none_left/are the rows used in their order (1 yes, 0 no)",
        ),
        _wrong(
            one_epoch,
            "zero_grad_lost",
            "loop",
            "the gradients of all batches add up: zero_grad() belongs before each backward().",
            ("        optimiser.zero_grad()\n", ""),
            shows="none_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "first_batch_only",
            "too much",
            "training ends after the first batch.",
            ("        optimiser.step()\n", "        optimiser.step()\n        return\n"),
            shows="none_left/rows in each batch that is used",
        ),
        _wrong(
            one_epoch,
            "eval_for_one_row",
            "modes",
            "the single row is trained on in eval mode; it is to be left out.",
            ("            continue\n", "            model.eval()\n"),
            shows="one_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "row_doubled",
            "statistics",
            "the single row is used twice in one batch: its variance is then 0, and what the layer passes on is β. Leave it out.",
            ("            continue\n", "            rows = rows.repeat(2)\n"),
            shows="one_left/running_var of layer 1",
        ),
        _wrong(
            one_epoch,
            "last_batch_always",
            "too much",
            "the last batch is always left out, even a full one.",
            ("if len(rows) < 2:", "if rows[-1] == len(X) - 1:"),
            shows="none_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "whole_epoch_in_eval",
            "modes",
            "in eval mode one row raises nothing, but then nothing is normalised with the batch and no statistics are gathered.",
            ("\n    model.train()\n", "\n    model.eval()\n"),
            shows="one_left/running_mean of layer 1",
        ),
    ),
    "epoch_batches": (
        _given(
            epoch_batches,
            "every batch holds neighbouring rows, and in sorted data these are of one class. Mix the rows.",
            "rest/does every full batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "batches_mixed",
            "order",
            "the batches are mixed, but each one still holds neighbouring rows, of one class. Mix the rows.",
            ("order = torch.randperm(rows, generator=generator)", "order = torch.arange(rows)"),
            (
                "\n    return list(order.split(batch_size))",
                "\n    return [order.split(batch_size)[i] for i in "
                "torch.randperm(len(order.split(batch_size)), generator=generator)]",
            ),
            shows="rest/does every full batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "same_order",
            "order",
            "every epoch has the same order. Draw a new one each time, from the generator that is passed in.",
            ("generator=generator", "generator=torch.Generator().manual_seed(0)"),
            shows="rest/has the second epoch another order (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "with_replacement",
            "order",
            "some rows come twice and others never, as in drawing with replacement. Each row comes once: use a permutation.",
            ("torch.randperm(rows, generator=generator)", "torch.randint(rows, (rows,), generator=generator)"),
            shows="rest/does a row come twice (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "global_generator",
            "seeds",
            "the order does not come from the generator that is passed in, so the batches cannot be reproduced.",
            ("torch.randperm(rows, generator=generator)", "torch.randperm(rows)"),
            shows="rest/does the same generator seed give the same batches (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "rest_dropped",
            "rest",
            "the rows of the last, shorter batch are missing; return that batch too.",
            (_SPLIT, "    return [batch for batch in order.split(batch_size) if len(batch) == batch_size]"),
            shows="rest/is a row missing (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "empty_batch",
            "rest",
            "where the rows divide evenly, a last batch without rows is returned; end when all rows are given out.",
            (_SPLIT, "    return [order[i : i + batch_size] for i in range(0, rows + 1, batch_size)]"),
            shows="even/rows in each batch, the largest first",
        ),
        _wrong(
            epoch_batches,
            "chunks",
            "rest",
            "you make batch_size batches; batches of batch_size rows are asked for (`split`, not `chunk`).",
            ("order.split", "order.chunk"),
            shows="rest/rows in each batch, the largest first",
        ),
        _wrong(
            epoch_batches,
            "last_row_missing",
            "rest",
            "one row never comes: the row numbers go from 0 to rows − 1, so there are rows of them.",
            ("randperm(rows, ", "randperm(rows - 1, "),
            shows="rest/is a row missing (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "one_batch",
            "rest",
            "all rows are in one batch; split them into batches of batch_size.",
            (_SPLIT, "    return [order]"),
            shows="rest/rows in each batch, the largest first",
        ),
        _wrong(
            epoch_batches,
            "shuffled_within",
            "order",
            "the rows are mixed inside each batch only, so a batch still holds neighbouring rows, of one class. Mix all rows.",
            ("order = torch.randperm(rows, generator=generator)", "order = torch.arange(rows)"),
            (
                _SPLIT,
                "    return [b[torch.randperm(len(b), generator=generator)] for b in order.split(batch_size)]",
            ),
            shows="rest/does every full batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "rolled",
            "order",
            "the order begins at a random row and goes round: a batch still holds neighbouring rows, of one class. Mix the rows.",
            (
                "order = torch.randperm(rows, generator=generator)",
                "order = torch.arange(rows).roll(int(torch.randint(1, rows, (), generator=generator)))",
            ),
            shows="rest/does every full batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "python_shuffle",
            "order",
            "some rows come twice and others never, and the generator that is passed in is not used (`random.shuffle` does that "
            "to a tensor). Use `torch.randperm` with the generator.",
            (
                "order = torch.randperm(rows, generator=generator)",
                "order = torch.arange(rows)\n    random.shuffle(order)",
            ),
            shows="rest/does a row come twice (1 yes, 0 no)",
        ),
    ),
    "restore_best": (
        _given(
            restore_best,
            "the parameters are those of the best epoch, the running statistics those of the last. Keep the buffers too.",
            "best/running_mean of layer 1",
        ),
        _wrong(
            restore_best,
            "not_copied",
            "copies",
            "the model is as it was after the last epoch, not the best. Three things lead there: what is kept are the live tensors "
            "of state_dict(), which training goes on to change; a later epoch overwrites the copy; or the copy is never loaded "
            "into the model.",
            ("copy.deepcopy(model.state_dict())", "model.state_dict()"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "buffers_only",
            "buffers",
            "the buffers are those of the best epoch, the weights those of the last. Keep the parameters too.",
            ("copy.deepcopy(model.state_dict())", "copy.deepcopy(dict(model.named_buffers()))"),
            ("model.load_state_dict(kept)", "model.load_state_dict(kept, strict=False)"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "statistics_reset",
            "buffers",
            "the running statistics are 0 and 1; bring back those of the best epoch.",
            (
                "\n    return best\n",
                "\n    for layer in model.modules():\n        if isinstance(layer, nn.BatchNorm1d):\n"
                "            layer.reset_running_stats()\n    return best\n",
            ),
            shows="best/running_mean of layer 1",
        ),
        _wrong(
            restore_best,
            "worst_is_kept",
            "best",
            "the epoch with the lowest score is kept; higher is better here.",
            ('\n    best, kept = float("-inf")', '\n    best, kept = float("inf")'),
            ("        if now > best", "        if now < best"),
            shows="best/best score",
        ),
        _wrong(
            restore_best,
            "last_score_returned",
            "score",
            "the score of the last epoch is returned; the best one is asked for.",
            ("\n    return best\n", "\n    return now\n"),
            shows="best/best score",
        ),
        _wrong(
            restore_best,
            "score_not_kept",
            "score",
            "the best score so far is never kept: −∞ is returned, and every epoch counts as the best.",
            ("            best = now\n", ""),
            shows="best/best score",
        ),
        _wrong(
            restore_best,
            "starts_at_zero",
            "best",
            "with scores below 0 no epoch is kept: start from −∞ (a score may be a negative loss).",
            ('\n    best, kept = float("-inf"), {}', "\n    best, kept = 0.0, copy.deepcopy(model.state_dict())"),
            shows="negative/best score",
        ),
        _wrong(
            restore_best,
            "nothing_kept",
            "best",
            "with scores below 0 no epoch is kept, so there is nothing to load: start from −∞ (a score may be a negative loss).",
            ('\n    best, kept = float("-inf"), {}', "\n    best, kept = 0.0, {}"),
            shows="negative",
        ),
        _wrong(
            restore_best,
            "stops_early",
            "loop",
            "training stops at the first epoch that is not better; a better one may come after it.",
            (
                "            kept = copy.deepcopy(model.state_dict())\n",
                "            kept = copy.deepcopy(model.state_dict())\n        else:\n            break\n",
            ),
            shows="best/number of epochs",
        ),
        _wrong(
            restore_best,
            "goes_back_every_time",
            "loop",
            "the model goes back to the best epoch inside the loop, so the training goes on from there; go back once, at the end.",
            ("    model.load_state_dict(kept)\n", "        model.load_state_dict(kept)\n"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "kept_before_the_epoch",
            "best",
            "the state comes from before the epoch that got the best score; keep it after the training of that epoch.",
            (
                "        train_epoch(model)\n",
                "        before = copy.deepcopy(model.state_dict())\n        train_epoch(model)\n",
            ),
            ("            kept = copy.deepcopy(model.state_dict())\n", "            kept = before\n"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "best_of_neighbours",
            "best",
            "each score is compared with the one before it, not with the best so far.",
            ('\n    best, kept = float("-inf"), {}', '\n    last, best, kept = float("-inf"), float("-inf"), {}'),
            ("        if now > best:\n", "        if now > last:\n"),
            (
                "            kept = copy.deepcopy(model.state_dict())\n",
                "            kept = copy.deepcopy(model.state_dict())\n        last = now\n",
            ),
            shows="best/best score",
        ),
    ),
    "fine_tune": (
        _given(
            fine_tune,
            "the BN layers train in train mode, so their statistics move: train() undoes a freeze, so freeze(model) must follow "
            "it in each epoch.",
            "tune/largest change of a running statistic",
        ),
        _wrong(
            fine_tune,
            "no_train",
            "modes",
            "a net that arrives in eval mode trains with its dropout off: call train() before the freeze.",
            ("        model.train()\n", ""),
            shows="resting/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "whole_model_eval",
            "modes",
            "the whole net trains in eval mode: the statistics are safe, but dropout is off too.",
            ("        model.train()\n        freeze(model)\n", "        model.eval()\n"),
            shows="resting/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "statistics_put_back",
            "modes",
            "the statistics end as they began, but the training itself normalises with the batches (momentum 0 does the same).",
            (
                "    for _ in range(epochs):\n",
                "    kept = {name: b.clone() for name, b in model.named_buffers()}\n    for _ in range(epochs):\n",
            ),
            ("        freeze(model)\n", ""),
            (_UPDATE, _UPDATE + "    model.load_state_dict(kept, strict=False)\n"),
            shows="tune/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "freeze_not_called",
            "as given",
            "freeze is never called (a call has brackets and the model in them), so the statistics move.",
            ("        freeze(model)\n", "        freeze\n"),
            shows="tune/is freeze called (1 yes, 0 no)",
        ),
        _wrong(
            fine_tune,
            "first_epoch_only",
            "modes",
            "the freeze holds in the first epoch only: train() of the second undoes it. Freeze in each epoch.",
            ("        freeze(model)\n", "        if not _:\n            freeze(model)\n"),
            shows="tune/largest change of a running statistic",
        ),
        _wrong(
            fine_tune,
            "thawed_by_batch",
            "modes",
            "the freeze holds for the first batch of each epoch only: call train() once, before it.",
            (_UPDATE, _UPDATE + "            model.train()\n"),
            shows="tune/largest change of a running statistic",
        ),
        _wrong(
            fine_tune,
            "affine_frozen_too",
            "too much",
            "γ and β do not learn; only the statistics are to stay.",
            (
                "    for _ in range(epochs):\n",
                "    for module in model.modules():\n        if isinstance(module, nn.BatchNorm1d):\n"
                "            module.requires_grad_(False)\n    for _ in range(epochs):\n",
            ),
            shows="tune/do gamma and beta learn (1 yes, 0 no)",
        ),
        _wrong(
            fine_tune,
            "one_update_each_epoch",
            "loop",
            "there is one update an epoch, after its last batch; each batch is to have its own.",
            (_UPDATE, "            loss = cross_entropy(model(x), y)\n        update(loss)\n"),
            shows="tune/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "not_updated",
            "loop",
            "the weights do not move: call update with the loss.",
            (_UPDATE, "            cross_entropy(model(x), y)\n"),
            shows="tune/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "backward_twice",
            "loop",
            "backward() is called before update, which calls it again; hand update the loss as it is.",
            (
                _UPDATE,
                "            loss = cross_entropy(model(x), y)\n            loss.backward()\n            update(loss)\n",
            ),
            shows="tune",
        ),
        _wrong(
            fine_tune,
            "one_epoch",
            "loop",
            "training ends after the first epoch.",
            (_UPDATE, _UPDATE + "        return\n"),
            shows="tune/weights of layer 1",
        ),
    ),
}

REFERENCE = {
    "reestimate_statistics": reestimate_statistics,
    "freeze_batchnorm": freeze_batchnorm,
    "scores": scores,
    "train_and_validate": train_and_validate,
    "one_epoch": one_epoch,
    "epoch_batches": epoch_batches,
    "restore_best": restore_best,
    "fine_tune": fine_tune,
}
