"""The events as they are, for machines: CloudEvents over HTTP, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from watcher.model import Delivery
from watcher.privacy import shown_envelope
from watcher.sinks.http import Poster, check_address
from watcher.sinks.kit import Settings, Tools
from watcher.units import Secret

_PREFIX = "whsec_"
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "webhook"`. While a secret is rotated there are two: the new one and the old one."""

    url: str | Secret
    secret: Secret | list[Secret] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_address(self.url)
        if len(self.secrets()) > 2 or self.secret == []:  # noqa: PLR2004 - the new one and the old one
            raise ValueError("secret: must be one, or a list of two while rotating")
        for secret in self.secrets():
            _key(secret)

    def secrets(self) -> list[Secret]:
        """The secrets to sign with, none of them, one or two."""
        if isinstance(self.secret, list):
            return self.secret
        return [self.secret] if self.secret else []


class Webhook:
    """POSTs each event as it is. A resend carries the same `webhook-id`, by which the receiver knows it again."""

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._personal = config.personal
        self._keys = [_key(secret) for secret in config.secrets()]
        self._clock = tools.clock
        self._poster = Poster(config.url, config.timeout, tools.clock)

    async def send(self, delivery: Delivery) -> str:
        """Return what the peer answered when it took the event; otherwise raise Transient or Permanent."""
        body = msgspec.json.encode(shown_envelope(delivery.event, self._personal))
        return await self._poster.post(body, self._headers(delivery.event.id, body))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._poster.close()

    def _headers(self, event_id: str, body: bytes) -> dict[str, str]:
        stamp = str(int(self._clock().timestamp()))
        headers = {"Content-Type": _CONTENT_TYPE, "webhook-id": event_id, "webhook-timestamp": stamp}
        if self._keys:
            signed = f"{event_id}.{stamp}.".encode() + body
            headers["webhook-signature"] = " ".join(_signature(key, signed) for key in self._keys)
        return headers


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _key(secret: Secret) -> bytes:
    """The bytes of a `whsec_...` secret."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not 24 <= len(key) <= 64:  # noqa: PLR2004 - as the specification has it
        raise ValueError("secret: must be whsec_ and the base64 of 24 to 64 bytes; make one: openssl rand -base64 32")
    return key
