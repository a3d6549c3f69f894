"""What the tests of hostile sources count, printed at the end of the run."""

import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attack import FIGURES

MEMORY = Path("/dev/shm")


@pytest.fixture
def place():
    """A directory for a store, in memory where that can be: what is tested here is not the disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)


def pytest_terminal_summary(terminalreporter):
    """Print the figures, if any test here has run."""
    lines = list(FIGURES.lines())
    if lines:
        terminalreporter.write_sep("-", "hostile sources")
    for line in lines:
        terminalreporter.write_line(line)
