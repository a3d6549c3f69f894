"""What every test shares: the profile of the property tests, the canaries, and the figures."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import canaries
import figures
import pytest
import structlog
from hypothesis import HealthCheck, settings

from watcher.testing.contract import Summary

# The machines that run this are shared: time says nothing about the code. CI tries the same examples each time, so that
# a change is judged by what it changes; everywhere else they are new ones at each run.
settings.register_profile(
    "watcher",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("watcher")


# ------------------------------------------------------------------------------------------------------------- canaries


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a test sets up of the logs ends with it."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test while which a secret was logged or printed."""
    report = yield
    try:
        if report.passed:
            canaries.secretless(report.caplog + report.capstdout + report.capstderr)
    except AssertionError as error:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {error}"
    return report


# ------------------------------------------------------------------------------------------- figures, from all processes


def pytest_configure(config: pytest.Config) -> None:
    """Have the contracts' summary printed also when they are tried in other processes."""
    config.pluginmanager.register(Summary(), "summary of the contracts")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures of a worker over to the process that prints them."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["figures"] = figures.found()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the figures of a worker that has ended; one that was lost has none."""
    for title, found in getattr(node, "workeroutput", {}).get("figures", {}).items():
        figures.about(title).take(*found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, if any test had some."""
    for title, subject in figures.SUBJECTS.items():
        if lines := list(subject.lines()):
            terminalreporter.write_sep("-", title)
        for line in lines:
            terminalreporter.write_line(line)
