"""The grader of a class: each hand-in is graded once, whoever is killed, and nothing is lost or made up."""

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from nbgrader.api import Gradebook

from helpers.classroom import course as courses
from helpers.classroom import engine, gradebook
from helpers.classroom.record import ASIDE
from helpers.grading.sandbox import Limits
from tests.classroom import ends
from tests.classroom.server import postgresql, programs
from tests.classroom.small_class import (
    ABSENT,
    BIASED,
    CLASS,
    EMPTY,
    HALF,
    JAIL,
    MARKED,
    NOTEBOOK,
    PAPER,
    RIGHT,
    UNTOUCHED,
    arguments,
    command,
    copy_of,
    grades,
    hand_in,
    hand_ins,
    new_course,
    records,
)  # fmt: skip
from tests.notebook import ROOT, fill, solved
from tests.shell import environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="not run: Windows has no SIGKILL")


@pytest.fixture(scope="module")
def client():
    """Two workers for all tests of this module."""
    with engine.quietly(), engine.local(2) as client:
        yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("class")


@pytest.fixture(scope="module")
def submitted(place):
    return hand_ins(place / "submitted")


@pytest.fixture(scope="module")
def told():
    """Of whom a record came, in the run of :func:`undisturbed`."""
    return []


@pytest.fixture(scope="module")
def undisturbed(client, place, submitted, told):
    """A course in which the class was graded; not to be changed."""
    course = new_course(place / "undisturbed", place / "release")
    _grade(client, course, submitted, lambda record: told.append(record.learner))
    return course


@pytest.fixture
def course(undisturbed, tmp_path):
    """A course in which the class was graded."""
    return copy_of(undisturbed, tmp_path / "course")


@pytest.fixture
def theirs(submitted, tmp_path):
    """A copy of what the class handed in."""
    for file in submitted.rglob("*.*"):
        copy = tmp_path / "theirs" / file.relative_to(submitted)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / "theirs" / ABSENT).mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def grading(client, monkeypatch, capsys):
    """Run a command with the workers of this module."""
    monkeypatch.setattr(engine, "local", lambda jobs: contextlib.nullcontext(client))
    return lambda name, *rest, course: command(monkeypatch, capsys, name, *rest, course=course)


def _grade(client, course, submitted, told):
    setting = course.setting(Limits(seconds=20.0, memory=2048 << 20), JAIL != "none")
    with course.store() as store:
        todo = courses.plan(submitted, setting, store)
        courses.grade(client, setting, todo, store, told)
        courses.publish(course, setting, todo, store, gradebook.ready(course.database, setting.notebooks))


def _table(course):
    with (course.folder / "results.csv").open(newline="") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def _points(course):
    return {name: row["points"] for name, row in _table(course).items()}


