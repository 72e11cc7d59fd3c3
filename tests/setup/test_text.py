"""What is read: spelling, one term for a thing, links that lead somewhere, a text for every picture."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbconvert import HTMLExporter

from helpers.drill import bank
from helpers.editions.source import read_source
from tests.notebook import ROOT, SOLUTIONS, read

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [path.with_suffix(".py") for path in SOLUTIONS]
GENERATED = {"kill_matrix.md"}
CODE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$|<[^>]*>|\]\([^)]*\)|https?://\S+|[“\"][^”\"\n]*[”\"]", re.DOTALL)
"""What is no prose of ours: code, formulas, addresses, quotations and titles."""
INSTEAD = {
    "eval mode": r"evaluation mode",
    "train mode": r"training mode",
    "held-out": r"hold-?out",
    "mini-batch": r"mini ?batch",
    "example": r"data ?points?|training samples?",
    "data set": r"dataset",
    "fine-tune": r"finetun",
    "pre-activation": r"preactivation",
    "hyperparameter": r"hyper-parameter",
    "learning rate": r"learning-rate",
    "weight decay": r"weight-decay",
    "front end": r"front-?end\b",
    "normalise": r"normaliz(?!ation)",
    "standardise": r"standardiz(?!ation)",
    "optimise": r"optimiz",
    "regularise": r"regulariz",
    "initialise": r"initializ",
    "generalise": r"generaliz",
    "memorise": r"memoriz",
    "colour": r"\bcolor",
    "behaviour": r"behavior",
    "NumPy": r"\b[Nn]umpy",
    "JupyterLab": r"Jupyter Lab|Jupyterlab",
    "GitHub": r"Github",
}
"""The term that the course uses, and what it would otherwise be called."""


def cells():
    """(where, text) of every markdown cell."""
    for path in SOURCES:
        yield from (
            (f"{path.stem}#{c.id}", c.source) for c in read_source(path).notebook.cells if c.cell_type == "markdown"
        )


def cards():
    """(where, text) of every card, without its patterns."""
    for card in bank.load().values():
        yield (
            card.id,
            "\n".join([card.question, card.touches, card.answer, *(p.fact for p in (*card.points, *card.flags))]),
        )


@pytest.fixture(scope="module")
def texts():
    """All that is read, by where it stands."""
    return {**{path.name: path.read_text(encoding="utf-8") for path in PAGES}, **dict(cells()), **dict(cards())}


def test_the_spelling_of_what_cards_show():
    """Their files hold patterns, with halves of words, so the lint test passes over them."""
    shown = "\n".join(text for _, text in cards())
    command = [sys.executable, "-m", "codespell_lib", "-"]
    done = subprocess.run(command, input=shown, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("term", INSTEAD)
def test_one_term_for_a_thing(term, texts):
    found = {
        where: again.group()
        for where, text in texts.items()
        if where not in GENERATED
        for again in re.finditer(INSTEAD[term], CODE.sub(" ", text))
    }
    assert not found, f"the course says {term}"


def test_links_lead_somewhere(texts):
    missing = {}
    for where, text in texts.items():
        folder = ROOT / "docs" if (ROOT / "docs" / where).exists() else ROOT
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            name, _, anchor = link.partition("#")
            places = (
                [folder / name] if where.endswith(".md") else [ROOT / "solutions" / name, ROOT / "notebooks" / name]
            )
            known = anchors(places[0].read_text(encoding="utf-8") if name else text) if anchor else {anchor}
            if not all(map(Path.exists, places)) or anchor not in known:
                missing[where] = link
    assert not missing


def anchors(text):
    """The names that headings get."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | {
        heading.replace(" ", "-")
        for heading in headings  # as JupyterLab has them
    }


def test_addresses_on_the_web_are_well_formed(texts):
    wrong = {}
    for where, text in texts.items():
        for address in re.findall(r"https?:[^\s)\]>`\"']*", text):
            parts = urlsplit(address)
            local = parts.hostname in ("127.0.0.1", "localhost")
            if not (local or (parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc))):
                wrong[where] = address
    assert not wrong


class Pictures(HTMLParser):
    """The words for each picture of a page: of an image its alt, of a drawing its label; "" where it is left out."""

    def __init__(self, page):
        super().__init__()
        self.words = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "img":
            self.words.append(given.get("alt") or "")
        elif tag == "svg" and given.get("aria-hidden") != "true":
            self.words.append(given.get("aria-label", "") if given.get("role") == "img" else "")


def test_every_picture_of_a_page_has_a_text(texts):
    for where, text in texts.items():
        marked = re.findall(r"!\[([^\]]*)\]\(", text)
        assert all(len(words) > 15 for words in [*marked, *Pictures(text).words]), where


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_the_text_of_every_picture_survives_the_export_to_html(path):
    shown = [
        o for c in read(path).cells for o in c.get("outputs", []) if {"image/png", "text/html"} & {*o.get("data", {})}
    ]
    pictures = sum("image/png" in output.data for output in shown)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=shown)])
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    words = Pictures(page).words
    assert len(words) >= pictures and all(len(text) > 15 for text in words), words
    assert "No description has been provided" not in page
