"""docs/extending.md: what it shows works as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from watcher import testing

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of the page, installed as packages are."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```\w+\n# (\S+)[^\n]*\n(.*?)```", page, re.DOTALL))
    assert files.keys() == {"pyproject.toml", "watcher_pigeon.py", "test_pigeon.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    group, point = re.findall(r'entry-points\."([\w.]+)"\]\n(.*)', files["pyproject.toml"])[0]
    metadata = tmp_path / "watcher_pigeon-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: watcher-pigeon\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{point.replace(chr(34), '')}\n")
    return tmp_path


def run(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the package is installed."""
    environ = {**os.environ, "LOFT": "https://loft.example.fr/", "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}
    environ.pop("PYTEST_ADDOPTS", None)
    command = (sys.executable, *command)
    return subprocess.run(command, cwd=package, env=environ, capture_output=True, text=True, timeout=100, check=False)


def test_the_sink_of_the_page_keeps_every_promise(package: Path) -> None:
    """With pytest alone; what was tried is said by part, and what was left out, with the reason."""
    alone = [part for name in ("asyncio", "randomly", "timeout", "hypothesispytest") for part in ("-p", f"no:{name}")]
    done = run(package, "-m", "pytest", "-q", *alone, "-c", os.devnull, "--rootdir", str(package), "test_pigeon.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^TestPigeon: answers \d+, conduct \d+, ids 1, messages \d+, ", done.stdout, re.MULTILINE)
    assert "without certificates: the loft makes its own" in done.stdout


def test_the_sink_of_the_page_can_be_configured(package: Path) -> None:
    """By the name of its entry point, like one of ours."""
    (package / "config.toml").write_text(
        '[sinks.roof]\ntype = "pigeon"\nurl = { env = "LOFT" }\nloft = "south"\n'
        '[[rules]]\nname = "all"\non = ["new-lead"]\nto = ["roof"]\n'
    )
    done = run(package, "-m", "watcher", "check", "--config", "config.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_and_hook_of_the_page_exists() -> None:
    """A name that one cannot use is not in it."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+Contract)`", page):
        assert hasattr(testing, name)
    for hook in ("kind", "without", "settings", "place", "answer", "secrets", "check"):
        assert f"`{hook}`" in page or f"{hook} =" in page or f"def {hook}" in page
        assert hook == "kind" or hasattr(testing.SinkContract, hook)
