"""The screen of `status`: what is the matter comes first, with what to do, and nothing else is called a matter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watcher.cli.concerns import concerns
from watcher.cli.glance import Glance
from watcher.cli.status import MOST, show
from watcher.model import Condition, Silence
from watcher.standing import AccountStanding, Process, SinkStanding, SourceStanding, Standing
from watcher.store.outbox import Pause

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
LEADS = "azur/apimo.leads/101"


def ago(**span):
    """A moment before now."""
    return NOW - timedelta(**span)


SOURCE = SourceStanding(LEADS, 60.0, ago(days=9), ago(seconds=40), ago(hours=3), None, 100, 1, 0, None, "", ())
SINK = SinkStanding("crm", "webhook", 0, None, 0, None, ())
WELL = Standing(Process(True, 3700.0, 1), (SOURCE,), (SINK,), (AccountStanding("azur", 1000, 400),), ())
VIEW = Glance(Path("config.toml"), Path("watcher.db"), Path("watcher.sock"), ZoneInfo("Europe/Paris"), "fr")


def source(**facts):
    """All is well but for a source."""
    return replace(WELL, sources=(replace(SOURCE, **facts),))


def sink(**facts):
    """All is well but for a sink."""
    return replace(WELL, sinks=(replace(SINK, **facts),))


def trouble(kind, subject):
    """A trouble of four hours."""
    return Condition(kind, subject, ago(hours=4), "the detail")


FAILING, HELD, LOW = trouble("source-failing", LEADS), trouble("removals-held", LEADS), trouble("budget-low", "azur")
REFUSED = trouble("sink-failing", "crm")

MATTERS = [
    (replace(WELL, process=Process()), "bad", "not running", "`watcher run`"),
    (replace(WELL, process=Process(True, 9.0, 1, ("c.toml:1: x",))), "bad", "broken, the old one works on: c.toml:1", "mend"),
    (source(failures=1, last_error="HTTP 500"), "bad", "failed once: HTTP 500", "tried again by itself"),
    (
        source(failures=9, failing_since=ago(hours=2), last_error="HTTP 503", troubles=(FAILING,)),
        "bad",
        "failing for 2 h, 9 times in a row: HTTP 503",
        "tried again by itself",
    ),
    (source(failures=2, last_error="HTTP 401", troubles=(FAILING,)), "bad", "HTTP 401", f"new key, then `watcher poll {LEADS}`"),
    (source(troubles=(HELD,)), "bad", "removals-held, 4 h ago: the detail", f"`watcher confirm {LEADS}`"),
    (source(paused=Pause(ago(hours=8), "they move", True)), "warn", "paused for 8 h: they move", f"`watcher resume {LEADS}`"),
    (source(baselined_at=None), "warn", "not read to its end yet", "`watcher sources`"),
    (
        sink(owed=31, oldest=ago(hours=3), paused=Pause(ago(hours=3), "HTTP 401"), troubles=(REFUSED,)),
        "bad",
        "refused us and is paused for 3 h, 31 messages waiting: HTTP 401",
        "`watcher sink test crm`",
    ),
    (sink(paused=Pause(ago(hours=1), "", True)), "warn", "paused for 1 h, nothing is waiting", "`watcher resume crm`"),
    (sink(troubles=(REFUSED,)), "bad", "sink-failing, 4 h ago", "`watcher sink test crm`"),
    (sink(dead=4), "bad", "4 messages given up", "`watcher dead redrive --sink crm`"),
    (sink(owed=2, oldest=ago(minutes=11)), "warn", "2 messages owed, the oldest since 11 min", "`watcher deliveries --sink crm"),
    (sink(type=None, owed=2, held=1), "bad", "3 messages parked", "`watcher dead drop --parked --sink crm`"),
    (sink(type=None, held=1), "bad", "1 message parked", "put it back"),
    (sink(maybe_twice=2), "warn", "2 messages maybe told twice", "`watcher deliveries --sink crm`"),
    (replace(WELL, accounts=(AccountStanding("azur", 1000, 901),)), "warn", "99 of 1000 requests left", "`watcher plan`"),
    (replace(WELL, accounts=(AccountStanding("azur", 1000, 1000),)), "bad", "0 of 1000 requests left", "midnight in Paris"),
    (replace(WELL, troubles=(LOW,)), "bad", "budget-low, 4 h ago", "`watcher plan`"),
    (replace(WELL, troubles=(trouble("store-failing", "store"),)), "bad", "store-failing", "make room"),
    (replace(WELL, troubles=(trouble("unheard-of", "x"),)), "bad", "unheard-of", "`watcher doctor`"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "level", "what", "remedy"), MATTERS, ids=[what for _, _, what, _ in MATTERS])
def test_each_matter_is_said_once_with_what_to_do(found, level, what, remedy):
    """One matter, one line, one remedy that names the command."""
    (only,) = concerns(found, NOW)
    assert only.level == level
    assert what in only.what
    assert remedy in only.remedy


@pytest.mark.parametrize("found", [found for found, *_ in MATTERS], ids=[what for _, _, what, _ in MATTERS])
def test_what_is_not_well_is_a_bad_matter(found):
    """The exit code and the screen say the same; a budget that is spent is a matter, and not yet trouble."""
    bad = any(one.level == "bad" for one in concerns(found, NOW))
    assert found.well is not bad or found.accounts[0].left == 0


@pytest.mark.parametrize(
    "found",
    [
        WELL,
        sink(owed=2, oldest=ago(minutes=9)),
        sink(held=7),
        sink(type=None),
        replace(WELL, accounts=(AccountStanding("riviera", None, 99999),)),
    ],
    ids=["well", "owed for a moment", "held by a rule", "not configured any more", "no budget"],
)
def test_what_goes_its_way_is_no_matter(found):
    """Nobody is to be worried by it."""
    assert concerns(found, NOW) == []
    assert found.well


def test_the_worst_comes_first():
    """Whatever its place on the screen."""
    found = replace(
        source(baselined_at=None),
        sinks=(replace(SINK, dead=1),),
        troubles=(trouble("store-failing", "store"),),
    )
    assert [one.level for one in concerns(found, NOW)] == ["bad", "bad", "warn"]


def test_a_trouble_of_a_source_is_not_said_twice():
    """It is in the list of all troubles, too."""
    found = replace(source(failures=3, last_error="x", troubles=(FAILING, HELD)), troubles=(FAILING, HELD, LOW))
    assert [one.subject for one in concerns(found, NOW)] == [LEADS, LEADS, "azur"]


def shown(found, capsys):
    """The screen."""
    show(VIEW, found, [], NOW)
    return capsys.readouterr().out


def test_a_screen_without_matters_says_so_first(capsys):
    """The first line is all that one has to read."""
    first, *rest = shown(WELL, capsys).splitlines()
    assert first == "watcher works, and all is well"
    assert "  1 of 1 ok; each read within the last 40 s" in rest
    assert "  azur  ############........  600 of 1000" in rest


def test_a_source_that_was_never_read_is_not_said_to_have_been(capsys):
    """Of two that are to be read, one never was: the screen does not say `each`."""
    other = replace(
        SOURCE, name="azur/apimo.leads/102", baselined_at=None, read_at=None, failures=1, last_error="HTTP 401"
    )
    out = shown(replace(WELL, sources=(SOURCE, other)), capsys)
    assert "each read" not in out
    assert "1 of 2 ok, 1 failing; 1 never read, the others within the last 40 s" in out


def test_a_screen_with_matters_has_them_at_the_top(capsys):
    """Marked by a sign, for those who see no colours; before any table."""
    lines = shown(replace(sink(dead=4), sources=(replace(SOURCE, baselined_at=None),)), capsys).splitlines()
    assert lines[0] == "watcher is in trouble: 1 matter, and 1 to look at"
    assert lines[3] == "!  crm: 4 messages given up"
    assert lines[4].startswith("   -> `watcher dead list --sink crm`")
    assert lines[5] == f"-  {LEADS}: not read to its end yet"
    assert lines.index("Sources") > 5


def test_a_screen_stays_a_screen(capsys):
    """Where a hundred sources fail, the first are named and the others counted."""
    many = tuple(replace(SOURCE, name=f"azur/apimo.leads/{number}", failures=1) for number in range(100))
    out = shown(replace(WELL, sources=many), capsys)
    assert out.count("failed once") == MOST
    assert f"and {100 - MOST} more" in out
    assert "  0 of 100 ok, 100 failing" in out


def test_silences_and_what_waits_are_on_the_screen(capsys):
    """They explain why nobody is told."""
    silence = Silence(3, {"sink": "crm"}, "ops", "we move", ago(hours=1), NOW + timedelta(hours=2))
    out = shown(replace(sink(held=7, owed=1, oldest=ago(minutes=2)), silences=(silence,)), capsys)
    assert "  3  ends in 2 h  sink=crm  ops: we move" in out
    assert "  crm   ok     1     2 min ago  7     0" in out
