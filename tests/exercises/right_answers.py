"""Right answers to the exercises of notebooks 00, 01, 03 and 04, in the styles in which people write them."""

import copy
import io
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import cross_entropy

from helpers.exercises.answers.paper import read_figure_3

RIGHT = {}
"""Exercise id -> functions."""


def right(id):
    def keep(function):
        RIGHT.setdefault(id, []).append(function)
        return function

    return keep


# --- 00


@right("feature_statistics")
def correction(x):
    return x.mean(0), x.var(0, correction=0)


@right("feature_statistics")
def var_mean(x):
    variance, mean = torch.var_mean(x, dim=0, unbiased=False)
    return mean, variance


@right("feature_statistics")
def sums(x):
    n = x.shape[0]
    mean = sum(x) / n
    return mean, sum((row - mean) ** 2 for row in x) / n


@right("feature_statistics")
def column_by_column(x):
    means, variances = [], []
    for column in x.T:
        means.append(column.mean())
        variances.append(((column - column.mean()) ** 2).sum() / len(column))
    return [torch.stack(means), torch.stack(variances)]


@right("feature_statistics")
def squares_minus_square(x):
    mean = x.mean(dim=0)
    return mean, (x**2).mean(dim=0) - mean**2


@right("feature_statistics")
def numpy_statistics(x):
    return torch.from_numpy(x.numpy().mean(axis=0)), torch.from_numpy(x.numpy().var(axis=0))


# --- 01


@right("algorithm_1")
def scale_and_shift(x, gamma, beta, eps):
    var, mean = torch.var_mean(x, dim=0, correction=0)
    scale = gamma * torch.rsqrt(var + eps)
    return x * scale + (beta - mean * scale)


@right("algorithm_1")
def keepdims(x, gamma, beta, eps):
    mu = x.mean(0, keepdim=True)
    centred = x - mu
    return gamma * centred / (centred.pow(2).mean(0, keepdim=True) + eps).sqrt() + beta


@right("algorithm_1")
def column_loop(x, gamma, beta, eps):
    columns = []
    for c in range(x.shape[1]):
        column = x[:, c]
        var = ((column - column.mean()) ** 2).sum() / len(column)
        columns.append(gamma[c] * (column - column.mean()) / (var + eps) ** 0.5 + beta[c])
    return torch.stack(columns, dim=1)


@right("algorithm_1")
def averaging_matrix(x, gamma, beta, eps):
    average = torch.full((1, len(x)), 1 / len(x), dtype=x.dtype)
    centred = x - average @ x
    return torch.addcmul(beta, gamma, centred / torch.sqrt(average @ centred**2 + eps))


@right("algorithm_1")
def in_place_on_a_copy(x, gamma, beta, eps):
    y = x - x.mean(dim=0)
    y = y / torch.sqrt(torch.mean(torch.square(y), dim=0) + eps)
    y = y * gamma
    y += beta
    return y


@right("algorithm_2")
def unbiased_by_sums(batch_means, batch_variances, m, gamma, beta, eps):
    var = batch_variances.sum(0) * m / (len(batch_variances) * (m - 1))
    scale = gamma * (var + eps).rsqrt()
    return [scale, beta - scale * batch_means.sum(0) / len(batch_means)]


@right("algorithm_2")
def in_one_row(batch_means, batch_variances, m, gamma, beta, eps):
    mean, var = batch_means.mean(0, keepdim=True), batch_variances.mean(0, keepdim=True) * (1 + 1 / (m - 1))
    std = (var + eps) ** 0.5
    return gamma / std, (beta * std - gamma * mean) / std


@right("algorithm_2")
def from_two_outputs(batch_means, batch_variances, m, gamma, beta, eps):
    mean, var = torch.mean(batch_means, 0), torch.mean(batch_variances / (1 - 1 / m), 0)

    def layer(x):
        return F.batch_norm(x, mean, var, gamma, beta, training=False, eps=eps)

    shift = layer(torch.zeros(1, 3).double())[0]
    return layer(torch.ones(1, 3).double())[0] - shift, shift


@right("algorithm_2")
def by_hand_over_batches(batch_means, batch_variances, m, gamma, beta, eps):
    mean, var = torch.zeros_like(gamma), torch.zeros_like(gamma)
    for one_mean, one_var in zip(batch_means, batch_variances, strict=True):
        mean += one_mean / len(batch_means)
        var += one_var / len(batch_variances)
    var *= m / (m - 1)
    return gamma / torch.sqrt(var + eps), beta - gamma * mean / torch.sqrt(var + eps)


@right("algorithm_2")
def numpy_line_11(batch_means, batch_variances, m, gamma, beta, eps):
    mean, var = batch_means.numpy().mean(0), batch_variances.numpy().mean(0) * m / (m - 1)
    scale = gamma.numpy() / np.sqrt(var + eps)
    return torch.from_numpy(scale), torch.from_numpy(beta.numpy() - mean * scale)


@right("identity")
def kept_dimension(x, eps):
    return (x.var(0, correction=0, keepdim=True) + eps).sqrt(), x.mean(0, keepdim=True)


@right("identity")
def by_var_mean(x, eps):
    var, mean = torch.var_mean(x, dim=0, unbiased=False)
    return (var + eps) ** 0.5, mean


@right("identity")
def as_a_list(x, eps):
    return [torch.sqrt(x.var(dim=0, correction=0) + eps), x.mean(dim=0)]


@right("identity")
def by_columns(x, eps):
    means = torch.tensor([column.mean() for column in x.T])
    variances = torch.tensor([column.var(correction=0) for column in x.T])
    return (variances + eps).sqrt(), means


@right("identity")
def by_numpy(x, eps):
    x = x.numpy()
    return torch.tensor(np.sqrt(x.var(axis=0) + eps)), torch.tensor(x.mean(axis=0))


@right("variance_after")
def one_over(var, eps):
    return 1 / (1 + eps / var)


