"""Under a salt probes feed other numbers, and each reference still agrees with itself: a grader relies on both."""

import os
import pickle
import subprocess
import sys

import pytest

from helpers.editions.recording import answers_of
from helpers.exercises import catalogue
from helpers.judge.observe import observe
from helpers.judge.rules import verdicts_of

SALT = 7
EXERCISES = list(catalogue().values())
FEED_NO_NUMBERS = {
    "diagnoses",
    "evidence",
    "figure_3",  # a table of the paper
    "spot_the_bug",
    "statistics_dims",
    "where_plain_wins",
    "which_norm",
    "why_batch_norm_diverges",
    "why_plain_stalls",
}
OBSERVE = """
import pickle, sys
from tests.exercises.test_salt import EXERCISES, seen_of
with open(sys.argv[1], "wb") as file:
    pickle.dump({e.id: (seen_of(e), seen_of(e)) for e in EXERCISES}, file)
"""


def seen_of(exercise):
    return observe(answers_of(exercise).REFERENCE[exercise.record_id], exercise.probes)


@pytest.fixture(scope="module")
def salted(tmp_path_factory):
    """What every reference shows under the salt, twice: {id: (seen, recorded)}."""
    path = tmp_path_factory.mktemp("salt") / "seen"
    environment = os.environ | {"BATCHNORM_SALT": str(SALT)}
    subprocess.run([sys.executable, "-c", OBSERVE, str(path)], check=True, env=environment)
    return pickle.loads(path.read_bytes())


def passed(exercise, seen, right):
    whole = exercise.whole
    return [v.passed for v in verdicts_of(whole.checks, whole.probes, seen, right)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_a_reference_agrees_with_itself_under_a_salt(exercise, salted):
    assert all(passed(exercise, *salted[exercise.id]))


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.id not in FEED_NO_NUMBERS], ids=lambda e: e.id)
def test_the_record_without_a_salt_does_not_pass_under_one(exercise, salted):
    assert not all(passed(exercise, exercise.record.right, salted[exercise.id][1]))
