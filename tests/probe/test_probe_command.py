"""`watcher probe` as it is typed: announced, counted, written for its owner alone, its settings good as they are."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import sys
from pathlib import Path

from probed import KEY, TOKEN

from watcher.cli.common import configured, opened
from watcher.operations import probe as ask

ROOT = Path(__file__).parents[2]
CONFIG = """
[accounts.azur]
api      = "apimo"
base_url = "{url}"
provider = "9999"
token    = {{ env = "APIMO_TOKEN" }}

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101]

[[sources]]
account   = "azur"
stream    = "contracts"
agencies  = [101, 102]
reconcile = "12h"
"""


async def watcher(directory: Path, *words: str) -> tuple[int, str, str]:
    """Run a command there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watcher", *words, cwd=directory,
        env={**os.environ, "APIMO_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_reports_and_suggests(simulate, tmp_path, monkeypatch):
    """It says what it costs, asks no more, writes its report 0600, and what it suggests is taken by `check`."""
    sim = await simulate(token=TOKEN, key=KEY)
    (tmp_path / "config.toml").write_text(CONFIG.format(url=sim.url))
    code, out, err = await watcher(tmp_path, "probe", "azur", "--output", "report.json", "--with-a-wrong-key")
    assert (code, err) == (
        0,
        "azur: 16 requests at most of the 1000 that are left today, about apimo.leads/101, apimo.contracts/101\n",
    )
    for said in ("azur (apimo): ", "  timestamp  ", "inclusive", 'every = "', "the report is in report.json"):
        assert said in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["requests"]["made"] == len(sim.requests) <= report["requests"]["most"] == 16
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o600
    with sqlite3.connect(tmp_path / "watcher.db") as db:
        assert db.execute("SELECT spent FROM budgets").fetchall() == [(len(sim.requests),)]
    assert TOKEN not in out + (tmp_path / "report.json").read_text()
    monkeypatch.setenv("APIMO_TOKEN", TOKEN)
    (tmp_path / "suggested.toml").write_text(report["config"])
    suggested = configured(str(tmp_path / "suggested.toml"))
    assert [str(source.name) for source in suggested.sources] == [
        "azur/apimo.leads/101", "azur/apimo.contracts/101", "azur/apimo.contracts/102",
    ]  # fmt: skip
    assert {source.every.total_seconds() for source in suggested.sources if source.every} == {300.0}


async def test_the_daemon_does_it_within_its_own_budget(simulate, tmp_path, monkeypatch):
    """A dry run only counts; a real one goes through the account's own client, and stops with the day's budget."""
    sim = await simulate(token=TOKEN, key=KEY)
    monkeypatch.setenv("APIMO_TOKEN", TOKEN)
    text = CONFIG.format(url=sim.url).replace('provider = "9999"', 'provider = "9999"\nbudget = "5/day"')
    (tmp_path / "config.toml").write_text(text)
    async with opened(configured(str(tmp_path / "config.toml"))) as core:
        plan = await ask(core, account="azur", stream="leads", dry=True)
        assert (plan["most"], plan["left"], len(sim.requests)) == (5, 5, 0)
        report = await ask(core, account="azur", stream="leads")
        assert report["requests"] == {"most": 5, "made": 5}
        assert await core.left_today("azur") == 0


async def test_turned_away_it_suggests_nothing(simulate, tmp_path):
    """Where nothing was learned there is nothing to suggest: it says why it stopped, exit 1, and what there is."""
    sim = await simulate(token="another", key=KEY)
    (tmp_path / "config.toml").write_text(CONFIG.format(url=sim.url))
    code, out, _ = await watcher(tmp_path, "probe", "azur", "--output", "report.json")
    assert (code, "stopped early: it answered HTTP 401" in out, "suggests" in out) == (1, True, False)
    assert json.loads((tmp_path / "report.json").read_text())["config"] is None
