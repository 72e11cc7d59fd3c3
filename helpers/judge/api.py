"""What an author of exercises imports from the judge."""

from .compare import agree, asked
from .exercise import Exercise
from .model import Array, Assessment, Check, Finding, Observations, Probe, Raised, Rule
from .observe import BadOutput, as_array, tensor, tensors
from .quiz import Question, Quiz
from .reading import Names
from .rules import all_of, matches, near

__all__ = [
    "Array",
    "Assessment",
    "BadOutput",
    "Check",
    "Exercise",
    "Finding",
    "Names",
    "Observations",
    "Probe",
    "Question",
    "Quiz",
    "Raised",
    "Rule",
    "agree",
    "all_of",
    "as_array",
    "asked",
    "matches",
    "near",
    "tensor",
    "tensors",
]
