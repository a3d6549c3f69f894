"""What is on a disk after the power was cut: the writes of a program, recorded, and replayed up to a point.

What was synced is there. What was written and not synced may be there or not, whole or in part, whatever came before or
after it: the disk writes sectors when it likes. A name (made, moved, removed) is there once its directory was synced;
until then any of the last ones may be missing, but not one without those before it, for file systems keep a journal of
them.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512

CALLS = (
    "openat,open,creat,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate,"
    "rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,mkdir,mkdirat"
)

_LINE = re.compile(r"^\d+ +(?P<call>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)", re.DOTALL)
_UNFINISHED = re.compile(r"^(?P<pid>\d+) +(?P<start>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<end>.*)$")
_HANDLE = re.compile(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_NUMBERS = re.compile(r", (\d+)(?=,|$)")

_QUIET = {"openat", "open", "creat", "mkdir", "mkdirat"}
"""Calls that are nothing to us unless they make or empty a file."""


@dataclass(frozen=True)
class Step:
    """One call that matters: what it does, to which file, where, with what; or one thing acknowledged."""

    what: str
    path: str = ""
    other: str = ""
    at: int = 0
    data: bytes = b""


def record(command: Sequence[str], place: Path, trace: Path, environ: dict[str, str]) -> list[Step]:
    """Run a program that works in that directory, and return what it did there and acknowledged, in order."""
    tracer = ["strace", "-f", "-y", "-xx", "-s", str(16 << 20), "-o", str(trace), "-e", f"trace={CALLS}"]
    done = subprocess.run([*tracer, *command], env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    steps = [step for line in _joined(trace) for step in _read(line, str(place))]
    assert "".join(step.data.decode() for step in steps if step.what == "acknowledge") == done.stdout
    return steps


def _joined(trace: Path) -> Iterator[str]:
    """The lines of the trace; a call during which another thread made one is put where it ended."""
    begun: dict[str, str] = {}
    with trace.open() as lines:
        for line in lines:
            if found := _UNFINISHED.match(line):
                begun[found["pid"]] = found["start"]
            elif found := _RESUMED.match(line):
                yield f"{found['pid']} {begun.pop(found['pid'])}{found['end']}"
            else:
                yield line


def _read(line: str, place: str) -> Iterator[Step]:
    found = _LINE.match(line)
    if not found or found["result"].startswith("-"):
        return
    call, rest = found["call"], found["rest"]
    handle = _HANDLE.match(rest)
    texts = [_plain(text) for text, _ in _TEXT.findall(rest)]
    assert not any(cut for _, cut in _TEXT.findall(rest)), "the tracer cut a write short"
    if call == "write" and handle and handle[1] == "1":
        yield Step("acknowledge", data=texts[0])
        return
    path = _plain(handle[2]).decode() if handle else texts[0].decode()
    if call in _QUIET:
        path = os.path.normpath(Path(path) / texts[0].decode())
        if path.startswith(place) and "O_CREAT" in rest:
            yield Step("make", path)
        assert not path.startswith(place) or "O_TRUNC" not in rest, line[:300]
        return
    if not path.startswith(place):
        return
    numbers = [int(number) for number in _NUMBERS.findall(_TEXT.sub("", rest))]
    match call:
        case "pwrite64":
            assert int(found["result"]) == len(texts[0])
            yield Step("write", path, at=numbers[-1], data=texts[0])
        case "ftruncate":
            yield Step("truncate", path, at=numbers[-1])
        case "fsync" | "fdatasync":
            yield Step("sync", path)
        case "rename" | "link":
            yield Step(call, path, texts[1].decode())
        case "unlink":
            yield Step("unlink", path)
        case _:
            raise AssertionError(f"a call that is not known here: {line[:300]}")


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


# ---------------------------------------------------------------------------------------------------------- the disk


@dataclass
class File:
    """A file: what is on the disk, and what was written since it was synced."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)


@dataclass
class Disk:
    """A directory as programs see it (`names`), as it is on the disk (`kept`), and the changes that are between the two."""

    names: dict[str, File] = field(default_factory=dict)
    kept: dict[str, File] = field(default_factory=dict)
    moves: list[tuple[Step, File | None]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def do(self, step: Step) -> None:
        """Do what the program did."""
        match step.what:
            case "acknowledge":
                self.acknowledged += step.data.decode().splitlines()
            case "write" | "truncate":
                if step.path in self.names:  # else it has no name any more
                    self.names[step.path].pending.append(step)
            case "sync" if step.path in self.names:
                file = self.names[step.path]
                for write in file.pending:
                    apply(file.content, write)
                file.pending.clear()
            case "sync":
                for move, file in self.moves:
                    rename(self.kept, move, file)
                self.moves.clear()
            case "make" if step.path in self.names:
                pass
            case _:
                file = File() if step.what == "make" else None
                rename(self.names, step, file)
                self.moves.append((step, file))

    def cut(self, luck: random.Random) -> dict[str, bytes]:
        """What is there when the power comes back, by path."""
        kept = dict(self.kept)
        for move, file in self.moves[: luck.randint(0, len(self.moves))]:
            rename(kept, move, file)
        fate = luck.choice(("none", "all", "prefix", "some", "torn"))
        return {path: _surviving(file, fate, luck) for path, file in kept.items()}


def rename(names: dict[str, File], move: Step, file: File | None) -> None:
    """Follow what was done to names."""
    match move.what:
        case "make":
            assert file is not None
            names.setdefault(move.path, file)
        case "unlink":
            names.pop(move.path, None)
        case "link":
            names[move.other] = names[move.path]
        case "rename":
            names[move.other] = names.pop(move.path)


def _surviving(file: File, fate: str, luck: random.Random) -> bytes:
    content = bytearray(file.content)
    pending = file.pending
    if fate == "prefix":
        pending = pending[: luck.randint(0, len(pending))]
    for write in pending if fate != "none" else ():
        if fate in ("all", "prefix") or (luck.random() < 0.5 and (fate == "some" or write.what == "truncate")):
            apply(content, write)
        elif fate == "torn":
            for piece in sectors(write):
                if luck.random() < 0.5:
                    apply(content, piece)
    return bytes(content)


def sectors(write: Step) -> Iterator[Step]:
    """A write as the sectors that it touches; of a truncation there is only all."""
    if write.what == "truncate":
        return
    at, end = write.at, write.at + len(write.data)
    while at < end:
        following = min(end, (at // SECTOR + 1) * SECTOR)
        yield Step("write", write.path, at=at, data=write.data[at - write.at : following - write.at])
        at = following


def apply(content: bytearray, write: Step) -> None:
    """Put a write where it belongs; what was never written before it reads as zeros."""
    if write.what == "truncate":
        del content[write.at :]
        content.extend(bytes(write.at - len(content)))
        return
    content.extend(bytes(max(0, write.at - len(content))))
    content[write.at : write.at + len(write.data)] = write.data
