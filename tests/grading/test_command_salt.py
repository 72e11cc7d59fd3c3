"""Under a salt other numbers are fed: what was recorded is of no use, and a right answer stays right."""

import inspect
import json

import pytest

from helpers.exercises.answers import batchnorm1d, feature_statistics, paper
from helpers.grading import report
from helpers.grading.report import find_exercise, judge_file
from helpers.grading.sandbox import Limits, Sandbox

IMPORTS = "import torch\nfrom torch import Tensor, nn\n\n"
REFERENCES = {
    "batchnorm1d": batchnorm1d.REFERENCE,
    "feature_statistics": feature_statistics.REFERENCE,
    "algorithm_1": paper.REFERENCE,
}
REPLAY = """
import json, numpy
import helpers.grading.worker as worker
recorded = json.loads({!r})
def observe(obj, probes):
    start = probes[0].id + "/"
    return {{key: numpy.array(value) for key, value in recorded.items() if key.startswith(start)}}
worker.observe = observe
{} = None
"""


def replay(exercise):
    """A file that sends what is recorded of the reference, whatever it is fed."""
    right = {key: value.tolist() for key, value in exercise.record.right.items()}
    return REPLAY.format(json.dumps(right), exercise.builds)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The reports on files under one salt."""
    path = tmp_path_factory.mktemp("handed_in") / "ps1.py"

    def judge(salt, files):
        with Sandbox(salt) as sandbox:
            for id, text in files:
                path.write_text(text, encoding="utf-8")
                yield judge_file(path, find_exercise(id), sandbox, Limits(seconds=60.0), salt)

    return judge


def test_a_right_answer_passes_under_a_salt(judged):
    files = [(id, IMPORTS + inspect.getsource(known[id])) for id, known in REFERENCES.items()]
    for found in judged(123_456_789, files):
        assert found.passed and not found.found.causes, found.as_text() if found.found.verdicts else found.error


@pytest.mark.parametrize(("salt", "code"), [(0, 0), (7, 1)])
def test_recorded_values_pass_only_without_a_salt(judged, salt, code):
    files = [(id, replay(find_exercise(id))) for id in REFERENCES]
    assert [found.exit_code for found in judged(salt, files)] == [code] * len(files)


def test_a_class_edition_without_references_says_so(judged, monkeypatch):
    monkeypatch.setattr(report, "ANSWERS", "no_answers")
    (found,) = judged(
        31,
        [("feature_statistics", IMPORTS + inspect.getsource(REFERENCES["feature_statistics"]["feature_statistics"]))],
    )
    assert found.exit_code == 2 and found.error.startswith("A salt needs the reference's code")
