"""``python -m helpers.website --to FOLDER``: an earlier site is replaced, and no other file is ever touched."""

import sys

import pytest

from helpers.website import __main__ as command
from helpers.website import build, folder


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command with a site of one page in place of the course; exit code and what it said."""
    monkeypatch.setattr(build, "_write_sources", lambda source, extra, root: source.mkdir())
    monkeypatch.setattr(build, "_write_static", lambda static: static.mkdir())

    def run(pages, complaint="", target=tmp_path / "site"):
        class Sphinx:
            def __init__(self, source, conf, made, trees, builder, settings, status, complaints):
                self.made = made
                complaints.write(complaint)

            def build(self):
                for name, text in pages.items():
                    (self.made / name).parent.mkdir(parents=True, exist_ok=True)
                    (self.made / name).write_text(text)

        monkeypatch.setattr(build, "Sphinx", Sphinx)
        monkeypatch.setattr(sys, "argv", ["website", "--to", str(target)])
        code, said = command.main(), capsys.readouterr()
        return code, said.err or said.out

    return run


def files(place):
    """Name and text of every file but the list."""
    found = (path for path in place.rglob("*") if path.is_file() and path.name != folder.LIST)
    return {path.relative_to(place).as_posix(): path.read_text() for path in found}


def test_a_new_site_takes_the_place_of_the_earlier_one_and_other_files_stay(run, tmp_path):
    place = tmp_path / "site"
    place.mkdir()
    assert run({"index.html": "1", "old/page.html": "1"}) == (0, f"Open {place / 'index.html'}\n")
    (place / "CNAME").write_text("mine")
    assert run({"index.html": "2", "new/page.html": "2"})[0] == 0
    assert files(place) == {"index.html": "2", "new/page.html": "2", "CNAME": "mine"}


def test_a_folder_that_holds_something_else_is_refused(run, tmp_path):
    place = tmp_path / "site"
    place.mkdir()
    (place / "index.html").write_text("mine")
    code, said = run({"index.html": "1"})
    told = f"{place} holds files that this command did not write: empty it, or name another folder with --to.\n"
    assert (code, said) == (1, told) and files(place) == {"index.html": "mine"}
    assert run({}, target=place / "index.html") == (
        1,
        f"{place / 'index.html'} is no folder: name another one with --to.\n",
    )


def test_a_file_put_into_an_earlier_site_is_not_overwritten(run, tmp_path):
    place = tmp_path / "site"
    run({"index.html": "1"})
    (place / "cite.html").write_text("mine")
    code, said = run({"index.html": "2", "cite.html": "2"})
    assert code == 1 and said.startswith(f"{place / 'cite.html'} is not of the earlier site: move it away")
    assert files(place) == {"index.html": "1", "cite.html": "mine"}


def test_the_earlier_site_stays_where_sphinx_complains(run, tmp_path):
    run({"index.html": "1"})
    code, said = run({"index.html": "2"}, complaint="index.md:3: WARNING: no such page")
    assert code == 1 and said.startswith("No page was written") and "index.md:3" in said
    assert files(tmp_path / "site") == {"index.html": "1"}
