"""Logs: one line an outcome, inert, without secrets."""

import io
import json

import pytest
import structlog

from watcher.logs import setup


@pytest.fixture
def written(monkeypatch):
    """A log to look at, and the configuration put back afterwards."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stream = io.StringIO()
    yield stream
    structlog.reset_defaults()


def test_a_line_is_one_json_object(written):
    """Away from a terminal, each outcome is one line of JSON with time and level."""
    setup(stream=written)
    structlog.get_logger().info("polled", source="a/b/c", fresh=3)
    (line,) = written.getvalue().splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["source"], found["fresh"]) == ("polled", "info", "a/b/c", 3)
    assert found["time"].endswith("Z")


def test_the_journal_gets_its_priority(written, monkeypatch):
    """Under systemd a line begins with the priority that the journal reads and takes off."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    setup(stream=written)
    structlog.get_logger().error("given up")
    assert written.getvalue().startswith("<3>{")


def test_hostile_values_are_inert(written):
    """Control characters cannot move a terminal's cursor or forge a line, and no value is endless."""
    setup(stream=written)
    structlog.get_logger().warning("not polled", error="\x1b[2J\nforged: line\r" + "x" * 5000)
    (line,) = written.getvalue().splitlines()
    assert "\\u001b" not in line
    assert "\\n" not in line
    assert len(line) < 1000


def test_a_traceback_shows_no_local_variables(written):
    """A bug's traceback names the place, and not what was in the variables there."""
    setup(stream=written)

    def broken():
        secret = "canary-" + "4711"
        raise KeyError(len(secret))

    try:
        broken()
    except KeyError:
        structlog.get_logger().exception("a job failed")
    assert "broken" in written.getvalue()
    assert "canary-4711" not in written.getvalue()


def test_debug_is_left_out_by_default(written):
    """A poll that brought nothing is not worth a line."""
    setup(stream=written)
    structlog.get_logger().debug("polled")
    assert written.getvalue() == ""
