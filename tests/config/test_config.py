"""A good configuration becomes frozen values; where files are looked for; what is warned of."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from watcher import config
from watcher.config import ConfigMissing, find, load
from watcher.errors import ConfigError
from watcher.expressions import check, constant
from watcher.model import SourceName
from watcher.sinks import SINKS, sink_types
from watcher.streams import catalogue
from watcher.templates import check_template
from watcher.units import Rate, Secret

EXAMPLE = Path(__file__).parents[2] / "config.toml"

AZUR = '[accounts.azur]\napi = "apimo"\nprovider = 9999\ntoken = { credential = "token" }\n'
RIVIERA = '[accounts.riviera]\napi = "adlead"\ntenant = "client-a"\nkey = { env = "KEY" }\n'
LOG = '[sinks.log]\ntype = "lines"\npath = "-"\n'
RULE = '[[rules]]\nname = "all"\non = ["*"]\nto = ["log"]\n'
LEADS = '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [101, "b-2"]\n'
PURCHASES = '[[sources]]\naccount = "riviera"\nstream = "purchases"\nprograms = [1]\n'


# ---------------------------------------------------------------------------------------------------------- the example


def test_the_example_works(desk):
    """The config.toml that is shipped loads with our own sinks, streams and conditions, and has nothing to warn of."""
    shutil.copy(EXAMPLE, desk.directory)
    for name, value in {
        "apimo-token": "token",
        "adlead-key": "key",
        "slack-webhook": "https://hooks.slack.com/services/T0/B0/x",
        "smtp-password": "password",
        "crm-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }.items():
        desk.write(f"credentials/{name}", f"{value}\n")
    loaded = load(
        Path("config.toml"),
        sink_types=sink_types(),
        event_types=catalogue(),
        check_condition=check,
        check_template=check_template,
        constant=constant,
        environ=desk.environ,
    )
    assert (loaded.warnings, loaded.remarks) == ((), ())
    assert [str(source.name) for source in loaded.sources] == [
        "azur/apimo.leads/101",
        "azur/apimo.leads/102",
        "azur/apimo.contracts/101",
        "azur/apimo.contracts/102",
        "riviera/adlead.purchases/1",
        "riviera/adlead.purchases/2",
    ]


# ---------------------------------------------------------------------------------------------------------- the values


def test_nothing_at_all_has_defaults(desk):
    """An empty file is a configuration: French, in Paris, its store beside it."""
    loaded = desk.load("")
    assert (loaded.timezone, loaded.language) == (ZoneInfo("Europe/Paris"), "fr")
    assert loaded.state_path == Path("watcher.db")
    assert loaded.status_listen == "127.0.0.1:9417"
    assert (loaded.accounts, loaded.sources, loaded.sinks, loaded.operator, loaded.rules) == ({}, (), {}, (), ())


def test_accounts_have_their_vendors_limits(desk):
    """Left out, the limits and addresses are the vendors' documented ones."""
    accounts = desk.load(AZUR + RIVIERA).accounts
    azur, riviera = accounts["azur"], accounts["riviera"]
    assert (azur.provider, azur.token, azur.base_url) == ("9999", Secret("t0ken"), "https://api.apimo.pro")
    assert (azur.max_rate, azur.budget) == (Rate(10, 1), Rate(1000, 86400))
    assert (riviera.tenant, riviera.key) == ("client-a", Secret("k3y"))
    assert riviera.base_url == "https://api.adlead.immo/v1"
    assert (riviera.max_rate, riviera.budget) == (Rate(50, 60), None)


def test_a_budget_can_be_lifted_or_set(desk):
    """`false` lifts a budget, and any API can be given one."""
    accounts = desk.load(AZUR + "budget = false\n" + RIVIERA + 'budget = "5000/day"\n').accounts
    assert (accounts["azur"].budget, accounts["riviera"].budget) == (None, Rate(5000, 86400))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080/apimo//", "http://[::1]:8080/apimo"),
        ("https://proxy.example.fr:8443/apimo", "https://proxy.example.fr:8443/apimo"),
    ],
)
def test_an_address_may_be_another(desk, written, kept):
    """http:// is for loopback; a slash at the end does not matter."""
    assert desk.load(f'{AZUR}base_url = "{written}"\n').accounts["azur"].base_url == kept


