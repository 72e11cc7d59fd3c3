"""Notebook 07's references agree with torch; drafts, crashes and other people's work are told as what they are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.exercises import backward
from helpers.exercises.answers.backward import (
    BatchNormFunction,
    compact_gradient,
    eval_backward,
    layer_norm_backward,
    rms_norm_backward,
    six_gradients,
)
from helpers.exercises.stable_variance import stable_variance_exercise
from helpers.judge.show import VerdictCard

SIX = backward.six_gradients_exercise


@st.composite
def batches(draw, dims=2):
    """(dy, x, gamma, eps) of random shape and scale in float64."""
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**31 - 1)))
    shape = [draw(st.integers(2, 6)) for _ in range(dims)]
    x = torch.randn(shape, generator=random, dtype=torch.float64) * draw(st.floats(0.1, 5)) + draw(st.floats(-3, 3))
    dy = torch.randn(shape, generator=random, dtype=torch.float64)
    return dy, x, torch.randn(shape[-1], generator=random, dtype=torch.float64), draw(st.floats(1e-5, 1.0))


def torchs(layer, dy, x, gamma):
    """Gradients of x, gamma and beta; ``layer`` is called with the three."""
    leaves = [t.clone().requires_grad_() for t in (x, gamma, torch.zeros_like(gamma))]
    return torch.autograd.grad(layer(*leaves), leaves, dy, allow_unused=True)


def alike(mine, theirs):
    return all(torch.allclose(a, b, atol=1e-9) for a, b in zip(mine, theirs, strict=True))


@settings(max_examples=40)
@given(batches())
def test_batch_norm_forms_agree_with_torch(batch):
    dy, x, gamma, eps = batch
    theirs = torchs(lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True, eps=eps), dy, x, gamma)
    *_, dx, dgamma, dbeta = six_gradients(dy, x, gamma, eps)
    std = (x.var(0, correction=0) + eps).sqrt()
    assert alike((dx, dgamma, dbeta), theirs)
    assert alike((compact_gradient(dy, (x - x.mean(0)) / std, gamma, std),), theirs[:1])
    assert alike(torchs(lambda x, g, b: BatchNormFunction.apply(x, g, b, eps), dy, x, gamma), theirs)


@settings(max_examples=30)
@given(batches())
def test_eval_mode_agrees_with_torch(batch):
    dy, x, gamma, eps = batch
    mean, var = x[0] + 1, x[0] ** 2
    theirs = torchs(lambda x, g, b: F.batch_norm(x, mean, var, g, b, training=False, eps=eps), dy, x, gamma)
    assert alike(eval_backward(dy, x, gamma, mean, var, eps), theirs)


@settings(max_examples=30)
@given(batches(dims=3))
def test_layer_norm_and_rms_norm_agree_with_torch(batch):
    dy, x, gamma, eps = batch
    theirs = torchs(lambda x, g, b: F.layer_norm(x, gamma.shape, g, b, eps), dy, x, gamma)
    assert alike(layer_norm_backward(dy, x, gamma, eps), theirs)
    *theirs, _ = torchs(lambda x, g, b: F.rms_norm(x, gamma.shape, g, eps), dy, x, gamma)
    assert alike(rms_norm_backward(dy, x, gamma, eps), theirs)


def passed(exercise, answer):
    return [v.passed for v in exercise.assessed(answer).verdicts]


def half(dy, x, gamma, eps):
    """A first draft: the last two of six."""
    *_, dgamma, dbeta = six_gradients(dy, x, gamma, eps)
    return None, None, None, None, dgamma, dbeta


def test_what_is_done_of_the_six_counts():
    assert passed(SIX, half) == [True, False, False]


def test_the_thin_arrow_may_be_left_out():
    def without(dy, x, gamma, eps):
        dx_hat, dvar, _, dx, dgamma, dbeta = six_gradients(dy, x, gamma, eps)
        return dx_hat, dvar, -dx_hat.sum(0) / (x.var(0, correction=0) + eps).sqrt(), dx, dgamma, dbeta

    assert passed(SIX, without) == [True] * 3


def stub(*arguments):
    raise NotImplementedError()


class Stub(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        raise NotImplementedError()

    @staticmethod
    def backward(ctx, dy):
        raise NotImplementedError()


class ForwardOnly(Stub):
    """A first draft."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        return BatchNormFunction.forward(ctx, x, gamma, beta, eps)


FUNCTIONS = [
    SIX,
    backward.compact_gradient_exercise,
    backward.eval_backward_exercise,
    backward.layer_norm_backward_exercise,
    backward.rms_norm_backward_exercise,
    stable_variance_exercise,
]


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.id)
def test_an_untouched_stub_is_not_attempted(exercise):
    assert set(passed(exercise, stub)) == {None}


def test_an_untouched_function_is_not_attempted():
    assert passed(backward.batchnorm_function_exercise, Stub) == [None, None]
    assert True not in passed(backward.batchnorm_function_exercise, ForwardOnly)


def misspelt(dy, x, gamma, eps):
    centred = x - x.mean(dim=0)
    return centred * dy / centered.std()  # noqa: F821


def wrong_shapes(dy, x, gamma, eps):
    return six_gradients(dy, x.T, gamma, eps)


def one_tensor(dy, x, gamma, eps):
    return dy


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (misspelt, "Did you mean `centred`?"),
        (wrong_shapes, "do not line up"),
        (one_tensor, "6 tensors are needed"),
        (lambda *given: None, "The result is None"),
    ],
    ids=["name", "shape", "one", "none"],
)
def test_a_draft_that_stops_is_told_where(answer, says):
    found = SIX.assessed(answer)
    assert [v.passed for v in found.verdicts] == [False] * 3
    assert says in found.causes[0].title


