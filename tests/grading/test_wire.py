"""Observations cross a pipe unchanged, and nothing else does."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.grading.wire import LIMIT, from_bytes, to_bytes
from helpers.judge.compare import agree
from helpers.judge.model import Raised

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=300)
VALUES = st.one_of(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0)),
    st.builds(Raised, PRINTABLE, PRINTABLE, PRINTABLE),
)


@given(st.dictionaries(PRINTABLE, VALUES, max_size=5))
def test_there_and_back(seen):
    again = from_bytes(to_bytes(seen))
    assert list(again) == list(seen)
    for key, value in seen.items():
        if isinstance(value, Raised):
            assert again[key] == value
        else:
            assert again[key].dtype == np.float64 and again[key].shape == value.shape
            assert np.array_equal(again[key], value, equal_nan=True)


def test_what_comes_back_is_a_copy_that_can_be_written_to():
    value = from_bytes(to_bytes({"a/b": np.arange(6).reshape(2, 3)[:, ::2]}))["a/b"]
    value += 1
    assert agree(value, np.array([[1.0, 3.0], [4.0, 6.0]]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        assert isinstance(from_bytes(data), dict)


@pytest.mark.parametrize(
    "index",
    [
        [],
        None,
        {"a": [2]},  # one number for two
        {"a": []},  # one number too many: two are there
        {"a": [-1, -2]},
        {"a": [1.0]},
        {"a": [True]},
        {"a": [10**30, 0]},
        {"a": [LIMIT, LIMIT, LIMIT]},
        {"a": [1] * 40},
        {"a": "text"},
        {"a": None},
        {"a": {"kind": "E"}},
        {"a": {"kind": "E", "message": 3, "where": ""}},
        {"a": {"kind": "E", "message": "", "where": "", "more": ""}},
    ],
)
def test_a_forged_index_is_refused(index):
    numbers = b"\0" * (16 if index == {"a": []} else 8)
    with pytest.raises(ValueError):
        from_bytes(json.dumps(index).encode() + b"\n" + numbers)


@pytest.mark.parametrize("data", [b"", b"{", b"\x80\x04.", b"[" * 100_000, b'{"a": 1' + b"0" * 10_000 + b"}", b"{}\n1"])
def test_forged_bytes_are_refused(data):
    with pytest.raises(ValueError):
        from_bytes(data)


def test_text_cannot_steer_a_terminal_or_grow():
    raised = from_bytes(to_bytes({"\x1b[2J": Raised("E" * 999, "\ud800\r\n", "\u202e")}))
    assert list(raised) == ["\N{REPLACEMENT CHARACTER}[2J"]
    (value,) = raised.values()
    assert len(value.kind) == 300 and value.message == "\N{REPLACEMENT CHARACTER}" * 3 and not value.where.isascii()
    str(value).encode()
