# ruff: noqa: E501  (the lines of a layer stand in one string)
"""Right but unusual ways to write the layers of notebook 05: every check has to pass for each."""

import torch
from torch import nn

from helpers.exercises.answers.norms import BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from helpers.judge.variant import variant

BN_VAR = "var = ((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))"
BN_MEAN = "mean = x.mean(dim=(0, 2, 3))"
BN_HAT = "x_hat = (x - mean[:, None, None]) / torch.sqrt(var + self.eps)[:, None, None]"
BN_OUT = "return self.gamma[:, None, None] * x_hat + self.beta[:, None, None]"
BN_UPDATE = "self.running_mean += self.momentum * (mean - self.running_mean)"
BN_UPDATE_VAR = "self.running_var += self.momentum * (unbiased - self.running_var)"
LN_MEAN = "mean = x.mean(dim=self.dims, keepdim=True)"
LN_VAR = "var = ((x - mean) ** 2).mean(dim=self.dims, keepdim=True)"
LN_HAT = "x_hat = (x - mean) / torch.sqrt(var + self.eps)"
LN_SHAPE = "shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)"
GN_GROUPS = "groups = x.reshape(x.shape[0], self.num_groups, -1)"
GN_MEAN = "mean = groups.mean(dim=2, keepdim=True)"
GN_VAR = "var = ((groups - mean) ** 2).mean(dim=2, keepdim=True)"
GN_HAT = "x_hat = ((groups - mean) / torch.sqrt(var + self.eps)).reshape(x.shape)"
GN_OUT = "return self.gamma.view(per_channel) * x_hat + self.beta.view(per_channel)"
RMS_SQUARE = "mean_square = (x.to(dtype) ** 2).mean(dim=self.dims, keepdim=True)"
RMS_OUT = "return self.gamma * (x / torch.sqrt(mean_square + eps)).to(x.dtype)"
RMS_OWN_DTYPE = (RMS_SQUARE, "mean_square = (x**2).mean(dim=self.dims, keepdim=True)")