class TwoOfThree(BatchNormFunction):
    @staticmethod
    def backward(ctx, dy):
        x_hat, std = ctx.saved_tensors
        return dy / std, (dy * x_hat).sum(0), dy.sum(0), None


class OnTheClass(BatchNormFunction):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        std = torch.sqrt(x.var(0, correction=0) + eps)
        OnTheClass.kept = (x - x.mean(0)) / std, gamma, std
        return gamma * OnTheClass.kept[0] + beta

    @staticmethod
    def backward(ctx, dy):
        x_hat, gamma, std = OnTheClass.kept
        dgamma = (dy * x_hat).sum(0)
        return gamma / std * (dy - dy.mean(0) - x_hat * dgamma / len(dy)), dgamma, dy.sum(0), None


def test_a_tensor_that_is_not_taken_out_and_a_missing_return_are_told():
    (cause, *_) = backward.batchnorm_function_exercise.assessed(TwoOfThree).causes
    assert "has saved another number of tensors" in cause.title
    (cause,) = backward.compact_gradient_exercise.assessed(lambda *given: None).causes
    assert cause.title == "The result is None. Does every path of your code end with a return?"
    (cause, *_) = SIX.assessed(lambda *given: (*six_gradients(*given)[:5], None)).causes
    assert cause.title == "dbeta is None."


def test_a_line_of_code_is_not_torn_at_its_equals_sign():
    found = backward.batchnorm_function_exercise.assessed(OnTheClass)
    assert "dgamma = (dy * x_hat)" in found.verdicts[1].finding.measured
    assert [name for name, *_ in VerdictCard("", found).differences() if "`" in name] == []


def by_autograd(dy, x, gamma, eps):
    x = x.clone().requires_grad_()
    F.rms_norm(x, gamma.shape, gamma, eps).backward(dy)
    return x.grad, rms_norm_backward(dy, x.detach(), gamma, eps)[1]


def test_autograd_and_the_librarys_backward_earn_nothing():
    assert passed(backward.rms_norm_backward_exercise, by_autograd) == [False]

    def native(dy, x, gamma, eps):
        _, mean, inverse = torch.native_layer_norm(x, gamma.shape, gamma, None, eps)
        three = [True, True, True]
        return torch.ops.aten.native_layer_norm_backward(dy, x, gamma.shape, mean, inverse, gamma, gamma, three)

    assert passed(backward.layer_norm_backward_exercise, native) == [False]


def test_a_function_that_calls_torchs_batch_norm_earns_nothing():
    class Library(BatchNormFunction):
        @staticmethod
        def forward(ctx, x, gamma, beta, eps):
            BatchNormFunction.forward(ctx, x, gamma, beta, eps)
            return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)

    assert passed(backward.batchnorm_function_exercise, Library)[0] is False


class AsksAutograd(BatchNormFunction):
    """The forward formula once more, and autograd for the rest."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        ctx.save_for_backward(x, gamma, beta)
        ctx.eps = eps
        return gamma * (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + eps) + beta

    @staticmethod
    def backward(ctx, dy):
        with torch.enable_grad():
            x, gamma, beta = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            y = gamma * (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + ctx.eps) + beta
            return (*torch.autograd.grad(y, (x, gamma, beta), dy), None)


def test_autograd_inside_of_backward_earns_nothing():
    found = backward.batchnorm_function_exercise.assessed(AsksAutograd)
    assert found.verdicts[0].passed is False
    assert "autograd" in found.causes[0].title


def a_fixed_eps(dy, x, gamma, eps):
    return rms_norm_backward(dy, x, gamma, 1e-6)


def not_divided(dy, x, gamma, eps):
    rms = torch.sqrt((x**2).mean(-1, keepdim=True) + eps)
    x_hat, dx_hat = x / rms, dy * gamma
    dx = dx_hat / rms - x_hat * (dx_hat * x_hat).mean(-1, keepdim=True)
    return dx, (dy * x_hat).sum((0, 1))


def no_slope_of_the_variance(dy, x, gamma, eps):
    """dx is put together from a dvar that is 0."""
    dx_hat, dvar, dmean, _, dgamma, dbeta = six_gradients(dy, x, gamma, eps)
    std = torch.sqrt(x.var(0, correction=0) + eps)
    return (
        dx_hat,
        0 * dvar,
        dmean,
        dx_hat / std + 0 * dvar * 2 * (x - x.mean(0)) / len(x) + dmean / len(x),
        dgamma,
        dbeta,
    )


@pytest.mark.parametrize(
    ("exercise", "draft", "says"),
    [
        (backward.rms_norm_backward_exercise, a_fixed_eps, "eps that is given has no effect"),
        (backward.rms_norm_backward_exercise, not_divided, "or it is not divided by rms"),
        (SIX, no_slope_of_the_variance, "missing, or it is 0"),
    ],
)
def test_a_cause_holds_for_every_draft_that_behaves_so(exercise, draft, says):
    (cause,) = exercise.assessed(draft).causes
    assert says in cause.title


def test_chunks_may_not_be_kept():
    def keeps(chunks):
        x = torch.cat(list(chunks))
        return x.mean(0), x.var(0, correction=0)

    (verdict,) = stable_variance_exercise.assessed(keeps).verdicts
    assert not verdict.passed and "are all chunks kept: yes" in verdict.finding.measured
