"""The pictures of 00 and 02 say what the text says, with other seeds too; tables by hand are torch's numbers."""

import pytest
import torch
from torch import nn

from helpers.exercises.answers.spot_the_bug import REFERENCE
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
from helpers.exercises.bugs import LAYERS, OwnSwitch
from helpers.exercises.syllabus import notebooks
from helpers.experiments import first_pictures, one_batch, served_net, what_tests_see
from helpers.judge.compare import agree
from helpers.judge.observe import observe
from tests.notebook import ROOT

OTHER_SEEDS = (11, 12, 13, 14, 15)


# --- 00


def test_the_grey_net_guesses_and_both_others_learn_whatever_the_seed():
    reached = {name: first_pictures.deep(name, OTHER_SEEDS).test_accuracy for name in ("none", "none, He", "batch")}
    assert reached["none"].max() < 0.15
    assert reached["none, He"].min() > 0.7
    assert reached["batch"].min() > 0.9


def test_each_curve_says_how_many_digits_its_net_reads():
    figure = first_pictures.deep_figure(("none", "batch"))
    told = [text.get_text() for text in figure.axes[0].texts]
    assert sum("held-out" in text for text in told) == 2 and any("ln 10" in text for text in told)


def test_the_text_gives_the_medians_of_the_picture():
    text = (ROOT / "solutions" / "00_start_here.py").read_text(encoding="utf-8")
    he, batch = (100 * first_pictures.deep(name).test_accuracy.quantile(0.5) for name in ("none, He", "batch"))
    assert f"about {he:.0f} % of the held-out digits, the blue one {batch:.0f} %" in text


def test_routes_tell_the_minutes_of_the_map(capsys):
    first_pictures.routes()
    said = capsys.readouterr().out
    course = notebooks()
    assert str(sum(n.minutes for n in course)) in said and f"{6 * (len(course) - 1)} questions" in said


def test_every_interview_page_that_is_counted_has_six_questions():
    for name in (n.name for n in notebooks() if n.name != first_pictures.INTERVIEW):
        text = (ROOT / "solutions" / f"{name}.py").read_text(encoding="utf-8")
        page = text.partition("## Interview page")[2]
        assert page.count("<details><summary>") == first_pictures.QUESTIONS


# --- 02


@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_in_train_mode_an_answer_depends_on_its_neighbours_and_in_eval_mode_it_does_not(seed):
    found = served_net.serve(seed)
    wrong = (found.answers != found.split.y_test).double().mean(dim=1)
    assert wrong.min() > 2 * (found.in_eval[0] != found.split.y_test).double().mean()
    assert (served_net.different(found.answers) > 1).double().mean() > 0.25
    assert served_net.different(found.in_eval).max() == 1


def test_the_digit_shown_is_in_each_of_its_batches_and_is_one_that_the_net_can_read():
    found = served_net.serve()
    row = found.picked
    assert found.company.shape == (6, 500, 8) and (found.company[:, row, 0] == row).all()
    assert all(len(set(group.tolist())) == 8 for group in found.company[:, row])
    assert found.in_eval[0, row] == found.split.y_test[row]
    assert len(served_net.served_figure(found).axes[1].texts) == 6


@pytest.mark.parametrize("show", [served_net.served, served_net.repaired_service, one_batch.columns])
def test_pictures_are_shown_with_words(show, capsys):
    show()
    assert len(capsys.readouterr().out) > 100


def test_what_is_worked_by_hand_is_what_torchs_layer_does():
    got = one_batch.worked(one_batch.COLUMN)
    layer = nn.BatchNorm1d(1).double()
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
    x = torch.tensor(one_batch.COLUMN, dtype=torch.float64)[:, None]
    pairs = [
        (layer(x), got.scaled),
        (layer.running_mean, [got.running_mean]),
        (layer.running_var, [got.running_var]),
        (layer.eval()(x), got.in_eval),
    ]
    for right, mine in pairs:
        assert right.flatten().tolist() == pytest.approx(mine, abs=1e-12)
    assert [row[0] for row in one_batch.BATCH] == list(one_batch.COLUMN)


def test_the_table_by_hand_shows_its_numbers(capsys):
    one_batch.by_hand()
    said = capsys.readouterr().out
    for number in ("1.75", "14.75 / 4", "3.6875", "14.75 / 3", "4.9167", "−1.4321", "1.3917"):
        assert number in said


