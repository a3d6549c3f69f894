"""The command: an event in, an exit out, and nothing left running."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from message_samples import news
from sink_peers import HOSTILE, Send, delivery_of

from watcher.errors import Permanent, Transient
from watcher.model import envelope
from watcher.sinks import SINKS, Tools
from watcher.sinks.command import Command, Config

Make = Callable[..., Command]


@pytest.fixture
def program(tools: Tools, tmp_path: Path) -> Make:
    """Build the sink that runs a shell script, with arguments."""

    def make(script: str, *arguments: str, **settings: Any) -> Command:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        return Command("crm", Config(type="command", command=[str(path), *arguments], **settings), tools)

    return make


async def failure(sink: Command, delivery: Any) -> Transient | Permanent:
    """The error that a send ends in."""
    with pytest.raises((Transient, Permanent)) as caught:
        await asyncio.wait_for(sink.send(delivery), 30)
    return caught.value


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what other processes do rings no bell here
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet seen off does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def open_files() -> int:
    """How many files, pipes and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of this very moment


def written(path: Path) -> list[int]:
    """The numbers of processes that a script wrote down, once they are there."""
    return [int(word) for word in path.read_text().split()] if path.exists() else []


# ------------------------------------------------------------------------------------------------- what it is given


async def test_the_event_comes_as_json_on_standard_input(program: Make, delivery: Send, tmp_path: Path) -> None:
    """All of it, whatever its size and its values; the working directory is that of the state."""
    sent = delivery(message=HOSTILE + "x" * 300_000)
    await program("cat >event.json").send(sent)
    assert json.loads((tmp_path / "event.json").read_bytes()) == json.loads(json.dumps(envelope(sent.event)))


async def test_arguments_are_words_and_no_shell_reads_them(program: Make, delivery: Send) -> None:
    """What a shell would act on is only text."""
    words = ["$HOME", "a b", "; touch gone", "*", "`id`", "é\n"]
    assert await program('printf "<%s>" "$@"', *words).send(delivery()) == "<$HOME><a b><; touch gone><*><`id`><é >"


async def test_its_environment_is_small_and_holds_no_secret(
    program: Make, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the daemon was given stays with the daemon; hostile values come as one line."""
    monkeypatch.setenv("APIMO_TOKEN", "CANARY")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/CANARY")
    sent = delivery()
    object.__setattr__(sent.event, "type", "new\0-lead\n() { :; };")
    await program("env -0 >env").send(sent)
    given = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().rstrip("\0").split("\0"))
    for added_by_the_shell in ("PWD", "OLDPWD", "SHLVL", "_"):
        given.pop(added_by_the_shell, None)
    assert given == {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "WATCHER_EVENT_ID": sent.event.id,
        "WATCHER_EVENT_TYPE": "new-lead () { :; };",
        "WATCHER_SINK": "crm",
        "WATCHER_ATTEMPT": "1",
    }


async def test_it_inherits_no_open_file(program: Make, delivery: Send, tmp_path: Path) -> None:
    """The store, the socket and the connections are not its business."""
    with (tmp_path / "store").open("wb") as store:
        os.set_inheritable(store.fileno(), True)
        names = (await program("ls -l /proc/self/fd | sed -n 's/.* -> //p' | tr '\\n' ' '").send(delivery())).split(" ")
    assert not [name for name in names if "store" in name]
    assert len([name for name in names if name.startswith(("/memfd", "pipe", "/proc"))]) >= 3


async def test_personal_data_is_held_back_where_it_is_asked(program: Make, tmp_path: Path) -> None:
    """With `personal = false` the record has none."""
    event = news("new-lead", "apimo.leads", lastname="CANARY", email="CANARY@example.fr")
    await program("cat >event.json", personal=False).send(delivery_of(event))
    assert "CANARY" not in (tmp_path / "event.json").read_text()
    await program("cat >event.json").send(delivery_of(event))
    assert "CANARY" in (tmp_path / "event.json").read_text()


# ----------------------------------------------------------------------------------------------- what its exit means


async def test_zero_is_taken(program: Make, delivery: Send) -> None:
    """What it wrote is the answer, also when it has not read the event."""
    assert await program("echo done; echo aside >&2").send(delivery()) == "done"


async def test_75_is_later(program: Make, delivery: Send) -> None:
    """As sysexits.h has it; the first line that it says is why."""
    error = await failure(program("echo; echo 'not \033[31mnow' >&2; echo more >&2; exit 75"), delivery())
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered) == ("exit 75: not [31mnow", False)


@pytest.mark.parametrize("code", [1, 2, 64, 70, 74, 76, 125])
async def test_any_other_exit_is_for_good(program: Make, delivery: Send, code: int) -> None:
    """Of that message only. Without errors, what it put out is why."""
    error = await failure(program(f"echo no such customer; exit {code}"), delivery())
    assert isinstance(error, Permanent)
    assert (error.reason, error.refused) == (f"exit {code}: no such customer", False)


@pytest.mark.parametrize("code", [126, 127])
async def test_what_a_shell_cannot_run_turns_the_sink_away(program: Make, delivery: Send, code: int) -> None:
    """It is the same for every message."""
    error = await failure(program(f"exit {code}"), delivery())
    assert isinstance(error, Permanent)
    assert error.refused


@pytest.mark.parametrize("command", [["/no/such/program"], ["no-such-program-anywhere"], ["/etc/passwd"], ["/etc"]])
async def test_what_cannot_be_run_turns_the_sink_away(tools: Tools, delivery: Send, command: list[str]) -> None:
    """It says why, and not where."""
    error = await failure(Command("crm", Config(type="command", command=command), tools), delivery())
    assert isinstance(error, Permanent)
    assert error.refused
    assert error.reason.startswith("cannot be run: ")
    assert command[0] not in error.reason


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
async def test_a_machine_that_is_short_of_something_is_transient(
    program: Make, delivery: Send, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Processes, memory or files: there may be more of it later."""

    async def busy(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", busy)
    before = open_files()
    assert isinstance(await failure(program("exit 0"), delivery()), Transient)
    await until(lambda: open_files() <= before)


async def test_a_state_directory_that_is_away_is_transient(program: Make, delivery: Send, tools: Tools) -> None:
    """The program is as it should be."""
    sink = program("exit 0")
    sink._directory = tools.directory / "away"
    assert isinstance(await failure(sink, delivery()), Transient)


async def test_a_program_that_was_killed_may_do_better_later(program: Make, delivery: Send) -> None:
    """It did not decide that: the machine was short of memory, or going down. It may have done its work."""
    error = await failure(program("kill -KILL $$"), delivery())
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered) == ("ended by SIGKILL", True)


async def test_a_program_that_says_a_lot_does_not_fill_the_memory(program: Make, delivery: Send) -> None:
    """It never has to wait for us either; 2 KiB are kept."""
    script = "head -c 50000000 /dev/zero | tr '\\0' x; head -c 50000000 /dev/zero | tr '\\0' y >&2"
    assert await program(script).send(delivery()) == "x" * 2048
    error = await failure(program(script.replace("x;", "x; exec 1>&2;") + "; exit 3"), delivery())
    assert error.reason == f"exit 3: {'y' * 199}…"


# -------------------------------------------------------------------------------------------------- how it is ended


async def test_a_program_that_takes_too_long_is_ended_with_its_children(
    program: Make, delivery: Send, tmp_path: Path
) -> None:
    """The whole group; it may have done its work by then."""
    sink = program("sleep 600 & echo $! $$ >pids; wait", timeout=timedelta(seconds=1))
    error = await failure(sink, delivery())
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered) == ("not done within 1 s", True)
    pids = written(tmp_path / "pids")
    assert len(pids) == 2
    await until(lambda: not any(map(alive, pids)))


