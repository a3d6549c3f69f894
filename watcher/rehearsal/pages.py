"""A file of cases as it was read, TOML or YAML, with the line of each key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from watcher.errors import ConfigError
from watcher.toml import Document, KeyPath, Positions, dotted, quoted, read

YAML = (".yaml", ".yml")

_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")}
_MERGE = "tag:yaml.org,2002:merge"
_MOST = 100_000
"""Values in a file: aliases of aliases make more of a few lines than a machine holds."""


def read_page(path: Path) -> Document:
    """Read a file; raises ConfigError with what is wrong when it cannot be read or is not well formed."""
    return _yaml(path) if path.suffix in YAML else read(path)


def _yaml(path: Path) -> Document:
    try:
        loader = yaml.SafeLoader(path.read_text("utf-8-sig"))
        node = loader.get_single_node()
        lines = {}
        for number, (place, at) in enumerate(_lines(node, (), []) if node else ()):
            lines[place] = at
            if number == _MOST:
                raise ConfigError((f"{path}: more than {_MOST} values; take some of the aliases away",))
        data = loader.construct_document(node) if node else {}
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read ({error.strerror}); mend the path",)) from error
    except UnicodeDecodeError:
        raise ConfigError((f"{path}: not UTF-8 text; save the file as UTF-8",)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        remedy = "mend it there, or in the line above"
        raise ConfigError((f"{path}{line}: not valid YAML ({error.problem}); {remedy}",)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError((f"{path}: not valid YAML ({error})",)) from None
    if not isinstance(data, dict):
        raise ConfigError((f"{path}:1: must be a table; write `cases:` and below it a list",))
    return Document(path, _without_nulls(data), Positions(lines, frozenset()))


def _lines(node: yaml.Node, path: KeyPath, above: list[yaml.Node]) -> Iterator[tuple[KeyPath, int]]:
    """The line of each value; refuses what TOML could not say, and keys that are there twice."""
    line = node.start_mark.line + 1
    if node in above:
        raise yaml.MarkedYAMLError(problem=f"{dotted(path)} is a part of itself", problem_mark=node.start_mark)
    if path:
        yield path, line
    if node.tag not in _PLAIN:
        raise yaml.MarkedYAMLError(problem=f"{node.tag} is nothing that a case can hold", problem_mark=node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _lines(inner, (*path, index), [*above, node])
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, inner in node.value:
            if key.tag == _MERGE:
                yield from _lines(inner, path, [*above, node])
                continue
            if key.value in seen or not isinstance(key, yaml.ScalarNode):
                problem = f"{quoted(str(key.value))} is there twice" if key.value in seen else "a key must be a text"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
            for place, at in _lines(inner, (*path, str(key.value)), [*above, node]):
                yield place, key.start_mark.line + 1 if place == (*path, key.value) else at


def _without_nulls(value: Any, key: str = "") -> Any:
    """What is left empty counts as left out, but for the fields of records, where it means null."""
    if isinstance(value, dict):
        return {
            str(name): _without_nulls(inner, str(name))
            for name, inner in value.items()
            if inner is not None or key in ("records", "known")
        }
    if isinstance(value, list):
        return [inner if key in ("records", "known") else _without_nulls(inner, key) for inner in value]
    return value
