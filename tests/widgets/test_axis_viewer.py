"""The axis viewer without a browser: its sets against torch, its code lines, its words and its pictures."""

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.collections import PatchCollection
from matplotlib.text import Text

from helpers.widgets import axis_viewer as module
from helpers.widgets import parts
from helpers.widgets.axis_viewer import KINDS, SHAPE, START, AxisViewer, axis_viewer, code, picture, sharing


def channels_last(norm, x):
    """A norm of torch over the last dimension, applied to the channels of each position."""
    return norm(x.movedim(1, -1), (x.shape[1],)).movedim(-1, 1)


TORCH = {
    "batch": lambda x, groups: F.batch_norm(x, None, None, training=True),
    "layer": lambda x, groups: F.layer_norm(x, x.shape[1:]),
    "layer per position": lambda x, groups: channels_last(F.layer_norm, x),
    "instance": lambda x, groups: F.instance_norm(x),
    "group": lambda x, groups: F.group_norm(x, groups),
    "rms": lambda x, groups: channels_last(F.rms_norm, x),
}
SETTINGS = [(norm, 1) for norm in KINDS if norm != "group"] + [("group", groups) for groups in (1, 2, 3, 6)]
CELLS = [START, (0, 0, 0, 0), (3, 5, 2, 3)]


def block():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("norm", "groups"), SETTINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_output_at_the_cell_depends_on_the_lit_elements_and_on_no_others(norm, groups, cell):
    x, lit = block(), sharing(norm, SHAPE, cell, groups)
    before = TORCH[norm](x, groups)[cell]
    for element in itertools.product(*map(range, SHAPE)):
        moved = x.clone()
        moved[element] += 0.7
        change = (TORCH[norm](moved, groups)[cell] - before).abs().item()
        assert change > 1e-6 if lit[element] else change < 1e-12, element


@pytest.mark.parametrize(("norm", "groups"), SETTINGS)
def test_the_code_line_averages_the_lit_elements(norm, groups):
    x = block().requires_grad_()
    statistics = eval(code(norm, SHAPE, groups), {"x": x}).flatten()
    sets = [torch.autograd.grad(s, x, retain_graph=True)[0].numpy() != 0 for s in statistics]
    (found,) = [lit for lit in sets if lit[START]]
    assert np.array_equal(found, sharing(norm, SHAPE, START, groups))


@pytest.mark.parametrize(("norm", "groups"), SETTINGS)
def test_the_sets_cut_the_block_into_parts(norm, groups):
    cells = list(itertools.product(*map(range, SHAPE)))
    sets = {sharing(norm, SHAPE, cell, groups).tobytes() for cell in cells}
    assert np.array_equal(sum(np.frombuffer(s, dtype=bool).astype(int) for s in sets), np.ones(len(cells)))
    assert f"The block has {len(sets)} such sets:" in module.words(norm, SHAPE, START, groups)[2]


def test_one_group_is_layer_norm_and_c_groups_are_instance_norm():
    for cell in CELLS:
        assert np.array_equal(sharing("group", SHAPE, cell, 1), sharing("layer", SHAPE, cell))
        assert np.array_equal(sharing("group", SHAPE, cell, 6), sharing("instance", SHAPE, cell))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("weight", SHAPE, START), ValueError),
        (("group", SHAPE, START, 4), ValueError),
        (("group", SHAPE, START, 0), ValueError),
        (("batch", SHAPE, (0, 6, 0, 0)), IndexError),
        (("batch", SHAPE, (-1, 0, 0, 0)), IndexError),
    ],
)
def test_what_does_not_exist_is_refused(arguments, error):
    with pytest.raises(error):
        sharing(*arguments)


def said(viewer):
    """The sentences of the text, the code line left out."""
    first = re.search("<span>(.*)</span>", viewer.text.value)[1]
    return [first, *("".join(div.itertext()) for div in ET.fromstring(viewer.more.value).iterfind("div"))]


