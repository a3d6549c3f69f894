"""Answers that would fill the memory: read in a process of its own, whose memory is measured from outside."""

import asyncio
import json
import os
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attack import FIGURES, PURCHASES, run, simulator
from attack_peers import gzipped, packed, speaking
from attack_wire import endless_headers

from watcher.simulator import Fault
from watcher.simulator.wire import BOMB, bomb

HERE = Path(__file__).parent
MOST = 150
"""MiB."""


@asynccontextmanager
async def _faulty(kind):
    async with simulator() as sim:
        sim.faults.add(Fault(kind))
        yield sim.url


def _says(answer):
    async def speak(_head, writer):
        writer.write(answer)
        await writer.drain()

    return speaking(speak)


ATTACKS = {
    "a bomb of gzip": lambda: _faulty("gzip-bomb"),
    "a body without end": lambda: _faulty("endless"),
    "headers without end": lambda: speaking(lambda _head, writer: endless_headers(None, writer)),
    "thirty MiB of brackets": lambda: _says(gzipped(packed(b'{"success":true,"data":' + b"[" * (30 << 20)))),
    "a million records": lambda: _says(gzipped(packed(b'{"success":true,"data":[' + b"0," * 1_000_000 + b"0]}"))),
    "two million halves of characters": lambda: _says(gzipped(packed(b'{"success":true,"data":["' + rb"\ud83c" * 2_000_000 + b'"]}'))),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_answer_fills_the_memory(attack):
    """However large an answer pretends to be, the process that reads it stays under 150 MiB and says why it failed."""
    run(_read(attack))


async def _read(attack):
    async with ATTACKS[attack]() as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "attack_child.py"), PURCHASES.name, url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE)))},
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    found = json.loads(out)
    FIGURES.top(**{f"MiB of memory, {attack}": round(found["peak"])})
    assert found["peak"] < MOST, found
    assert not re.fullmatch("[1-9][0-9]* records", found["said"]), found


def test_the_bomb_is_one():
    """What the simulated vendor sends is about half a MiB, and 512 of them inflated."""
    assert sum(map(len, bomb(BOMB, b""))) < 600 << 10
