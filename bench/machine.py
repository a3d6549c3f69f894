"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("aiohttp", "aiosqlite", "msgspec", "xxhash", "orjson")


def machine() -> dict[str, str]:
    """The machine and the versions, by name."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: found for name in LIBRARIES if (found := _installed(name))},
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # the yardstick is an extra
        return ""


def load() -> float:
    """How many processes wanted a core in the last minute, beside what is measured and with it."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
