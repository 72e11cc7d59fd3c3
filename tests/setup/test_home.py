"""What the repository's home reads: workflows, issue forms, changelog, citation, containers."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import course
from helpers.editions.bundle import setup_cell
from helpers.project import ROOT, pull_link, repository, version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(p for p in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config")


def read(path):
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def call(program, *arguments):
    """Run a program that stands beside this Python; its output is the message where it fails."""
    command = [str(Path(sys.executable).parent / program), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": FORMS,
    "github-issue-config": [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_they_have_the_form_that_github_asks_for(schema):
    assert SCHEMAS[schema]
    call("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema])


def test_actions_are_pinned_and_may_do_no_more_than_they_must():
    call("zizmor", "--offline", "--no-progress", "--quiet", ".github")
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (.*)", text)
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} +# v\d+\.\d+\.\d+", line) for line in used), used
        assert read(path)["permissions"] in ({}, {"contents": "read"})


def test_the_workflows_call_what_there_is():
    """Their commands are targets of the Makefile, or files of this repository."""
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    commands = [
        step["run"]
        for path in WORKFLOWS
        for job in read(path)["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    for command in commands:
        match command.split()[0]:
            case "make":
                assert command.split()[1] in targets
            case "apt-get":
                pass
            case file:
                assert (ROOT / file).stat().st_mode & 0o100


def test_the_tests_run_on_every_python_that_is_promised():
    pythons = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"]
    assert pythons[0] == ".".join(map(str, course.OLDEST_PYTHON)) and len(pythons) == 3
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(python) for python in pythons)


def test_each_form_asks_for_the_edition_and_for_what_was_printed():
    for path in FORMS:
        asked = {part["id"]: part["attributes"] for part in read(path)["body"]}
        assert asked["edition"]["placeholder"] == f"Edition {version()}, 1a2b3c4d", path
        assert '"if hashlib"' in asked["edition"]["description"], path
    assert "card" in {part["id"] for part in read(ROOT / ".github" / "ISSUE_TEMPLATE" / "judge.yml")["body"]}


@pytest.mark.parametrize("edition", ["open", "class"])
def test_the_edition_stands_where_the_forms_say(edition):
    assert setup_cell(edition, "").splitlines()[1].startswith(f"# Edition {version()}, {edition}. ")


def test_builds_of_one_edition_are_told_apart_by_a_checksum():
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "CONTRIBUTING.md")]
    assert all("`if hashlib`" in text for text in texts)
    made = [setup_cell("open", code) for code in ("", "from helpers.lab.data import digits")]
    sums = {re.search(r'^if hashlib.*"([0-9a-f]{64})"', cell, re.MULTILINE)[1][:8] for cell in made}
    assert len(sums) == 2


def test_changelog_and_citation_name_the_edition():
    editions = re.findall(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert editions[:2] == ["Unreleased", PROJECT["version"]] and len(set(editions)) == len(editions)
    citation = read(ROOT / "CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation.get("repository-code", "") == repository()


def test_the_image_installs_an_extra_with_all_that_its_users_need():
    text = DOCKERFILE.read_text(encoding="utf-8")
    (extra,) = re.findall(r"course\.set_up\('(\w+)'\)", text)
    lines = [Requirement(line) for line in EXTRAS[extra]]
    (course_itself,) = [line for line in lines if line.name == PROJECT["name"]]
    assert course_itself.extras == {"lab", "grade"}
    assert {line.name for line in lines} - {course_itself.name} == {"jupyterhub", "nbgitpuller"}
    assert "pip" not in text and f"FROM python:{PROJECT['requires-python'].removeprefix('>=')}-slim" in text
    copied = re.search(r"^COPY (.+) \./$", text, re.MULTILINE)[1].split()
    assert {"pyproject.toml", "course.py", PROJECT["readme"], *PROJECT["license-files"]} == {*copied}


def test_what_a_container_is_for_outlasts_it():
    """Each command that runs one names a volume, where its user works; user and folder are those of the image."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    kept = dict(re.findall(r"docker run --rm .*-v \"?[^\s:]+:([^\s\"]+)\"? (batchnorm\S*)", text))
    assert len(re.findall("docker run", text)) == 2
    assert kept == {"/home/learner": "batchnorm", "/course/grading": "batchnorm-grader"}
    assert '": "/home/learner"}' in text
    learner = text.partition("AS learner")[2]
    assert "USER 1000\nWORKDIR /home/learner\n" in learner and "--create-home --uid 1000 learner" in text
    assert "COPY --chown=learner ${NOTEBOOKS} notebooks" in learner and "VOLUME" not in text


@pytest.mark.skipif(sys.platform != "linux", reason="not run: hadolint is installed on Linux alone")
def test_the_dockerfile_is_well_formed():
    call("hadolint", DOCKERFILE)


def test_the_devcontainer_sets_up_as_everybody_does():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make setup"
    assert container["image"].endswith(f"python:{PROJECT['requires-python'].removeprefix('>=')}")


def test_there_is_a_link_for_nbgitpuller_only_where_the_address_is_known():
    command = [sys.executable, "-m", "helpers.project", "https://hub.example.org"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if repository():
        assert done.stdout.strip() == pull_link("https://hub.example.org", repository())
    else:
        assert (done.returncode, done.stdout) == (1, "") and "Set repository in pyproject.toml" in done.stderr
