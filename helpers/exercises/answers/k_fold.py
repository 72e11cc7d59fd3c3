"""Reference and suspects of notebook 10's k-fold pipeline."""

from __future__ import annotations

from collections.abc import Callable

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant

from .train_and_eval import as_given

Predict = Callable[[torch.Tensor], torch.Tensor]


def k_fold_accuracy(
    X: torch.Tensor, y: torch.Tensor, k: int, keep: int, fit: Callable[[torch.Tensor, torch.Tensor], Predict]
) -> torch.Tensor:
    """Accuracy of each of k folds, (k,); fold i holds out the rows i, i + k, i + 2k, and so on, fold 0 first.

    X: (N, D).  y: (N,), 0.0 or 1.0.  In each fold the features have mean 0 and standard deviation 1 over what is
    fitted, and only those `keep` are used whose correlation with y is largest in absolute value.
    fit(X, y) is called once in each fold and returns predict(X), labels like y; predict is called once as well.
    """
    # One bug:
    # X = (X - X.mean(0)) / X.std(0)
    # chosen = (X.T @ (y - y.mean())).abs().topk(keep).indices
    # X = X[:, chosen]
    # scores = []
    # for i in range(k):
    #     held_out = torch.arange(len(X)) % k == i
    #     predict = fit(X[~held_out], y[~held_out])
    #     right = predict(X[held_out]) == y[held_out]
    #     scores.append(right.double().mean())
    # return torch.stack(scores)
    ### BEGIN SOLUTION
    scores = []
    for i in range(k):
        held_out = torch.arange(len(X)) % k == i
        train, labels = X[~held_out], y[~held_out]
        mean, std = train.mean(0), train.std(0)
        scaled = (train - mean) / std
        chosen = (scaled.T @ (labels - labels.mean())).abs().topk(keep).indices
        predict = fit(scaled[:, chosen], labels)
        right = predict(((X[held_out] - mean) / std)[:, chosen]) == y[held_out]
        scores.append(right.double().mean())
    return torch.stack(scores)
    ### END SOLUTION


REFERENCE = {"k_fold": k_fold_accuracy}

_TRAIN = "train, labels = X[~held_out], y[~held_out]"
_STATISTICS = "mean, std = train.mean(0), train.std(0)"
_CHOSEN = "chosen = (scaled.T @ (labels - labels.mean())).abs().topk(keep).indices"
_FIT = "predict = fit(scaled[:, chosen], labels)"
_RIGHT = "right = predict(((X[held_out] - mean) / std)[:, chosen]) == y[held_out]"
_OF_ALL = "chosen = (((X - mean) / std).T @ (y - y.mean())).abs().topk(keep).indices"
_SEES = "changed/does what fit sees change with a held-out row (1 yes, 0 no)"
_LABELS = "changed/does what fit sees change with a held-out label (1 yes, 0 no)"
_SUMS = "held_out/sum of each held-out row"
_FEATURES = "fitted/features of each fold (1 chosen)"


def _suspect(id: str, category: str, title: str, *edits: tuple[str, str], shows: str = "", also: str = "") -> Suspect:
    return Suspect(id, category, title, variant(k_fold_accuracy, *edits), shows, also)


