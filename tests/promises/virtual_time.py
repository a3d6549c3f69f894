"""An event loop whose time passes only when there is nothing else to do: days of timers take as long as their work."""

import asyncio
import selectors

from watcher.store import Store


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 and jumps to the next timer as soon as nobody works; `working` counts what threads have to do."""

    def __init__(self):
        self.now, self.working = 0.0, 0
        super().__init__(_Selector(self))

    def time(self):
        """Seconds that have passed."""
        return self.now


class _Selector(selectors.DefaultSelector):
    """Waits for threads, never for time."""

    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        """What is ready; when nothing is and nobody works, it is later at once."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self._loop.working:
            return super().select(None)
        self._loop.now += timeout
        return []


class WatchedStore(Store):
    """A store whose work the loop waits for."""

    async def _run(self, work, then):
        loop = asyncio.get_running_loop()
        loop.working += 1
        try:
            return await super()._run(work, then)
        finally:
            loop.working -= 1