@right("variance_after")
def one_minus(var, eps):
    return 1 - eps / (var + eps)


@right("variance_after")
def squared_ratio(var, eps):
    return (var.sqrt() / torch.sqrt(var + eps)) ** 2


@right("variance_after")
def element_by_element(var, eps):
    return torch.tensor([v / (v + eps) for v in var.tolist()], dtype=var.dtype)


@right("weight_scale")
def plain_numbers(run, W, a):
    before, after = run(W), run(W * a)
    return [(after[0] - before[0]).abs().max().item(), (after[1].norm() / before[1].norm()).item()]


@right("weight_scale")
def linalg(run, W, a):
    (y, g), (y_a, g_a) = run(W), run(torch.mul(W, a))
    return torch.linalg.vector_norm(y_a - y, ord=float("inf")), torch.linalg.norm(g_a) / torch.linalg.norm(g)


@right("weight_scale")
def scaled_first(run, W, a):
    scaled = W.clone()
    scaled *= a
    y_a, g_a = run(scaled)
    y, g = run(W)
    return torch.max(torch.abs(y - y_a)), torch.sqrt((g_a**2).sum() / (g**2).sum())


@right("weight_scale")
def in_numpy(run, W, a):
    y, g = (t.numpy() for t in run(W))
    y_a, g_a = (t.numpy() for t in run(a * W))
    return np.abs(y_a - y).max(), np.linalg.norm(g_a) / np.linalg.norm(g)


@right("figure_3")
def as_quoted(table):
    quoted = {"bn_alone": 2.3, "bn_x5": 14, "bn_x30": 11.5, "rest": 6, "points_of_bn_alone": 0.5}
    return read_figure_3(table) | quoted


@right("figure_3")
def searched(table):
    base = table["Inception"]
    reached = {name: row["steps"] for name, row in table.items() if row["steps"] is not None}
    speed = {name: base["steps"] / steps for name, steps in reached.items()}
    return dict(
        bn_alone=speed["BN-Baseline"],
        bn_x5=speed["BN-x5"],
        bn_x30=speed["BN-x30"],
        rest=speed["BN-x5"] / speed["BN-Baseline"],
        isolates_bn=next(name for name, row in table.items() if row["changes"] == ("batch normalization",)),
        fastest=min(reached, key=reached.get),
        most_accurate=max(table, key=lambda name: table[name]["accuracy"]),
        changes_in_bn_x5=len(table["BN-x5"]["changes"]),
        points_of_bn_alone=table["BN-Baseline"]["accuracy"] - base["accuracy"],
    )


@right("figure_3")
def with_more_keys(table):
    return read_figure_3(table) | {"note": "one run each"}


@right("figure_3")
def rounded(table):
    found = read_figure_3(table)
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in found.items()}


# --- 03


@right("make_mlp")
class Functional(nn.Module):
    """Own module, ReLU as a function, parts defined in another order."""

    def __init__(self, widths, norm=None):
        super().__init__()
        self.head = nn.Linear(*widths[-2:])
        pairs = list(pairwise(widths[:-1]))
        self.norms = nn.ModuleList(norm(b) for _, b in pairs) if norm else None
        self.linears = nn.ModuleList(nn.Linear(a, b, bias=not norm) for a, b in pairs)

    def forward(self, x):
        for i, linear in enumerate(self.linears):
            x = linear(x) if self.norms is None else self.norms[i](linear(x))
            x = x.clamp(min=0)
        return self.head(x)


@right("make_mlp")
def nested(widths, norm=None):
    def block(a, b):
        if norm is None:
            return nn.Sequential(nn.Linear(a, b), nn.ReLU(inplace=True))
        return nn.Sequential(nn.Linear(a, b, bias=False), norm(b), nn.ReLU(inplace=True))

    blocks = [block(a, b) for a, b in pairwise(widths[:-1])]
    return nn.Sequential(*blocks, nn.Linear(widths[-2], widths[-1]))


@right("make_mlp")
def by_index(widths, norm=None):
    net = nn.Sequential()
    for i in range(len(widths) - 1):
        hidden = i < len(widths) - 2
        net.append(nn.Linear(widths[i], widths[i + 1], bias=not (hidden and norm is not None)))
        if hidden and norm:
            net.append(norm(widths[i + 1]))
        if hidden:
            net.append(nn.ReLU())
    return net


@right("make_mlp")
def last_removed(widths, norm=None):
    layers = []
    for a, b in pairwise(widths):
        layers += [
            nn.Linear(a, b, bias=norm is None or b is widths[-1]),
            norm(b) if norm and b is not widths[-1] else None,
        ]
        layers.append(nn.ReLU())
    return nn.Sequential(*[layer for layer in layers[:-1] if layer is not None])


@right("count_parameters")
def counted_by_index(widths, norm):
    hidden = range(len(widths) - 2)
    weights = sum(widths[i] * widths[i + 1] for i in range(len(widths) - 1))
    return weights + sum(widths[i + 1] for i in hidden) * (2 if norm else 1) + widths[-1]


@right("count_parameters")
def counted_on_a_net(widths, norm):
    net = nested(widths, nn.BatchNorm1d if norm else None)
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


@right("count_parameters")
def counted_in_parts(widths, norm):
    *body, out = widths
    total = torch.tensor((body[-1] + 1) * out)
    for a, b in pairwise(body):
        total += a * b + b + (b if norm else 0)
    return total


@right("count_parameters")
def counted_by_numpy(widths, norm):
    w = np.array(widths)
    return (w[:-1] * w[1:]).sum() + w[1:].sum() + (w[1:-1].sum() if norm else 0)


# --- 04


def layers_of(model):
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]


def in_collecting_mode(model):
    modes = {m: m.training for m in model.modules()}
    model.eval()
    for layer in layers_of(model):
        layer.train()
    return modes


def restore(modes):
    for module, training in modes.items():
        module.training = training


