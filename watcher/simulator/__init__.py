"""A faithful Apimo and Adlead on loopback: for the demo, for tests, for trying rules.

It stands alone: nothing here imports the rest of watcher, so it imitates the vendors and not our reading of them.
"""

from watcher.simulator.faults import Fault
from watcher.simulator.life import Happening, Life
from watcher.simulator.server import Simulator
from watcher.simulator.world import World

__all__ = ["Fault", "Happening", "Life", "Simulator", "World"]
