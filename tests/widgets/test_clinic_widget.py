"""The clinic: measurements come one by one, and those of the other incidents stay."""

from helpers.experiments import clinic as cases
from helpers.widgets import clinic as module

CHARTS = {key: {"modes": f"modes of {key}", "buffers": f"buffers of {key}"} for key in module.INCIDENTS}


def test_what_is_ordered_is_shown_and_no_longer_offered(monkeypatch):
    monkeypatch.setattr(module, "chart", CHARTS.__getitem__)
    clinic = module.Clinic()
    assert clinic.below.value == "" and "0 of 2 measured" in clinic.said.value
    clinic.order.value = "buffers"
    assert "buffers of a" in clinic.below.value and "modes of a" not in clinic.below.value
    assert [value for _, value in clinic.order.options] == ["", "modes"]
    assert "buffers of a" in clinic.said.value
    clinic.incident.value = "b"
    assert "buffers of a" not in clinic.below.value and len(clinic.order.options) == 3
    clinic.incident.value = "a"
    assert "buffers of a" in clinic.below.value and len(clinic.order.options) == 2


def test_the_charts_show_what_the_answers_say():
    charts = {key: cases.chart(key) for key in module.INCIDENTS}
    assert all("0 of 15 modules" in next(iter(chart.values())) for chart in charts.values())
    assert "norm 2: nothing" in charts["a"]["what the norms have stored"]
    assert charts["b"]["weights, before and after"] == "largest difference 0"
    assert charts["b"]["keys of the net"] == "20; in the file 11"
    assert charts["c"]["batches of the epoch"] == "27 of 48, 1 of 1" and charts["c"]["held-out"] == "loss NaN"
    assert charts["c"]["weights"] == "all finite"
    assert charts["d"]["weights of the two devices"] == "largest difference 0"
    assert charts["e"]["batches that its norms have counted, then → now"] == "300 → 314"
    assert charts["e"]["weights of the original, then and now"] == "largest difference 0"
