"""The playground's training: the nets of one setting side by side, one step each in turn, measured as they go.

Nets this small spend their time on the number of operations, not on arithmetic.  So the nets without a norm are trained
as one stack of matrices, every net sees the same batch, and losses are measured at the steps MEASURED only.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from helpers.experiments.fair import HEAD_SCALE, STEPS, fair_widths
from helpers.judge.observe import as_raised
from helpers.lab.data import Split
from helpers.lab.nets import MLP, Norm
from helpers.lab.stack import losses_of
from helpers.lab.training import batches, one_thread, seeded

from .setting import (
    BEND,
    BINS,
    MEASURED,
    ROWS,
    SHOWN,
    SNAPSHOTS,
    Inside,
    Kind,
    Running,
    Setting,
    Snapshot,
    Trace,
    data,
)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Inside: one thread, float32, gradients on, a fixed seed.  All of it, and every global generator of random
    numbers (torch's on the CPU, NumPy's, Python's), is afterwards as it was found."""
    dtype, numpy_state, python_state = torch.get_default_dtype(), np.random.get_state(), random.getstate()
    with one_thread(), seeded(0), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            np.random.set_state(numpy_state)
            random.setstate(python_state)


def run(
    setting: Setting, batch_norm: Norm, patience: float, every: float = math.inf
) -> Iterator[tuple[int, dict[Kind, Trace]]]:
    """Train the nets of a setting; yields the step and their growing traces, in the end and meanwhile.

    batch_norm: the learner's class or torch's.  patience: seconds that the nets trained together may take before they
    are stopped.  every: seconds from one look at the traces to the next; the first comes after the first step, but none
    before the end where it is infinite.  Use it inside :func:`undisturbed`.
    """
    norms: dict[str, Norm] = {
        "batch": batch_norm,
        "layer": nn.LayerNorm,
        "group": lambda features: nn.GroupNorm(8, features),
    }
    split = data(setting.task)
    sizes = fair_widths(split, setting.depth)

    def build(kind: Kind) -> MLP:
        with seeded(setting.seed):
            return MLP(sizes, norms.get(kind[0]), kind[1], head_scale=HEAD_SCALE).train()

    traces = {kind: Trace() for kind in setting.nets}
    plain = [kind for kind in setting.nets if kind[0] == "none"]
    groups = [plain, *([kind] for kind in setting.nets if kind not in plain)]
    lanes = [
        _Lane(kinds, [traces[kind] for kind in kinds], build, split, setting, patience) for kinds in groups if kinds
    ]
    going, shown = lanes, -math.inf
    for step, rows in enumerate(batches(len(split.X_train), setting.batch_size, STEPS, setting.seed), 1):
        x, y = split.X_train[rows], split.y_train[rows]
        going = [lane for lane in going if lane.advance(step, x, y)]
        now = time.perf_counter()
        if now - shown > every or step == STEPS or not going:
            for lane in lanes:
                lane.develop()
            yield step, traces
            shown = now
        if not going:
            return


