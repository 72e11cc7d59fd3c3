"""nbgitpuller brings a new edition to a learner who has been at work: their notebooks stay as they are."""

import shutil
import subprocess

import nbformat
import pytest
from nbgitpuller.pull import GitPuller

from tests.notebook import LEARNER, ROOT, read, solved

CHANGED, UNTOUCHED, DELETED = LEARNER[0].name, LEARNER[1].name, LEARNER[7].name


def git(folder, *arguments):
    author = ("-c", "user.name=author", "-c", "user.email=author@example.org")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


def pull(repository, clone):
    """What a click on the link does."""
    return "".join(GitPuller(str(repository), str(clone), branch="main").pull())


def new_edition(path):
    """Change what a new edition changes: setup cell, text beside the answers, and which cells there are."""
    notebook = read(path)
    for cell in notebook.cells:
        cell.source = cell.source.replace('carried = "', 'carried = "new').replace("the", "THE")
    notebook.cells.insert(len(notebook.cells) // 2, nbformat.v4.new_markdown_cell("A new cell."))
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The repository with a new edition, and a learner's clone after work and a second pull; the answer as it was."""
    repository, home = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("home")
    clone, notebooks = home / "course", repository / "notebooks"
    notebooks.mkdir()
    shutil.copy(ROOT / ".gitattributes", repository)
    for name in (CHANGED, UNTOUCHED, DELETED):
        shutil.copy(ROOT / "notebooks" / name, notebooks)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "An edition")
    pull(repository, clone)

    mine = clone / "notebooks"
    answered = solved(CHANGED.removesuffix(".ipynb"))
    for cell in answered.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = 1, [nbformat.v4.new_output("stream", text="mine\n")]
    nbformat.write(answered, mine / CHANGED)
    (mine / DELETED).unlink()
    (mine / "notes.md").write_text("mine")
    work = (mine / CHANGED).read_bytes()

    for name in (CHANGED, UNTOUCHED):
        new_edition(notebooks / name)
    (notebooks / "notes.md").write_text("the course's")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "The next edition")
    pull(repository, clone)
    return notebooks, mine, work


def test_a_changed_notebook_stays_as_it_was_byte_for_byte(places):
    notebooks, mine, work = places
    assert (mine / CHANGED).read_bytes() == work != (notebooks / CHANGED).read_bytes()


def test_an_untouched_notebook_is_the_new_edition_and_a_deleted_one_is_back(places):
    notebooks, mine, _ = places
    for name in (UNTOUCHED, DELETED):
        assert (mine / name).read_bytes() == (notebooks / name).read_bytes()


def test_a_file_of_the_learners_steps_aside_for_the_courses(places):
    _, mine, _ = places
    texts = {path.read_text() for path in mine.glob("notes*.md")}
    assert texts == {"mine", "the course's"}
    assert (mine / "notes.md").read_text() == "the course's"


def test_who_wants_the_new_edition_renames_and_pulls_again(places):
    notebooks, mine, work = places
    (mine / CHANGED).rename(mine / "my_00.ipynb")
    pull(notebooks.parent, mine.parent)
    assert (mine / CHANGED).read_bytes() == (notebooks / CHANGED).read_bytes()
    assert (mine / "my_00.ipynb").read_bytes() == work
