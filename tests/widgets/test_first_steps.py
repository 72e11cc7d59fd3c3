"""The installation card where something is missing, and what a widget leaves behind."""

import subprocess
import sys
from importlib import metadata

import ipywidgets as widgets
import pytest

from helpers.lab import figures
from helpers.widgets import first_steps, parts


def test_the_card_works_where_no_package_can_be_imported():
    code = """
import sys
for name in ("torch", "numpy", "matplotlib", "ipywidgets", "sklearn"):
    sys.modules[name] = None
from helpers.widgets.first_steps import installation
installation()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch is there and cannot be imported" in done.stdout


@pytest.mark.parametrize(
    ("there", "title", "says"),
    [
        ({}, "All that you need is installed", "numpy"),
        (
            {"numpy": None, "scikit-learn": None},
            "Missing or too old: numpy, scikit-learn",
            '"numpy>=2.0" "scikit-learn>=',
        ),
        ({"numpy": "1.26.4"}, "Missing or too old: numpy", "1.26.4 is too old; 2.0 or newer is needed"),
        ({"torch": "2.11.0+cu128"}, "All that you need is installed", "2.11.0+cu128"),
        ({"matplotlib": "3.10.0rc1"}, "All that you need is installed", "3.10.0rc1"),
    ],
)
def test_it_names_what_is_missing_or_too_old(there, title, says, monkeypatch, capsys):
    real = metadata.version

    def version(package):
        found = there.get(package, real(package))
        if found is None:
            raise metadata.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(first_steps.metadata, "version", version)
    first_steps.installation()
    text = capsys.readouterr().out
    assert title in text and says in text
    assert ("%pip install" in text) == title.startswith("Missing")


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(parts, "display", lambda data, *, metadata=None, raw: outputs.append(data))
    return outputs


def test_a_widget_leaves_a_picture_and_a_sentence(shown):
    parts.show_widget(widgets.IntSlider(), figures.subplots()[0], "A slider.")
    live, still = shown
    assert list(live) == [parts.VIEW]
    assert parts.RUN_IT in still["text/html"] and 'alt="A slider."' in still["text/html"] and "image/png" in still
    parts.show_widget(widgets.IntSlider(), figures.subplots()[0], "A slider.")
    assert shown[3]["text/html"] == still["text/html"], "the same on every run"


def test_without_a_figure_the_sentence_stands_alone(shown):
    parts.show_widget(widgets.IntSlider(), None, "Run this cell & see.")
    assert "<p>Run this cell &amp; see.</p>" in shown[1]["text/html"] and parts.RUN_IT not in shown[1]["text/html"]
