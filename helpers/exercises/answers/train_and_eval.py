# mypy: disable-error-code="union-attr, no-any-return"
"""References and suspects of notebook 04.

The lines after ``# One bug:`` are what a learner is given; :func:`as_given` makes a suspect of them.
"""

from __future__ import annotations

import copy
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

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
    The next model.train() sets the layers back into train mode, so call this again after it.
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
    model.eval()
    with torch.no_grad():
        return model(x)
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
    """One epoch of SGD on X, (N, D), and labels y, (N,), in their order.  Skips a last batch of one row, and only that."""
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
    model: nn.Module, freeze: Callable[[nn.Module], None], batches: list[Batch], epochs: int, lr: float
) -> None:
    """Train with SGD on the batches (x, y); the BN layers keep their statistics, everything else is in train mode.

    freeze(model) puts the BN layers, and only them, into eval mode.
    """
    # One bug:
    # freeze(model)
    # optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    # for _ in range(epochs):
    #     model.train()
    #     for x, y in batches:
    #         loss = cross_entropy(model(x), y)
    #         optimiser.zero_grad()
    #         loss.backward()
    #         optimiser.step()
    ### BEGIN SOLUTION
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        model.train()
        freeze(model)
        for x, y in batches:
            loss = cross_entropy(model(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
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
    return Suspect("as_given", "as given", f"this behaves like the function as given: {title}", as_given(right), shows)


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


def _momentum_zero(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.0
            module.requires_grad_(False)


_REESTIMATE = (
    Suspect(
        "train_mode_pass",
        "old values",
        "you let the batches pass in train mode: the buffers move, but part of the old values stays.",
        _train_mode_pass,
        "like/running_mean of layer 1",
    ),
    Suspect(
        "torch_update_bn",
        "plain average",
        "this is torch's update_bn: a plain average over batches, with dropout on. Asked for: every row counts the same, the "
        "spread of the batch means is added, and only BN layers are in train mode.",
        _torch_update_bn,
        "unlike/running_var of layer 1",
    ),
    _wrong(
        reestimate_statistics,
        "algorithm_2",
        "plain average",
        "this is the plain average of the paper's Algorithm 2. It holds for equal batches from one distribution; weight by rows, "
        "and add the spread of the batch means.",
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
        "you miss nested layers: `children()` goes one level deep, `modules()` all levels.",
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
        "`model.train(was_training)` gives every module the same mode; a layer that was in eval mode is now in train mode.",
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
        "`reset_parameters()` also sets γ to 1 and β to 0; `reset_running_stats()` resets the buffers only.",
        ("        layer.train()\n", "        layer.train()\n        layer.reset_parameters()\n"),
        shows="rest/largest change of a parameter",
    ),
)

_FREEZE = (
    _wrong(
        freeze_batchnorm,
        "statistics_only",
        "half a freeze",
        "you freeze the statistics; γ and β still learn. eval() does not stop gradients.",
        ("            module.requires_grad_(False)\n", ""),
        shows="affine/largest change of gamma",
    ),
    _wrong(
        freeze_batchnorm,
        "affine_only",
        "half a freeze",
        "you freeze γ and β; the statistics still move. requires_grad says nothing about buffers.",
        ("            module.eval()\n", ""),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "gamma_only",
        "half a freeze",
        "γ is frozen, β is not; `module.requires_grad_(False)` does both.",
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
        "`model.eval()` switches dropout off too; call eval() on the BN layers only.",
        ("for module in model.modules():", "model.eval()\n    for module in model.modules():"),
        shows="others/is dropout still in train mode (1 yes, 0 no)",
    ),
    _wrong(
        freeze_batchnorm,
        "all_parameters",
        "too much",
        "you stop the gradients of all parameters; only γ and β of the BN layers are meant.",
        ("for module in model.modules():", "model.requires_grad_(False)\n    for module in model.modules():"),
        shows="others",
    ),
    _wrong(
        freeze_batchnorm,
        "children_only",
        "layers",
        "you miss nested layers: `children()` goes one level deep, `modules()` all levels.",
        ("model.modules()", "model.children()"),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "nothing_found",
        "layers",
        "nothing is frozen: does your isinstance test find nn.BatchNorm1d?",
        ("if isinstance(module, nn.BatchNorm1d)", "if isinstance(module, nn.BatchNorm2d)"),
        shows=_STATISTICS,
    ),
    _wrong(
        freeze_batchnorm,
        "calls_train",
        "too much",
        "you call `model.train()`, which takes a net out of eval mode; leave the other modules' modes alone.",
        ("for module in model.modules():", "model.train()\n    for module in model.modules():"),
        shows="others/modules in train mode, of a net that was in eval mode",
    ),
)

_NO_GRAD = "    with torch.no_grad():\n        return model(x)\n"

SUSPECTS = {
    "reestimate_statistics": _REESTIMATE,
    "freeze_batchnorm": _FREEZE,
    "scores": (
        _given(
            scores,
            "no_grad does not switch the mode, so the batch's statistics are used.",
            "together/scores of a batch",
        ),
        _wrong(
            scores,
            "eval_without_no_grad",
            "gradients",
            "eval() switches the mode but does not stop the recording of gradients: keep no_grad too.",
            (_NO_GRAD, "    return model(x)\n"),
            shows="together/does the result carry a graph (1 yes, 0 no)",
        ),
        _wrong(
            scores,
            "buffers_put_back",
            "modes",
            "you protect the buffers, but still normalise with the batch: switch to eval mode.",
            ("    model.eval()\n", "    model = copy.deepcopy(model).train()\n"),
            shows="together/scores of a batch",
        ),
        _wrong(
            scores,
            "row_by_row",
            "modes",
            "one row at a time in train mode has no variance: switch to eval mode.",
            ("    model.eval()\n", ""),
            ("        return model(x)", "        return torch.cat([model(row) for row in x.split(1)])"),
            shows="together",
        ),
        _wrong(
            scores,
            "probabilities",
            "result",
            "these are probabilities; the function returns the scores themselves.",
            ("        return model(x)", "        return model(x).softmax(dim=1)"),
            shows="together/scores of a batch",
        ),
    ),
    "train_and_validate": (
        _given(
            train_and_validate,
            "from the second epoch on it trains in eval mode.",
            "loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "never_eval",
            "modes",
            "you validate in train mode: the held-out batch is normalised with itself, and moves the buffers.",
            ("        model.eval()\n", ""),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "always_eval",
            "modes",
            "you train in eval mode from the first step.",
            ("        model.train()\n", "        model.eval()\n"),
            shows="loop/held-out loss after each epoch",
        ),
        _wrong(
            train_and_validate,
            "train_before_validating",
            "modes",
            "your train() stands between training and validation; it belongs at the start of the epoch.",
            ("        model.train()\n", ""),
            ("        model.eval()\n", "        model.train()\n"),
            ("\n    history = []\n", "\n    history = []\n    model.eval()\n"),
            shows="loop/held-out loss after each epoch",
        ),
    ),
    "one_epoch": (
        _given(one_epoch, "one row in train mode has no variance, so torch raises ValueError."),
        _wrong(
            one_epoch,
            "drop_every_short_batch",
            "too much",
            "you leave out every short batch; two rows are enough for statistics.",
            ("if len(rows) < 2:", "if len(rows) < batch_size:"),
            shows="two_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "eval_for_one_row",
            "modes",
            "you train on the single row in eval mode; the row is to be left out.",
            ("            continue\n", "            model.eval()\n"),
            shows="one_left/weights of layer 1",
        ),
        _wrong(
            one_epoch,
            "row_doubled",
            "statistics",
            "you double the single row: its variance is then 0, and so is what the layer passes on.",
            ("            continue\n", "            rows = rows.repeat(2)\n"),
            shows="one_left/running_var of layer 1",
        ),
        _wrong(
            one_epoch,
            "last_batch_always",
            "too much",
            "you always leave out the last batch, even a full one.",
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
            "consecutive rows of sorted data are of one class.",
            "order/does every batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "batches_mixed",
            "order",
            "you mix the order of the batches; each batch is still of one class. Mix the rows.",
            ("order = torch.randperm(rows, generator=generator)", "order = torch.arange(rows)"),
            (
                "\n    return list(order.split(batch_size))",
                "\n    return [order.split(batch_size)[i] for i in "
                "torch.randperm(len(order.split(batch_size)), generator=generator)]",
            ),
            shows="order/does every batch mix classes (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "same_order",
            "order",
            "every epoch has the same order: you start the generator anew each time.",
            ("generator=generator", "generator=torch.Generator().manual_seed(0)"),
            shows="order/has the second epoch another order (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "with_replacement",
            "order",
            "you draw with replacement: some rows come twice, others not at all. Use a permutation.",
            ("torch.randperm(rows, generator=generator)", "torch.randint(rows, (rows,), generator=generator)"),
            shows="order/is every row used exactly once (1 yes, 0 no)",
        ),
        _wrong(
            epoch_batches,
            "global_generator",
            "seeds",
            "you use torch's global generator, not the one passed in, so the batches cannot be reproduced.",
            ("torch.randperm(rows, generator=generator)", "torch.randperm(rows)"),
            shows="order/does the same generator seed give the same batches (1 yes, 0 no)",
        ),
    ),
    "restore_best": (
        _given(
            restore_best,
            "it keeps the parameters; the running statistics are those of the last epoch.",
            "best/running_mean of layer 1",
        ),
        _wrong(
            restore_best,
            "not_copied",
            "copies",
            "what comes back is the last epoch, not the best: state_dict() holds the live tensors, which training goes on to "
            "change. Copy them.",
            ("copy.deepcopy(model.state_dict())", "model.state_dict()"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "buffers_only",
            "buffers",
            "you keep the buffers; the weights are those of the last epoch.",
            ("copy.deepcopy(model.state_dict())", "copy.deepcopy(dict(model.named_buffers()))"),
            ("model.load_state_dict(kept)", "model.load_state_dict(kept, strict=False)"),
            shows="best/weights of layer 1",
        ),
        _wrong(
            restore_best,
            "statistics_reset",
            "buffers",
            "you reset the running statistics to 0 and 1 after loading; bring back those of the best epoch.",
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
            "you keep the epoch with the lowest score; higher is better here.",
            ('\n    best, kept = float("-inf")', '\n    best, kept = float("inf")'),
            ("        if now > best", "        if now < best"),
            shows="best/best score",
        ),
    ),
    "fine_tune": (
        _given(
            fine_tune,
            "train() comes after freeze() and undoes it.",
            "tune/largest change of a running statistic",
        ),
        _wrong(
            fine_tune,
            "no_train",
            "modes",
            "without train() a net that arrives in eval mode trains with its dropout off.",
            ("        model.train()\n", ""),
            shows="resting/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "whole_model_eval",
            "modes",
            "in eval mode the statistics are safe, but dropout is off too.",
            ("        model.train()\n        freeze(model)\n", "        model.eval()\n"),
            shows="resting/weights of layer 1",
        ),
        _wrong(
            fine_tune,
            "statistics_put_back",
            "modes",
            "the statistics end as they began, but the training itself normalised with the batches (momentum 0 does the same).",
            (
                "\n    optimiser = torch",
                "\n    kept = {name: b.clone() for name, b in model.named_buffers()}\n    optimiser = torch",
            ),
            ("        freeze(model)\n", ""),
            (
                "            optimiser.step()\n",
                "            optimiser.step()\n    model.load_state_dict(kept, strict=False)\n",
            ),
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
