"""Any of the services that Apprise knows (https://appriseit.com), by its own address of them.

Apprise is an extra: `pip install 'watcher[apprise]'`. It blocks, and of a failure it says only that there was one.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

from watcher.errors import Permanent, Transient
from watcher.messages.text import plain
from watcher.model import Delivery
from watcher.sinks.kit import Settings, Tools, loopback, record_name, revealed
from watcher.sinks.letter import as_text
from watcher.units import Secret

_MOST_TITLE = 200
_NATIVE = ("http", "https")
"""An address of a service as its own pages have it (https://discord.com/api/webhooks/...): Apprise may know it."""

_CALLS = re.compile(r"(?<!\w)@(?=\w)|<(?=[!@#&])")
"""An `@` inside of a word is that of an e-mail address, and must stay what it is."""

_CHATTY = ("urllib3", "requests")
"""The logs of what Apprise is built on have addresses in them, as its own have, and the addresses have secrets."""


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "apprise"`."""

    url: str | Secret

    def __post_init__(self) -> None:
        super().__post_init__()
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("type: needs the package apprise; install it: pip install 'watcher[apprise]'")
        text = revealed(self.url)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f\x7f]+", text):
            raise ValueError("url: is no address; write it as Apprise has it, SERVICE://...")
        service = _service(text)
        if service is None:
            if text.partition("://")[0].lower() not in _NATIVE:
                raise ValueError("url: is no address that Apprise knows; `apprise --dry-run` says what it makes of one")
            return  # which services it knows by their own address shows when it is used
        away = service.host and not loopback(service.host)
        if away and _clear(service, text):
            raise ValueError("url: would send everything in the clear; write the encrypted kind (jsons:// for json://)")
        if away and not service.verify_certificate:
            raise ValueError("url: would trust any certificate; leave out verify=no")


class Apprise:
    """Hands each message to Apprise in a thread of its own.

    A thread cannot be ended. One that hangs is left behind when its time is up; while as many hang as may send
    together, nothing more is handed over.
    """

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._config = config
        self._render = tools.render
        self._timeout = config.timeout.total_seconds()
        self._free = asyncio.Semaphore(config.at_once)

    async def send(self, delivery: Delivery) -> str:
        """Return when Apprise says that the service took it; otherwise raise Transient or Permanent."""
        message = self._render(delivery, self._config.personal)
        footer = " · ".join(filter(None, (message.age, record_name(delivery.event))))
        title = _unheard(plain(message.title, _MOST_TITLE) or "…")
        body = _unheard(as_text(replace(message, title=""), footer))
        begun = False
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
                begun = True
                taken = await self._in_thread(lambda: _notify(revealed(self._config.url), title, body))
        except TimeoutError:
            if not begun:
                raise Transient("all earlier attempts hang, and no more are begun until one of them ends") from None
            raise Transient(f"no answer within {self._timeout:g} s", unanswered=True) from None
        if not taken:
            raise Transient("Apprise could not hand it over: try its address with the command apprise")
        return ""

    async def close(self) -> None:
        """What hangs is left to itself: the threads do not keep the process from ending."""

    async def _in_thread(self, call: Callable[[], bool]) -> bool:
        """What a call comes to; its place is free for another only when its thread has ended."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()

        def settle(taken: bool, error: Exception | None) -> None:
            self._free.release()
            if answer.done():  # nobody waits any more
                return
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(taken)

        def work() -> None:
            taken = False
            error: Permanent | Transient | None = None
            try:
                taken = call()
            except Permanent as refusal:
                error = refusal
            except Exception as raised:  # another's code: its text may hold anything
                error = Transient(f"Apprise: {type(raised).__name__}")
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, taken, error)

        threading.Thread(target=work, name=f"sink-{self.name}", daemon=True).start()
        return await answer


def _unheard(text: str) -> str:
    """The text with nobody called by it: chats take `@everyone` and `<!channel>` for calls, escaped or not."""
    return _CALLS.sub(lambda call: {"@": "\uff20", "<": "\uff1c"}[call[0]], text)


def _notify(url: str, title: str, body: str) -> bool:
    """Hand a text over, escaped as the markup of the service asks for."""
    service = _service(url)
    if service is None:
        raise Permanent("it is no address that Apprise knows: check it", refused=True)
    one = _library().Apprise(asset=service.asset)
    one.add(service)
    return bool(one.notify(title=title, body=body, body_format=_library().NotifyFormat.TEXT))


def _service(url: str) -> Any:
    """What Apprise makes of an address; None when it knows none such."""
    apprise = _library()
    asset = apprise.AppriseAsset(
        app_id="watcher",
        app_desc="watcher",
        app_url="",
        async_mode=False,
        http_redirects=False,  # an address has secrets in it: they go nowhere else
        interpret_escapes=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        service_timeout=0,  # the time is ours to keep: its own way is one more thread
        allow_templates=False,
    )
    with suppress(Exception):  # another's code, and an address that nobody has checked
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    return None


def _clear(service: Any, url: str) -> bool:
    """Whether an address is of the kind that is not encrypted, of a service that has both kinds."""
    plain_kinds = service.protocol or ()
    kinds = (plain_kinds,) if isinstance(plain_kinds, str) else tuple(plain_kinds)
    return url.partition("://")[0].lower() in kinds and not service.secure


@cache
def _library() -> Any:
    """Apprise with all its services loaded, which takes a moment, and without its logs."""
    for name in ("apprise", *_CHATTY):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its services use what Python is about to drop
        apprise = importlib.import_module("apprise")
        apprise.Apprise.instantiate("json://localhost")
    return apprise