@right("reestimate_statistics")
@torch.no_grad()
def reestimate_with_hooks(model, batches):
    """Hooks collect what each layer is fed; then the statistics of all rows at once."""
    fed = {layer: [] for layer in layers_of(model)}
    modes = in_collecting_mode(model)
    hooks = [layer.register_forward_pre_hook(lambda m, x: fed[m].append(x[0])) for layer in fed]
    for x in batches:
        model(x)
    for hook in hooks:
        hook.remove()
    for layer, rows in fed.items():
        layer.running_mean, layer.running_var = torch.cat(rows).mean(0), torch.cat(rows).var(0)
    restore(modes)


@right("reestimate_statistics")
def reestimate_with_sums(model, batches):
    """Sums of x and of squared deviations, joined batch by batch (Chan)."""
    state = {layer: (0, 0.0, 0.0) for layer in layers_of(model)}

    def look(layer, inputs):
        x = inputs[0].detach()
        n, mean, squares = state[layer]
        m, gap = len(x), x.mean(0) - mean
        squares = squares + ((x - x.mean(0)) ** 2).sum(0) + gap**2 * n * m / (n + m)
        state[layer] = n + m, mean + gap * m / (n + m), squares

    hooks = [layer.register_forward_pre_hook(look) for layer in state]
    modes = in_collecting_mode(model)
    with torch.no_grad():
        for x in list(batches):
            model(x)
    for hook in hooks:
        hook.remove()
    for layer, (n, mean, squares) in state.items():
        layer.running_mean.data = mean
        layer.running_var.data = squares / (n - 1)
    restore(modes)


@right("reestimate_statistics")
def reestimate_with_a_copy(model, batches):
    """The copy collects, so the model's modes never change."""
    twin = copy.deepcopy(model)
    in_collecting_mode(twin)
    found = [[] for _ in layers_of(twin)]
    for layer in layers_of(twin):
        layer.momentum = 1
    with torch.inference_mode():
        for x in batches:
            twin(x)
            for kept, layer in zip(found, layers_of(twin), strict=True):
                kept.append((len(x), layer.running_mean.clone(), layer.running_var.clone()))
    for kept, layer in zip(found, layers_of(model), strict=True):
        total = sum(n for n, _, _ in kept)
        mean = sum(n * m for n, m, _ in kept) / total
        inside = sum((n - 1) * v for n, _, v in kept)
        between = sum(n * (m - mean) ** 2 for n, m, _ in kept)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_((inside + between) / (total - 1))


@right("reestimate_statistics")
@torch.no_grad()
def reestimate_by_overriding(model, batches):
    """Each layer's forward is replaced while the batches pass."""
    modes, fed = in_collecting_mode(model), {layer: [] for layer in layers_of(model)}
    for layer in fed:
        layer.forward = lambda x, layer=layer: (fed[layer].append(x), type(layer).forward(layer, x))[1]
    for x in batches:
        model(x)
    for layer, rows in fed.items():
        del layer.forward
        layer.running_mean.copy_(torch.cat(rows).mean(0))
        layer.running_var.copy_(torch.cat(rows).var(0))
    restore(modes)


@right("reestimate_statistics")
@torch.no_grad()
def reestimate_by_merging(model, batches):
    """Chan's way: the rows so far and the next batch are merged; one layer's buffers hold what is known."""
    modes, momenta, known = in_collecting_mode(model), {}, {}
    for layer in layers_of(model):
        momenta[layer], layer.momentum = layer.momentum, 1.0
    for x in batches:
        model(x)
        for layer in momenta:
            n, mean, squares = known.get(layer, (0, 0.0, 0.0))
            m, delta = len(x), layer.running_mean - mean
            known[layer] = (
                n + m,
                mean + delta * m / (n + m),
                squares + layer.running_var * (m - 1) + delta**2 * n * m / (n + m),
            )
    for layer, (n, mean, squares) in known.items():
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(squares / (n - 1))
        layer.momentum = momenta[layer]
    restore(modes)