def test_sources_are_one_a_partition(desk):
    """[[sources]] becomes a source for each agency or programme, each with the whole schedule and its place."""
    more = 'every = "300ms"\nbaseline = "emit"\nreconcile = "12h"\nlookback = "0s"\nsilent_after = "2d"\n'
    first, second, third = desk.load(AZUR + RIVIERA + LEADS + more + PURCHASES).sources
    assert (first.name, second.name) == (
        SourceName("azur", "apimo.leads", "101"),
        SourceName("azur", "apimo.leads", "b-2"),
    )
    assert (first.every, first.baseline) == (timedelta(milliseconds=300), "emit")
    assert (first.reconcile, first.lookback, first.silent_after) == (
        timedelta(hours=12),
        timedelta(0),
        timedelta(days=2),
    )
    assert third.name == SourceName("riviera", "adlead.purchases", "1")
    assert (third.every, third.baseline, third.reconcile, third.lookback) == (None, "silent", None, None)
    assert (first.file, first.line, third.line) == (Path("config.toml"), 9, 18)


def test_a_schedule_has_defaults(desk):
    """What is read by cursor is reconciled once a day and looks back five minutes."""
    source = desk.load(AZUR + LEADS).sources[0]
    assert (source.every, source.silent_after, source.baseline) == (None, None, "silent")
    assert (source.reconcile, source.lookback) == (timedelta(hours=24), timedelta(seconds=300))


@pytest.mark.parametrize("written", ['"2026-11-01"', "2026-11-01"])
def test_a_baseline_may_be_a_date(desk, written):
    """A day from which on things are told, in quotes or not."""
    assert desk.load(f"{AZUR}{LEADS}baseline = {written}\n").sources[0].baseline == date(2026, 11, 1)


def test_sinks_are_what_their_type_says(desk):
    """A sink's table becomes its type's settings: renamed keys, choices, secrets of one or two, texts for secrets."""
    sinks = desk.load(
        '[sinks.mail]\ntype = "mail"\nhost = "h"\nfrom = "a@example.fr"\nto = ["b@example.fr"]\ntls = "implicit"\n'
        '[sinks.crm]\ntype = "hook"\nurl = "https://crm.example.fr"\nsecret = [{ env = "KEY" }, { credential = "token" }]\n'
        '[sinks.erp]\ntype = "hook"\nurl = { env = "KEY" }\nsecret = { credential = "token" }\nheaders = { X-One = "1" }\n'
        '[sinks.log]\ntype = "lines"\npath = "a.jsonl"\nshare = 1\nflush = "1m"\nmax_rate = "5/s"\nflood = false\n'
    ).sinks
    assert (sinks["mail"].from_, sinks["mail"].to, sinks["mail"].tls) == ("a@example.fr", ("b@example.fr",), "implicit")
    assert (sinks["crm"].url, sinks["crm"].secret) == ("https://crm.example.fr", [Secret("k3y"), Secret("t0ken")])
    assert (sinks["erp"].url, sinks["erp"].secret) == (Secret("k3y"), Secret("t0ken"))
    assert sinks["erp"].headers == {"X-One": "1"}
    assert (sinks["log"].path, sinks["log"].share, sinks["log"].flush) == (Path("a.jsonl"), 1.0, timedelta(minutes=1))
    assert (sinks["log"].max_rate, sinks["log"].flood, sinks["log"].at_once) == (Rate(5, 1), None, 4)


def test_the_operator_is_everybody_unless_said(desk):
    """Without [operator] every sink hears of watcher's own troubles."""
    two = LOG + '[sinks.other]\ntype = "lines"\npath = "b"\n'
    assert desk.load(two).operator == ("log", "other")
    assert desk.load(two + '[operator]\nto = ["other"]\n').operator == ("other",)


def test_privacy_is_by_stream(desk):
    """[privacy] says which fields are dropped and which are hashed."""
    policy = desk.load('[privacy]\n"apimo.leads" = { drop = ["email"], hash = ["phone"] }\n').privacy["apimo.leads"]
    assert (policy.drop, policy.hash) == (("email",), ("phone",))


