"""Right batch normalization layers, each written in another way that learners find.  The judge must accept them all."""

import functools
import typing as t

import torch
import torch as T
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter as Learnable


class Base(nn.Module):
    """The constructor that most of them share."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))


def refuse_one_row(x):
    if len(x) < 2:
        raise ValueError("one row has no variance")


class VarMeanLerp(Base):
    """One call for both statistics, lerp_ for the update."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            var, mean = torch.var_mean(x, dim=0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class UnbiasedKeyword(Base):
    """The old keyword of var, the update by mul_ and add_."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean.detach())
            self.running_var.mul_(1 - self.momentum).add_(self.momentum * x.detach().var(0, unbiased=True))
        return (x - mean) * torch.rsqrt(var + self.eps) * self.gamma + self.beta


class Einsum(Base):
    """Statistics and output by einsum; buffers assigned anew."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            n = len(x)
            mean = torch.einsum("nc->c", x) / n
            centred = x - mean
            var = torch.einsum("nc,nc->c", centred, centred) / n
            m = self.momentum
            self.running_mean = ((1 - m) * self.running_mean + m * mean).detach()
            self.running_var = ((1 - m) * self.running_var + m * var * n / (n - 1)).detach()
        return torch.einsum("nc,c->nc", (x - mean) / (var + self.eps).sqrt(), self.gamma) + self.beta


class ManualSums(Base):
    """Sums divided by N."""

    def forward(self, x):
        if not self.training:
            return self.gamma * ((x - self.running_mean) / torch.sqrt(self.running_var + self.eps)) + self.beta
        refuse_one_row(x)
        n = x.size(0)
        mean = x.sum(0) / n
        squares = ((x - mean) ** 2).sum(0)
        with torch.no_grad():
            self.running_mean.copy_((1 - self.momentum) * self.running_mean + self.momentum * mean)
            self.running_var.copy_((1 - self.momentum) * self.running_var + self.momentum * squares / (n - 1))
        return self.gamma * ((x - mean) / torch.sqrt(squares / n + self.eps)) + self.beta