def test_everybody_has_one_row_with_a_true_reason(undisturbed, told):
    lines = (undisturbed.folder / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + len(CLASS) and sorted(told) == sorted(set(CLASS) - {PAPER, ABSENT})
    table = _table(undisturbed)
    assert _points(undisturbed) == {name: "2" if name in RIGHT else "1" if name in HALF else "0" for name in CLASS}
    assert (table[EMPTY]["status"], table[EMPTY]["waits_for_a_human"]) == ("needs a human", "2")
    assert "the file is empty" in table[EMPTY]["reason"]
    assert "essay.pdf is no notebook" in table[PAPER]["reason"]
    assert table[ABSENT]["status"] == table[PAPER]["status"] == "nothing handed in"


def test_what_waits_for_a_human_is_no_zero(undisturbed):
    table = _table(undisturbed)
    assert (table[EMPTY][NOTEBOOK], table[UNTOUCHED][NOTEBOOK], table[ABSENT][NOTEBOOK]) == ("", "0", "missing")
    book = grades(undisturbed.database)
    assert set(book) == set(CLASS)
    assert book[EMPTY]["feature_statistics_mean"] == (None, None, True)
    assert book[UNTOUCHED]["feature_statistics_mean"] == book[ABSENT]["feature_statistics_mean"] == (0.0, None, False)


def test_what_has_not_changed_is_not_graded_again(grading, course, submitted):
    before = records(course), grades(course.database)
    status, text = grading("grade", submitted, course=course)
    assert status == 0 and f"Notebooks graded: 0; up to date: {MARKED};" in text
    assert (records(course), grades(course.database)) == before


def test_only_what_has_changed_is_graded_again(grading, course, theirs):
    hand_in(theirs, "ada", fill(solved(NOTEBOOK), {"feature_statistics": BIASED}))
    before = grades(course.database)
    status, text = grading("grade", theirs, "--dry-run", course=course)
    assert status == 0 and f"To grade: 1; up to date: {MARKED - 1}" in text and "ada: 00_start_here from" in text
    assert grades(course.database) == before
    status, text = grading("grade", theirs, course=course)
    assert status == 0 and "Notebooks graded: 1;" in text
    after = grades(course.database)
    assert after.pop("ada")["feature_statistics_variance"][0] == 0.0
    assert before.pop("ada") and after == before and _points(course)["ada"] == "1"


def test_what_is_taken_back_is_forgotten_when_that_is_said(grading, course, theirs):
    for name in ("ada", ABSENT):
        for path in sorted((theirs / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (theirs / name).rmdir()
    before = grades(course.database), _table(course)
    status, text = grading("grade", theirs, course=course)
    assert status == 2 and f"has nothing of ada, {ABSENT}. " in text and "--forget" in text
    assert (grades(course.database), _table(course)) == before
    status, text = grading("grade", theirs, "--forget", course=course)
    assert status == 0 and f"Forgotten: ada, {ABSENT}." in text
    for left in (_table(course), grades(course.database), os.listdir(course.folder / "feedback")):
        assert sorted(left) == sorted(set(CLASS) - {"ada", ABSENT})
    assert not list((course.folder / "autograded" / "ada").rglob("*.ipynb"))


def test_one_alone_is_graded_and_the_others_keep_their_rows(grading, course, theirs):
    for name in ("ada", "ben"):
        hand_in(theirs, name, fill(solved(NOTEBOOK), {"feature_statistics": BIASED}))
    page = course.folder / "feedback" / PAPER / "batchnorm" / "feedback.html"
    before = _table(course), page.read_text()
    status, text = grading("grade", theirs, "--only", "ben", course=course)
    assert status == 0 and "Notebooks graded: 1;" in text
    after = _table(course), page.read_text()
    assert after[0].pop("ben")["points"] == "1" and before[0].pop("ben")["points"] == "2"
    assert after == before


def test_a_late_one_is_graded_without_the_rest(grading, course, theirs):
    before = _table(course)
    file = theirs / "ada" / "batchnorm" / f"{NOTEBOOK}.ipynb"
    status, text = grading("late", file, "--learner", "zoe", course=course)
    assert status == 0 and "2 of 2" not in text and "1 of 1" in text
    after = _table(course)
    assert after.pop("zoe")["points"] == "2" and after == before
    assert grades(course.database)["zoe"]["feature_statistics_mean"][0] == 1.0


def test_explain_says_why(grading, undisturbed):
    status, text = grading("explain", "gus", course=undisturbed)
    assert status == 0 and "0 of 1" in text and "measured" in text and "torch" in text
    assert "the file is empty" in grading("explain", EMPTY, course=undisturbed)[1]
    status, text = grading("explain", PAPER, course=undisturbed)
    assert status == 0 and "handed in no notebook of the course" in text and "essay.pdf is no notebook." in text


def test_a_humans_mark_stays(grading, course, theirs):
    with Gradebook(course.database) as book:
        book.find_grade("feature_statistics_mean", NOTEBOOK, "batchnorm", EMPTY).manual_score = 0.5
        book.find_grade("feature_statistics_mean", NOTEBOOK, "batchnorm", "ada").manual_score = 0.25
        book.db.commit()
    for name in ("ada", EMPTY):
        hand_in(theirs, name, fill(solved(NOTEBOOK), {"feature_statistics": BIASED}))
    assert grading("grade", theirs, course=course)[0] == 0
    after = grades(course.database)
    assert after["ada"]["feature_statistics_mean"][:2] == (1.0, 0.25)
    assert after[EMPTY]["feature_statistics_mean"][:2] == (1.0, 0.5)


def test_a_gradebook_that_was_deleted_is_written_again(grading, course, submitted):
    before = grades(course.database)
    (course.folder / "gradebook.db").unlink()
    assert grading("grade", submitted, course=course)[0] == 0
    assert grades(course.database) == before


BAD = {
    "no such place": ["grade", "nowhere"],
    "no such learner": ["grade", "{submitted}", "--only", "nobody"],
    "no such course": ["grade", "{submitted}", "--course", "{submitted}"],
    "no notebook": ["late", "{submitted}/kim/essay.pdf", "--learner", "kim"],
    "several learners": ["late", "{submitted}", "--learner", "kim"],
    "no record": ["explain", "nobody"],
    "no gradebook": ["grade", "{submitted}", "--db", "sqlite:////nowhere/gradebook.db"],
    "no database of that kind": ["grade", "{submitted}", "--db", "gradebook.db"],
    "no scheduler": ["grade", "{theirs}", "--scheduler", "tcp://127.0.0.1:9"],
    "no address": ["grade", "{theirs}", "--scheduler", "somewhere"],
    "a scheduler without encryption": ["grade", "{theirs}", "--scheduler", "tcp://192.0.2.1:8786"],
}


def test_ctrl_c_reaches_the_driver_alone():
    """A terminal sends it to the whole group of processes; a worker that gets it prints a page of its own."""
    code = """
import time
from helpers.classroom import engine
if __name__ == "__main__":
    try:
        with engine.quietly(), engine.local(1):
            print("up", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print("stopped")
"""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    driver = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment(), **streams)
    assert driver.stdout.readline() == "up\n"
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.communicate(timeout=60)[0] == "stopped\n"


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_a_sentence(grading, course, submitted, theirs, what):
    hand_in(theirs, "ada", fill(solved(NOTEBOOK), {"feature_statistics": BIASED}))
    name, *rest = (text.format(submitted=submitted, theirs=theirs) for text in BAD[what])
    status, text = grading(name, *rest, course=course)
    assert status == 2 and text.endswith(".") and "Traceback" not in text, text
    assert not (submitted / "grading").exists()


def test_a_worker_that_is_killed_loses_and_repeats_nothing(client, place, submitted, undisturbed, tmp_path):
    course, names = new_course(tmp_path / "course", place / "release"), []

    def told(record):
        names.append(record.learner)
        if len(names) == 2:
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    _grade(client, course, submitted, told)
    assert sorted(names) == sorted(set(names)) and len(names) == MARKED
    assert records(course) == records(undisturbed) and grades(course.database) == grades(undisturbed.database)


def _killed_when(condition, command):
    """Start a command, kill it when the condition holds, and wait until all that it had started is gone."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "helpers.grading", *command], cwd=ROOT, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    family: set[psutil.Process] = set()
    while driver.poll() is None and not condition():
        with contextlib.suppress(psutil.Error):
            family |= set(psutil.Process(driver.pid).children(recursive=True))
        time.sleep(0.02)
    with contextlib.suppress(psutil.Error):
        family |= set(psutil.Process(driver.pid).children(recursive=True))
    driver.kill()
    driver.wait()
    assert not psutil.wait_procs(family, timeout=60)[1]


def test_a_driver_that_is_killed_goes_on_where_it_was(grading, place, submitted, undisturbed, tmp_path):
    course = new_course(tmp_path / "course", place / "release")

    def some():
        with course.store() as store:
            return len(store.keys()) >= 3

    _killed_when(some, arguments("grade", submitted, "--jobs", "1", course=course))
    done = len(records(course))
    assert 3 <= done < MARKED and not (course.folder / "results.csv").exists()
    status, text = grading("grade", submitted, "--resume", course=course)
    assert status == 0 and f"Notebooks graded: {MARKED - done}; up to date: {done};" in text
    assert records(course) == records(undisturbed) and grades(course.database) == grades(undisturbed.database)
    for page in ("results.csv", "class.html"):
        assert (course.folder / page).read_text() == (undisturbed.folder / page).read_text()


def test_what_ends_its_worker_three_times_is_set_aside_alone(client, monkeypatch):
    monkeypatch.setattr(engine, "mark", ends.mark)
    names = ["ada", "ben", ends.ENDS, "fay", "gus", "hal", "ida"]
    made = list(engine.run(client, ends.Setting(), (ends.HandIn(name) for name in names)))
    assert sorted(record.learner for record in made) == names
    (aside,) = [record for record in made if record.status == ASIDE]
    assert aside.learner == ends.ENDS and "it ended 3 workers" in aside.reason and aside.open == ["cell"]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request, course):
    """An empty gradebook of the course."""
    (course.folder / "gradebook.db").unlink()
    if request.param == "SQLite":
        yield course.database
    elif programs() is None:
        pytest.skip("not run: no PostgreSQL here")
    else:
        with postgresql() as url:
            yield url


def test_a_driver_that_is_killed_while_it_writes_makes_it_good(grading, course, submitted, undisturbed, database):
    url = gradebook.ready(database, undisturbed.setting(Limits(), False).notebooks)
    _killed_when(lambda: gradebook.learners(url), arguments("grade", submitted, "--db", database, course=course))
    assert gradebook.learners(url)
    status, text = grading("grade", submitted, "--resume", "--db", database, course=course)
    assert status == 0 and "Notebooks graded: 0;" in text
    assert grades(url) == grades(undisturbed.database)
    with Gradebook(url) as book:
        book.find_grade("feature_statistics_mean", NOTEBOOK, "batchnorm", "ada").manual_score = 0.25
        book.db.commit()
    shutil.rmtree(course.folder / "feedback" / "ada")  # what is lost is written again, and the human's mark stays
    assert grading("grade", submitted, "--db", database, course=course)[0] == 0
    assert grades(url)["ada"]["feature_statistics_mean"][:2] == (1.0, 0.25)
    assert (course.folder / "feedback" / "ada").exists()
