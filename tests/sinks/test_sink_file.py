"""The file: whole lines, on the disk, in the right file."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sink_peers import HOSTILE, Send

from watcher.errors import Transient
from watcher.model import envelope
from watcher.sinks import SINKS, Tools
from watcher.sinks.file import Config, File

NAME = "events.jsonl"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sink(tools: Tools) -> File:
    """A file in the tools' directory."""
    return File("log", Config(type="file", path=Path(NAME)), tools)


def lines(path: Path) -> list[Any]:
    """What the file has, each line read by itself."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_an_event_is_a_line(sink: File, delivery: Send, tmp_path: Path) -> None:
    """Of the envelope, whatever is in its values; nobody else may read the file."""
    for sent in (delivery(), delivery(message=HOSTILE + "\n\u2028é")):
        await sink.send(sent)
        assert lines(tmp_path / NAME)[-1] == json.loads(json.dumps(envelope(sent.event)))
    assert len(lines(tmp_path / NAME)) == 2
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    await sink.close()


async def test_many_at_once_stay_apart(sink: File, delivery: Send, tmp_path: Path) -> None:
    """No line runs into another."""
    await asyncio.gather(*(sink.send(delivery(message="x" * 10_000, reference=str(n))) for n in range(50)))
    assert {line["data"]["record"]["reference"] for line in lines(tmp_path / NAME)} == set(map(str, range(50)))
    await sink.close()


async def test_it_survives_logrotate(sink: File, delivery: Send, tmp_path: Path) -> None:
    """Renamed, removed or emptied: the next line is in the file of that name."""
    path = tmp_path / NAME
    await sink.send(delivery(reference="1"))
    path.rename(tmp_path / "events.jsonl.1")
    await sink.send(delivery(reference="2"))
    assert [line["data"]["record"]["reference"] for line in lines(path)] == ["2"]
    path.unlink()
    await sink.send(delivery(reference="3"))
    os.truncate(path, 0)
    await sink.send(delivery(reference="4"))
    assert [line["data"]["record"]["reference"] for line in lines(path)] == ["4"]
    await sink.close()


async def test_half_a_line_does_not_spoil_the_next(sink: File, delivery: Send, tmp_path: Path) -> None:
    """What a crash cut off is ended before the new line begins."""
    (tmp_path / NAME).write_bytes(b'{"specversion":"1.0","id":"7c1f')
    await sink.send(delivery())
    half, whole = (tmp_path / NAME).read_bytes().splitlines()
    assert half == b'{"specversion":"1.0","id":"7c1f'
    assert json.loads(whole)["type"] == "new-lead"
    await sink.close()


async def test_a_full_disk_leaves_no_half_line(
    sink: File, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of it is taken back, and the line comes later."""
    await sink.send(delivery())
    before = (tmp_path / NAME).read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:100]))
    with pytest.raises(Transient, match="not written: No space left on device"):
        await sink.send(delivery())
    assert (tmp_path / NAME).read_bytes() == before
    monkeypatch.undo()
    await sink.send(delivery())
    assert len(lines(tmp_path / NAME)) == 2
    await sink.close()


