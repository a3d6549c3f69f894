"""`simulate`: an Apimo and an Adlead on this machine, to try a configuration on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import click

from watcher.cli import examples
from watcher.cli.output import say
from watcher.simulator import Simulator

TOKEN, KEY = "demo-token", "demo-key"
PREFILL = {"leads": 40, "contracts": 15, "purchases": 25}

SNIPPET = """
[accounts.azur]
api      = "apimo"
base_url = "{url}"
provider = "9999"
token    = {{ env = "APIMO_TOKEN" }}
max_rate = "10/s"

[accounts.riviera]
api      = "adlead"
base_url = "{url}/v1"
tenant   = "client-a"
key      = {{ env = "ADLEAD_API_KEY" }}

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101, 102]

[[sources]]
account  = "azur"
stream   = "contracts"
agencies = [101, 102]

[[sources]]
account  = "riviera"
stream   = "purchases"
programs = [1, 2]
"""


@click.command(epilog=examples("watcher simulate", "watcher simulate --port 0 --speed 60"))
@click.option("--port", type=click.IntRange(0, 65535), default=8420, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same things happen.")
@click.option("--speed", type=click.FloatRange(0), default=1.0, show_default=True, help="How fast its time goes.")
@click.option("--no-life", is_flag=True, help="Nothing happens by itself; POST to /_sim/records/... makes it.")
def simulate(port: int, seed: int, speed: float, no_life: bool) -> None:
    """Serve a simulated Apimo and Adlead to try a configuration on.

    They are on this machine until Ctrl-C. What is printed at the start goes into a config.toml, with sinks and rules of
    your own.
    """
    asyncio.run(_serve(port, Simulator(seed, token=TOKEN, key=KEY, speed=speed, life=not no_life, prefill=PREFILL)))


async def _serve(port: int, simulator: Simulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread: a test
            loop.add_signal_handler(number, stop.set)
    try:
        await simulator.start(port=port)
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be had: {os.strerror(error.errno or 0)}; try another"
        ) from error
    try:
        say(f"# Apimo and Adlead are simulated at {simulator.url} until Ctrl-C. For a config.toml:")
        say(SNIPPET.format(url=simulator.url))
        say("# and, in the shell that runs watcher:")
        say(f"# export APIMO_TOKEN={TOKEN} ADLEAD_API_KEY={KEY}")
        await stop.wait()
    finally:
        await simulator.stop()
