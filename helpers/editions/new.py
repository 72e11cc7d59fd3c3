"""Write the stubs of a new exercise, notebook or interview card; what they hold already passes lint and tests.

    python -m helpers.editions.new exercise NAME --notebook 06
    python -m helpers.editions.new notebook 06_why_it_works
    python -m helpers.editions.new card bn-16

Writes only files that are not there yet, and appends to the source of the notebook and to the file of the topic.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path
from string import Template

from .places import ROOT, SourceError

_CARD = '''
[[card]]
id = "$name"
question = "What is asked?"
chip = "medium"
topics = ["a pill"]
decks = []
touches = "What a full answer touches, in one line that does not give it away."
answer = """The first fact stands here. A model answer has 60 to 140 words of your own, with its formula between dollar
signs and with its sources below. It begins with the thing that was asked for, says why it is so, and ends with the case
in which it is not so. Each key point is one fact, and the answer states all of them. Read it aloud once: an interviewer
would hear it in about forty seconds."""
sources = ["Author year, section"]
follow_ups = ["$topic-01"]

[[card.points]]
id = "first-fact"
fact = "The first fact stands here."
says = ['"first fact"']
opposite = ['"no first fact"']

[[card.flags]]
id = "wrong-fact"
fact = "The wrong fact stands here."
says = ['"wrong fact stands"']
'''

_EXERCISE = '''\
"""$title: what is asked for, how it is fed, and what has to come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from helpers.judge.api import Check, Exercise, Probe, matches, tensor

from .measuring import normal


