"""Anki's text import and CSV can be read back."""

import csv
import io

from helpers.drill import bank, export

CARDS = list(bank.load().values())


def test_anki_has_a_head_and_one_note_a_card():
    text = export.anki(CARDS)
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert "#separator:Tab" in head and "#html:true" in head and "#tags column:4" in head and "#guid column:1" in head
    body = text.split("#tags column:4\n")[1]
    notes = list(csv.reader(io.StringIO(body), delimiter="\t"))
    assert [len(note) for note in notes] == [4] * len(CARDS)
    assert len({note[0] for note in notes}) == len(CARDS)
    assert all(" " not in tag for card in CARDS for tag in export.tags(card))
    assert all("$" not in note[2] and "`" not in note[2] for note in notes)


def test_anki_escapes_html_but_not_formulas():
    back = export.anki([bank.load()["bn-01"]])
    assert r"\(\mu=\frac{1}{m}\sum_i x_i\)" in back
    assert r"\(\alpha&gt;0\)" in export.anki([bank.load()["bn-14"]])


def test_csv_holds_every_card():
    rows = list(csv.DictReader(io.StringIO(export.table(CARDS))))
    assert [row["id"] for row in rows] == [card.id for card in CARDS]
    assert rows[0]["answer"] == CARDS[0].answer and rows[0]["points"].split("\n")[0] == CARDS[0].points[0].fact
