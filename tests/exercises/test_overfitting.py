"""Notebook 10's exercises: right answers in other styles, wrong ones that are no suspects, and what they are for."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.exercises.answers.early_stopping import EarlyStopping
from helpers.exercises.answers.inverted_dropout import inverted_dropout
from helpers.exercises.answers.k_fold import k_fold_accuracy
from helpers.exercises.answers.soft_threshold import soft_threshold_step
from helpers.exercises.early_stopping import early_stopping_exercise
from helpers.exercises.inverted_dropout import inverted_dropout_exercise
from helpers.exercises.k_fold import k_fold_exercise
from helpers.exercises.soft_threshold import soft_threshold_exercise

# --- dropout ---------------------------------------------------------------------------------------------------------


def torchs(x, p, training):
    return F.dropout(x, p, training)


def bernoulli(x, p, training):
    if not training or p == 0:
        return x.clone()
    if p >= 1:
        return x * 0
    return x * torch.bernoulli(torch.full_like(x, 1 - p)) / (1 - p)


def where(x, p, training):
    if training:
        scale = 0.0 if p == 1 else 1 / (1 - p)
        return torch.where(torch.rand(x.shape) < p, torch.zeros((), dtype=x.dtype), x * scale)
    return x


def filled(x, p, training):
    if not training:
        return x
    y = x.masked_fill(torch.rand(*x.shape) < p, 0)
    return y / max(1 - p, 1e-8)


def in_place_on_a_copy(x, p, training):
    y = x.clone()
    if training and p:
        y[torch.empty_like(x).uniform_() <= p] = 0.0
        y = y / (1 - p) if p < 1 else torch.zeros_like(y)
    return y


# --- early stopping --------------------------------------------------------------------------------------------------


class KeepsAModel:
    def __init__(self, patience):
        self.patience, self.losses, self.model = patience, [], None

    def step(self, loss, model):
        before = min((seen for seen in self.losses if not math.isnan(seen)), default=math.inf)
        self.losses.append(loss)
        if loss < before:
            self.model, self.epoch = copy.deepcopy(model), len(self.losses)
        return len(self.losses) - getattr(self, "epoch", 0) >= self.patience

    def restore(self, model):
        model.load_state_dict(self.model.state_dict())


class ClonesEach:
    def __init__(self, patience):
        self.left = self.patience = patience
        self.lowest = None
        self.state = {}

    def step(self, loss, model):
        improved = not math.isnan(loss) and (self.lowest is None or loss < self.lowest)
        if improved:
            self.lowest, self.left = loss, self.patience
            self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        else:
            self.left -= 1
        return self.left == 0

    def restore(self, model):
        with torch.no_grad():
            for name, value in model.state_dict().items():
                value.copy_(self.state[name])


class ParametersAndBuffers:
    def __init__(self, patience):
        self.patience, self.best, self.bad = patience, 1e300, 0

    def step(self, loss, model):
        self.bad += 1
        if loss < self.best:
            self.bad, self.best = 0, loss
            self.values = [v.data.clone() for v in (*model.parameters(), *model.buffers())]
        return False if self.bad < self.patience else True  # noqa: SIM211

    def restore(self, model):
        for value, kept in zip((*model.parameters(), *model.buffers()), self.values, strict=True):
            value.data = kept.clone()


class Epochs:
    def __init__(self, patience):
        self.patience, self.epoch, self.best = patience, 0, (float("inf"), 0, None)

    def step(self, loss, model):
        self.epoch += 1
        if loss < self.best[0]:
            self.best = (loss, self.epoch, copy.deepcopy(model.state_dict()))
        return torch.tensor(self.epoch - self.best[1] >= self.patience)

    def restore(self, model):
        model.load_state_dict(self.best[2], strict=True)


# --- soft threshold --------------------------------------------------------------------------------------------------


def softshrink(w, gradient, lr, strength):
    return F.softshrink(w - lr * gradient, lr * strength)


def minus_clamped(w, gradient, lr, strength):
    v, t = w - lr * gradient, lr * strength
    return v - v.clamp(-t, t)


def two_sides(w, gradient, lr, strength):
    v, t = w.sub(gradient, alpha=lr), lr * strength
    return torch.relu(v - t) - torch.relu(-v - t)


def three_cases(w, gradient, lr, strength):
    v, t = w - lr * gradient, strength * lr
    return torch.where(v > t, v - t, torch.where(v < -t, v + t, torch.zeros_like(v)))


def number_by_number(w, gradient, lr, strength):
    found = torch.empty_like(w).flatten()
    for i, (a, g) in enumerate(zip(w.flatten().tolist(), gradient.flatten().tolist(), strict=True)):
        v = a - lr * g
        found[i] = math.copysign(max(abs(v) - lr * strength, 0.0), v)
    return found.view_as(w)


# --- k-fold ----------------------------------------------------------------------------------------------------------


def by_indices(X, y, k, keep, fit):
    scores = torch.zeros(k)
    for i in range(k):
        out = list(range(i, len(X), k))
        rest = [row for row in range(len(X)) if row not in out]
        mean, std = X[rest].mean(dim=0, keepdim=True), X[rest].std(dim=0, keepdim=True)
        A, B = (X[rest] - mean) / std, (X[out] - mean) / std
        strength = torch.corrcoef(torch.cat([A, y[rest][:, None]], dim=1).T)[-1, :-1].abs()
        best = strength.argsort(descending=True)[:keep]
        scores[i] = (fit(A[:, best], y[rest])(B[:, best]) == y[out]).float().mean()
    return scores


def biased_deviation(X, y, k, keep, fit):
    scores = []
    for i in range(k):
        held = torch.zeros(len(X), dtype=torch.bool)
        held[i::k] = True
        mean, std = X[~held].mean(0), X[~held].std(0, correction=0)
        Z = (X - mean) / std
        t = y[~held] - y[~held].mean()
        mask = torch.zeros(X.shape[1], dtype=torch.bool)
        mask[(Z[~held] * t[:, None]).sum(0).abs().topk(keep).indices] = True
        predict = fit(Z[~held][:, mask], y[~held])
        scores.append((predict(Z[held][:, mask]) == y[held]).double().mean().item())
    return scores


def the_other_folds_joined(X, y, k, keep, fit):
    """The rows to train on come fold after fold: another order, the same rows."""
    scores = []
    for i in range(k):
        rows, labels = (torch.cat([values[j::k] for j in range(k) if j != i]) for values in (X, y))
        mean, std = rows.mean(0), rows.std(0)
        scaled = (rows - mean) / std
        chosen = (scaled.T @ (labels - labels.mean())).abs().topk(keep).indices
        predict = fit(scaled[:, chosen], labels)
        scores.append((predict(((X[i::k] - mean) / std)[:, chosen]) == y[i::k]).double().mean())
    return torch.stack(scores)


def chosen_first(X, y, k, keep, fit):
    def one(i):
        held = torch.arange(len(X)).remainder(k).eq(i)
        A, b = X[~held], y[~held]
        centred = A - A.mean(0)
        r = (centred * (b - b.mean()).unsqueeze(1)).sum(0) / centred.norm(dim=0)
        top = r.abs().topk(keep, sorted=False).indices
        A, B = A[:, top], X[held][:, top]
        m, s = A.mean(0), A.var(0).sqrt()
        return (fit((A - m) / s, b)((B - m) / s) == y[held]).to(torch.float64).mean()

    return torch.stack([one(i) for i in range(k)])


def a_class_of_its_own(X, y, k, keep, fit):
    class Scaler:
        def fit(self, A, b):
            self.mean, self.std = A.mean(0), A.std(0)
            scaled = (A - self.mean) / self.std
            score = (scaled.T @ (b - b.mean())) ** 2
            self.names = sorted(range(A.shape[1]), key=lambda j: -score[j])[:keep]
            return self(A)

        def __call__(self, A):
            return ((A - self.mean) / self.std)[:, self.names]

    scores = []
    for i in range(k):
        train = torch.tensor([row % k != i for row in range(len(X))])
        scaler = Scaler()
        predict = fit(scaler.fit(X[train], y[train]), y[train])
        scores.append(torch.eq(predict(scaler(X[~train])), y[~train]).sum() / int((~train).sum()))
    return torch.stack(scores)


RIGHT = {
    inverted_dropout_exercise: (inverted_dropout, torchs, bernoulli, where, filled, in_place_on_a_copy),
    early_stopping_exercise: (EarlyStopping, KeepsAModel, ClonesEach, ParametersAndBuffers, Epochs),
    soft_threshold_exercise: (
        soft_threshold_step,
        softshrink,
        minus_clamped,
        two_sides,
        three_cases,
        number_by_number,
    ),
    k_fold_exercise: (
        k_fold_accuracy,
        by_indices,
        biased_deviation,
        chosen_first,
        the_other_folds_joined,
        a_class_of_its_own,
    ),
}
CASES = [(exercise, answer) for exercise, answers in RIGHT.items() for answer in answers]


@pytest.mark.parametrize(("exercise", "answer"), CASES, ids=lambda x: getattr(x, "__name__", getattr(x, "id", "")))
def test_right_answers_in_other_styles(exercise, answer):
    found = exercise.assessed(answer)
    assert [(v.check.id, v.finding.measured, v.finding.expected) for v in found.verdicts if not v.passed] == []


@pytest.mark.parametrize("seed", range(3))
def test_no_verdict_hangs_on_torchs_generator(seed):
    def drawn_otherwise(x, p, training):
        drawn_otherwise.calls += 1
        torch.manual_seed(1000 * seed + drawn_otherwise.calls)
        return inverted_dropout(x, p, training)

    drawn_otherwise.calls = 0
    assert inverted_dropout_exercise.assessed(drawn_otherwise).passed


def gaussian(x, p, training):
    """Multiplicative noise of dropout's mean and variance."""
    return x * (1 + (p / (1 - p + 1e-9)) ** 0.5 * torch.randn_like(x)) if training else x


