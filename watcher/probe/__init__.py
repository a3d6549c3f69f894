"""Asking the real API, gently, what its documentation leaves open (`watcher probe`).

    asker (in turn, counted) -> questions -> shapes, headers (pure) -> report, settings (pure)

What is returned has names of fields, types, counts and words of our own; of records, no value but codes of
enumerations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.model import SourceName
from watcher.probe import headers, questions_adlead, questions_apimo, shapes
from watcher.probe.asker import Asker, Looks, Stopped, Unanswered
from watcher.probe.questions import said, unauthorised
from watcher.probe.scene import Finding, Question, Scene
from watcher.sources import ApiType, Login, api_types
from watcher.streams.stream import Stream
from watcher.toml import absent

WRONG = "0" * 32
"""What is no credential of anybody's."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is asked of an API: of each stream, and once of the account.

    `path` says where a stream's list is, from the settings of the account and the partition; `once` takes what asks
    and those settings, and makes at most `most` requests. `by_minute` says that the limit in the vendor's headers is
    one a minute, as Laravel's are.
    """

    questions: tuple[Question, ...]
    path: Callable[[Any, Stream, str], str]
    once: Callable[[Asker, Any], Awaitable[list[Finding]]]
    most: int
    by_minute: bool = False


SCRIPTS: Mapping[str, Script] = {
    "apimo": Script(
        questions_apimo.QUESTIONS,
        lambda _, stream, partition: questions_apimo.path(partition, stream.list_keys),
        lambda ask, _: questions_apimo.catalogs(ask),
        len(questions_apimo.CATALOGS),
    ),
    "adlead": Script(
        questions_adlead.QUESTIONS,
        lambda login, _, partition: questions_adlead.path(login.tenant, partition),
        lambda ask, login: questions_adlead.tenant(ask, login.tenant),
        1,
        by_minute=True,
    ),
}
"""The APIs that questions are known of."""


@dataclass(frozen=True, slots=True)
class Places:
    """What of an account is looked at: each stream of one partition, and whether it is asked with a wrong key too."""

    login: Login
    kind: ApiType
    streams: Sequence[tuple[Stream, str]]
    wrong_key: bool = False

    @property
    def script(self) -> Script:
        """What is asked."""
        return SCRIPTS[self.login.api]

    def most(self) -> int:
        """How many requests that takes at most."""
        each = sum(question.most for question in self.script.questions)
        return each * len(self.streams) + self.script.most + self.wrong_key


def places_of(
    account: str,
    login: Login,
    sources: Sequence[SourceName],
    stream: str | None = None,
    partition: str | None = None,
    *,
    wrong_key: bool = False,
) -> Places:
    """What to look at: that stream, or each that is read with the account; of that partition, or of the first one.

    Raises ValueError, with the remedy, when nothing is left.
    """
    if login.api not in SCRIPTS:
        raise ValueError(f"{account} is an account of {login.api}, of which no questions are known")
    kind = api_types()[login.api]
    streams = {one.name.partition(".")[2]: one for one in kind.streams}
    short = (stream or "").removeprefix(f"{login.api}.")
    if stream and short not in streams:
        raise ValueError(absent("stream", stream, streams))
    first = {source.stream: source.partition for source in reversed(sources) if source.account == account}
    wanted = [streams[short]] if stream else [one for one in kind.streams if one.name in first or partition]
    found = [(one, where) for one in wanted if (where := partition or first.get(one.name))]
    if not found:
        raise ValueError(f"no source of {account} says where to look; add --stream and --partition")
    return Places(login, kind, found, wrong_key)


async def survey(client: Looks, places: Places, most: int) -> dict[str, Any]:
    """Ask all there is to ask in at most `most` requests, and say what came of it, as JSON values.

    After a 401, 403 or 429, or when requests, budget or time are used up, `stopped` says so, beside what there is.
    """
    asker = Asker(client, most)
    streams: list[dict[str, Any]] = []
    account: list[Finding] = []
    stopped: Stopped | None = None
    try:
        for stream, partition in places.streams:
            scene = Scene(asker, stream, places.script.path(places.login, stream, partition))
            findings: list[Finding] = []
            try:
                await _ask(places.script.questions, scene, findings)
            finally:
                streams.append(
                    {
                        "stream": stream.name,
                        "partition": partition,
                        "findings": plain(findings),
                        **_records(stream, scene),
                    }
                )
        account += await places.script.once(asker, places.login)
        if places.wrong_key:
            first, partition = places.streams[0]
            there = places.script.path(places.login, first, partition)
            account += await unauthorised(asker, there, places.kind.headers(places.login, WRONG))
    except Stopped as error:
        stopped = error
    return {
        "requests": {"most": most, "made": asker.made},
        "stopped": stopped and stopped.why,
        "later": stopped is not None and stopped.later,
        "streams": streams,
        "account_findings": plain([*account, *(headers.about(asker.seen) if asker.seen else ())]),
        "headers": headers.shown(asker.seen),
        "limit": headers.limit(asker.seen) if places.script.by_minute else None,
    }


async def _ask(questions: Collection[Question], scene: Scene, findings: list[Finding]) -> None:
    for question in questions:
        try:
            findings += await question.ask(scene)
        except Unanswered as error:
            findings.append(Finding(question.name, said(error)))


def _records(stream: Stream, scene: Scene) -> dict[str, Any]:
    """What the records of the list are made of."""
    rows = scene.whole.rows if scene.whole else ()
    found = shapes.shapes(rows)
    return {
        "facts": scene.facts,
        "fields": [shape.plain() for shape in found],
        "enumerations": shapes.enumerations(rows),
        "unknown": shapes.unknown(stream, found),
        "never": shapes.never(stream, found) if rows else [],
        "midnights": {path: list(counts) for path, counts in shapes.midnights(rows).items()},
    }


def plain(findings: Collection[Finding]) -> list[dict[str, str]]:
    """Findings as JSON values."""
    return [finding._asdict() for finding in findings]


__all__ = ["SCRIPTS", "Places", "Script", "places_of", "plain", "survey"]
