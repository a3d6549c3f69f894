"""The man pages: everything is in them, and what reads man pages finds nothing wrong."""

import re
import shutil
import subprocess
from collections.abc import Mapping

import click
import pytest
from click.testing import CliRunner
from test_cli_help import ALL

from watcher import __version__
from watcher.cli import watcher
from watcher.cli.manual import _text, _word, day
from watcher.schema import config_schema
from watcher.sinks import sink_types
from watcher.streams import catalogue

EPOCH = "1795000000"


def page(section, **environ):
    """The source of a page."""
    words = ["manual", "--section", section]
    done = CliRunner().invoke(watcher, words, env={"SOURCE_DATE_EPOCH": EPOCH, **environ}, prog_name="watcher")
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module", params=["1", "5"])
def section(request):
    """Each page."""
    return request.param


@pytest.fixture(scope="module")
def commands():
    """watcher(1)."""
    return page("1")


@pytest.fixture(scope="module")
def keys():
    """watcher-config(5)."""
    return page("5")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_is_in_the_manual(commands, words):
    """With each of its options, and its examples."""
    _, _, rest = commands.partition(f".SS {_word(' '.join(('watcher', *words)))}\n")
    assert rest
    own = re.split(r"^\.S[SH] ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    options = [one for one in ALL[words].params if isinstance(one, click.Option)]
    assert all(_text(option.opts[0]) in own for option in options)
    assert "Example" in own


def shapes(schema):
    """Every key of a schema, at any depth, but the three words of which a secret is one."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties", {})
        if set(properties) != {"credential", "env", "file"}:
            yield from (key for key in properties if not key.startswith(("apimo.", "adlead.")))
            for value in schema.values():
                yield from shapes(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from shapes(one)


def test_every_key_is_in_the_manual(keys):
    """Each key that the configuration takes, at any depth; its tables are the titles."""
    wanted = set(shapes(config_schema(sink_types(), catalogue())))
    terms = set(re.findall(r"^\.B (.+)$", keys, re.MULTILINE))
    titles = " ".join(re.findall(r"^\.SS (.+)$", keys, re.MULTILINE))
    missing = {key for key in wanted if _word(key) not in terms and f"[{key}" not in titles}
    assert not missing


def test_each_type_of_sink_has_its_own_part(keys):
    """What a sink takes depends on its type."""
    assert all(f"type = \\(dq{name}\\(dq" in keys for name in sink_types())


def test_the_same_version_makes_the_same_page(section):
    """On the day that reproducible builds have."""
    assert page(section) == page(section)
    assert f'2026-11-18 "watcher {__version__}"' in page(section)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day({}))


def test_nothing_in_a_text_is_a_request(section):
    """No line of a text begins as a request does; no request but the few that are used."""
    requests = set(re.findall(r"^([.'].?\w*)", page(section), re.MULTILINE))
    assert requests <= {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".BR", ".nf", ".fi", ".RS", ".RE", ".nh", ".ad"}
    assert _text(".x\\-'") == "\\&.x\\e\\-'"


@pytest.mark.parametrize("program", [["mandoc", "-T", "lint"], ["groff", "-man", "-ww", "-z", "-Kutf8"]], ids=" ".join)
def test_what_reads_man_pages_finds_nothing_wrong(section, program):
    """Each of them, where it is installed; that it is one page with its title is asked everywhere."""
    source = page(section)
    assert source.startswith(".TH WATCHER")
    if shutil.which(program[0]):
        done = subprocess.run(program, input=source, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("", "")
