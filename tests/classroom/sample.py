"""``python -m tests.classroom.sample FILE.zip``: hand-ins of a simulated class, as a learning platform exports them.

Setup cells, texts and stored outputs are left out, to keep the file small; grading uses the released ones anyway.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import nbformat

from helpers.classroom.assignment import grade_id
from tests.notebook import solved

FIRST, SECOND = "00_start_here", "02_build_batchnorm1d"
LAYER = {
    "biased": ("unbiased = var * n / (n - 1)", "unbiased = var"),
    "unbiased": ("var = ((x - mean) ** 2).mean(dim=0)", "var = x.var(dim=0)"),
    "outside": ("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),
    "turned": ("self.momentum * (mean - self.running_mean)", "(1 - self.momentum) * (mean - self.running_mean)"),
    "rows": ("mean = x.mean(dim=0)", "mean = x.mean(dim=1, keepdim=True)"),
    "slip": ("self.gamma * x_hat", "gamma * x_hat"),
}
"""Mistakes that classes really make, as (line of the solution, what stands in its place)."""


def handed_in(name: str, mistake: str = "", without: str = "") -> nbformat.NotebookNode:
    """A solved notebook with a mistake in its layer, and one answer left as it was handed out."""
    notebook = solved(name)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and grade_id(cell) != "setup"]
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], None
        if cell.id == "batchnorm1d" and mistake:
            right, wrong = LAYER[mistake]
            assert right in cell.source
            cell.source = cell.source.replace(right, wrong)
        if cell.id == without:
            cell.source = cell.source.splitlines()[0] + "\n    raise NotImplementedError()"
    return notebook


def files() -> dict[str, str]:
    """The text of each file by its path."""
    made = {
        "ada/batchnorm": {FIRST: {}, SECOND: {}},
        "ben/batchnorm": {FIRST: {}, SECOND: {"mistake": "biased"}},
        "chloe/batchnorm": {FIRST: {}, SECOND: {"mistake": "biased", "without": "spot_the_bug"}},
        "dmitri/batchnorm": {SECOND: {"mistake": "unbiased", "without": "spot_the_bug"}},
        "emre/batchnorm": {FIRST: {}, SECOND: {"mistake": "outside"}},
        "fatima/batchnorm": {FIRST: {}, SECOND: {"mistake": "turned", "without": "spot_the_bug"}},
        "Grace Hu_1042_assignsubmission_file": {SECOND: {"mistake": "rows"}},
        "hana/batchnorm": {FIRST: {"without": "feature_statistics"}},
    }
    found = {
        f"{place}/{name}.ipynb": nbformat.writes(handed_in(name, **about))
        for place, notebooks in made.items()
        for name, about in notebooks.items()
    }
    found[f"ivan/batchnorm/{SECOND} (1).ipynb"] = "\ufeff" + nbformat.writes(handed_in(SECOND, "slip"))
    bare = handed_in(SECOND, "biased")
    for cell in bare.cells:
        cell.metadata = {}
    found[f"jun/batchnorm/{SECOND}.ipynb"] = nbformat.writes(bare)
    whole = nbformat.writes(handed_in(FIRST))
    found[f"kofi/batchnorm/{FIRST}.ipynb"] = whole[: len(whole) // 2]
    found["lena/batchnorm/notes.txt"] = "My laptop broke.\n"
    return found


if __name__ == "__main__":
    with zipfile.ZipFile(Path(sys.argv[1]), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files().items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