@pytest.mark.parametrize(
    "listen", ["", "127.0.0.1:0", "localhost:9417", "[::1]:9417", "127.1.2.3:80", "unix:/run/w.sock"]
)
def test_the_status_stays_on_this_machine(desk, listen):
    """The pages are served on loopback, on a socket of the machine, or nowhere."""
    assert desk.load(f'[status]\nlisten = "{listen}"\n').status_listen == listen


# ---------------------------------------------------------------------------------------------------------------- rules


def test_rules_are_in_order(desk):
    """config.toml's rules come first, then those of the files by name, each with its place; a pattern may be shared."""
    desk.write("rules/b.toml", RULE.replace("all", "b"))
    desk.write(
        "rules/a.toml", "\n" + RULE.replace("all", "a1") + RULE.replace("all", "a2") + 'when = "record.parent"\n'
    )
    loaded = desk.load('rule_files = ["rules/b.toml", "rules/*.toml", "*.toml"]\n' + LOG + RULE)
    assert [(rule.name, str(rule.file), rule.line) for rule in loaded.rules] == [
        ("all", "config.toml", 5),
        ("a1", "rules/a.toml", 2),
        ("a2", "rules/a.toml", 6),
        ("b", "rules/b.toml", 1),
    ]
    assert (loaded.rules[2].when, loaded.rules[2].on, loaded.rules[2].to) == ("record.parent", ("*",), ("log",))
    assert loaded.files == (Path("config.toml"), Path("rules/a.toml"), Path("rules/b.toml"))
    assert loaded.rule_files == ("rules/b.toml", "rules/*.toml", "*.toml")


def test_a_condition_is_asked_of_its_own_events(desk):
    """The check of `when` is given the types that the rule hears, in order; all of them when it hears none."""
    asked = []
    desk.write("config.toml", LOG + RULE.replace('"*"', '"lead-*", "new-lead"') + 'when = "x"\n')
    known = {
        "sink_types": desk.types,
        "event_types": ["new-lead", "lead-opened", "lead-closed", "new-contract"],
        "check_condition": lambda when, types: asked.append((when, types)) or [],
        "check_template": lambda text, types: asked.append((text, types)) or [],
        "constant": lambda condition, types: None,
        "environ": {},
    }
    load(Path("config.toml"), **known)
    assert asked.pop() == ("x", ("lead-closed", "lead-opened", "new-lead"))
    desk.write("config.toml", LOG + RULE.replace('"*"', '"zzz"') + 'when = "x"\n')
    with pytest.raises(ConfigError):
        load(Path("config.toml"), **known)
    assert asked == [("x", ("lead-closed", "lead-opened", "new-contract", "new-lead"))]


# ------------------------------------------------------------------------------------------------------ where files are


def test_paths_start_from_the_configuration(desk):
    """Without $STATE_DIRECTORY the store is beside the configuration; rules and secrets in files always are."""
    desk.write("etc/rules/a.toml", RULE)
    desk.write("etc/secrets/token", "fr0m-a-file\r\n")
    text = 'rule_files = ["rules/*.toml"]\n' + AZUR.replace('credential = "token"', 'file = "secrets/token"') + LOG
    loaded = desk.load(text, "etc/config.toml")
    assert (loaded.state_path, loaded.state_directory) == (Path("etc/watcher.db"), Path("etc"))
    assert loaded.accounts["azur"].token == Secret("fr0m-a-file")
    assert loaded.files == (Path("etc/config.toml"), Path("etc/rules/a.toml"), Path("etc/secrets/token"))


@pytest.mark.parametrize("given", ["/var/lib/watcher", "/var/lib/watcher:/var/lib/other"])
def test_the_store_is_where_systemd_says(desk, given):
    """$STATE_DIRECTORY is where the store's and the file sinks' relative paths start; its first entry counts."""
    desk.environ["STATE_DIRECTORY"] = given
    loaded = desk.load('[state]\npath = "db/watcher.db"\n')
    assert loaded.state_path == Path("/var/lib/watcher/db/watcher.db")
    assert loaded.state_directory == Path("/var/lib/watcher")


