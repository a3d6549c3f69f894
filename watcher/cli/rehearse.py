"""`test`: the rules tried on cases."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from watcher import logs
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option
from watcher.cli.exits import DATA, NO
from watcher.cli.output import print_json, say
from watcher.config import Config
from watcher.operations import Refused
from watcher.rehearsal.casefile import CasesWrong, read_cases
from watcher.rehearsal.casekeys import Case
from watcher.rehearsal.cases import play
from watcher.rehearsal.stage import Cast
from watcher.rehearsal.verdicts import Judged, described_json, judged
from watcher.sinks import sink_types

CASES = ("*.test.toml", "*.test.yaml", "*.test.yml")
"""The names of files of cases."""


@click.command(epilog=examples("watcher test", "watcher test rules/leads.test.toml", "watcher test --json"))
@click.argument("files", nargs=-1, metavar="[FILES]...", type=click.Path(path_type=Path))
@json_option
@config_option
def test(path: str | None, files: tuple[Path, ...], as_json: bool) -> int:
    """Try the rules on cases: given records over time, expect messages.

    FILES are those of the names *.test.toml, *.test.yaml and *.test.yml beside the configuration and its files of
    rules, unless others are named; docs/trying.md has their format. A case that fails is shown with what came instead
    and why, and the exit code is 1. Nobody is told anything; neither secrets nor the store are needed.
    """
    began = time.perf_counter()
    logs.setup("error")  # what comes of it is printed
    config = configured(path, spare_secrets=True)
    try:
        cases = read_cases(files or _beside(config), config)
    except CasesWrong as wrong:
        for complaint in wrong.complaints:
            click.echo(complaint, err=True)
        return DATA
    done = asyncio.run(_play(cases, config))
    failed = sum(1 for one in done if one.wrong)
    took = time.perf_counter() - began
    if as_json:
        cases_json = [described_json(one, config.timezone) for one in done]
        print_json({"passed": len(done) - failed, "failed": failed, "seconds": round(took, 3), "cases": cases_json})
    else:
        for one in done:
            _print(one)
        say(f"{len(done) - failed} passed, {failed} failed in {took:.2f} s", "bad" if failed else "ok")
    return NO if failed else 0


def _beside(config: Config) -> list[Path]:
    """The files of cases beside the configuration and its files of rules. Raises Refused when there are none."""
    directories = dict.fromkeys([config.path.parent, *(rule.file.parent for rule in config.rules)])
    found = sorted({path for directory in directories for pattern in CASES for path in directory.glob(pattern)})
    if not found:
        places = ", ".join(str(directory.absolute()) for directory in directories)
        raise Refused(f"there are no cases ({', '.join(CASES)}) in {places}; write some, or name their files")
    return found


async def _play(cases: list[Case], config: Config) -> list[Judged]:
    async with await Cast.of(config, sink_types()) as cast:
        return [judged(case, await play(case, cast), config.timezone) for case in cases]


def _print(one: Judged) -> None:
    if not one.wrong:
        say(f"ok    {one.case.name}", "ok")
        return
    say(f"FAIL  {one.case.name}  ({one.case.file}:{one.case.line})", "bad")
    for line in one.wrong:
        say(f"    {line}", {"+": "ok", "-": "bad"}.get(line.strip()[:1], ""))