def test_below_one_percent_from_102_rows_on(capsys):
    one_batch.two_divisors()
    said = capsys.readouterr().out
    assert "1.00" in said and "0.99" in said
    assert 1 / (101 - 1) >= 0.01 > 1 / (102 - 1)


def test_the_layer_moves_and_stretches_a_feature_and_keeps_its_shape():
    for x, x_hat, y in one_batch.one_feature(seed=3).values():
        assert torch.corrcoef(torch.stack([x, x_hat, y])).min() > 0.9999
    _, train, y = one_batch.one_feature(seed=3)["train mode"]
    _, eval_, _ = one_batch.one_feature(seed=3)["eval mode"]
    assert abs(train.mean()) < 1e-4 and abs(y.mean() - 1) < 1e-4 and eval_.mean() > 0.5
    assert len(one_batch.histogram_figure().axes) == 6


# --- what tests see


@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_the_sum_of_the_outputs_has_no_gradient_but_noise(seed):
    (a, right), (b, same) = (
        what_tests_see.gamma_gradients(kind, seed) for kind in (nn.BatchNorm1d, what_tests_see.ScaleShift)
    )
    precise, _ = what_tests_see.gamma_gradients(nn.BatchNorm1d, seed, torch.float64)
    assert 1e-12 < a.abs().max() < 1e-5 and precise.abs().max() < 1e-12
    assert (b == 0).all() and torch.allclose(right, same, atol=1e-4)


def test_of_the_six_only_the_fourth_tells_the_two_variances_apart():
    for id in ("unbiased_normalisation", "biased_running_var", "variances_exchanged", "unbiased_twice"):
        assert what_tests_see.seen_by(id)[0] == [4]


def test_kinds_that_the_six_catch_and_kinds_that_they_do_not():
    share = {kind: len(passing) / len(known) for kind, (known, passing) in what_tests_see.sorted_by_kind().items()}
    caught = ("mean that is subtracted", "variance that normalises", "γ and β", "axis: over what is averaged")
    missed = ("ε", "gradients", "buffers", "number formats", "one row", "side effects")
    assert max(share[kind] for kind in caught) < 0.2 and min(share[kind] for kind in missed) > 0.7


def test_the_examples_pass_the_six_and_give_no_bug_away():
    record = batchnorm1d_exercise.record
    passing = {s.id for _, passing in what_tests_see.sorted_by_kind().values() for s, _ in passing}
    hunted = {
        id
        for layer in LAYERS.values()
        for seen in [observe(layer, batchnorm1d_exercise.probes)]
        for id, lineup in record.lineup.items()
        if all(agree(seen.get(key), lineup.get(key)) for key in seen.keys() | lineup.keys())
    }
    assert set(what_tests_see._EXAMPLES.values()) <= passing
    assert not hunted & set(what_tests_see._EXAMPLES.values())


def test_a_layer_that_is_shown_earns_nothing(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("BATCHNORM_PROGRESS", str(tmp_path / "progress.json"))
    what_tests_see.six_checks(OwnSwitch)
    assert capsys.readouterr().out.count("✓") == 6 and not list(tmp_path.iterdir())


def test_each_decision_is_seen_by_some_check(capsys):
    assert all(any(what_tests_see.seen_by(id)) for _, id, _ in what_tests_see.DECISIONS)
    what_tests_see.why_each_line()
    what_tests_see.what_six_miss()
    what_tests_see.beyond_six()
    said = capsys.readouterr().out
    assert "together" in said and "`own_work`" in said


def test_the_gradient_of_the_input_is_the_formula_of_the_text():
    torch.manual_seed(0)
    x, g = torch.randn(7, 2, dtype=torch.float64, requires_grad=True), torch.randn(7, 2, dtype=torch.float64)
    layer = nn.BatchNorm1d(2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, -0.5]))
    (layer(x) * g).sum().backward()
    root = (x.var(0, correction=0) + layer.eps).sqrt()
    x_hat = (x - x.mean(0)) / root
    formula = layer.weight / root * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))
    assert torch.allclose(x.grad, formula, rtol=0, atol=1e-12)


def test_the_bugs_that_leave_the_training_loss_alone_do():
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    right = nn.BatchNorm1d(3)(x)
    for name in "AFH":
        assert torch.allclose(LAYERS[name](3)(x), right, atol=1e-6)
    assert torch.allclose(LAYERS["B"](3)(x), right * (5 / 6) ** 0.5, atol=1e-4)
    assert set(REFERENCE["spot_the_bug"]()) == set(LAYERS)