async def test_a_disk_error_is_transient_and_tells_no_path(
    sink: File, delivery: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that comes only with the flush: then the line may be there."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "/secret/path")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(Transient) as caught:
        await sink.send(delivery())
    assert caught.value.reason == "not written: Input/output error"
    await sink.close()


async def test_a_missing_directory_is_said(tools: Tools, delivery: Send, tmp_path: Path) -> None:
    """And once it is there, it goes on."""
    sink = File("log", Config(type="file", path=tmp_path / "logs" / NAME), tools)
    with pytest.raises(Transient, match="not written: No such file or directory"):
        await sink.send(delivery())
    (tmp_path / "logs").mkdir()
    await sink.send(delivery())
    assert len(lines(tmp_path / "logs" / NAME)) == 1
    await sink.close()


async def test_a_dash_is_standard_output(tools: Tools, delivery: Send, capfd: pytest.CaptureFixture[str]) -> None:
    """A line for each event."""
    sink = File("log", Config(type="file", path=Path("-")), tools)
    await sink.send(delivery())
    assert json.loads(capfd.readouterr().out)["type"] == "new-lead"
    await sink.close()


async def test_a_reader_that_does_not_read_holds_up_nobody(tools: Tools, delivery: Send, tmp_path: Path) -> None:
    """A full pipe costs the attempt its time, and no more; what had not begun is not written later."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = SINKS["file"].build("log", Config(type="file", path=pipe, timeout=timedelta(seconds=0.2)), tools)
    try:
        for _ in range(2):
            with pytest.raises(Transient) as caught:
                await sink.send(delivery(message="x" * 1_000_000))
            assert caught.value.unanswered
    finally:
        await sink.close()
        text = b""
        while not text.endswith(b"\n"):
            text += await asyncio.to_thread(drained, reader)
        os.close(reader)
    assert text.count(b"\n") == 1


def drained(reader: int) -> bytes:
    """What there is to read, once there is something."""
    os.set_blocking(reader, True)
    return os.read(reader, 1 << 20)


async def test_a_cancelled_send_leaves_whole_lines(sink: File, delivery: Send, tmp_path: Path) -> None:
    """Whether the line was written or not, the next one is a line."""
    sending = asyncio.create_task(sink.send(delivery(message="x" * 1_000_000)))
    await asyncio.wait([sending], timeout=0)
    sending.cancel()
    await asyncio.wait([sending])
    await sink.send(delivery(reference="last"))
    assert lines(tmp_path / NAME)[-1]["data"]["record"]["reference"] == "last"
    await sink.close()


# ------------------------------------------------------------------------------------------------- what disks really do


@contextmanager
def no_larger_than(size: int) -> Iterator[None]:
    """Have the kernel take no byte of a file beyond that size, as a disk does that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fills_up_in_the_middle_of_a_line(sink: File, delivery: Send, tmp_path: Path) -> None:
    """Whatever part of it went in is taken back; once there is space the event is whole, and on a line of its own."""
    await sink.send(delivery(reference="1"))
    before = (tmp_path / NAME).read_bytes()
    for room in (0, 1, 100):
        with no_larger_than(len(before) + room), pytest.raises(Transient, match="not written"):
            await sink.send(delivery(reference="2"))
        assert (tmp_path / NAME).read_bytes() == before
    await sink.send(delivery(reference="2"))
    assert [line["data"]["record"]["reference"] for line in lines(tmp_path / NAME)] == ["1", "2"]
    await sink.close()


async def test_a_line_that_cannot_even_be_taken_back_is_ended(
    sink: File, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event ever stands on a line with half of another."""

    def broken(*_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    await sink.send(delivery(reference="1"))
    monkeypatch.setattr(os, "ftruncate", broken)
    with no_larger_than((tmp_path / NAME).stat().st_size + 100), pytest.raises(Transient):
        await sink.send(delivery(reference="2"))
    monkeypatch.undo()
    await sink.send(delivery(reference="3"))
    first, half, last = (tmp_path / NAME).read_bytes().splitlines()
    assert len(half) == 100
    assert [json.loads(line)["data"]["record"]["reference"] for line in (first, last)] == ["1", "3"]
    await sink.close()


async def test_a_line_that_does_not_reach_the_disk_is_taken_back(
    sink: File, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disks that are full may say so only with the flush: the line comes once, later."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await sink.send(delivery(reference="1"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Transient, match="No space left"):
        await sink.send(delivery(reference="2"))
    monkeypatch.undo()
    await sink.send(delivery(reference="2"))
    assert [line["data"]["record"]["reference"] for line in lines(tmp_path / NAME)] == ["1", "2"]
    await sink.close()


async def test_a_file_that_is_emptied_while_it_is_written_gets_no_hole(
    sink: File, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copytruncate of logrotate may come at any moment."""
    path = tmp_path / NAME
    await sink.send(delivery(reference="1"))
    write = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        os.truncate(path, 0)
        return write(descriptor, data[:100])

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(Transient):
        await sink.send(delivery(reference="2"))
    monkeypatch.undo()
    assert path.read_bytes() == b""
    await sink.send(delivery(reference="2"))
    assert [line["data"]["record"]["reference"] for line in lines(path)] == ["2"]
    await sink.close()


async def test_a_directory_that_vanishes_is_said_and_waited_for(tools: Tools, delivery: Send, tmp_path: Path) -> None:
    """A disk that is unmounted and comes back: what was in between comes then."""
    place = tmp_path / "mounted"
    place.mkdir()
    sink = File("log", Config(type="file", path=place / NAME), tools)
    await sink.send(delivery(reference="1"))
    place.rename(tmp_path / "away")
    with pytest.raises(Transient, match="not written: No such file or directory"):
        await sink.send(delivery(reference="2"))
    (tmp_path / "away").rename(place)
    await sink.send(delivery(reference="2"))
    assert [line["data"]["record"]["reference"] for line in lines(place / NAME)] == ["1", "2"]
    await sink.close()


# ------------------------------------------------------------------------------------------------------ standard output

TWICE = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from watcher.errors import Transient
from watcher.model import Delivery
from watcher.operations import specimen
from watcher.sinks import Tools
from watcher.sinks.file import Config, File

async def main():
    now = datetime.now(UTC)
    sink = File("log", Config(type="file", path=Path("-")), Tools(None, lambda: now, Path(".")))
    other = open("other", "wb")
    for _ in range(2):
        try:
            await sink.send(Delivery(1, specimen(now), "log", "r", 0, now, now))
        except Transient as error:
            print(error.reason, file=sys.stderr)
    await sink.close()

asyncio.run(main())
"""


def child(directory: Path, stdout: int | None) -> list[str]:
    """What is said when two events are written to that standard output; None is one that is not open at all."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE] if stdout else ["/bin/sh", "-c", '"$0" -c "$1" >&-', sys.executable, TWICE],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr.splitlines()


def test_a_reader_that_has_gone_is_no_crash(tmp_path: Path) -> None:
    """It is said of each event, and tried again later."""
    reader, writer = os.pipe()
    os.close(reader)
    assert child(tmp_path, writer) == ["not written: Broken pipe"] * 2
    os.close(writer)


def test_a_device_that_is_full_is_no_crash(tmp_path: Path) -> None:
    """The same."""
    with Path("/dev/full").open("wb") as full:
        assert child(tmp_path, full.fileno()) == ["not written: No space left on device"] * 2


def test_a_standard_output_that_was_never_open_is_no_other_file(tmp_path: Path) -> None:
    """Its number goes to the next file that is opened, the store perhaps: nothing is written there."""
    assert child(tmp_path, None) == ["not written: Bad file descriptor"] * 2
    assert (tmp_path / "other").read_bytes() == b""


async def test_a_pipe_that_broke_in_the_middle_of_a_line_begins_a_new_one(
    tools: Tools, delivery: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written cannot be taken back there: the next event is on a line of its own."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = File("log", Config(type="file", path=pipe), tools)
    write, calls = os.write, 0

    def breaking(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return write(descriptor, data[:50] if calls == 1 else data)

    monkeypatch.setattr(os, "write", breaking)
    with pytest.raises(Transient, match="Broken pipe"):
        await sink.send(delivery(reference="1"))
    for reference in ("1", "2"):
        await sink.send(delivery(reference=reference))
    half, *whole = os.read(reader, 1 << 16).splitlines()
    os.close(reader)
    assert len(half) == 50
    assert [json.loads(line)["data"]["record"]["reference"] for line in whole] == ["1", "2"]
    await sink.close()
