"""Ways to full marks without work that stock nbgrader pays for, tried on notebook 02: none earns a point here.

The layer that is handed in forgets its running variance; each attack comes with it, or stands in its place.
"""

import sys

import pytest

from helpers.classroom.marking import HandIn, Marker, Setting
from helpers.grading.sandbox import Limits
from tests.classroom import corpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has the limits")

NAME = "02_build_batchnorm1d"
LAYER = "batchnorm1d"
RIGHT = "unbiased = var * n / (n - 1)"
SETUP = "# @title Setup: run this cell first"

PATCHES = {
    # These stand above the wrong layer, in its own cell.
    "grade does nothing": """
from helpers.judge.exercise import Exercise
Exercise.grade = lambda *a, **k: None
""",
    "observe returns what is recorded": """
import helpers.judge.exercise as exercise
exercise.observe = lambda obj, probes: dict(exercise.Exercise.record.right)
for module in list(sys.modules.values()):
    if hasattr(module, "observe"): module.observe = exercise.observe
""",
    "a false module": """
import types
fake = types.ModuleType("helpers.exercises.batchnorm1d")
fake.batchnorm1d_exercise = type("E", (), {"grade": lambda *a: None})()
fake.batchnorm1d_probes = ()
sys.modules["helpers.exercises.batchnorm1d"] = fake
""",
    "what it raises is quiet": """
import helpers.judge.exercise as exercise
exercise._quiet = lambda error: Warning("nothing")
sys.excepthook = lambda *a: None
""",
    "the instance is changed": """
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
object.__setattr__(batchnorm1d_exercise, "grade", lambda *a: None)
object.__setattr__(batchnorm1d_exercise, "probes", ())
object.__setattr__(batchnorm1d_exercise, "checks", ())
""",
    "a result of its own comes first": """
import helpers.judge.show as show
show.show = lambda card: print("1.0")
from IPython.display import display
display(1.0)
""",
    "allclose is always true": """
import builtins, numpy
torch.allclose = torch.equal = numpy.allclose = numpy.array_equal = lambda *a, **k: True
builtins.all = builtins.any = lambda *a: True
""",
    "writes into the gradebook": """
import glob, sqlite3
for path in [*glob.glob("../../../*.db"), *glob.glob(ROOT + "/grading/*.db")]:
    sqlite3.connect(path).execute("update grade set manual_score = 100").connection.commit()
""",
    "poisons the helpers": """
with contextlib.suppress(OSError):
    open(ROOT + "/helpers/__init__.py", "a").write("import numpy; numpy.allclose = lambda *a, **k: True")
""",
}
LOOT = {
    # These look for the layer that is asked for, and hand in what they find.
    "runs the recorded source": """
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
exec(batchnorm1d_exercise.record.source)
""",
    "imports the reference": "from helpers.exercises.answers.batchnorm1d_reference import BatchNorm1d",
    "reads the solution": """
for place in ("../../../source/batchnorm", ROOT + "/solutions", ROOT + "/grading/source/batchnorm"):
    for path in pathlib.Path(place).glob("02*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            if "class BatchNorm1d" in "".join(cell["source"]): exec("".join(cell["source"]))
""",
    "replays what is recorded": """
from helpers.exercises.batchnorm1d import batchnorm1d_exercise
RECORDED = iter(batchnorm1d_exercise.record.right.values())
class BatchNorm1d(nn.BatchNorm1d):
    def forward(self, x): return torch.tensor(next(RECORDED)).reshape(x.shape)
""",
}
HEAD = f"import contextlib, json, os, pathlib, sys\nimport torch\nfrom torch import nn\nROOT = {str(corpus.ROOT)!r}\n"
OBJECT = "batchnorm1d_exercise = type('E', (), {'__getattr__': lambda *a: (lambda *a: None)})()\n"


@pytest.fixture(scope="module")
def marker():
    with Marker(Setting(str(corpus.ROOT / "notebooks"), 4242, Limits(), jail=False)) as made:
        yield made


def wrong():
    """The notebook with a layer that keeps the biased variance, and the bug hunt untouched."""
    notebook = corpus.solved(NAME)
    layer = corpus.answer(notebook, LAYER)
    layer["source"] = corpus.text(layer).replace(RIGHT, "unbiased = var")
    hunt = corpus.answer(corpus.released(NAME), "spot_the_bug")
    corpus.answer(notebook, "spot_the_bug")["source"] = hunt["source"]
    return notebook


def points(marker, notebook):
    record = marker.mark(HandIn("ada", NAME, f"{NAME}.ipynb", corpus.as_bytes(notebook)))
    return {name: score.points or 0 for name, score in record.scores.items()}


@pytest.fixture(scope="module")
def honest(marker):
    """What the wrong layer earns: something, and not all."""
    got = points(marker, wrong())
    assert 0 < sum(got.values()) < 25 and got["batchnorm1d_numbers"] == 0
    return got


@pytest.mark.parametrize("name", PATCHES)
def test_patches_earn_nothing(marker, honest, name):
    notebook = wrong()
    layer = corpus.answer(notebook, LAYER)
    before = (corpus.ROOT / "helpers" / "__init__.py").read_bytes()
    layer["source"] = HEAD + PATCHES[name] + layer["source"]
    got = points(marker, notebook)
    assert all(got[cell] <= honest[cell] for cell in honest)
    assert (corpus.ROOT / "helpers" / "__init__.py").read_bytes() == before


@pytest.mark.parametrize("name", LOOT)
def test_there_is_nothing_to_be_found(marker, name):
    notebook = wrong()
    corpus.answer(notebook, LAYER)["source"] = HEAD + LOOT[name]
    got = points(marker, notebook)
    assert sum(got.values()) == 0, got


def _setup(notebook):
    return next(cell for cell in notebook["cells"] if corpus.text(cell).startswith(SETUP))


def _false_setup(notebook):
    _setup(notebook)["source"] = OBJECT


def _unlocked_setup(notebook):
    _setup(notebook).update(source=OBJECT, metadata={})


def _more_setup(notebook):
    cell = _setup(notebook)
    cell["source"] = f"{corpus.text(cell)}\n{PATCHES['grade does nothing']}"


def _false_import(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    next(cell for cell in code if "import batchnorm1d_exercise" in corpus.text(cell))["source"] = OBJECT


def _cell_in_between(notebook):
    notebook["cells"].insert(corpus.index(notebook, LAYER) + 1, corpus.code(OBJECT))


@pytest.mark.parametrize("change", [_false_setup, _unlocked_setup, _more_setup, _false_import, _cell_in_between])
def test_the_teachers_cells_are_the_teachers(marker, honest, change):
    notebook = wrong()
    change(notebook)
    assert points(marker, notebook) == honest