@right("freeze_batchnorm")
def freeze_for_good(model):
    """The layer no longer listens to train()."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.training = False
            module.train = lambda mode=True, module=module: module
            module.weight.requires_grad = module.bias.requires_grad = False


@right("freeze_batchnorm")
def freeze_by_apply(model):
    model.apply(lambda m: m.eval().requires_grad_(False) if isinstance(m, nn.BatchNorm1d) else None)


@right("freeze_batchnorm")
def freeze_recursively(model):
    if isinstance(model, nn.BatchNorm1d):
        model.train(False)
        for p in model.parameters():
            p.requires_grad = False
    for child in model.children():
        freeze_recursively(child)


@right("freeze_batchnorm")
def freeze_named(model):
    for _, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            for name in ("weight", "bias"):
                getattr(module, name).requires_grad_(False)
                getattr(module, name).grad = None


@right("freeze_batchnorm")
def freeze_in_two_passes(model):
    norms = [m for m in model.modules() if type(m) is nn.BatchNorm1d]
    for norm in norms:
        norm.training = False
    for parameter in (p for norm in norms for p in norm.parameters()):
        parameter.requires_grad = False


@right("scores")
def scores_restoring_the_mode(model, x):
    was = model.training
    with torch.inference_mode():
        y = model.eval()(x).clone()
    model.train(was)
    return y


@right("scores")
@torch.no_grad()
def scores_decorated(model, x):
    model.train(False)
    return model.forward(x)


@right("scores")
def scores_detached(model, x):
    model.eval()
    return model(x).detach()


@right("scores")
def scores_of_a_copy(model, x):
    twin = copy.deepcopy(model).eval()
    with torch.no_grad():
        return torch.cat([twin(row[None]) for row in x])


@right("scores")
def scores_then_train_again(model, x):
    try:
        model.eval()
        with torch.no_grad():
            return model(x)
    finally:
        model.train()


def step(model, optimiser, x, y):
    loss = cross_entropy(model(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


@right("train_and_validate")
def validates_then_trains_on(model, batches, held_out, epochs, lr):
    optimiser, history = torch.optim.SGD(model.parameters(), lr), []
    model.train()
    for _ in range(epochs):
        for batch in batches:
            step(model, optimiser, *batch)
        model.eval()
        with torch.no_grad():
            history += [float(cross_entropy(model(held_out[0]), held_out[1]))]
        model.train()
    return history


@right("train_and_validate")
def validates_a_copy(model, batches, held_out, epochs, lr):
    optimiser, history = torch.optim.SGD(model.parameters(), lr), []
    for _ in range(epochs):
        model.train()
        for batch in batches:
            step(model, optimiser, *batch)
        history.append(cross_entropy(copy.deepcopy(model).eval()(held_out[0]), held_out[1]).item())
    return history


@right("train_and_validate")
def train_in_the_batch_loop(model, batches, held_out, epochs, lr):
    optimiser, losses = torch.optim.SGD(model.parameters(), lr), torch.zeros(epochs)
    for epoch in range(epochs):
        for x, y in batches:
            model.train()
            optimiser.zero_grad()
            F.nll_loss(model(x).log_softmax(1), y).backward()
            optimiser.step()
        with torch.inference_mode():
            losses[epoch] = nn.CrossEntropyLoss()(model.eval()(held_out[0]), held_out[1])
    return losses.tolist()


@right("train_and_validate")
def by_hand(model, batches, held_out, epochs, lr):
    def validate():
        model.eval()
        with torch.no_grad():
            return cross_entropy(model(held_out[0]), held_out[1]).item()

    def train():
        model.train()
        for x, y in batches:
            gradients = torch.autograd.grad(cross_entropy(model(x), y), list(model.parameters()))
            with torch.no_grad():
                for p, g in zip(model.parameters(), gradients, strict=True):
                    p -= lr * g
        return validate()

    return [train() for _ in range(epochs)]


@right("train_and_validate")
def with_two_functions_and_closures(model, batches, held_out, epochs, lr):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)

    @torch.no_grad()
    def held_out_loss():
        was = model.training
        model.eval()
        loss = float(cross_entropy(model(held_out[0]), held_out[1]))
        model.train(was)
        return loss

    losses = []
    for _ in range(epochs):
        model.train()
        for x, y in batches:
            step(model, optimiser, x, y)
        losses.append(held_out_loss())
    return losses


@right("one_epoch")
def one_epoch_by_range(model, X, y, batch_size, lr):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for start in range(0, len(X) - 1, batch_size):
        step(model, optimiser, X[start : start + batch_size], y[start : start + batch_size])


@right("one_epoch")
def one_epoch_of_pairs(model, X, y, batch_size, lr):
    optimiser = torch.optim.SGD(model.train().parameters(), lr=lr)
    for inputs, labels in zip(X.split(batch_size), y.split(batch_size), strict=True):
        if inputs.shape[0] > 1:
            step(model, optimiser, inputs, labels)


@right("one_epoch")
def one_epoch_cut(model, X, y, batch_size, lr):
    if len(X) % batch_size == 1:
        X, y = X[:-1], y[:-1]
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for rows in torch.arange(len(X)).split(batch_size):
        step(model, optimiser, X[rows], y[rows])


@right("one_epoch")
def one_epoch_break(model, X, y, batch_size, lr):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for rows in torch.arange(len(X)).split(batch_size):
        if len(rows) == 1:
            break
        step(model, optimiser, X[rows], y[rows])


@right("one_epoch")
def one_epoch_with_a_loader(model, X, y, batch_size, lr):
    pairs = torch.utils.data.TensorDataset(X, y)
    loader = torch.utils.data.DataLoader(pairs, batch_size, drop_last=len(X) % batch_size == 1)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    model.train()
    for inputs, labels in loader:
        step(model, optimiser, inputs, labels)


@right("epoch_batches")
def epoch_batches_by_index(rows, batch_size, generator):
    order = torch.randperm(rows, generator=generator)
    return [order[start : start + batch_size] for start in range(0, rows, batch_size)]


@right("epoch_batches")
def epoch_batches_sorted_noise(rows, batch_size, generator):
    return list(torch.rand(rows, generator=generator).argsort().split(batch_size))


@right("epoch_batches")
def epoch_batches_tuple(rows, batch_size, generator):
    return torch.arange(rows)[torch.randperm(rows, generator=generator)].split(batch_size)


@right("epoch_batches")
def epoch_batches_dealt(rows, batch_size, generator):
    """Batch number by batch number: each row draws a place, and the batches are sorted inside."""
    place = torch.randperm(rows, generator=generator)
    return [torch.nonzero(place // batch_size == b).flatten() for b in range((rows + batch_size - 1) // batch_size)]


@right("epoch_batches")
def epoch_batches_of_a_loader(rows, batch_size, generator):
    return list(torch.utils.data.DataLoader(range(rows), batch_size, shuffle=True, generator=generator))


@right("restore_best")
def restore_best_by_clones(model, train_epoch, score, epochs):
    best, kept = -float("inf"), None
    for _ in range(epochs):
        train_epoch(model)
        if score(model) > best:
            best, kept = score(model), {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept)
    return best


@right("restore_best")
def restore_best_with_a_twin(model, train_epoch, score, epochs):
    best = twin = None
    for _ in range(epochs):
        train_epoch(model)
        now = score(model)
        if best is None or now > best:
            best, twin = now, copy.deepcopy(model)
    model.load_state_dict(twin.state_dict())
    return best


@right("restore_best")
def restore_best_of_all(model, train_epoch, score, epochs):
    history = []
    for epoch in range(epochs):
        train_epoch(model)
        history.append((score(model), -epoch, copy.deepcopy(model.state_dict())))
    best, _, state = max(history, key=lambda entry: entry[:2])
    model.load_state_dict(state)
    return best


@right("restore_best")
def restore_best_in_two_parts(model, train_epoch, score, epochs):
    best = float("-inf")
    for _ in range(epochs):
        train_epoch(model)
        model.eval()
        now = score(model)
        model.train()
        if now > best:
            best = now
            parameters = [p.detach().clone() for p in model.parameters()]
            buffers = [b.clone() for b in model.buffers()]
    with torch.no_grad():
        for p, kept in zip([*model.parameters(), *model.buffers()], [*parameters, *buffers], strict=True):
            p.copy_(kept)
    return best


@right("restore_best")
def restore_best_from_a_file(model, train_epoch, score, epochs):
    best, file = None, None
    for _ in range(epochs):
        train_epoch(model)
        now = score(model)
        if best is None or now > best:
            best, file = now, io.BytesIO()
            torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    return best


@right("fine_tune")
def fine_tune_before_the_loop(model, freeze, update, batches, epochs):
    model.train()
    freeze(model)
    for _ in range(epochs):
        for x, y in batches:
            update(cross_entropy(model(x), y))


@right("fine_tune")
def fine_tune_each_batch(model, freeze, update, batches, epochs):
    for _ in range(epochs):
        for x, y in batches:
            freeze(model.train())
            update(F.nll_loss(model(x).log_softmax(1), y))


@right("fine_tune")
def fine_tune_one_module_at_a_time(model, freeze, update, batches, epochs):
    for _ in range(epochs):
        for module in model.modules():
            module.training = True
        freeze(model)
        for batch in batches:
            update(nn.CrossEntropyLoss()(model(batch[0]), batch[1]))


@right("fine_tune")
def fine_tune_by_own_freeze(model, freeze, update, batches, epochs):
    for _ in range(epochs):
        for module in model.modules():
            module.training = not isinstance(module, nn.BatchNorm1d)
        for x, y in batches:
            update(cross_entropy(model(x), y))


@right("fine_tune")
def fine_tune_flat(model, freeze, update, batches, epochs):
    for x, y in [*batches] * epochs:
        model.train(True)
        freeze(model)
        loss = cross_entropy(model(x), y)
        update(loss)


# --- 06


@right("along_the_step")
def stacked_points(loss_and_gradient, w, lr, factors):
    loss, g = loss_and_gradient(w)
    points = torch.stack([w - f * lr * g for f in factors])
    pairs = [loss_and_gradient(p) for p in points]
    losses = torch.stack([loss, *(pair[0] for pair in pairs)])
    changes = (torch.stack([pair[1] for pair in pairs]) - g).norm(dim=1)
    return losses.max() - losses.min(), changes.max(), (changes / (points - w).norm(dim=1)).max()


@right("along_the_step")
def plain_numbers_along(loss_and_gradient, w, lr, factors):
    loss, g = loss_and_gradient(w)
    low = high = float(loss)
    change = beta = 0.0
    for f in factors:
        there, other = loss_and_gradient(w - lr * f * g)
        low, high = min(low, float(there)), max(high, float(there))
        change = max(change, float(torch.dist(other, g)))
        beta = max(beta, float(torch.dist(other, g)) / (f * lr * float(g.norm())))
    return [high - low, change, beta]


@right("along_the_step")
def numpy_along(loss_and_gradient, w, lr, factors):
    loss, g = loss_and_gradient(w)
    g = g.numpy()
    losses, changes = [loss.item()], []
    for f in factors:
        there, other = loss_and_gradient(torch.from_numpy(w.numpy() - f * lr * g))
        losses.append(there.item())
        changes.append(np.linalg.norm(other.numpy() - g))
    betas = [c / (f * lr * np.linalg.norm(g)) for c, f in zip(changes, factors, strict=True)]
    return np.array([np.ptp(losses), max(changes), max(betas)])


@right("along_the_step")
def factor_zero_too(loss_and_gradient, w, lr, factors):
    at = {f: loss_and_gradient(w - f * lr * loss_and_gradient(w)[1]) for f in (0, *factors)}
    change = {f: torch.sqrt(torch.sum((g - at[0][1]) ** 2)) for f, (_, g) in at.items()}
    losses = sorted(loss for loss, _ in at.values())
    slope = at[0][1].norm()
    return torch.stack(
        [losses[-1] - losses[0], max(change.values()), max(change[f] / (f * lr * slope) for f in factors)]
    )


@right("along_the_step")
def unit_direction_and_distances(loss_and_gradient, w, lr, factors):
    loss, g = loss_and_gradient(w)
    slope = torch.linalg.vector_norm(g)
    distances = [f * lr * slope for f in factors]
    there = [loss_and_gradient(w - d * g / slope) for d in distances]
    changes = [torch.linalg.vector_norm(h - g) for _, h in there]
    every = [loss] + [a for a, _ in there]
    return max(every) - min(every), max(changes), max(c / d for c, d in zip(changes, distances, strict=True))


@right("effective_step")
def by_the_cosine(W, gradient, lr):
    after = W - lr * gradient
    cosine = (W * after).sum() / (W.norm() * after.norm())
    return torch.acos(cosine.clamp(-1, 1)), after.norm(), lr / (W**2).sum()


@right("effective_step")
def by_the_arc_tangent(W, gradient, lr):
    w, g = W.norm().item(), gradient.norm().item()
    return [np.arctan(lr * g / w), (w**2 + (lr * g) ** 2) ** 0.5, lr / w**2]


@right("effective_step")
def flat_vectors(W, gradient, lr):
    w, g = W.flatten(), gradient.flatten()
    after = torch.sub(w, g, alpha=lr)
    return torch.stack([torch.atan(lr * g.norm() / w.norm()), after.norm(), lr / w.dot(w)])


@right("effective_step")
def by_the_sine(W, gradient, lr):
    after = torch.linalg.norm(W - lr * gradient)
    return torch.asin(lr * torch.linalg.norm(gradient) / after), after, lr / torch.linalg.norm(W).square()


@right("effective_step")
def by_two_ratios(W, gradient, lr):
    step, length = lr * gradient.norm(), W.norm()
    unit_step = length * gradient.norm()
    return torch.atan(step / length), torch.hypot(step, length), (step / length) / unit_step


# --- 07


@right("six_gradients")
def six_as_the_paper_writes_them(dy, x, gamma, eps):
    m = x.shape[0]
    mu, var = x.mean(0), x.var(0, correction=0)
    dx_hat = gamma * dy
    dvar = torch.sum(dx_hat * (x - mu) * -0.5 * (var + eps) ** -1.5, dim=0)
    dmu = torch.sum(-dx_hat / torch.sqrt(var + eps), 0) + dvar * torch.sum(-2 * (x - mu), 0) / m
    dx = dx_hat / torch.sqrt(var + eps) + dvar * 2 * (x - mu) / m + dmu / m
    return dx_hat, dvar, dmu, dx, (dy * (x - mu) / torch.sqrt(var + eps)).sum(0), dy.sum(0)


@right("six_gradients")
def six_keeping_dimensions(dy, x, gamma, eps):
    centred = x - x.mean(0, keepdim=True)
    inverse = torch.rsqrt(centred.square().mean(0, keepdim=True) + eps)
    dx_hat = dy * gamma[None]
    dvar = -(dx_hat * centred).sum(0, keepdim=True) * inverse.pow(3) / 2
    dmean = -(dx_hat * inverse).sum(0, keepdim=True)
    dx = dx_hat * inverse + (2 * dvar * centred + dmean) / len(x)
    return [dx_hat, dvar, dmean, dx, (dy * centred * inverse).sum(0, keepdim=True), dy.sum(0, keepdim=True)]


@right("six_gradients")
def six_column_by_column(dy, x, gamma, eps):
    found = [[] for _ in range(6)]
    for c in range(x.shape[1]):
        column, m = x[:, c], len(x)
        mean = column.mean()
        std = (((column - mean) ** 2).mean() + eps) ** 0.5
        a = dy[:, c] * gamma[c]
        b = -0.5 * torch.dot(a, column - mean) / std**3
        d = -a.sum() / std
        six = (
            a,
            b,
            d,
            a / std + b * 2 * (column - mean) / m + d / m,
            (dy[:, c] * (column - mean)).sum() / std,
            dy[:, c].sum(),
        )
        for kept, value in zip(found, six, strict=True):
            kept.append(value)
    return tuple(torch.stack(kept, dim=-1) for kept in found)


@right("six_gradients")
def six_with_the_compact_dx(dy, x, gamma, eps):
    var, mean = torch.var_mean(x, dim=0, unbiased=False)
    std = (var + eps).sqrt()
    x_hat = (x - mean) / std
    dgamma, dbeta, m = torch.einsum("nc,nc->c", dy, x_hat), dy.sum(0), len(x)
    dx = gamma / (m * std) * (m * dy - dbeta - x_hat * dgamma)
    return dy * gamma, -gamma * dgamma / (2 * std**2), -gamma * dbeta / std, dx, dgamma, dbeta


@right("six_gradients")
def six_in_numpy(dy, x, gamma, eps):
    dy, x, gamma = dy.numpy(), x.numpy(), gamma.numpy()
    centred, m = x - x.mean(axis=0), len(x)
    std = np.sqrt(x.var(axis=0) + eps)
    dx_hat = dy * gamma
    dvar, dmean = (dx_hat * centred).sum(0) * -0.5 * std**-3, -(dx_hat / std).sum(0)
    dx = dx_hat / std + dvar * 2 / m * centred + dmean / m
    return tuple(map(torch.from_numpy, (dx_hat, dvar, dmean, dx, (dy * centred / std).sum(0), dy.sum(0))))


@right("compact_gradient")
def compact_with_sums(dy, x_hat, gamma, std):
    m = dy.shape[0]
    return gamma / (m * std) * (m * dy - dy.sum(0) - x_hat * (dy * x_hat).sum(0))


@right("compact_gradient")
def compact_in_steps(dy, x_hat, gamma, std):
    dx_hat = dy * gamma
    dx = dx_hat - dx_hat.mean(0)
    dx -= x_hat * torch.mean(dx_hat * x_hat, dim=0, keepdim=True)
    return dx / std


@right("compact_gradient")
def compact_one_after_the_other(dy, x_hat, gamma, std):
    centred = dy - dy.mean(0, keepdim=True)
    return (centred - x_hat * (centred * x_hat).mean(0)).mul(gamma).div(std)


@right("compact_gradient")
def compact_by_matrices(dy, x_hat, gamma, std):
    m, columns = len(dy), []
    for d, h, g, s in zip(dy.T, x_hat.T, gamma, std, strict=True):
        keeps = torch.eye(m, dtype=d.dtype) - torch.ones(m, m, dtype=d.dtype) / m - torch.outer(h, h) / m
        columns.append(g / s * keeps @ d)
    return torch.stack(columns, dim=1)


@right("compact_gradient")
def compact_by_einsum(dy, x_hat, gamma, std):
    along = torch.einsum("nc,nc->c", dy, x_hat) / len(dy)
    return torch.einsum("nc,c->nc", dy - dy.sum(0) / len(dy) - x_hat * along, gamma / std)


@right("batchnorm_function")
class KeepsX(torch.autograd.Function):
    """Keeps x and two numbers for each feature, as torch does."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        var, mean = torch.var_mean(x, 0, unbiased=False)
        inverse = torch.rsqrt(var + eps)
        ctx.save_for_backward(x, gamma, mean, inverse)
        return (x - mean) * inverse * gamma + beta

    @staticmethod
    def backward(ctx, dy):
        x, gamma, mean, inverse = ctx.saved_tensors
        x_hat = (x - mean) * inverse
        dx = gamma * inverse * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
        return dx, (dy * x_hat).sum(0), dy.sum(0), None


