"""The references agree with torch's layers; the judge accepts right answers and names wrong ones."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.editions.recording import suspects
from helpers.exercises import measuring, norms
from helpers.exercises.answers.norms import (
    REFERENCE,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm2d,
    LayerNorm,
    RMSNorm,
    which_norm,
)
from helpers.judge.model import Raised
from helpers.judge.observe import observe
from helpers.judge.rules import verdicts_of
from helpers.judge.variant import variant
from tests.exercises.right_norms import RIGHT

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
EXERCISES = {
    exercise.id: exercise
    for exercise in (
        norms.batchnorm2d_exercise,
        norms.layernorm_exercise,
        norms.groupnorm_exercise,
        norms.rmsnorm_exercise,
        norms.which_norm_exercise,
    )
}
# The same 60 configurations in every run.  In float32 torch's own statistics are nearly 1e-6 off where the values of a
# set happen to lie close together (4 values of std 0.1 around −2, for example), in one of some thousand configurations.
SIXTY = settings(max_examples=60, deadline=None, derandomize=True)
COMMON = {
    "dtype": st.sampled_from([torch.float32, torch.float64]),
    "eps": st.floats(1e-5, 1e-1),
    "seed": st.integers(0, 2**31 - 1),
}


def error(mine, theirs, terms=None):
    """Largest difference, relative to the largest value, or term of its sum, where that is above 1."""
    size = theirs if terms is None else terms
    return ((mine - theirs).abs().max() / size.abs().max().clamp(min=1)).item()


def assert_agree(mine, theirs, shape, statistics_over, dtype, seed):
    """Output, running statistics and gradients agree over five training steps and then in eval mode.

    ``statistics_over(x)`` is the smallest root of a variance or mean square of x, the divisor of the normalisation.
    """
    random = np.random.RandomState(seed)
    mine, theirs = mine.to(dtype), theirs.to(dtype)
    pairs = [(mine.gamma, theirs.weight)] + ([(mine.beta, theirs.bias)] if hasattr(mine, "beta") else [])
    for ours, torchs in pairs:
        value = torch.tensor(random.normal(size=tuple(torchs.shape)), dtype=dtype)
        with torch.no_grad():
            ours.copy_(value), torchs.copy_(value)
    for step in range(6):
        if step == 5:
            mine.eval(), theirs.eval()
        x = torch.tensor(random.normal(random.normal(), 1.0, shape), dtype=dtype)
        upstream = torch.tensor(random.normal(size=shape), dtype=dtype)
        x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
        y1, y2 = mine(x1), theirs(x2)
        mine.zero_grad(), theirs.zero_grad()
        (y1 * upstream).sum().backward(), (y2 * upstream).sum().backward()
        gaps = {"output": error(y1, y2)}
        for name in ("running_mean", "running_var"):
            if hasattr(mine, name):
                gaps[name] = error(getattr(mine, name), getattr(theirs, name))
        # gradients are sums whose terms can cancel; rounding is relative to the size of the terms
        values_of_each = x.numel() / theirs.weight.numel()
        for name, (ours, torchs) in zip(("dgamma", "dbeta"), pairs, strict=False):
            gaps[name] = error(ours.grad, torchs.grad, values_of_each**0.5 * upstream.abs().max())
        gaps["dx"] = error(x1.grad, x2.grad, theirs.weight.abs().max() * upstream.abs().max() / statistics_over(x))
        assert max(gaps.values()) < TOLERANCE[dtype], (step, gaps)


def smallest_deviation(dims, eps):
    return lambda x: (x.var(dim=dims, correction=0).min() + eps).sqrt()


@SIXTY
@given(
    shape=st.tuples(st.integers(1, 8), st.integers(1, 6), st.integers(2, 6), st.integers(2, 6)),
    momentum=st.floats(0.01, 1.0),
    **COMMON,
)
def test_batchnorm2d_agrees_with_torch(shape, momentum, dtype, eps, seed):
    mine, theirs = (layer(shape[1], eps=eps, momentum=momentum) for layer in (BatchNorm2d, nn.BatchNorm2d))
    assert_agree(mine, theirs, shape, smallest_deviation((0, 2, 3), eps), dtype, seed)


@SIXTY
@given(
    outer=st.lists(st.integers(1, 5), min_size=1, max_size=2),
    inner=st.lists(st.integers(2, 5), min_size=1, max_size=3).filter(lambda sizes: np.prod(sizes) >= 4),
    **COMMON,
)
def test_layernorm_agrees_with_torch(outer, inner, dtype, eps, seed):
    normalized_shape = inner[0] if len(inner) == 1 else tuple(inner)
    mine, theirs = LayerNorm(normalized_shape, eps), nn.LayerNorm(normalized_shape, eps)
    dims = tuple(range(-len(inner), 0))
    assert_agree(mine, theirs, (*outer, *inner), smallest_deviation(dims, eps), dtype, seed)


@SIXTY
@given(
    batch=st.integers(1, 6),
    groups=st.integers(1, 5),
    group_size=st.integers(1, 4),
    space=st.sampled_from([(4,), (2, 3), (5, 4), (2, 2, 2)]),
    **COMMON,
)
def test_groupnorm_agrees_with_torch(batch, groups, group_size, space, dtype, eps, seed):
    channels = groups * group_size
    mine, theirs = GroupNorm(groups, channels, eps), nn.GroupNorm(groups, channels, eps)

    def deviation(x):
        return smallest_deviation(2, eps)(x.reshape(batch, groups, -1))

    assert_agree(mine, theirs, (batch, channels, *space), deviation, dtype, seed)


@SIXTY
@given(shape=st.tuples(*[st.integers(1, 5)] * 2, *[st.integers(2, 5)] * 2), **COMMON)
def test_instancenorm2d_agrees_with_torch(shape, dtype, eps, seed):
    mine, theirs = InstanceNorm2d(shape[1], eps), nn.InstanceNorm2d(shape[1], eps, affine=True)
    assert_agree(mine, theirs, shape, smallest_deviation((2, 3), eps), dtype, seed)


@SIXTY
@given(
    outer=st.lists(st.integers(1, 5), min_size=1, max_size=2),
    inner=st.lists(st.integers(2, 5), min_size=1, max_size=2).filter(lambda sizes: np.prod(sizes) >= 4),
    default=st.booleans(),
    **COMMON,
)
def test_rmsnorm_agrees_with_torch(outer, inner, default, dtype, eps, seed):
    chosen = None if default else eps
    mine, theirs = RMSNorm(tuple(inner), chosen), nn.RMSNorm(tuple(inner), chosen)
    dims = tuple(range(-len(inner), 0))
    assert_agree(mine, theirs, (*outer, *inner), lambda x: (x**2).mean(dim=dims).min().sqrt(), dtype, seed)


@pytest.mark.parametrize(
    "layer", [BatchNorm2d(4), LayerNorm((4, 2, 3)), GroupNorm(2, 4), InstanceNorm2d(4), RMSNorm((2, 3))]
)
def test_gradcheck_in_float64(layer):
    x = torch.randn(3, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer.double(), (x,))


def test_special_cases_of_groupnorm():
    x = torch.randn(3, 6, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(GroupNorm(1, 6)(x), nn.LayerNorm((6, 4, 5)).double()(x))
    torch.testing.assert_close(GroupNorm(6, 6)(x), nn.InstanceNorm2d(6).double()(x))
    with pytest.raises(ValueError, match="equal groups"):
        GroupNorm(4, 6)


def test_batchnorm2d_refuses_a_single_value_per_channel():
    with pytest.raises(ValueError, match="at least 2"):
        BatchNorm2d(3)(torch.zeros(1, 3, 1, 1))


LAYERS = ("batchnorm2d", "layernorm", "groupnorm", "rmsnorm")


@pytest.mark.parametrize("id", LAYERS)
@pytest.mark.parametrize("salt", [0, 7, 11])
def test_the_reference_passes_every_check_with_other_seeds_too(id, salt, monkeypatch):
    monkeypatch.setattr(measuring, "SALT", salt)
    exercise = EXERCISES[id].whole
    right, seen = (observe(REFERENCE[id], exercise.probes) for _ in range(2))
    assert not [k for k, v in right.items() if isinstance(v, Raised)]
    verdicts = verdicts_of(exercise.checks, exercise.probes, seen, right)
    assert [v.check.id for v in verdicts if not v.passed] == []


@pytest.mark.parametrize("id", LAYERS)
def test_what_is_asked_is_answered_as_a_right_layer_must(id):
    """The answers to yes/no questions are those that a right layer must give, whatever the numbers."""
    no = ("carry a graph", " changed", "stay in memory", "draw random", "depends on", "norm of the library")
    for key, value in observe(REFERENCE[id], EXERCISES[id].whole.probes).items():
        if "(1 yes, 0 no)" in key:
            assert bool(value) != any(words in key for words in no), key


RIGHT_LAYERS = [(id, name) for id, layers in RIGHT.items() for name in layers]


@pytest.mark.parametrize(("id", "name"), RIGHT_LAYERS)
def test_a_right_but_unusual_layer_passes_everything(id, name):
    exercise = EXERCISES[id].whole
    right = observe(REFERENCE[id], exercise.probes)
    verdicts = verdicts_of(exercise.checks, exercise.probes, observe(RIGHT[id][name], exercise.probes), right)
    assert [(v.check.id, v.finding) for v in verdicts if not v.passed] == []


ONCE = {
    "batchnorm2d": (
        "unbiased",
        "biased_running_var",
        "counts_images",
        "momentum_swapped",
        "always_batch",
        "eps_outside",
        "detached",
        "no_affine",
    ),
    "layernorm": (
        "unbiased",
        "last_only",
        "whole",
        "over_the_batch",
        "eps_outside",
        "detached",
        "no_affine",
        "affine_not_learnable",
    ),
    "groupnorm": (
        "unbiased",
        "interleaved",
        "not_refused",
        "assertion",
        "images_only",
        "eps_outside",
        "detached",
        "no_affine",
    ),
    "rmsnorm": (
        "centred",
        "sum_of_squares",
        "last_only",
        "eps_outside",
        "eps_of_x_dtype",
        "zero_is_falsy",
        "has_beta",
        "no_gamma",
    ),
}


@pytest.mark.parametrize(("id", "suspect"), [(id, s) for id, names in ONCE.items() for s in names])
def test_one_mistake_costs_its_points_once(id, suspect):
    exercise = EXERCISES[id]
    make = next(s.make for s in suspects(exercise) if s.id == suspect)
    right, seen = (observe(layer, exercise.probes) for layer in (REFERENCE[id], make))
    verdicts = verdicts_of(exercise.checks, exercise.probes, seen, right)
    assert sum(not v.passed for v in verdicts) == 1


GROUPS = "groups = x.reshape(x.shape[0], self.num_groups, -1)"
GROUP_MEAN, GROUP_VAR = "groups.mean(dim=2, keepdim=True)", "((groups - mean) ** 2).mean(dim=2, keepdim=True)"
LAYER_VAR = "((x - mean) ** 2).mean(dim=self.dims, keepdim=True)"
LAYER_SUM = LAYER_VAR.replace("mean(dim", "sum(dim")
SIZES = "(normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)"
DTYPE = "torch.float64 if x.dtype == torch.float64 else torch.float32"
SQUARE = "(x.to(dtype) ** 2).mean(dim=self.dims, keepdim=True)"
NAMED = (
    ("groupnorm", "whole", (GROUP_MEAN, "groups.mean()"), (GROUP_VAR, "((groups - mean) ** 2).mean()")),
    ("groupnorm", "groups_of_the_batch", (GROUPS, GROUPS.replace("x.shape[0], ", "1, "))),
    ("groupnorm", "turned_before_the_reshape", (GROUPS, GROUPS.replace("x.resh", "x.transpose(0, 1).resh"))),
    (
        "groupnorm",
        "channels_less_one",
        (GROUP_VAR, "((groups - mean) ** 2).sum(dim=2, keepdim=True) / (x.shape[1] - 1)"),
    ),
    ("layernorm", "examples_less_one", (LAYER_VAR, f"{LAYER_SUM} / (x.shape[0] - 1)")),
    ("layernorm", "last_size_less_one", (LAYER_VAR, f"{LAYER_SUM} / (x.shape[-1] - 1)")),
    ("layernorm", "int_made_a_tuple", (SIZES, "tuple(normalized_shape)")),
    ("layernorm", "int_not_handled", (SIZES, SIZES.replace("shape,)", "shape)"))),
    (
        "batchnorm2d",
        "examples_less_one",
        (
            "((x - mean[:, None, None]) ** 2).mean(dim=(0, 2, 3))",
            "((x - mean[:, None, None]) ** 2).sum(dim=(0, 2, 3)) / (len(x) - 1)",
        ),
        ("unbiased = var * n / (n - 1)", "unbiased = x.transpose(0, 1).flatten(1).var(1)"),
    ),
    (
        "batchnorm2d",
        "graph_in_running_mean",
        ("torch.no_grad()", "torch.enable_grad()"),
        ("= var *", "= var.detach() *"),
    ),
    (
        "batchnorm2d",
        "graph_in_running_var",
        ("torch.no_grad()", "torch.enable_grad()"),
        ("(mean -", "(mean.detach() -"),
    ),
    ("rmsnorm", "last_size_less_one", (SQUARE, "(x**2).sum(dim=self.dims, keepdim=True) / (x.shape[-1] - 1)")),
    ("rmsnorm", "eps_of_x_dtype", (DTYPE, "x.dtype")),
    (
        "rmsnorm",
        "float32_and_back",
        (DTYPE, f"{DTYPE}\n        given, x = x, x.float()"),
        ("(x.to(dtype)", "(x.float()"),
        (".to(x.dtype)", ".to(given.dtype)"),
    ),
)


@pytest.mark.parametrize(("id", "cause", "edits"), [(id, c, e) for id, c, *e in NAMED], ids=lambda x: str(x)[:40])
def test_the_mistake_is_named_also_where_the_source_is_known(id, cause, edits):
    source = inspect.getsource(REFERENCE[id])
    for right, wrong in edits:
        source = source.replace(right, wrong)
    found = EXERCISES[id].whole.assess(observe(variant(REFERENCE[id], *edits), EXERCISES[id].probes), source)
    assert [e.id for e in found.causes] == [cause]


@pytest.mark.parametrize("scale", [0.01, 300])  # the square of 300 is infinite in float16
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rmsnorm_without_eps_agrees_with_torch_in_every_dtype(dtype, scale):
    x = (scale * torch.randn(64, 8)).to(dtype)
    torch.testing.assert_close(RMSNorm(8).to(dtype)(x), nn.RMSNorm(8).to(dtype)(x), rtol=0.03, atol=0.03)


def test_each_wrong_row_of_the_quiz_is_told_with_its_reason():
    quiz = norms.which_norm_exercise
    answers = which_norm() | {"b": ("batch", "U"), "g": ("rms", "Y"), "i": ("layer", "X")}
    rows = [e.title for e in quiz.assessed(lambda: answers).causes]
    assert rows == [
        "b: in Wu & He's table BN at 2 images per GPU is 11 points worse than at 32.",
        "g: one of the two fits, the other does not.",
        "i: not this one.",
    ]


def test_the_quiz_can_be_clicked():
    quiz = norms.which_norm_exercise
    assert [q.key for q in quiz.questions] == list(norms.SITUATIONS)
    assert quiz.assessed(quiz.answered(list(which_norm().values()))).passed


def test_the_reference_of_the_quiz_passes():
    assert norms.which_norm_exercise.assessed(which_norm).passed


@pytest.mark.parametrize("layer", [nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm])
def test_other_parameter_names_are_named(layer):
    exercise = next(e for e in EXERCISES.values() if e.builds == layer.__name__)
    first = exercise.assessed(layer).causes[0]
    assert first.kind == "names" and "`self.gamma` for your `self.weight`" in first.title


def test_untouched_stub_is_not_attempted():
    def stub(*arguments, **options):
        raise NotImplementedError

    for exercise in EXERCISES.values():
        right, seen = (observe(make, exercise.probes) for make in (REFERENCE[exercise.id], stub))
        verdicts = verdicts_of(exercise.checks, exercise.probes, seen, right)
        assert [v.passed for v in verdicts] == [None] * len(exercise.checks)


def test_quiz_says_what_is_wrong_and_not_what_is_right(capsys):
    answers = which_norm() | {"b": ("instance", "R"), "c": ("layer", "W"), "h": ("layer", "Q")}
    norms.which_norm_exercise.check(lambda: answers)
    card = capsys.readouterr().out
    assert "norm of b, norm of c" in card and "norm of h" in card
    assert "=" not in card and "group" not in card


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "keys a, b"),
        (which_norm() | {"c": "frozen"}, "answer for c is a pair"),
        (which_norm() | {"a": ("weight norm", "U")}, "'weight norm' is no norm"),
        (which_norm() | {"a": ("batch", "A")}, "'A' is no reason"),
    ],
)
def test_quiz_explains_a_malformed_answer(answers, message):
    verdicts = norms.which_norm_exercise.assessed(lambda: answers).verdicts
    assert all(message in v.finding.measured for v in verdicts)
