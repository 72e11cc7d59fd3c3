"""Notebook 10: the stored results are what their command computes, and hold what the text says of them."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.exercises.answers.early_stopping import EarlyStopping
from helpers.exercises.answers.k_fold import k_fold_accuracy
from helpers.experiments import (
    dropping,
    leaks,
    memorising,
    more_parameters,
    overfitting_seeds,
    regularisers,
    sparse_weights,
    stored,
)

FILES = overfitting_seeds.FILES
FAST = [(file, f) for file, experiments in FILES.items() for f in experiments if f is not regularisers.same_budget]


def test_a_random_part_is_computed_again():
    start = random.randrange(10**6)
    print(f"random.Random({start})")
    chance = random.Random(start)
    (file, experiment), seed = chance.choice(FAST), chance.choice(list(overfitting_seeds.SEEDS))
    found = stored.load(file, experiment.__name__)
    for key, value in experiment(seed).items():
        kept, made = found[key][seed], np.array(value)
        if experiment is more_parameters.over_features:  # at 40 features rounding decides the last digits
            kept, made = (np.delete(v, more_parameters.FEATURES.index(40)) for v in (kept, made))
        np.testing.assert_allclose(kept, made, rtol=0.2, atol=0.12 if file != "dropping" else 3.0, err_msg=key)


def test_one_run_of_the_slow_experiment_is_computed_again():
    way, seed = random.choice(list(regularisers.WAYS)), random.choice(list(overfitting_seeds.SEEDS))
    made = regularisers.run(way, regularisers.WAYS[way][0], seed)
    kept = stored.load(regularisers.FILE, "same_budget")[way][seed, 0]
    np.testing.assert_allclose(kept, made, rtol=0.15, atol=0.08, err_msg=f"{way}, seed {seed}")


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_how_it_was_made_and_is_small(file):
    path = Path(overfitting_seeds.__file__).with_name(f"{file}.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["command"] == overfitting_seeds.COMMAND and kept["torch"] and kept["numpy"]
    assert kept["results"].keys() == kept["seeds"].keys() == {f.__name__ for f in FILES[file]}
    assert all(seeds == list(overfitting_seeds.SEEDS) for seeds in kept["seeds"].values())
    assert path.stat().st_size < 40_000


def test_bias_variance_and_noise_are_the_error():
    found = stored.load(more_parameters.FILE, "over_features")
    total = found["bias²"] + found["variance"] + found["noise"]
    assert (abs(found["error"] / total - 1) < 0.1).all()


def test_the_shortest_weights_that_fit():
    torch.manual_seed(0)
    A, y = torch.randn(3, 6, 20, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    assert torch.allclose(more_parameters.solve(A, y), (torch.linalg.pinv(A) @ y[..., None])[..., 0])
    tall = A.mT[:, :, :4]
    assert torch.allclose(more_parameters.solve(tall, A[:, 0]), (torch.linalg.pinv(tall) @ A[:, 0, :, None])[..., 0])
    both = [more_parameters.solve(B, v, 0.3) for B, v in ((A, y), (tall, A[:, 0]))]
    ways = [
        (B.mT @ B + 0.3 * torch.eye(B.shape[2], dtype=B.dtype)) @ w[..., None] - B.mT @ v[..., None]
        for B, v, w in zip((A, tall), (y, A[:, 0]), both, strict=True)
    ]
    assert max(way.abs().max() for way in ways) < 1e-10


def test_with_nothing_leaking_the_learners_pipeline_and_the_table_agree():
    for seed in (0, 3):
        X, y = leaks.noise(seed)
        yours = k_fold_accuracy(X, y, leaks.FOLDS, leaks.KEEP, leaks.nearest_mean)
        assert torch.allclose(yours, leaks.scores(X, y, ()))
        assert leaks.scores(X, y, ("scaling", "choice")).mean() > yours.mean() + 0.1


def test_the_epoch_that_comes_back_is_that_of_the_class():
    chance = random.Random(5)
    for _ in range(20):
        losses, patience = [chance.randrange(9) for _ in range(15)], chance.choice((1, 2, 4))
        stopper, net = EarlyStopping(patience), nn.Linear(1, 1)
        for epoch, loss in enumerate(losses):
            nn.init.constant_(net.weight, float(epoch))
            if stopper.step(loss, net):
                break
        stopper.restore(net)
        assert memorising.best_epoch(losses, patience) == net.weight.item()


def test_a_panel_is_called_what_all_its_curves_are(monkeypatch):
    drawn = []
    monkeypatch.setattr(memorising.figures, "show", lambda figure, _: drawn.append(figure))
    memorising.noise_figure()
    left, right = drawn[0].axes
    assert left.get_title().startswith("loss") and right.get_title().startswith("share of rows in %")
    assert "validation accuracy, true labels" in [line.get_label() for line in right.get_lines()]


def test_dropout_alone_is_switched_on():
    net = memorising.mlp(norm=True, dropout=0.2)
    made = dropping.dropout_only(net)
    assert {type(layer) for layer in made.modules() if layer.training} == {nn.Dropout}
    assert net.training


def test_torchs_optimisers_decay_as_the_table_says():
    w = nn.Parameter(torch.ones(1, dtype=torch.float64))
    for decoupled, optimiser in ((True, torch.optim.AdamW), (False, torch.optim.Adam)):
        torch.nn.init.ones_(w)
        steps = optimiser([w], lr=1e-3, weight_decay=0.1)
        random_numbers = torch.Generator().manual_seed(60_000)
        for _ in range(50):
            w.grad = torch.randn(3, 100, generator=random_numbers, dtype=torch.float64)[1, :1]
            steps.step()
        assert w.item() == pytest.approx(sparse_weights.adam(decoupled, 0, steps=50)[1, 0].item(), abs=1e-12)
