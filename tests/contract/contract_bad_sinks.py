"""A little sink that is good, and two dozen that each have one fault: one for each way to break a promise."""

# ruff: noqa: D102, T201 - what a method does is what its class says

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec

from watcher.errors import Permanent, Transient
from watcher.model import Delivery, envelope
from watcher.privacy import shown_envelope
from watcher.sinks import Settings, Tools
from watcher.sinks.http import retry_after
from watcher.units import Secret

_log = logging.getLogger("pigeons")

LITTLE = 2000
"""Bytes of an answer that are read."""


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "pigeon"`."""

    url: Secret


class Good:
    """Posts each event as JSON. What the others do otherwise is in methods of their own."""

    tls: ssl.SSLContext | bool = True
    redirects = False
    unpacks = False

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self._config = config
        self._clock = tools.clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery) -> str:
        """Return the beginning of the answer when it was taken; otherwise raise Transient or Permanent."""
        return await self.post(delivery)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session:
            await self._session.close()

    async def post(self, delivery: Delivery) -> str:
        """One request and its answer."""
        try:
            async with self.asking(delivery) as response:
                return self.judge(response, await self.beginning(response))
        except aiohttp.ClientConnectorCertificateError:
            raise Permanent("its certificate was refused") from None
        except aiohttp.ClientConnectorError as error:
            reset = isinstance(error.os_error, ConnectionResetError)  # by a peer that was there, while we connected
            raise (self.unanswered(error) if reset else self.unreachable()) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unanswered(error) from None

    @asynccontextmanager
    async def asking(self, delivery: Delivery) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make the request."""
        async with self.session().post(
            self.url(delivery),
            json=self.document(delivery),
            headers=self.headers(delivery),
            allow_redirects=self.redirects,
            ssl=self.tls,
        ) as response:
            yield response
            response.close()

    def session(self) -> aiohttp.ClientSession:
        """The session, opened when it is first needed."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._config.timeout.total_seconds())
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                auto_decompress=self.unpacks,
                json_serialize=lambda value: msgspec.json.encode(value).decode(),
            )
        return self._session

    def url(self, delivery: Delivery) -> str:
        """Where to."""
        return self._config.url.reveal()

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """What goes with it."""
        return {"X-Id": delivery.event.id}

    def document(self, delivery: Delivery) -> Any:
        """What is sent."""
        return shown_envelope(delivery.event, self._config.personal)

    async def beginning(self, response: aiohttp.ClientResponse) -> str:
        """The beginning of the answer, in however many pieces it comes."""
        begun = b""
        with suppress(aiohttp.ClientError, TimeoutError):
            while len(begun) < LITTLE and (piece := await response.content.read(LITTLE - len(begun))):
                begun += piece
        return begun.decode(errors="replace")

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        """What a status means."""
        status = response.status
        if 200 <= status < 300:
            return "ok"
        if status in (408, 425, 429) or status >= 500:
            raise Transient(
                f"HTTP {status}", retry_after=retry_after(response.headers.get("Retry-After"), self._clock())
            )
        raise Permanent(f"HTTP {status}", refused=status in (401, 403, 404, 410))

    def unreachable(self) -> Exception:
        """The error when there was no connection."""
        return Transient("no connection")

    def unanswered(self, error: Exception) -> Exception:
        """The error when there was no answer."""
        return Transient("no answer", unanswered=True)


# ------------------------------------------------------------------------------------------------------------- secrets


class TellsItsAddress(Good):
    """Says in an error where it wanted to go."""

    def unanswered(self, error: Exception) -> Exception:
        return Transient(f"no answer from {self._config.url.reveal()}", unanswered=True)


class ShowsItself(Good):
    """Has a `repr` with all that it knows."""

    def __repr__(self) -> str:
        return f"pigeon to {self._config.url.reveal()}"


class LogsWhatItSends(Good):
    """Logs its address."""

    async def send(self, delivery: Delivery) -> str:
        _log.debug("to %s", self._config.url.reveal())
        return await super().send(delivery)


class PrintsItsAddress(Good):
    """Prints where it could not get to."""

    def unreachable(self) -> Exception:
        print("no connection to", self._config.url.reveal())
        return super().unreachable()


class KeepsAnEcho(Good):
    """Returns what the peer says, who may say where we asked."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        super().judge(response, answer)
        return answer[:2000]


class QuotesThePeer(Good):
    """Says in an error what the peer says, which may be anything."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 422:
            raise Permanent(f"HTTP 422: {answer}")
        return super().judge(response, answer)


# --------------------------------------------------------------------------------------------------------------- http


class FollowsRedirects(Good):
    """Goes wherever it is sent."""

    redirects = True


class SwallowsErrors(Good):
    """Says that all is well when there is something wrong on the other side."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        return "ok" if response.status in (502, 504, 507) else super().judge(response, answer)


class ReadsEverything(Good):
    """Reads an answer to its end, if it has one."""

    async def beginning(self, response: aiohttp.ClientResponse) -> str:
        with suppress(aiohttp.ClientError, TimeoutError):
            await response.read()
        return ""


class UnpacksEverything(Good):
    """Unpacks whatever it is given, as far as it goes."""

    unpacks = True

    async def beginning(self, response: aiohttp.ClientResponse) -> str:
        with suppress(aiohttp.ClientError, TimeoutError):
            if "Content-Encoding" in response.headers:
                await response.read()
        return ""


class KeepsTheWholeAnswer(Good):
    """Returns more of an answer than is kept."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        return super().judge(response, answer) + " " * 5000


class MistakesARefusal(Good):
    """Takes a refused credential for a passing trouble."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 403:
            raise Transient("HTTP 403")
        return super().judge(response, answer)


class ForgetsToPause(Good):
    """Does not say that everything will be refused."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 410:
            raise Permanent("HTTP 410")
        return super().judge(response, answer)


class GivesUpTooSoon(Good):
    """Takes a passing trouble for a lasting one."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 425:
            raise Permanent("HTTP 425")
        return super().judge(response, answer)


class TriesForEver(Good):
    """Takes a lasting trouble for a passing one."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 422:
            raise Transient("HTTP 422")
        return super().judge(response, answer)


class KnowsOneSuccess(Good):
    """Takes only 200 for success."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        if response.status == 202:
            raise Permanent("HTTP 202")
        return super().judge(response, answer)


class TakesAnythingForSuccess(Good):
    """Looks for errors, and not for success."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        return "ok" if response.status >= 600 else super().judge(response, answer)


class DoesNotWait(Good):
    """Does not listen when it is told to wait."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        try:
            return super().judge(response, answer)
        except Transient as error:
            raise Transient(error.reason) from None


class TakesNonsenseForATime(Good):
    """Reads Retry-After as Python does."""

    def judge(self, response: aiohttp.ClientResponse, answer: str) -> str:
        try:
            return super().judge(response, answer)
        except Transient as error:
            said = response.headers.get("Retry-After", "")
            raise Transient(error.reason, retry_after=9.0 if said == "soon" else error.retry_after) from None


class TriesAgainByItself(Good):
    """Makes a second request that nobody knows of."""

    async def send(self, delivery: Delivery) -> str:
        try:
            return await super().send(delivery)
        except Transient as error:
            if not error.unanswered:
                raise
            return await super().send(delivery)


class NeverDoubts(Good):
    """Does not say that a message may have been taken."""

    def unanswered(self, error: Exception) -> Exception:
        return Transient("no answer")


class GivesUpOnNoise(Good):
    """Takes it for a lasting trouble that a peer speaks another protocol."""

    def unanswered(self, error: Exception) -> Exception:
        noise = isinstance(error, aiohttp.ClientResponseError)
        return Permanent("no HTTP") if noise else super().unanswered(error)


class GivesUpOnSilence(Good):
    """Takes it for a lasting trouble that a peer takes its time."""

    def unanswered(self, error: Exception) -> Exception:
        return Permanent("no answer in time") if isinstance(error, TimeoutError) else super().unanswered(error)


class InsistsOnTheEnd(Good):
    """Takes it for a lasting trouble that an answer does not end."""

    async def beginning(self, response: aiohttp.ClientResponse) -> str:
        try:
            return (await response.content.readexactly(min(response.content_length or 0, 2000))).decode(
                errors="replace"
            )
        except TimeoutError:
            raise Permanent("half an answer") from None
        except (aiohttp.ClientError, asyncio.IncompleteReadError):
            return ""


class SulksAfterAFailure(Good):
    """Sends nothing any more once something went wrong."""

    failed = False

    async def send(self, delivery: Delivery) -> str:
        if self.failed:
            raise Transient("it failed before", unanswered=True)
        try:
            return await super().send(delivery)
        except Transient:
            self.failed = True
            raise


class LetsErrorsOut(Good):
    """Raises what a library raises."""

    def unreachable(self) -> Exception:
        return RuntimeError("no connection")


class TrustsAnybody(Good):
    """Looks at no certificate."""

    tls = False


# ------------------------------------------------------------------------------------------------------------ messages


class MakesAnIdAtEachAttempt(Good):
    """Sends another id each time."""

    def document(self, delivery: Delivery) -> Any:
        return {**super().document(delivery), "id": str(uuid.uuid4())}

    def headers(self, delivery: Delivery) -> dict[str, str]:
        return {}


class TellsPersonalData(Good):
    """Asks nobody whose data it sends."""

    def document(self, delivery: Delivery) -> Any:
        return envelope(delivery.event)


class PutsAValueIntoTheAddress(Good):
    """Has a value of the record in its request line."""

    def url(self, delivery: Delivery) -> str:
        return f"{super().url(delivery)}&to={delivery.event.data.get('record', {}).get('reference', '')[:100]!a}"


class MixesThemUp(Good):
    """Keeps a message in itself while it waits."""

    async def send(self, delivery: Delivery) -> str:
        self._sending = delivery
        await asyncio.sleep(0)
        return await super().send(replace(delivery, event=self._sending.event))


class ChokesOnALongText(Good):
    """Takes a long message for none."""

    def document(self, delivery: Delivery) -> Any:
        told = super().document(delivery)
        if len(str(told)) > 1_500_000:
            raise Permanent("too long")
        return told


class KnowsNoSummaries(Good):
    """Looks for a record where there is none."""

    def document(self, delivery: Delivery) -> Any:
        told = super().document(delivery)
        return {**told, "record": told["data"]["record"]["id"]}


# ------------------------------------------------------------------------------------------------------------- conduct


class LeavesATask(Good):
    """Has something go on after its end."""

    async def send(self, delivery: Delivery) -> str:
        self._idle = asyncio.create_task(asyncio.sleep(3600))
        return await super().send(delivery)


class LeavesTheSessionOpen(Good):
    """Closes nothing."""

    async def close(self) -> None:
        """Do nothing."""


class GoesOnWhenCancelled(Good):
    """Sends on, with nobody who waits for it."""

    async def send(self, delivery: Delivery) -> str:
        return await asyncio.shield(asyncio.ensure_future(super().send(delivery)))


class SwallowsCancellation(Good):
    """Says that a message is delivered that is not."""

    async def send(self, delivery: Delivery) -> str:
        try:
            return await super().send(delivery)
        except asyncio.CancelledError:
            return ""


class TurnsCancellationIntoAnError(Good):
    """Says that an attempt failed that was given up."""

    async def send(self, delivery: Delivery) -> str:
        try:
            return await super().send(delivery)
        except asyncio.CancelledError:
            raise Transient("cancelled", unanswered=True) from None


class HoldsUpEverybody(Good):
    """Waits without letting anybody else run."""

    async def send(self, delivery: Delivery) -> str:
        async def alone() -> str:
            self._session = None
            try:
                return await super(HoldsUpEverybody, self).send(delivery)
            finally:
                await super(HoldsUpEverybody, self).close()
                self._session = None

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, alone()).result()


class ClosesOnce(Good):
    """Does not like to be closed twice."""

    closed = False

    async def close(self) -> None:
        """Let go of the connections, once."""
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        await super().close()
