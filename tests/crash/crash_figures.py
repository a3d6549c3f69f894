"""What the tests of this folder count, for the end of the run."""

from __future__ import annotations

FIGURES: dict[str, str] = {}
"""A line each: what was done, and what came of it."""
