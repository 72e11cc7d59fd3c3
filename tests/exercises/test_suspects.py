"""Every reference and every suspect of the course: still as recorded, judged, and explained as itself."""

import pytest

from helpers.editions.recording import answers_of, record_from_code, suspects
from helpers.exercises import catalogue
from helpers.judge.compare import agree
from helpers.judge.observe import observe
from helpers.judge.quiz import Quiz
from helpers.judge.record import from_bytes, to_bytes

SCATTERED = True
RECORDED = list(catalogue().values())
CASES = [(e, s) for e in RECORDED for s in suspects(e)]


def groups(exercise):
    """Sets of suspects that the exercise's answers declare to behave alike."""
    return getattr(answers_of(exercise), "ALIKE", ())


@pytest.mark.parametrize(("exercise", "suspect"), CASES, ids=lambda x: x.id)
def test_suspect_is_as_recorded_fails_and_is_explained_as_itself(exercise, suspect):
    seen, recorded = observe(suspect.make, exercise.probes), exercise.record.lineup[suspect.id]
    assert [k for k in seen.keys() | recorded.keys() if not agree(seen.get(k), recorded.get(k))] == []
    found = exercise.whole.assess(seen)
    assert any(v.passed is False for v in found.verdicts)
    if isinstance(exercise, Quiz):  # its causes are the wrong rows
        rows = [e.title for e in found.causes]
        assert len(rows) > 1 or rows == [suspect.title]
        return
    alike = next((group for group in groups(exercise) if suspect.id in group), {suspect.id})
    assert {e.id for e in found.causes} in (set(alike), set(suspect.id.split("+")))
    assert all(e.exact and e.evidence for e in found.causes)


@pytest.mark.parametrize("exercise", RECORDED, ids=lambda e: e.id)
def test_the_record_names_the_suspects_of_the_code(exercise):
    def texts(found):
        return [(s.id, s.category, s.title, s.shows) for s in found]

    coded, lineup = suspects(exercise), exercise.record.lineup
    assert len({s.id for s in coded}) == len(coded)
    assert texts(exercise.record.suspects) == texts(coded)
    assert [s.id for s in coded if s.shows not in {"", *exercise.record.right, *lineup[s.id]}] == []
    assert [s.id for s in coded if not s.title.endswith((".", ")", "?", "`"))] == []


def test_the_other_layers_have_at_least_six_suspects_each():
    ids = ("layernorm", "groupnorm", "rmsnorm", "batchnorm2d", "reestimate_statistics", "freeze_batchnorm")
    assert min(len(catalogue()[id].record.suspects) for id in ids) >= 6


def test_a_record_is_the_same_bytes_for_the_same_observations_and_is_read_back():
    exercise = catalogue()["feature_statistics"]
    made = record_from_code(exercise)
    assert to_bytes(made) == to_bytes(record_from_code(exercise))
    read = from_bytes(to_bytes(made))
    assert read.source == made.source
    for key, value in made.right.items():
        assert agree(read.right[key], value)
