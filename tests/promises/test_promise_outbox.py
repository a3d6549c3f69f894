"""A sink that is down for days: nothing is lost, nobody else is late, memory stays small, and the order is kept."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from watcher.backoff import SCHEDULE

HERE = Path(__file__).parent
OWED, MEBIBYTES, A_SECOND = 100_000, 250, 200


async def outage(directory, hours):
    """What three days came to in which a sink was down for so many hours; simulated, in a process of its own."""
    directory.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "outage_child.py"), str(directory), str(hours),
        env={"PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return json.loads(out)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_sink_down_for_three_days_costs_nobody_else_anything(tmp_path, figures):
    """72 hours, 100,000 owed: none lost, told twice or dead, in order at its rate; the other sink hears as if nothing were."""
    down, calm = await asyncio.gather(outage(tmp_path / "down", 72), outage(tmp_path / "calm", 0))
    for name, run in (("sink down for 72 h", down), ("the same without", calm)):
        median, worst = (f"{1000 * delay:.0f} ms" for delay in run["delays"])
        slow, slowest = (f"{1000 * delay:.0f} ms" for delay in run["real"])
        figures[f"outage, {name}"] = (
            f"{run['owed']} owed, {run['lost']} lost, {run['twice']} twice, {run['dead']} dead, "
            f"{run['attempts']} attempts; the other sink: median {median}, worst {worst} "
            f"(of this machine, all in {run['took']:.0f} s: {slow}, {slowest}); {run['rss']:.0f} MiB"
        )
    figures["outage, drained"] = f"in {down['drained_in']:.0f} s at most {down['busiest']} a second, in order"
    assert (down["owed"], calm["owed"]) == (OWED, 0)
    for run in (down, calm):
        assert (run["lost"], run["twice"], run["dead"]) == (0, 0, 0)
        assert run["in_order"]
        assert run["busiest"] <= A_SECOND
        assert run["rss"] < MEBIBYTES
    assert down["delays"] == calm["delays"]
    assert down["told"] == calm["told"] == OWED / 20
    assert down["drained_in"] <= OWED / A_SECOND * 1.01


def test_the_schedule_outlasts_three_days():
    """A message is given up no sooner than 72 hours after its first attempt, whatever luck adds."""
    assert sum(wait.total_seconds() for wait in SCHEDULE) > 72 * 3600
