"""Figures and tables can be read: their type is large enough, and a range is not torn."""

import numpy as np
from matplotlib.text import Text

from helpers.lab import figures
from helpers.look.parts import Table


def test_no_type_is_below_twelve_pixels():
    figure, axes = figures.subplots()
    axes.plot([1, 2], label="a line")
    axes.text(1, 1, "a word", fontsize=6)
    axes.legend(fontsize=7)
    figure.supxlabel("a key", fontsize=8)
    figures.bundle(figure, "A line.")
    words = [text for text in figure.findobj(Text) if text.get_text()]
    assert len(words) > 4 and min(text.get_fontsize() for text in words) * 80 / 72 >= 12


def test_the_texts_of_a_map_are_light_on_dark_and_dark_on_light():
    _, axes = figures.subplots()
    shares, names = np.array([[0.0, 0.6, 1.0]]), [["batch"] * 3]
    figures.cells(axes, "a map", shares, names, [["a", "b", "c"]], [1], [0.1, 0.3, 1.0])
    assert {text.get_text(): text.get_color() for text in axes.texts} == {"a": "k", "b": "k", "c": "w"}


def test_a_range_stands_on_one_line():
    html = Table(("net", "loss"), (("He (2015)", "−0.05 (−0.12 to −0.01); 10"), ("`f(x)`", "0.5")))._repr_html_()
    assert '−0.05 <span class="bn-whole">(−0.12 to −0.01); 10</span>' in html
    assert ">0.5</td>" in html and "<code>f" in html
