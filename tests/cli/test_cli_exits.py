"""Exit codes: each says what to do next."""

import contextlib
import signal

import pytest
from cli_site import TOKEN, ended

from watcher.cli.exits import code_of
from watcher.config import ConfigMissing
from watcher.errors import ConfigError, StoreError, StoreRuined
from watcher.operations import Refused
from watcher.store import StoreBusy

BROKEN = """
[sinks.sales]
type = "slak"

[[rules]]
name = "broken"
on   = ["new-leed"]
to   = ["nobody"]
"""


def caused(error: Exception, cause: Exception) -> Exception:
    """An error with its cause."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("no"), 1),
        (StoreRuined("not a store"), 65),
        (ConfigMissing(("none",)), 66),
        (ZeroDivisionError(), 70),
        (StoreError("disk full"), 74),
        (OSError(28, "No space left on device"), 74),
        (StoreBusy("in use"), 75),
        (PermissionError(13, "Permission denied"), 77),
        (caused(StoreError("cannot open"), PermissionError()), 77),
        (caused(ConfigError(("cannot be read",)), PermissionError()), 77),
        (ConfigError(("broken",)), 78),
        (ExceptionGroup("in a group", [StoreError("disk full")]), 74),
    ],
    ids=repr,
)
def test_each_error_has_its_code(error, code):
    """The codes are those of sysexits.h, by what to do next."""
    assert code_of(error) == code


@pytest.mark.parametrize("command", [["check"], ["run"], ["run", "--once"], ["status"], ["events"]], ids=" ".join)
async def test_no_configuration_is_66(site, command):
    """Without a configuration a command says where it looked."""
    site.config.unlink()
    done = await site.run(*command, "--config", "nowhere.toml")
    assert (done.code, done.out) == (66, "")
    assert "nowhere.toml" in done.err


@pytest.mark.parametrize("command", [["check"], ["run"], ["run", "--once"], ["poll", "azur/apimo.leads/101"]])
async def test_a_broken_configuration_is_78_and_touches_nothing(site, command):
    """Every complaint is on a line of its own, with its place; no store is made."""
    site.write(BROKEN)
    done = await site.run(*command)
    assert (done.code, done.out) == (78, "")
    complaints = done.err.splitlines()
    assert len(complaints) == 3
    assert all(line.startswith("config.toml:") for line in complaints)
    assert [word for word in ("slak", "new-leed", "nobody") if word not in done.err] == []
    assert {path.name for path in site.directory.iterdir()} == {"config.toml"}


async def test_a_missing_secret_is_78(site):
    """A secret that is not there is named, with where to put it."""
    site.environ = {name: value for name, value in site.environ.items() if name != "APIMO_TOKEN"}
    done = await site.run("run", "--once")
    assert done.code == 78
    assert "APIMO_TOKEN" in done.err
    assert not site.store.exists()


async def test_a_file_that_is_no_store_is_65(site):
    """A foreign file in the store's place is left as it is."""
    site.store.write_text("this is no store at all " * 100)
    before = site.store.read_bytes()
    for command in (["run"], ["run", "--once"], ["events"]):
        assert (await site.run(*command)).code == 65
    assert site.store.read_bytes() == before


async def test_a_place_that_cannot_hold_a_store_is_74(site):
    """A store whose directory is not there cannot be made."""
    site.config.write_text(site.config.read_text() + '\n[state]\npath = "nowhere/watcher.db"\n')
    done = await site.run("run", "--once")
    assert done.code == 74
    assert "nowhere/watcher.db" in done.err


@pytest.mark.parametrize("command", [["run"], ["run", "--once"]], ids=" ".join)
async def test_a_second_instance_is_75(site, command):
    """While a daemon has the store, another says whose it is and leaves."""
    async with site.daemon() as daemon:
        done = await site.run(*command)
        assert done.code == 75
        assert f"process {daemon.pid}" in done.err


def test_a_bug_is_70_and_shows_no_values(monkeypatch, call):
    """What nobody foresaw ends with a traceback that has no local variables in it."""

    def wrong(_path: object) -> None:
        token = TOKEN
        raise ZeroDivisionError(f"{len(token)} letters")

    monkeypatch.setattr("watcher.cli.sources.fares", wrong)
    done = call("sources")
    assert done.exit_code == 70
    assert "ZeroDivisionError" in done.stderr
    assert "this is a bug" in done.stderr
    assert TOKEN not in done.output


async def test_a_broken_pipe_is_quiet(story):
    """Who reads no further is not told so."""
    process = await story.start("events", "--follow", "--json")
    assert process.stdout
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    done = await ended(process)
    assert done.err == ""


async def test_ctrl_c_ends_the_following_in_good_order(story):
    """Ctrl-C is how following ends: exit 0, nothing said."""
    process = await story.start("events", "--follow", "--json")
    assert process.stdout
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = await ended(process)
    assert (done.code, done.err) == (0, "")


def test_nothing_polled_yet_is_said(call, tmp_path, story):
    """A command that reads says clearly that there is nothing to read yet."""
    empty = tmp_path / "config.toml"
    empty.write_text(story.config.read_text())
    commands = ["status", "sources", "events", "show apimo.leads/1", "history apimo.leads/1", "deliveries", "dead list"]
    for command in (*commands, "dead redrive --all"):
        done = call(*command.split(), "--config", str(empty))
        assert (done.exit_code, done.stdout) == (1, ""), command
        assert "nothing has been polled yet" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
