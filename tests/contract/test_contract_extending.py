"""docs/extending.md: what it shows works as it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from watcher import testing

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def install(directory: Path, package: str) -> Path:
    """One of the packages of the page, installed as packages are."""
    blocks = re.findall(r"```\w+\n# (\S+)([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
    files = {name: text for name, _, text in blocks if name.endswith(".py") and package in name}
    (points,) = [text for name, of, text in blocks if name == "pyproject.toml" and package in text]
    assert files.keys() == {f"watcher_{package}.py", f"test_{package}.py"}
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    group, point = re.findall(r'entry-points\."([\w.]+)"\]\n(.*)', points)[0]
    metadata = directory / f"watcher_{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: watcher-{package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{point.replace(chr(34), '')}\n")
    return directory


@pytest.fixture
def pigeon(tmp_path: Path) -> Path:
    """The page's sink."""
    return install(tmp_path, "pigeon")


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """The page's source, and a configuration that reads it."""
    (tmp_path / "config.toml").write_text(CONFIG)
    return install(tmp_path, "diary")


CONFIG = """
[accounts.azur]
api = "diary"
token = { env = "DIARY" }

[[sources]]
account = "azur"
stream = "viewings"
offices = [7]

[sinks.roof]
type = "file"
path = "-"

[[rules]]
name = "held"
on = ["viewing-held"]
when = "record.opinion and changed('held_at')"
title = "{{ record.visitor }} has seen {{ record.property }}"
to = ["roof"]

[[rules]]
name = "soon"
on = ["viewings"]
before = "2h"
of = "planned_at"
to = ["roof"]
"""


def run(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the package is installed."""
    secrets = {"LOFT": "https://loft.example.fr/", "DIARY": "a-t0ken"}
    environ = {**os.environ, **secrets, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}
    environ.pop("PYTEST_ADDOPTS", None)
    command = (sys.executable, *command)
    return subprocess.run(command, cwd=package, env=environ, capture_output=True, text=True, timeout=100, check=False)


def contract(package: Path, name: str) -> str:
    """What the page's tests say, with pytest alone."""
    alone = [part for name in ("asyncio", "randomly", "timeout", "hypothesispytest") for part in ("-p", f"no:{name}")]
    done = run(package, "-m", "pytest", "-q", *alone, "-c", os.devnull, "--rootdir", str(package), name)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_sink_of_the_page_keeps_every_promise(pigeon: Path) -> None:
    """With pytest alone; what was tried is said by part, and what was left out, with the reason."""
    said = contract(pigeon, "test_pigeon.py")
    assert re.search(r"^TestPigeon: answers \d+, conduct \d+, ids 1, messages \d+, ", said, re.MULTILINE)
    assert "without certificates: the loft makes its own" in said


def test_the_sink_of_the_page_can_be_configured(pigeon: Path) -> None:
    """By the name of its entry point, like one of ours."""
    (pigeon / "config.toml").write_text(
        '[sinks.roof]\ntype = "pigeon"\nurl = { env = "LOFT" }\nloft = "south"\n'
        '[[rules]]\nname = "all"\non = ["new-lead"]\nto = ["roof"]\n'
    )
    done = run(pigeon, "-m", "watcher", "check", "--config", "config.toml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_source_of_the_page_keeps_every_promise(diary: Path) -> None:
    """It is a dozen lines, and as polite and as careful as ours."""
    said = contract(diary, "test_diary.py")
    assert re.search(r"^TestDiary: .*answers \d+, .*reading \d+, ", said, re.MULTILINE)
    assert "without cursor: the diary has none" in said


def test_the_source_of_the_page_can_be_configured_and_told_of(diary: Path) -> None:
    """Its account, partitions, streams, events and fields are known as ours are; what it tells can be rendered."""
    done = run(diary, "-m", "watcher", "render", "viewing-held", "--json", "--config", "config.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = json.loads(done.stdout)
    assert (said["sink"], said["rule"], said["title"]) == ("roof", "held", "visitor has seen 1")


def test_the_mistakes_of_the_page_s_source_are_named(diary: Path) -> None:
    """With file, line and the nearest right name, as those of ours are."""
    broken = CONFIG.replace("offices", "agencies").replace("record.opinion", "record.opinon")
    broken = broken.replace('"viewing-held"', '"viewing-hold"')
    (diary / "config.toml").write_text(broken)
    done = run(diary, "-m", "watcher", "check", "--config", "config.toml")
    assert done.returncode == 78
    for said in (
        "config.toml:9: [[sources]] agencies: is not for diary; write offices = [...]",
        'config.toml:17: [[rules]] on[0]: no event type "viewing-hold"; did you mean "viewing-held"?',
        "config.toml:18: [[rules]] when: record has no 'opinon'; did you mean 'opinion'?",
    ):
        assert said in done.stdout + done.stderr


def test_every_part_and_hook_of_the_page_exists() -> None:
    """A name that one cannot use is not in it."""
    for name in re.findall(r"`(\w+Contract)`", PAGE):
        assert hasattr(testing, name)
    for hook in ("kind", "without", "settings", "place", "answer", "secrets", "check"):
        assert f"`{hook}`" in PAGE or f"{hook} =" in PAGE or f"def {hook}" in PAGE
        assert hook == "kind" or hasattr(testing.SinkContract, hook)
    for hook in ("make", "page", "connected"):
        assert hasattr(testing.SourceContract, hook)