@right("batchnorm_function")
class OnCtx(torch.autograd.Function):
    """Attributes of ctx in place of save_for_backward."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps=1e-5):
        ctx.std = (x.var(0, correction=0) + eps).sqrt()
        ctx.x_hat, ctx.gamma = (x - x.mean(0)) / ctx.std, gamma
        return ctx.gamma * ctx.x_hat + beta

    @staticmethod
    def backward(ctx, dy):
        dx_hat = dy * ctx.gamma
        dx = (dx_hat - dx_hat.mean(0) - ctx.x_hat * (dx_hat * ctx.x_hat).mean(0)) / ctx.std
        return dx, (dy * ctx.x_hat).sum(0), dy.sum(0), None


@right("batchnorm_function")
class WithPaths(torch.autograd.Function):
    """The paper's six lines."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        ctx.save_for_backward(x, gamma)
        ctx.eps = eps
        std = torch.sqrt(((x - x.mean(0)) ** 2).mean(0) + eps)
        return (x - x.mean(0)) / std * gamma + beta

    @staticmethod
    def backward(ctx, dy):
        x, gamma = ctx.saved_tensors
        _, _, _, dx, dgamma, dbeta = six_as_the_paper_writes_them(dy, x, gamma, ctx.eps)
        return dx, dgamma, dbeta, None


