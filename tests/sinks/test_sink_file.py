"""The file: whole lines, on the disk, in the right file."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
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
