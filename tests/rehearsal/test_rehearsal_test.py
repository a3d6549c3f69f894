"""`watcher test`: what it prints, its exit codes, its speed."""

import asyncio
import os
import re
import time
from pathlib import Path

import msgspec
import pytest
from figures import about
from rehearsal_site import LEADS, ONE_LEAD, decoded

from watcher.cli.common import configured
from watcher.rehearsal.casefile import read_cases
from watcher.rehearsal.casekeys import CaseKeys, ExpectKeys, GivenKeys, MessageKeys, SilenceKeys, SilentKeys
from watcher.rehearsal.cases import play
from watcher.rehearsal.stage import Cast
from watcher.rehearsal.verdicts import judged
from watcher.sinks import sink_types

GOOD = ONE_LEAD + 'messages = [{ to = "sales", event = "new-lead" }]\n'
BAD = ONE_LEAD.replace('"a lead"', '"no lead"') + "messages = []\n"


def test_cases_that_pass_are_a_line_each(site, call):
    """The files beside the configuration are found; a line a case, a line for all, exit code 0."""
    site.cases(GOOD)
    done = call("test")
    assert done.exit_code == 0, done.output
    first, last = done.stdout.splitlines()
    assert first == "ok    a lead"
    assert last.startswith("1 passed, 0 failed in ")


def test_a_case_that_fails_says_where_it_is_and_why(site, call):
    """The file, the line, the difference and the reason; the exit code is 1."""
    site.cases(GOOD + BAD)
    done = call("test")
    assert done.exit_code == 1
    assert "FAIL  no lead  (rules.test.toml:10)" in done.stdout
    assert "+ 2026-11-21 12:00  sales  new-lead" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed, 1 failed in ")


def test_a_mistake_in_a_file_of_cases_is_data_that_cannot_be_used(site, call):
    """Every mistake on a line of its own, on standard error, and exit code 65."""
    site.cases(GOOD.replace('"sales"', '"sails"').replace("lastname", "lastnam"))
    done = call("test")
    assert (done.exit_code, done.stdout) == (65, "")
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["6", "8"]


def test_without_cases_it_says_where_it_looked(site, call):
    """No file of cases is no success."""
    done = call("test")
    assert done.exit_code == 1
    assert "there are no cases (*.test.toml, *.test.yaml, *.test.yml)" in done.stderr


def test_files_may_be_named(site, call):
    """Only the files that are named are played."""
    site.cases(BAD)
    site.cases(GOOD, "other.toml")
    assert call("test", "other.toml").exit_code == 0


def test_yaml_beside_the_configuration_is_found(site, call):
    """Both endings of YAML."""
    site.cases("cases:\n- name: a lead\n  given: [{at: 2026-11-21 12:00}]\n  expect: {messages: []}\n", "a.test.yml")
    assert "1 passed" in call("test").stdout


def test_the_cases_as_json(site, call):
    """For a script: each case, whether it passed, what came and why."""
    site.cases(GOOD + BAD)
    done = call("test", "--json")
    answer = decoded(done.stdout)
    assert done.exit_code == 1
    assert (answer["passed"], answer["failed"]) == (1, 1)
    assert [case["passed"] for case in answer["cases"]] == [True, False]
    (message,) = answer["cases"][0]["messages"]
    assert (message["to"], message["event"], message["rule"]) == ("sales", "new-lead", "hot leads")
    assert message["why"].startswith("not record.parent")


def test_neither_secrets_nor_a_store_are_needed(site, call, monkeypatch):
    """The configuration names secrets that nobody has; nothing is left behind."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    site.cases(GOOD)
    before = sorted(site.directory.iterdir())
    assert call("test").exit_code == 0
    assert sorted(site.directory.iterdir()) == before
    assert call("check").exit_code == 78  # which does want them


def test_secrets_that_are_here_stay_as_they_are(site, call, monkeypatch, tmp_path_factory):
    """What stands in for a secret is gone afterwards, and what was given is still given."""
    given = tmp_path_factory.mktemp("credentials")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    site.cases(GOOD)
    assert call("test").exit_code == 0
    assert os.environ["CREDENTIALS_DIRECTORY"] == str(given)
    assert "A_KEY_THAT_NOBODY_HAS" not in os.environ


def test_a_broken_rule_is_refused_before_any_case(site, call):
    """The rules have to be good: exit code 78, as `check` says."""
    site.write(LEADS.replace("record.parent", "record.parnt"))
    site.cases(GOOD)
    done = call("test")
    assert done.exit_code == 78
    assert "parnt" in done.stderr


def test_a_hundred_cases_are_played(site, call):
    """As many as there are; what they take is printed (the time is the process's own: the machine may be busy)."""
    site.cases("".join(GOOD.replace('"a lead"', f'"lead {number}"') for number in range(100)))
    began = time.process_time()
    done = call("test")
    took = time.process_time() - began
    about("rules tried")["100 cases"] = f"{took:.2f} s of processor time"
    assert "100 passed, 0 failed" in done.stdout


# ------------------------------------------------------------------------------------------------------ what is shipped

ROOT = Path(__file__).parents[2]


def played(path):
    """What is wrong with the cases of a file, played on the shipped configuration."""
    config = configured(str(ROOT / "config.toml"), spare_secrets=True)

    async def run():
        async with await Cast.of(config, sink_types()) as cast:
            cases = read_cases([path], config)
            return {case.name: judged(case, await play(case, cast), config.timezone).wrong for case in cases}

    return asyncio.run(run())


def test_the_shipped_cases_pass():
    """`watcher test` passes on the shipped configuration: each of its cases."""
    found = played(ROOT / "rules.test.toml")
    assert len(found) >= 5
    assert set(found.values()) == {()}


@pytest.mark.parametrize(("language", "ending"), [("toml", "test.toml"), ("yaml", "test.yaml")])
def test_the_documented_cases_pass(tmp_path, language, ending):
    """The cases that users copy from docs/trying.md are good for the shipped configuration."""
    examples = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "trying.md").read_text(), re.DOTALL)
    assert examples
    for example in examples:
        (tmp_path / f"doc.{ending}").write_text(example)
        assert set(played(tmp_path / f"doc.{ending}").values()) == {()}


def test_every_key_of_a_case_is_documented():
    """A key that users cannot look up does not exist."""
    text = (ROOT / "docs" / "trying.md").read_text()
    for shape in (CaseKeys, GivenKeys, ExpectKeys, MessageKeys, SilentKeys, SilenceKeys):
        for info in msgspec.structs.fields(shape):
            assert f"`{info.encode_name}`" in text, info.encode_name
