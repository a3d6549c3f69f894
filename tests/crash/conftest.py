"""What the crashes came to, printed at the end of the run."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from crash_figures import FIGURES


def pytest_terminal_summary(terminalreporter):
    """Print the figures, if any test here has run."""
    if FIGURES:
        terminalreporter.write_sep("-", "crashes")
    for what, came_of_it in FIGURES.items():
        terminalreporter.write_line(f"{what}: {came_of_it}")