def test_an_absolute_path_stands(desk):
    """A path that is absolute is not moved."""
    desk.environ["STATE_DIRECTORY"] = "/var/lib/watcher"
    rules = desk.write("elsewhere/r.toml", RULE)
    loaded = desk.load(f'rule_files = ["{rules}"]\n[state]\npath = "/srv/watcher.db"\n' + LOG)
    assert loaded.state_path == Path("/srv/watcher.db")
    assert loaded.files[1] == rules


def test_the_configuration_is_found(desk, monkeypatch):
    """The one that is named, else config.toml here, else the system's, else none: and that is an error of its own."""
    system = desk.directory / "etc/config.toml"
    monkeypatch.setattr(config, "SYSTEM", system)
    with pytest.raises(ConfigMissing) as missing:
        find(None)
    assert missing.value.complaints == (f"config.toml nor {system}: no such file; write one, or name it with --config",)
    desk.write("etc/config.toml", "")
    assert find(None) == system
    desk.write("config.toml", "")
    assert find(None) == Path("config.toml")
    assert find("etc/config.toml") == Path("etc/config.toml")
    with pytest.raises(ConfigMissing):
        find("other.toml")
    with pytest.raises(ConfigMissing):
        find("config.toml/config.toml")


def test_a_configuration_that_vanished(desk):
    """A configuration that is gone when it is to be read is missing, not broken."""
    with pytest.raises(ConfigMissing) as missing:
        desk.load()
    assert missing.value.complaints == ("config.toml: cannot be read (No such file or directory); mend the path",)


# -------------------------------------------------------------------------------------------------------------- secrets


def test_a_secret_shows_itself_to_nobody(desk):
    """Neither the configuration's text nor any part of it shows a secret."""
    loaded = desk.load(
        AZUR + RIVIERA + '[sinks.crm]\ntype = "hook"\nurl = { env = "KEY" }\nsecret = [{ env = "KEY" }]\n'
    )
    shown = repr(loaded) + str(loaded) + repr(loaded.accounts["azur"]) + str(loaded.sinks["crm"])
    assert "t0ken" not in shown
    assert "k3y" not in shown
    assert "***" in shown


@pytest.mark.parametrize("found", ["two\nlines", "nul\0", "tab\t", "\x1b[0m", "sep\u2028", "two\n\n"])
def test_a_secret_is_one_line(desk, found):
    """Control characters in a secret are refused: they would end up in a request's header. The secret is not shown."""
    desk.environ["KEY"] = found
    (complaint,) = desk.complaints(RIVIERA)
    assert complaint == (
        "config.toml:4: [accounts.riviera] key: the environment's KEY holds more than one line, or a control character; "
        "keep the secret only"
    )


@pytest.mark.parametrize("found", ["", "\n", " \n"])
def test_a_secret_is_something(desk, found):
    """An empty credential is refused, by its name."""
    desk.write("credentials/token", found)
    assert desk.complaints(AZUR) == [
        'config.toml:4: [accounts.azur] token: credential "token" is empty; put the secret in it'
    ]


def test_a_secret_that_is_no_text(desk):
    """A credential in another encoding is refused without its bytes."""
    desk.write("credentials/token", b"\xff\xfe")
    assert desk.complaints(AZUR) == [
        'config.toml:4: [accounts.azur] token: credential "token" is not UTF-8 text; save it as UTF-8'
    ]


def test_credentials_without_systemd(desk):
    """Outside of systemd the complaint says how a credential comes about."""
    del desk.environ["CREDENTIALS_DIRECTORY"]
    assert desk.complaints(AZUR) == [
        (
            'config.toml:4: [accounts.azur] token: no credential "token": $CREDENTIALS_DIRECTORY is not set; give it with '
            "systemd's LoadCredential=token:PATH, or point the variable at a directory"
        )
    ]


def test_a_secret_that_cannot_be_read(desk):
    """Where something is in the way of a secret, the complaint says what."""
    path = desk.write("credentials/token", "t0ken")
    path.unlink()
    path.mkdir()
    (complaint,) = desk.complaints(AZUR)
    assert "Is a directory" in complaint


# ------------------------------------------------------------------------------------------------------------- warnings


