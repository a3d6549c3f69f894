"""The places to tell: one file a sink, one line in the table."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from watcher.errors import ConfigError
from watcher.sinks.kit import Post, Settings, SinkType, Tools

from . import apimo_lead, apprise, command, email, file, slack, webhook

GROUP = "watcher.sinks"
"""The group of entry points under which another package offers a type of sink."""

SINKS: Mapping[str, SinkType] = {
    "webhook": SinkType(webhook.Config, webhook.Webhook, people=False),
    "slack": SinkType(slack.Config, slack.Slack, people=True),
    "email": SinkType(email.Config, email.Email, people=True),
    "file": SinkType(file.Config, file.File, people=False),
    "command": SinkType(command.Config, command.Command, people=False),
    "apprise": SinkType(apprise.Config, apprise.Apprise, people=True),
    "apimo_lead": SinkType(apimo_lead.Config, apimo_lead.ApimoLead, people=False, api="apimo"),
}
"""The types of sink that come with watcher."""


def sink_types() -> Mapping[str, SinkType]:
    """Every type of sink there is: our own, and those of installed packages under other names."""
    offered = (point for point in entry_points(group=GROUP) if point.name not in SINKS)
    return {**{point.name: _load(point) for point in offered}, **SINKS}


def _load(point: EntryPoint) -> SinkType:
    try:
        loaded = point.load()
    except Exception as error:  # another's code: whatever is wrong with it, say whose it is
        raise ConfigError((f"{_whose(point)} cannot be loaded ({error!r}): mend or uninstall it",)) from error
    if not isinstance(loaded, SinkType):
        raise ConfigError((f"{_whose(point)} is no watcher.sinks.SinkType: mend or uninstall it",))
    return loaded


def _whose(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist else ""
    return f"the sink type {point.name!r} ({GROUP} = {point.value}){package}"


__all__ = ["GROUP", "SINKS", "Post", "Settings", "SinkType", "Tools", "sink_types"]
