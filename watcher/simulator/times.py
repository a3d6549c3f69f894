"""How the two vendors write moments."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def paris(at: datetime) -> str:
    """Write a moment as Apimo does: Paris wall time without a zone, to the second."""
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: datetime) -> str:
    """Write a moment as Adlead does: UTC, always six decimals (all zero: its database keeps seconds)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def midnight(at: datetime) -> datetime:
    """Return the beginning of the Paris day of `at`: how Adlead keeps what was typed in as a date."""
    return at.astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def read(text: object) -> datetime | None:
    """Read either vendor's moment; None when it is none (empty, a zero date, no text)."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=PARIS)
    return at and at.astimezone(UTC)


def unix(text: object) -> int:
    """Return the UNIX second of a vendor's moment; 0 when it is none."""
    at = read(text)
    return int(at.timestamp()) if at else 0
