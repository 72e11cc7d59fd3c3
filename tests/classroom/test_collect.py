"""What learners and learning platforms send is taken for what it is; nothing else on the disk is read or changed."""

import os
import stat
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from helpers.classroom import assignment
from helpers.classroom.collect import collect
from helpers.grading.submission import NotJudged
from tests.classroom import corpus

NAME = f"{corpus.NAME}.ipynb"
RIGHT = corpus.as_bytes(corpus.solved())
STUB = corpus.as_bytes(corpus.released())


@pytest.fixture(scope="module")
def released():
    return assignment.load(corpus.ROOT / "notebooks")


def lay(root, files):
    """Write the files below ``root``."""
    for name, data in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def found(place, released):
    """Learner: {notebook: its bytes}."""
    return {
        learner.name: {one.notebook[:2]: one.entry.read() for one in learner.found}
        for learner in collect(place, released)
    }


ONE = {"00": RIGHT}
TREES = {
    # name: (files, what each learner handed in)
    "nbgrader": ({f"ada/batchnorm/{NAME}": RIGHT, f"bob/batchnorm/{NAME}": STUB}, {"ada": ONE, "bob": {"00": STUB}}),
    "without the assignment's folder": ({f"ada/{NAME}": RIGHT}, {"ada": ONE}),
    "loose": ({f"ada_{NAME}": RIGHT, f"bob {NAME}": RIGHT}, {"ada": ONE, "bob": ONE}),
    "Moodle's folders": (
        {f"Zoë Müller_12345_assignsubmission_file/{NAME}": RIGHT, f"Zoë Müller_99_assignsubmission_file_/{NAME}": STUB},
        {"Zoë Müller_12345": ONE, "Zoë Müller_99": {"00": STUB}},
    ),
    "Canvas's files": (
        {f"mullerzoe_123_4567_{NAME}": RIGHT, f"liwei_LATE_124_4568_{corpus.NAME}-1.ipynb": RIGHT},
        {"mullerzoe_123": ONE, "liwei_124": ONE},
    ),
    "second download": ({f"ada/{corpus.NAME} (1).ipynb": RIGHT}, {"ada": ONE}),
    "second download beside the stub": ({f"ada/{NAME}": STUB, f"ada/{corpus.NAME} (1).ipynb": RIGHT}, {"ada": ONE}),
    "Colab's copy": ({f"ada/Copy of {NAME}": RIGHT}, {"ada": ONE}),
    "Jupyter's copy": ({f"ada/{corpus.NAME}-Copy1.ipynb": RIGHT}, {"ada": ONE}),
    "saved as text": ({f"ada/{NAME}.txt": RIGHT}, {"ada": ONE}),
    "saved as JSON": ({f"ada/{corpus.NAME}.json": RIGHT}, {"ada": ONE}),
    "upper case": ({f"ada/{NAME.upper()}": RIGHT}, {"ada": ONE}),
    "other name": ({"ada/homework final FINAL.ipynb": RIGHT}, {"ada": ONE}),
    "number only": ({"ada/00.ipynb": RIGHT}, {"ada": ONE}),
    "in a folder of the learner's": ({f"ada/batchnorm/my work/{NAME}": RIGHT}, {"ada": ONE}),
    "a zip": ({"ada/batchnorm/all.zip": corpus.zipped({f"x/{NAME}": RIGHT})}, {"ada": ONE}),
    "a zip in a zip": ({"ada/a.zip": corpus.zipped({"b.zip": corpus.zipped({NAME: RIGHT})})}, {"ada": ONE}),
    "a tar": ({"ada/all.tar.gz": corpus.tarred({f"x/{NAME}": RIGHT})}, {"ada": ONE}),
    "a zip called notebook": ({f"ada/{NAME}": b"PK\3\4"}, {"ada": {"00": b"PK\3\4"}}),
    "traversal": ({"ada/a.zip": corpus.zipped({f"../../bob/{NAME}": RIGHT, f"/etc/{NAME}": STUB})}, {"ada": ONE}),
    "traversal in a tar": ({"ada/a.tar": corpus.tarred({f"../../../bob/{NAME}": RIGHT})}, {"ada": ONE}),
    "backslashes": ({"ada/a.zip": corpus.zipped({f"..\\..\\bob\\{NAME}": RIGHT})}, {"ada": ONE}),
    "remains of macOS": (
        {"ada/a.zip": corpus.zipped({NAME: RIGHT, f"__MACOSX/._{NAME}": b"\0\5\26\7"}), f"ada/._{NAME}": b"\0\5\26\7"},
        {"ada": ONE},
    ),
    "checkpoints": (
        {f"ada/{NAME}": RIGHT, f"ada/.ipynb_checkpoints/{corpus.NAME}-checkpoint.ipynb": STUB},
        {"ada": ONE},
    ),
    "a folder that begins with a dot": ({f".ada/batchnorm/{NAME}": RIGHT}, {".ada": ONE}),
    "only a PDF": ({"ada/batchnorm/answer.pdf": b"%PDF"}, {"ada": {}}),
    "a program": ({"ada/00_start_here.py": b"x = 1"}, {"ada": {}}),
    "a broken zip": ({"ada/a.zip": corpus.zipped({NAME: RIGHT})[:999]}, {"ada": {}}),
    "an empty zip": ({"ada/a.zip": corpus.zipped({})}, {"ada": {}}),
    "a zip of 0 bytes": ({"ada/a.zip": b""}, {"ada": {}}),
    "7z": ({"ada/a.7z": b"7z\xbc\xaf\x27\x1c"}, {"ada": {}}),
    "accents": ({f"Zoë Müller (2)/batchnorm/{NAME}": RIGHT}, {"Zoë Müller (2)": ONE}),
    "a formula": ({f"=HYPERLINK(1)/{NAME}": RIGHT}, {"=HYPERLINK(1)": ONE}),
    "markup": ({f"<img src=x>[red]x/{NAME}": RIGHT}, {"<img src=x>[red]x": ONE}),
    "new line in a name": ({f"ada\nbob/{NAME}": RIGHT}, {"ada\ufffdbob": ONE}),
    "broken, then right": ({f"ada/{NAME}": RIGHT[:700], f"ada/{corpus.NAME} (1).ipynb": RIGHT}, {"ada": ONE}),
    "a terminal's commands": ({f"\x1b[2Jada/{NAME}": RIGHT}, {"\ufffd[2Jada": ONE}),
    "zeros": ({f"ada/{NAME}": b""}, {"ada": {"00": b""}}),
}