async def test_a_program_is_asked_to_end_before_it_is_made_to(program: Make, delivery: Send, tmp_path: Path) -> None:
    """It can tidy up."""
    script = "trap 'echo tidied >tidied; exit 0' TERM; echo $$ >pids; while :; do sleep 0.05; done"
    await failure(program(script, timeout=timedelta(seconds=1)), delivery())
    assert (tmp_path / "tidied").exists()


async def test_a_program_that_does_not_hear_is_made_to_end(
    program: Make, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once."""
    monkeypatch.setattr("watcher.sinks.command.GRACE", 0.2)
    sink = program("trap '' TERM; echo $$ >pids; while :; do sleep 0.05; done", timeout=timedelta(seconds=1))
    assert isinstance(await failure(sink, delivery()), Transient)
    await until(lambda: not any(map(alive, written(tmp_path / "pids"))))


async def test_what_it_leaves_behind_is_ended_and_not_waited_for(program: Make, delivery: Send, tmp_path: Path) -> None:
    """A child in the background would hold our pipes for as long as it runs."""
    sink = program("sleep 600 & echo $! >pids; echo done", timeout=timedelta(seconds=20))
    assert await asyncio.wait_for(sink.send(delivery()), 10) == "done"
    await until(lambda: not any(map(alive, written(tmp_path / "pids"))))


async def test_one_that_has_left_the_group_is_not_waited_for(
    program: Make, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is its own master; our pipes are let go of all the same."""
    monkeypatch.setattr("watcher.sinks.command.GRACE", 0.2)
    before = open_files()
    code = "import os, time; os.setsid(); open('pids', 'w').write(str(os.getpid())); time.sleep(600)"
    script = f'"{sys.executable}" -c "{code}" & while ! [ -s pids ]; do sleep 0.05; done; echo done'
    sink = program(script, timeout=timedelta(seconds=60))
    try:
        assert await asyncio.wait_for(sink.send(delivery()), 30) == "done"
        await until(lambda: open_files() <= before)
    finally:
        for pid in written(tmp_path / "pids"):
            os.kill(pid, signal.SIGKILL)


async def test_a_cancelled_send_leaves_no_child_and_no_pipe(program: Make, delivery: Send, tmp_path: Path) -> None:
    """Wherever it is cancelled: before it has begun, while it starts, while it runs."""
    before = open_files()
    for moment in range(12):
        (tmp_path / "pids").unlink(missing_ok=True)
        sending = asyncio.create_task(program("echo $$ >pids; sleep 600").send(delivery()))
        for _ in range(moment):
            await asyncio.sleep(0)
        if moment == 11:
            await until(lambda: written(tmp_path / "pids"))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not any(map(alive, written(tmp_path / "pids")))
    await until(lambda: open_files() <= before)
    assert await program("echo done").send(delivery()) == "done"


async def test_many_at_once_and_one_after_the_other_leave_nothing(program: Make, delivery: Send) -> None:
    """Each gets its own event and its own answer."""
    sink, before = program('echo "$WATCHER_EVENT_ID"'), open_files()
    for _ in range(3):
        sent = []
        for number in range(8):
            one = delivery()
            object.__setattr__(one.event, "id", f"event-{number}")
            sent.append(one)
        assert await asyncio.gather(*map(sink.send, sent)) == [f"event-{number}" for number in range(8)]
    await until(lambda: open_files() <= before)


# --------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("command", [[""], [" "], ["true", "a\0b"]])
def test_a_command_is_a_program_and_words(command: list[str]) -> None:
    """Named by its key."""
    with pytest.raises(ValueError, match="command: must"):
        Config(type="command", command=command)


def test_machines_read_it() -> None:
    """So every event goes to it, and no summaries of a flood."""
    assert not SINKS["command"].people
