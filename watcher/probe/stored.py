"""What the stored versions say that no single answer does. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.model import SourceName, Version
from watcher.probe.scene import Finding, counted
from watcher.streams import STREAMS
from watcher.streams.canonical import differences


def findings(account: str, versions: Iterable[tuple[SourceName, Version]]) -> list[Finding]:
    """Whether a record's `updated_at` moves when only what is in its lists does, and whether canceled ones stay.

    The versions are those of the whole store, oldest first.
    """
    last: dict[tuple[SourceName, str], Version] = {}
    moved: dict[str, list[bool]] = {}
    for source, version in versions:
        if source.account != account or source.stream not in STREAMS:
            continue
        before = last.get((source, version.key))
        last[source, version.key] = version
        if before and not before.removed and not version.removed and _children_only(source.stream, before, version):
            same = before.body.get("updated_at") == version.body.get("updated_at")
            moved.setdefault(source.stream, []).append(not same)
    return [*_parents(moved), *_canceled(last)]


def _children_only(stream: str, before: Version, after: Version) -> bool:
    """Say whether all that differs is in the record's lists."""
    changed = differences(STREAMS[stream].record, before.body, after.body).changed
    return bool(changed) and all("[" in path for path in changed)


def _parents(moved: dict[str, list[bool]]) -> list[Finding]:
    found = []
    for stream, seen in sorted(moved.items()):
        answer = "moves with its lists" if all(seen) else "stays" if not any(seen) else "moves now and then"
        evidence = f"{sum(seen)} of {counted(len(seen), 'change')}"
        found.append(Finding(f"updated_at of {stream}", answer, evidence))
    return found


def _canceled(last: dict[tuple[SourceName, str], Version]) -> list[Finding]:
    over = [version for version in last.values() if version.body.get("status") in ("canceled", "cancelled")]
    gone = sum(version.removed for version in over)
    if not over:
        return []
    answer = "stay listed" if not gone else "go" if gone == len(over) else "go now and then"
    return [Finding("canceled purchases", answer, f"{len(over) - gone} of {len(over)} are still there")]