SUSPECTS = {
    "k_fold": (
        Suspect(
            "as_given",
            "as given",
            "means, deviations and the choice of features are still computed before the split, from all rows.",
            as_given(k_fold_accuracy),
            _LABELS,
        ),
        _suspect(
            "scaled_before",
            "scaling",
            "the features are chosen inside the fold, and scaled with the mean and deviation of all rows; a held-out row is in them.",
            (_STATISTICS, "mean, std = X.mean(0), X.std(0)"),
            shows=_SEES,
        ),
        _suspect(
            "chosen_before",
            "choice",
            "the features are scaled inside the fold, and chosen with all rows and all labels; the choice is fitted too.",
            (_CHOSEN, "chosen = (((X - X.mean(0)) / X.std(0)).T @ (y - y.mean())).abs().topk(keep).indices"),
            shows=_LABELS,
        ),
        _suspect(
            "chosen_from_all_rows_in_the_loop",
            "choice",
            "the choice stands inside the loop and still uses all rows: not the place counts, but which rows.",
            (_CHOSEN, _OF_ALL),
            shows=_LABELS,
        ),
        _suspect(
            "chosen_from_the_held_out",
            "choice",
            "the features are chosen by their correlation in the held-out rows: those are to be judged, not used.",
            (
                _CHOSEN,
                "chosen = (((X[held_out] - mean) / std).T @ (y[held_out] - y[held_out].mean())).abs().topk(keep).indices",
            ),
            shows=_LABELS,
        ),
        _suspect(
            "not_chosen",
            "choice",
            "all features are used; only `keep` of them are asked for.",
            (_CHOSEN, "chosen = torch.arange(X.shape[1])"),
            shows=_FEATURES,
        ),
        _suspect(
            "first_features",
            "choice",
            "the first features are used, whatever their correlation with y.",
            (_CHOSEN, "chosen = torch.arange(keep)"),
            shows=_FEATURES,
        ),
        _suspect(
            "largest_with_sign",
            "choice",
            "the absolute value is missing: a strong negative correlation tells as much as a positive one.",
            (".abs().topk(keep)", ".topk(keep)"),
            shows=_FEATURES,
        ),
        _suspect(
            "weakest",
            "choice",
            "the features with the smallest correlations are used.",
            ("topk(keep)", "topk(keep, largest=False)"),
            shows=_FEATURES,
        ),
        _suspect(
            "covariance",
            "choice",
            "the features are chosen by their covariance with y, before they are scaled, so large ones win; the correlation is "
            "that of the scaled ones.",
            (_CHOSEN, "chosen = ((train - mean).T @ (labels - labels.mean())).abs().topk(keep).indices"),
            shows=_FEATURES,
        ),
        _suspect(
            "not_centred",
            "choice",
            "neither feature nor label is centred where the features are chosen: a feature with a large mean wins.",
            (_CHOSEN, "chosen = ((train / std).T @ labels).abs().topk(keep).indices"),
            shows=_FEATURES,
        ),
        _suspect(
            "own_statistics",
            "scaling",
            "the held-out rows are scaled with their own mean and deviation; use those of the training rows.",
            (
                _RIGHT,
                "rest = X[held_out]\n        right = predict(((rest - rest.mean(0)) / rest.std(0))[:, chosen]) == y[held_out]",
            ),
            shows=_SUMS,
        ),
        _suspect(
            "held_out_not_scaled",
            "scaling",
            "the held-out rows are not scaled: the model was fitted on scaled ones.",
            (_RIGHT, "right = predict(X[held_out][:, chosen]) == y[held_out]"),
            shows=_SUMS,
        ),
        _suspect(
            "held_out_by_all",
            "scaling",
            "the held-out rows are scaled with the statistics of all rows; use those of the training rows.",
            (_RIGHT, "right = predict(((X[held_out] - X.mean(0)) / X.std(0))[:, chosen]) == y[held_out]"),
            shows=_SUMS,
        ),
        _suspect(
            "only_centred",
            "scaling",
            "the features are centred and not divided by their deviation.",
            ("scaled = (train - mean) / std", "std = torch.ones_like(std)\n        scaled = train - mean"),
            shows="fitted/largest standard deviation of a feature that fit sees",
        ),
        _suspect(
            "by_the_variance",
            "scaling",
            "the features are divided by their variance; divide by the standard deviation.",
            ("train.std(0)", "train.var(0)"),
            shows="fitted/largest standard deviation of a feature that fit sees",
        ),
        _suspect(
            "not_scaled",
            "scaling",
            "the features are not scaled at all.",
            (_FIT, "predict = fit(train[:, chosen], labels)"),
            (_RIGHT, "right = predict(X[held_out][:, chosen]) == y[held_out]"),
            shows="fitted/largest mean of a feature that fit sees",
        ),
        _suspect(
            "one_mean_for_all",
            "scaling",
            "all features share one mean and one deviation; each has its own, over dim=0.",
            (_STATISTICS, "mean, std = train.mean(), train.std()"),
            shows="fitted/largest mean of a feature that fit sees",
        ),
        _suspect(
            "fitted_on_all",
            "split",
            "the model is fitted on all rows, those that are held out too.",
            (_FIT, "predict = fit(((X - mean) / std)[:, chosen], y)"),
            shows="fitted/rows that fit sees in each fold",
        ),
        _suspect(
            "judged_on_training_rows",
            "split",
            "the accuracy is that of the training rows; judge the rows that were held out.",
            (_RIGHT, "right = predict(scaled[:, chosen]) == labels"),
            shows="held_out/rows that predict is asked for in each fold",
        ),
        _suspect(
            "judged_on_all",
            "split",
            "the accuracy is that of all rows; judge those that were held out.",
            (_RIGHT, "right = predict(((X - mean) / std)[:, chosen]) == y"),
            shows="held_out/rows that predict is asked for in each fold",
        ),
        _suspect(
            "fold_and_rest_swapped",
            "split",
            "the model is fitted on the one fold and judged on the rest; it is the other way round.",
            ("% k == i", "% k != i"),
            shows="fitted/rows that fit sees in each fold",
        ),
        _suspect(
            "contiguous",
            "split",
            "the folds are runs of neighbouring rows; fold i holds out the rows i, i + k, i + 2k, and so on.",
            ("torch.arange(len(X)) % k == i", "torch.arange(len(X)) * k // len(X) == i"),
        ),
        _suspect(
            "numbers_for_a_mask",
            "split",
            "`~` turns a mask of True and False around; numbers of rows have to become a mask first.",
            ("torch.arange(len(X)) % k == i", "range(i, len(X), k)"),
        ),
        _suspect(
            "mean_only",
            "answer",
            "the mean of the folds is returned; the accuracy of each of them is asked for.",
            ("return torch.stack(scores)", "return torch.stack(scores).mean()"),
            shows="held_out/scores",
        ),
        _suspect(
            "errors",
            "answer",
            "the error of each fold is returned; the accuracy is asked for.",
            ("return torch.stack(scores)", "return 1 - torch.stack(scores)"),
            shows="held_out/scores",
        ),
        _suspect(
            "counts",
            "answer",
            "the number of right answers is returned; divide it by the rows of the fold.",
            ("right.double().mean()", "right.double().sum()"),
            shows="held_out/scores",
        ),
        _suspect(
            "last_fold_only",
            "answer",
            "only the last fold is returned; collect all of them.",
            ("scores.append(right.double().mean())", "scores = [right.double().mean()]"),
            shows="held_out/scores",
        ),
    )
}
