"""What the tests of sinks share: deliveries, tools, and a certificate that nobody has signed."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from message_samples import news
from sink_peers import Send, delivery_of, rendered

from watcher.model import Delivery, Event
from watcher.sinks import Tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """What a sink may use; the clock is the real one, since signatures expire."""
    return Tools(rendered, lambda: datetime.now(UTC), tmp_path)


@pytest.fixture
def delivery() -> Send:
    """Make a delivery about a lead with those fields; of any other event, give `event`."""

    def make(event: Event | None = None, **fields: Any) -> Delivery:
        return delivery_of(event or news("new-lead", "apimo.leads", **fields))

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost and its key in one file; whoever is to trust it has to be told."""
    path = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command.split(), *names], cwd=path, check=True, capture_output=True)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The TLS of a server on localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context
