"""config.toml and the files of rules that it names -> one frozen `Config`, or every mistake in them at once.

What the tables are is in `shapes`, what joins them in `sections`.
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from watcher.credentials import Secrets
from watcher.errors import ConfigError
from watcher.kinds import DAY
from watcher.lints import Lint, lints
from watcher.mistakes import Check, Checks, Constant
from watcher.sections import Sections
from watcher.shapes import Config, Privacy, RuleSettings, SourceSettings, Top
from watcher.sinks import Settings, SinkType
from watcher.toml import Document, KeyPath, nearest, quoted, read
from watcher.units import Rate

__all__ = [
    "Config",
    "ConfigMissing",
    "Privacy",
    "RuleSettings",
    "SourceSettings",
    "find",
    "load",
    "load_rules",
    "matching",
    "state_directory",
]

SYSTEM = Path("/etc/watcher/config.toml")

STATE, RUNTIME = Path("/var/lib/watcher"), Path("/run/watcher")
"""Where the service that runs on the system's configuration has its store, and its socket."""

CASES = ".test.toml"
"""How the names of files end that have cases for rules (docs/trying.md): they stand beside files of rules."""


class ConfigMissing(ConfigError):
    """There is no configuration at all."""


def find(path: str | None) -> Path:
    """The file to load: the one that is named, else config.toml here, else the system's. Raises ConfigMissing."""
    places = [Path(path)] if path else [Path("config.toml"), SYSTEM]
    for place in places:
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # there is something, but not for us: reading it says why
            return place
        return place
    names = " nor ".join(map(str, places))
    raise ConfigMissing((f"{names}: no such file; write one, or name it with --config",))


def state_directory(path: Path, environ: Mapping[str, str]) -> Path:
    """From where the store's path starts: $STATE_DIRECTORY, else the service's for its own file, else the file's."""
    # systemd gives a list when the unit names several directories
    if named := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(named)
    # Whoever types a command has not the service's environment, and means the service's store all the same.
    return STATE if path == SYSTEM and os.path.lexists(STATE) else path.parent


def load(
    path: Path,
    *,
    sink_types: Mapping[str, SinkType],
    event_types: Collection[str],
    check_condition: Check,
    check_template: Check,
    constant: Constant,
    environ: Mapping[str, str] = os.environ,
    spare_secrets: bool = False,
) -> Config:
    """Read and check everything; raises ConfigError with every complaint, ConfigMissing when there is no such file.

    `check_condition` and `check_template` are given a text and the types of event that its rule hears, and name its
    mistakes; `constant`, given the same, says what a condition always comes to, None when that depends. With
    `spare_secrets` those that are not there are no mistake: something stands in for them.
    """
    try:
        document = read(path)
    except ConfigError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ConfigMissing(error.complaints) from None
        raise
    checks = Checks(check_condition, check_template)
    sections = Sections(document, Secrets(environ, spare=spare_secrets), sink_types, sorted(event_types), checks)
    top = Top(**sections.fields(document, document.data, Top, ()))  # what could not be read is as if left out
    pages = [document, *_rule_pages(document, top.rule_files)]
    directory = state_directory(path, environ)
    documents = [page for page in pages if isinstance(page, Document)]
    book = sections.rules(documents, top.sinks)
    config = _config(sections, top, documents, directory)
    if complaints := [text for page in pages for text in page.complaints]:
        raise ConfigError(tuple(complaints))
    config = replace(config, rules=tuple(rule.settings() for rule in book.rules))
    streams = {source.name.stream for source in config.sources}
    found = [*(Lint(document, *warning) for warning in _warnings(config, sections)), *lints(book, streams, constant)]
    found.sort(key=lambda one: (documents.index(one.document), one.document.line(one.path)))
    return replace(
        config,
        warnings=tuple(map(str, (one for one in found if not one.remark))),
        remarks=tuple(map(str, (one for one in found if one.remark))),
    )


