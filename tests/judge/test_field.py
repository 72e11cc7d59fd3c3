"""What is said first of layers from the field, and that what is said is all of it."""

import pytest
from field_layers import layer, source

from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.judge.model import Raised
from helpers.judge.observe import observe
from helpers.judge.plain import plain_slips
from helpers.judge.reading import prepared
from helpers.judge.slips import missing_package
from helpers.judge.source import Source


def said(name, exercise=batchnorm1d_exercise):
    seen = observe(layer(name), batchnorm1d_exercise.probes)
    return exercise.assess(seen, source(name))


def test_a_right_layer_is_not_touched():
    right = layer("right")
    assert prepared(right, batchnorm1d_exercise.names)[0] is right
    assert said("right", batchnorm1d_exercise.whole).passed


@pytest.mark.parametrize(
    ("name", "words", "red"),
    [
        ("torch_names", "`self.gamma` for your `self.weight`, `self.beta` for your `self.bias`", {"affine"}),
        ("moving", "`self.running_mean` for your `self.moving_mean`", {"running_statistics"}),
        ("moving", "`eps` for your `epsilon`", {"running_statistics"}),
        ("mode_argument", "the mode is `self.training`, not an argument `training`", {"eval_mode"}),
        ("plain_class", "Inherit from `nn.Module`", {"affine"}),
        ("no_super", "`super().__init__()` is missing", {"affine"}),
        ("misspelt", "yours is `foward`", {"affine"}),  # codespell:ignore foward
    ],
)
def test_names_are_said_first_cost_one_check_and_mask_nothing(name, words, red):
    found = said(name)
    assert found.causes[0].kind == "names" and words in found.causes[0].title
    assert len(found.causes) == 1 and found.red == red


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bare_name", "Write `self.momentum`."),
        ("numpy_root", "Use `torch.sqrt`"),
        ("half_written", "○ means: the code still stops at line"),
    ],
)
def test_a_crash_is_said_with_its_mend_and_nothing_else(name, words):
    (only,) = said(name).causes
    assert words in only.title


def test_arguments_in_another_order_cost_the_check_of_the_settings_alone():
    found = said("order", batchnorm1d_exercise.beyond)
    assert "in the order eps, momentum; yours come as momentum, eps" in found.causes[0].title
    assert found.red == {"settings"} and said("order").passed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eval_called", "`self.eval()` sets the mode"),
        ("no_brackets", "write `(1 - self.momentum) * self.running_"),
        ("no_brackets", "write `(x - mean) / torch.sqrt(var + self.eps)`"),
        ("grad_off_too_wide", "`mean` and `var` are computed without gradients, inside `torch.no_grad()`"),
        ("grad_off_all", "`@torch.no_grad()` over `forward`"),
        ("batch_detached", "`x.detach()` cuts the batch out of the graph"),
        ("from_data", "`mean` and `var` are computed from `x.data`"),
        ("lost", "running_mean is a buffer with `persistent=False`"),
        ("lost", "running_var is a plain tensor, which no state_dict holds"),
        ("untrained", "gamma is a buffer, which no optimizer finds"),
        ("untrained", "beta is made with `requires_grad=False`"),
        ("rows", "gamma and beta should have shape (C,); look at the `.shape` of yours"),
        ("trained", "running_mean and running_var are parameters"),
        ("ddof", "`ddof` is NumPy's word"),
        ("init", "two underscores on each side"),
        ("local", "Write `self.running_mean`."),
        ("unpacked", "The right side of the `=` is one tensor"),
        ("nameless", "The name comes first"),
        ("starts", "gamma starts at 0, it should start at 1; beta starts at 1, it should start at 0"),
        ("library", "you call the library's norm"),
        ("library_bare", "That function is what you build here"),
    ],
)
def test_what_is_plain_comes_first(name, words):
    assert words in said(name).causes[0].title


def test_what_is_plain_is_shown_by_a_number_of_its_own():
    first = said("update_without_brackets_unbiased").causes[0]
    assert "write `(1 - self.momentum) * self.running_" in first.title
    assert first.evidence.startswith("yours: running_mean[")


@pytest.mark.parametrize("name", ["right", "moving", "train_method", "numpy_root"])
def test_nothing_is_plain_where_the_code_is_not_so(name):
    seen = observe(layer(name), batchnorm1d_exercise.probes)
    assert plain_slips(seen, batchnorm1d_exercise.record.right, Source(source(name))) == ()


def test_a_default_is_read_from_the_code_and_from_the_references():
    record = batchnorm1d_exercise.record
    seen = observe(layer("defaults"), batchnorm1d_exercise.probes)
    (plain,) = plain_slips(seen, record.right, Source(source("defaults")), Source(record.source))
    old, new = (
        "your momentum is the share of the old value, with default 0.9",
        "the share of the new batch, with default 0.1",
    )
    assert plain.title == f"{old}; it should be {new}."


def test_statistics_whose_update_is_never_reached_are_not_said_to_have_none():
    assert not any("never move" in e.title for e in said("eval_called").causes)


def test_the_method_train_is_not_the_mode():
    found = said("train_method").causes
    assert "`self.train` is a method" in found[0].title and found[0].kind == "cause"


def test_three_slips_are_found_one_after_another():
    causes = said("swapped_biased_eps_fixed", batchnorm1d_exercise.whole).causes
    assert {e.id for e in causes} == {"momentum_swapped", "biased_running_var", "eps_fixed"}
    assert not any("is right" in e.title for e in causes)


def test_one_row_comes_last_and_not_on_a_card_that_does_not_ask():
    assert [e.id for e in said("unbiased_unguarded").causes] == ["unbiased_normalisation"]
    assert said("unbiased_unguarded", batchnorm1d_exercise.whole).causes[-1].id == "one_row_nan"


def test_an_instance_is_judged_as_its_class():
    found = batchnorm1d_exercise.assess(observe(layer("right")(3), batchnorm1d_exercise.probes))
    assert "pass the class" in found.causes[0].title.lower() if found.causes else found.passed


def test_a_missing_package_is_not_judged():
    seen = {"a": Raised("ModuleNotFoundError", "No module named 'einops'", "line 1: `import einops`")}
    assert "`einops`" in missing_package(seen)
    assert batchnorm1d_exercise.assess(seen | {p.id: seen["a"] for p in batchnorm1d_exercise.probes}).not_judged


def test_not_attempted_is_the_stubs_own_raise_alone():
    assert Raised("NotImplementedError", "", "line 3: `raise NotImplementedError()`").not_attempted
    assert not Raised("NotImplementedError", "Module is missing forward", "").not_attempted
    assert not Raised("NotImplementedError", "mps", "line 3: `x.mean(0)`").not_attempted