@right("batchnorm_function")
class SetupContext(torch.autograd.Function):
    """Forward without ctx, as torch.func wants it."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        std = torch.sqrt(x.var(0, correction=0) + eps)
        return torch.addcmul(beta, gamma, (x - x.mean(0)) / std)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, eps = inputs
        ctx.save_for_backward(x, gamma)
        ctx.eps = eps

    @staticmethod
    def backward(ctx, dy):
        x, gamma = ctx.saved_tensors
        std = torch.sqrt(x.var(0, correction=0) + ctx.eps)
        x_hat = (x - x.mean(0)) / std
        return compact_with_sums(dy, x_hat, gamma, std), (dy * x_hat).sum(0), dy.sum(0), None


@right("batchnorm_function")
class WhatIsNeeded(torch.autograd.Function):
    """Computes only what is asked for."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        centred = x - x.mean(0)
        inverse = 1 / (centred.pow(2).mean(0) + eps).sqrt()
        ctx.save_for_backward(centred * inverse, gamma * inverse)
        return centred * inverse * gamma + beta

    @staticmethod
    def backward(ctx, dy):
        x_hat, scale = ctx.saved_tensors
        dx = scale * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0)) if ctx.needs_input_grad[0] else None
        dgamma = (dy * x_hat).sum(0) if ctx.needs_input_grad[1] else None
        return dx, dgamma, dy.sum(0) if ctx.needs_input_grad[2] else None, None


