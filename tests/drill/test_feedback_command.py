"""``python -m helpers.drill``: one line out for each line in, and one sentence for a fault."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.drill import bank
from helpers.drill.__main__ import WRITTEN, main

ROOT = Path(__file__).parents[2]


def test_feedback_prints_a_line_for_each_answer(tmp_path):
    path = tmp_path / "answers.jsonl"
    lines = [{"card": "bn-03", "text": "In eval the running averages are used."}, {"card": "bn-06", "text": ""}]
    path.write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    command = [sys.executable, "-m", "helpers.drill", "feedback", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["card"] for one in found] == ["bn-03", "bn-06"]
    assert found[0]["points"]["eval-buffers"] is True and found[0]["flags"] == {"no-grad-switches": False}
    assert found[1]["points"].keys() == {point.id for point in bank.load()["bn-06"].points}
    assert set(found[1]) == {"card", "points", "flags"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: an object with card and text is expected, not list."),
        ('{"card": "bn-03"}', "line 2: text is missing or no text."),
        ('{"card": 3, "text": ""}', "line 2: card is missing or no text."),
        ('{"card": "xx-03", "text": ""}', "line 2: there is no card 'xx-03'."),
    ],
)
def test_a_bad_line_is_told_in_one_sentence(tmp_path, capsys, line, told):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"card": "bn-03", "text": "x"}\n' + line)
    assert main(["feedback", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith(str(path)) and told in err


def test_of_a_notebook_the_written_answers_are_read(tmp_path, capsys):
    known = ROOT / "notebooks" / "11_mock_interview.ipynb"
    notebook = json.loads(known.read_text(encoding="utf-8"))
    cells = {c["metadata"].get("nbgrader", {}).get("grade_id"): c for c in notebook["cells"]}
    assert cells.keys() > WRITTEN.keys()
    cells["interview_modes"]["source"] = ["In evaluation the stored running averages\n", "are used."]
    path = tmp_path / "handed_in.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert main(["feedback", str(path), str(known)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["file"], line["cell"], line["card"]) for line in lines] == [
        (str(of), cell, card) for of in (path, known) for cell, card in WRITTEN.items()
    ]
    assert lines[1]["points"]["eval-buffers"] is True and lines[5]["points"]["eval-buffers"] is False


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [3]}', '{"cells": [{"metadata": null, "source": ""}]}'])
def test_what_is_no_notebook_is_told_in_one_sentence(tmp_path, capsys, text):
    path = tmp_path / "handed_in.ipynb"
    path.write_text(text)
    assert main(["feedback", str(path)]) == 2
    assert capsys.readouterr().err == f"{path} is no notebook.\n"


def test_a_bad_file_is_told_in_one_sentence(tmp_path, capsys):
    assert main(["feedback", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "latin").write_bytes(b"\xff\xfe{")
    assert main(["feedback", str(tmp_path / "latin")]) == 2
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_the_other_commands(capsys):
    assert main(["check"]) == 0 and "no fault found" in capsys.readouterr().out
    assert main(["csv"]) == 0 and capsys.readouterr().out.startswith("id,topic,chip,question")
    assert main(["anki"]) == 0 and capsys.readouterr().out.startswith("#separator:Tab")