class _Lane:
    """Nets that are trained together, and the limit on their seconds."""

    def __init__(
        self,
        kinds: Sequence[Kind],
        traces: list[Trace],
        build: Callable[[Kind], MLP],
        split: Split,
        setting: Setting,
        patience: float,
    ):
        self.kinds, self.traces, self.build = kinds, traces, build
        self.split, self.setting, self.patience = split, setting, patience
        self.X = torch.cat([split.X_train, split.X_test])
        self.regression = split.y_train.is_floating_point()
        self.seconds = 0.0
        self.gradients: Sequence[torch.Tensor | None] = ()
        self.taken: list[tuple[int, torch.Tensor, torch.Tensor, list[Trace | None]]] = []

    def advance(self, step: int, x: torch.Tensor, y: torch.Tensor) -> bool:
        """One step of every net that is still going; False when none is.  An exception ends them with a note."""
        start = time.perf_counter()
        try:
            if step == 1:
                self._begin()
            self._step(step, x, y)
            if step in MEASURED:
                self._measure(step)
            if step == STEPS:
                self._finish(x)
        except Exception as error:
            self._stop(f"stopped: its layer raised {as_raised(error)}".rstrip("."))
        self.seconds += time.perf_counter() - start
        if self.seconds > self.patience and step < STEPS:
            self._stop(f"stopped at step {step}, after {self.patience:g} seconds")
        return any(not trace.note for trace in self.traces)

    def _stop(self, note: str) -> None:
        for trace in self.traces:
            trace.note = trace.note or note

    def _begin(self) -> None:
        self.net = self._together()
        # running statistics move when a net is looked at, so that one is thrown away
        self._look(self.net if isinstance(self.net, Side) else self._together(), "start")
        self.first = [weight.detach().clone() for weight in self.net.weights]
        self._measure(0)

    def _together(self) -> Side | Alone:
        nets = [self.build(kind) for kind in self.kinds]
        return Side(nets) if self.kinds[0][0] == "none" else Alone(nets[0])

    def _step(self, step: int, x: torch.Tensor, y: torch.Tensor) -> None:
        losses, gradients, hidden = self.net.gradients(x, y, step in SNAPSHOTS)
        used = [(p, g) for p, g in zip(self.net.parameters, gradients, strict=True) if g is not None]
        with torch.no_grad():
            torch._foreach_add_([p for p, _ in used], [g for _, g in used], alpha=-self.setting.lr)
        for i, (trace, loss) in enumerate(zip(self.traces, losses.tolist(), strict=True)):
            if trace.note:
                continue
            if math.isfinite(loss):
                trace.losses.append(loss)
            else:
                trace.note, trace.diverged = f"diverged at step {step}", True
                trace.end = Inside(gradients=self._gradient_sizes(i))  # of the step before
        self.gradients = gradients
        if hidden:
            with torch.no_grad():
                values = torch.stack([h[:, :SHOWN] for h in hidden]).flatten(2)  # (layers, R, rows·width)
            whose = [None if trace.note else trace for trace in self.traces]
            self.taken.append((step, values, self.net.sizes(self.gradients), whose))
        if step == 1:
            for i, trace in enumerate(self.traces):
                if trace.start:
                    trace.start.gradients = self._gradient_sizes(i)

    @torch.no_grad()
    def develop(self) -> None:
        """Make snapshots of what was taken since the last time: all at once costs less than one after another."""
        if not self.taken:
            return
        finite = torch.stack([values for _, values, *_ in self.taken]).nan_to_num()
        bins = (finite / (finite.abs() + BEND)).mul_(BINS / 2).add_(BINS / 2).to(torch.int64).clamp_(max=BINS - 1)
        groups = finite.shape[:3]  # steps, layers, nets
        bins += BINS * torch.arange(groups.numel()).view(*groups, 1)
        counts = torch.bincount(bins.flatten(), minlength=BINS * groups.numel()).view(*groups, BINS)
        shapes = (255 * counts // counts.amax(dim=3, keepdim=True)).to(torch.uint8).numpy()
        spreads = spread_of(finite).transpose(1, 2).tolist()
        for (step, _, sizes, whose), bars, spread in zip(self.taken, shapes, spreads, strict=True):
            for i, (trace, gradients) in enumerate(zip(whose, sizes.T.tolist(), strict=True)):
                if trace:
                    trace.snapshots.append(Snapshot(step, bars[:, i].tobytes(), spread[i], gradients))
        self.taken.clear()

    def _gradient_sizes(self, i: int) -> list[float]:
        """Norm of the gradient of each weight matrix of net ``i`` in the latest step."""
        sizes: list[float] = self.net.sizes(self.gradients)[:, i].tolist() if self.gradients else []
        return sizes

    @torch.no_grad()
    def _measure(self, step: int) -> None:
        rows = len(self.split.X_train)
        out = self.net.train(False).output(self.X)
        self.net.train(True)
        train = losses_of(out[:, :rows], self.split.y_train).tolist()
        test = losses_of(out[:, rows:], self.split.y_test).tolist()
        weights = self.net.sizes(self.net.weights)[:-1].square().sum(0).sqrt().tolist()
        for i, trace in enumerate(self.traces):
            if trace.note:
                continue
            if math.isfinite(train[i]) and math.isfinite(test[i]):
                trace.steps.append(step)
                trace.train.append(train[i])
                trace.test.append(test[i])
                trace.weights.append(weights[i])
            elif step == STEPS:
                trace.note, trace.diverged = "diverged in eval mode", True
        if step == STEPS and not self.regression:
            for trace, right in zip(self.traces, out[:, rows:].argmax(2) == self.split.y_test, strict=True):
                trace.accuracy = float(right.double().mean())

    def _finish(self, x: torch.Tensor) -> None:
        self._look(self.net.train(False), "end")
        running = self.net.running(x)
        moved = self.net.sizes([w.detach() - old for w, old in zip(self.net.weights, self.first, strict=True)])
        moved = (moved.square().sum(0) / self.net.sizes(self.first).square().sum(0)).sqrt()
        for i, trace in enumerate(self.traces):
            if trace.end and not trace.note:
                trace.end.gradients, trace.end.running = self._gradient_sizes(i), running
                trace.moved = float(moved[i])

    @torch.no_grad()
    def _look(self, net: Side | Alone, when: str) -> None:
        *hidden, out = net.layers(self.split.X_train[:ROWS])
        values = torch.stack(hidden)  # (layers, R, rows, width)
        spread = spread_of(values.flatten(2)).T.tolist()
        dead = (values.amax(dim=2) <= 0).float().mean(dim=2).T.tolist()
        for i, trace in enumerate(self.traces):
            if not trace.note:
                found = Inside(spread[i], dead[i])
                if when == "start":
                    found.head_limit = approximate_head_limit(hidden[-1][i].relu(), out[i], self.regression)
                setattr(trace, when, found)


Gradients = tuple[torch.Tensor, Sequence[torch.Tensor | None], list[torch.Tensor]]


class Side:
    """R nets without norms as one stack: ``weights`` (R, in, out) and biases (R, 1, out) of every Linear."""

    def __init__(self, nets: Sequence[MLP]):
        linears = zip(*map(_linears, nets), strict=True)
        self.weights, self.biases = [], []
        for layer in linears:
            self.weights.append(torch.stack([linear.weight.detach().T for linear in layer]))
            self.biases.append(torch.stack([linear.bias.detach()[None] for linear in layer]))
        self.parameters = [*self.weights, *self.biases]
        self.head_scale = nets[0].head_scale

    def train(self, mode: bool) -> Side:
        """Nothing to do: without a norm both modes are one."""
        return self

    def output(self, x: torch.Tensor) -> torch.Tensor:
        """(R, N, out).  Keeps no layer, which halves the time for many rows."""
        x = x.expand(len(self.weights[0]), *x.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.baddbmm(bias, x, weight).relu_()
        return torch.baddbmm(self.biases[-1], x, self.weights[-1]) * self.head_scale

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What enters each hidden layer's ReLUs, (R, N, width), and last the output, (R, N, out)."""
        found = []
        x = x.expand(len(self.weights[0]), *x.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            found.append(torch.baddbmm(bias, x, weight))
            x = found[-1].relu()
        return [*found, torch.baddbmm(self.biases[-1], x, self.weights[-1]) * self.head_scale]

    def gradients(self, x: torch.Tensor, y: torch.Tensor, keep: bool) -> Gradients:
        """Losses (R,) of a batch, the gradient of each parameter, and what enters the ReLUs where ``keep`` is True.

        By hand: for nets this small autograd takes three times as long.
        """
        entering, outputs = [], [x.expand(len(self.weights[0]), *x.shape)]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = torch.baddbmm(bias, outputs[-1], weight)
            if keep:
                entering.append(z)
            outputs.append(z.relu() if keep else z.relu_())
        out = torch.baddbmm(self.biases[-1], outputs[-1], self.weights[-1]) * self.head_scale
        losses, delta = losses_and_gradient(out, y)
        delta = delta * self.head_scale
        of_weights, of_biases = [], []
        for i in reversed(range(len(self.weights))):
            of_weights.append(torch.bmm(outputs[i].transpose(1, 2), delta))
            of_biases.append(delta.sum(dim=1, keepdim=True))
            if i:
                delta = torch.ops.aten.threshold_backward(
                    torch.bmm(delta, self.weights[i].transpose(1, 2)), outputs[i], 0
                )
        return losses, [*of_weights[::-1], *of_biases[::-1]], entering

    def sizes(self, tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """Norm of each weight-shaped tensor, (layers, R); what follows the weights is left out."""
        pairs = zip(self.weights, tensors, strict=False)
        return torch.stack([torch.zeros(len(w)) if t is None else t.detach().flatten(1).norm(dim=1) for w, t in pairs])

    def running(self, batch: torch.Tensor) -> Running | None:
        """None: there are no running statistics."""
        return None


class Alone:
    """One net with a norm, seen as a stack of one."""

    def __init__(self, net: MLP):
        self.norms = nn.ModuleList([cast(nn.Sequential, layer)[1] for layer in net.hidden]).train()
        self.weights = [linear.weight.detach().T.contiguous().requires_grad_() for linear in _linears(net)]
        self.bias, self.head_scale = net.head.bias, net.head_scale
        self.parameters: list[torch.Tensor] = [*self.weights, self.bias, *self.norms.parameters()]

    def train(self, mode: bool) -> Alone:
        """Set train or eval mode."""
        self.norms.train(mode)
        return self

    def output(self, x: torch.Tensor) -> torch.Tensor:
        """As Side's, with R = 1."""
        for weight, norm in zip(self.weights, self.norms, strict=False):
            x = norm(x.mm(weight)).relu()
        return self._head(x)[None]

    def _head(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, x, self.weights[-1]) * self.head_scale

    def gradients(self, x: torch.Tensor, y: torch.Tensor, keep: bool) -> Gradients:
        """As Side's, with R = 1."""
        entering: list[torch.Tensor] = []
        if keep:
            *entering, out = self.layers(x)
        else:
            out = self.output(x)
        losses, delta = losses_and_gradient(out.detach(), y)
        # a gradient of ``out`` handed over as an argument would make torch import its symbolic shapes, for seconds
        gradients = torch.autograd.grad((out * delta).sum(), self.parameters, allow_unused=True)
        return losses, gradients, entering

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """As Side's, with R = 1."""
        found = []
        for weight, norm in zip(self.weights, self.norms, strict=False):
            found.append(norm(x.mm(weight)))
            x = found[-1].relu()
        return [h[None] for h in (*found, self._head(x))]

    def sizes(self, tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """As Side's, with R = 1."""
        pairs = zip(self.weights, tensors, strict=False)
        found = [torch.zeros(1) if t is None else t.detach() for _, t in pairs]
        return torch.stack(torch._foreach_norm(found))[:, None]

    def running(self, batch: torch.Tensor) -> Running | None:
        """The last norm's running statistics, None where it keeps none, against those of ``batch``."""
        *before, norm = self.norms
        *earlier, last = self.weights[:-1]
        mean, var = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
        if not (isinstance(mean, torch.Tensor) and isinstance(var, torch.Tensor)):
            return None
        if not mean.numel() == var.numel() == last.shape[1]:
            return None
        x = batch
        for weight, its_norm in zip(earlier, before, strict=True):
            x = its_norm(x.mm(weight)).relu()
        entering = x.mm(last)
        found = (mean, entering.mean(0), var.clamp(min=0).sqrt(), entering.std(0, correction=0))
        lists: list[list[float]] = [t.detach().flatten().tolist() for t in found]
        return Running(lists[0], lists[1], lists[2], lists[3])


def _linears(net: MLP) -> list[nn.Linear]:
    return [*(cast(nn.Linear, cast(nn.Sequential, layer)[0]) for layer in net.hidden), net.head]


def losses_and_gradient(out: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss of each net (R,), as ``losses_of`` gives it, and the gradient of their sum in ``out`` (R, N, out)."""
    if y.is_floating_point():
        off = out - y
        return off.square().mean(dim=(1, 2)), off * (2 / y.numel())
    log_p, labels = out.log_softmax(dim=2), y.expand(out.shape[:2])[..., None]
    one_hot = torch.zeros_like(out).scatter_(2, labels, 1.0)
    return -log_p.gather(2, labels).mean(dim=(1, 2)), (log_p.exp() - one_hot) / len(y)


def spread_of(values: torch.Tensor) -> torch.Tensor:
    """Standard deviation over the last dimension; for short float32 rows a third of the time of ``std``.

    >>> spread_of(torch.tensor([[1.0, 3.0], [2.0, 2.0]]))
    tensor([1., 0.])
    """
    return (values.square().mean(dim=-1) - values.mean(dim=-1).square()).clamp(min=0).sqrt()


def approximate_head_limit(entering: torch.Tensor, out: torch.Tensor, regression: bool, rounds: int = 12) -> float:
    """2/λ of the loss as a function of the head's weights and bias: above this learning rate, gradient descent on the
    head alone diverges.

    entering: (N, width), what enters the head; out: (N, outputs).  λ is the largest eigenvalue of the curvature,
    s²·Σ hhᵀ⊗C/N with C = 2 for the squared error and diag(p) − ppᵀ for cross-entropy, found by power iteration.
    """
    h = torch.cat([entering, torch.ones(len(entering), 1)], dim=1)
    p = out.softmax(dim=1)
    v = torch.randn(h.shape[1], out.shape[1], generator=torch.Generator().manual_seed(0))
    size = torch.ones(())
    for _ in range(rounds):
        u = h @ (v / v.norm())
        u = 2 * u if regression else p * u - p * (p * u).sum(dim=1, keepdim=True)
        v = h.T @ u * (HEAD_SCALE**2 / len(h))
        size = v.norm()
    return 2 / max(size.item(), 1e-12)