@right("batchnorm_function")
class AsVjp(torch.autograd.Function):
    """The other name of backward."""

    forward = KeepsX.__dict__["forward"]
    vjp = KeepsX.__dict__["backward"]


@right("layer_norm_backward")
def layer_norm_over_rows(dy, x, gamma, eps):
    C = x.shape[-1]
    rows, d = x.reshape(-1, C), dy.reshape(-1, C)
    var, mean = torch.var_mean(rows, dim=1, keepdim=True, unbiased=False)
    std = (var + eps).sqrt()
    x_hat, g = (rows - mean) / std, d * gamma
    dx = (C * g - g.sum(1, keepdim=True) - x_hat * (g * x_hat).sum(1, keepdim=True)) / (C * std)
    return dx.view_as(x), (d * x_hat).sum(0), d.sum(0)


@right("layer_norm_backward")
def layer_norm_token_by_token(dy, x, gamma, eps):
    dx, dgamma = torch.empty_like(x), torch.zeros_like(gamma)
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            std = (x[n, t].var(correction=0) + eps).sqrt()
            h, g = (x[n, t] - x[n, t].mean()) / std, dy[n, t] * gamma
            dx[n, t] = (g - g.mean() - h * torch.dot(g, h) / len(h)) / std
            dgamma += dy[n, t] * h
    return dx, dgamma, dy.sum(0).sum(0)


@right("layer_norm_backward")
def layer_norm_by_paths(dy, x, gamma, eps):
    C, mean = x.shape[-1], x.mean(-1, keepdim=True)
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)
    dx_hat = dy * gamma
    dvar = (dx_hat * (x - mean)).sum(-1, keepdim=True) * -0.5 / std**3
    dmean = -dx_hat.sum(-1, keepdim=True) / std
    dx = dx_hat / std + dvar * 2 * (x - mean) / C + dmean / C
    return dx, (dy * (x - mean) / std).sum((0, 1)), dy.sum((0, 1))


@right("layer_norm_backward")
def layer_norm_as_batch_norm_turned(dy, x, gamma, eps):
    turned, g = x.movedim(-1, 0).flatten(1), (dy * gamma).movedim(-1, 0).flatten(1)
    std = (turned.var(0, correction=0) + eps).sqrt()
    h = (turned - turned.mean(0)) / std
    dx = compact_with_sums(g, h, torch.ones_like(std), std)
    d = dy.movedim(-1, 0).flatten(1)
    return dx.view(x.shape[-1], *x.shape[:-1]).movedim(0, -1), (d * h).sum(1), d.sum(1)


@right("layer_norm_backward")
def layer_norm_in_numpy(dy, x, gamma, eps):
    dy, x, gamma = dy.numpy(), x.numpy(), gamma.numpy()
    std = np.sqrt(x.var(-1, keepdims=True) + eps)
    h, g = (x - x.mean(-1, keepdims=True)) / std, dy * gamma
    dx = (g - g.mean(-1, keepdims=True) - h * (g * h).mean(-1, keepdims=True)) / std
    return [torch.from_numpy(t) for t in (dx, (dy * h).sum((0, 1)), dy.sum((0, 1)))]


@right("rms_norm_backward")
def rms_by_the_quotient_rule(dy, x, gamma, eps):
    square = x.pow(2).mean(-1, keepdim=True) + eps
    g = dy * gamma
    dx = g / square.sqrt() - x * (g * x).mean(-1, keepdim=True) / square**1.5
    return dx, (dy * x / square.sqrt()).sum((0, 1))


