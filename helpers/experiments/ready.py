"""Whether what a learner built can be used in an experiment."""

from __future__ import annotations

from typing import Any

from helpers.judge.exercise import Exercise


def ready(exercise: Exercise, yours: Any) -> bool:
    """Whether it passes; where not, one sentence says that what needs it is left out."""
    if exercise.assessed(yours).passed:
        return True
    print(f"This needs a {exercise.builds} that passes. Come back to this cell then.")
    return False