@pytest.mark.parametrize("tree", TREES)
def test_each_form_is_taken_for_what_it_is(tree, tmp_path, released):
    files, expected = TREES[tree]
    assert found(lay(tmp_path / "in", files), released) == expected


@pytest.mark.parametrize("tree", TREES)
def test_a_learner_without_a_notebook_is_told_why(tree, tmp_path, released):
    files, _ = TREES[tree]
    for learner in collect(lay(tmp_path / "in", files), released):
        assert learner.found or learner.notes


@pytest.mark.parametrize("pack", [corpus.zipped, corpus.tarred])
def test_an_archive_of_the_class_is_the_class(pack, tmp_path, released):
    place = tmp_path / ("class.zip" if pack is corpus.zipped else "class.tar.gz")
    place.write_bytes(pack({f"Zoë M_1_assignsubmission_file/{NAME}": RIGHT, f"bob_2_3_{NAME}": STUB}))
    assert found(place, released) == {"Zoë M_1": ONE, "bob_2": {"00": STUB}}


def test_what_is_no_file_is_not_opened(tmp_path, released):
    root = lay(tmp_path / "in", {f"ada/{NAME}": RIGHT})
    secret = tmp_path / "secret"
    secret.write_bytes(STUB)
    for name in ("bob", "eve", "ken", "lee"):
        (root / name).mkdir()
    (root / "bob" / NAME).symlink_to(secret)
    os.mkfifo(root / "eve" / NAME)
    (root / "ken" / NAME).mkdir()
    (root / "lee" / "again").symlink_to(root)
    (root / "kim").symlink_to(tmp_path)
    got = found(root, released)
    assert got.pop("ada") == ONE
    assert not any(got.values()) and {"bob", "eve", "ken", "lee"} <= got.keys()


def test_links_and_devices_in_a_tar_are_left(tmp_path, released):
    special = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        entry = tarfile.TarInfo(NAME)
        entry.type, entry.linkname = kind, "/etc/passwd"
        special.append(entry)
    root = lay(tmp_path / "in", {"ada/a.tar": corpus.tarred({}, special), f"bob/{NAME}": RIGHT})
    assert found(root, released) == {"ada": {}, "bob": ONE}


def test_a_link_in_a_zip_is_no_notebook(tmp_path, released):
    entry = zipfile.ZipInfo(NAME)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    root = lay(tmp_path / "in", {"ada/a.zip": corpus.zipped({entry: b"/etc/passwd"})})
    ((data,),) = [tuple(one.values()) or (b"",) for one in found(root, released).values()]
    assert b"root:" not in data


def test_a_zip_under_a_password_is_told(tmp_path, released):
    data = bytearray(corpus.zipped({NAME: RIGHT}))
    for sign, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(sign) + at] |= 1
    (learner,) = collect(lay(tmp_path / "in", {"ada/a.zip": bytes(data)}), released)
    told = " ".join([*learner.notes, *(word for one in learner.found for word in one.told)])
    assert "password" in told


def test_bombs_take_neither_time_nor_memory(tmp_path, released):
    zeros = bytes(64 << 20)
    bomb = corpus.zipped({f"{i}.ipynb": zeros for i in range(4)})
    nested = corpus.zipped({f"{i}.zip": bomb for i in range(16)})
    root = lay(tmp_path / "in", {"ada/a.zip": nested, f"bob/{NAME}": RIGHT})
    before = time.process_time()
    assert found(root, released) == {"ada": {}, "bob": ONE}
    assert time.process_time() - before < 20
    (ada, _) = collect(root, released)
    assert "was not opened" in ada.notes[-1]


def test_what_cannot_be_read_ends_nothing(tmp_path, released, monkeypatch):
    root = lay(tmp_path / "in", {f"ada/{NAME}": RIGHT, f"bob/{NAME}": RIGHT})
    real = Path.open

    def opened(path, *arguments, **options):
        if "ada" in path.parts:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", opened)
    learners = {learner.name: learner for learner in collect(root, released)}
    assert learners["bob"].found
    assert learners.keys() == {"ada", "bob"}


@pytest.mark.skipif(sys.platform != "linux", reason="not run: other systems refuse such names")
def test_a_name_that_is_not_utf_8(tmp_path, released):
    folder = os.fsencode(tmp_path) + b"/in/zo\xeb"
    os.makedirs(folder)
    with open(folder + b"/" + NAME.encode(), "wb") as file:
        file.write(RIGHT)
    (learner,) = collect(tmp_path / "in", released)
    learner.name.encode("utf-8")
    assert learner.found[0].entry.read() == RIGHT


@pytest.mark.parametrize("make", [lambda p: p / "nothing", lambda p: lay(p / "x", {"a.pdf": b""}) / "a.pdf"])
def test_nothing_to_look_at_is_said(make, tmp_path, released):
    with pytest.raises(NotJudged):
        collect(make(tmp_path), released)