def matching(directory: Path, pattern: str) -> list[Path]:
    """The files that a pattern of `rule_files` means, in the directory of the file that names them; no cases."""
    names = glob.glob(pattern, root_dir=directory, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute ones
    files = (name for name in names if not name.endswith(CASES))
    return sorted(directory / name for name in files if not os.path.isdir(directory / name))  # noqa: PTH112 - is_dir raises


def load_rules(
    path: Path,
    config: Config,
    *,
    sink_types: Mapping[str, SinkType],
    event_types: Collection[str],
    check_condition: Check,
    check_template: Check,
) -> Config:
    """The configuration with the rules of that file in place of its own; raises ConfigError with every complaint."""
    document = read(path)
    checks = Checks(check_condition, check_template)
    sections = Sections(document, Secrets({}), sink_types, sorted(event_types), checks)
    book = sections.rules([document], config.sinks)
    if document.complaints:
        raise ConfigError(document.complaints)
    return replace(config, rules=tuple(rule.settings() for rule in book.rules))


def _rule_pages(document: Document, patterns: tuple[str, ...]) -> Iterator[Document | ConfigError]:
    """The files of rules, by name; an error in the place of one that cannot be read."""
    found: set[Path] = set()
    for index, pattern in enumerate(patterns):
        files = matching(document.path.parent, pattern)
        found.update(files)
        if not files:
            text = f"{quoted(pattern)} matches no file; the path starts from {document.path.parent.absolute()}"
            document.complain([(("rule_files", index), text)])
    for path in sorted(found - {document.path}):
        try:
            page = read(path)
        except ConfigError as error:
            yield error
            continue
        for key in page.data:
            if key in Top.__struct_fields__ and key != "rules":
                page.complain([((key,), f"a file of rules holds [[rules]] only; move it to {document.path}")])
            elif key != "rules":
                remedy = nearest(key, ["rules"]) or "; a file of rules holds [[rules]] only"
                page.complain([((key,), f"no such key{remedy}")])
        yield page


def _config(sections: Sections, top: Top, documents: list[Document], directory: Path) -> Config:
    """Bring the sections together, as far as they could be read."""
    sections.known(documents[0], ("operator", "to"), "sink", top.operator.to or (), top.sinks)
    sinks = dict(sections.sinks(top.sinks, top.accounts))
    return Config(
        path=documents[0].path,
        timezone=top.timezone,
        language=top.language,
        state_path=directory / top.state.path,
        state_directory=directory,
        accounts=dict(sections.accounts(top.accounts)),
        sources=tuple(sections.sources(top.sources, top.accounts)),
        sinks=sinks,
        operator=top.operator.to if top.operator.to is not None else tuple(_listeners(sections, sinks)),
        rules=(),  # they become values once there is no mistake in them
        status_listen=top.status.listen,
        ping=top.status.ping,
        ping_every=top.status.ping_every,
        privacy=dict(sections.privacy(top.privacy)),
        retention=sections.retention(top.retention, top.sinks),
        rule_files=top.rule_files,
        files=tuple(dict.fromkeys([*(page.path for page in documents), *sections.secrets.files])),
    )


def _listeners(sections: Sections, sinks: Mapping[str, Settings]) -> Iterator[str]:
    """The sinks that hear of watcher's own troubles unless some are named; what writes to an account is no listener."""
    return (name for name, settings in sinks.items() if not sections.sink_types[settings.type].api)


# --------------------------------------------------------------------------------------------------------- warnings


def _warnings(config: Config, sections: Sections) -> Iterator[tuple[KeyPath, str]]:
    """What can be used as it is, but is hardly meant."""
    read = {source.name.account for source in config.sources}
    written = {getattr(settings, "account", None) for settings in config.sinks.values()}
    for name, account in config.accounts.items():
        if name not in read | written:
            yield ("accounts", name), f"nothing is read from it; add [[sources]] with account = {quoted(name)}"
        sources = [source for source in config.sources if source.name.account == name]
        if excess := _excess(account.budget, sources):
            timed = next((source.name for source in sources if source.every), sources[0].name)
            yield (*sections.places[timed], "every"), f"the sources of {name} {excess}"
    told = {sink for rule in config.rules for sink in rule.to} | set(config.operator)
    for name in config.sinks:
        if name not in told:
            yield ("sinks", name), "no rule and no [operator] tells it anything; name it in a rule's `to`"
    if not config.operator:
        yield ("operator", "to"), "nobody hears when watcher itself is in trouble; name a sink"
    if not config.rules:
        yield ("rules",), "nobody is told of anything; add [[rules]]"


def _excess(budget: Rate | None, sources: Sequence[SourceSettings]) -> str:
    """Say how many more requests those sources ask for, as they are written, than the day's budget has."""
    full = sum(_daily(source.reconcile) for source in sources)
    asked = full + sum(_daily(source.every) for source in sources)
    if budget is None or asked <= budget.count:
        return ""
    timed = sum(source.every is not None for source in sources)
    text = f"ask for {math.ceil(asked)} requests a day, its budget is {budget.count}; "
    if budget.count <= full or not timed:
        return text + "reconcile less often"
    return f'{text}the shortest that fits is "{math.ceil(timed * DAY / (budget.count - full))}s"'


def _daily(every: timedelta | None) -> float:
    """How many times a day that is; none when it is left out."""
    return DAY / every.total_seconds() if every else 0
