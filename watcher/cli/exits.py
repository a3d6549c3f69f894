"""What went wrong -> what is said of it, and the exit code that tells a script what to do next (sysexits.h)."""

from __future__ import annotations

import sys
import traceback

import click

from watcher.config import ConfigMissing
from watcher.errors import ConfigError, StoreError, StoreRuined, WatcherError
from watcher.store import StoreBusy

NO, DATA, MISSING, BUG, DISK, LATER, DENIED, CONFIG = 1, 65, 66, 70, 74, 75, 77, 78

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (ConfigMissing, MISSING),
    (ConfigError, CONFIG),
    (StoreBusy, LATER),
    (StoreRuined, DATA),
    (StoreError, DISK),
    (WatcherError, NO),
    (PermissionError, DENIED),
    (OSError, DISK),
)


def code_of(error: BaseException) -> int:
    """The exit code of an error; that of a bug for one that nobody foresaw."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return code_of(error.exceptions[0])
    if isinstance(error, StoreError | ConfigError) and isinstance(error.__cause__, PermissionError):
        return DENIED
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)


def report(error: Exception) -> int:
    """Say on standard error what went wrong, and return its exit code."""
    code = code_of(error)
    if isinstance(error, ConfigError):
        for complaint in error.complaints:  # as a compiler does: place first, one a line
            click.echo(complaint, err=True)
    elif code == BUG:
        traceback.print_exception(error, file=sys.stderr)  # no local variables: they hold secrets
        click.echo("watcher: this is a bug; please report it with the lines above", err=True)
    else:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        click.echo(f"watcher: {error}", err=True)
    return code
