"""The user's walk in the README, tried as it is written: a rule, from the idea to the first message."""

import asyncio
import json
import re
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from watcher.simulator import Simulator
from watcher.simulator.times import paris

ROOT = Path(__file__).parents[2]
TOML, CONSOLE = (re.compile(rf"```{kind}\n(.*?)```", re.DOTALL) for kind in ("toml", "console"))
DEADLINE = 60.0


class Walk:
    """A directory, the commands in it, and the channel that Slack's webhook would write to."""

    def __init__(self, directory, simulator, hook):
        self.directory, self.hook, self.said = directory, hook, []
        self.simulator = simulator

    @property
    def environ(self):
        """What the README has one export, and nothing else."""
        return {"APIMO_TOKEN": "x", "SLACK_WEBHOOK": self.hook, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    async def start(self, *words):
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watcher", *words, cwd=self.directory, env=self.environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run(self, *words):
        """Run a command to its end: its exit code and what it printed."""
        process = await self.start(*words)
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
        return process.returncode, out.decode()

    async def until(self, found):
        """Wait for a condition, with a deadline."""
        async with asyncio.timeout(DEADLINE):
            while not found():  # noqa: ASYNC110 - what other processes do rings no bell here
                await asyncio.sleep(0.05)


@pytest.fixture
async def walk(tmp_path):
    """The README's configuration over a simulated Apimo, and a loopback Slack."""
    readme = (ROOT / "README.md").read_text()
    config, rule, case = TOML.findall(readme)
    said = []

    async def hook(request):
        said.append(json.loads(await request.text()))
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/hook", hook)
    settings = {"life": False, "apimo_rate": None, "apimo_daily": None, "token": "x"}
    async with Simulator(**settings) as simulator, TestServer(app) as slack:
        here = Walk(tmp_path, simulator, str(slack.make_url("/hook")))
        here.said = said
        own = f'api = "apimo", budget = false, base_url = "{simulator.url}"'
        here.config = config.replace('api = "apimo"', own).replace("agencies =", 'every = "300ms"\nagencies =')
        (tmp_path / "config.toml").write_text(here.config)
        here.rule, here.case = rule, case
        yield here


async def test_the_walk_leads_to_the_message(walk):
    """Each command of the walk does what its remark says; the rule is taken up while the daemon runs, and fires."""
    commands = next(block for block in CONSOLE.findall((ROOT / "README.md").read_text()) if "backtest" in block)
    words = [shlex.split(line.removeprefix("$ watcher "), comments=True) for line in commands.splitlines()]
    assert [line[0] for line in words] == ["check", "test", "render", "backtest", "reload", "events"]
    check, test, render, backtest, reload, events = words
    daemon = await walk.start("run")
    try:
        await walk.until((walk.directory / "watcher.sock").exists)
        await walk.until(lambda: sum("/101/leads" in asked.path for asked in walk.simulator.journal.since()) > 1)
        (walk.directory / "unanswered.toml").write_text(walk.rule)
        (walk.directory / "unanswered.test.toml").write_text(walk.case)
        (walk.directory / "config.toml").write_text(f'rule_files = ["unanswered.toml"]\n{walk.config}')
        for line, expected in (
            (check, "unanswered leads"),
            (test, "1 passed, 0 failed"),
            (render, "unanswered leads"),
            (backtest, "0 events"),
            (reload, "reloaded"),
        ):
            code, out = await walk.run(*line)
            assert (code, expected in out) == (0, True), f"{line}: {out}"
        born = paris(datetime.now(UTC) - timedelta(minutes=20))
        walk.simulator.world.make("leads", 101, {"id": 77, "lastname": "PETIT", "parent": None, "created_at": born})
        await walk.until(lambda: len(walk.said) >= 2)
        code, out = await walk.run(*[word for word in events if word != "--follow"])
        assert "overdue" in out
    finally:
        daemon.terminate()
        await daemon.communicate()
    titles = [message["text"].splitlines()[0] for message in walk.said]
    assert all("PETIT" in title for title in titles)
    assert len(titles) == len(set(titles)) == 2
