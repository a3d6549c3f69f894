"""A configuration in a directory of its own, and the commands that try it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result
from rehearsal_site import LEADS, Site

from watcher.cli import watcher

Call = Callable[..., Result]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with one rule: leads, to the sales people."""
    here = Site(tmp_path)
    here.write(LEADS)
    return here


@pytest.fixture
def call(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Call a command there."""
    monkeypatch.chdir(site.directory)
    yield lambda *args: CliRunner().invoke(watcher, list(args), prog_name="watcher")
    structlog.reset_defaults()  # the commands send logs to a stream that is no more