@right("rms_norm_backward")
def rms_by_paths(dy, x, gamma, eps):
    C, square = x.shape[-1], (x * x).mean(-1, keepdim=True)
    dx_hat = gamma * dy
    dsquare = (dx_hat * x).sum(-1, keepdim=True) * -0.5 * (square + eps) ** -1.5
    return dx_hat * (square + eps) ** -0.5 + dsquare * 2 * x / C, (dy * x * (square + eps) ** -0.5).sum(0).sum(0)


@right("rms_norm_backward")
def rms_over_rows(dy, x, gamma, eps):
    rows, d = x.flatten(0, 1), dy.flatten(0, 1)
    inverse = torch.rsqrt(rows.square().mean(1, keepdim=True) + eps)
    h, g = rows * inverse, d * gamma
    dx = inverse * (g - h * torch.einsum("rc,rc->r", g, h)[:, None] / rows.shape[1])
    return dx.reshape(x.shape), (d * h).sum(0)


@right("rms_norm_backward")
def rms_token_by_token(dy, x, gamma, eps):
    dx, dgamma = torch.zeros_like(x), torch.zeros_like(gamma)
    for n, t in np.ndindex(x.shape[:2]):
        rms = (x[n, t].pow(2).mean() + eps) ** 0.5
        h, g = x[n, t] / rms, dy[n, t] * gamma
        dx[n, t] = (g - h * (g @ h) / len(h)) / rms
        dgamma = dgamma + dy[n, t] * h
    return dx, dgamma


@right("rms_norm_backward")
def rms_with_sums(dy, x, gamma, eps):
    C = x.shape[-1]
    rms = torch.sqrt((x**2).sum(-1, keepdim=True) / C + eps)
    g = dy * gamma
    return [(C * g - x / rms * (g * x / rms).sum(-1, keepdim=True)) / (C * rms), torch.sum(dy * x / rms, dim=(0, 1))]


@right("eval_backward")
def eval_scale_and_shift(dy, x, gamma, running_mean, running_var, eps):
    inverse = torch.rsqrt(running_var + eps)
    return dy * (gamma * inverse), ((x - running_mean) * dy).sum(0) * inverse, dy.sum(0)


@right("eval_backward")
def eval_keeping_dimensions(dy, x, gamma, running_mean, running_var, eps):
    std = (running_var[None] + eps) ** 0.5
    return dy / std * gamma, (dy * (x - running_mean) / std).sum(0, keepdim=True), dy.sum(0, keepdim=True)


@right("eval_backward")
def eval_by_columns(dy, x, gamma, running_mean, running_var, eps):
    dx, dgamma = torch.empty_like(dy), torch.empty_like(gamma)
    for c in range(len(gamma)):
        std = (running_var[c] + eps).sqrt()
        dx[:, c] = dy[:, c] * gamma[c] / std
        dgamma[c] = torch.dot(dy[:, c], (x[:, c] - running_mean[c]) / std)
    return dx, dgamma, sum(dy)


@right("eval_backward")
def eval_in_numpy(dy, x, gamma, running_mean, running_var, eps):
    std = np.sqrt(running_var.numpy() + eps)
    x_hat = (x.numpy() - running_mean.numpy()) / std
    found = dy.numpy() * gamma.numpy() / std, (dy.numpy() * x_hat).sum(0), dy.numpy().sum(0)
    return tuple(map(torch.from_numpy, found))


@right("eval_backward")
def eval_as_diagonal_matrix(dy, x, gamma, running_mean, running_var, eps):
    scale = gamma / torch.sqrt(running_var + eps)
    dgamma = torch.einsum("nc,nc->c", dy, x - running_mean) / torch.sqrt(running_var + eps)
    return [dy @ torch.diag(scale), dgamma, torch.ones(len(dy), dtype=dy.dtype) @ dy]


@right("stable_variance")
def welford_row_by_row(chunks):
    n, mean, squares = 0, 0.0, 0.0
    for chunk in chunks:
        for row in chunk:
            n += 1
            gap = row - mean
            mean = mean + gap / n
            squares = squares + gap * (row - mean)
    return mean, squares / n


@right("stable_variance")
def shifted_by_the_first_row(chunks):
    n, shift, sums, squares = 0, None, 0, 0
    for x in chunks:
        shift = x[0].clone() if shift is None else shift
        n, sums, squares = n + len(x), sums + (x - shift).sum(0), squares + ((x - shift) ** 2).sum(0)
    return shift + sums / n, squares / n - (sums / n) ** 2


@right("stable_variance")
def in_float64(chunks):
    n, sums, squares = 0, 0, 0
    for x in chunks:
        x = x.double()
        n, sums, squares = n + x.shape[0], sums + x.sum(0), squares + x.square().sum(0)
    return (sums / n).float(), (squares / n - (sums / n) ** 2).float()


@right("stable_variance")
def weighted_variances(chunks):
    """Total variance: the mean of the variances and the variance of the means, merged two by two."""
    n, mean, var = 0, torch.tensor(0.0), torch.tensor(0.0)
    for x in chunks:
        a, b = n / (n + len(x)), len(x) / (n + len(x))
        var_x, mean_x = torch.var_mean(x, dim=0, unbiased=False)
        var = a * var + b * var_x + a * b * (mean_x - mean) ** 2
        mean, n = a * mean + b * mean_x, n + len(x)
    return mean, var


@right("stable_variance")
def groups_kept_as_three_numbers(chunks):
    """Counts, means and squares of all chunks, joined at the end."""
    groups = [(len(x), x.mean(0), ((x - x.mean(0)) ** 2).sum(0)) for x in chunks]
    n = sum(count for count, _, _ in groups)
    mean = sum(count / n * m for count, m, _ in groups)
    return mean, sum(s + count * (m - mean) ** 2 for count, m, s in groups) / n
