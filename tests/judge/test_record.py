"""A class edition's record judges and explains like the code it was made from."""

import importlib
import sys

import pytest

from helpers.exercises import catalogue
from helpers.judge import record
from helpers.judge.explain import explain


@pytest.mark.parametrize("exercise", catalogue().values(), ids=lambda e: e.id)
def test_record_explains_like_the_code(exercise, tmp_path, monkeypatch):
    a = exercise.answers
    package = tmp_path / "recorded_here"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / f"{exercise.id}.zip").write_bytes(record.record_bytes(a.right, a.suspects, a.lineup))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    sys.modules.pop("recorded_here", None)
    read = record.read_record("recorded_here", exercise.id)
    assert read.right.keys() == a.right.keys()
    assert [s.title for s in read.suspects] == [s.title for s in a.suspects]
    for suspect in a.suspects:
        seen = a.lineup[suspect.id]
        by_code = explain(seen, a.right, a.suspects, a.lineup)
        by_record = explain(seen, read.right, read.suspects, read.lineup)
        assert [(e.id, e.exact) for e in by_record] == [(e.id, e.exact) for e in by_code]
