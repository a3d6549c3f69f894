"""Virtual time: real time, so many times as fast, with what happens on the way."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from watcher.simulator.life import Happening, Life
from watcher.simulator.times import iso
from watcher.simulator.world import STREAMS, World

AT_ONCE = 200  # happenings; more than that at one go would keep requests waiting
KEPT = 1000
MOST = 1e9


class Pace:
    """Lets a world's time pass as real time does, times `speed`, and its life go on while it is `running`."""

    def __init__(
        self,
        world: World,
        life: Life,
        *,
        clock: Callable[[], float],
        speed: float = 1.0,
        running: bool = True,
    ) -> None:
        """Begin with `begin()`; a world without agencies and programmes has no life."""
        self.world = world
        self.life = life
        self.speed = _checked(speed)
        self.running = running and self._inhabited()
        self.happenings: deque[Happening] = deque(maxlen=KEPT)
        self.listener: Callable[[Happening], None] | None = None
        self._clock = clock
        self._seen: float | None = None
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Let time pass from here on."""
        self._seen = self._clock()

    def sync(self) -> None:
        """Bring the world up to now, with all that happened meanwhile."""
        if self._seen is None:
            return
        seen, self._seen = self._seen, self._clock()
        target = self.world.now + timedelta(seconds=(self._seen - seen) * self.speed)
        for _ in range(AT_ONCE):
            if not self._step_before(target):
                self.world.advance(max(timedelta(0), target - self.world.now))
                return
        # Too much to do: the world falls behind rather than stand still for everybody.

    async def advance(self, seconds: float) -> None:
        """Let so much virtual time pass at once, with all that happens in it."""
        self.sync()
        target = self.world.now + timedelta(seconds=seconds)
        if seconds < 0:
            raise ValueError("virtual time does not run backwards")
        steps = 0
        while self._step_before(target):
            steps += 1
            if steps % AT_ONCE == 0:
                await asyncio.sleep(0)
        self.world.advance(max(timedelta(0), target - self.world.now))
        self._changed.set()

    def set(self, *, running: bool | None = None, speed: float | None = None, activity: float | None = None) -> None:
        """Change what is given; a life that begins again makes up for nothing."""
        self.sync()
        if running and not self._inhabited():
            raise ValueError("nothing can happen in a world without agencies and programmes")
        speed = self.speed if speed is None else _checked(speed)
        if activity is not None:
            self.life.activity = _checked(activity, least=1e-6)
        resumed = bool(running) and not self.running
        self.speed = speed
        self.running = self.running if running is None else running
        if resumed or activity is not None:
            self.life.rest()
        self._changed.set()

    def state(self) -> dict[str, Any]:
        """Return how things go, as JSON."""
        return {
            "running": self.running,
            "speed": self.speed,
            "activity": self.life.activity,
            "now": iso(self.world.now),
            "due": iso(self.life.due) if self.running else None,
        }

    async def run(self) -> None:
        """Keep the world up to date for ever, waking when something is due."""
        while True:
            self.sync()
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._wait())

    def _step_before(self, target: datetime) -> bool:
        if not self.running or self.life.due > target:
            return False
        happening = self.life.step()
        self.happenings.append(happening)
        if self.listener:
            self.listener(happening)
        return True

    def _wait(self) -> float | None:
        if not self.running or self.speed == 0:
            return None
        return max(0.0, (self.life.due - self.world.now).total_seconds() / self.speed)

    def _inhabited(self) -> bool:
        return any(self.world.partitions(stream) for stream in STREAMS)


def _checked(value: object, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= MOST:
        raise ValueError(f"a speed or an activity is a number of at least {least:g}, not {value!r}")
    return float(value)