class ScaleShift(Base):
    """Folded into x · scale + shift; one row skips the update."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            var, mean = torch.var_mean(x, 0, correction=0)
            if len(x) > 1:
                with torch.no_grad():
                    self.running_mean.lerp_(mean, self.momentum)
                    self.running_var.lerp_(x.var(0), self.momentum)
        scale = self.gamma * torch.rsqrt(var + self.eps)
        return x * scale + (self.beta - mean * scale)


class Addcmul(Base):
    """Fused multiply and add."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            mean = torch.mean(x, 0)
            var = torch.mean(torch.square(x - mean), 0)
            with torch.no_grad():
                self.running_mean.add_(mean - self.running_mean, alpha=self.momentum)
                self.running_var.add_(var * len(x) / (len(x) - 1) - self.running_var, alpha=self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return torch.addcmul(self.beta, (x - mean) / (var + self.eps) ** 0.5, self.gamma)


class NormaliseFunction(torch.autograd.Function):
    """The paper's backward pass, term by term."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        mean = x.mean(0)
        var = x.var(0, correction=0)
        ctx.save_for_backward(x, gamma, mean, var)
        ctx.eps = eps
        return gamma * (x - mean) / torch.sqrt(var + eps) + beta

    @staticmethod
    def backward(ctx, dy):
        x, gamma, mean, var = ctx.saved_tensors
        m, std = len(x), torch.sqrt(var + ctx.eps)
        d_hat = dy * gamma
        d_var = (d_hat * (x - mean) * -0.5 / std**3).sum(0)
        d_mean = -(d_hat / std).sum(0) + d_var * (-2 * (x - mean)).sum(0) / m
        dx = d_hat / std + d_var * 2 * (x - mean) / m + d_mean / m
        return dx, (dy * (x - mean) / std).sum(0), dy.sum(0), None


class OwnBackward(Base):
    """A custom autograd.Function."""

    def forward(self, x):
        if not self.training:
            return self.gamma * (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) + self.beta
        refuse_one_row(x)
        with torch.no_grad():
            self.running_mean += self.momentum * (x.mean(0) - self.running_mean)
            self.running_var += self.momentum * (x.var(0) - self.running_var)
        return NormaliseFunction.apply(x, self.gamma, self.beta, self.eps)


class CompactFunction(torch.autograd.Function):
    """The backward pass in one line, and setup_context."""

    @staticmethod
    def forward(x, gamma, beta, mean, inverse):
        x_hat = (x - mean) * inverse
        return x_hat * gamma + beta, x_hat

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, gamma, _, _, inverse = inputs
        ctx.save_for_backward(output[1], gamma, inverse)
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, dy, _):
        x_hat, gamma, inverse = ctx.saved_tensors
        d_gamma, d_beta, n = (dy * x_hat).sum(0), dy.sum(0), len(dy)
        dx = gamma * inverse / n * (n * dy - d_beta - x_hat * d_gamma)
        return dx, d_gamma, d_beta, None, None


class CompactBackward(Base):
    """Another custom autograd.Function, compact."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            with torch.no_grad():
                mean, var = x.mean(0), x.var(0, correction=0)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
                inverse = torch.rsqrt(var + self.eps)
            return CompactFunction.apply(x, self.gamma, self.beta, mean, inverse)[0]
        return (x - self.running_mean) * torch.rsqrt(self.running_var + self.eps) * self.gamma + self.beta


class DataUpdate(Base):
    """The buffers are changed through .data."""

    def forward(self, x):
        mean, var = self.running_mean.clone(), self.running_var.clone()
        if self.training:
            refuse_one_row(x)
            mean = x.mean(axis=0)
            var = ((x - mean) * (x - mean)).mean(axis=0)
            keep = 1.0 - self.momentum
            self.running_mean.data = keep * self.running_mean.data + self.momentum * mean.data
            self.running_var.data = keep * self.running_var.data + self.momentum * var.data * len(x) / (len(x) - 1)
        x_hat = (x - mean) / (var + self.eps).sqrt()
        return x_hat.mul(self.gamma).add(self.beta)


class Float64Inside(Base):
    """Everything in float64, cast back at the end, even with the single-pass variance."""

    def forward(self, x):
        z = x.double()
        if self.training:
            refuse_one_row(x)
            mean = z.mean(0)
            var = ((z * z).mean(0) - mean * mean).clamp(min=0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean.to(x.dtype) - self.running_mean)
                self.running_var += self.momentum * ((var * len(x) / (len(x) - 1)).to(x.dtype) - self.running_var)
        else:
            mean, var = self.running_mean.double(), self.running_var.double()
        return (self.gamma * ((z - mean) / torch.sqrt(var + self.eps)) + self.beta).to(x.dtype)


class WideStatistics(Base):
    """Statistics of 16-bit input in float32, as torch does."""

    def forward(self, x):
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        if self.training:
            refuse_one_row(x)
            mean, var = wide.mean(0), wide.var(0, correction=0)
            with torch.no_grad():
                for buffer, new in ((self.running_mean, mean), (self.running_var, wide.var(0))):
                    buffer.copy_(buffer.to(new.dtype).lerp(new, self.momentum))
        else:
            mean, var = self.running_mean.to(wide.dtype), self.running_var.to(wide.dtype)
        x_hat = (wide - mean) / torch.sqrt(var + self.eps)
        return (x_hat * self.gamma + self.beta).to(x.dtype)


class Welford(Base):
    """One pass over the rows."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            mean, squares = torch.zeros_like(x[0]), torch.zeros_like(x[0])
            for count, row in enumerate(x, 1):
                before = row - mean
                mean = mean + before / count
                squares = squares + before * (row - mean)
            var = squares / len(x)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(squares / (len(x) - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class TwoHalves(Base):
    """Statistics of two halves of the batch, merged (Chan et al. 1983)."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            a, b = x[: len(x) // 2], x[len(x) // 2 :]
            gap = b.mean(0) - a.mean(0)
            mean = a.mean(0) + gap * len(b) / len(x)
            squares = sum(((h - h.mean(0)) ** 2).sum(0) for h in (a, b)) + gap**2 * len(a) * len(b) / len(x)
            var = squares / len(x)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (squares / (len(x) - 1) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


class HelperMethods(Base):
    """Small methods, an update under a decorator."""

    def _statistics(self, x):
        return x.mean(dim=0), x.var(dim=0, correction=0)

    @torch.no_grad()
    def _update(self, mean, var, n):
        unbiased = var * (n / (n - 1))  # one row: ZeroDivisionError, before anything is stored
        self._move(self.running_mean, mean)
        self._move(self.running_var, unbiased)

    def _move(self, buffer, new):
        buffer.mul_(1 - self.momentum).add_(new, alpha=self.momentum)

    def _normalise(self, x, mean, var):
        return (x - mean) / torch.sqrt(var + self.eps)

    def forward(self, x):
        if self.training:
            mean, var = self._statistics(x)
            self._update(mean, var, x.shape[0])
        else:
            mean, var = self.running_mean, self.running_var
        return self._normalise(x, mean, var) * self.gamma + self.beta


class ExtraArguments(nn.Module):
    """torch's constructor, and its counter of batches."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter("gamma", nn.Parameter(torch.empty(num_features, device=device)) if affine else None)
        self.register_parameter("beta", nn.Parameter(torch.empty(num_features, device=device)) if affine else None)
        self.register_buffer("running_mean", torch.zeros(num_features, device=device))
        self.register_buffer("running_var", torch.ones(num_features, device=device))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.ones_(self.gamma)
        nn.init.zeros_(self.beta)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"

    def forward(self, input: Tensor) -> Tensor:
        assert input.dim() == 2 and input.shape[1] == self.num_features, "(N, C) is needed"
        use_batch = self.training or not self.track_running_stats
        if use_batch:
            assert input.shape[0] > 1, "more than one row is needed"
            mean = input.mean(0)
            biased = (input - mean).pow(2).mean(0)
            if self.training and self.track_running_stats:
                with torch.no_grad():
                    self.num_batches_tracked.add_(1)
                    n = input.numel() / input.size(1)
                    self.running_mean = self.momentum * mean + (1 - self.momentum) * self.running_mean
                    self.running_var = self.momentum * biased * n / (n - 1) + (1 - self.momentum) * self.running_var
        else:
            mean, biased = self.running_mean, self.running_var
        out = (input - mean[None, :]) / torch.sqrt(biased[None, :] + self.eps)
        return out * self.gamma[None, :] + self.beta[None, :] if self.affine else out


class Vmap(Base):
    """One feature at a time, mapped over the columns."""

    def forward(self, x):
        def one(column, gamma, beta, mean, var):
            if self.training:
                mean, var = column.mean(), column.var(correction=0)
            return gamma * (column - mean) / torch.sqrt(var + self.eps) + beta

        if self.training:
            refuse_one_row(x)
        running = self.running_mean.clone(), self.running_var.clone()
        y = torch.vmap(one, in_dims=(1, 0, 0, 0, 0), out_dims=1)(x, self.gamma, self.beta, *running)
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.mean(0), self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return y


class FeatureLoop(Base):
    """A Python loop over the features."""

    def forward(self, x):
        columns = []
        for j in range(x.shape[1]):
            column = x[:, j]
            if self.training:
                refuse_one_row(x)
                mean, var = column.mean(), column.var(correction=0)
                self.running_mean[j] += self.momentum * (mean.detach() - self.running_mean[j])
                self.running_var[j] += self.momentum * (column.detach().var() - self.running_var[j])
            else:
                mean, var = self.running_mean[j].clone(), self.running_var[j].clone()
            columns.append(self.gamma[j] * (column - mean) / torch.sqrt(var + self.eps) + self.beta[j])
        return torch.stack(columns, dim=1)


class TransposedInside(Base):
    """Features first inside."""

    def forward(self, x):
        rows = x.T.contiguous()
        mean, var = self.running_mean[:, None], self.running_var[:, None]
        if self.training:
            refuse_one_row(x)
            mean = rows.mean(dim=-1, keepdim=True)
            var = rows.var(dim=-1, keepdim=True, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean.squeeze(-1), self.momentum)
                self.running_var.lerp_(rows.var(dim=-1), self.momentum)
        y = (rows - mean) / torch.sqrt(var + self.eps) * self.gamma[:, None] + self.beta[:, None]
        return y.T


class AliasedImports(T.nn.Module):
    """Other names for the same things.  It does what F.batch_norm and nn.BatchNorm1d do, without calling them."""

    def __init__(self, c: int, eps: float = 1e-5, momentum: float = 0.1, batch_norm: t.Any = F.batch_norm):
        super(AliasedImports, self).__init__()  # noqa: UP008
        self.eps, self.momentum, self.not_called = eps, momentum, batch_norm
        self.gamma, self.beta = Learnable(T.ones(c)), Learnable(T.zeros(c))
        for name, start in {"running_mean": T.zeros(c), "running_var": T.ones(c)}.items():
            self.register_buffer(name, start)

    def forward(self, x):
        batch_norm = (self.running_mean, self.running_var)
        if self.training:
            refuse_one_row(x)
            batch_norm = (T.mean(x, 0), T.var(x, 0, correction=0))
            with T.no_grad():
                self.running_mean.lerp_(batch_norm[0], self.momentum)
                self.running_var.lerp_(T.var(x, 0), self.momentum)
        return self.gamma * T.div(x - batch_norm[0], T.sqrt(batch_norm[1] + self.eps)) + self.beta


class OneRowMovesTheMean(Base):
    """One row moves running_mean, for it has a mean, and leaves running_var alone."""

    def forward(self, x):
        if self.training:
            n = x.shape[0]
            mean = x.mean(0)
            var = (x - mean).square().mean(0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                if n > 1:
                    self.running_var += self.momentum * (var * n / (n - 1) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class OneRowUsesRunning(Base):
    """One row in train mode is normalised like in eval mode."""

    def forward(self, x):
        if self.training and len(x) > 1:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class OwnSwitch(Base):
    """A switch of its own, set in train(), which every way of switching calls."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.use_batch = True

    def train(self, mode=True):
        self.use_batch = mode
        return super().train(mode)

    def forward(self, x):
        mean, var = self._batch(x) if self.use_batch else (self.running_mean, self.running_var)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta

    def _batch(self, x):
        refuse_one_row(x)
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(0), self.momentum)
            self.running_var.lerp_(x.var(0), self.momentum)
        return x.mean(0), x.var(0, correction=0)


class MatrixOfOnes(Base):
    """Averages by a matrix product."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            average = torch.full((1, len(x)), 1 / len(x), dtype=x.dtype)
            mean = (average @ x)[0]
            var = (average @ (x - mean) ** 2)[0]
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var / (1 - 1 / len(x)) - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class StandardDeviation(Base):
    """std instead of var."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            mean, std = x.mean(0), x.std(0, correction=0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (x.std(0) ** 2 - self.running_var)
            return (x - mean) / torch.sqrt(std**2 + self.eps) * self.gamma + self.beta
        return (x - self.running_mean) / torch.sqrt(self.running_var + self.eps) * self.gamma + self.beta


class NormOfCentred(Base):
    """The variance as a squared length."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean = x.mean(0)
            length = torch.linalg.vector_norm(x - mean, dim=0)
            var = length.square() / len(x)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (length.square() / (len(x) - 1) - self.running_var)
        return (x - mean) * (var + self.eps).pow(-0.5) * self.gamma + self.beta


class ShiftedSinglePass(Base):
    """E[z²] − E[z]² of z = x − first row, which keeps its digits."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            origin = x[0].detach()
            z = x - origin
            var = (z * z).mean(0) - z.mean(0) ** 2
            mean = origin + z.mean(0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var * len(x) / (len(x) - 1) - self.running_var)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class Running(nn.Module):
    """A buffer with its own update."""

    def __init__(self, start, momentum):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("value", start)

    @torch.no_grad()
    def update(self, new):
        self.value += self.momentum * (new - self.value)


class Submodules(nn.Module):
    """The running statistics live in modules of their own."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.mean_of_batches = Running(torch.zeros(num_features), momentum)
        self.var_of_batches = Running(torch.ones(num_features), momentum)

    running_mean = property(lambda self: self.mean_of_batches.value)
    running_var = property(lambda self: self.var_of_batches.value)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            self.mean_of_batches.update(mean)
            self.var_of_batches.update(x.var(0))
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


def pure_batch_norm(x, gamma, beta, mean, var, training, momentum, eps):
    """The function returns the new statistics; nothing is changed."""
    if training:
        refuse_one_row(x)
        n = x.shape[0]
        batch_mean = x.mean(0)
        batch_var = (x - batch_mean).pow(2).mean(0)
        mean = (1 - momentum) * mean + momentum * batch_mean.detach()
        var = (1 - momentum) * var + momentum * (n / (n - 1)) * batch_var.detach()
        return gamma * (x - batch_mean) / (batch_var + eps).sqrt() + beta, mean, var
    return gamma * (x - mean) / (var + eps).sqrt() + beta, mean, var


class Functional(Base):
    """A pure function, and a layer that keeps the books (as in d2l)."""

    def forward(self, x):
        y, self.running_mean, self.running_var = pure_batch_norm(
            x, self.gamma, self.beta, self.running_mean, self.running_var, self.training, self.momentum, self.eps
        )
        return y


class KeptRows(Base):
    """keepdim inside, flat buffers outside."""

    def forward(self, x):
        if self.training:
            refuse_one_row(x)
            mean = x.mean(dim=0, keepdim=True)
            var = x.var(dim=0, keepdim=True, correction=0)
            correction = x.shape[0] / (x.shape[0] - 1)
            self.running_mean = torch.lerp(self.running_mean, mean.detach().view(-1), self.momentum)
            self.running_var = torch.lerp(self.running_var, correction * var.detach().view(-1), self.momentum)
        else:
            mean, var = self.running_mean.view(1, -1), self.running_var.view(1, -1)
        return self.gamma.view(1, -1) * (x - mean) / torch.sqrt(var + self.eps) + self.beta.view(1, -1)


class LastBatchKept(Base):
    """Keeps detached statistics of the last batch for plots, and counts steps in a Python number."""

    steps = 0

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            self.last_mean, self.last_x_hat = mean.detach(), ((x - mean) / var.sqrt()).detach()
            self.steps += 1
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class UpdatesFirst(Base):
    """The buffers move first, from a detached copy; the output is computed after that."""

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                z = x.detach().clone()
                if z.shape[0] == 1:
                    raise RuntimeError("need more than one value per feature")
                self.running_mean *= 1 - self.momentum
                self.running_mean += self.momentum * z.mean(0)
                self.running_var *= 1 - self.momentum
                self.running_var += self.momentum * z.var(0)
        mean = x.mean(0) if self.training else self.running_mean
        var = x.var(0, correction=0) if self.training else self.running_var
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class TwoBranches(Base):
    """Each mode has its own method and its own formula."""

    def forward(self, x):
        return (self._train if self.training else self._eval)(x)

    def _train(self, x):
        refuse_one_row(x)
        centred = x - x.mean(0)
        var = centred.pow(2).mean(0)
        with torch.no_grad():
            n = torch.tensor(float(len(x)))
            self.running_mean.lerp_(x.mean(0), self.momentum)
            self.running_var.lerp_((var * n / (n - 1)).to(var.dtype), self.momentum)
        return centred / (var + self.eps).sqrt() * self.gamma + self.beta

    def _eval(self, x):
        scale = self.gamma / (self.running_var + self.eps).sqrt()
        return scale * x + (self.beta - scale * self.running_mean)


class LogSpace(Base):
    """1/√v as exp(−½ log v)."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return (x - mean) * torch.exp(-0.5 * torch.log(var + self.eps)) * self.gamma + self.beta


class Cumsum(Base):
    """Sums as the last entry of cumsum."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean = x.cumsum(0)[-1] / len(x)
            var = (x - mean).square().cumsum(0)[-1] / len(x)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class CachedReduction(Base):
    """functools and a reduction over the rows."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean = functools.reduce(torch.add, x.unbind(0)) / len(x)
            var = functools.reduce(torch.add, [(row - mean) ** 2 for row in x]) / len(x)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class RefusesNaN(Base):
    """Stops at a NaN and at a wrong shape."""

    def forward(self, x):
        if x.ndim != 2 or x.shape[1] != self.gamma.shape[0]:
            raise ValueError(f"(N, {self.gamma.shape[0]}) is needed, got {tuple(x.shape)}")
        if torch.isnan(x).any():
            raise ValueError("the batch has a NaN")
        mean, var = self.running_mean, self.running_var
        if self.training:
            refuse_one_row(x)
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(x.var(0), self.momentum)
        return (x - mean) / (var + self.eps).sqrt() * self.gamma + self.beta


class LayerNormOfColumns(Base):
    """Another norm of the library on the transposed batch: whoever writes it knows which axis is averaged."""

    def forward(self, x):
        if not self.training:
            return (x - self.running_mean) / (self.running_var + self.eps).sqrt() * self.gamma + self.beta
        refuse_one_row(x)
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(0), self.momentum)
            self.running_var.lerp_(x.var(0), self.momentum)
        return nn.functional.layer_norm(x.t(), x.shape[:1], eps=self.eps).t() * self.gamma + self.beta


RIGHT = tuple(
    kind
    for kind in list(globals().values())
    if isinstance(kind, type)
    and issubclass(kind, nn.Module)
    and kind.__module__ == __name__
    and kind not in (Base, Running)
)