def _batch($name: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    return {"result": tensor($name(normal(0, (6, 3), 3.0, 5.0)), "the result")}


${name}_exercise = Exercise(
    id="$name",
    title="$title",
    module=__name__,
    builds="$name",
    probes=(Probe("batch", "a 6×3 batch: 6 rows, 3 features", _batch),),
    checks=(
        Check(
            "numbers",
            "the numbers that are asked for",
            (matches("batch/result"),),
            "When a user would meet the mistake.",
            ("A nudge.", "A pointer.", "`almost the line`"),
        ),
    ),
)
'''

_ANSWERS = '''\
"""Reference and suspects of $name."""

from __future__ import annotations

import torch

from helpers.judge.model import Suspect
from helpers.judge.variant import variant


def $name(x: torch.Tensor) -> torch.Tensor:
    """Say what is returned, with shapes: here the sum of each feature of x, shape (N, C); the result has shape (C,)."""
    ### BEGIN SOLUTION
    return x.sum(dim=0)
    ### END SOLUTION


REFERENCE = {"$name": $name}

SUSPECTS = {
    "$name": (
        Suspect(
            "rows",
            "axis",
            "you sum over dim=1, the features of one row; you should sum over dim=0, the examples.",
            variant($name, ("dim=0", "dim=1")),
        ),
    )
}
'''

_TEST = '''\
"""Right answers in other styles; reference and suspects are tested with those of all exercises."""

import pytest

from helpers.exercises.$name import ${name}_exercise

RIGHT = {
    "as a loop": lambda x: sum(row for row in x),
}


@pytest.mark.parametrize("style", RIGHT)
def test_right_answers_in_other_styles(style):
    assert ${name}_exercise.assessed(RIGHT[style]).passed
'''

_CELLS = """
# %% [markdown]
# ### $title
#
# *Exercise, easy, 5 minutes.* Say what is asked for.

# %% solution="$name"
from helpers.exercises.answers.$name import $name

# %%
from helpers.exercises.$name import ${name}_exercise

${name}_exercise.check($name)

# %%
# ${name}_exercise.hint($name)
# ${name}_exercise.solution($name)

# %% grade="$name" points=1

# %% [markdown]
# Say what the learner has now, and what comes next.
"""

_NOTEBOOK = """\
# %% [markdown] builds="what is built here"
# # $number · $title
#
# Begin with something that fails or surprises.
#
# After this notebook you can
# - say what.

# %% setup="setup"
import helpers

# %%
import torch

from helpers.exercises.measuring import normal

x = normal(0, (6, 3))
print("A cell shows one idea; its plumbing lives in helpers:", tuple(x.shape))

# %% [markdown]
# ## Recap
#
# 1. One sentence for each thing to remember.
"""


def exercise(name: str, notebook: str, root: Path = ROOT) -> list[Path]:
    """Write the files of an exercise and append its cells to the source of ``notebook`` (its number is enough).

    Returns the files.  Raises SourceError for a name that is none, one that is taken, or a notebook that is not there.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise SourceError(f"`{name}` is no name for an exercise: use small letters, digits and _.")
    sources = sorted((root / "solutions").glob(f"{notebook[:2]}_*.py"))
    if not sources:
        known = ", ".join(p.stem for p in sorted((root / "solutions").glob("[0-9][0-9]_*.py")))
        raise SourceError(f"solutions/{notebook}: there is no such notebook; there are {known}.")
    about = {"name": name, "title": name.replace("_", " ").capitalize()}
    made = {
        root / "helpers" / "exercises" / f"{name}.py": _EXERCISE,
        root / "helpers" / "exercises" / "answers" / f"{name}.py": _ANSWERS,
        root / "tests" / "exercises" / f"test_{name}.py": _TEST,
    }
    _write({path: Template(text).substitute(about) for path, text in made.items()})
    with sources[0].open("a", encoding="utf-8") as source:
        source.write(Template(_CELLS).substitute(about))
    return [*made, sources[0]]


def notebook(name: str, root: Path = ROOT) -> list[Path]:
    """Write the source of a notebook, for example ``06_why_it_works``; returns the file.

    Raises SourceError for a name of another form, or a number that is taken.
    """
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", name):
        raise SourceError(f"`{name}` is no name for a notebook: two digits, _ and small letters: `06_why_it_works`.")
    taken = sorted((root / "solutions").glob(f"{name[:2]}_*.py"))
    if taken:
        raise SourceError(f"solutions/{taken[0].name} has that number already; choose another.")
    path = root / "solutions" / f"{name}.py"
    title = name[3:].replace("_", " ").capitalize()
    _write({path: Template(_NOTEBOOK).substitute(number=name[:2], title=title)})
    return [path]


def card(name: str, root: Path = ROOT) -> list[Path]:
    """Append a stub to the cards of a topic, for example ``bn-16``; returns the file.

    Raises SourceError for an id of another form, a topic that is not there, or an id that is taken.
    """
    topic, _, number = name.partition("-")
    path = root / "helpers" / "drill" / "bank" / f"{topic}.toml"
    if not re.fullmatch(r"\d\d", number) or not path.exists():
        topics = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise SourceError(f"`{name}` is no id of a card: a topic ({topics}), - and two digits: `bn-16`.")
    text = path.read_text(encoding="utf-8")
    if f'id = "{name}"' in text:
        raise SourceError(f"{path.name} has a card {name} already; choose another number.")
    path.write_text(text.rstrip() + "\n" + Template(_CARD).substitute(name=name, topic=topic), encoding="utf-8")
    return [path]


def _write(files: dict[Path, str]) -> None:
    """Write all of the files, or none where one is there."""
    for path in files:
        if path.exists():
            raise SourceError(f"{path} is there already; choose another name, or remove it.")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


def main() -> int:
    """The command; exit 0, or 1 with one sentence where a name cannot be used."""
    parser = argparse.ArgumentParser("python -m helpers.editions.new", description=__doc__.partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("exercise", help="an exercise: probes and checks, reference and a suspect, a test, cells")
    one.add_argument("name")
    one.add_argument("--notebook", required=True, metavar="06", help="number or name of the notebook that it is for")
    kinds.add_parser("notebook", help="a notebook: its source").add_argument("name")
    kinds.add_parser("card", help="an interview card: its stub in the file of its topic").add_argument("name")
    options = parser.parse_args()
    try:
        if options.kind == "exercise":
            made = exercise(options.name, options.notebook)
        else:
            made = notebook(options.name) if options.kind == "notebook" else card(options.name)
    except SourceError as problem:
        print(problem, file=sys.stderr)
        return 1
    for path in made:
        print(path.relative_to(ROOT))
    print("Next: `make notebooks`, then `make test`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
