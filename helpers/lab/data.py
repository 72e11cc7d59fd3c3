"""Data that is always at hand: scikit-learn's bundled digits, and small regression tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Split:
    """A training set and a held-out set.

    ``X_*``: (N, D) float tensors.  ``y_*``: (N,) int64 labels, or (N, 1) float targets of a regression.
    """

    X_train: torch.Tensor
    y_train: torch.Tensor
    X_test: torch.Tensor
    y_test: torch.Tensor


def digits(dtype: torch.dtype = torch.float32) -> Split:
    """1,797 handwritten 8×8 digits as 64 features: 1,297 for training, 500 held out, stratified, always the same split.

    Pixels are shifted and scaled by the mean and standard deviation of all training pixels together.  One held-out
    digit is 0.2 percentage points.  Source: the UCI digits bundled with scikit-learn (``load_digits``).

    >>> split = digits()
    >>> split.X_train.shape, split.X_test.shape
    (torch.Size([1297, 64]), torch.Size([500, 64]))
    """
    from sklearn.datasets import load_digits  # two seconds, which only those pay who want them
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=500, random_state=0, stratify=y)
    mean, std = X_train.mean(), X_train.std()
    return Split(
        torch.tensor((X_train - mean) / std, dtype=dtype),
        torch.tensor(y_train, dtype=torch.int64),
        torch.tensor((X_test - mean) / std, dtype=dtype),
        torch.tensor(y_test, dtype=torch.int64),
    )


def sine(rows: int = 512, features: int = 20, scale: float = 1.0, noise: float = 0.1, seed: int = 0) -> Split:
    """Regression of y = sin(2·scale·w·x) + noise on normal inputs; w is a random direction of length about 1.

    ``rows`` training rows and as many held-out rows.  With ``scale = √features`` the sine turns many times within
    the data and no small net can learn it; that is the set-up of a popular demo.
    """
    random = np.random.RandomState(seed)
    X = random.normal(size=(2 * rows, features))
    w = random.normal(size=(features, 1)) / np.sqrt(features)
    y = np.sin(2 * scale * (X @ w)) + noise * random.normal(size=(2 * rows, 1))
    X_all, y_all = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    return Split(X_all[:rows], y_all[:rows], X_all[rows:], y_all[rows:])
