"""Commands in processes of their own, forked from one in which all is imported: half a second less for each."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from canaries import secretless

from watcher.cli import COMMANDS

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        __name__,
        "watcher.__main__",
        "watcher.daemon",
        "watcher.operations",
        *sorted({f"watcher.cli.{entry.module}" for group in COMMANDS.values() for entry in group.values()}),
    ]
)


def _command(args: Sequence[str], directory: Path, environ: Mapping[str, str], said: Path) -> None:
    """Be `watcher ARGS`, as if just started there."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    for number, name in ((1, "out"), (2, "err")):
        with (said / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - it is to stay open
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["watcher", *args]
    from watcher.__main__ import main

    main()


async def command(
    args: Sequence[str], directory: Path, environ: Mapping[str, str], within: float
) -> tuple[int, str, str]:
    """Run `watcher ARGS` to its end; return its exit code and what it printed. One that does not end is killed."""
    with TemporaryDirectory() as said:
        process = _PROCESSES.Process(target=_command, args=(args, directory, dict(environ), Path(said)))
        process.start()
        await asyncio.to_thread(process.join, within)
        if hangs := process.exitcode is None:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        out, err = (Path(said, name).read_text(encoding="utf-8") for name in ("out", "err"))
    assert not hangs, f"it did not end: {out}{err}"
    return code or 0, secretless(out), secretless(err)