class Flat2d(nn.Module):
    """Rows of channels, and everything that is remembered under names of its own as well."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        rows = x.movedim(1, -1).reshape(-1, x.size(1))
        if self.training:
            if len(rows) == 1:
                raise ValueError("one value for each channel")
            var, mean = torch.var_mean(rows, dim=0, correction=0)
            self.num_batches_tracked += 1
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * len(rows) / (len(rows) - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        y = self.gamma * (rows - mean) * torch.rsqrt(var + self.eps) + self.beta
        return y.view(x.shape[0], *x.shape[2:], -1).movedim(-1, 1)


class Einsum2d(Flat2d):
    """Statistics of shape (1, C, 1, 1) on the way, one line for the output."""

    def forward(self, x):
        def wide(v):
            return v.view(1, -1, 1, 1)

        mean, var = wide(self.running_mean), wide(self.running_var)
        if self.training:
            n = x[:, 0].numel()
            mean = x.mean((0, 2, 3), keepdim=True)
            var = (x - mean).square().mean((0, 2, 3), keepdim=True)
            if n > 1:
                with torch.no_grad():
                    self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean.flatten())
                    self.running_var.mul_(1 - self.momentum).add_(self.momentum * var.flatten() * n / (n - 1))
        scale = wide(self.gamma) / torch.sqrt(var + self.eps)
        return (x - mean) * scale + wide(self.beta)


RIGHT_2D = {
    "flat": Flat2d,
    "wide": Einsum2d,
    "var": variant(BatchNorm2d, (BN_VAR, "var = x.var(dim=(0, 2, 3), unbiased=False)")),
    "flattened statistics": variant(
        BatchNorm2d,
        (BN_MEAN, "mean = x.transpose(0, 1).flatten(1).mean(1)"),
        (BN_VAR, "var = x.transpose(0, 1).flatten(1).var(1, correction=0)"),
    ),
    "mean of means": variant(BatchNorm2d, (BN_MEAN, "mean = x.mean(3).mean(2).mean(0)")),
    "power": variant(
        BatchNorm2d,
        (BN_HAT, "x_hat = (x - mean[None, :, None, None]) * ((var + self.eps) ** -0.5).reshape(1, -1, 1, 1)"),
    ),
    "out of place": variant(
        BatchNorm2d,
        (BN_UPDATE, "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean"),
        (BN_UPDATE_VAR, "self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased"),
    ),
    "detached update": variant(
        BatchNorm2d,
        ("with torch.no_grad():", "if True:"),
        ("unbiased = var * n / (n - 1)", "unbiased = x.detach().var(dim=(0, 2, 3))"),
        ("(mean - self.running_mean)", "(mean.detach() - self.running_mean)"),
    ),
    "channels last": variant(
        BatchNorm2d, (BN_OUT, "return (x_hat.movedim(1, -1) * self.gamma + self.beta).movedim(-1, 1)")
    ),
    "addcmul": variant(
        BatchNorm2d, (BN_OUT, "return torch.addcmul(self.beta.view(-1, 1, 1), self.gamma.view(-1, 1, 1), x_hat)")
    ),
}


class LoopedLayerNorm(nn.Module):
    """Every block by itself."""

    def __init__(self, normalized_shape, eps=1e-5):
        super().__init__()
        self.size = torch.Size([normalized_shape] if isinstance(normalized_shape, int) else normalized_shape)
        self.gamma, self.beta = nn.Parameter(torch.ones(self.size)), nn.Parameter(torch.zeros(self.size))
        self.eps = eps

    def forward(self, x):
        blocks = x.reshape(-1, self.size.numel())
        done = [(b - b.mean()) / (b.var(correction=0) + self.eps).sqrt() for b in blocks]
        return torch.stack(done).reshape(x.shape) * self.gamma + self.beta


RIGHT_LAYER = {
    "looped": LoopedLayerNorm,
    "var": variant(LayerNorm, (LN_VAR, "var = x.var(self.dims, unbiased=False, keepdim=True)")),
    "var_mean": variant(
        LayerNorm, (LN_MEAN, "var, mean = torch.var_mean(x, self.dims, correction=0, keepdim=True)"), (LN_VAR, "pass")
    ),
    "rsqrt": variant(LayerNorm, (LN_HAT, "x_hat = (x - mean).mul(torch.rsqrt(var + self.eps))")),
    "flattened": variant(
        LayerNorm,
        (
            LN_MEAN,
            "rows = x.flatten(x.ndim - len(self.dims))\n        wide = rows.shape[:-1] + (1,) * len(self.dims)\n        mean = rows.mean(-1).view(wide)",
        ),
    ),
    "positive dims": variant(
        LayerNorm,
        (
            LN_MEAN,
            "dims = tuple(range(x.dim() - self.gamma.dim(), x.dim()))\n        mean = x.mean(dims, keepdim=True)",
        ),
    ),
    "torch.ones of ints": variant(
        LayerNorm,
        (
            LN_SHAPE,
            "shape = (int(normalized_shape),) if not hasattr(normalized_shape, '__len__') else tuple(int(s) for s in normalized_shape)",
        ),
    ),
    "sums": variant(
        LayerNorm,
        (LN_MEAN, "n = self.gamma.numel()\n        mean = x.sum(self.dims, keepdim=True) / n"),
        (LN_VAR, "var = (x - mean).square().sum(self.dims, keepdim=True) / n"),
    ),
    "half upcast": variant(
        LayerNorm,
        (LN_MEAN, f"given = x.dtype\n        x = x if given == torch.float64 else x.float()\n        {LN_MEAN}"),
        (LN_HAT, f"{LN_HAT}\n        x_hat = x_hat.to(given)"),
    ),
    "corrected": variant(
        LayerNorm, (LN_VAR, "n = self.gamma.numel()\n        var = x.var(self.dims, keepdim=True) * (n - 1) / n")
    ),
}

RIGHT_GROUP = {
    "five dims": variant(
        GroupNorm,
        (
            GN_GROUPS,
            "groups = x.reshape(x.shape[0], self.num_groups, x.shape[1] // self.num_groups, *x.shape[2:])\n        dims = tuple(range(2, groups.ndim))",
        ),
        (GN_MEAN, "mean = groups.mean(dims, keepdim=True)"),
        (GN_VAR, "var = ((groups - mean) ** 2).mean(dims, keepdim=True)"),
    ),
    "var": variant(GroupNorm, (GN_VAR, "var = groups.var(2, keepdim=True, correction=0)")),
    "merged with the batch": variant(GroupNorm, (GN_GROUPS, "groups = x.reshape(len(x) * self.num_groups, 1, -1)")),
    "chunks": variant(
        GroupNorm,
        (
            GN_HAT,
            "parts = [(c - c.mean(tuple(range(1, c.ndim)), keepdim=True)) / torch.sqrt(c.var(tuple(range(1, c.ndim)), correction=0, keepdim=True) + self.eps) for c in x.chunk(self.num_groups, 1)]\n        x_hat = torch.cat(parts, 1)",
        ),
    ),
    "channels last": variant(
        GroupNorm, (GN_OUT, "return (x_hat.transpose(1, -1) * self.gamma + self.beta).transpose(1, -1)")
    ),
    "refuses in forward": variant(
        GroupNorm,
        ("if num_channels % num_groups:", "if False:"),
        (GN_GROUPS, f"if x.shape[1] % self.num_groups:\n            raise ValueError('groups')\n        {GN_GROUPS}"),
    ),
    "flatten": variant(GroupNorm, (GN_GROUPS, "groups = x.flatten(1).unflatten(1, (self.num_groups, -1))")),
    "rsqrt": variant(GroupNorm, (GN_HAT, "x_hat = ((groups - mean) * (var + self.eps).rsqrt()).view_as(x)")),
    "divmod": variant(GroupNorm, ("if num_channels % num_groups:", "if divmod(num_channels, num_groups)[1] != 0:")),
    "unsqueezed": variant(
        GroupNorm, ("per_channel = (-1,) + (1,) * (x.ndim - 2)", "per_channel = [1, -1] + [1] * (x.dim() - 2)")
    ),
}

RIGHT_RMS = {
    "rsqrt": variant(RMSNorm, RMS_OWN_DTYPE, (RMS_OUT, "return x * torch.rsqrt(mean_square + eps) * self.gamma")),
    "pow": variant(RMSNorm, (RMS_SQUARE, "mean_square = x.pow(2).mean(self.dims, keepdim=True)")),
    "norm": variant(
        RMSNorm,
        (
            RMS_SQUARE,
            "mean_square = torch.linalg.vector_norm(x, dim=self.dims, keepdim=True) ** 2 / self.gamma.numel()",
        ),
    ),
    "half upcast": variant(
        RMSNorm,
        (RMS_SQUARE, f"given = x.dtype\n        x = x.to(dtype)\n        {RMS_SQUARE}"),
        (RMS_OUT, "return self.gamma * (x / torch.sqrt(mean_square + eps)).to(given)"),
    ),
    "all upcast to float64": variant(
        RMSNorm,
        (RMS_SQUARE, f"given, x = x.dtype, x.double()\n        {RMS_SQUARE}"),
        (RMS_OUT, "return (self.gamma.double() * (x / torch.sqrt(mean_square + eps))).to(given)"),
    ),
    "chosen by size": variant(
        RMSNorm,
        (
            "dtype = torch.float64 if x.dtype == torch.float64 else torch.float32",
            "dtype = torch.promote_types(x.dtype, torch.float32)",
        ),
    ),
    "sums": variant(RMSNorm, (RMS_SQUARE, "mean_square = (x * x).sum(self.dims, keepdim=True) / self.gamma.numel()")),
    "flattened": variant(
        RMSNorm,
        (
            RMS_SQUARE,
            "rows = x.reshape(-1, self.gamma.numel())\n        mean_square = rows.square().mean(-1).reshape(x.shape[:x.ndim - len(self.dims)] + (1,) * len(self.dims))",
        ),
    ),
    "gamma last": variant(RMSNorm, RMS_OWN_DTYPE, (RMS_OUT, "return x / torch.sqrt(mean_square + eps) * self.gamma")),
    "gamma in the quotient": variant(
        RMSNorm, RMS_OWN_DTYPE, (RMS_OUT, "return self.gamma * x / (mean_square + eps).sqrt()")
    ),
}

RIGHT = {"batchnorm2d": RIGHT_2D, "layernorm": RIGHT_LAYER, "groupnorm": RIGHT_GROUP, "rmsnorm": RIGHT_RMS}
