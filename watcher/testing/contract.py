"""How a suite is made of promises: each a test of its own, in parts that can be left out for a reason that is shown."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from typing import Any, ClassVar

import pytest

LONGEST = 60.0
"""Seconds after which a promise that has not ended is broken."""

_PART, _NOTED, _SUMMARY = "part_of_the_contract", "promise", "summary of the contracts"

Check = Callable[..., Coroutine[Any, Any, None]]


def promise(part: str) -> Callable[[Check], Callable[..., None]]:
    """Make a test of a method that is a coroutine: it runs in an event loop of its own, and has to end."""

    def made(check: Check) -> Callable[..., None]:
        @functools.wraps(check)
        def test(self: Any, *args: Any, **kwargs: Any) -> None:
            async def kept() -> None:
                async with asyncio.timeout(LONGEST):
                    await check(self, *args, **kwargs)

            asyncio.run(kept())

        setattr(test, _PART, part)
        return test

    return made


class Contract:
    """A suite of promises. Whoever is to keep them is a subclass whose name begins with `Test`.

    `without` names the parts that do not apply, each with the reason, which is shown at the end of the run.
    """

    parts: ClassVar[Mapping[str, str]] = {}
    """The parts of the suite, and what each is about."""

    without: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for part, reason in cls.without.items():
            if part not in cls.parts or not reason:
                raise TypeError(
                    f"{cls.__name__}.without: {part!r} needs to be one of {', '.join(cls.parts)}, and a reason"
                )
        for name, test in _tests(cls):
            if getattr(test, _PART) in cls.without:
                setattr(cls, name, None)

    @pytest.fixture(autouse=True)
    def _noted(self, request: pytest.FixtureRequest) -> None:
        """Note that a promise was tried, for what is said at the end."""
        noted = (type(self).__name__, getattr(request.function, _PART, "own"), dict(self.without))
        request.node.user_properties.append((_NOTED, noted))
        plugins = request.config.pluginmanager
        if not plugins.has_plugin(_SUMMARY):
            plugins.register(Summary(), _SUMMARY)


class Summary:
    """A plugin of pytest that says at the end of a run what was tried of each contract.

    It comes by itself, but where pytest-xdist runs the tests in other processes: there a `conftest.py` registers it.
    """

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it, contract by contract."""
        tried: dict[str, Counter[str]] = {}
        without: dict[str, Mapping[str, str]] = {}
        for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
            for name, part, left_out in _noted(report):
                tried.setdefault(name, Counter())[part] += 1
                without[name] = left_out
        if tried:
            terminalreporter.section("contracts")
        for name, parts in sorted(tried.items()):
            terminalreporter.line(f"{name}: {', '.join(f'{part} {count}' for part, count in sorted(parts.items()))}")
            for reason in dict.fromkeys(without[name].values()):
                named = ", ".join(part for part, given in without[name].items() if given == reason)
                terminalreporter.line(f"    without {named}: {reason}")


def _noted(report: Any) -> list[tuple[str, str, Mapping[str, str]]]:
    """What was noted in a test that has run: its report comes once for each of its phases."""
    if getattr(report, "when", "") != "call":
        return []
    return [value for name, value in report.user_properties if name == _NOTED]


def _tests(contract: type[Contract]) -> Iterator[tuple[str, Callable[..., None]]]:
    for name in dir(contract):
        test = inspect.getattr_static(contract, name)
        if name.startswith("test_") and hasattr(test, _PART):
            yield name, test


def broken(contract: type[Contract], among: Collection[str] | None = None) -> dict[str, list[str]]:
    """Try the promises of a contract, all or those of these names, without pytest; return those broken, and how."""
    found: dict[str, list[str]] = {}
    for name, test in _tests(contract):
        if among is not None and name not in among:
            continue
        for given in _cases(test):
            try:
                test(contract(), **given)
            except Exception as error:  # whatever it is, it was not to be
                found.setdefault(name, []).append(f"{given or ''} {type(error).__name__}: {error}".strip())
    return found


def _cases(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The arguments of each run of a test that may be parametrized."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    for values in itertools.product(*(mark.args[1] for mark in marks)):
        yield {mark.args[0]: value for mark, value in zip(marks, values, strict=True)}
