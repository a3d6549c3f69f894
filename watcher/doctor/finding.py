"""What a check found, how bad that is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "trouble"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` says what to do, in a sentence; it is empty when all is well."""

    check: str
    level: Level
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, and is worth a look."""
    return Finding(check, "warning", found, remedy)


def trouble(check: str, found: str, remedy: str) -> Finding:
    """It does not work, or will not for long, or shows what nobody else may see."""
    return Finding(check, "trouble", found, remedy)


def sound(findings: Iterable[Finding]) -> bool:
    """Whether none of them is in trouble."""
    return all(finding.level != "trouble" for finding in findings)
