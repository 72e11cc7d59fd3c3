"""Compare two observations, and say in words what differs.  Pure: no learner code is in reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model import Array, Observations, Raised

_YES = "(1 yes, 0 no)"
DIGITS = (4, 6, 8)
"""Significant digits of a number; more where fewer would make two that differ look alike."""
UNKNOWN = float(np.finfo(np.float32).max)
"""Stands for a number that a record does not keep: it is equal to every other."""


def asked(question: str) -> str:
    """The name of a quantity that answers a question with 1 or 0; messages then say yes or no.

    >>> said(f"moves/{asked('did running_mean move')}", np.array(1.0), ())
    'did running_mean move: yes'
    """
    return f"{question} {_YES}"


def agree(a: Array | Raised | None, b: Array | Raised | None) -> bool:
    """True where two observations show the same behaviour: same shape and values, or the same exception.

    Exceptions are the same by class and message; two that the layers raise on purpose by class alone, since each
    author words a refusal anew.
    """
    if a is b:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and (bool((a == b).all()) or close(a, b))
    if isinstance(a, Raised) and isinstance(b, Raised):
        return a.kind == b.kind and (
            a.message == b.message or (a.refusal and _refuses(b)) or (b.refusal and _refuses(a))
        )
    return False


def _refuses(raised: Raised) -> bool:
    """True for an exception that may have been raised on purpose; a record keeps no line that would tell."""
    return raised.refusal or (
        raised.kind == "ValueError" and not raised.where and "values to unpack" not in raised.message
    )


def close(a: Array, b: Array) -> bool:
    """True where two arrays of one shape are equal as far as known, within the tolerances of :func:`agree`."""
    known = (a != UNKNOWN) & (b != UNKNOWN)
    return bool(np.allclose(a[known], b[known], rtol=1e-4, atol=1e-5, equal_nan=True))


def close_each(a: Array, stack: Array) -> NDArray[np.bool_]:
    """For each array of a stack whether ``a`` is equal to it, as :func:`close` says."""
    with np.errstate(invalid="ignore"):
        same = (np.abs(a - stack) <= 1e-5 + 1e-4 * np.abs(stack)) | (a == stack) | (np.isnan(a) & np.isnan(stack))
        same |= stack == UNKNOWN
    return np.asarray(same.reshape(len(stack), -1).all(1))


def worst(a: Array, b: Array) -> tuple[int, ...]:
    """Index of the element in which two arrays of one shape differ most; a NaN counts as the largest difference.

    >>> worst(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
    (1,)
    """
    gap = np.nan_to_num(np.abs(a - b), nan=np.inf)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), a.shape)) if a.ndim else ()


def number(value: float, digits: int = DIGITS[0]) -> str:
    """A number as messages show it: four significant digits unless more are asked for, and rounding noise as 0.

    >>> number(1.18449), number(3.0), number(-2e-9), number(float("nan"))
    ('1.184', '3', '0', 'NaN')
    """
    if np.isnan(value):
        return "NaN"
    return "0" if abs(value) < 1e-7 else f"{value:.{digits}g}"


def pair(key: str, mine: Array | Raised, right: Array) -> tuple[str, str]:
    """(measured, expected) as text for the element that differs most; beside an exception, no number.

    Two numbers that differ are shown with so many digits that they do.
    """
    if isinstance(mine, Raised):
        return str(mine), quantity_of(key).partition(_YES)[0].rstrip()
    if mine.shape != right.shape:
        return f"{quantity_of(key)} of shape {mine.shape}", f"shape {right.shape}"
    index = worst(mine, right)
    for digits in DIGITS:
        measured, expected = said(key, mine, index, digits), said(key, right, index, digits)
        if measured != expected:
            break
    return measured, expected


def at(seen: Observations, key: str) -> Array | Raised | None:
    """The observation, or the exception that kept its probe from making it, or None."""
    return seen[key] if key in seen else seen.get(key.partition("/")[0])


def wrong_keys(seen: Observations, right: Observations) -> list[str]:
    """Keys of ``right`` that are otherwise in ``seen``, in the order of the probes."""
    return [k for k, value in right.items() if not agree(at(seen, k), value)]


def look_up(seen: Observations, key: str) -> Array | Raised:
    """The observation, or the exception that kept its probe from making it."""
    probe = key.partition("/")[0]
    return seen[probe] if probe in seen else seen[key]


def quantity_of(key: str) -> str:
    """The name of the quantity in a key."""
    return key.partition("/")[2]


def said(key: str, array: Array, index: tuple[int, ...], digits: int = DIGITS[0]) -> str:
    """One element in words: "running_var[0] = 1.2"; where the quantity asks a question, "did it move: yes"."""
    value, (question, yes_no, _) = float(array[index]), quantity_of(key).partition(_YES)
    if np.isnan(value) and question.startswith("gradient"):
        return f"{question}: none (None)"
    if yes_no and value in (0.0, 1.0):
        return f"{question.rstrip()}: {'yes' if value else 'no'}"
    place = f"[{', '.join(map(str, index))}]" if index else ""
    return f"{quantity_of(key)}{place} = {number(value, digits)}"
