"""Ten batch normalization layers, each with one wrong line, in the ways that such layers are written in the wild.

All but F share one right constructor.  Each runs.  :func:`listing` shows one with numbered lines.  An eleventh,
:class:`OwnSwitch`, is not one of the ten: it shows what six checks cannot see.
"""

from __future__ import annotations

import inspect
import textwrap

import torch
from torch import nn

# mypy: disable-error-code="no-untyped-def, no-untyped-call"


class Layer(nn.Module):
    """The constructor that the layers share."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))


class LayerA(Layer):
    def forward(self, x):
        if not self.training:
            x_hat = (x - self.running_mean) / torch.sqrt(self.running_var + self.eps)
            return self.gamma * x_hat + self.beta
        if len(x) == 1:
            raise ValueError("one row has no variance")
        var, mean = torch.var_mean(x, dim=0, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerB(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0)
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(mean, alpha=self.momentum)
                self.running_var.mul_(1 - self.momentum).add_(x.var(0), alpha=self.momentum)
        return (x - mean) * torch.rsqrt(var + self.eps) * self.gamma + self.beta


class LayerC(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        std = var.sqrt() + self.eps
        return self.gamma * (x - mean) / std + self.beta


class LayerD(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                old, new = self.momentum, 1 - self.momentum
                self.running_mean.copy_(old * self.running_mean + new * mean)
                self.running_var.copy_(old * self.running_var + new * x.var(0))
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerE(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0).detach(), x.var(0, correction=0).detach()
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerF(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.running_var = torch.ones(num_features)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (x.var(0) - self.running_var)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerG(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            n = x.shape[0]
            if n == 1:
                raise ValueError("one row has no variance")
            mean = x.sum(0) / n
            var = ((x * x).sum(0) / n - mean * mean).clamp(min=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerH(Layer):
    def forward(self, x):
        if torch.is_grad_enabled():
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerI(Layer):
    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            n = x.shape[0]
            if n == 1:
                raise ValueError("one row has no variance")
            mean = x.mean(0)
            var = (x - mean).pow(2).mean(0)
            keep, add = 1 - self.momentum, self.momentum
            self.running_mean = keep * self.running_mean + add * mean
            self.running_var = keep * self.running_var + add * (var * n / (n - 1)).detach()
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class LayerJ(Layer):
    def forward(self, x):
        n = x.shape[0]
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_var.lerp_(var * n / max(n - 1, 1), self.momentum)
                self.running_mean.lerp_(mean, self.momentum)
        scale = self.gamma / torch.sqrt(var + self.eps)
        return x * scale + (self.beta - mean * scale)


class OwnSwitch(Layer):
    """Keeps a switch of its own for the mode."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        self.serving = False

    def eval(self):
        self.serving = True
        return super().eval()

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if not self.serving:
            if len(x) == 1:
                raise ValueError("one row has no variance")
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


LAYERS = {c.__name__[-1]: c for c in (LayerA, LayerB, LayerC, LayerD, LayerE, LayerF, LayerG, LayerH, LayerI, LayerJ)}


def listing(name: str) -> str:
    """The source of one layer ("A" … "J"), each line with its number."""
    lines = inspect.getsource(LAYERS[name]).splitlines()
    return "\n".join(f"{number:2}  {line}" for number, line in enumerate(lines, 1))


def print_layers(names: str) -> None:
    """Print the :func:`listing` of each layer in ``names``, for example "ABCDE"."""
    print("\n\n".join(map(listing, names)))


def print_shared_constructor() -> None:
    """Print the source of :class:`Layer`, the constructor that all but F share, and which is right."""
    print(inspect.getsource(Layer).rstrip())


def print_own_switch() -> None:
    """Print the source of :class:`OwnSwitch`."""
    print(inspect.getsource(OwnSwitch).rstrip())


def repaired(name: str, line: int, text: str) -> type[nn.Module]:
    """The layer with one line replaced; ``text`` may come without its indentation, and may hold several lines.

    Raises IndexError for a line that is not there and SyntaxError for text that is no Python.
    """
    lines = inspect.getsource(LAYERS[name]).splitlines()
    if not 1 <= line <= len(lines):
        raise IndexError(f"layer {name} has lines 1 to {len(lines)}, not {line}")
    old = next(above for above in reversed(lines[:line]) if above.strip())  # a blank line stands as the one above it
    indent = old[: len(old) - len(old.lstrip())]
    lines[line - 1] = textwrap.indent(textwrap.dedent(text).strip("\n"), indent)
    namespace = dict(globals())
    exec(compile("\n".join(lines), f"<layer {name}, repaired>", "exec"), namespace)
    layer: type[nn.Module] = namespace[f"Layer{name}"]
    return layer
