"""The sinks as config.toml has them: what is said of mistakes, and where; what docs/sinks.md says."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from watcher.config import Config, load
from watcher.errors import ConfigError
from watcher.expressions import check, constant
from watcher.sinks import SINKS
from watcher.sinks.apimo_lead import FIELDS
from watcher.streams import catalogue
from watcher.templates import check_template

PAGE = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text(encoding="utf-8")
ACCOUNTS = """
[accounts.azur]
api = "apimo"
provider = 9999
token = { env = "TOKEN" }

[accounts.riviera]
api = "adlead"
tenant = "client-a"
key = { env = "TOKEN" }
"""
LEAD = """
[sinks.agency]
type    = "apimo_lead"
account = "azur"
agency  = 101

[sinks.agency.fields]
city     = "Nice"
lastname = "{{ record.lastname }}"
"""


def configured(directory: Path, text: str, *, spare_secrets: bool = False) -> Config:
    """Load a configuration as the daemon does."""
    path = directory / "config.toml"
    path.write_text(text)
    return load(
        path,
        sink_types=SINKS,
        event_types=catalogue(),
        check_condition=check,
        check_template=check_template,
        constant=constant,
        environ={"TOKEN": "x"},
        spare_secrets=spare_secrets,
    )


def complaints(directory: Path, text: str) -> list[str]:
    """What is said of it, without the directory."""
    with pytest.raises(ConfigError) as refused:
        configured(directory, text)
    return [text.replace(f"{directory}/", "") for text in refused.value.complaints]


def test_a_template_of_a_lead_is_found_at_its_own_line(tmp_path: Path) -> None:
    """With the key, and the nearest right name."""
    said = complaints(tmp_path, LEAD.replace("record.lastname", "record.lastnam") + ACCOUNTS)
    assert said == ["config.toml:9: [sinks.agency.fields] lastname: record has no 'lastnam'; did you mean 'lastname'?"]


def test_a_lead_is_written_to_an_account_of_apimo(tmp_path: Path) -> None:
    """Neither to one of another API nor to one that is not there."""
    said = complaints(tmp_path, LEAD.replace('"azur"', '"riviera"') + ACCOUNTS)
    assert said == ['config.toml:4: [sinks.agency] account: "riviera" is of adlead; name an account of apimo']
    said = complaints(tmp_path, LEAD.replace('"azur"', '"azurr"') + ACCOUNTS)
    assert said == ['config.toml:4: [sinks.agency] account: no account "azurr"; did you mean "azur"?']


def test_what_writes_to_an_account_does_not_hear_of_troubles_by_itself(tmp_path: Path) -> None:
    """A lead that says that a source is failing is none."""
    log = '[sinks.log]\ntype = "file"\npath = "-"\n'
    assert configured(tmp_path, LEAD + ACCOUNTS + log).operator == ("log",)


@pytest.mark.parametrize("name", sorted(SINKS))
def test_the_page_names_every_setting(name: str) -> None:
    """Those of each type in its own chapter, those of all before."""
    everybodys, *chapters = re.split(r"^## (?!What all)", PAGE, flags=re.MULTILINE)
    chapter = next(text for text in chapters if text.startswith(f"{name}\n"))
    for field in msgspec.structs.fields(SINKS[name].settings):
        key = field.encode_name
        assert re.search(rf"^{key} +=|`{key}`", everybodys + chapter, re.MULTILINE), key


def test_the_page_names_every_field_of_a_lead() -> None:
    """As Apimo spells them."""
    assert [name for name in FIELDS if f"`{name}`" not in PAGE] == []


def test_what_the_page_shows_can_be_copied(tmp_path: Path) -> None:
    """All its examples together are a configuration, once the secrets are there."""
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == len(SINKS)
    text = "\n".join(examples).replace('{ credential = "apprise-url" }', '"tgram://123456789:abcdefg_hijklmnop/1231/"')
    assert len(configured(tmp_path, text + ACCOUNTS, spare_secrets=True).sinks) == len(SINKS) + 1


def test_secrets_that_are_spared_make_no_mistakes(tmp_path: Path) -> None:
    """Whoever tries rules needs none of them, of any type."""
    text = "\n".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)) + ACCOUNTS
    assert len(configured(tmp_path, text, spare_secrets=True).sinks) == len(SINKS) + 1