def test_what_is_hardly_meant_is_warned_of(desk):
    """An account that nothing is read from, a sink that nobody tells, no operator, no rules: each with its place."""
    loaded = desk.load(AZUR + LOG + "[operator]\nto = []\n")
    assert loaded.warnings == (
        'config.toml:1: [accounts.azur]: nothing is read from it; add [[sources]] with account = "azur"',
        "config.toml:1: rules: nobody is told of anything; add [[rules]]",
        "config.toml:5: [sinks.log]: no rule and no [operator] tells it anything; name it in a rule's `to`",
        "config.toml:9: [operator] to: nobody hears when watcher itself is in trouble; name a sink",
    )


def test_an_account_that_a_sink_writes_to_is_used(desk):
    """An account that only a sink needs is no mistake."""
    form = '[sinks.form]\ntype = "form"\naccount = "azur"\nagency = 101\n'
    assert desk.load(AZUR + form + RULE.replace("log", "form")).warnings == ()


def test_a_budget_that_cannot_be_kept_is_warned_of(desk):
    """More requests than the day has: the warning says how many, and the shortest `every` that fits, which does fit."""
    text = AZUR + LEADS + 'every = "60s"\n' + LOG + RULE
    assert desk.load(text).warnings == (
        (
            "config.toml:9: [[sources]] every: the sources of azur ask for 2882 requests a day, its budget is 1000; the "
            'shortest that fits is "174s"'
        ),
    )
    assert desk.load(text.replace("60s", "174s")).warnings == ()
    assert desk.load(text.replace("60s", "173s")).warnings != ()
    assert desk.load(text.replace('every = "60s"\n', "")).warnings == ()
    assert desk.load(AZUR + "budget = false\n" + text[len(AZUR) :]).warnings == ()


def test_reconciles_alone_can_be_too_many(desk):
    """When the full reads alone take the budget, no `every` helps, and that is what is said."""
    (warning,) = desk.load(AZUR + LEADS + 'reconcile = "1m"\n' + LOG + RULE).warnings
    assert warning.endswith("its budget is 1000; reconcile less often")


# ------------------------------------------------------------------------------------------------------------ as a whole


def test_the_same_file_gives_the_same_configuration(desk):
    """Two readings of one file are equal, so that a reload can tell that nothing changed."""
    text = AZUR + RIVIERA + LEADS + PURCHASES + LOG + RULE
    assert desk.load(text) == desk.load()
    assert desk.load(text) != desk.load(text + 'when = "record.id"\n')


def test_a_configuration_is_frozen(desk):
    """What was checked cannot be changed afterwards."""
    loaded = desk.load(AZUR + LEADS)
    for value, name in ((loaded, "rules"), (loaded.accounts["azur"], "token"), (loaded.sources[0], "every")):
        with pytest.raises(AttributeError):
            setattr(value, name, None)


def test_cases_beside_files_of_rules_are_not_read_as_rules(desk):
    """`rules/*.toml` does not mean `rules/leads.test.toml`: that holds cases for `watcher test`."""
    desk.write("rules/leads.toml", RULE)
    desk.write("rules/leads.test.toml", "[[cases]]\nname = 'x'\n")
    loaded = desk.load('rule_files = ["rules/*.toml"]\n' + LOG)
    assert len(loaded.rules) == 1
    assert all(not str(path).endswith(".test.toml") for path in loaded.files)


def test_who_tries_rules_needs_no_secrets(desk):
    """With `spare_secrets` a variable, a credential and a file that are not there are no mistakes; others still are."""
    desk.types = SINKS
    absent = AZUR.replace('credential = "token"', 'file = "secrets/none"')
    hook = '[sinks.h]\ntype = "webhook"\nurl = { env = "NOWHERE" }\nsecret = [{ credential = "a" }, { credential = "b" }]\n'
    desk.write("config.toml", absent + hook)
    assert len(desk.complaints()) == 4
    assert set(desk.load(spare_secrets=True).sinks) == {"h"}
    desk.write("config.toml", absent.replace('file = "secrets/none"', 'env = "not a name"') + hook)
    with pytest.raises(ConfigError) as refused:
        desk.load(spare_secrets=True)
    assert len(refused.value.complaints) == 1