@pytest.mark.parametrize(("norm", "groups"), SETTINGS)
def test_picture_count_and_code_follow_the_controls(norm, groups):
    viewer = AxisViewer()
    viewer.norm.value, viewer.groups.value = norm, groups
    for slider, i in zip(viewer.cell, (2, 4, 0, 3), strict=True):
        slider.value = i
    count = int(sharing(norm, SHAPE, (2, 4, 0, 3), groups).sum())
    svg = ET.fromstring(viewer.view.value)
    statistics = "mean square" if norm == "rms" else "mean and variance"
    label = f"{KINDS[norm].name}: {count} of 288 elements share one {statistics} with the chosen cell"
    assert (svg.get("role"), svg.get("aria-label")) == ("img", label)
    (lit,) = svg.iterfind(".//*[@class='bn-lit']")
    assert lit.get("d").count("M") == count
    assert said(viewer)[0] == f"{label} (n=2, c=4, h=0, w=3)."
    assert said(viewer)[1].endswith(f"= {count}.")
    assert "'role','status'" in viewer.text.value
    assert ET.fromstring(viewer.more.value).findtext("details/code") == code(norm, SHAPE, groups)


def test_groups_are_offered_for_group_norm_only_and_divide_the_channels():
    viewer = AxisViewer()
    assert tuple(viewer.groups.options) == (1, 2, 3, 6)
    seen = {}
    for norm in KINDS:
        viewer.norm.value = norm
        seen[norm] = viewer.groups.disabled
    assert [norm for norm, disabled in seen.items() if not disabled] == ["group"]


def test_brackets_name_the_groups():
    assert re.findall(r"group \d", module.draw("group", SHAPE, START, 3)) == ["group 0", "group 1", "group 2"]
    assert "group 0" not in module.draw("batch", SHAPE, START)


def test_the_special_cases_are_said():
    assert module.words("group", SHAPE, START, 1)[-1].startswith("G = 1: the statistics of LayerNorm")
    assert module.words("group", SHAPE, START, 6)[-1] == "G = C: the statistics of InstanceNorm."


def test_the_code_is_folded_and_not_in_the_picture():
    """A graded exercise asks for it."""
    assert "<details" in AxisViewer().more.value and "open" not in AxisViewer().more.value
    assert not any("mean(" in text.get_text() for text in picture().findobj(Text))


@pytest.mark.parametrize("norm", KINDS)
def test_the_drawing_has_no_ground_and_a_second_colour_for_dark_themes(norm):
    svg = module.draw(norm, SHAPE, START, module.GROUPS)
    assert "background" not in svg and "#fff" not in svg and "#000" not in svg and "currentColor" in svg
    assert module.DARK[KINDS[norm].colour] in svg and float(ET.fromstring(svg).get("font-size")) >= 12


def test_classes_for_style_and_tests():
    viewer = AxisViewer()
    parts = (viewer.box, viewer.norm, viewer.groups, *viewer.cell, viewer.view, viewer.text, viewer.more)
    names = ("", "-norm", "-groups", "-n", "-c", "-h", "-w", "-view", "-text", "-more")
    assert [part._dom_classes for part in parts] == [(f"bn-axes{name}",) for name in names]


def test_the_widget_and_its_picture_are_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(parts, "display", lambda data, raw, metadata=None: shown.append(data))
    axis_viewer()
    live, *still = shown
    assert parts.VIEW in live
    assert all("image/png" in data and data["text/plain"] == module.ALT for data in still or shown)


def test_the_picture_shows_all_norms_for_one_cell():
    axes = picture().axes
    assert len(axes) == len(KINDS)
    for ax, norm in zip(axes, KINDS, strict=True):
        lit = sharing(norm, SHAPE, START, module.GROUPS)
        hollow, filled = (c for c in ax.collections if isinstance(c, PatchCollection))
        assert [len(c.get_paths()) for c in (hollow, filled)] == [(~lit).sum(), lit.sum()]
        assert ax.get_title(loc="left").endswith(f"{lit.sum()} of 288")
        assert ax.get_xlabel().startswith(f"over {KINDS[norm].over}; one for each ")