def exactly_the_share(x, p, training):
    """As many values as p says, always the smallest ones."""
    if not training:
        return x
    order = x.abs().flatten().argsort()
    keep = torch.ones(x.numel(), dtype=x.dtype)
    keep[order[: round(p * x.numel())]] = 0
    return x * keep.view_as(x) / max(1 - p, 1e-9)


def rows_and_columns(x, p, training):
    """Whole rows and whole columns."""
    if not training:
        return x
    q = 1 - (1 - p) ** 0.5
    keep = (torch.rand(len(x), 1) >= q) & (torch.rand(x.shape[1]) >= q)
    return x * keep / max(1 - p, 1e-9)


def right_half_as_the_left(x, p, training):
    """The second half of the features has the mask of the first."""
    if not training:
        return x
    keep = torch.rand(*x.shape[:-1], (x.shape[-1] + 1) // 2) >= p
    return x * torch.cat([keep, keep], -1)[..., : x.shape[-1]] / max(1 - p, 1e-9)


def shared_by_the_rows_of_an_example(x, p, training):
    """Right for a table; of an image each column shares a fate."""
    if not training:
        return x
    keep = torch.rand(len(x), *[1] * (x.dim() - 2), x.shape[-1]) >= p
    return x * keep / max(1 - p, 1e-9)


class ForgetsBuffersOfNorms(ParametersAndBuffers):
    def restore(self, model):
        for value, kept in zip(model.parameters(), self.values, strict=False):
            value.data = kept.clone()


class RestoresOnlyOnce(ParametersAndBuffers):
    def restore(self, model):
        for value, kept in zip((*model.parameters(), *model.buffers()), self.values, strict=True):
            value.data = kept


class MeanOfTheLast(Epochs):
    """Compares with the mean of the last losses."""

    def step(self, loss, model):
        self.seen = [*getattr(self, "seen", []), loss]
        return len(self.seen) > self.patience and loss > sum(self.seen[-self.patience - 1 : -1]) / self.patience


def rounded(w, gradient, lr, strength):
    v = w - lr * gradient
    return torch.where(v.abs() < lr * strength, torch.zeros_like(v), v - lr * strength * w.sign())


def inside_the_gradient(w, gradient, lr, strength):
    return (w - lr * (gradient + strength * (w - lr * gradient).sign())) * ((w - lr * gradient).abs() > 1e-3)


def strongest_first(X, y, k, keep, fit):
    """Everything inside the fold, but for a first choice of five features, by all rows."""
    Z = (X - X.mean(0)) / X.std(0)
    strong = (Z.T @ (y - y.mean())).abs().topk(keep + 2).indices
    return k_fold_accuracy(X[:, strong], y, k, keep, fit)


def labels_of_other_rows(X, y, k, keep, fit):
    """All is right but for the last step: fit gets the rows in one order, and their labels in another."""

    def turned(rows, labels):
        return fit(rows.flip(0), labels)

    return k_fold_accuracy(X, y, k, keep, turned)


def seeded_folds(X, y, k, keep, fit):
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    return k_fold_accuracy(X[order], y[order], k, keep, fit)


DROPS_OTHERWISE = (
    gaussian,
    exactly_the_share,
    rows_and_columns,
    right_half_as_the_left,
    shared_by_the_rows_of_an_example,
)
WRONG = [
    *((inverted_dropout_exercise, f) for f in DROPS_OTHERWISE),
    *((early_stopping_exercise, c) for c in (ForgetsBuffersOfNorms, RestoresOnlyOnce, MeanOfTheLast)),
    *((soft_threshold_exercise, f) for f in (rounded, inside_the_gradient)),
    *((k_fold_exercise, f) for f in (strongest_first, labels_of_other_rows, seeded_folds)),
]


@pytest.mark.parametrize(("exercise", "answer"), WRONG, ids=lambda x: getattr(x, "__name__", getattr(x, "id", "")))
def test_wrong_answers_that_are_no_suspects_are_rejected(exercise, answer):
    assert not exercise.assessed(answer).passed


def columns_first(x, p, training):
    """Whole rows and whole columns, drawn in another order than the suspect's."""
    if not training:
        return x
    q = 1 - (1 - p) ** 0.5
    columns = torch.rand(x.shape[-1]) >= q
    rows = torch.rand(len(x)) >= q
    return x * columns * rows.view(-1, *[1] * (x.dim() - 1)) / max(1 - p, 1e-9)


def test_whole_rows_and_columns_are_not_told_as_one_of_the_two():
    told = [e.title for e in inverted_dropout_exercise.assessed(columns_first).causes]
    assert len(told) == 1 and told[0].startswith("whole rows and whole columns are dropped")


def test_noise_of_another_kind_gets_no_cause():
    assert "cause" not in [e.kind for e in inverted_dropout_exercise.assessed(gaussian).causes]


def test_the_step_solves_the_lasso():
    """On orthogonal columns the optimum is known: the least squares weights, nearer to 0 by the strength."""
    torch.manual_seed(0)
    Q, _ = torch.linalg.qr(torch.randn(30, 6, dtype=torch.float64))
    y = Q @ torch.tensor([2.0, -1.0, 0.3, -0.2, 0.0, 0.6], dtype=torch.float64)
    w = torch.zeros(6, dtype=torch.float64)
    for _ in range(200):
        w = soft_threshold_step(w, Q.T @ (Q @ w - y), 0.5, 0.5)
    assert torch.allclose(w, torch.tensor([1.5, -0.5, 0.0, 0.0, 0.0, 0.1], dtype=torch.float64), atol=1e-9)


def test_early_stopping_of_a_net_with_batch_norm():
    net, stopper = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), EarlyStopping(2)
    for loss in (3.0, 1.0, 2.0, 2.0):
        net.train()(torch.randn(8, 2))
        if loss == 1.0:
            right = copy.deepcopy(net.state_dict())
        stopped = stopper.step(loss, net)
    stopper.restore(net)
    assert stopped and all(torch.equal(net.state_dict()[name], value) for name, value in right.items())
