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

from .setting import MEASURED, QUANTILES, ROWS, Inside, Kind, Running, Setting, Trace, data


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


def run(setting: Setting, batch_norm: Norm, patience: float) -> Iterator[dict[Kind, Trace]]:
    """Train the nets of a setting; yields their growing traces after every step.

    batch_norm: the learner's class or torch's.  patience: seconds that the nets trained together may take before they
    are stopped.  Use it inside :func:`undisturbed`.
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
    for step, rows in enumerate(batches(len(split.X_train), setting.batch_size, STEPS, setting.seed), 1):
        lanes = [lane for lane in lanes if lane.advance(step, rows)]
        yield traces
        if not lanes:
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
        self.seconds = 0.0
        self.gradients: Sequence[torch.Tensor | None] = ()

    def advance(self, step: int, rows: torch.Tensor) -> bool:
        """One step of every net that is still going; False when none is.  An exception ends them with a note."""
        start = time.perf_counter()
        try:
            if step == 1:
                self._begin()
            self._step(step, rows)
            if step in MEASURED:
                self._measure(step)
            if step == STEPS:
                self._finish(rows)
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
        first = self._together()  # its running statistics move when it is looked at, so it is thrown away
        self._look(first, "start")
        self.net = self._together()
        self.first = [weight.detach().clone() for weight in self.net.weights]
        self._measure(0)

    def _together(self) -> Side | Alone:
        nets = [self.build(kind) for kind in self.kinds]
        return Side(nets) if self.kinds[0][0] == "none" else Alone(nets[0])

    def _step(self, step: int, rows: torch.Tensor) -> None:
        out = self.net.output(self.split.X_train[rows])
        losses = losses_of(out, self.split.y_train[rows])
        gradients = torch.autograd.grad(losses.sum(), self.net.parameters, allow_unused=True)
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
                trace.end = Inside([], [], math.nan, self._gradient_sizes(i))  # of the step before
        self.gradients = gradients
        if step == 1:
            for i, trace in enumerate(self.traces):
                if trace.start:
                    trace.start.gradients = self._gradient_sizes(i)

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
        weights = self.net.sizes(self.net.weights).square().sum(0).sqrt().tolist()
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
        if step == STEPS and not self.split.y_test.is_floating_point():
            for trace, right in zip(self.traces, out[:, rows:].argmax(2) == self.split.y_test, strict=True):
                trace.accuracy = float(right.double().mean())

    def _finish(self, rows: torch.Tensor) -> None:
        self._look(self.net.train(False), "end", rows)
        moved = self.net.sizes([w.detach() - old for w, old in zip(self.net.weights, self.first, strict=True)])
        moved = (moved.square().sum(0) / self.net.sizes(self.first).square().sum(0)).sqrt()
        for i, trace in enumerate(self.traces):
            if trace.end and not trace.note:
                trace.end.gradients = self._gradient_sizes(i)
                trace.moved = float(moved[i])

    @torch.no_grad()
    def _look(self, net: Side | Alone, when: str, rows: torch.Tensor | None = None) -> None:
        *hidden, out = net.layers(self.split.X_train[:ROWS])
        values = torch.stack(hidden)  # (layers, R, rows, width); every fourth row is enough for quantiles
        in_order = values[:, :, ::4].flatten(2).sort(dim=2).values
        spread = in_order[:, :, [round(q * (in_order.shape[2] - 1)) for q in QUANTILES]].transpose(0, 1).tolist()
        dead = (values.amax(dim=2) <= 0).float().mean(dim=2).T.tolist()
        running = net.running(self.split.X_train[:ROWS], self.split.X_train[rows]) if rows is not None else None
        for i, trace in enumerate(self.traces):
            if not trace.note:
                limit = approximate_head_limit(hidden[-1][i].relu(), out[i], self.split.y_train.is_floating_point())
                setattr(trace, when, Inside(spread[i], dead[i], limit, running=running))


class Side:
    """R nets without norms as one stack: ``weights`` (R, in, out) and biases (R, 1, out) of every Linear."""

    def __init__(self, nets: Sequence[MLP]):
        linears = zip(*map(_linears, nets), strict=True)
        self.weights, self.biases = [], []
        for layer in linears:
            self.weights.append(torch.stack([linear.weight.detach().T for linear in layer]).requires_grad_())
            self.biases.append(torch.stack([linear.bias.detach()[None] for linear in layer]).requires_grad_())
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

    def sizes(self, tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """Norm of each weight-shaped tensor, (layers, R); what follows the weights is left out."""
        pairs = zip(self.weights, tensors, strict=False)
        return torch.stack([torch.zeros(len(w)) if t is None else t.detach().flatten(1).norm(dim=1) for w, t in pairs])

    def running(self, X: torch.Tensor, batch: torch.Tensor) -> Running | None:
        """None: there are no running statistics."""
        return None


class Alone:
    """One net with a norm, seen as a stack of one."""

    def __init__(self, net: MLP):
        self.net = net
        self.hidden = [list(cast(nn.Sequential, layer))[:2] for layer in net.hidden]  # Linear and norm
        self.linears = _linears(net)
        weights = [linear.weight for linear in self.linears]
        others = [p for p in net.parameters() if not any(p is w for w in weights)]
        self.parameters: list[torch.Tensor] = [*weights, *others]

    @property
    def weights(self) -> list[torch.Tensor]:
        """Weight matrices as Linear has them, (out, in)."""
        return self.parameters[: len(self.linears)]

    def train(self, mode: bool) -> Alone:
        """Set train or eval mode."""
        self.net.train(mode)
        return self

    def output(self, x: torch.Tensor) -> torch.Tensor:
        """As Side's, with R = 1."""
        for linear, norm in self.hidden:
            x = norm(linear(x)).relu()
        out: torch.Tensor = self.net.head(x) * self.net.head_scale
        return out[None]

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """As Side's, with R = 1."""
        found = []
        for linear, norm in self.hidden:
            found.append(norm(linear(x)))
            x = found[-1].relu()
        return [h[None] for h in (*found, self.net.head(x) * self.net.head_scale)]

    def sizes(self, tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """As Side's, with R = 1."""
        pairs = zip(self.linears, tensors, strict=False)
        return torch.stack([torch.zeros(1) if t is None else t.detach().norm()[None] for _, t in pairs])

    def running(self, X: torch.Tensor, batch: torch.Tensor) -> Running | None:
        """The last norm's running statistics, None where it keeps none, against those of ``batch``."""
        *before, (linear, norm) = self.hidden
        mean, var = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
        if not (isinstance(mean, torch.Tensor) and isinstance(var, torch.Tensor)):
            return None
        if not mean.numel() == var.numel() == linear.out_features:
            return None

        def entering(x: torch.Tensor) -> torch.Tensor:
            for earlier, its_norm in before:
                x = its_norm(earlier(x)).relu()
            z: torch.Tensor = linear(x)
            return z

        rows, some = entering(X), entering(batch)
        centre, scale = rows.mean(0), rows.std(0, correction=0).clamp(min=1e-12)
        size = min(len(batch), ROWS)
        chunks = torch.stack([chunk.mean(0) for chunk in rows.split(size) if len(chunk) == size])
        noise = ((chunks - centre) / scale).square().mean().sqrt().item() if len(chunks) > 1 else 0.0
        found = (mean, some.mean(0), var.clamp(min=0).sqrt(), some.std(0, correction=0))
        lists: list[list[float]] = [t.detach().flatten().tolist() for t in found]
        return Running(lists[0], lists[1], lists[2], lists[3], noise)


def _linears(net: MLP) -> list[nn.Linear]:
    return [*(cast(nn.Linear, cast(nn.Sequential, layer)[0]) for layer in net.hidden), net.head]


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
