"""What is kept in memory of one source, so that a poll that brings nothing new reads nothing back."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from watcher.model import Known, Page, Plan, Version

MOST_PAGES = 256


class Memory:
    """A source's `known`, and how a committed plan changes it.

    It holds exactly what the records table says of the records that are present, plus the pages, which are only here:
    they save work and are made anew by one poll. A record's bytes contain its id, so no two share a fingerprint; an
    empty one stands for bytes that are to be read again.
    """

    __slots__ = ("_absent", "_fingerprints", "_keys", "_pages", "known")

    def __init__(self, present: Iterable[tuple[bytes, str, int]]) -> None:
        """`present` are fingerprint, key and absences of each record that is not removed."""
        self._keys: dict[str, bytes] = {}
        self._fingerprints: dict[bytes, str] = {}
        self._absent: dict[str, int] = {}
        self._pages: dict[bytes, Page] = {}
        self.known = Known(self._fingerprints, self._absent, self._pages)
        for fingerprint, key, absences in present:
            self._put(key, fingerprint, absences)

    def apply(self, plan: Plan) -> None:
        """Follow a plan that has been committed.

        Pages say nothing new against the snapshot they were read with. So when a plan moves the snapshot (a
        fingerprint, a presence, a count of absences) its own are all that remain, else they join those there are, up
        to the 256 most recent, or to as many as one reading has.
        """
        moved = False
        for version in (*plan.versions, *plan.refreshed):
            moved |= self._follow(version)
        for key, absences in plan.absences.items():
            if key in self._keys:
                moved |= self._put(key, self._keys[key], absences)
        if moved:
            self._pages.clear()
        for digest, page in plan.pages.items():
            self._pages.pop(digest, None)  # so that it becomes the most recent
            self._pages[digest] = page
        beyond = len(self._pages) - max(MOST_PAGES, len(plan.pages))
        for digest in list(islice(self._pages, max(0, beyond))):
            del self._pages[digest]

    def _follow(self, version: Version) -> bool:
        if not version.removed:
            return self._put(version.key, version.fingerprint, version.absences)
        old = self._keys.pop(version.key, None)
        if old is None:
            return False
        self._fingerprints.pop(old, None)
        self._absent.pop(version.key, None)
        return True

    def _put(self, key: str, fingerprint: bytes, absences: int) -> bool:
        old = self._keys.get(key)
        if old == fingerprint and self._absent.get(key, 0) == absences:
            return False
        if old is not None and old != fingerprint:
            self._fingerprints.pop(old, None)
        self._keys[key] = fingerprint
        if fingerprint:
            self._fingerprints[fingerprint] = key
        if absences:
            self._absent[key] = absences
        else:
            self._absent.pop(key, None)
        return True
